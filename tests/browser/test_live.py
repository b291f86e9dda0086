"""Pages that are alive: values, alerts, order, the lost line, as doctor and patient meet them."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from telehealth import clock
from telehealth.store.database import Transaction
from telehealth.vitals.carry import Number
from telehealth.vitals.state import PersonState, encode_state
from tests.browser.conftest import PHONE, Server, Visiting
from tests.webui import people
from webui.assets import DIST, Assets

pytestmark = pytest.mark.browser
SPACE = re.compile(r"\s+")
AGE = re.compile(r"vừa xong|\d+ (phút|giờ) trước")


def open_page(visit: Visiting, server: Server, account: str, path: str, **more: Any) -> Page:
    page = visit(account, **more).page()
    page.goto(server.origin + path)
    expect(page.locator(".connection.on")).to_be_attached()
    return page


def settle_values(server: Server, person_id: str, spo2: float, level: int) -> None:
    """Commit a reading of a person with what the rules made of it, and tell the screens."""

    def write(tx: Transaction) -> None:
        now_ms = clock.now_ms()
        state = PersonState(
            level=level, newest_ms=now_ms, spo2=Number(spo2, now_ms), pulse=Number(88, now_ms)
        )
        people.put(tx, people.reading(person_id, "ox-09", now_ms, spo2, 88, tx.number))
        tx.execute(
            "UPDATE person_state SET state = ?, level = ?, last_reading_ms = ?, changed_in = ?"
            " WHERE person_id = ?",
            (encode_state(state), level, now_ms, tx.number, person_id),
        )

    server.write(write, f"person:{person_id}")


def words(page: Page, selector: str) -> str:
    """Return an element's words, without the ages, which pass."""
    return AGE.sub("AGE", SPACE.sub(" ", page.locator(selector).inner_text()).strip())


@pytest.mark.parametrize(
    ("account", "path", "selectors"),
    [
        ("ac-doctor", "/doctor", [".worklist", ".rows"]),
        ("ac-doctor", "/doctor/persons/p-hoa", [".person-title", "th-alerts", ".readings"]),
        ("ac-doctor", "/doctor/persons/p-nam", ["th-alerts"]),
        ("ac-hoa", "/patient", [".advice", ".big", ".sensor"]),
    ],
)
def test_a_page_says_the_same_with_scripts_and_without(
    visit: Visiting, server: Server, account: str, path: str, selectors: list[str]
) -> None:
    plain = visit(account, java_script_enabled=False).page()
    plain.goto(server.origin + path)
    alive = open_page(visit, server, account, path)
    for selector in selectors:
        assert words(alive, selector) == words(plain, selector)


def test_a_value_changes_before_the_doctors_eyes(visit: Visiting, server: Server) -> None:
    page = open_page(visit, server, "ac-doctor", "/doctor")
    row = page.locator("[data-person=p-linh]")
    expect(row.locator(".row-spo2 .value-number")).to_have_text("98%")
    settle_values(server, "p-linh", 96, 1)
    expect(row.locator(".row-spo2 .value-number")).to_have_text("96%")
    expect(row.locator(".row-level")).to_have_text("Vàng")


def test_live_samples_show_as_live_and_stop_being_so(visit: Visiting, server: Server) -> None:
    page = open_page(visit, server, "ac-linh", "/patient", viewport=PHONE)
    spo2 = page.locator(".big .value").first

    def sample(*values: float | None, quality: int = 0) -> None:
        now_ms = clock.now_ms()
        server.publish(
            "device:ox-02",
            {"kind": "samples", "at": now_ms, "samples": [[0, *values, quality]]},
        )

    sample(95, 70, 2.5)
    expect(spo2.locator(".value-number")).to_have_text("95%")
    expect(spo2.locator(".age")).to_have_text("trực tiếp")
    sample(60, 30, 0.1, quality=1)
    expect(spo2.locator(".value-number")).not_to_have_text("60%")
    expect(spo2).to_contain_text("không kẹp ngón tay")
    expect(page.locator(".sensor h2")).to_have_text("Chưa kẹp ngón tay")


