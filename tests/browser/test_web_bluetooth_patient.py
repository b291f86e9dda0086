"""The patient's page reads virtual oximeters by Web Bluetooth, with and without a network."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from devices.simulator.physiology import VirtualPatient
from devices.simulator.profiles.oximeters import BerryMedProfile, NoninProfile, Pc60fwProfile
from devices.simulator.ward import VirtualWard
from devices.simulator.wearing import Wearing
from tests.browser.bluetooth import (
    Bench,
    bluetooth_bench,
    bluetooth_chromium,
    choose_device,
    refuse_device,
)
from tests.browser.conftest import NARROW, Server, Visit, Visiting
from tests.browser.test_patient_offline import fits, ready, taking_in
from tests.browser.test_web_bluetooth_bench import until_alone

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("taking_in")]
__all__ = ["taking_in"]
NOW = re.compile("Đo ngay")
NO_NETWORK = re.compile(r"net::ERR_INTERNET_DISCONNECTED")


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    def worn(number: int, model: str = "SimPLX") -> Wearing:
        return Wearing(number=number, patient=VirtualPatient(seed=number), model=model)

    ward = VirtualWard(
        [
            worn(1),
            NoninProfile(worn(2)),
            BerryMedProfile(worn(3, "BM1000")),
            Pc60fwProfile(worn(4, "PC-60FW")),
        ],
        period=timedelta(milliseconds=500),
        advertising_interval=timedelta(milliseconds=50),
    )
    with bluetooth_bench(ward) as opened:
        yield opened


@pytest.fixture(scope="module")
def chromium(bench: Bench) -> Iterator[Browser]:
    with bluetooth_chromium(bench) as browser:
        yield browser


@pytest.fixture
def phone(visit: Visiting) -> Iterator[Visit]:
    """A patient's phone; its console may say that there was no network."""
    made = visit("ac-linh", viewport=NARROW)
    made.context.set_default_timeout(20_000)
    yield made
    made.complaints[:] = [one for one in made.complaints if not NO_NETWORK.search(one)]


def spot_checks(server: Server) -> list[tuple[str, float]]:
    async def read() -> list[tuple[str, float]]:
        sql = "SELECT device_id, spo2_percent FROM reading WHERE kind = 'spot' AND person_id = ?"
        rows = await server.services.database.read(lambda r: r.rows(sql, ("p-linh",)))
        return [(row[0], row[1]) for row in rows]

    return server.run(read())


def name_of(bench: Bench, family: str) -> str:
    """Return the name under which the ward's device of a family advertises."""
    found = [
        name
        for name, device in bench.ward.oximeters.items()
        if type(device.profile).__name__.lower().startswith(family)
    ]
    assert len(found) == 1, (family, list(bench.ward.oximeters))
    return found[0]


def measure(page: Page, bench: Bench, family: str) -> None:
    choose_device(page, name_of(bench, family))
    page.get_by_role("button", name=NOW).click()


@pytest.mark.parametrize("family", ["plx", "nonin", "berrymed", "pc60fw"])
def test_three_presses_and_a_still_finger_make_a_reading(
    phone: Visit, server: Server, bench: Bench, family: str
) -> None:
    page = phone.page()
    ready(page, server)
    before = len(spot_checks(server))
    measure(page, bench, family)
    expect(page.locator(".measuring progress")).to_be_visible()
    expect(page.locator(".live-number")).to_have_text(re.compile(r"\d+"))
    if family == "plx":
        fits(page)
    expect(page.locator("th-measure .advice.measured")).to_be_visible(timeout=15_000)
    expect(page.locator(".waiting-many")).to_have_count(0)
    found = spot_checks(server)
    assert len(found) == before + 1
    assert found[-1][0].endswith(f":{family}")
    assert 85 <= found[-1][1] <= 100


def test_measured_without_a_network_reloaded_and_sent_once(
    phone: Visit, server: Server, bench: Bench, visit: Visiting
) -> None:
    page = phone.page()
    ready(page, server)
    before = len(spot_checks(server))
    phone.context.set_offline(True)
    page.reload()
    expect(page.locator(".no-network")).to_be_visible()
    measure(page, bench, "plx")
    expect(page.locator("th-measure .advice.measured")).to_be_visible(timeout=15_000)
    expect(page.locator(".waiting-many")).to_be_visible()
    page.reload()
    expect(page.locator(".waiting-many")).to_be_visible()
    assert len(spot_checks(server)) == before
    phone.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator(".waiting-many")).to_have_count(0)
    page.reload()
    expect(page.locator("th-now")).to_be_visible()
    found = spot_checks(server)
    assert len(found) == before + 1
    doctor = visit("ac-doctor").page()
    doctor.goto(f"{server.origin}/doctor/persons/p-linh")
    rows = doctor.locator(".readings tbody tr", has_text=re.compile("máy hiện"))
    expect(rows).to_have_count(len(found))


def test_a_chooser_that_is_closed_leads_back(phone: Visit, server: Server) -> None:
    page = phone.page()
    ready(page, server)
    refuse_device(page)
    page.get_by_role("button", name=NOW).click()
    expect(page.get_by_role("button", name=NOW)).to_be_visible()
    expect(page.locator(".measuring")).to_have_count(0)


def test_a_device_that_goes_is_looked_for_again(phone: Visit, server: Server, bench: Bench) -> None:
    page = phone.page()
    ready(page, server)
    measure(page, bench, "plx")
    expect(page.locator(".live-number")).to_have_text(re.compile(r"\d+"))
    bench.run(bench.ward[name_of(bench, "plx")].drop_link())
    expect(page.locator("th-measure .advice.measured")).to_be_visible(timeout=25_000)


def test_stopping_lets_the_device_go(phone: Visit, server: Server, bench: Bench) -> None:
    page = phone.page()
    ready(page, server)
    measure(page, bench, "plx")
    expect(page.locator(".live-number")).to_have_text(re.compile(r"\d+"))
    page.get_by_role("button", name="Quay lại").click()
    expect(page.get_by_role("button", name=NOW)).to_be_visible()
    bench.run(until_alone(bench.ward[name_of(bench, "plx")]))
