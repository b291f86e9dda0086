"""Real Chromium reads virtual oximeters by Web Bluetooth, over the stand-in BlueZ."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from playwright.sync_api import Browser, Page, expect

from devices.simulator.peripheral import VirtualDevice
from devices.simulator.physiology import VirtualPatient, VirtualVitals
from devices.simulator.profiles.profile import Saying
from devices.simulator.ward import VirtualWard
from devices.simulator.wearing import FEATURES, Wearing
from protocols.gatt.plx import PlxContinuous
from tests.browser.bluetooth import (
    Bench,
    bluetooth_bench,
    bluetooth_chromium,
    choose_device,
    refuse_device,
)

pytestmark = pytest.mark.browser
PAGE = Path(__file__).parent / "web_bluetooth.html"
FIRST, SECOND = "SimPLX-001", "SimPLX-002"


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    wearings = [Wearing(number=n, patient=VirtualPatient(seed=n)) for n in (1, 2)]
    ward = VirtualWard(
        wearings,
        period=timedelta(milliseconds=50),
        advertising_interval=timedelta(milliseconds=50),
    )
    with bluetooth_bench(ward) as opened:
        yield opened


@pytest.fixture(scope="module")
def origin(bench: Bench) -> Iterator[str]:
    """Serve the page from localhost, which browsers trust as they trust HTTPS."""

    async def show(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(PAGE)

    async def start() -> tuple[web.AppRunner, int]:
        app = web.Application()
        app.router.add_get("/", show)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, runner.addresses[0][1]

    runner, port = bench.run(start())
    yield f"http://localhost:{port}/"
    bench.run(runner.cleanup())


@pytest.fixture(scope="module")
def chromium(bench: Bench) -> Iterator[Browser]:
    with bluetooth_chromium(bench) as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser, origin: str) -> Iterator[Page]:
    """Yield the page in a context of its own; closing it ends its Bluetooth."""
    context = chromium.new_context()
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto(origin)
    yield page
    context.close()


def connect(page: Page, name: str = FIRST) -> None:
    choose_device(page, name)
    page.locator("#connect").click()
    expect(page.locator(".name, .error")).to_have_text(name)


def frames(page: Page, more_than: int) -> list[PlxContinuous]:
    expect(page.locator(".frame").nth(more_than)).to_be_attached()
    said = page.locator(".frame").all_text_contents()
    return [PlxContinuous.from_bytes(bytes.fromhex(frame)) for frame in said]


def test_a_page_reads_what_the_oximeter_measures(page: Page, bench: Bench) -> None:
    connect(page)
    measured = frames(page, more_than=5)
    shown = bench.run(spo2_of(bench.ward[FIRST]))
    assert all(
        one.spo2_percent is not None and abs(one.spo2_percent - shown) <= 3 for one in measured
    )
    expect(page.locator(".available")).to_have_text("true")
    expect(page.locator(".features")).to_have_text(FEATURES.to_bytes().hex())
    expect(page.locator(".battery")).to_have_text("57")
    expect(page.locator(".error")).to_have_count(0)


def test_the_chosen_device_is_the_one_that_is_read(page: Page, bench: Bench) -> None:
    connect(page, SECOND)
    frames(page, more_than=1)
    assert bench.ward[SECOND].connected
    assert not bench.ward[FIRST].connected


def test_a_page_is_told_that_the_device_went_and_finds_it_again(page: Page, bench: Bench) -> None:
    connect(page)
    frames(page, more_than=1)
    bench.run(bench.ward[FIRST].drop_link())
    expect(page.locator(".gone")).to_have_text(FIRST)
    before = page.locator(".frame").count()
    page.locator("#again").click()
    frames(page, more_than=before + 2)


def test_a_page_that_stops_listening_hears_nothing_more(page: Page, bench: Bench) -> None:
    connect(page)
    frames(page, more_than=1)
    page.locator("#stop").click()
    expect(page.locator(".stopped")).to_be_attached()
    heard = page.locator(".frame").count()
    sent = bench.ward[FIRST].frames_sent
    bench.run(five_measurements(bench.ward[FIRST]))
    assert bench.ward[FIRST].connected
    assert bench.ward[FIRST].frames_sent == sent, "nobody is subscribed"
    assert page.locator(".frame").count() == heard


def test_a_page_hears_nothing_of_a_device_that_nobody_chose(page: Page, bench: Bench) -> None:
    refuse_device(page)
    page.locator("#connect").click()
    expect(page.locator(".error")).to_have_text("NotFoundError")
    assert not bench.ward[FIRST].connected
    assert not bench.ward[SECOND].connected


def test_a_page_that_is_closed_lets_the_device_go(
    chromium: Browser, origin: str, bench: Bench
) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(origin)
    connect(page)
    frames(page, more_than=1)
    context.close()
    bench.run(until_alone(bench.ward[FIRST]))


async def until_alone(device: VirtualDevice) -> None:
    """Wait until a device has no peer; it reports facts, not events."""
    async with asyncio.timeout(10):
        while device.connected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def five_measurements(device: VirtualDevice) -> None:
    """Wait until a device has looked at the finger five times more."""
    measured = asyncio.Semaphore(0)
    measure = device.profile.measure

    def counted(vitals: VirtualVitals) -> Sequence[Saying]:
        measured.release()
        return measure(vitals)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device.profile, "measure", counted)
        async with asyncio.timeout(10):
            for _ in range(5):
                await measured.acquire()


async def spo2_of(device: VirtualDevice) -> float:
    """Return what the finger shows now."""
    return device.vitals.spo2_percent