def test_an_alert_appears_without_reload_and_is_accepted(visit: Visiting, server: Server) -> None:
    page = open_page(visit, server, "ac-cover", "/doctor")
    expect(page.locator("[data-alert=al-linh]")).to_have_count(0)

    def write(tx: Transaction) -> None:
        people.put(tx, people.alert("al-linh", "p-linh", clock.now_ms(), changed_in=tx.number))

    server.write(write, "person:p-linh")
    task = page.locator("[data-alert=al-linh]")
    expect(task).to_contain_text("Vàng Thị Linh")
    task.locator("a").click()
    page.wait_for_url("**/doctor/persons/p-linh#alert-al-linh")
    alert = page.locator("#alert-al-linh")
    alert.get_by_label("Tôi sẽ làm gì").select_option("calling")
    alert.get_by_label("Xem lại sau").select_option("15")
    alert.get_by_role("button", name="Nhận cảnh báo").click()
    expect(alert).to_contain_text("BS. Tuấn đã nhận")
    alert.get_by_role("button", name="Bắt đầu xử lý").click()
    alert.get_by_role("button", name="Đóng cảnh báo").click()
    expect(alert).to_contain_text("Đã giải quyết")
    page.goto(server.origin + "/doctor")
    expect(page.locator("[data-alert=al-linh]")).to_have_count(0)


def test_what_a_colleague_does_shows_on_an_open_page(visit: Visiting, server: Server) -> None:
    page = open_page(visit, server, "ac-doctor", "/doctor/persons/p-duc")
    other = open_page(visit, server, "ac-cover", "/doctor/persons/p-duc")
    other.get_by_role("button", name="Nhận cảnh báo").click()
    expect(other.locator("#alert-al-duc")).to_contain_text("BS. Tuấn đã nhận")
    expect(page.locator("#alert-al-duc")).to_contain_text("BS. Tuấn đã nhận")
    expect(page.locator("#alert-al-duc").get_by_role("button", name="Nhận thay")).to_be_visible()


def test_the_order_stands_still_under_the_pointer_and_moves_when_it_leaves(
    visit: Visiting, server: Server
) -> None:
    page = open_page(visit, server, "ac-doctor", "/doctor")
    settle_values(server, "p-linh", 98, 0)
    last = page.locator(".row").last
    expect(last).to_have_attribute("data-person", "p-linh")
    last.hover()
    settle_values(server, "p-linh", 85, 3)
    expect(last.locator(".row-level")).to_have_text("Đỏ")
    expect(last).to_have_attribute("data-person", "p-linh")
    expect(page.locator(".held")).to_contain_text("có thay đổi đang chờ")
    page.mouse.move(5, 5)
    expect(page.locator(".row").last).not_to_have_attribute("data-person", "p-linh")
    expect(page.locator(".held")).to_have_text("")
    settle_values(server, "p-linh", 98, 0)


def test_a_new_reading_joins_the_charts_and_the_table(visit: Visiting, server: Server) -> None:
    page = open_page(visit, server, "ac-doctor", "/doctor/persons/p-nam")
    before = page.locator(".chart-box").first.get_attribute("aria-label")
    settle_values(server, "p-nam", 87, 3)
    expect(page.locator(".readings tbody tr").first).to_contain_text("87")
    expect(page.locator(".now .value-number").first).to_have_text("87%")
    expect(page.locator(".chart").first.locator(".at")).to_contain_text("87 %")
    assert page.locator(".chart-box").first.get_attribute("aria-label") != before
    settle_values(server, "p-nam", 94, 2)


def test_charts_follow_the_width_of_the_screen(visit: Visiting, server: Server) -> None:
    page = open_page(visit, server, "ac-doctor", "/doctor/persons/p-hoa")
    chart = page.locator(".uplot").first
    wide = chart.bounding_box()
    page.set_viewport_size(PHONE)
    expect(page.locator(".u-wrap").first).to_have_attribute("style", re.compile(r"width: 3\d\dpx"))
    narrow = chart.bounding_box()
    assert wide is not None
    assert narrow is not None
    assert wide["width"] > 700
    assert narrow["width"] <= PHONE["width"]


