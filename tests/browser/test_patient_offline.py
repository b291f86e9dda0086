"""Aeroplane mode: a red reading out of reach, a reload, and the way back to the doctor's screen."""

import asyncio
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from telehealth.store.database import Transaction
from tests.browser.conftest import DESK, NARROW, Server, Visit, Visiting
from tests.browser.test_live import settle_values

pytestmark = pytest.mark.browser
NO_NETWORK = re.compile(r"net::ERR_(INTERNET_DISCONNECTED|FAILED)")
AXE = Path(__file__).parents[2] / "webui/client/node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="module", autouse=True)
def taking_in(server: Server) -> Iterator[None]:
    """Run the intake, as the whole server does, and give the programme its numbers."""

    def numbers(tx: Transaction) -> None:
        tx.execute(
            "UPDATE programme SET station_phone = '0912 000 111' WHERE programme_id = ?",
            ("binh-minh",),
        )

    server.write(numbers)
    running = asyncio.run_coroutine_threadsafe(server.services.intake.run(), server.loop)
    yield
    running.cancel()


def ready(page: Page, server: Server, path: str = "/patient") -> None:
    """Open the page and wait until the phone could do without us."""
    page.goto(server.origin + path)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    expect(page.locator("th-measure")).to_be_visible()
    assert page.evaluate("!!navigator.serviceWorker.controller")


@pytest.fixture
def visit(visit: Visiting) -> Iterator[Visiting]:
    """A console may say that there was no network: that is what these tests make."""
    made: list[Visit] = []

    def start(*args: Any, **more: Any) -> Visit:
        made.append(visit(*args, **more))
        return made[-1]

    yield start
    for one in made:
        one.complaints[:] = [text for text in one.complaints if not NO_NETWORK.search(text)]


def type_in(page: Page, spo2: str, pulse: str, *, twice: bool) -> None:
    page.get_by_role("button", name=re.compile("Gõ số|Type the numbers")).click()
    for entry in range(1 + twice):
        if entry:
            expect(page.get_by_label(re.compile("^SpO2"))).to_have_value("")
        page.get_by_label(re.compile("^SpO2")).fill(spo2)
        page.get_by_label(re.compile("^(Mạch|Pulse)")).fill(pulse)
        page.locator(".measure-form button").first.click()


def fits(page: Page) -> None:
    """Nothing stands beyond the edge of a narrow phone, and axe finds nothing."""
    if folder := os.environ.get("TELEHEALTH_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/phone-{time.monotonic_ns()}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations.map(v => v.id)")
    assert found == []


def typed_rows(server: Server, person_id: str) -> list[tuple[object, ...]]:
    async def read() -> list[tuple[object, ...]]:
        sql = "SELECT spo2_percent FROM reading WHERE kind IN ('typed', 'spot') AND person_id = ?"
        rows = await server.services.database.read(lambda r: r.rows(sql, (person_id,)))
        return [tuple(row) for row in rows]

    return server.run(read())


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_a_red_reading_out_of_reach_survives_a_reload_and_reaches_the_doctor_once(
    visit: Visiting, server: Server, locale: str
) -> None:
    account, person = ("ac-hoa", "p-hoa") if locale == "vi" else ("ac-linh", "p-linh")
    phone = visit(account, viewport=NARROW, locale=locale)
    page = phone.page()
    ready(page, server)
    before = typed_rows(server, person)
    phone.context.set_offline(True)
    page.reload()
    expect(page.locator(".no-network")).to_be_visible()
    expect(page.locator("#offline")).not_to_contain_text(re.compile("Chưa có ai|Nobody"))
    type_in(page, "86", "118", twice=True)
    advice = page.locator(".advice.at-red")
    expect(advice).to_contain_text("115")
    expect(advice.locator("a.emergency")).to_have_attribute("href", "tel:115")
    expect(advice.locator("a[href^='tel:0912']")).to_be_visible()
    sms = advice.locator("a[href^='sms:0912000111']")
    expect(sms).to_have_attribute("href", "sms:0912000111?body=SPO2%2086%20MACH%20118")
    expect(page.locator(".waiting-many")).to_be_visible()
    fits(page)
    page.reload()
    expect(page.locator(".advice.at-red")).to_contain_text("118")
    fits(page)
    assert typed_rows(server, person) == before
    phone.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator(".told")).to_be_visible()
    page.get_by_role("link", name=re.compile("Có mạng rồi|The network is back")).click()
    expect(page.locator("th-now")).to_be_visible()
    expect(page.locator("th-measure .advice.at-red")).to_be_visible()
    page.get_by_role("button", name=re.compile("Tôi đã đọc|I have read")).click()
    expect(page.locator("th-measure .advice")).to_have_count(0)
    page.reload()
    expect(page.locator("th-measure .measure-now")).to_be_visible()
    expect(page.locator("th-measure .advice")).to_have_count(0)
    assert sorted(typed_rows(server, person)) == sorted([*before, (86.0,)])

    doctor = visit("ac-doctor", viewport=DESK, locale=locale).page()
    doctor.goto(f"{server.origin}/doctor/persons/{person}")
    row = doctor.locator(".readings tbody tr", has_text="118")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(re.compile("lời khuyên đỏ|red advice"))
    expect(row).to_contain_text(re.compile("đã đọc|I have read this"))


