"""The desk in a real browser: every page whole on small and large screens, and a card that fills.

With `TELEHEALTH_SCREENSHOTS` set to a folder, each page is photographed into it.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import ViewportSize, expect

from protocols.identifiers import IdentifierKind
from telehealth.people.identifiers import NewIdentifier, add
from telehealth.people.search_index import index_person
from telehealth.store import tables
from telehealth.store.database import Transaction
from tests import rows
from tests.browser.conftest import DESK, NARROW, PHONE, Server, Visiting
from tests.browser.test_screens import AXE, TOO_WIDE, violations
from tests.webui import people

pytestmark = pytest.mark.browser
TABLET = ViewportSize(width=768, height=1024)
CARD = "012151678901|123456789|Giàng Thị Mỷ|05031951|Nữ|Thôn Nà Lộc, Xã Bình Minh|01012022"
PAGES = [
    ("home", "ac-nurse-xa", "/station"),
    ("home-coordinator", "ac-coordinator-xa", "/station"),
    ("register", "ac-nurse-xa", "/station/register"),
    ("person", "ac-nurse-xa", "/station/persons/p-hoa"),
    ("pairs", "ac-coordinator-xa", "/station/pairs"),
    ("readings", "ac-nurse-xa", "/station/readings"),
    ("devices", "ac-nurse-xa", "/station/devices"),
    ("programmes", "ac-admin", "/admin/programmes"),
]


def settle(tx: Transaction) -> None:
    """Put the commune in its place, with a desk, a pair, a household and readings of nobody."""
    for place_id, parent in (("pl-vn", None), ("pl-xa", "pl-vn"), ("pl-far", "pl-vn")):
        rows.place(tx, place_id, parent)
    tx.execute("UPDATE place SET name = 'Xã Bình Minh', folded = 'xa binh minh', level = 'commune'"
               " WHERE place_id = 'pl-xa'")  # fmt: skip
    tx.execute("UPDATE person SET place_id = 'pl-xa' WHERE person_id <> 'p-far'")
    tx.execute("UPDATE person SET created_ms = ? WHERE person_id = 'p-linh'", (tx.now_ms,))
    tx.execute("UPDATE f0_case SET assigned_doctor_id = NULL WHERE person_id = 'p-nam'")
    tx.execute("UPDATE device SET place_id = 'pl-xa'")
    for role in ("nurse", "coordinator"):
        rows.account(tx, f"ac-{role}-xa", role, place_id="pl-xa", display_name="ĐD. Sen")
    rows.account(tx, "ac-doctor-xa", "doctor", place_id="pl-xa", display_name="BS. Sơn")
    kind = IdentifierKind
    for person_id in ("p-hoa", "p-nam", "p-linh", "p-duc"):
        index_person(tx, person_id)
    add(tx, "p-hoa", NewIdentifier(kind=kind.PHONE, text="0912345678"), "test")
    add(tx, "p-hoa", NewIdentifier(kind=kind.CITIZEN_ID, text="001151012345"), "test")
    add(tx, "p-linh", NewIdentifier(kind=kind.CITIZEN_ID, text="001151012345"), "test")
    people.put(
        tx,
        tables.Device(device_id="ox-free", place_id="pl-xa", registered_ms=1),
        tables.Household(household_id="hh-1", created_ms=1),
        *(
            tables.HouseholdMember(
                membership_id=f"hm-{key}", household_id="hh-1", person_id=key,
                is_head=key == "p-duc", from_ms=1,
            )
            for key in ("p-hoa", "p-duc")
        ),
        tables.PersonProxy(
            proxy_id="px-1", person_id="p-hoa", proxy_person_id="p-duc", kind="carer",
            basis="wish: nói trước mặt tôi", granted_by="test", from_ms=0,
        ),
        tables.DeviceLoan(
            loan_id="ln-old", device_id="ox-free", person_id="p-nam", from_ms=1,
            to_ms=tx.now_ms - people.DAY, decided_by="test",
        ),
        *(
            people.reading(None, "ox-free", tx.now_ms - n * people.HOUR, 91 + n, 88, tx.number)  # type: ignore[arg-type] # a row of nobody
            for n in range(1, 4)
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def desk(server: Server) -> Server:
    """Return the server with a desk in it."""
    server.write(settle)
    return server


@pytest.mark.parametrize("locale", ["vi", "en"])
@pytest.mark.parametrize(("name", "account", "path"), PAGES, ids=[page[0] for page in PAGES])
def test_a_page_has_no_axe_violation_and_never_scrolls_sideways(
    visit: Visiting, desk: Server, name: str, account: str, path: str, locale: str
) -> None:
    one = visit(account, locale=locale, bypass_csp=True)
    page = one.page()
    page.goto(desk.origin + path)
    page.evaluate("document.querySelectorAll('main details').forEach(one => (one.open = true))")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for viewport in (NARROW, DESK):
        page.set_viewport_size(viewport)
        assert page.evaluate(TOO_WIDE, viewport["width"]) == []
        assert violations(page) == []


@pytest.mark.parametrize(("name", "account", "path"), PAGES, ids=[page[0] for page in PAGES])
def test_a_page_draws_under_its_own_strict_policy(
    visit: Visiting, desk: Server, name: str, account: str, path: str
) -> None:
    page = visit(account).page()
    page.goto(desk.origin + path)
    page.evaluate("document.fonts.ready.then(() => true)")
    for size, viewport in (("desk", DESK), ("tablet", TABLET), ("phone", PHONE)):
        page.set_viewport_size(viewport)
        if "TELEHEALTH_SCREENSHOTS" in os.environ:
            folder = Path(os.environ["TELEHEALTH_SCREENSHOTS"])
            page.screenshot(path=folder / f"station-{name}-{size}.png", full_page=True)
        assert page.evaluate(TOO_SMALL) == []
        assert page.evaluate(TOO_WIDE, viewport["width"]) == []


TOO_SMALL = """() => [...document.querySelectorAll("main button, main a.button, main select,"
    + " main summary, main input:not([type=hidden]):not([type=radio]):not([type=checkbox])")]
    .filter(e => e.checkVisibility() && !e.classList.contains("visually-hidden"))
    .filter(e => e.getBoundingClientRect().height < 43.5)
    .map(e => e.outerHTML.slice(0, 90))"""


def test_a_scanned_card_fills_the_form_and_the_person_is_registered(
    visit: Visiting, desk: Server
) -> None:
    page = visit("ac-nurse-xa").page()
    page.goto(desk.origin + "/station/register")
    scan = page.locator("#scan")
    scan.fill(CARD)
    scan.press("Enter")
    expect(page.locator("#name")).to_have_value("Giàng Thị Mỷ")
    expect(page.locator("#born")).to_have_value("5/3/1951")
    expect(page.locator("#citizen_id")).to_have_value("012151678901")
    expect(page.locator('input[name="sex"][value="female"]')).to_be_checked()
    expect(scan).to_have_value("")
    page.locator("#phone").fill("0987654321")
    page.locator("#household").fill("lo thi")
    page.get_by_role("option", name="Lò Thị Hoà").click()
    page.locator("#doctor_id").select_option(label="BS. Sơn")
    page.locator("#device_id").fill("ox-free")
    page.locator(".beside button").click()
    page.wait_for_url("**/station/persons/pe-*")
    expect(page.get_by_role("heading", level=1)).to_have_text("Giàng Thị Mỷ")
    expect(page.locator("main")).to_contain_text("BS. Sơn")
    expect(page.locator("main")).to_contain_text("ox-free")


def test_whoever_is_registered_already_shows_while_one_types(visit: Visiting, desk: Server) -> None:
    page = visit("ac-nurse-xa").page()
    page.goto(desk.origin + "/station/register")
    alike = page.locator("[data-alike]")
    expect(alike).to_be_hidden()
    page.locator("#name").fill("lo thi hoa")
    page.locator("#born").fill("2/3/1951")
    expect(alike).to_contain_text("trùng họ tên và ngày sinh")
    page.locator("#born").fill("3/3/1951")
    expect(alike).to_be_hidden()


def test_a_text_that_is_no_card_says_so_and_fills_nothing(visit: Visiting, desk: Server) -> None:
    one = visit("ac-nurse-xa")
    page = one.page()
    page.goto(desk.origin + "/station/register")
    page.locator("#scan").fill("gì|đó|lạ")
    page.locator("#scan").press("Enter")
    expect(page.locator("#scan-said")).to_contain_text("Không đọc được thẻ này")
    expect(page.locator("#name")).to_have_value("")
    one.complaints[:] = [text for text in one.complaints if "422" not in text]


def test_an_option_is_chosen_with_the_keys_alone(visit: Visiting, desk: Server) -> None:
    page = visit("ac-nurse-xa").page()
    page.goto(desk.origin + "/station/devices")
    person = page.get_by_role("combobox", name="Người mượn")
    person.fill("thi")
    expect(person).to_have_attribute("aria-expanded", "true")
    person.press("ArrowDown")
    person.press("ArrowDown")
    person.press("Enter")
    expect(person).to_have_attribute("aria-expanded", "false")
    assert page.locator('input[name="person_id"]').input_value() != ""
    person.press("Backspace")
    assert page.locator('input[name="person_id"]').input_value() == ""


def test_a_refused_form_keeps_what_was_typed_and_leads_to_what_is_wrong(
    visit: Visiting, desk: Server
) -> None:
    one = visit("ac-nurse-xa", viewport=PHONE)
    page = one.page()
    page.goto(desk.origin + "/station/register")
    page.locator("#name").fill("12")
    page.locator("#born").fill("31/2/1951")
    page.locator("#phone").fill("12")
    page.locator(".beside button").click()
    expect(page.locator("#wrong")).to_be_focused()
    expect(page.locator("#born")).to_have_value("31/2/1951")
    expect(page.locator("#born-wrong")).to_be_visible()
    if "TELEHEALTH_SCREENSHOTS" in os.environ:
        folder = Path(os.environ["TELEHEALTH_SCREENSHOTS"])
        page.screenshot(path=folder / "station-wrong-phone.png", full_page=True)
    one.complaints[:] = [text for text in one.complaints if "422" not in text]
