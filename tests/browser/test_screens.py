"""Every page, in both languages and on small and large screens: no violation, no complaint.

With `TELEHEALTH_SCREENSHOTS` set to a folder, each page is photographed into it.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import DESK, NARROW, PHONE, Server, Visit, Visiting

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
AXE = ROOT / "webui" / "client" / "node_modules" / "axe-core" / "axe.min.js"

PAGES = [
    ("login", None, "/login"),
    ("doctor", "ac-doctor", "/doctor"),
    ("person", "ac-doctor", "/doctor/persons/p-hoa"),
    ("person-held", "ac-doctor", "/doctor/persons/p-nam"),
    ("desk", "ac-doctor", "/doctor/desk"),
    ("patient", "ac-hoa", "/patient"),
    ("patient-well", "ac-linh", "/patient"),
    ("admin", "ac-admin", "/admin"),
    ("gateways", "ac-admin", "/admin/gateways"),
    ("devices", "ac-admin", "/admin/devices"),
    ("accounts", "ac-admin", "/admin/accounts"),
    ("roles-of", "ac-admin", "/admin/accounts/ac-doctor"),
    ("places", "ac-admin", "/admin/places"),
    ("retention", "ac-admin", "/admin/retention"),
    ("security", "ac-doctor", "/security"),
    ("own-roles", "ac-doctor", "/roles"),
    ("emergency-find", "ac-doctor", "/emergency"),
    ("emergency", "ac-doctor", "/emergency/persons/p-far"),
    ("emergencies", "ac-officer", "/privacy/emergencies"),
    ("audit", "ac-officer", "/privacy/audit"),
    ("requests", "ac-officer", "/privacy/requests"),
    ("consents", "ac-hoa", "/patient/consents"),
    ("readers", "ac-hoa", "/patient/readers"),
    ("own-requests", "ac-hoa", "/patient/requests"),
    ("error", "ac-doctor", "/doctor/persons/p-far"),
]
LIVE = ("doctor", "person", "person-held", "patient", "patient-well")
TOO_WIDE = """width => document.documentElement.scrollWidth <= width ? [] :
    [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > width)
        .map(e => e.outerHTML.slice(0, 90))"""
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.mark.parametrize("locale", ["vi", "en"])
@pytest.mark.parametrize(("name", "account", "path"), PAGES, ids=[page[0] for page in PAGES])
def test_a_page_has_no_axe_violation_and_never_scrolls_sideways(
    visit: Visiting, server: Server, name: str, account: str | None, path: str, locale: str
) -> None:
    one = visit(account, locale=locale, bypass_csp=True)
    page = one.page()
    page.goto(server.origin + path)
    if name in LIVE:
        page.locator(".connection.on").wait_for()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for viewport in (NARROW, DESK):
        page.set_viewport_size(viewport)
        assert page.evaluate(TOO_WIDE, viewport["width"]) == []
        assert violations(page) == []
    forgive_refusal(one)


def violations(page: Page) -> list[tuple[str, str, list[str]]]:
    """Run axe and return each violation with the elements it is about."""
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        (v["id"], v["help"], [n["html"][:160] for n in v["nodes"]]) for v in found["violations"]
    ]


def forgive_refusal(one: Visit) -> None:
    """The page of a refusal has the status of one, and Chromium notes that."""
    one.complaints[:] = [text for text in one.complaints if "403 (Forbidden)" not in text]


@pytest.mark.parametrize(("name", "account", "path"), PAGES, ids=[page[0] for page in PAGES])
def test_a_page_draws_under_its_own_strict_policy(
    visit: Visiting, server: Server, name: str, account: str | None, path: str
) -> None:
    one = visit(account)
    page = one.page()
    page.goto(server.origin + path)
    if name in LIVE:
        page.locator(".connection.on").wait_for()
    page.evaluate("document.fonts.ready.then(() => true)")
    assert page.evaluate("[...document.fonts].some(f => f.status === 'loaded')")
    for size, viewport in (("desk", DESK), ("phone", PHONE)):
        page.set_viewport_size(viewport)
        if "TELEHEALTH_SCREENSHOTS" in os.environ:
            folder = Path(os.environ["TELEHEALTH_SCREENSHOTS"])
            page.screenshot(path=folder / f"{name}-{size}.png", full_page=True)
    forgive_refusal(one)
