"""Breaking the glass, over HTTP: found by one number, asked for, seen, given back, judged."""

import pytest

from telehealth.access import sessions
from telehealth.store.database import Transaction
from tests import rows
from tests.webui import people
from tests.webui.conftest import Site, Visitors

WORDS = "Cấp cứu 115 chuyển đến, bất tỉnh"
FORM = {"reason": "unconscious", "note": WORDS, "minutes": "15"}
CITIZEN_ID = "001070000001"


async def audit(site: Site, action: str) -> list[tuple[object, ...]]:
    """Return who did it to whom, how it was decided and on what it rests."""
    return await site.database.read(
        lambda r: r.rows(
            "SELECT actor_id, person_id, decision, basis FROM audit WHERE action = ? ORDER BY seq",
            (action,),
        )
    )


def number(tx: Transaction, person_id: str, kind: str, value: str) -> None:
    """Let a person bear a number."""
    hashed = tx.vault.hash(f"identifier:{kind}", value)
    tx.insert(
        "person_identifier",
        ("identifier_id", "person_id", "kind", "sealed", "value_hash", "source", "added_by",
         "added_ms"),
        [(f"pi-{person_id}", person_id, kind, b"", hashed, "test", "test", 0)],
    )  # fmt: skip


async def test_a_doctor_is_asked_for_the_reason_where_a_stranger_would_be(
    site: Site, visitors: Visitors
) -> None:
    doctor = await visitors.doctor()
    response = await doctor.get("/doctor/persons/p-far")
    assert response.headers["Location"] == "/emergency/persons/p-far"
    html = await (await doctor.get("/emergency/persons/p-far")).text()
    assert "Hà Văn Xa" not in html
    assert await audit(site, "view_opened") == [("ac-doctor", "p-far", "deny", "may_break_glass")]


async def test_with_a_reason_the_record_opens_and_every_look_stands_under_its_id(
    site: Site, visitors: Visitors
) -> None:
    doctor = await visitors.doctor()
    response = await doctor.post("/emergency/persons/p-far", FORM)
    assert response.headers["Location"] == "/doctor/persons/p-far"
    html = await (await doctor.get("/doctor/persons/p-far")).text()
    assert "Hà Văn Xa" in html
    assert "Truy cập khẩn cấp đến" in html
    [(_, _, decision, key)] = await audit(site, "glass_broken")
    assert decision == "break_glass"
    assert (await audit(site, "view_opened"))[-1] == ("ac-doctor", "p-far", "break_glass", key)
    told = await site.database.read(lambda r: r.rows("SELECT recipient_id FROM outbox"))
    assert told == [("ac-officer",)]


@pytest.mark.parametrize(
    "form", [FORM | {"reason": ""}, FORM | {"note": "ngắn"}, FORM | {"minutes": "61"}, {}]
)
async def test_without_a_reason_in_words_nothing_opens(
    site: Site, visitors: Visitors, form: dict[str, str]
) -> None:
    doctor = await visitors.doctor()
    response = await doctor.post("/emergency/persons/p-far", form)
    assert response.status == 422
    assert 'role="alert"' in await response.text()
    assert (await doctor.get("/doctor/persons/p-far")).status == 303
    assert await audit(site, "glass_broken") == []


