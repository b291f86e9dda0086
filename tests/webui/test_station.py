"""The station's desk: people registered once, found again, lent to, merged, all in its places."""

import re
from collections.abc import Iterable
from typing import Any, Final

import pytest

from protocols.identifiers import IdentifierKind
from telehealth.access.policy import Role
from telehealth.access.sessions import LIMITS, session_topic, token_hash
from telehealth.people.identifiers import NewIdentifier, add
from telehealth.people.search_index import index_person
from telehealth.store import tables
from telehealth.store.database import Reader, Transaction
from tests import rows
from tests.webui import people
from tests.webui.conftest import Site, Visitor, Visitors

CARD: Final = "012151678901|123456789|Giàng Thị Mỷ|05031951|Nữ|Thôn Nà Lộc, Xã Bình Minh|01012022"
CITIZEN_ID: Final = "001151012345"
FORM: Final = {
    "name": "Giàng Thị Mỷ",
    "born": "5/3/1951",
    "sex": "female",
    "phone": "0912 345 678",
    "citizen_id": CITIZEN_ID,
    "programme_id": "binh-minh",
    "do": "save",
}


@pytest.fixture
async def commune(site: Site) -> Site:
    """Return the site with places, a nurse and a coordinator of one commune, and one far away."""

    def settle(tx: Transaction) -> None:
        for place_id, parent in (("pl-vn", None), ("pl-xa", "pl-vn"), ("pl-far", "pl-vn")):
            rows.place(tx, place_id, parent)
        tx.execute("UPDATE place SET name = 'Xã Bình Minh', folded = 'xa binh minh',"
                   " code = '00892' WHERE place_id = 'pl-xa'")  # fmt: skip
        tx.execute("UPDATE person SET place_id = 'pl-xa' WHERE person_id <> 'p-far'")
        tx.execute("UPDATE person SET place_id = 'pl-far' WHERE person_id = 'p-far'")
        tx.execute("UPDATE device SET place_id = 'pl-xa' WHERE device_id <> 'ox-04'")
        tx.execute("UPDATE device SET place_id = 'pl-far' WHERE device_id = 'ox-04'")
        for person_id in ("p-hoa", "p-nam", "p-linh", "p-duc", "p-far"):
            index_person(tx, person_id)
        for role in ("nurse", "coordinator"):
            rows.account(tx, f"ac-{role}-xa", role, place_id="pl-xa")
        rows.account(tx, "ac-nurse-far", "nurse", place_id="pl-far")
        rows.account(tx, "ac-doctor-xa", "doctor", place_id="pl-xa", display_name="BS. Sơn")
        people.put(tx, tables.Device(device_id="ox-free", place_id="pl-xa", registered_ms=1))

    await site.database.write(settle)
    return site


async def nurse(visitors: Visitors) -> Visitor:
    return await visitors.doctor("ac-nurse-xa")


async def coordinator(visitors: Visitors) -> Visitor:
    return await visitors.doctor("ac-coordinator-xa")


async def text_of(visitor: Visitor, path: str, status: int = 200) -> str:
    response = await visitor.get(path)
    assert response.status == status
    return main_of(await response.text())


def main_of(page: str) -> str:
    """Return what people see of a page: not the texts that it holds for its script."""
    return page.partition("<main")[2].partition("</main>")[0]


async def posted(visitor: Visitor, path: str, form: dict[str, str], status: int) -> tuple[str, str]:
    """Send a form and return what came back, and where it leads."""
    response = await visitor.post(path, form)
    page = main_of(await response.text())
    assert response.status == status, fields_marked(page)
    return page, response.headers.get("Location", "")


async def asked(visitor: Visitor, path: str, body: Any, status: int = 200) -> Any:
    """Send JSON and return the answer."""
    response = await visitor.http.post(
        visitor.site.origin + path,
        json=body,
        headers={"Origin": visitor.site.origin, "Sec-Fetch-Site": "same-origin"},
    )
    assert response.status == status
    return await response.json()


async def registered(visitor: Visitor, **more: str) -> str:
    """Register somebody and return who it is."""
    _, location = await posted(visitor, "/station/register", {**FORM, **more}, 303)
    found = re.search(r"/persons/(pe-[0-9a-f]+)", location)
    assert found is not None
    return found[1]


async def one_row(site: Site, sql: str, *values: Any) -> tuple[Any, ...]:
    """Return the one row of a question."""
    found = await site.database.read(lambda reader: reader.rows(sql, values))
    assert len(found) == 1, found
    return found[0]


async def audited(site: Site, person_id: str) -> list[str]:
    """Return the actions that the log holds of a person."""

    def look(reader: Reader) -> list[str]:
        sql = "SELECT action FROM audit WHERE person_id = ?"
        return [row[0] for row in reader.rows(sql, (person_id,))]

    return await site.database.read(look)


def fields_marked(page: str) -> set[str]:
    """Return the fields that a page marks as not taken."""
    return set(re.findall(r'id="(\w+)-wrong"', page))


