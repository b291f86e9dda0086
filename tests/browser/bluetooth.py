"""A Chromium whose Bluetooth is a virtual ward behind a stand-in BlueZ: docs/devices.md.

    @pytest.fixture(scope="module")
    def bench() -> Iterator[Bench]:
        with bluetooth_bench(ward_of(1)) as opened:
            yield opened

    @pytest.fixture(scope="module")
    def chromium(bench: Bench) -> Iterator[Browser]:
        with bluetooth_chromium(bench) as browser:      # `visit` takes this one then
            yield browser

Web Bluetooth wants a secure context, so pages are served from http://localhost, and a click.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from playwright.sync_api import Browser, Page, sync_playwright

from devices.simulator.bluez.here import VARIABLE
from devices.simulator.bluez.stand_in import StandInBluez
from devices.simulator.ward import VirtualWard
from tests.browser.conftest import CHROMIUM, FLAGS

T = TypeVar("T")
BLUETOOTH: list[str] = [*FLAGS, "--enable-features=WebBluetooth"]
SOON_S = 20


@dataclass
class Bench:
    """A ward and its BlueZ, on a loop of their own."""

    loop: asyncio.AbstractEventLoop
    ward: VirtualWard
    bluez: StandInBluez

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the bench's loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=SOON_S)


@contextmanager
def bluetooth_bench(ward: VirtualWard) -> Iterator[Bench]:
    """Open a ward and a stand-in BlueZ over it, in a thread of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="bluetooth bench")
    thread.start()
    opened = AsyncExitStack()

    async def open_all() -> Bench:
        await opened.enter_async_context(ward)
        bluez = StandInBluez(**ward.backend_arguments)
        return Bench(loop, ward, await opened.enter_async_context(bluez))

    def on_loop(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=SOON_S)

    try:
        yield on_loop(open_all())
    finally:
        on_loop(opened.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=SOON_S)
        loop.close()


@contextmanager
def bluetooth_chromium(bench: Bench) -> Iterator[Browser]:
    """Start a Chromium that takes the bench's bus for the system's."""
    environment: dict[str, str | float | bool] = {**os.environ, VARIABLE: bench.bluez.address}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=BLUETOOTH, env=environment
        )
        try:
            yield browser
        finally:
            browser.close()


def choose_device(page: Page, name: str) -> None:
    """Choose a device by its name in the page's next chooser, as soon as it is listed."""
    session = page.context.new_cdp_session(page)
    session.send("DeviceAccess.enable")
    chosen: list[str] = []

    def prompted(event: dict[str, Any]) -> None:
        listed = [device["id"] for device in event["devices"] if device["name"] == name]
        if listed and not chosen:
            chosen.append(event["id"])
            session.send("DeviceAccess.selectPrompt", {"id": event["id"], "deviceId": listed[0]})

    session.on("DeviceAccess.deviceRequestPrompted", prompted)


def refuse_device(page: Page) -> None:
    """Close the page's next chooser without choosing."""
    session = page.context.new_cdp_session(page)
    session.send("DeviceAccess.enable")
    closed: list[str] = []

    def prompted(event: dict[str, Any]) -> None:
        if not closed:
            closed.append(event["id"])
            session.send("DeviceAccess.cancelPrompt", {"id": event["id"]})

    session.on("DeviceAccess.deviceRequestPrompted", prompted)
