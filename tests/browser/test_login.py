"""Logging in as people do: an authenticator, a security key, a patient's QR code; both languages.

With `TELEHEALTH_SCREENSHOTS` set to a folder, each page is photographed into it.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import CDPSession, Page, expect

from telehealth.access import entry, second_factor
from telehealth.store.database import Transaction
from tests import rows
from tests.browser.conftest import DESK, NARROW, PHONE, Server, Visit, Visiting
from tests.browser.test_screens import AXE, TOO_WIDE, violations
from tests.webui import people

pytestmark = pytest.mark.browser
LOCALES = ["vi", "en"]
WORDS = {
    "vi": {
        "continue": "Tiếp tục", "sign_in": "Đăng nhập", "key": "Thêm khóa bảo mật",
        "use": "Dùng khóa bảo mật", "kept": "Tôi đã cất giữ; tiếp tục", "enter": "Vào",
        "used": "đã dùng", "new": "Tạo mã mới", "wrong": "Chưa đúng.",
        "confirm": "Xác nhận bằng mật khẩu",
    },
    "en": {
        "continue": "Continue", "sign_in": "Sign in", "key": "Add a security key",
        "use": "Use a security key", "kept": "I have kept them; continue", "enter": "Enter",
        "used": "used", "new": "Make a new code", "wrong": "This is not right.",
        "confirm": "Confirm with the password",
    },
}  # fmt: skip

TOO_SMALL = """() => [...document.querySelectorAll("main :is(button, a.button, input, summary)")]
    .filter(e => e.offsetParent && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"""
LEFT = """async () =>
    [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length]"""


@pytest.fixture(autouse=True)
def strict(server: Server) -> Iterator[None]:
    """Require a second factor, of a doctor of one's own for each test."""
    settings = server.services.settings
    before, settings.second_factor = settings.second_factor, "required"
    server.write(lambda tx: second_factor.reset(tx, "ac-doctor"))
    server.write(lambda tx: tx.execute("DELETE FROM attempts"))
    yield
    settings.second_factor = before


def look(page: Page, name: str, locale: str) -> None:
    """Photograph a page and let nothing on it stand in anybody's way."""
    folder = os.environ.get("TELEHEALTH_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}-{locale}.png", full_page=True)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert violations(page) == []
    size = page.viewport_size
    assert size is not None
    assert page.evaluate(TOO_WIDE, size["width"]) == []
    small = page.evaluate(TOO_SMALL)
    assert small == []


def give_password(page: Page, origin: str, locale: str) -> None:
    page.goto(f"{origin}/login")
    page.locator("#login").fill("bs.mai")
    page.locator("#password").fill(people.PASSWORD)
    page.get_by_role("button", name=WORDS[locale]["sign_in"], exact=True).click()


def sign_out(visitor: Visit, page: Page) -> None:
    """Sign out; that the page being left may still have asked for its calls is no complaint."""
    page.locator("details.account > summary").click()
    page.locator("form[action='/logout'] button").click()
    page.wait_for_url("**/login?out")
    page.wait_for_load_state("networkidle")
    visitor.complaints[:] = [
        text
        for text in visitor.complaints
        if "401 (Unauthorized)" not in text or "/calls/" not in text
    ]


def by_name(visit: Visit) -> Visit:
    """Return the visit to the server under the name that security keys know."""
    named = replace(visit, origin=visit.origin.replace("127.0.0.1", "localhost"))
    named.context.add_cookies(
        [
            {"name": one["name"], "value": one["value"], "url": named.origin}
            for one in visit.context.cookies()
        ]
    )
    return named


def authenticator(page: Page) -> CDPSession:
    """Give the page a security key that is touched at once (Chromium's virtual authenticator)."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "usb", "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


@pytest.mark.parametrize("locale", LOCALES)
def test_a_doctor_sets_an_authenticator_up_and_logs_in_with_it(
    visit: Visiting, locale: str
) -> None:
    words, visitor = WORDS[locale], visit(viewport=NARROW, locale=locale)
    page = visitor.page()
    page.goto(f"{visitor.origin}/login")
    look(page, "login-phone", locale)
    give_password(page, visitor.origin, locale)
    page.wait_for_url("**/login/step")
    look(page, "login-set-up-phone", locale)
    page.locator("details").filter(has=page.locator(".secret")).locator("summary").click()
    secret = page.locator(".secret").inner_text().replace(" ", "")
    page.locator("#code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name=words["continue"]).click()
    expect(page.locator(".codes code")).to_have_count(10)
    look(page, "login-codes-phone", locale)
    with page.expect_download() as saved:
        page.locator("a[download]").click()
    codes = Path(saved.value.path()).read_text().split()
    assert codes == page.locator(".codes code").all_inner_texts()
    page.get_by_role("link", name=words["kept"]).click()
    page.wait_for_url("**/doctor")
    sign_out(visitor, page)

    give_password(page, visitor.origin, locale)
    page.wait_for_url("**/login/step")
    look(page, "login-factor-phone", locale)
    page.locator("details.fold > summary").click()
    page.locator("#recovery").fill(codes[0])
    page.locator("details.fold").get_by_role("button", name=words["continue"]).click()
    page.wait_for_url("**/doctor")
    page.goto(f"{visitor.origin}/security")
    look(page, "security-phone", locale)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_doctor_sets_a_security_key_up_logs_in_and_proves_it_again(
    visit: Visiting, server: Server, locale: str
) -> None:
    words, visitor = WORDS[locale], by_name(visit(viewport=DESK, locale=locale))
    page = visitor.page()
    key = authenticator(page)
    give_password(page, visitor.origin, locale)
    page.wait_for_url("**/login/step")
    look(page, "login-set-up-desk", locale)
    page.get_by_role("button", name=words["key"]).click()
    expect(page.locator(".codes code")).to_have_count(10)
    page.get_by_role("link", name=words["kept"]).click()
    page.wait_for_url("**/doctor")
    sign_out(visitor, page)

    give_password(page, visitor.origin, locale)
    page.wait_for_url("**/login/step")
    look(page, "login-key-desk", locale)
    page.get_by_role("button", name=words["use"]).click()
    page.wait_for_url("**/doctor")
    server.write(lambda tx: tx.execute("UPDATE login_session SET confirmed_ms = NULL"))
    page.goto(f"{visitor.origin}/security/keys/new")
    page.wait_for_url("**/confirm?next=**")
    look(page, "confirm-desk", locale)
    page.locator("#password").fill(people.PASSWORD)
    page.get_by_role("button", name=words["confirm"]).click()
    page.get_by_role("button", name=words["use"]).wait_for()
    look(page, "confirm-factor-desk", locale)
    page.get_by_role("button", name=words["use"]).click()
    page.wait_for_url(f"{visitor.origin}/security/keys/new")
    look(page, "security-key-desk", locale)
    page.get_by_role("button", name=words["key"]).click()
    expect(page.locator("[data-key-failed]")).to_be_visible()
    page.goto(f"{visitor.origin}/security")
    look(page, "security-desk", locale)
    page.goto(f"{visitor.origin}/security/totp")
    look(page, "security-totp-desk", locale)
    key.detach()


@pytest.mark.parametrize("locale", LOCALES)
def test_a_nurse_hands_a_qr_code_over_and_the_patient_enters_with_it_once(
    visit: Visiting, server: Server, locale: str
) -> None:
    words = WORDS[locale]
    nurse_id = f"ac-nurse-{locale}"

    def settle(tx: Transaction) -> str:
        rows.account(tx, nurse_id, "nurse")
        return rows.session(tx, nurse_id)

    token = server.write(settle)
    nurse = visit(locale=locale)
    nurse.context.add_cookies([{"name": "session", "value": token, "url": nurse.origin}])
    desk = nurse.page()
    desk.goto(f"{nurse.origin}/desk/persons/p-nam/entry")
    desk.get_by_role("button", name=words["new"]).click()
    expect(desk.locator(".qr svg")).to_be_visible()
    look(desk, "entry-desk", locale)
    desk.emulate_media(media="print")
    expect(desk.locator(".qr svg")).to_be_visible()
    expect(desk.locator("header.top")).to_be_hidden()
    desk.emulate_media(media="screen")
    digits = desk.locator(".code").inner_text()

    phone = visit(viewport=PHONE, locale=locale)
    page = phone.page()
    page.goto(f"{phone.origin}/enrol")
    look(page, "enrol-phone", locale)
    page.locator("#code").fill(digits)
    page.locator("#birth_year").fill("1958")
    page.locator("form[data-typed]").get_by_role("button", name=words["enter"]).click()
    page.wait_for_url("**/patient")
    desk.goto(f"{nurse.origin}/desk/persons/p-nam/entry")
    expect(desk.get_by_text(re.compile(f"^{words['used']} ")).first).to_be_visible()

    code = server.write(
        lambda tx: entry.new_code(tx, "p-linh", entry.EntryKind.ENROLMENT, nurse_id)
    )
    other = visit(viewport=PHONE, locale=locale)
    seen: list[str] = []
    page = other.page()
    page.on("request", lambda request: seen.append(request.url))
    page.goto(f"{other.origin}/enrol#{code}")
    expect(page.locator("form[data-typed]")).to_be_hidden()
    look(page, "enrol-scanned-phone", locale)
    assert code not in page.url
    page.locator("form[data-token]").get_by_role("button", name=words["enter"]).click()
    page.wait_for_url("**/patient")
    expect(page.get_by_text("Vàng Thị Linh").first).to_be_visible()
    assert not any(code in url.split("#")[0] for url in seen)


@pytest.mark.asvs("14.3.1")
def test_signing_out_leaves_nothing_in_the_browser(visit: Visiting) -> None:
    visitor = visit("ac-doctor")
    page = visitor.page()
    page.goto(f"{visitor.origin}/security")
    page.evaluate(
        """async () => {
            localStorage.setItem("kept", "x"); sessionStorage.setItem("kept", "x");
            await new Promise(done => { indexedDB.open("kept").onsuccess = e => {
                e.target.result.close(); done(); } });
        }"""
    )
    sign_out(visitor, page)
    left = page.evaluate(LEFT)
    assert left == [0, 0, 0]
    assert "session" not in {one["name"] for one in visitor.context.cookies()}
