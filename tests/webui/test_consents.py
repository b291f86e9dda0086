"""Consent, requests and retention over HTTP: what people see, tick, ask for and get."""

import hashlib
import io
import re
import zipfile
from datetime import timedelta

import msgspec
import pytest

from telehealth.consents import copy_schema, giving, stopping
from telehealth.consents.items import Item
from telehealth.people.records import open_personal
from telehealth.store import tables
from telehealth.store.database import Reader, Transaction
from tests import rows
from tests.webui import people
from tests.webui.conftest import Site, Visitor, Visitors

MONITORING = {"item_monitoring": "yes"}
RETENTION = "/admin/retention"


@pytest.fixture
async def staffed(site: Site) -> Site:
    """Return the site with a nurse and a privacy officer everywhere, and a mother with a child."""

    def fill(tx: Transaction) -> None:
        nine = (tx.now - timedelta(days=9 * 366)).date().isoformat()
        rows.person(tx, "p-child", "Bé Mỷ", nine)
        people.put(
            tx,
            tables.PersonProxy(
                proxy_id="px-1", person_id="p-child", proxy_person_id="p-linh", kind="guardian",
                basis="birth", granted_by="ac-nurse", from_ms=0,
            ),
        )  # fmt: skip

    await site.database.write(fill)
    return site


async def nurse(visitors: Visitors) -> Visitor:
    return await visitors.stranger().signed_in("ac-nurse")


async def officer(visitors: Visitors) -> Visitor:
    return await visitors.stranger().signed_in("ac-officer")


async def agreed(site: Site, person_id: str, item: Item = Item.MONITORING) -> bool:
    return await site.database.read(lambda r: giving.may(r, person_id, item))


async def consent_id(site: Site, person_id: str) -> str:
    return await site.database.read(lambda r: giving.require(r, person_id, Item.MONITORING))


async def audited(site: Site) -> list[tuple[str, str, str]]:
    found = await site.database.read(
        lambda r: r.rows(
            "SELECT action, decision, person_id FROM audit WHERE action <> 'log_opened'"
            " ORDER BY seq"
        )
    )
    return [(row[0], row[1], row[2]) for row in found]


async def test_nothing_is_ticked_beforehand_and_a_duty_has_no_box(
    visitors: Visitors, staffed: Site
) -> None:
    html = await (await (await visitors.patient()).get("/patient/consents")).text()
    boxes = re.findall(r'<input type="checkbox"[^>]*name="item_(\w+)"[^>]*>', html)
    assert boxes == [item.value for item in Item if item is not Item.SHARE_AUTHORITY]
    assert "checked" not in html
    assert "Nghĩa vụ theo luật" in html


async def test_a_patient_agrees_and_withdraws_by_themselves(
    visitors: Visitors, staffed: Site
) -> None:
    patient = await visitors.patient()
    assert (await patient.post("/patient/consents", MONITORING)).status == 303
    assert await agreed(staffed, "p-hoa")
    html = await (await patient.get("/patient/consents")).text()
    assert "Bạn đã đồng ý lúc" in html
    key = await consent_id(staffed, "p-hoa")
    assert (await patient.post(f"/patient/consents/{key}/withdraw")).status == 303
    assert not await agreed(staffed, "p-hoa")
    held = await staffed.database.read(lambda r: stopping.withheld(r, ["ox-00"]))
    assert list(held) == ["ox-00"]
    assert (await patient.post(f"/patient/consents/{key}/withdraw")).status == 409
    assert [line for line in await audited(staffed) if line[0].startswith("consent_")] == [
        ("consent_given", "allow", "p-hoa"),
        ("consent_withdrawn", "allow", "p-hoa"),
        ("consent_withdrawn", "allow", "p-hoa"),
    ]


async def test_a_withdrawal_is_told_on_the_bus_at_once(visitors: Visitors, staffed: Site) -> None:
    told: list[str] = []
    for topic in ("outbox", "person:p-hoa"):
        staffed.services.bus.subscribe(topic, lambda found, _message: told.append(found))
    patient = await visitors.patient()
    await patient.post("/patient/consents", MONITORING)
    assert told == []
    await patient.post(f"/patient/consents/{await consent_id(staffed, 'p-hoa')}/withdraw")
    assert told == ["outbox", "person:p-hoa"]


