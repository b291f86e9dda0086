"""A telephone in Chromium: narrow, and believing one certificate beside none of the web's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pyotp
from playwright.async_api import Page, ViewportSize, async_playwright

from tests.browser.conftest import CHROMIUM, FLAGS

WIDTH: Final = 360
AXE: Final = Path(__file__).parents[2] / "webui/client/node_modules/axe-core/axe.min.js"
_WAIT_MS: Final = 15_000


@asynccontextmanager
async def phone(folder: Path, spki_sha256: str) -> AsyncIterator[Page]:
    """Yield a page of a telephone; whatever its console complains of fails at the end.

    Args:
        folder: empty, for the browser's profile: without one Chromium does not heed the pin.
        spki_sha256: of the certificate it believes.
    """
    complaints: list[str] = []
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            str(folder),
            executable_path=CHROMIUM,
            args=[*FLAGS, f"--ignore-certificate-errors-spki-list={spki_sha256}"],
            viewport=ViewportSize(width=WIDTH, height=740),
            is_mobile=True,
            has_touch=True,
            locale="vi-VN",
        )
        context.set_default_timeout(_WAIT_MS)
        page = context.pages[0]
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        await context.close()
    assert complaints == []


async def fits(page: Page) -> None:
    """Nothing of the page stands beyond the screen's edge, and axe finds nothing against it."""
    assert await page.evaluate("document.documentElement.scrollWidth") <= WIDTH
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    assert await page.evaluate("async () => (await axe.run()).violations.map(v => v.id)") == []


async def first_log_in(page: Page, origin: str, login: str, password: str, own: str) -> None:
    """Log in with a password that was told once, choose one's own, set an authenticator up."""
    await page.goto(f"{origin}/login")
    await fits(page)
    await page.fill("#login", login)
    await page.fill("#password", password)
    await page.tap("form[action='/login'] button")
    await page.fill("#new", own)
    await fits(page)
    await page.locator("form:has(#new) button").tap()
    await page.locator(".secret").wait_for(state="attached")
    await fits(page)
    secret = await page.locator(".secret").text_content() or ""
    await page.fill("#code", pyotp.TOTP("".join(secret.split())).now())
    await page.locator("form:has(#code) button").tap()
    await page.locator(".codes code").first.wait_for()
    await fits(page)
    await page.locator("p.actions a.button").tap()
    await page.wait_for_url(f"{origin}/admin")
    await fits(page)
