"""Logging in and out, sessions, the language."""

import pyotp
import pytest

from telehealth.access import confirming, recovery, sessions
from telehealth.access.passwords import MAX_LENGTH
from telehealth.access.policy import Role
from tests.authenticator import SoftKey
from tests.webui import people
from tests.webui.conftest import Site, Visitor, Visitors
from tests.webui.pages import at_localhost, data_of, secret_of, set_up_totp

NEW = "trâu nhà ai gặm cỏ"
STAFF = {"login": "bs.mai", "password": people.PASSWORD}


@pytest.fixture(autouse=True)
def strict(site: Site) -> None:
    """Require a second factor of staff, as a server does unless its operator says otherwise."""
    site.services.settings.second_factor = "required"


@pytest.mark.parametrize(
    ("login", "home"), [("bs.mai", "/doctor"), ("hoa", "/patient"), ("quantri", "/admin")]
)
async def test_everybody_lands_on_the_page_of_their_role(
    site: Site, visitors: Visitors, login: str, home: str
) -> None:
    offer_only(site)
    visitor = visitors.stranger()
    response = await visitor.post("/login", {"login": login, "password": people.PASSWORD})
    assert (response.status, response.headers["Location"]) == (303, home)
    assert (await visitor.get(home)).status == 200
    assert (await visitor.get("/")).headers["Location"] == home
    assert (await visitor.get("/login")).headers["Location"] == home


@pytest.mark.asvs("3.3.2", "3.3.4")
async def test_the_cookies_cannot_be_read_by_scripts_nor_sent_by_others(
    site: Site, visitors: Visitors
) -> None:
    half = await visitors.stranger().post("/login", STAFF)
    offer_only(site)
    whole = await visitors.stranger().post("/login", STAFF | {"login": " BS.Mai "})
    cookies = [half.cookies["step"], whole.cookies["session"], whole.cookies["device"]]
    for cookie in cookies:
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie["path"] == "/"
        assert not cookie["secure"]
    assert "session" not in half.cookies


@pytest.mark.asvs("3.3.1", "3.3.3")
@pytest.mark.parametrize("name", ["session", "device"])
async def test_over_tls_the_cookies_are_bound_to_this_host(
    site: Site, visitors: Visitors, name: str
) -> None:
    site.services.settings.public_origin = site.origin.replace("http:", "https:")
    visitor = visitors.stranger()
    response = await visitor.http.post(
        site.origin + "/login",
        data={"login": "hoa", "password": people.PASSWORD},
        headers={"Origin": site.services.settings.public_origin},
        allow_redirects=False,
    )
    cookie = response.cookies[f"__Host-{name}"]
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")


@pytest.mark.asvs("7.2.2", "7.2.3")
async def test_only_the_hash_of_the_token_is_stored(visitors: Visitors, site: Site) -> None:
    response = await visitors.stranger().post(
        "/login", {"login": "hoa", "password": people.PASSWORD}
    )
    token = response.cookies["session"].value
    rows = await site.database.read(lambda r: r.rows("SELECT token_hash FROM login_session"))
    assert sessions.token_hash(token) in {bytes(row[0]) for row in rows}
    assert token.encode() not in {bytes(row[0]) for row in rows}


@pytest.mark.asvs("1.2.2", "3.7.2")
@pytest.mark.parametrize(
    "next_path", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", ""]
)
async def test_logging_in_never_leads_to_another_site(visitors: Visitors, next_path: str) -> None:
    response = await visitors.stranger().post(
        "/login", {"login": "hoa", "password": people.PASSWORD, "next": next_path}
    )
    assert response.headers["Location"] == "/patient"


async def test_after_logging_in_one_arrives_where_one_wanted_to_go(visitors: Visitors) -> None:
    response = await visitors.stranger().post(
        "/login", {"login": "hoa", "password": people.PASSWORD, "next": "/security"}
    )
    assert response.headers["Location"] == "/security"