def test_an_ordinary_reading_is_typed_once_and_sent_at_once(
    visit: Visiting, server: Server
) -> None:
    settle_values(server, "p-linh", 97, level=0)
    page = visit("ac-linh", viewport=NARROW).page()
    ready(page, server)
    before = len(typed_rows(server, "p-linh"))
    type_in(page, "98", "75", twice=False)
    expect(page.locator("th-measure .advice.at-green")).to_be_visible()
    expect(page.locator(".waiting-many")).to_have_count(0)
    assert len(typed_rows(server, "p-linh")) == before + 1
    fits(page)


def test_what_cannot_be_is_said_beside_its_field(visit: Visiting, server: Server) -> None:
    page = visit("ac-linh", viewport=NARROW).page()
    ready(page, server)
    type_in(page, "1o1", "400", twice=False)
    expect(page.locator(".problem")).to_have_count(2)
    expect(page.get_by_label(re.compile("^SpO2"))).to_have_attribute("aria-invalid", "true")
    fits(page)


def test_two_entries_that_differ_are_asked_for_again(visit: Visiting, server: Server) -> None:
    page = visit("ac-linh", viewport=NARROW).page()
    ready(page, server)
    type_in(page, "84", "97", twice=False)
    expect(page.locator(".measure-form .note.warn")).to_be_visible()
    expect(page.get_by_label(re.compile("^SpO2"))).to_have_value("")
    fits(page)
    page.get_by_label(re.compile("^SpO2")).fill("97")
    page.get_by_label(re.compile("^Mạch")).fill("84")
    page.locator(".measure-form button").first.click()
    expect(page.locator(".problem")).to_have_count(2)


def test_another_account_on_the_phone_sends_nothing_of_the_first(
    visit: Visiting, server: Server
) -> None:
    """The queue belongs to the account: it waits until that account is back."""
    phone = visit("ac-hoa", viewport=NARROW)
    page = phone.page()
    ready(page, server)
    before = len(typed_rows(server, "p-hoa"))
    phone.context.set_offline(True)
    page.reload()
    type_in(page, "85", "120", twice=True)
    expect(page.locator(".waiting-many")).to_be_visible()
    phone.context.add_cookies(
        [{"name": "session", "value": server.token("ac-linh"), "url": server.origin}]
    )
    with page.expect_response("**/api/v1/patient/uploads") as refused:
        phone.context.set_offline(False)
    assert refused.value.status == 401, "the open page is still the first account's"
    page.goto(server.origin + "/patient")
    expect(page.locator("th-measure")).to_be_visible()
    expect(page.locator(".waiting-many")).to_have_count(0)
    assert len(typed_rows(server, "p-hoa")) == before
    phone.context.add_cookies(
        [{"name": "session", "value": server.token("ac-hoa"), "url": server.origin}]
    )
    page.goto(server.origin + "/patient")
    expect(page.locator(".told")).to_be_visible()
    assert len(typed_rows(server, "p-hoa")) == before + 1
    phone.complaints[:] = [text for text in phone.complaints if "401" not in text]


def test_signing_out_sends_what_waits_and_leaves_nothing_on_the_phone(
    visit: Visiting, server: Server
) -> None:
    page = visit("ac-hoa", viewport=NARROW).page()
    ready(page, server)
    before = len(typed_rows(server, "p-hoa"))
    page.route("**/api/v1/patient/uploads", lambda route: route.abort())
    type_in(page, "87", "101", twice=True)
    expect(page.locator(".waiting-many")).to_be_visible()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", stay)
    with page.expect_event("dialog"):
        sign_out(page)
    expect(page.locator(".waiting-many")).to_be_visible()
    assert "1" in asked[0]
    page.unroute("**/api/v1/patient/uploads")
    page.reload()
    sign_out(page)
    expect(page.locator("#login")).to_be_visible()
    assert len(typed_rows(server, "p-hoa")) == before + 1
    assert page.evaluate("caches.keys()") == []
    assert page.evaluate("indexedDB.databases().then((all) => all.length)") == 0


def sign_out(page: Page) -> None:
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Đăng xuất").click()


def test_where_a_session_has_run_out_the_phone_keeps_no_names(
    visit: Visiting, server: Server
) -> None:
    phone = visit("ac-hoa", viewport=NARROW)
    page = phone.page()
    ready(page, server)
    phone.context.clear_cookies(name="session")
    page.goto(server.origin + "/patient")
    expect(page.locator("#login")).to_be_visible()
    phone.context.set_offline(True)
    page.goto(server.origin + "/patient")
    expect(page.locator("#offline")).to_contain_text("Chưa có ai đăng nhập")
    assert "Hoà" not in page.content()
