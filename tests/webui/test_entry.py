"""A nurse hands a code over, a patient enters with it: once, for ten minutes, for that person."""

import re

import pytest

from telehealth.access import entry, sessions
from telehealth.access.limits import Limit, take
from telehealth.access.policy import Role
from telehealth.store.database import Transaction
from tests import rows
from tests.webui.conftest import Site, Visitor, Visitors

PAGE = "/desk/persons/p-nam/entry"


@pytest.fixture
async def nurse(site: Site, visitors: Visitors) -> Visitor:
    """Return the nurse of the whole commune."""
    return await visitors.stranger().signed_in("ac-nurse")


async def hand_over(nurse: Visitor) -> tuple[str, str]:
    """Return what stands on the nurse's page: the page itself and the eight digits."""
    answer = await nurse.post(PAGE)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    html = await answer.text()
    found = re.search(r'<p class="code">(\d{4}) (\d{4})</p>', html)
    assert found is not None
    return html, found[1] + found[2]


async def test_the_nurse_sees_a_qr_code_and_digits_once_and_later_that_they_were_used(
    nurse: Visitor, visitors: Visitors
) -> None:
    html, digits = await hand_over(nurse)
    assert "<svg" in html.split("enrolment")[1]
    assert "Nguyễn Văn Nam" in html
    assert "sinh năm 1958" in html
    before = await (await nurse.get(PAGE)).text()
    assert digits[:4] not in before
    assert "chưa dùng" in before
    phone = visitors.stranger()
    done = await phone.post("/enrol", {"code": digits, "birth_year": "1958"})
    assert done.headers["Location"] == "/patient"
    assert "Nguyễn Văn Nam" in await (await phone.get("/patient")).text()
    assert "đã dùng" in await (await nurse.get(PAGE)).text()


@pytest.mark.asvs("6.6.1")
async def test_the_page_says_that_reading_digits_out_is_the_weaker_way_and_what_to_do_then(
    nurse: Visitor,
) -> None:
    html, _ = await hand_over(nurse)
    assert html.index("<svg") < html.index("Đọc số qua điện thoại kém an toàn hơn")
    assert "hãy tự gọi vào số có trong hồ sơ" in html
    assert "kém an toàn" not in await (await nurse.get(PAGE)).text()
    await nurse.post("/language", {"locale": "en"})
    english = await (await nurse.post(PAGE)).text()
    assert "Reading the digits out over the telephone is weaker" in english


async def test_a_qr_code_enters_without_anything_typed_and_stays_signed_in(
    site: Site, visitors: Visitors
) -> None:
    token = await site.database.write(
        lambda tx: entry.new_code(tx, "p-nam", entry.EntryKind.ENROLMENT, "ac-nurse")
    )
    phone = visitors.stranger()
    done = await phone.post("/enrol", {"token": token})
    assert done.headers["Location"] == "/patient"
    month_s = sessions.LIMITS[Role.PATIENT].absolute_ms // 1000
    assert int(done.cookies["session"]["max-age"]) == month_s
    again = await visitors.stranger().post("/enrol", {"token": token})
    assert again.status == 403
    assert "Mã này đã dùng rồi" in await again.text()


async def test_a_telephone_that_is_given_on_is_the_new_persons(
    site: Site, visitors: Visitors
) -> None:
    phone = await visitors.patient("ac-linh")
    before = phone.token
    token = await site.database.write(
        lambda tx: entry.new_code(tx, "p-nam", entry.EntryKind.ENROLMENT, "ac-nurse")
    )
    await phone.post("/enrol", {"token": token})
    html = await (await phone.get("/patient")).text()
    assert "Nguyễn Văn Nam" in html
    assert "Vàng Thị Linh" not in html
    old = visitors.stranger()
    assert (await old.get("/patient", Cookie=f"session={before}")).status == 303


@pytest.mark.parametrize(
    "form",
    [
        {}, {"code": ""}, {"code": "00000000", "birth_year": "1958"}, {"token": "x" * 26},
        {"code": "../../", "birth_year": "-1"}, {"token": "0" * 3_999},
    ],
)  # fmt: skip
async def test_a_code_that_nobody_made_is_refused_in_words(
    visitors: Visitors, form: dict[str, str]
) -> None:
    answer = await visitors.stranger().post("/enrol", form)
    assert answer.status == 403
    assert "Mã hoặc năm sinh không đúng." in await answer.text()
    assert "session" not in answer.cookies