def input_value(page: str, name: str) -> str:
    """Return what stands in a field."""
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    assert found is not None
    return found[1]


async def test_the_home_page_shows_what_waits(commune: Site, visitors: Visitors) -> None:
    await commune.database.write(
        lambda tx: tx.execute(
            "UPDATE f0_case SET assigned_doctor_id = NULL WHERE person_id = 'p-nam'"
        )
    )
    page = await text_of(await nurse(visitors), "/station")
    waiting = page.split('id="no-doctor"')[1].split("</section>")[0]
    assert "Nguyễn Văn Nam" in waiting
    assert "Lò Thị Hoà" not in waiting
    assert "Hà Văn Xa" not in page
    assert "ox-03" in page, "the device that has been silent for hours"
    assert "Chạy thử" in page, "its programme is for evaluation"


async def test_a_coordinator_sees_pairs_and_a_nurse_does_not(
    commune: Site, visitors: Visitors
) -> None:
    assert "/station/pairs" in await text_of(await coordinator(visitors), "/station")
    assert 'href="/station/pairs"' not in await text_of(await nurse(visitors), "/station")
    assert (await (await nurse(visitors)).get("/station/pairs")).status == 403


async def test_people_are_listed_by_given_name(commune: Site, visitors: Visitors) -> None:
    page, _ = await posted(await nurse(visitors), "/station/search", {"text": "th"}, 200)
    found = re.findall(r"<strong>([^<]+)</strong>", page)
    assert found == ["Lò Thị Hoà", "Vàng Thị Linh"]


@pytest.mark.parametrize("text", ["lo thi hoa", "LÒ THỊ HOÀ", "hoa lo", "thi ho"])
async def test_a_name_is_found_without_accents_and_in_any_order(
    commune: Site, visitors: Visitors, text: str
) -> None:
    page, _ = await posted(await nurse(visitors), "/station/search", {"text": text}, 200)
    assert "/station/persons/p-hoa" in page
    assert "search_found" in await audited(commune, "p-hoa")