async def test_who_proved_themselves_long_ago_does_so_again(site: Site, visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    key = sessions.token_hash(doctor.token)
    await site.database.write(
        lambda tx: tx.execute(
            "UPDATE login_session SET confirmed_ms = ? WHERE token_hash = ?",
            (tx.now_ms - 11 * people.MINUTE, key),
        )
    )
    for response in (
        await doctor.get("/emergency/persons/p-far"),
        await doctor.post("/emergency/persons/p-far", FORM),
    ):
        assert response.headers["Location"].startswith("/confirm?next=")
    assert await audit(site, "glass_broken") == []


async def test_given_back_it_is_over_at_once(site: Site, visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    await doctor.post("/emergency/persons/p-far", FORM)
    [(_, _, _, key)] = await audit(site, "glass_broken")
    other = await visitors.doctor("ac-cover")
    assert (await other.post(f"/emergency/{key}/end")).status == 404
    assert (await doctor.post(f"/emergency/{key}/end")).status == 303
    assert (await doctor.get("/doctor/persons/p-far")).status == 303
    assert (await doctor.post(f"/emergency/{key}/end")).status == 409


async def test_the_officer_sees_why_and_judges_with_words(site: Site, visitors: Visitors) -> None:
    doctor, officer = await visitors.doctor(), await visitors.officer()
    await doctor.post("/emergency/persons/p-far", FORM)
    [(_, _, _, key)] = await audit(site, "glass_broken")
    html = await (await officer.get("/privacy/emergencies")).text()
    assert WORDS in html
    assert "BS. Mai" in html
    path = f"/privacy/emergencies/{key}"
    assert (await officer.post(path, {"verdict": "justified", "note": "ok"})).status == 422
    judged = {"verdict": "not_justified", "note": "Không có cấp cứu nào hôm đó."}
    assert (await officer.post(path, judged)).status == 303
    assert (await officer.post(path, judged)).status == 409
    html = await (await officer.get("/privacy/emergencies")).text()
    assert "Không chính đáng" in html
    assert [row[0] for row in await audit(site, "glass_reviewed")] == ["ac-officer"]


async def test_somebody_out_of_reach_is_found_by_one_exact_number_alone(
    site: Site, visitors: Visitors
) -> None:
    await site.database.write(lambda tx: number(tx, "p-far", "citizen_id", CITIZEN_ID))
    doctor = await visitors.doctor()
    found = await doctor.post("/emergency", {"kind": "citizen_id", "value": "001 070 000 001"})
    assert found.headers["Location"] == "/emergency/persons/p-far"
    for value, status in ((CITIZEN_ID[:-1] + "2", 404), ("12", 422), ("", 422)):
        response = await doctor.post("/emergency", {"kind": "citizen_id", "value": value})
        assert response.status == status
        assert "p-far" not in await response.text()
    assert (await doctor.post("/emergency", {"kind": "name", "value": "Xa"})).status == 422
    said = [row[:2] for row in await audit(site, "search_found")]
    assert said == [("ac-doctor", "p-far"), ("ac-doctor", "")]


async def test_where_a_family_shares_a_phone_one_of_them_is_chosen(
    site: Site, visitors: Visitors
) -> None:
    def family(tx: Transaction) -> None:
        rows.person(tx, "p-far-con", "Hà Thị Gần", "1990-05-06")
        for person_id in ("p-far", "p-far-con"):
            number(tx, person_id, "phone", "+84912345678")

    await site.database.write(family)
    doctor = await visitors.doctor()
    found = await doctor.post("/emergency", {"kind": "phone", "value": "0912 345 678"})
    html = await found.text()
    assert found.status == 200
    for shown in ('"/emergency/persons/p-far"', '"/emergency/persons/p-far-con"'):
        assert shown in html
    assert "Gần, sinh năm 1990" in html
    assert "Hà Thị" not in html
    said = {row[1] for row in await audit(site, "search_found")}
    assert said == {"p-far", "p-far-con"}


async def test_look_ups_are_counted(visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    form = {"kind": "citizen_id", "value": CITIZEN_ID}
    statuses = [(await doctor.post("/emergency", form)).status for _ in range(25)]
    assert statuses[:20] == [404] * 20
    assert statuses[-1] == 429


async def test_a_page_whose_audit_entry_cannot_be_written_does_not_show(
    site: Site, visitors: Visitors
) -> None:
    doctor, hoa = await visitors.doctor(), await visitors.patient()
    await site.database.write(
        lambda tx: tx.execute("CREATE TRIGGER full BEFORE INSERT ON audit"
                              " BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    )  # fmt: skip
    for visitor, path in (
        (doctor, "/doctor"),
        (doctor, "/doctor/persons/p-hoa"),
        (hoa, "/patient"),
    ):
        response = await visitor.get(path)
        assert response.status == 503
        assert "Lò Thị Hoà" not in (await response.text()).replace(
            '<span class="account-name">Lò Thị Hoà</span>', ""
        )


async def test_a_relative_sees_whom_they_care_for_and_calls_for_them(
    site: Site, visitors: Visitors
) -> None:
    def family(tx: Transaction) -> None:
        rows.person(tx, "p-con", "Lò Văn Con", "1980-01-01")
        rows.account(tx, "ac-con", "patient", person_id="p-con")
        tx.insert(
            "person_proxy",
            ("proxy_id", "person_id", "proxy_person_id", "kind", "basis", "granted_by", "from_ms"),
            [("px-1", "p-hoa", "p-con", "carer", "test", "test", 0)],
        )

    await site.database.write(family)
    son = await visitors.patient("ac-con")
    own = await (await son.get("/patient")).text()
    assert "/patient/persons/p-hoa" in own
    hers = await (await son.get("/patient/persons/p-hoa")).text()
    assert "Bạn đang chăm sóc Lò Thị Hoà" in hers
    assert (await son.get("/patient/persons/p-linh")).status == 403
    assert (await son.post("/api/v1/calls", {"person_id": "p-hoa"})).status == 303
    assert (await son.post("/api/v1/calls", {"person_id": "p-linh"})).status == 403
    calls = await site.database.read(lambda r: r.rows("SELECT person_id, requested_by FROM call"))
    assert calls == [("p-hoa", "ac-con")]
    await site.database.write(lambda tx: tx.execute("UPDATE person_proxy SET to_ms = 1"))
    assert (await son.get("/patient/persons/p-hoa")).status == 403