async def test_a_wrong_year_is_told_like_a_wrong_code(nurse: Visitor, visitors: Visitors) -> None:
    _, digits = await hand_over(nurse)
    answer = await visitors.stranger().post("/enrol", {"code": digits, "birth_year": "1957"})
    assert answer.status == 403
    assert "Mã hoặc năm sinh không đúng." in await answer.text()


async def test_an_old_code_is_told_to_be_old(
    site: Site, nurse: Visitor, visitors: Visitors
) -> None:
    _, digits = await hand_over(nurse)
    await site.database.write(
        lambda tx: tx.execute("UPDATE entry_code SET created_ms = created_ms - ?", (600_000,))
    )
    answer = await visitors.stranger().post("/enrol", {"code": digits, "birth_year": "1958"})
    assert "Mã này đã hết hạn" in await answer.text()


@pytest.mark.asvs("6.6.3")
async def test_guessing_codes_is_stopped_with_a_time_to_come_back(
    site: Site, visitors: Visitors
) -> None:
    def guess(tx: Transaction) -> None:
        for _ in range(300):
            take(tx, Limit("address", "127.0.0.1"))

    await site.database.write(guess)
    answer = await visitors.stranger().post("/enrol", {"code": "00000000", "birth_year": "1958"})
    assert answer.status == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 12
    assert "Sai quá nhiều lần" in await answer.text()


@pytest.mark.asvs("14.2.1")
async def test_the_code_of_the_qr_stands_behind_the_hash_where_no_server_sees_it(
    site: Site, nurse: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def draw(text: str) -> str:
        drawn.append(text)
        return "<svg></svg>"

    monkeypatch.setattr("webui.pages.entry.qr_svg", draw)
    await hand_over(nurse)
    [text] = drawn
    assert re.fullmatch(re.escape(site.origin) + r"/enrol#[0-9a-z]{26}", text)


@pytest.mark.parametrize("who", ["doctor", "patient", "administrator", "stranger"])
@pytest.mark.parametrize("method", ["get", "post"])
async def test_only_the_station_hands_codes_over(
    site: Site, visitors: Visitors, who: str, method: str
) -> None:
    visitor = visitors.stranger() if who == "stranger" else await getattr(visitors, who)()
    answer = await (visitor.get(PAGE) if method == "get" else visitor.post(PAGE))
    assert answer.status in (303, 401, 403)
    assert await site.database.read(lambda r: r.rows("SELECT 1 FROM entry_code")) == []


async def test_a_nurse_of_another_place_hands_nothing_over(site: Site, visitors: Visitors) -> None:
    def settle(tx: Transaction) -> None:
        rows.account(tx, "ac-elsewhere", "nurse", programme_id="far")

    await site.database.write(settle)
    nurse = await visitors.stranger().signed_in("ac-elsewhere")
    for answer in (await nurse.get(PAGE), await nurse.post(PAGE)):
        assert answer.status == 403
        assert "Nam" not in await answer.text()
    assert await site.database.read(lambda r: r.rows("SELECT 1 FROM entry_code")) == []


async def test_a_person_that_nobody_knows_is_refused_like_a_strangers(nurse: Visitor) -> None:
    assert (await nurse.get("/desk/persons/p-nobody/entry")).status == 403


async def test_a_page_without_scripts_takes_the_digits(visitors: Visitors) -> None:
    html = await (await visitors.stranger().get("/enrol")).text()
    typed = html.split("data-typed")[1].split("</form>")[0]
    assert 'name="code"' in typed
    assert 'name="birth_year"' in typed
    assert re.search(r"<form[^>]*data-token hidden", html)


async def test_the_log_has_who_made_a_code_for_whom_and_that_it_was_used(
    site: Site, nurse: Visitor, visitors: Visitors
) -> None:
    _, digits = await hand_over(nurse)
    phone = visitors.stranger()
    await phone.post("/enrol", {"code": digits, "birth_year": "1900"})
    await phone.post("/enrol", {"code": digits, "birth_year": "1958"})
    written = await site.database.read(
        lambda r: r.rows(
            "SELECT action, decision, person_id, basis FROM audit"
            " WHERE action LIKE 'entry_%' ORDER BY seq"
        )
    )
    assert written == [
        ("entry_code_made", "allow", "p-nam", "area"),
        ("entry_code_used", "deny", "", ""),
        ("entry_code_used", "allow", "p-nam", "code"),
    ]