@pytest.mark.parametrize("form", [{}, {"item_share_authority": "yes"}, {"item_soul": "yes"}])
async def test_ticking_nothing_or_what_is_not_asked_is_refused(
    visitors: Visitors, staffed: Site, form: dict[str, str]
) -> None:
    assert (await (await visitors.patient()).post("/patient/consents", form)).status == 422


async def test_a_stranger_neither_sees_nor_ends_somebodys_consent(
    visitors: Visitors, staffed: Site
) -> None:
    hoa, linh = await visitors.patient(), await visitors.patient("ac-linh")
    await hoa.post("/patient/consents", MONITORING)
    key = await consent_id(staffed, "p-hoa")
    assert (await linh.post(f"/patient/consents/{key}/withdraw")).status == 403
    assert (await linh.get("/patient/consents?person=p-hoa")).status == 403
    assert (await linh.post("/patient/consents?person=p-hoa", MONITORING)).status == 403
    assert await agreed(staffed, "p-hoa")
    assert ("consent_withdrawn", "deny", "p-hoa") in await audited(staffed)


async def test_a_guardian_agrees_for_the_child_who_was_asked(
    visitors: Visitors, staffed: Site
) -> None:
    linh = await visitors.patient("ac-linh")
    page = "/patient/consents?person=p-child"
    html = await (await linh.get(page)).text()
    assert "Bé Mỷ" in html
    refused = await linh.post(page, MONITORING)
    assert refused.status == 422
    assert "Trẻ từ đủ 7 tuổi cũng phải đồng ý." in await refused.text()
    assert (await linh.post(page, MONITORING | {"child_agrees": "yes"})).status == 303
    assert await agreed(staffed, "p-child")


async def test_a_child_cannot_agree_alone(visitors: Visitors, staffed: Site) -> None:
    def enter(tx: Transaction) -> None:
        rows.account(tx, "ac-child", "patient", person_id="p-child")

    await staffed.database.write(enter)
    child = await visitors.patient("ac-child")
    html = await (await child.get("/patient/consents")).text()
    assert 'type="checkbox"' not in html
    refused = await child.post("/patient/consents", MONITORING | {"child_agrees": "yes"})
    assert refused.status == 422
    assert not await agreed(staffed, "p-child")


async def test_a_nurse_keeps_a_spoken_yes_with_her_note_and_ends_it(
    visitors: Visitors, staffed: Site
) -> None:
    witness = await nurse(visitors)
    page = "/desk/persons/p-hoa/consents"
    form = MONITORING | {"channel": "spoken", "note": "trước mặt con gái"}
    assert (await witness.post(page, form | {"note": ""})).status == 422
    assert (await witness.post(page, form | {"channel": "page"})).status == 422
    assert not await agreed(staffed, "p-hoa")
    assert (await witness.post(page, form)).status == 303
    html = await (await witness.get(page)).text()
    assert "bằng lời" in html
    key = await consent_id(staffed, "p-hoa")
    assert (await witness.post(f"/desk/persons/p-nam/consents/{key}/withdraw")).status == 404
    assert (await witness.post(f"{page}/{key}/withdraw")).status == 303
    assert not await agreed(staffed, "p-hoa")


async def test_a_nurse_names_the_guardian_of_a_child(visitors: Visitors, staffed: Site) -> None:
    witness = await nurse(visitors)
    page = "/desk/persons/p-child/consents"
    form = MONITORING | {"channel": "paper", "note": "12/2026", "child_agrees": "yes"}
    assert (await witness.post(page, form)).status == 422
    assert (await witness.post(page, form | {"guardian": "p-nam"})).status == 422
    assert (await witness.post(page, form | {"guardian": "p-linh"})).status == 303
    assert await agreed(staffed, "p-child")


@pytest.mark.parametrize("locale", ["vi", "en"])
async def test_the_proof_is_of_the_language_that_was_shown(
    visitors: Visitors, staffed: Site, locale: str
) -> None:
    patient = await visitors.patient()
    await patient.post("/language", {"locale": locale, "next": "/patient/consents"})
    await patient.post("/patient/consents", MONITORING)
    found = await staffed.database.read(lambda r: r.rows("SELECT locale FROM consent"))
    assert found == [(locale,)]


async def answered(visitors: Visitors, site: Site, kind: str) -> tuple[Visitor, str]:
    """Return the officer, and a request of p-hoa that has been answered."""
    patient = await visitors.patient()
    assert (await patient.post("/patient/requests", {"kind": kind, "details": "x"})).status == 303
    key = (await site.database.read(lambda r: r.rows("SELECT request_id FROM subject_request")))[0][
        0
    ]
    privacy = await officer(visitors)
    answer = await privacy.post(f"/privacy/requests/{key}/answer", {"outcome": "Đã nhận."})
    assert answer.status == 303
    return privacy, str(key)