async def test_nobody_of_another_commune_is_found_or_hinted_at(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    page, _ = await posted(visitor, "/station/search", {"text": "ha van xa"}, 200)
    assert "p-far" not in page
    assert "Không có ai như vậy" in page
    assert (await asked(visitor, "/api/v1/people/search", {"text": "ha van xa"}))["people"] == []
    assert "search_found" not in await audited(commune, "p-far")
    assert "/station/persons/p-far" in (
        await posted(await visitors.doctor("ac-nurse-far"), "/station/search",
                     {"text": "ha van xa"}, 200)
    )[0]  # fmt: skip


async def test_a_scanned_card_finds_whom_it_names(commune: Site, visitors: Visitors) -> None:
    visitor = await nurse(visitors)
    person_id = await registered(visitor, citizen_id="012151678901", born="1951")
    page, _ = await posted(visitor, "/station/search", {"text": CARD}, 200)
    assert f"/station/persons/{person_id}" in page
    unknown = CARD.replace("012151678901", "001151099999").replace("Giàng Thị Mỷ", "Ai Đó")
    page, _ = await posted(visitor, "/station/search", {"text": unknown}, 200)
    assert "Đăng ký người trên thẻ" in page
    page, _ = await posted(visitor, "/station/search", {"text": "gì|đó|lạ"}, 200)
    assert "Không nhận ra thẻ này" in page


async def test_one_page_registers_person_programme_doctor_and_device(
    commune: Site, visitors: Visitors
) -> None:
    person_id = await registered(
        await nurse(visitors),
        insurance="HS4010112345678",
        address="Thôn Nà Lộc",
        onset="1/3/2024",
        doctor_id="ac-doctor-xa",
        device_id="ox-free",
    )
    case = await one_row(
        commune,
        "SELECT programme_id, assigned_doctor_id, onset_date FROM f0_case WHERE person_id = ?",
        person_id,
    )
    assert case == ("binh-minh", "ac-doctor-xa", "2024-03-01")
    loan = await one_row(
        commune, "SELECT device_id, decided_by FROM device_loan WHERE person_id = ?", person_id
    )
    assert loan == ("ox-free", "ac-nurse-xa")
    where = await one_row(
        commune, "SELECT place_id, sex FROM person WHERE person_id = ?", person_id
    )
    assert where == ("pl-xa", "female")
    log = await audited(commune, person_id)
    assert {"person_registered", "case_opened", "device_lent"} <= set(log)
    page = await text_of(await nurse(visitors), f"/station/persons/{person_id}")
    assert "Giàng Thị Mỷ" in page
    assert "BS. Sơn" in page
    assert "ox-free" in page
    assert "••••••••2345" in page
    assert CITIZEN_ID not in page


async def test_the_page_goes_on_to_the_code_to_log_in_if_that_was_ticked(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    _, location = await posted(visitor, "/station/register", {**FORM, "entry": "yes"}, 303)
    assert re.fullmatch(r"/desk/persons/pe-[0-9a-f]+/entry", location)
    assert (await visitor.get(location)).status == 200


async def test_every_wrong_field_is_marked_and_nothing_typed_is_lost(
    commune: Site, visitors: Visitors
) -> None:
    wrong = {
        "name": "12345", "born": "31/2/1951", "phone": "12", "citizen_id": "123",
        "insurance": "x", "passport": "?", "old_citizen_id": "1", "onset": "1/1/2999",
        "place": "nowhere at all, at all, far", "device_id": "with space",
        "household": "nobody like this", "programme_id": "binh-minh", "address": "a" * 301,
        "do": "save",
    }  # fmt: skip
    page, _ = await posted(await nurse(visitors), "/station/register", wrong, 422)
    marked = {
        "name", "born", "phone", "citizen_id", "insurance", "passport", "old_citizen_id", "onset",
        "device_id", "household", "address",
    }  # fmt: skip
    assert fields_marked(page) == marked
    for name in marked - {"household"}:
        assert input_value(page, name) == wrong[name]
    count = await one_row(commune, "SELECT count(*) FROM person")
    assert count == (5,)


@pytest.mark.parametrize("name", ["doctor_id", "device_id", "onset"])
async def test_what_goes_with_a_programme_only_is_marked_without_one(
    commune: Site, visitors: Visitors, name: str
) -> None:
    value = {"doctor_id": "ac-doctor-xa", "device_id": "ox-free", "onset": "1/3/2024"}[name]
    form = {**FORM, "programme_id": "", name: value}
    page, _ = await posted(await nurse(visitors), "/station/register", form, 422)
    assert fields_marked(page) == {name}


async def test_without_a_programme_nothing_but_the_person_is_written(
    commune: Site, visitors: Visitors
) -> None:
    person_id = await registered(await nurse(visitors), programme_id="")
    assert await one_row(
        commune, "SELECT count(*) FROM f0_case WHERE person_id = ?", person_id
    ) == (0,)


@pytest.mark.parametrize(
    ("device_id", "said"),
    [("ox-00", "đang có người mượn"), ("ox-04", "của trạm khác"), ("máy", "Không phải mã máy")],
)
async def test_a_device_that_cannot_be_lent_is_marked(
    commune: Site, visitors: Visitors, device_id: str, said: str
) -> None:
    form = {**FORM, "device_id": device_id}
    page, _ = await posted(await nurse(visitors), "/station/register", form, 422)
    assert fields_marked(page) == {"device_id"}
    assert said in page


async def test_a_doctor_of_elsewhere_is_marked(commune: Site, visitors: Visitors) -> None:
    form = {**FORM, "doctor_id": "ac-far"}
    page, _ = await posted(await nurse(visitors), "/station/register", form, 422)
    assert fields_marked(page) == {"doctor_id"}


async def test_a_place_that_nobody_knows_is_kept_with_a_warning(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    person_id = await registered(visitor, place="99999")
    row = await one_row(
        commune, "SELECT place_id, place_given FROM person WHERE person_id = ?", person_id
    )
    assert row == ("pl-xa", "99999")
    assert "“99999”" in await text_of(visitor, f"/station/persons/{person_id}")


async def test_a_place_outside_the_own_is_refused_and_a_code_within_is_taken(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    for form in ({"place": "pl-far"}, {"place": "", "place_id": "pl-far"}):
        page, _ = await posted(visitor, "/station/register", {**FORM, **form}, 422)
        assert fields_marked(page) == {"place"}
    person_id = await registered(visitor, place="binh minh")
    row = await one_row(
        commune, "SELECT place_id, place_given FROM person WHERE person_id = ?", person_id
    )
    assert row == ("pl-xa", None)


async def test_a_year_alone_is_taken_and_said(commune: Site, visitors: Visitors) -> None:
    visitor = await nurse(visitors)
    form = {**FORM, "born": "1951"}
    _, location = await posted(visitor, "/station/register", form, 303)
    assert "Chỉ biết năm sinh" in await text_of(visitor, location)


async def test_a_citizen_id_that_disagrees_is_taken_and_said(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    person_id = await registered(visitor, sex="male", born="5/3/1960")
    page = await text_of(visitor, f"/station/persons/{person_id}")
    assert "Giới tính không khớp" in page
    assert "Năm sinh không khớp" in page
    person_id = await registered(visitor, citizen_id="", phone="", name="Hạng A Páo")
    assert "không khớp" not in await text_of(visitor, f"/station/persons/{person_id}")


async def test_a_housemate_is_found_by_name_and_shares_the_household(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    person_id = await registered(visitor, household="lo thi hoa")
    row = await one_row(
        commune,
        "SELECT count(DISTINCT household_id) FROM household_member WHERE person_id IN (?, ?)",
        person_id,
        "p-hoa",
    )
    assert row == (1,)
    assert "Giàng Thị Mỷ" in await text_of(visitor, "/station/persons/p-hoa")


async def test_of_several_who_answer_one_is_chosen(commune: Site, visitors: Visitors) -> None:
    visitor = await nurse(visitors)
    page, _ = await posted(visitor, "/station/register", {**FORM, "household": "thi"}, 422)
    assert fields_marked(page) == {"household"}
    assert set(re.findall(r'<option value="(p-\w+)">', page)) == {"p-hoa", "p-linh"}
    person_id = await registered(visitor, household="thi", household_id="p-linh")
    assert await one_row(
        commune, "SELECT count(*) FROM household_member WHERE person_id IN (?, 'p-linh')", person_id
    ) == (2,)


async def test_somebody_registered_already_is_shown_before_anything_is_written(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    first = await registered(visitor)
    page, _ = await posted(visitor, "/station/register", FORM, 409)
    assert f"/station/persons/{first}" in page
    assert "chắc chắn trùng" in page
    assert "trùng số căn cước" in page
    second = await registered(visitor, another="yes")
    assert second != first
    pair = await one_row(commune, "SELECT grade, state FROM person_pair")
    assert pair == ("exact", "open")


async def test_the_form_is_compared_while_it_is_typed(commune: Site, visitors: Visitors) -> None:
    visitor = await nurse(visitors)
    typed = {"name": "Lo Thi Hoa", "born": "2/3/1951"}
    (found,) = (await asked(visitor, "/api/v1/people/alike", typed))["people"]
    assert (found["person_id"], found["grade"]) == ("p-hoa", "probable")
    assert found["why"] == "trùng họ tên và ngày sinh"
    for silent in ({"name": "Lo Thi Hoa", "born": "3/3/1951"}, {"name": "Lo Thi Hoa"}, {}):
        assert (await asked(visitor, "/api/v1/people/alike", silent))["people"] == []
    far = {"name": "Hà Văn Xa", "born": "5/5/1970"}
    assert (await asked(visitor, "/api/v1/people/alike", far))["people"] == []


async def test_a_phone_alone_makes_nobody_alike(commune: Site, visitors: Visitors) -> None:
    visitor = await nurse(visitors)
    await registered(visitor)
    phone = {"phone": "0912345678", "name": "Hạng A Páo"}
    assert (await asked(visitor, "/api/v1/people/alike", phone))["people"] == []
    phone["name"] = "Giàng Thị Mỳ"
    (found,) = (await asked(visitor, "/api/v1/people/alike", phone))["people"]
    assert found["grade"] == "probable"


async def test_a_card_fills_the_form_without_a_script(commune: Site, visitors: Visitors) -> None:
    card = CARD.replace("012151678901", "012060678901")
    form = {"scan": card, "phone": "0912 345 678", "do": "read"}
    page, _ = await posted(await nurse(visitors), "/station/register", form, 200)
    assert input_value(page, "name") == "Giàng Thị Mỷ"
    assert input_value(page, "born") == "5/3/1951"
    assert input_value(page, "citizen_id") == "012060678901"
    assert input_value(page, "old_citizen_id") == "123456789"
    assert input_value(page, "phone") == "0912 345 678"
    assert input_value(page, "source") == "citizen_card"
    assert "không khớp với số căn cước" in page, "the number says 1960 and male"


async def test_a_card_is_read_for_the_script(commune: Site, visitors: Visitors) -> None:
    found = await asked(await nurse(visitors), "/api/v1/qr", {"text": CARD})
    assert found["kind"] == "citizen_card"
    assert found["fields"]["name"] == "Giàng Thị Mỷ"
    assert found["fields"]["sex"] == "female"
    assert found["doubts"] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x" * 10_000, "too_long"),
        ("012151678901|\x07|A|05031951|Nữ||", "not_text"),
        ("gì|đó|lạ", "unknown"),
        (CARD.replace("05031951", "31021951"), "impossible_date"),
        (CARD.replace("05031951", "05032951"), "future_date"),
        (CARD.replace("Giàng", "G1"), "bad_field"),
        ("https://example.org/enrol#ABCDEFGH", "unknown"),
    ],
)
async def test_a_text_that_is_no_card_is_refused_with_its_reason_and_never_echoed(
    commune: Site, visitors: Visitors, text: str, code: str
) -> None:
    visitor = await nurse(visitors)
    found = await asked(visitor, "/api/v1/qr", {"text": text}, 422)
    assert found["error"]["code"] == code
    assert text not in str(found)
    page, _ = await posted(visitor, "/station/register", {"scan": text[:2_000]}, 422)
    assert 'role="alert"' in page


@pytest.mark.parametrize("path", ["/api/v1/qr", "/api/v1/people/search", "/api/v1/people/alike"])
async def test_what_is_no_json_of_ours_is_a_clear_refusal(
    commune: Site, visitors: Visitors, path: str
) -> None:
    visitor = await nurse(visitors)
    wrong: list[Any] = [[], {"text": 1, "name": 1}, "x", {"text": "", "name": "x" * 500}]
    for body in wrong:
        await asked(visitor, path, body, 400)


async def test_a_person_of_another_commune_is_refused_and_the_log_says_so(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await coordinator(visitors)
    for person_id in ("p-far", "p-nobody"):
        assert (await visitor.get(f"/station/persons/{person_id}")).status == 403
        for act in ("correct", "identifiers", "household", "proxies", "case", "loan"):
            response = await visitor.post(f"/station/persons/{person_id}/{act}", {})
            assert response.status == 403
    assert "view_opened" in await audited(commune, "p-far")


async def test_a_nurse_sees_the_last_reading_and_a_coordinator_none(
    commune: Site, visitors: Visitors
) -> None:
    page = await text_of(await nurse(visitors), "/station/persons/p-hoa")
    assert "Lần đo gần nhất" in page
    assert "90" in page
    page = await text_of(await coordinator(visitors), "/station/persons/p-hoa")
    assert "Lần đo gần nhất" not in page
    assert "level-red" not in page


async def test_a_number_is_shown_whole_on_a_click_that_the_log_names(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    person_id = await registered(visitor)
    (key,) = await one_row(
        commune,
        "SELECT identifier_id FROM person_identifier WHERE person_id = ? AND kind = 'citizen_id'",
        person_id,
    )
    path = f"/station/persons/{person_id}/identifiers/{key}"
    page, _ = await posted(visitor, f"{path}/show", {}, 200)
    assert CITIZEN_ID in page
    target = await one_row(
        commune,
        "SELECT target FROM audit WHERE person_id = ? AND target LIKE 'identifier:%'",
        person_id,
    )
    assert target == (f"identifier:{key}",)
    await posted(visitor, f"/station/persons/p-hoa/identifiers/{key}/show", {}, 404)


async def test_a_number_is_added_ended_and_stays_with_its_dates(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    numbers = "/station/persons/p-hoa/identifiers"
    page, _ = await posted(visitor, numbers, {"kind": "phone", "value": "1"}, 422)
    assert fields_marked(page) == {"value"}
    await posted(visitor, numbers, {"kind": "phone", "value": "0912345678"}, 303)
    (key,) = await one_row(
        commune, "SELECT identifier_id FROM person_identifier WHERE person_id = 'p-hoa'"
    )
    await posted(visitor, f"{numbers}/{key}/end", {}, 303)
    (ended_ms,) = await one_row(commune, "SELECT ended_ms FROM person_identifier")
    assert ended_ms is not None
    log = await audited(commune, "p-hoa")
    assert {"identifier_added", "identifier_ended"} <= set(log)


async def test_a_number_that_somebody_else_bears_is_kept_and_goes_to_the_conflict_desk(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    first = await registered(visitor)
    _, location = await posted(
        visitor,
        "/station/persons/p-linh/identifiers",
        {"kind": "citizen_id", "value": CITIZEN_ID},
        303,
    )
    assert "alike" in location
    row = await one_row(commune, "SELECT person_a, person_b, grade, reasons FROM person_pair")
    assert set(row[:2]) == {first, "p-linh"}
    assert row[2:] == ("exact", "same_citizen_id")


async def test_who_somebody_is_is_corrected_and_found_by_the_new_name(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    await commune.database.write(
        lambda tx: tx.execute("UPDATE person SET locale = 'en' WHERE person_id = 'p-hoa'")
    )
    path = "/station/persons/p-hoa/correct"
    form = {"name": "Lò Thị Hòa Bình", "born": "4/3/1951", "sex": "female", "address": "Nà Lộc"}
    page, _ = await posted(visitor, path, {**form, "name": "1", "born": "x"}, 422)
    assert fields_marked(page) == {"name", "born"}
    assert input_value(page, "address") == "Nà Lộc"
    await posted(visitor, path, {**form, "place": "77777"}, 303)
    row = "SELECT place_id, place_given, locale FROM person WHERE person_id = 'p-hoa'"
    assert await one_row(commune, row) == ("pl-xa", "77777", "en")
    page = await text_of(visitor, "/station/persons/p-hoa")
    assert "sinh 4/3/1951" in page
    assert "Nà Lộc" in page
    await posted(visitor, path, form, 303)
    assert await one_row(commune, row) == ("pl-xa", "77777", "en")
    page, _ = await posted(visitor, path, {**form, "place": "pl-far"}, 422)
    assert fields_marked(page) == {"place"}
    await posted(visitor, path, {**form, "place": "binh minh"}, 303)
    assert await one_row(commune, row) == ("pl-xa", None, "en")
    page, _ = await posted(visitor, "/station/search", {"text": "hoa binh"}, 200)
    assert "/station/persons/p-hoa" in page
    assert "person_corrected" in await audited(commune, "p-hoa")


async def test_people_move_in_together_and_out_again(commune: Site, visitors: Visitors) -> None:
    visitor = await nurse(visitors)
    home = "/station/persons/p-nam/household"
    page, _ = await posted(visitor, home, {"household": "nguyen van nam"}, 422)
    assert fields_marked(page) == {"household"}
    await posted(visitor, home, {"household_id": "p-hoa"}, 303)
    assert "p-nam" in await text_of(visitor, "/station/persons/p-hoa")
    page, _ = await posted(visitor, home, {"household_id": "p-hoa"}, 409)
    assert "đã được ghi là sống cùng nhà" in page
    await posted(visitor, f"{home}/leave", {}, 303)
    assert "/station/persons/p-nam" not in await text_of(visitor, "/station/persons/p-hoa")


async def test_a_carer_acts_for_somebody_on_a_basis_until_it_is_ended(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    path = "/station/persons/p-hoa/proxies"
    form = {"proxy": "vang thi linh", "basis": "wish", "reference": "nói trước mặt tôi"}
    page, _ = await posted(visitor, path, {**form, "reference": ""}, 422)
    assert fields_marked(page) == {"reference"}
    page, _ = await posted(visitor, path, {**form, "proxy": "", "proxy_id": "p-hoa"}, 422)
    assert fields_marked(page) == {"proxy"}
    page, _ = await posted(visitor, path, {**form, "basis": "parent"}, 422)
    assert "dưới 16 tuổi" in page
    await posted(visitor, path, form, 303)
    page, _ = await posted(visitor, path, form, 409)
    assert "đã là người đại diện" in page
    (key,) = await one_row(commune, "SELECT proxy_id FROM person_proxy")
    await posted(visitor, f"/station/persons/p-nam/proxies/{key}/end", {}, 404)
    await posted(visitor, f"{path}/{key}/end", {}, 303)
    assert {"proxy_granted", "proxy_ended"} <= set(await audited(commune, "p-hoa"))


async def test_programme_and_doctor_are_changed_and_a_doctor_of_elsewhere_is_marked(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await coordinator(visitors)
    path = "/station/persons/p-nam/case"
    form = {"programme_id": "binh-minh", "doctor_id": "ac-doctor-xa"}
    page, _ = await posted(visitor, path, {**form, "doctor_id": "ac-far"}, 422)
    assert fields_marked(page) == {"doctor_id"}
    page, _ = await posted(visitor, path, {**form, "programme_id": "none"}, 422)
    assert fields_marked(page) == {"programme_id"}
    await posted(visitor, path, form, 303)
    row = await one_row(commune, "SELECT assigned_doctor_id FROM f0_case WHERE person_id = 'p-nam'")
    assert row == ("ac-doctor-xa",)


async def test_a_device_comes_back_and_goes_out_again(commune: Site, visitors: Visitors) -> None:
    visitor = await nurse(visitors)
    await posted(visitor, "/station/loans/ln-0/return", {"back": "person"}, 303)
    page, _ = await posted(visitor, "/station/persons/p-hoa/loan", {"device_id": "ox-01"}, 422)
    assert fields_marked(page) == {"device_id"}
    await posted(visitor, "/station/persons/p-hoa/loan", {"device_id": "ox-free"}, 303)
    row = await one_row(
        commune,
        "SELECT device_id FROM device_loan WHERE person_id = 'p-hoa' AND to_ms IS NULL",
    )
    assert row == ("ox-free",)
    assert {"device_returned", "device_lent"} <= set(await audited(commune, "p-hoa"))


async def test_a_loan_of_another_commune_is_not_taken_back(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    assert (await visitor.post("/station/loans/ln-4/return")).status == 403
    assert (await visitor.post("/station/loans/ln-none/return")).status == 404


async def test_the_list_of_devices_holds_those_of_the_place(
    commune: Site, visitors: Visitors
) -> None:
    page = await text_of(await nurse(visitors), "/station/devices")
    assert {f"ox-0{n}" for n in range(4)} <= set(re.findall(r"<strong>(ox-\w+)</strong>", page))
    assert "ox-04" not in page
    assert "Lò Thị Hoà" in page


async def test_a_device_of_no_station_is_adopted_by_the_one_that_lends_it(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    await posted(visitor, "/station/loans/ln-0/return", {}, 303)
    page, _ = await posted(visitor, "/station/loans", {"device_id": "ox-new", "person": "?"}, 422)
    assert fields_marked(page) == {"person"}
    form = {"device_id": "ox-new", "person": "lo thi hoa"}
    await posted(visitor, "/station/loans", form, 303)
    assert await one_row(commune, "SELECT place_id FROM device WHERE device_id = 'ox-new'") == (
        "pl-xa",
    )


async def test_only_a_device_in_the_station_is_moved_and_only_beneath_the_own_place(
    commune: Site, visitors: Visitors
) -> None:
    visitor = await nurse(visitors)
    await commune.database.write(lambda tx: rows.place(tx, "pl-thon", "pl-xa"))
    page, _ = await posted(visitor, "/station/devices/ox-free/place", {"place": "pl-far"}, 422)
    assert "Ngoài địa bàn" in page
    page, _ = await posted(visitor, "/station/devices/ox-00/place", {"place": "pl-thon"}, 422)
    assert "đang có người mượn" in page
    await posted(visitor, "/station/devices/ox-free/place", {"place": "pl-thon"}, 303)
    assert await one_row(commune, "SELECT place_id FROM device WHERE device_id = 'ox-free'") == (
        "pl-thon",
    )


async def two_alike(site: Site) -> str:
    """Give two people one citizen id; returns the pair."""

    def write(tx: Transaction) -> str:
        kind = IdentifierKind.CITIZEN_ID
        add(tx, "p-hoa", NewIdentifier(kind=kind, text=CITIZEN_ID), "test")
        return add(tx, "p-linh", NewIdentifier(kind=kind, text=CITIZEN_ID), "test").pairs[0]

    return await site.database.write(write)


async def test_a_pair_is_merged_and_the_merge_taken_back(commune: Site, visitors: Visitors) -> None:
    pair_id, visitor = await two_alike(commune), await coordinator(visitors)
    page = await text_of(visitor, "/station/pairs")
    assert "trùng số căn cước" in page
    path = f"/station/pairs/{pair_id}/merge"
    for wrong in ({"reason": "hỏi rồi"}, {"keep": "p-hoa"}, {"keep": "p-nam", "reason": "x"}):
        page, _ = await posted(visitor, path, wrong, 422)
        assert f'id="{pair_id}-wrong"' in page
    form = {"keep": "p-hoa", "reason": "cùng một người, hỏi tận nơi"}
    _, location = await posted(visitor, path, form, 303)
    assert location.startswith("/station/persons/p-hoa")
    moved = await visitor.get("/station/persons/p-linh")
    assert moved.headers["Location"] == "/station/persons/p-hoa"
    page = await text_of(visitor, "/station/persons/p-hoa")
    assert "cùng một người, hỏi tận nơi" in page
    (key,) = await one_row(commune, "SELECT merge_id FROM person_merge")
    undo = f"/station/persons/p-hoa/merges/{key}/undo"
    assert (await (await nurse(visitors)).post(undo)).status == 403
    await posted(visitor, undo, {}, 303)
    assert (await visitor.get("/station/persons/p-linh")).status == 200
    page, _ = await posted(visitor, undo, {}, 409)
    assert "Chưa hoàn lại được" in page
    assert {"persons_merged"} <= set(await audited(commune, "p-linh"))
    assert {"persons_merged", "merge_undone"} <= set(await audited(commune, "p-hoa"))


async def test_two_alike_are_said_to_be_two(commune: Site, visitors: Visitors) -> None:
    pair_id, visitor = await two_alike(commune), await coordinator(visitors)
    path = f"/station/pairs/{pair_id}/distinct"
    await posted(visitor, path, {"reason": ""}, 422)
    await posted(visitor, path, {"reason": "chị em sinh đôi"}, 303)
    assert "Không có hồ sơ nào" in await text_of(visitor, "/station/pairs")
    await posted(visitor, path, {"reason": "lần nữa"}, 404)
    assert "pair_decided" in await audited(commune, "p-linh")


async def nobodys(site: Site, device_id: str = "ox-free", count: int = 2) -> list[int]:
    """Write readings that nobody owns; returns which, the oldest first."""

    def write(tx: Transaction) -> list[int]:
        at_ms = site.now_ms - (count + 10) * people.MINUTE
        readings = [
            people.reading(None, device_id, at_ms + n * people.MINUTE, 97, 70 + n, tx.number)  # type: ignore[arg-type] # a row of nobody
            for n in range(count)
        ]
        people.put(tx, *readings)
        found = tx.rows(
            "SELECT reading_id FROM reading WHERE device_id = ? ORDER BY reading_id", (device_id,)
        )
        return [row[0] for row in found]

    return await site.database.write(write)


async def owners(site: Site, ids: Iterable[int]) -> list[str | None]:
    """Return whose readings are."""
    rows = await site.database.read(
        lambda reader: reader.rows_in(
            "SELECT reading_id, person_id FROM reading WHERE reading_id IN (…)", list(ids)
        )
    )
    return [person_id for _, person_id in sorted(rows)]


async def test_readings_of_nobody_are_given_to_somebody(commune: Site, visitors: Visitors) -> None:
    ids, visitor = await nobodys(commune), await nurse(visitors)
    page = await text_of(visitor, "/station/readings")
    assert "ox-free" in page
    assert "97" in page
    form = {"device_id": "ox-free", f"reading_{ids[0]}": "yes", "person": "lo thi hoa"}
    page, _ = await posted(visitor, "/station/readings", {**form, "do": "give"}, 422)
    assert "Hãy ghi lý do" in page
    page, _ = await posted(
        visitor, "/station/readings", {"device_id": "ox-free", "reason": "x"}, 422
    )
    assert "Hãy đánh dấu" in page
    form["reason"] = "gọi điện hỏi"
    await posted(visitor, "/station/readings", form, 303)
    assert await owners(commune, ids) == ["p-hoa", None]
    everything = {"device_id": "ox-free", "do": "nobody", "reason": "đo thử máy"}
    everything |= {f"reading_{key}": "yes" for key in ids}
    await posted(visitor, "/station/readings", everything, 303)
    assert "Không có kết quả nào" in await text_of(visitor, "/station/readings")
    assert await owners(commune, ids) == ["p-hoa", None]
    assert "reading_attributed" in await audited(commune, "p-hoa")


async def test_a_coordinator_attributes_without_seeing_the_values(
    commune: Site, visitors: Visitors
) -> None:
    ids, visitor = await nobodys(commune), await coordinator(visitors)
    page = await text_of(visitor, "/station/readings")
    assert "ox-free" in page
    assert "SpO₂" not in page
    assert "level-" not in page
    form = {"device_id": "ox-free", "borrower": "p-nam", "reason": "hỏi"}
    form |= {f"reading_{key}": "yes" for key in ids}
    await posted(visitor, "/station/readings", form, 303)
    assert await owners(commune, ids) == ["p-nam", "p-nam"]


async def test_one_tick_means_every_older_reading_that_the_page_does_not_list(
    commune: Site, visitors: Visitors
) -> None:
    ids, visitor = await nobodys(commune, count=43), await nurse(visitors)
    page = await text_of(visitor, "/station/readings")
    assert len(re.findall(r'name="reading_\d+"', page)) == 40
    assert "Và 3 kết quả cũ hơn" in page
    form = {"device_id": "ox-free", "rest": "yes", "person_id": "p-hoa", "reason": "hỏi"}
    await posted(visitor, "/station/readings", form, 303)
    assert await owners(commune, ids) == ["p-hoa"] * 3 + [None] * 40


async def test_readings_of_another_stations_device_wait_elsewhere(
    commune: Site, visitors: Visitors
) -> None:
    await commune.database.write(
        lambda tx: people.put(
            tx, tables.Device(device_id="ox-away", place_id="pl-far", registered_ms=1)
        )
    )
    ids = await nobodys(commune, "ox-away")
    visitor = await nurse(visitors)
    assert "ox-away" not in await text_of(visitor, "/station/readings")
    form = {"device_id": "ox-away", "rest": "yes", "person_id": "p-hoa", "reason": "x"}
    form |= {f"reading_{key}": "yes" for key in ids}
    await posted(visitor, "/station/readings", form, 422)
    assert await owners(commune, ids) == [None, None]


async def test_pages_of_the_desk_are_kept_by_no_cache(commune: Site, visitors: Visitors) -> None:
    visitor = await nurse(visitors)
    for path in ("", "/register", "/persons/p-hoa", "/readings", "/devices"):
        response = await visitor.get(f"/station{path}")
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("account_id", ["ac-doctor", "ac-admin", "ac-hoa"])
async def test_the_desk_is_for_nurses_and_coordinators_only(
    commune: Site, visitors: Visitors, account_id: str
) -> None:
    visitor = await visitors.doctor(account_id)
    for path in ("/station", "/station/register", "/station/persons/p-hoa", "/station/pairs"):
        assert (await visitor.get(path)).status == 403
    assert (await visitor.post("/station/search", {"text": "hoa"})).status == 403


@pytest.mark.asvs("7.4.5")
async def test_the_station_signs_a_lost_telephone_out_and_nobody_elses(
    commune: Site, visitors: Visitors
) -> None:
    desk, told = await nurse(visitors), list[str]()
    assert "đang đăng nhập, dùng lần cuối" not in await text_of(desk, "/station/persons/p-hoa")
    lost, other, doctor = (
        await visitors.patient(), await visitors.patient("ac-linh"), await visitors.doctor(),
    )  # fmt: skip
    topic = session_topic(token_hash(lost.token))
    commune.services.bus.subscribe(topic, lambda _topic, message: told.append(message["kind"]))
    page = await text_of(desk, "/station/persons/p-hoa")
    assert "1 thiết bị đang đăng nhập, dùng lần cuối" in page
    path = "/station/persons/p-hoa/sessions/end"
    assert f'action="{path}"' in page
    _, location = await posted(desk, path, {}, 303)
    assert location == "/station/persons/p-hoa#telephones"
    assert (await lost.get("/patient")).status == 303
    assert told == ["ended"]
    assert (await other.get("/patient")).status == (await doctor.get("/doctor")).status == 200
    assert "signed_out" in await audited(commune, "p-hoa")


@pytest.mark.asvs("7.4.5")
async def test_a_station_elsewhere_ends_nobodys_session(commune: Site, visitors: Visitors) -> None:
    patient, far = await visitors.patient(), await visitors.doctor("ac-nurse-far")
    response = await far.post("/station/persons/p-hoa/sessions/end")
    assert response.status in (403, 404)
    assert (await patient.get("/patient")).status == 200


async def test_a_session_that_lay_idle_too_long_is_not_counted(
    commune: Site, visitors: Visitors
) -> None:
    await visitors.patient()
    idle_ms = LIMITS[Role.PATIENT].idle_ms
    await commune.database.write(
        lambda tx: tx.execute("UPDATE login_session SET used_ms = ?", (tx.now_ms - idle_ms,))
    )
    assert "đang đăng nhập, dùng lần cuối" not in await text_of(
        await nurse(visitors), "/station/persons/p-hoa"
    )
