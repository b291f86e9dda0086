"""What the route table and the limits refuse stands in the audit log; no flood can fill it."""

import pytest
from aiohttp import WSServerHandshakeError

from telehealth.access import recovery
from telehealth.access.limits import RATES, Limit, take
from telehealth.store.database import Transaction
from tests.webui import people
from tests.webui.conftest import Site, Visitor, Visitors
from tests.webui.pages import set_up_totp

STAFF = {"login": "bs.mai", "password": people.PASSWORD}
Row = tuple[str, ...]


async def refusals(site: Site) -> list[Row]:
    """Return what the log says was refused, in its order."""
    sql = (
        "SELECT action, actor_id, role, target, basis, address FROM audit"
        " WHERE decision = 'deny' ORDER BY seq"
    )
    return await site.database.read(lambda r: [tuple(row) for row in r.rows(sql)])


async def later(site: Site, by_ms: int = 60_000) -> None:
    """Let a time pass for every limit."""
    sql = "UPDATE attempts SET updated_ms = updated_ms - ?"
    await site.database.write(lambda tx: tx.execute(sql, (by_ms,)))


@pytest.mark.asvs("16.3.2", "16.3.3")
async def test_who_asks_for_what_is_not_for_their_role_is_written_down_without_anybodys_id(
    site: Site, visitors: Visitors
) -> None:
    doctor = await visitors.doctor()
    assert (await doctor.get("/station/persons/p-hoa")).status == 403
    target = "route:GET /station/persons/{person_id}"
    assert await refusals(site) == [
        ("route_refused", "ac-doctor", "doctor", target, "role", "127.0.0.1")
    ]


async def test_what_somebody_may_do_and_what_a_stranger_opens_is_no_refusal(
    site: Site, visitors: Visitors
) -> None:
    doctor = await visitors.doctor()
    assert (await doctor.get("/doctor")).status == 200
    assert (await visitors.stranger().get("/doctor")).headers["Location"] == "/login?next=/doctor"
    assert (await doctor.get("/nowhere")).status == 404
    assert await refusals(site) == []


async def test_the_same_refusal_is_written_once_a_minute_for_each_session_and_route(
    site: Site, visitors: Visitors
) -> None:
    doctor, other = await visitors.doctor(), await visitors.doctor()
    for person in ("p-hoa", "p-nam", "p-far"):
        assert (await doctor.get(f"/station/persons/{person}")).status == 403
    assert len(await refusals(site)) == 1
    await doctor.get("/admin")
    await other.get("/station/persons/p-hoa")
    assert len(await refusals(site)) == 3
    await later(site, 59_000)
    await doctor.get("/admin")
    assert len(await refusals(site)) == 3
    await later(site, 1_000)
    await doctor.get("/admin")
    assert len(await refusals(site)) == 4


@pytest.mark.asvs("16.3.3")
async def test_another_sites_page_is_written_down(site: Site, visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    headers = {"Origin": "https://evil.example"}
    answer = await doctor.http.post(f"{site.origin}/logout", headers=headers)
    assert answer.status == 403
    with pytest.raises(WSServerHandshakeError):
        await doctor.http.ws_connect(f"{site.origin}/live", headers=headers)
    assert [row[3:5] for row in await refusals(site)] == [
        ("route:POST /logout", "origin"),
        ("route:GET /live", "origin"),
    ]


async def test_a_flood_of_strangers_is_written_down_up_to_a_bound(
    site: Site, visitors: Visitors
) -> None:
    stranger = visitors.stranger()

    async def flood() -> int:
        headers = {"Origin": "https://evil.example"}
        return (await stranger.http.post(f"{site.origin}/login", headers=headers)).status

    def use_up(tx: Transaction) -> None:
        burst = RATES["refusal_everywhere"][0].burst
        tx.execute("DELETE FROM attempts WHERE used < 1")
        tx.execute("UPDATE attempts SET used = ?, updated_ms = ?", (burst, tx.now_ms + 60_000))

    assert await flood() == 403
    await site.database.write(use_up)
    await stranger.get("/healthz")
    assert await flood() == 403
    assert len(await refusals(site)) == 1


@pytest.mark.asvs("16.3.1", "16.3.3")
async def test_guesses_beyond_the_limit_are_written_down_with_whose_they_were(
    site: Site, visitors: Visitors
) -> None:
    guesser = visitors.stranger()
    for _ in range(5):
        assert (await guesser.post("/login", STAFF | {"password": "wrong"})).status == 403
    for _ in range(3):
        assert (await guesser.post("/login", STAFF)).status == 429
    written = await refusals(site)
    assert [row[4] for row in written] == ["password"] * 5 + ["limit:login"]
    target = "account:ac-doctor"
    assert written[5] == ("signed_in", "ac-doctor", "", target, "limit:login", "127.0.0.1")


@pytest.mark.asvs("16.3.1")
async def test_guessing_in_a_session_and_codes_that_nobody_made_are_written_down(
    site: Site, visitors: Visitors
) -> None:
    doctor = await visitors.doctor()
    for _ in range(6):
        await doctor.post("/confirm", {"password": "wrong"})
    assert (await refusals(site))[-1][:5] == (
        "confirmed",
        "ac-doctor",
        "doctor",
        "",
        "limit:confirm",
    )

    def use_up(tx: Transaction) -> None:
        for _ in range(300):
            take(tx, Limit("address", "127.0.0.1"))

    await site.database.write(use_up)
    phone = visitors.stranger()
    answer = await phone.post("/enrol", {"code": "12345678", "birth_year": "1958"})
    assert answer.status == 429
    written = (await refusals(site))[-1]
    assert written[:5] == ("signed_in", "nobody", "", "", "limit:address")


async def factor(site: Site, visitor: Visitor, code: str) -> Row:
    await visitor.post("/login", STAFF)
    await visitor.post("/login/step", {"do": "factor", "code": code})
    sql = "SELECT decision, basis FROM audit WHERE action = 'signed_in' ORDER BY seq DESC LIMIT 1"
    found = await site.database.read(lambda r: r.rows(sql))
    return tuple(found[0])


@pytest.mark.asvs("16.3.1")
async def test_the_log_says_by_which_factor_somebody_came_or_tried_to(
    site: Site, visitors: Visitors
) -> None:
    await set_up_totp(site, "ac-doctor")
    codes = await site.database.write(lambda tx: recovery.renew(tx, "ac-doctor"))
    assert await factor(site, visitors.stranger(), "000000") == ("deny", "totp")
    assert await factor(site, visitors.stranger(), codes[0]) == ("allow", "password+recovery")
    assert await factor(site, visitors.stranger(), codes[0]) == ("deny", "recovery")


@pytest.mark.asvs("16.3.1")
async def test_the_failure_that_ends_a_step_and_want_of_a_role_are_written_down(
    site: Site, visitors: Visitors
) -> None:
    await set_up_totp(site, "ac-doctor")
    visitor = visitors.stranger()
    await visitor.post("/login", STAFF)
    for _ in range(5):
        answer = await visitor.post("/login/step", {"do": "factor", "code": "000000"})
    assert answer.headers["Location"] == "/login?over"
    assert [row[4] for row in await refusals(site)] == ["totp"] * 5
    await site.database.write(
        lambda tx: tx.execute("UPDATE role_grant SET to_ms = ?", (tx.now_ms,))
    )
    await visitors.stranger().post("/login", {"login": "quantri", "password": people.PASSWORD})
    assert (await refusals(site))[-1][:5] == (
        "signed_in", "ac-admin", "", "account:ac-admin", "no_role",
    )  # fmt: skip