async def test_a_copy_is_asked_for_answered_made_and_fetched_by_its_person_alone(
    visitors: Visitors, staffed: Site
) -> None:
    privacy, key = await answered(visitors, staffed, "copy")
    patient = await visitors.patient()
    copy = f"/patient/requests/{key}/copy"
    assert (await patient.get(copy)).status == 404
    done = await privacy.post(f"/privacy/requests/{key}/do", {"outcome": "Tải tại đây."})
    assert done.status == 303
    assert copy in await (await patient.get("/patient/requests")).text()
    response = await patient.get(copy)
    raw = await response.read()
    assert response.headers["Content-Type"] == "application/zip"
    assert response.headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        found = msgspec.json.decode(archive.read("data.json"), type=copy_schema.Copy)
    assert found.person.name == "Lò Thị Hoà"
    assert len(found.readings) == 60
    exports = await staffed.database.read(lambda r: r.rows("SELECT sha256 FROM export"))
    assert [bytes(row[0]) for row in exports] == [hashlib.sha256(raw).digest()]
    stranger = await visitors.patient("ac-linh")
    assert (await stranger.get(copy)).status == 403
    assert ("copy_handed_over", "allow", "p-hoa") in await audited(staffed)


async def test_a_copy_can_be_fetched_for_thirty_days(visitors: Visitors, staffed: Site) -> None:
    privacy, key = await answered(visitors, staffed, "copy")
    await privacy.post(f"/privacy/requests/{key}/do", {"outcome": "xong"})
    patient = await visitors.patient()

    async def status_after(days: float) -> int:
        back_ms = int(days * people.DAY)
        await staffed.database.write(
            lambda tx: tx.execute(
                "UPDATE subject_request SET closed_ms = ?", (tx.now_ms - back_ms,)
            )
        )
        return (await patient.get(f"/patient/requests/{key}/copy")).status

    assert await status_after(29.99) == 200
    assert await status_after(30.01) == 404


async def test_a_restriction_is_set_by_the_officer_and_lifted_by_the_person(
    visitors: Visitors, staffed: Site
) -> None:
    cover = await visitors.doctor("ac-cover")
    assert (await cover.get("/doctor/persons/p-hoa")).status == 200
    privacy, key = await answered(visitors, staffed, "restrict")
    await privacy.post(f"/privacy/requests/{key}/do", {"outcome": "Đã hạn chế."})
    out_of_reach = await cover.get("/doctor/persons/p-hoa")
    assert out_of_reach.headers["Location"].startswith("/emergency/persons/p-hoa")
    assert (await (await visitors.doctor()).get("/doctor/persons/p-hoa")).status == 200
    patient = await visitors.patient()
    assert "hạn chế người xem từ" in await (await patient.get("/patient/requests")).text()
    assert (await patient.post("/patient/restriction/lift")).status == 303
    assert (await cover.get("/doctor/persons/p-hoa")).status == 200
    assert (await patient.post("/patient/restriction/lift")).status == 409


async def test_a_deletion_waits_for_the_case_and_then_signs_the_person_out(
    visitors: Visitors, staffed: Site
) -> None:
    privacy, key = await answered(visitors, staffed, "delete")
    patient = await visitors.patient()
    html = await (await privacy.get("/privacy/requests")).text()
    assert "phải đóng trước rồi mới xoá được" in html
    assert "ít nhất 10 năm" in html
    do = f"/privacy/requests/{key}/do"
    assert (await privacy.post(do, {"outcome": "xoá"})).status == 409
    await staffed.database.write(
        lambda tx: tx.execute("UPDATE f0_case SET closed_ms = ?", (tx.now_ms,))
    )
    assert (await privacy.post(do, {"outcome": "Đã xoá."})).status == 303
    assert (await patient.get("/patient/requests")).status == 303

    def left(reader: Reader) -> tuple[str, int]:
        readings = reader.rows("SELECT 1 FROM reading WHERE person_id = 'p-hoa'")
        return open_personal(reader, "p-hoa").name, len(readings)

    assert await staffed.database.read(left) == ("", 60)
    assert ("person_erased", "allow", "p-hoa") in await audited(staffed)