@pytest.mark.parametrize("login", ["bs.mai", "nobody"])
async def test_a_wrong_password_and_an_unknown_name_are_told_alike(
    visitors: Visitors, login: str
) -> None:
    response = await visitors.stranger().post("/login", {"login": login, "password": "wrong"})
    text = await response.text()
    assert response.status == 403
    assert "Tên đăng nhập hoặc mật khẩu không đúng." in text
    assert f'value="{login}"' in text


@pytest.mark.asvs("6.3.1")
@pytest.mark.parametrize("login", ["bs.mai", "nobody"])
async def test_after_some_failures_a_name_waits_even_with_the_right_password(
    visitors: Visitors, login: str
) -> None:
    visitor = visitors.stranger()
    for _ in range(5):
        await visitor.post("/login", {"login": login, "password": "wrong"})
    response = await visitor.post("/login", {"login": login, "password": people.PASSWORD})
    assert response.status == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert "Sai quá nhiều lần" in await response.text()
    other = await visitor.post("/login", {"login": "hoa", "password": people.PASSWORD})
    assert other.status == 303


@pytest.mark.asvs("7.2.2", "7.2.4")
async def test_logging_in_again_ends_the_session_before(visitors: Visitors, site: Site) -> None:
    visitor = visitors.stranger()
    first = await visitor.post("/login", {"login": "hoa", "password": people.PASSWORD})
    await visitor.post("/login", {"login": "hoa", "password": people.PASSWORD})
    other = visitors.stranger()
    other.http.cookie_jar.update_cookies({"session": first.cookies["session"].value})
    assert (await other.get("/patient")).status == 303


@pytest.mark.asvs("7.4.1", "14.3.1")
async def test_logging_out_ends_the_session_for_every_copy_of_the_cookie(
    visitors: Visitors,
) -> None:
    visitor = await visitors.patient()
    copy = visitors.stranger()
    copy.http.cookie_jar.update_cookies({"session": visitor.token})
    assert (await copy.get("/patient")).status == 200
    out = await visitor.post("/logout")
    assert out.headers["Location"] == "/login?out"
    assert out.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert (out.cookies["session"].value, out.cookies["session"]["max-age"]) == ("", "0")
    assert "data-forget" in await (await visitor.get("/login?out")).text()
    assert "data-forget" not in await (await visitor.get("/login")).text()
    assert (await copy.get("/patient")).status == 303


async def test_signing_out_everywhere_ends_this_session_too(visitors: Visitors) -> None:
    here, there, other = (
        await visitors.doctor(), await visitors.doctor(), await visitors.doctor("ac-cover"),
    )  # fmt: skip
    out = await here.post("/sessions/end-all")
    assert out.headers["Clear-Site-Data"]
    assert (await here.get("/doctor")).status == (await there.get("/doctor")).status == 303
    assert (await other.get("/doctor")).status == 200


@pytest.mark.asvs("7.3.1", "7.3.2")
async def test_a_session_dies_of_age_and_of_idleness(site: Site, visitors: Visitors) -> None:
    limits = sessions.LIMITS[Role.DOCTOR]
    for column, limit in (("used_ms", limits.idle_ms), ("expires_ms", 0)):
        visitor = await visitors.doctor()
        assert (await visitor.get("/doctor")).status == 200
        key = sessions.token_hash(visitor.token)
        now_ms = site.now_ms

        await site.database.write(
            lambda tx, c=column, at=now_ms - limit - 1, k=key: tx.execute(  # type: ignore[misc]
                f"UPDATE login_session SET {c} = ? WHERE token_hash = ?",  # noqa: S608
                (at, k),
            )
        )
        assert (await visitor.get("/doctor")).status == 303


