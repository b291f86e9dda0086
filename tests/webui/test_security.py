"""The own page of log-in matters: factors, recovery codes, and proving again who one is."""

import re

import pyotp
import pytest
from aiohttp import ClientResponse

from telehealth.access import recovery, second_factor, sessions
from telehealth.access.confirming import FRESH_MS
from telehealth.store.database import Reader, Row
from tests.authenticator import SoftKey
from tests.webui import people
from tests.webui.conftest import Site, Visitor, Visitors
from tests.webui.pages import at_localhost, data_of, secret_of, set_up_totp

GRAVE = [
    ("GET", "/security/totp"), ("POST", "/security/totp"), ("POST", "/security/totp/remove"),
    ("GET", "/security/keys/new"), ("POST", "/security/keys/new"),
    ("POST", "/security/keys/0123456789abcdef/remove"), ("POST", "/security/recovery"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def strict(site: Site) -> None:
    """Require a second factor of staff, as a server does unless its operator says otherwise."""
    site.services.settings.second_factor = "required"


async def ask(visitor: Visitor, method: str, path: str) -> ClientResponse:
    return await (visitor.get(path) if method == "GET" else visitor.post(path))


async def let_age(site: Site, age_ms: int = FRESH_MS) -> None:
    """Make every proof of every session so old."""
    await site.database.write(
        lambda tx: tx.execute("UPDATE login_session SET confirmed_ms = ?", (tx.now_ms - age_ms,))
    )


@pytest.mark.asvs("7.5.1")
@pytest.mark.parametrize(("method", "path"), GRAVE)
async def test_an_old_proof_is_asked_for_again_before_anything_grave(
    site: Site, visitors: Visitors, method: str, path: str
) -> None:
    await set_up_totp(site, "ac-doctor")
    doctor = await visitors.doctor()
    await let_age(site)
    before = await site.database.read(lambda r: second_factor.factors(r, "ac-doctor"))
    answer = await ask(doctor, method, path)
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/confirm?next=/security")
    assert await site.database.read(lambda r: second_factor.factors(r, "ac-doctor")) == before


@pytest.mark.parametrize(("method", "path"), GRAVE)
async def test_a_fresh_proof_is_not_asked_for_again(
    visitors: Visitors, method: str, path: str
) -> None:
    answer = await ask(await visitors.doctor(), method, path)
    assert "/confirm" not in answer.headers.get("Location", "")


@pytest.mark.parametrize("age_ms", [FRESH_MS, -60_000, -(10**10)])
async def test_a_proof_from_before_the_clock_jumped_does_not_count(
    site: Site, visitors: Visitors, age_ms: int
) -> None:
    doctor = await visitors.doctor()
    await let_age(site, age_ms)
    answer = await doctor.get("/security/totp")
    assert answer.headers["Location"] == "/confirm?next=/security/totp"


async def test_the_password_confirms_and_leads_back(site: Site, visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    await let_age(site)
    wrong = await doctor.post("/confirm", {"password": "wrong", "next": "/security/totp"})
    assert wrong.status == 403
    assert (await doctor.get("/security/totp")).status == 303
    right = await doctor.post("/confirm", {"password": people.PASSWORD, "next": "/security/totp"})
    assert right.headers["Location"] == "/security/totp"
    assert (await doctor.get("/security/totp")).status == 200


@pytest.mark.asvs("1.2.2", "3.7.2")
@pytest.mark.parametrize("next_path", ["//evil.example", "https://evil.example", ""])
async def test_confirming_never_leads_to_another_site(visitors: Visitors, next_path: str) -> None:
    doctor = await visitors.doctor()
    answer = await doctor.post("/confirm", {"password": people.PASSWORD, "next": next_path})
    assert answer.headers["Location"] == "/doctor"


async def test_guessing_in_a_stolen_session_is_stopped(site: Site, visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    await let_age(site)
    for _ in range(5):
        assert (await doctor.post("/confirm", {"password": "wrong"})).status == 403
    answer = await doctor.post("/confirm", {"password": people.PASSWORD})
    assert answer.status == 429
    assert answer.headers["Retry-After"]
    assert "Sai quá nhiều lần" in await answer.text()


@pytest.mark.asvs("7.5.1")
async def test_who_has_the_session_and_the_password_cannot_guess_the_second_factor(
    site: Site, visitors: Visitors
) -> None:
    secret = await set_up_totp(site, "ac-doctor")
    doctor = await visitors.doctor()
    await let_age(site)
    for _ in range(5):
        await doctor.post("/confirm", {"password": people.PASSWORD})
        assert (await doctor.post("/confirm", {"code": "000000"})).status == 403
    await doctor.post("/confirm", {"password": people.PASSWORD})
    right = await doctor.post("/confirm", {"code": pyotp.TOTP(secret).now()})
    assert right.status == 429
    assert (await doctor.get("/security/totp")).status == 303


@pytest.mark.asvs("7.5.1")
async def test_the_second_factor_is_asked_for_after_the_password_and_neither_is_enough_alone(
    site: Site, visitors: Visitors
) -> None:
    doctor = await visitors.doctor()
    await let_age(site)
    assert 'name="code"' not in await (await doctor.get("/confirm")).text()
    secret = await set_up_totp(site, "ac-doctor")
    code = {"code": pyotp.TOTP(secret).now(), "next": "/security/totp"}
    assert 'name="password"' in await (await doctor.get("/confirm")).text()
    assert (await doctor.post("/confirm", code)).status == 403
    half = await doctor.post("/confirm", {"password": people.PASSWORD, "next": "/security/totp"})
    assert half.headers["Location"] == "/confirm?next=/security/totp"
    assert (await doctor.post("/security/totp/remove")).headers["Location"].startswith("/confirm")
    html = await (await doctor.get("/confirm?next=/security/totp")).text()
    assert 'name="code"' in html
    assert 'name="password"' not in html
    assert (await doctor.post("/confirm", code)).headers["Location"] == "/security/totp"
    assert (await doctor.get("/security/totp")).status == 200
    noted = await site.database.read(
        lambda r: r.rows(
            "SELECT decision, basis FROM audit WHERE action = 'confirmed' ORDER BY seq"
        )
    )
    assert noted == [("deny", "totp"), ("allow", "password+totp")]


async def test_a_password_that_was_proved_counts_in_its_own_session_alone(
    site: Site, visitors: Visitors
) -> None:
    secret = await set_up_totp(site, "ac-doctor")
    here, there = await visitors.doctor(), await visitors.doctor()
    await here.post("/confirm", {"password": people.PASSWORD})
    code = {"code": pyotp.TOTP(secret).now()}
    assert (await there.post("/confirm", code)).status == 403
    assert (await here.post("/confirm", code)).status == 303


@pytest.mark.asvs("7.2.4")
async def test_proving_again_gives_the_session_a_new_token_and_the_old_one_opens_nothing(
    site: Site, visitors: Visitors
) -> None:
    told: list[str] = []
    doctor, copy = await visitors.doctor(), visitors.stranger()
    copy.http.cookie_jar.update_cookies({"session": doctor.token})
    before = sessions.token_hash(doctor.token)
    site.services.bus.subscribe(
        sessions.session_topic(before), lambda _topic, message: told.append(message["session"])
    )

    def kept(reader: Reader) -> list[Row]:
        return reader.rows("SELECT created_ms, expires_ms, grant_id, user_agent FROM login_session")

    rows_before = await site.database.read(kept)
    assert (await copy.get("/doctor")).status == 200
    done = await doctor.post("/confirm", {"password": people.PASSWORD})
    after = sessions.token_hash(done.cookies["session"].value)
    assert after != before
    assert (await doctor.get("/doctor")).status == 200
    assert (await copy.get("/doctor")).status == 303
    assert await site.database.read(kept) == rows_before
    assert told == [after.hex()]
    noted = await site.database.read(
        lambda r: r.rows("SELECT session, target, basis FROM audit WHERE action = 'confirmed'")
    )
    assert noted == [(before.hex()[:16], f"session:{after.hex()[:16]}", "password")]


@pytest.mark.asvs("7.2.4")
async def test_a_wrong_proof_leaves_the_token_as_it_is(visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    wrong = await doctor.post("/confirm", {"password": "wrong"})
    assert "session" not in wrong.cookies
    assert (await doctor.get("/doctor")).status == 200


async def test_an_authenticator_that_is_being_set_up_stays_the_same_over_a_proof(
    site: Site, visitors: Visitors
) -> None:
    doctor = await visitors.doctor()
    secret = secret_of(await (await doctor.get("/security/totp")).text())
    await let_age(site)
    code = {"code": pyotp.TOTP(secret).now()}
    assert (await doctor.post("/security/totp", code)).headers["Location"].startswith("/confirm")
    await doctor.post("/confirm", {"password": people.PASSWORD, "next": "/security/totp"})
    assert secret_of(await (await doctor.get("/security/totp")).text()) == secret
    assert (await doctor.post("/security/totp", code)).status == 200


async def test_who_has_no_password_is_told_how_to_prove_it_instead(
    site: Site, visitors: Visitors
) -> None:
    await site.database.write(lambda tx: tx.execute("UPDATE account SET password_hash = ''"))
    patient = await visitors.patient()
    html = await (await patient.get("/confirm")).text()
    assert "Hãy xin trạm y tế một mã mới" in html
    assert 'name="password"' not in html
    own = await (await patient.get("/security")).text()
    assert "/security/totp" not in own
    assert 'action="/password"' not in own
    assert 'action="/sessions/end-all"' in own


async def test_an_authenticator_is_added_and_brings_recovery_codes_the_first_time(
    site: Site, visitors: Visitors
) -> None:
    doctor = await visitors.doctor()
    secret = secret_of(await (await doctor.get("/security/totp")).text())
    assert secret == secret_of(await (await doctor.get("/security/totp")).text())
    wrong = await doctor.post("/security/totp", {"code": "000000"})
    assert wrong.status == 403
    done = await doctor.post("/security/totp", {"code": pyotp.TOTP(secret).now()})
    html = await done.text()
    assert html.count("<code>") == 10
    code = re.findall(r"<code>(.+?)</code>", html)[0]
    assert "download=" in html
    assert code in html.split("data:text/plain")[1].split('"')[0]
    assert "còn 10 mã" in await (await doctor.get("/security")).text()
    again = secret_of(await (await doctor.get("/security/totp")).text())
    assert again != secret
    moved = await doctor.post("/security/totp", {"code": pyotp.TOTP(again).now()})
    assert moved.headers["Location"] == "/security"
    assert code not in await (await doctor.get("/security")).text()


async def test_another_sessions_secret_is_another(visitors: Visitors) -> None:
    here, there = await visitors.doctor(), await visitors.doctor()
    first = secret_of(await (await here.get("/security/totp")).text())
    second = secret_of(await (await there.get("/security/totp")).text())
    assert first != second


async def test_staff_keep_their_last_second_factor_and_patients_need_none(
    site: Site, visitors: Visitors
) -> None:
    for account_id in ("ac-doctor", "ac-hoa"):
        await set_up_totp(site, account_id)
    doctor, patient = await visitors.doctor(), await visitors.patient()
    kept = await doctor.post("/security/totp/remove")
    assert kept.status == 409
    assert "duy nhất" in await kept.text()
    assert (await patient.post("/security/totp/remove")).headers["Location"] == "/security"
    have = await site.database.read(lambda r: second_factor.factors(r, "ac-hoa"))
    assert not have.any


async def test_security_keys_are_added_named_and_removed(site: Site, visitors: Visitors) -> None:
    local = at_localhost(site)
    doctor = Visitor(local)
    visitors.all.append(doctor)
    await doctor.signed_in("ac-doctor")
    first, second = (SoftKey(origin=local.origin) for _ in range(2))
    options = data_of(await (await doctor.get("/security/keys/new")).text())
    form = {"name": "Trong tủ"}
    foreign = first.make(options, origin="https://evil.example")
    refused = await doctor.post("/security/keys/new", form | {"answer": foreign})
    assert refused.status == 403
    stale = await doctor.post("/security/keys/new", form | {"answer": first.make(options)})
    assert stale.status == 403
    options = data_of(await stale.text())
    done = await doctor.post("/security/keys/new", form | {"answer": first.make(options)})
    assert (await done.text()).count("<code>") == 10
    options = data_of(await (await doctor.get("/security/keys/new")).text())
    assert len(options["excludeCredentials"]) == 1
    more = await doctor.post(
        "/security/keys/new", {"name": "Trên bàn", "answer": second.make(options)}
    )
    assert more.headers["Location"] == "/security"
    html = await (await doctor.get("/security")).text()
    assert "Trong tủ" in html
    keys = re.findall(r"/security/keys/([0-9a-f]{16})/remove", html)
    assert len(keys) == 2
    assert (await doctor.post(f"/security/keys/{keys[0]}/remove")).status == 303
    assert (await doctor.post(f"/security/keys/{keys[0]}/remove")).status == 404
    assert (await doctor.post(f"/security/keys/{keys[1]}/remove")).status == 409


@pytest.mark.asvs("7.5.1")
async def test_a_security_key_confirms_after_the_password(site: Site, visitors: Visitors) -> None:
    local = at_localhost(site)
    doctor, key = Visitor(local), SoftKey(origin=local.origin)
    visitors.all.append(doctor)
    await doctor.signed_in("ac-doctor")
    options = data_of(await (await doctor.get("/security/keys/new")).text())
    await doctor.post("/security/keys/new", {"name": "x", "answer": key.make(options)})
    await let_age(site)
    await doctor.post("/confirm", {"password": people.PASSWORD})
    asked = data_of(await (await doctor.get("/confirm?next=/security/totp")).text())
    answer = key.sign(asked)
    form = {"answer": answer, "next": "/security/totp"}
    assert (await doctor.post("/confirm", form)).headers["Location"] == "/security/totp"
    await let_age(site)
    await doctor.post("/confirm", {"password": people.PASSWORD})
    assert (await doctor.post("/confirm", form)).status == 403


async def test_nobody_removes_anothers_key(site: Site, visitors: Visitors) -> None:
    local = at_localhost(site)
    doctor, key = Visitor(local), SoftKey(origin=local.origin)
    visitors.all.append(doctor)
    await doctor.signed_in("ac-doctor")
    options = data_of(await (await doctor.get("/security/keys/new")).text())
    await doctor.post("/security/keys/new", {"name": "x", "answer": key.make(options)})
    html = await (await doctor.get("/security")).text()
    [key_id] = re.findall(r"/security/keys/([0-9a-f]{16})/remove", html)
    other = await visitors.doctor("ac-cover")
    assert (await other.post(f"/security/keys/{key_id}/remove")).status == 404
    assert key_id not in await (await other.get("/security")).text()


async def test_new_recovery_codes_end_the_old_ones_and_need_a_factor(
    site: Site, visitors: Visitors
) -> None:
    doctor = await visitors.doctor()
    none = await doctor.post("/security/recovery")
    assert none.status == 409
    await set_up_totp(site, "ac-doctor")
    old = await site.database.write(lambda tx: recovery.renew(tx, "ac-doctor"))
    html = await (await doctor.post("/security/recovery")).text()
    new = re.findall(r"<code>(.+?)</code>", html)
    assert len(new) == 10
    assert await site.database.write(lambda tx: recovery.use(tx, "ac-doctor", new[0]))
    assert not await site.database.write(lambda tx: recovery.use(tx, "ac-doctor", old[0]))


async def test_the_pages_speak_both_languages(visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    for path in ("/security", "/security/totp", "/security/keys/new", "/confirm"):
        assert '<html lang="vi">' in await (await doctor.get(path)).text()
        english = await (await doctor.get(path, Cookie=f"lang=en; session={doctor.token}")).text()
        assert '<html lang="en">' in english
        assert not re.search(r"[ạảấầậđếềệộớờợựứưăơ]", english.split("<main")[1].split("</main")[0])
