"""The administrator's programmes: where, under which rules, for trial or signed for care."""

import re
from typing import Final

import pytest

from telehealth.store.database import Transaction
from tests import rows
from tests.webui.conftest import Site, Visitor, Visitors
from tests.webui.test_station import fields_marked, one_row, posted, text_of

FORM: Final = {
    "name": "F0 tại nhà, đợt 2",
    "place": "pl-xa",
    "rule_pack": "moh-vn-261@2022-01-31",
    "cadence_s": "43200",
    "mode": "evaluation",
}
SIGNED: Final = {**FORM, "mode": "clinical", "signed_by": "BS. Mai", "signed_on": "1/6/2026"}


@pytest.fixture
async def admin(site: Site, visitors: Visitors) -> Visitor:
    """Return the administrator of a small tree of places."""

    def settle(tx: Transaction) -> None:
        for place_id, parent in (("pl-vn", None), ("pl-xa", "pl-vn"), ("pl-xb", "pl-vn")):
            rows.place(tx, place_id, parent)
        rows.account(tx, "ac-admin-xa", "administrator", place_id="pl-xa")

    await site.database.write(settle)
    return await visitors.administrator()


async def test_a_programme_begins_on_trial_and_the_list_says_so(site: Site, admin: Visitor) -> None:
    await posted(admin, "/admin/programmes", FORM, 303)
    row = await one_row(
        site,
        "SELECT name, place_id, mode, cadence_s, levels_signed_by FROM programme"
        " WHERE place_id = 'pl-xa'",
    )
    assert row == ("F0 tại nhà, đợt 2", "pl-xa", "evaluation", 43_200, None)
    page = await text_of(admin, "/admin/programmes")
    assert "F0 tại nhà, đợt 2" in page
    assert "chạy thử" in page
    assert "2 lần mỗi ngày" in page
    assert (await one_row(site, "SELECT count(*) FROM audit WHERE action = 'programme_changed'"))[0]


async def test_every_wrong_field_is_marked_and_nothing_typed_is_lost(
    site: Site, admin: Visitor
) -> None:
    wrong = {
        "name": "", "place": "nowhere", "rule_pack": "none", "cadence_s": "1", "mode": "clinical",
        "signed_by": "", "signed_on": "1/1/2999",
    }  # fmt: skip
    page, _ = await posted(admin, "/admin/programmes", wrong, 422)
    assert fields_marked(page) == set(wrong) - {"mode"}
    assert 'value="1/1/2999"' in page
    assert await one_row(site, "SELECT count(*) FROM programme") == (2,)
    page, _ = await posted(admin, "/admin/programmes", {**FORM, "mode": "?"}, 422)
    assert fields_marked(page) == {"mode"}


async def test_of_several_places_one_is_chosen(site: Site, admin: Visitor) -> None:
    page, _ = await posted(admin, "/admin/programmes", {**FORM, "place": "pl"}, 422)
    assert fields_marked(page) == {"place"}
    assert set(re.findall(r'<option value="(pl-\w+)">', page)) == {"pl-vn", "pl-xa", "pl-xb"}
    await posted(admin, "/admin/programmes", {**FORM, "place": "pl", "place_id": "pl-xb"}, 303)
    assert await one_row(site, "SELECT count(*) FROM programme WHERE place_id = 'pl-xb'") == (1,)


async def test_clinical_use_needs_a_signature_that_the_list_names(
    site: Site, admin: Visitor
) -> None:
    for missing in ("signed_by", "signed_on"):
        page, _ = await posted(admin, "/admin/programmes", {**SIGNED, missing: ""}, 422)
        assert fields_marked(page) == {missing}
    await posted(admin, "/admin/programmes", SIGNED, 303)
    row = await one_row(
        site,
        "SELECT levels_signed_by, levels_signed_on FROM programme WHERE mode = 'clinical'",
    )
    assert row == ("BS. Mai", "2026-06-01")
    page = await text_of(admin, "/admin/programmes")
    assert "BS. Mai ký, 1/6/2026" in page


async def test_a_programme_ends_once_nobody_is_in_it(site: Site, admin: Visitor) -> None:
    page, _ = await posted(admin, "/admin/programmes/binh-minh/end", {}, 409)
    assert "còn ca đang theo dõi" in page
    await site.database.write(
        lambda tx: tx.execute("UPDATE f0_case SET closed_ms = 1 WHERE programme_id = 'binh-minh'")
    )
    await posted(admin, "/admin/programmes/binh-minh/end", {}, 303)
    assert "kết thúc" in await text_of(admin, "/admin/programmes")
    await posted(admin, "/admin/programmes/binh-minh/end", {}, 409)
    await posted(admin, "/admin/programmes/none/end", {}, 404)


async def test_an_administrator_of_one_place_keeps_to_it(
    site: Site, admin: Visitor, visitors: Visitors
) -> None:
    await posted(admin, "/admin/programmes", {**FORM, "place": "pl-xb", "name": "Bên kia"}, 303)
    (key,) = await one_row(site, "SELECT programme_id FROM programme WHERE place_id = 'pl-xb'")
    local = await visitors.doctor("ac-admin-xa")
    assert "Bên kia" not in await text_of(local, "/admin/programmes")
    page, _ = await posted(local, "/admin/programmes", {**FORM, "place": "pl-xb"}, 422)
    assert fields_marked(page) == {"place"}
    assert (await local.post(f"/admin/programmes/{key}/end")).status == 403
    await posted(local, "/admin/programmes", FORM, 303)


async def test_programmes_are_the_administrators(visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    assert (await doctor.get("/admin/programmes")).status == 403
    assert (await doctor.post("/admin/programmes", FORM)).status == 403


@pytest.mark.parametrize(
    ("station", "sms", "status"),
    [
        ("0912 000 111", "", 303),
        ("+84 (24) 3333-4444", "8099", 303),
        ("", "", 303),
        ("call me", "", 422),
        ("12", "", 422),
        ("0912000111", "javascript:1", 422),
    ],
)
async def test_the_numbers_that_people_call_are_changed_and_must_be_dialled(
    visitors: Visitors, site: Site, station: str, sms: str, status: int
) -> None:
    administrator = await visitors.administrator()
    form = {"station_phone": station, "sms_number": sms}
    answer = await administrator.post("/admin/programmes/binh-minh/numbers", form)
    assert answer.status == status
    kept = await site.database.read(
        lambda r: r.rows(
            "SELECT station_phone, sms_number FROM programme WHERE programme_id = 'binh-minh'"
        )
    )
    assert list(kept[0]) == ([station or None, sms or None] if status == 303 else [None, None])


async def test_a_programme_that_is_not_there_has_no_numbers(visitors: Visitors) -> None:
    administrator = await visitors.administrator()
    answer = await administrator.post("/admin/programmes/none/numbers", {"station_phone": "115"})
    assert answer.status == 404
