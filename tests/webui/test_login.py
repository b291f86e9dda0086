"""Logging in and out, sessions, the language."""

import pytest

from telehealth.access import sessions
from telehealth.access.login import FREE_FAILURES
from telehealth.access.policy import Role
from tests.webui import people
from tests.webui.conftest import Site, Visitors


@pytest.mark.parametrize(
    ("login", "home"), [("bs.mai", "/doctor"), ("hoa", "/patient"), ("quantri", "/admin")]
)
async def test_everybody_lands_on_the_page_of_their_role(
    visitors: Visitors, login: str, home: str
) -> None:
    visitor = visitors.stranger()
    response = await visitor.post("/login", {"login": login, "password": people.PASSWORD})
    assert (response.status, response.headers["Location"]) == (303, home)
    assert (await visitor.get(home)).status == 200
    assert (await visitor.get("/")).headers["Location"] == home
    assert (await visitor.get("/login")).headers["Location"] == home


async def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_others(visitors: Visitors) -> None:
    response = await visitors.stranger().post(
        "/login", {"login": " BS.Mai ", "password": people.PASSWORD}
    )
    cookie = response.cookies["session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert not cookie["secure"]


async def test_only_the_hash_of_the_token_is_stored(visitors: Visitors, site: Site) -> None:
    response = await visitors.stranger().post(
        "/login", {"login": "hoa", "password": people.PASSWORD}
    )
    token = response.cookies["session"].value
    rows = await site.database.read(lambda r: r.rows("SELECT token_hash FROM login_session"))
    assert sessions.token_hash(token) in {bytes(row[0]) for row in rows}
    assert token.encode() not in {bytes(row[0]) for row in rows}


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
        "/login", {"login": "hoa", "password": people.PASSWORD, "next": "/sessions"}
    )
    assert response.headers["Location"] == "/sessions"


@pytest.mark.parametrize("login", ["bs.mai", "nobody"])
async def test_a_wrong_password_and_an_unknown_name_are_told_alike(
    visitors: Visitors, login: str
) -> None:
    response = await visitors.stranger().post("/login", {"login": login, "password": "wrong"})
    text = await response.text()
    assert response.status == 403
    assert "Tên đăng nhập hoặc mật khẩu không đúng." in text
    assert f'value="{login}"' in text


@pytest.mark.parametrize("login", ["bs.mai", "nobody"])
async def test_after_some_failures_a_name_is_locked_even_for_the_right_password(
    visitors: Visitors, login: str
) -> None:
    visitor = visitors.stranger()
    for _ in range(FREE_FAILURES):
        await visitor.post("/login", {"login": login, "password": "wrong"})
    response = await visitor.post("/login", {"login": login, "password": people.PASSWORD})
    assert response.status == 429
    assert "Sai quá nhiều lần" in await response.text()
    other = await visitor.post("/login", {"login": "hoa", "password": people.PASSWORD})
    assert other.status == 303


async def test_logging_in_again_ends_the_session_before(visitors: Visitors, site: Site) -> None:
    visitor = visitors.stranger()
    first = await visitor.post("/login", {"login": "hoa", "password": people.PASSWORD})
    await visitor.post("/login", {"login": "hoa", "password": people.PASSWORD})
    other = visitors.stranger()
    other.http.cookie_jar.update_cookies({"session": first.cookies["session"].value})
    assert (await other.get("/patient")).status == 303


async def test_logging_out_ends_the_session_for_every_copy_of_the_cookie(
    visitors: Visitors,
) -> None:
    visitor = await visitors.patient()
    copy = visitors.stranger()
    copy.http.cookie_jar.update_cookies({"session": visitor.token})
    assert (await copy.get("/patient")).status == 200
    assert (await visitor.post("/logout")).headers["Location"] == "/login"
    assert (await copy.get("/patient")).status == 303


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


async def test_people_see_their_own_sessions_and_end_them_one_by_one(visitors: Visitors) -> None:
    here, there = await visitors.doctor(), await visitors.doctor()
    html = await (await here.get("/sessions")).text()
    other = sessions.token_hash(there.token).hex()[:16]
    assert html.count('<form method="post" action="/sessions/') == 1
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


async def test_a_new_password_needs_the_old_one_and_ends_every_session(visitors: Visitors) -> None:
    here, there = await visitors.patient(), await visitors.patient()
    wrong = await here.post("/password", {"old": "no", "new": "a-long-new-one"})
    assert wrong.status == 403
    short = await here.post("/password", {"old": people.PASSWORD, "new": "short"})
    assert short.status == 422
    done = await here.post("/password", {"old": people.PASSWORD, "new": "a-long-new-one"})
    assert done.headers["Location"] == "/login"
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
