"""From a finger to a doctor's eyes, as people would see it: the demo, real Chromium, real log-ins.

Twelve virtual oximeters over Bluetooth, the real gateway, server, screens. Illness runs faster than
in `make run`, the clock does not. With `TELEHEALTH_SCREENSHOTS` set to a folder it is photographed.
"""

import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)

from telehealth.demo import LogIn, demonstration
from telehealth.demo_people import CAST
from telehealth.settings import Settings
from tests.browser.conftest import CHROMIUM, FLAGS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(150),
    pytest.mark.asyncio(loop_scope="module"),
]
AXE = Path(__file__).parents[2] / "webui/client/node_modules/axe-core/axe.min.js"
DESK, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
NARROW = ViewportSize(width=360, height=740)
SILENT = CAST[0].person.display_name
SOON_MS = 60_000
"""Illness at 300 times the clock, and 15 s below the line: an alert in half a minute."""


@dataclass
class Commune:
    """The demo, and a browser at its door."""

    origin: str
    log_ins: list[LogIn]
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    async def enter(self, login: str, *, viewport: ViewportSize = DESK) -> Page:
        """Log in by the form, as a person does."""
        context: BrowserContext = await self.browser.new_context(viewport=viewport, locale="vi")
        page = await context.new_page()
        page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        password = next(one.password for one in self.log_ins if one.login == login)
        await page.goto(f"{self.origin}/login")
        await page.fill("input[name=login]", login)
        await page.fill("input[name=password]", password)
        await page.click("form[action='/login'] button")
        await page.wait_for_url(re.compile(r"/(doctor|patient|admin)"))
        return page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def commune(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Commune]:
    """Yield a fresh demo on a free port."""
    folder = tmp_path_factory.mktemp("demo")
    settings = Settings(database=f"sqlite:///{folder}/demo.sqlite", port=0, second_factor="offered")
    async with (
        async_playwright() as playwright,
        demonstration(settings, folder, pace=300) as (server, log_ins),
    ):
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield Commune(server.origin, log_ins, browser)
        await browser.close()


async def _photograph(page: Page, name: str) -> None:
    folder = os.environ.get("TELEHEALTH_SCREENSHOTS")
    if folder:
        await page.screenshot(path=f"{folder}/{name}.png")


async def _violations(page: Page) -> list[str]:
    await page.context.new_cdp_session(page)
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("async () => (await axe.run()).violations.map(v => v.id)")
    return list(found)


async def test_the_doctor_sees_twelve_live_people_an_alert_appears_and_is_accepted(
    commune: Commune,
) -> None:
    page = await commune.enter("bacsi")
    rows = page.locator("[data-person]")
    await expect(rows).to_have_count(12)
    row = rows.filter(has_text=SILENT)
    before = await row.inner_text()
    await expect(row).not_to_have_text(before, timeout=SOON_MS)
    alert = page.locator("[data-alert]").filter(has_text=SILENT).first
    await expect(alert).to_be_visible(timeout=SOON_MS)
    await expect(rows.first).to_contain_text(re.compile("Đỏ"), timeout=SOON_MS)
    assert await _violations(page) == []
    await _photograph(page, "demo-doctor-desk")
    await row.get_by_role("link", name=SILENT).click()
    await page.get_by_role("button", name="Nhận cảnh báo").first.click()
    await expect(page.get_by_text("Đã nhận").first).to_be_visible()
    await _photograph(page, "demo-person-desk")
    assert commune.complaints == []


async def test_the_doctors_list_fits_a_narrow_phone(commune: Commune) -> None:
    page = await commune.enter("bacsi", viewport=NARROW)
    await expect(page.locator("[data-person]")).to_have_count(12)
    beyond = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert beyond <= 0
    assert await _violations(page) == []
    await _photograph(page, "demo-doctor-phone")
    assert commune.complaints == []


async def test_the_patient_sees_their_own_values_and_nobody_elses(commune: Commune) -> None:
    page = await commune.enter(CAST[0].login, viewport=PHONE)
    await expect(page.get_by_text(SILENT).first).to_be_visible()
    await expect(page.get_by_role("button", name=re.compile("Gọi bác sĩ"))).to_be_visible()
    for other in CAST[1:]:
        assert other.person.display_name not in await page.inner_text("body")
    assert await _violations(page) == []
    await _photograph(page, "demo-patient-phone")
    assert commune.complaints == []
