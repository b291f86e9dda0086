"""Breaking the glass and its review, as a doctor and a privacy officer see it; both languages.

With `TELEHEALTH_SCREENSHOTS` set to a folder, each page is photographed into it.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE, Server, Visiting
from tests.browser.test_screens import forgive_refusal

pytestmark = pytest.mark.browser
NOTE = "Cấp cứu 115 chuyển đến, bất tỉnh"
WORDS = {
    "vi": {
        "reason": "Lý do", "why": "Người bệnh hôn mê hoặc không nói được",
        "what": "Điều gì đã xảy ra", "take": "Truy cập khẩn cấp", "until": "Truy cập khẩn cấp đến",
        "end": "Kết thúc ngay", "found": "Kết luận của bạn", "judge": "Chính đáng",
        "done": "Đã xem xét",
    },
    "en": {
        "reason": "Reason", "why": "The person is unconscious or cannot speak",
        "what": "What has happened", "take": "Take emergency access",
        "until": "Emergency access until", "end": "End it now", "found": "What you found",
        "judge": "Justified", "done": "Judged",
    },
}  # fmt: skip


def look(page: Page, name: str) -> None:
    """Photograph a page, if anybody wants to see it."""
    folder = os.environ.get("TELEHEALTH_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_a_doctor_breaks_the_glass_and_the_officer_judges_it(
    visit: Visiting, server: Server, locale: str
) -> None:
    words = WORDS[locale]
    server.write(lambda tx: tx.execute("DELETE FROM break_glass"))
    doctor = visit("ac-doctor", locale=locale, viewport=PHONE)
    page = doctor.page()
    page.goto(f"{server.origin}/doctor/persons/p-far")
    expect(page).to_have_url(f"{server.origin}/emergency/persons/p-far")
    expect(page.get_by_text("Hà Văn Xa")).to_have_count(0)
    page.get_by_label(words["reason"]).select_option(label=words["why"])
    page.get_by_label(words["what"]).fill(NOTE)
    look(page, f"emergency-{locale}-phone")
    page.get_by_role("button", name=words["take"]).click()
    expect(page.get_by_role("heading", name="Hà Văn Xa")).to_be_visible()
    expect(page.get_by_text(words["until"])).to_be_visible()
    look(page, f"emergency-record-{locale}-phone")
    page.get_by_role("button", name=words["end"]).click()
    page.goto(f"{server.origin}/doctor/persons/p-far")
    expect(page).to_have_url(f"{server.origin}/emergency/persons/p-far")
    forgive_refusal(doctor)

    officer = visit("ac-officer", locale=locale, viewport=DESK)
    desk = officer.page()
    desk.goto(f"{server.origin}/privacy/emergencies")
    expect(desk.get_by_text(NOTE)).to_be_visible()
    look(desk, f"emergency-review-{locale}-desk")
    desk.get_by_label(words["found"]).fill("Đúng là cấp cứu, hồ sơ của 115 ghi như vậy.")
    desk.get_by_role("button", name=words["judge"], exact=True).click()
    judged = desk.get_by_role("region", name=words["done"])
    expect(judged.get_by_text(NOTE)).to_be_visible()
    look(desk, f"emergency-judged-{locale}-desk")


def test_an_open_page_closes_when_the_hour_is_over(visit: Visiting, server: Server) -> None:
    server.write(lambda tx: tx.execute("DELETE FROM break_glass"))
    server.write(
        lambda tx: tx.insert(
            "break_glass",
            ("break_glass_id", "account_id", "person_id", "reason", "started_ms", "ends_ms"),
            [("bg-1", "ac-doctor", "p-far", "cover", tx.now_ms - 1, tx.now_ms + 3_600_000)],
        )
    )
    doctor = visit("ac-doctor", locale="vi")
    page = doctor.page()
    page.goto(f"{server.origin}/doctor/persons/p-far")
    page.locator(".connection.on").wait_for()
    server.write(lambda tx: tx.execute("UPDATE break_glass SET ends_ms = started_ms + 1"))
    page.locator(".connection:not(.on)").wait_for(timeout=15_000)
    doctor.complaints.clear()  # the refused socket, which the browser reports