def test_a_silent_line_is_told_within_ten_seconds_and_heals(
    visit: Visiting, server: Server
) -> None:
    one = visit("ac-doctor")
    page = one.page()
    silent = {"on": False}

    def between(route: WebSocketRoute) -> None:
        to_server = route.connect_to_server()
        to_server.on_message(lambda message: None if silent["on"] else route.send(message))

    page.route_web_socket(re.compile(r"/live$"), between)
    page.clock.install()
    page.goto(server.origin + "/doctor")
    expect(page.locator(".connection.on")).to_be_visible()
    silent["on"] = True
    page.clock.run_for(7_000)
    expect(page.locator(".connection.lost")).to_have_count(0)
    page.clock.run_for(3_000)
    expect(page.locator(".connection.lost")).to_contain_text("Mất kết nối từ")
    expect(page.locator("body.lost")).to_have_count(1)
    silent["on"] = False
    page.clock.run_for(20_000)
    expect(page.locator(".connection.on")).to_be_visible()
    expect(page.locator("body.lost")).to_have_count(0)
    # Twenty seconds in one: the page gives up a line that had no time to open.
    one.complaints[:] = [text for text in one.complaints if "WebSocket is closed" not in text]


def test_signing_out_elsewhere_ends_the_open_page(visit: Visiting, server: Server) -> None:
    one = visit("ac-doctor")
    page = one.page()
    page.goto(server.origin + "/doctor")
    expect(page.locator(".connection.on")).to_be_visible()
    other = one.page()
    other.goto(server.origin + "/sessions")
    other.locator("details.account summary").click()
    other.get_by_role("button", name="Đăng xuất", exact=True).click()
    other.wait_for_url("**/login?out")
    expect(page.locator(".connection.ended")).to_contain_text("Phiên đã kết thúc")
    # The open page may ask once more for calls that ring before it knows.
    one.complaints[:] = [text for text in one.complaints if "401 (Unauthorized)" not in text]


def test_people_log_in_by_the_form_and_switch_the_language(visit: Visiting, server: Server) -> None:
    page = visit(None).page()
    page.goto(server.origin + "/patient")
    page.get_by_label("Tên đăng nhập").fill("hoa")
    page.get_by_label("Mật khẩu").fill(people.PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    page.wait_for_url("**/patient")
    page.get_by_role("button", name="EN: English").click()
    expect(page.get_by_role("button", name="Call the doctor")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_a_keyboard_reaches_the_content_first(visit: Visiting, server: Server) -> None:
    page = open_page(visit, server, "ac-doctor", "/doctor")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


TOO_SMALL = """() => [...document.querySelectorAll(
    "button, .button, select, input:not([type=hidden]), summary, .task a, .spans a, .emergency")]
    .filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 44)
    .map(e => e.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize(
    ("account", "path"),
    [
        ("ac-doctor", "/doctor"),
        ("ac-doctor", "/doctor/persons/p-hoa"),
        ("ac-hoa", "/patient"),
        ("ac-admin", "/admin/accounts"),
        ("ac-admin", "/admin/devices"),
    ],
)
def test_whatever_is_pressed_is_large_enough_for_a_finger(
    visit: Visiting, server: Server, account: str, path: str
) -> None:
    page = visit(account, viewport=PHONE).page()
    page.goto(server.origin + path)
    page.wait_for_load_state("networkidle" if account == "ac-admin" else "load")
    assert page.evaluate(TOO_SMALL) == []


@pytest.mark.parametrize(
    ("entries", "limit_kb"),
    [(["page.js", "ring.js", "patient.js"], 40), (["page.js", "ring.js", "person.js"], 120)],
)
def test_scripts_stay_within_their_budget(entries: list[str], limit_kb: int) -> None:
    built = Assets.built()
    files = {built.asset(name).url for name in entries}
    files |= {url for name in entries for url in built.asset(name).preloads}
    total = sum((DIST / f"{url.rsplit('/', 1)[1]}.br").stat().st_size for url in files)
    assert total <= limit_kb * 1_000
