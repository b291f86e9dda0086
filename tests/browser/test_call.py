"""A call as people hold it: two real Chromiums, log-ins by form, the bell, the answer, the picture.

The built client must be there (`make build`). With `TELEHEALTH_SCREENSHOTS` set the pages are
photographed into docs/screenshots on the way.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aioice.ice
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

from devices.simulator.call_peer import CallPeer
from telehealth.clock import now_ms
from telehealth.serving import Listening, listening
from telehealth.settings import Settings
from tests import databases, world
from tests.flow import wire
from tests.flow.test_call import logged_in, more_than, running, sees_and_hears
from tests.world import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.flow,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="module"),
]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--autoplay-policy=no-user-gesture-required",
]
ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "docs/screenshots"
AXE = ROOT / "webui/client/node_modules/axe-core/axe.min.js"
DESK = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=360, height=740)

WATCH = """
window.connections = [];
const RealConnection = RTCPeerConnection;
window.RTCPeerConnection = class extends RealConnection {
  constructor(...given) { super(...given); window.connections.push(this); }
};
window.sockets = [];
const RealSocket = WebSocket;
window.WebSocket = class extends RealSocket {
  constructor(...given) { super(...given); window.sockets.push(this); }
};
window.received = async (kind, name) => {
  let sum = 0;
  for (const entry of (await window.connections.at(-1).getStats()).values())
    if (entry.type === "inbound-rtp" && entry.kind === kind) sum += entry[name] ?? 0;
  return sum;
};
window.until = async (kind, name, least) => {
  while (await window.received(kind, name) < least) await new Promise(done => setTimeout(done, 50));
  return window.received(kind, name);
};
"""
NO_CAMERA = """
const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = wanted =>
  wanted.video ? Promise.reject(new DOMException("none", "NotFoundError")) : real(wanted);
"""


@dataclass
class Seat:
    """Somebody at a browser."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)

    async def log_in(self, login: str) -> None:
        await self.page.goto(f"{self.origin}/login")
        await self.page.locator("input[name=login]").fill(login)
        await self.page.locator("input[name=password]").fill(world.PASSWORD)
        await self.page.locator("main form button").click()
        await self.page.wait_for_url(f"{self.origin}/*")

    async def ready_to_enter(self) -> None:
        await expect(self.page.locator("#enter")).to_be_enabled()

    async def enter(self) -> None:
        await self.ready_to_enter()
        await self.page.locator("#enter").click()

    async def says(self, word: str) -> None:
        consult = self.page.locator("#consult")
        await expect(consult).to_have_attribute("data-word", word, timeout=15_000)

    async def frames(self, more: int = 10) -> int:
        """Wait for so many frames more than were decoded already; returns all of them."""
        return await self.count("video", "framesDecoded", more)

    async def count(self, kind: str, name: str, more: int) -> int:
        before = await self.page.evaluate("([k, n]) => received(k, n)", [kind, name])
        found: int = await self.page.evaluate(
            "([k, n, least]) => until(k, n, least)", [kind, name, before + more]
        )
        return found

    async def over(self, title: str) -> None:
        await expect(self.page.locator("#over-title")).to_have_text(title)

    async def is_accessible(self) -> None:
        """Nothing of ours violates WCAG 2.2 AA as far as axe-core can see."""
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await self.page.evaluate(
            "async () => (await axe.run({include: ['main', '.ring'].filter("
            "s => document.querySelector(s))}, {runOnly: ["
            "'wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}))"
            ".violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' | '))"
        )
        assert found == []

    async def photograph(self, name: str) -> None:
        if os.environ.get("TELEHEALTH_SCREENSHOTS"):
            await self.page.screenshot(path=SHOTS / f"{name}.png")