async def test_a_clock_set_back_signs_nobody_out_and_idleness_counts_from_the_new_time(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.doctor()
    key = sessions.token_hash(visitor.token)
    tomorrow_ms = site.now_ms + people.DAY
    await site.database.write(
        lambda tx: tx.execute(
            "UPDATE login_session SET used_ms = ? WHERE token_hash = ?", (tomorrow_ms, key)
        )
    )
    assert (await visitor.get("/doctor")).status == 200
    used = await site.database.read(
        lambda r: r.rows("SELECT used_ms FROM login_session WHERE token_hash = ?", (key,))
    )
    assert abs(used[0][0] - site.now_ms) < people.HOUR


@pytest.mark.asvs("7.4.2")
async def test_the_account_of_somebody_who_left_opens_nothing(
    site: Site, visitors: Visitors
) -> None:
    doctor = await visitors.doctor()
    await site.database.write(
        lambda tx: tx.execute("UPDATE account SET disabled_ms = 1 WHERE account_id = 'ac-doctor'")
    )
    assert (await doctor.get("/doctor")).status == 303
    response = await visitors.stranger().post(
        "/login", {"login": "bs.mai", "password": people.PASSWORD}
    )
    assert response.status == 403


@pytest.mark.asvs("7.5.2")
async def test_people_see_their_own_sessions_and_end_them_one_by_one(visitors: Visitors) -> None:
    here, there = await visitors.doctor(), await visitors.doctor()
    html = await (await here.get("/security")).text()
    other = sessions.token_hash(there.token).hex()[:16]
    assert html.count(f'action="/sessions/{other}/end"') == html.count('/end">') == 1
    assert (await here.get("/sessions")).headers["Location"] == "/security#sessions"
    assert html.count('action="/sessions/end-others"') == 1
    await here.post(f"/sessions/{other}/end")
    assert (await there.get("/doctor")).status == 303
    assert (await here.get("/doctor")).status == 200


async def test_nobody_ends_anothers_session(visitors: Visitors) -> None:
    doctor, patient = await visitors.doctor(), await visitors.patient()
    await patient.post(f"/sessions/{sessions.token_hash(doctor.token).hex()[:16]}/end")
    await patient.post("/sessions/end-others")
    assert (await doctor.get("/doctor")).status == 200
    assert (await patient.get("/patient")).status == 200


@pytest.mark.asvs("6.2.2", "6.2.3", "7.4.3")
async def test_a_new_password_needs_the_old_one_and_ends_every_session(visitors: Visitors) -> None:
    here, there = await visitors.patient(), await visitors.patient()
    wrong = await here.post("/password", {"old": "no", "new": "a-long-new-one"})
    assert wrong.status == 403
    for weak in ("short", "1234567890", "Hoà Hoà Hoà 1"):
        refused = await here.post("/password", {"old": people.PASSWORD, "new": weak})
        assert refused.status == 422
    done = await here.post("/password", {"old": people.PASSWORD, "new": "a-long-new-one"})
    assert done.headers["Location"] == "/login?out"
    assert (await there.get("/patient")).status == 303
    again = visitors.stranger()
    old = await again.post("/login", {"login": "hoa", "password": people.PASSWORD})
    assert old.status == 403
    new = await again.post("/login", {"login": "hoa", "password": "a-long-new-one"})
    assert new.status == 303


async def test_the_language_is_vietnamese_first_and_stays_as_chosen(visitors: Visitors) -> None:
    visitor = visitors.stranger()
    assert '<html lang="vi">' in await (await visitor.get("/login")).text()
    response = await visitor.post("/language", {"locale": "en", "next": "/login"})
    assert response.headers["Location"] == "/login"
    html = await (await visitor.get("/login")).text()
    assert '<html lang="en">' in html
    assert "Sign in" in html


@pytest.mark.asvs("3.3.1", "3.3.3")
async def test_over_tls_the_language_too_is_bound_to_this_host(
    site: Site, visitors: Visitors
) -> None:
    visitor, page = visitors.stranger(), site.origin + "/login"
    site.services.settings.public_origin = site.origin.replace("http:", "https:")
    answer = await visitor.http.post(
        site.origin + "/language",
        data={"locale": "en"},
        headers={"Origin": site.services.settings.public_origin},
        allow_redirects=False,
    )
    assert list(answer.cookies) == ["__Host-lang"]
    cookie = answer.cookies["__Host-lang"]
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
    for name, shown in (("__Host-lang", "en"), ("lang", "vi")):
        html = await (await visitor.http.get(page, headers={"Cookie": f"{name}=en"})).text()
        assert f'<html lang="{shown}">' in html


async def test_a_chosen_language_follows_the_account_to_another_browser(
    visitors: Visitors,
) -> None:
    patient = await visitors.patient()
    await patient.post("/language", {"locale": "en"})
    elsewhere = await visitors.patient()
    assert '<html lang="en">' in await (await elsewhere.get("/patient")).text()


async def test_an_unknown_language_changes_nothing(visitors: Visitors) -> None:
    visitor = visitors.stranger()
    await visitor.post("/language", {"locale": "../en"})
    assert '<html lang="vi">' in await (await visitor.get("/login")).text()


def offer_only(site: Site) -> None:
    site.services.settings.second_factor = "offered"


async def test_guessing_the_old_password_in_a_stolen_session_is_stopped(
    visitors: Visitors,
) -> None:
    patient = await visitors.patient()
    for _ in range(5):
        form = {"old": "guess", "new": NEW}
        assert (await patient.post("/password", form)).status == 403
    last = await patient.post("/password", {"old": people.PASSWORD, "new": NEW})
    assert last.status == 429
    assert last.headers["Retry-After"]


async def test_staff_are_led_to_set_up_an_authenticator_and_get_recovery_codes(
    visitors: Visitors,
) -> None:
    doctor = visitors.stranger()
    first = await doctor.post("/login", STAFF | {"next": "/security"})
    assert first.headers["Location"] == "/login/step?next=/security"
    assert (await doctor.get("/doctor")).status == 303
    html = await (await doctor.get("/login/step?next=/security")).text()
    wrong = await doctor.post("/login/step", {"do": "totp", "code": "000000"})
    assert wrong.status == 403
    code = pyotp.TOTP(secret_of(html)).now()
    done = await doctor.post("/login/step", {"do": "totp", "code": code, "next": "/security"})
    shown = await done.text()
    assert (done.status, shown.count("<code>")) == (200, 10)
    assert 'href="/security"' in shown
    assert done.headers["Cache-Control"] == "no-store"
    assert (await doctor.get("/doctor")).status == 200
    again = await doctor.get("/login/step")
    assert again.headers["Location"] == "/login?over"


@pytest.mark.asvs("6.3.3")
async def test_the_authenticator_is_asked_for_at_the_next_log_in_and_a_code_works_once(
    site: Site, visitors: Visitors
) -> None:
    secret = await set_up_totp(site, "ac-doctor")
    code = pyotp.TOTP(secret).now()
    doctor, thief = visitors.stranger(), visitors.stranger()
    for visitor in (doctor, thief):
        assert (await visitor.post("/login", STAFF)).headers["Location"] == "/login/step"
    page = await (await doctor.get("/login/step")).text()
    assert "Mã trong ứng dụng xác thực" in page
    done = await doctor.post("/login/step", {"do": "factor", "code": code})
    assert done.headers["Location"] == "/doctor"
    replayed = await thief.post("/login/step", {"do": "factor", "code": code})
    assert replayed.status == 403
    assert "Chưa đúng" in await replayed.text()
    assert (await thief.get("/doctor")).status == 303


async def test_five_wrong_codes_end_the_step_and_then_there_is_a_wait(
    site: Site, visitors: Visitors
) -> None:
    await set_up_totp(site, "ac-doctor")
    doctor = visitors.stranger()
    await doctor.post("/login", STAFF)
    form = {"do": "factor", "code": "000000"}
    for _ in range(4):
        assert (await doctor.post("/login/step", form)).status == 403
    assert (await doctor.post("/login/step", form)).headers["Location"] == "/login?over"
    said = await (await doctor.get("/login?over")).text()
    assert "Hãy đăng nhập lại từ đầu" in said
    await doctor.post("/login", STAFF)
    waiting = await doctor.post("/login/step", form)
    assert waiting.status == 429
    assert 1 <= int(waiting.headers["Retry-After"]) <= 60


async def test_a_recovery_code_lets_in_once(site: Site, visitors: Visitors) -> None:
    await set_up_totp(site, "ac-doctor")
    codes = await site.database.write(lambda tx: recovery.renew(tx, "ac-doctor"))
    for code, status in ((codes[0], 303), (codes[0], 403), (codes[1], 303)):
        visitor = visitors.stranger()
        await visitor.post("/login", STAFF)
        answer = await visitor.post("/login/step", {"do": "factor", "code": code})
        assert answer.status == status


async def test_a_security_key_is_set_up_and_then_lets_in_but_not_from_another_origin(
    site: Site, visitors: Visitors
) -> None:
    local = at_localhost(site)
    key = SoftKey(origin=local.origin)
    doctor = Visitor(local)
    visitors.all.append(doctor)
    await doctor.post("/login", STAFF)
    options = data_of(await (await doctor.get("/login/step")).text())
    assert options["rp"]["id"] == "localhost"
    form = {"do": "key", "name": "Khóa USB"}
    for origin in ("https://evil.example", site.origin):
        foreign = await doctor.post(
            "/login/step", form | {"answer": key.make(options, origin=origin)}
        )
        assert foreign.status == 403
        options = data_of(await foreign.text())
    done = await doctor.post("/login/step", form | {"answer": key.make(options)})
    assert done.status == 200
    assert (await doctor.get("/doctor")).status == 200

    again = Visitor(local)
    visitors.all.append(again)
    await again.post("/login", STAFF)
    asked = data_of(await (await again.get("/login/step")).text())
    foreign_answer = key.sign(asked, origin="https://evil.example")
    refused = await again.post("/login/step", {"do": "factor", "answer": foreign_answer})
    assert refused.status == 403
    assert "Khóa bảo mật không được chấp nhận" in await refused.text()
    asked = data_of(await refused.text())
    entered = await again.post("/login/step", {"do": "factor", "answer": key.sign(asked)})
    assert entered.headers["Location"] == "/doctor"


async def test_where_the_server_has_only_an_address_no_security_key_is_offered(
    visitors: Visitors,
) -> None:
    doctor = visitors.stranger()
    await doctor.post("/login", STAFF)
    html = await (await doctor.get("/login/step")).text()
    assert "data-key" not in html
    refused = await doctor.post("/login/step", {"do": "key", "name": "x", "answer": "{}"})
    assert refused.status == 422


@pytest.mark.asvs("6.4.1")
async def test_a_password_that_was_handed_over_is_replaced_before_anything_else(
    site: Site, visitors: Visitors
) -> None:
    offer_only(site)
    await site.database.write(
        lambda tx: tx.execute("UPDATE account SET password_temporary = ?", (True,))
    )
    doctor = visitors.stranger()
    assert (await doctor.post("/login", STAFF)).headers["Location"] == "/login/step"
    for weak, said in (("bs.mai.2026", "dễ đoán"), (people.PASSWORD, "khác với mật khẩu")):
        refused = await doctor.post("/login/step", {"do": "password", "new": weak})
        assert (refused.status, said in await refused.text()) == (422, True)
    done = await doctor.post("/login/step", {"do": "password", "new": NEW})
    assert done.headers["Location"] == "/doctor"


@pytest.mark.parametrize("cookie", ["", "forged", "x" * 43])
@pytest.mark.parametrize("do", ["factor", "password", "totp"])
async def test_a_forged_step_is_led_back_to_the_beginning(
    visitors: Visitors, cookie: str, do: str
) -> None:
    stranger = visitors.stranger()
    stranger.http.cookie_jar.update_cookies({"step": cookie})
    form = {"do": do, "code": "000000", "new": NEW}
    assert (await stranger.get("/login/step")).headers["Location"] == "/login?over"
    assert (await stranger.post("/login/step", form)).headers["Location"] == "/login?over"


@pytest.mark.asvs("7.2.1")
@pytest.mark.parametrize("token", ["", "forged", "x" * 43, "../../etc/passwd", "0" * 4_000])
async def test_a_forged_session_is_nobody(visitors: Visitors, token: str) -> None:
    stranger = visitors.stranger()
    answer = await stranger.get("/doctor", Cookie=f"session={token}")
    assert answer.headers["Location"].startswith("/login")


async def test_a_form_that_no_step_has_is_refused(visitors: Visitors) -> None:
    doctor = visitors.stranger()
    await doctor.post("/login", STAFF)
    assert (await doctor.post("/login/step", {"do": "skip"})).status == 422


async def test_staff_whose_roles_have_ended_are_told_so(site: Site, visitors: Visitors) -> None:
    offer_only(site)
    await site.database.write(
        lambda tx: tx.execute("UPDATE role_grant SET to_ms = ?", (tx.now_ms,))
    )
    answer = await visitors.stranger().post("/login", STAFF)
    assert answer.status == 403
    assert "chưa được giao vai trò" in await answer.text()


@pytest.mark.asvs("14.2.1", "16.2.5")
async def test_no_secret_of_a_log_in_stands_in_an_address_or_in_the_log(
    site: Site, visitors: Visitors, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    doctor = visitors.stranger()
    answer = await doctor.post("/login", STAFF)
    html = await (await doctor.get(answer.headers["Location"])).text()
    code = pyotp.TOTP(secret_of(html)).now()
    await doctor.post("/login/step", {"do": "totp", "code": code})
    secrets = [people.PASSWORD, secret_of(html), code, answer.cookies["step"].value]
    assert not any(secret in answer.headers["Location"] for secret in secrets)
    assert not any(secret in caplog.text for secret in secrets)


@pytest.mark.asvs("16.3.1")
async def test_the_log_has_every_log_in_refused_ones_too_and_no_name(
    site: Site, visitors: Visitors
) -> None:
    doctor = visitors.stranger()
    await doctor.post("/login", STAFF | {"password": "wrong"})
    await doctor.post("/login", {"login": "my secret", "password": "typed into the wrong field"})
    await doctor.post("/login", STAFF)
    html = await (await doctor.get("/login/step")).text()
    code = pyotp.TOTP(secret_of(html)).now()
    await doctor.post("/login/step", {"do": "totp", "code": code})
    await doctor.post("/logout")
    written = await site.database.read(
        lambda r: r.rows(
            "SELECT action, decision, actor_id, basis, role, target FROM audit"
            " WHERE action <> 'log_opened' ORDER BY seq"
        )
    )
    assert [row[:4] for row in written] == [
        ("signed_in", "deny", "ac-doctor", "password"),
        ("signed_in", "deny", "nobody", "password"),
        ("factor_added", "allow", "ac-doctor", "password+totp"),
        ("recovery_codes_made", "allow", "ac-doctor", "password+totp"),
        ("signed_in", "allow", "ac-doctor", "password+totp"),
        ("signed_out", "allow", "ac-doctor", ""),
    ]
    assert written[4][4] == "doctor"
    assert not any("secret" in str(row) or "bs.mai" in str(row) for row in written)


async def test_a_new_password_ends_log_ins_that_are_half_done(
    site: Site, visitors: Visitors
) -> None:
    secret = await set_up_totp(site, "ac-doctor")
    thief, doctor = visitors.stranger(), await visitors.doctor()
    await thief.post("/login", STAFF)
    done = await doctor.post("/password", {"old": people.PASSWORD, "new": NEW})
    assert done.status == 303
    late = await thief.post("/login/step", {"do": "factor", "code": pyotp.TOTP(secret).now()})
    assert late.headers["Location"] == "/login?over"


@pytest.mark.asvs("6.2.8")
async def test_a_password_is_taken_just_as_it_was_typed_wherever_it_is_asked_for(
    site: Site, visitors: Visitors
) -> None:
    offer_only(site)
    spaced, here = f"  {NEW} ", await visitors.doctor()
    old = await here.post("/password", {"old": f" {people.PASSWORD}", "new": spaced})
    assert old.status == 403
    assert (await here.post("/password", {"old": people.PASSWORD, "new": spaced})).status == 303
    doctor = visitors.stranger()
    for other in (NEW, f" {NEW} ", spaced + " ", spaced.upper()):
        assert (await doctor.post("/login", STAFF | {"password": other})).status == 403
    assert (await doctor.post("/login", STAFF | {"password": spaced})).status == 303
    assert (await doctor.post("/confirm", {"password": NEW})).status == 403
    assert (await doctor.post("/confirm", {"password": spaced})).status == 303


@pytest.mark.asvs("6.2.8")
async def test_more_than_the_password_does_not_open(site: Site, visitors: Visitors) -> None:
    offer_only(site)
    longest, here = ("hgktvxzpnb" * 20)[:MAX_LENGTH], await visitors.doctor()
    refused = await here.post("/password", {"old": people.PASSWORD, "new": longest + "x"})
    assert refused.status == 422
    assert (await here.post("/password", {"old": people.PASSWORD, "new": longest})).status == 303
    doctor = visitors.stranger()
    assert (await doctor.post("/login", STAFF | {"password": longest + "x"})).status == 403
    assert (await doctor.post("/login", STAFF | {"password": longest})).status == 303


@pytest.mark.asvs("6.2.8")
async def test_the_password_that_replaces_a_given_one_keeps_its_blanks(
    site: Site, visitors: Visitors
) -> None:
    offer_only(site)
    await site.database.write(
        lambda tx: tx.execute("UPDATE account SET password_temporary = ?", (True,))
    )
    doctor = visitors.stranger()
    await doctor.post("/login", STAFF)
    assert (await doctor.post("/login/step", {"do": "password", "new": f" {NEW}"})).status == 303
    again = visitors.stranger()
    assert (await again.post("/login", STAFF | {"password": NEW})).status == 403
    assert (await again.post("/login", STAFF | {"password": f" {NEW}"})).status == 303


@pytest.mark.asvs("6.2.12")
async def test_a_stolen_password_is_refused_with_the_reason(visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    form = {"old": people.PASSWORD, "new": "strawberry"}
    refused = await doctor.post("/password", form)
    assert refused.status == 422
    assert "đã bị lộ ở nơi khác" in await refused.text()


@pytest.mark.asvs("7.5.2")
@pytest.mark.parametrize("act", ["{other}/end", "end-others", "end-all"])
async def test_sessions_are_ended_only_after_a_fresh_proof(
    site: Site, visitors: Visitors, act: str
) -> None:
    here, there = await visitors.doctor(), await visitors.doctor()
    await site.database.write(
        lambda tx: tx.execute(
            "UPDATE login_session SET confirmed_ms = ?", (tx.now_ms - confirming.FRESH_MS,)
        )
    )
    path = "/sessions/" + act.format(other=sessions.token_hash(there.token).hex()[:16])
    asked = await here.post(path)
    assert asked.headers["Location"] == "/confirm?next=/security%23sessions"
    assert (await there.get("/doctor")).status == 200
    form = {"password": people.PASSWORD, "next": "/security#sessions"}
    assert (await here.post("/confirm", form)).headers["Location"] == "/security#sessions"
    await here.post(path)
    assert (await there.get("/doctor")).status == 303