async def test_erasing_asks_the_officer_to_prove_again_who_they_are(
    visitors: Visitors, staffed: Site
) -> None:
    privacy, key = await answered(visitors, staffed, "delete")
    await staffed.database.write(
        lambda tx: tx.execute(
            "UPDATE login_session SET confirmed_ms = ? WHERE account_id = 'ac-officer'",
            (tx.now_ms - people.HOUR,),
        )
    )
    response = await privacy.post(f"/privacy/requests/{key}/do", {"outcome": "xoá"})
    assert response.status == 303
    assert response.headers["Location"].startswith("/confirm")


async def test_a_refusal_is_told_to_the_person_with_its_reason(
    visitors: Visitors, staffed: Site
) -> None:
    privacy, key = await answered(visitors, staffed, "delete")
    refuse = f"/privacy/requests/{key}/refuse"
    assert (await privacy.post(refuse, {"outcome": " "})).status == 422
    assert (await privacy.post(refuse, {"outcome": "Phải giữ 10 năm."})).status == 303
    assert (await privacy.post(refuse, {"outcome": "x"})).status == 409
    html = await (await (await visitors.patient()).get("/patient/requests")).text()
    assert "Phải giữ 10 năm." in html


async def test_what_is_no_request_or_no_step_is_refused(visitors: Visitors, staffed: Site) -> None:
    patient, privacy = await visitors.patient(), await officer(visitors)
    assert (await patient.post("/patient/requests", {"kind": "all"})).status == 422
    wrong = await patient.post("/patient/requests", {"kind": "correct"})
    assert wrong.status == 422
    assert "Hãy viết chỗ nào sai" in await wrong.text()
    assert (await privacy.post("/privacy/requests/rq-none/answer")).status == 404
    assert (await privacy.post("/privacy/requests/rq-none/burn")).status == 404


async def test_the_officer_sees_a_withdrawal_through(visitors: Visitors, staffed: Site) -> None:
    patient, privacy = await visitors.patient(), await officer(visitors)
    await patient.post("/patient/consents", MONITORING)
    key = await consent_id(staffed, "p-hoa")
    await patient.post(f"/patient/consents/{key}/withdraw")
    done = f"/privacy/withdrawals/{key}/done"
    html = await (await privacy.get("/privacy/requests")).text()
    assert done in html
    assert "Lò Thị Hoà" in html
    assert (await privacy.post(done)).status == 303
    assert done not in await (await privacy.get("/privacy/requests")).text()
    assert (await privacy.post(done)).status == 409
    assert ("list_seen", "allow", "p-hoa") in await audited(staffed)


async def test_the_administrator_sets_days_within_limits_with_a_reason(
    visitors: Visitors, staffed: Site
) -> None:
    admin = await visitors.administrator()
    uploads = f"{RETENTION}/uploads"
    for form in ({"days": "5", "reason": "x"}, {"days": "60", "reason": ""}, {"days": "٦٠"}, {}):
        assert (await admin.post(uploads, form)).status == 422
    assert (await admin.post(f"{RETENTION}/person", {"days": "60", "reason": "x"})).status == 404
    assert (await admin.post(uploads, {"days": "60", "reason": "điều tra số 7"})).status == 303
    html = await (await admin.get(RETENTION)).text()
    assert "điều tra số 7" in html
    assert "thay cho 30" in html
    assert (await admin.post(f"{uploads}/reset")).status == 303
    assert "điều tra số 7" not in await (await admin.get(RETENTION)).text()
    assert (await admin.post(f"{uploads}/reset")).status == 404


@pytest.mark.parametrize("locale", ["vi", "en"])
async def test_every_page_is_whole_in_both_languages(
    visitors: Visitors, staffed: Site, locale: str
) -> None:
    patient = await visitors.patient()
    await patient.post("/patient/consents", MONITORING)
    await patient.post("/patient/requests", {"kind": "delete"})
    for visitor, path in (
        (patient, "/patient/consents"),
        (patient, "/patient/requests"),
        (await nurse(visitors), "/desk/persons/p-hoa/consents"),
        (await nurse(visitors), "/desk/persons/p-child/consents"),
        (await officer(visitors), "/privacy/requests"),
        (await visitors.administrator(), RETENTION),
    ):
        await visitor.post("/language", {"locale": locale, "next": "/"})
        response = await visitor.get(path)
        html = await response.text()
        assert response.status == 200
        assert f'<html lang="{locale}"' in html
        assert "style=" not in html