@dataclass
class House:
    """A server with its world, and a browser to look at it."""

    server: Listening
    made: World
    browser: Browser

    @asynccontextmanager
    async def seat(self, login: str, size: ViewportSize, script: str = "") -> AsyncIterator[Seat]:
        """Sit somebody down at a browser of their own and log in; complaints fail the test."""
        context = await self.browser.new_context(
            viewport=size,
            locale="vi-VN",
            permissions=["camera", "microphone"],
        )
        await context.add_init_script(WATCH + script)
        seat = Seat(await context.new_page(), self.server.origin)
        seat.page.on("pageerror", lambda error: seat.complaints.append(str(error)))
        seat.page.on("console", lambda said: _note(seat, said))
        await seat.log_in(login)
        try:
            yield seat
        finally:
            await context.close()
        assert seat.complaints == []

    @asynccontextmanager
    async def both(self, patients_script: str = "") -> AsyncIterator[tuple[Seat, Seat]]:
        async with (
            self.seat("doctor", DESK) as doctor,
            self.seat("patient", PHONE, patients_script) as patient,
        ):
            yield doctor, patient

    async def call(self, doctor: Seat, patient: Seat) -> None:
        """From the list to the picture, as doctor and patient do it."""
        await doctor.page.locator("form.row-call button").click()
        await expect(doctor.page.locator("#check")).to_be_visible()
        await patient.page.locator(".ring [data-act=answer]").click()
        await expect(patient.page.locator("#check")).to_be_visible()
        await doctor.enter()
        await patient.enter()
        await doctor.says("connected")
        await patient.says("connected")


def _note(seat: Seat, said: Any) -> None:
    if said.type in ("error", "warning"):
        seat.complaints.append(said.text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the whole file; each seat has a context of its own."""
    async with async_playwright() as tool:
        found = await tool.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        try:
            yield found
        finally:
            await found.close()


@pytest_asyncio.fixture(loop_scope="module")
async def house(browser: Browser, tmp_path: Path) -> AsyncIterator[House]:
    async with (
        databases.address("sqlite", tmp_path) as url,
        listening(Settings(database=url, port=0, second_factor="offered")) as server,
    ):
        made = await world.make(server.services.database)
        yield House(server, made, browser)


async def test_doctor_and_patient_see_each_other_with_live_vitals_until_one_hangs_up(
    house: House,
) -> None:
    keys = await wire.enrolled(house.server.services.database)
    async with (
        house.both() as (doctor, patient),
        wire.connected(house.server.origin, keys) as gateway,
    ):
        await house.call(doctor, patient)
        assert await doctor.frames() > 0
        assert await patient.frames() > 0
        shown = doctor.page.locator("#vitals [data-vital=spo2] output")
        for seq, spo2 in ((1, 93.0), (2, 95.0)):
            await gateway.send(wire.minute(seq, now_ms(), spo2, device=house.made.device_id))
            await gateway.acked(seq)
            await expect(shown).to_have_text(f"{spo2:.0f}")
        await expect(doctor.page.locator("#vitals [data-vital=spo2] .age")).to_have_text(
            "trực tiếp"
        )
        assert await patient.page.locator("#vitals").count() == 0
        await doctor.photograph("call-doctor-desk")
        await patient.photograph("call-patient-phone")
        await doctor.is_accessible()
        await patient.is_accessible()
        await patient.page.locator("#hang-up").click()
        await doctor.over("Cuộc gọi đã kết thúc")
        await patient.over("Cuộc gọi đã kết thúc")
        await patient.is_accessible()


async def test_the_call_goes_on_when_the_signalling_socket_is_lost(house: House) -> None:
    async with house.both() as (doctor, patient):
        await house.call(doctor, patient)
        for seat in (doctor, patient):
            sockets = await seat.page.evaluate("sockets.length")
            await seat.page.evaluate("sockets.at(-1).close()")
            await seat.frames()
            await seat.says("connected")
            assert await seat.page.evaluate("sockets.length") > sockets
            assert await seat.page.evaluate("connections.length") == 1
        await patient.page.locator("#camera").click()
        await expect(doctor.page.locator("#peer-devices")).to_have_text(
            "Người Thử Nghiệm đang tắt camera."
        )
        await patient.page.locator("#camera").click()
        await expect(doctor.page.locator("#peer-devices")).to_have_text("")
        await doctor.frames()


async def test_both_sides_may_ask_for_new_paths_at_once(house: House) -> None:
    """Crossing offers: the polite side yields (WebRTC 1.0 §10.7)."""
    async with house.both() as (doctor, patient):
        await house.call(doctor, patient)
        for seat in (doctor, patient):
            await seat.page.evaluate("connections[0].restartIce()")
        for seat in (doctor, patient):
            await seat.frames(30)
            assert await seat.page.evaluate("connections.length") == 1
            assert await seat.page.evaluate("connections[0].signalingState") == "stable"


async def test_without_a_camera_the_call_is_held_with_sound_and_says_so(house: House) -> None:
    async with house.both(NO_CAMERA) as (doctor, patient):
        await doctor.page.locator("form.row-call button").click()
        await patient.page.locator(".ring [data-act=answer]").click()
        await expect(patient.page.locator("#problems")).to_contain_text("Không tìm thấy camera")
        await patient.ready_to_enter()
        await patient.is_accessible()
        await patient.photograph("call-no-camera-phone")
        await doctor.enter()
        await patient.enter()
        await doctor.says("connected")
        await patient.frames()
        await doctor.count("audio", "packetsReceived", 50)
        await expect(doctor.page.locator("#peer-devices")).to_contain_text("đang tắt camera")


async def test_a_reloaded_page_comes_back_into_the_call(house: House) -> None:
    async with house.both() as (doctor, patient):
        await house.call(doctor, patient)
        await patient.page.reload()
        await patient.enter()
        await patient.says("connected")
        await doctor.says("connected")
        await doctor.frames()
        await patient.frames()


async def test_a_declined_call_tells_the_doctor_and_takes_the_banner_away(house: House) -> None:
    async with house.both() as (doctor, patient):
        await doctor.page.locator("form.row-call button").click()
        await expect(doctor.page.locator("#check-words")).to_contain_text("Đang đổ chuông")
        await doctor.ready_to_enter()
        await doctor.is_accessible()
        await doctor.photograph("call-check-desk")
        banner = patient.page.locator(".ring.rings")
        await expect(banner).to_contain_text("Doctor đang gọi bạn")
        await patient.is_accessible()
        await patient.photograph("call-ring-phone")
        await banner.locator("[data-act=decline]").click()
        await doctor.over("Người Thử Nghiệm không nhận cuộc gọi")
        await expect(banner).to_have_count(0)


async def test_a_patient_asks_waits_and_is_brought_together_with_the_doctor(house: House) -> None:
    async with house.both() as (doctor, patient):
        await patient.page.locator(".call-doctor").click()
        await patient.enter()
        await patient.says("requested")
        await patient.photograph("call-wait-phone")
        banner = doctor.page.locator(".ring.rings")
        await expect(banner).to_contain_text("Người Thử Nghiệm xin gặp bác sĩ")
        await doctor.photograph("call-asked-desk")
        await banner.locator("[data-act=answer]").click()
        await doctor.enter()
        await doctor.says("connected")
        await patient.says("connected")
        await doctor.frames()
        await doctor.page.locator("#hang-up").click()
        await patient.over("Cuộc gọi đã kết thúc")


async def test_a_browser_and_a_virtual_patient_hold_a_call(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo's virtual patient; asked for an ICE restart, it comes back as a new page."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])
    async with (
        house.seat("doctor", DESK) as doctor,
        logged_in(house.server, "patient") as patient,
    ):
        await doctor.page.locator("form.row-call button").click()
        room_id = doctor.page.url.rpartition("/")[2]
        await doctor.enter()
        assert (await patient.post(f"/api/v1/calls/{room_id}/answer"))[0] == 200
        peer: CallPeer = patient.peer(room_id)
        async with running(peer):
            await peer.until(sees_and_hears)
            await doctor.frames()
            await doctor.photograph("call-virtual-desk")
            frames = peer.video_frames
            await doctor.page.evaluate("connections.at(-1).restartIce()")
            await doctor.page.evaluate(
                "async () => { while (connections.length < 2)"
                " await new Promise(done => setTimeout(done, 50)); }"
            )
            await doctor.frames()
            await peer.until(more_than(frames))
            await doctor.page.locator("#hang-up").click()
            await peer.until(lambda p: p.ended is not None)
