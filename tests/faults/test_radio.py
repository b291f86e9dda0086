"""What radio does to a gateway: each fault on the bench, nothing lost or doubled, the truth shown.

The device is virtual and everything else is real: drivers, links, recorder, spool and uplink.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from bleak.exc import BleakError

from devices.clock import Clock, Moment, SystemClock
from devices.gateway import Gateway
from devices.identity import Identity
from devices.radio import Backends
from devices.settings import Settings
from devices.simulator.bleak_bumble import BumbleClient, BumbleScanner
from devices.simulator.hub import AdapterController, Hub
from devices.simulator.physiology import VirtualPatient
from devices.simulator.ward import VirtualWard
from devices.simulator.wearing import Wearing
from devices.snapshot import DeviceState
from tests.devices.fake_server import FakeServer
from tests.devices.given import chance, identity

SETTINGS = Settings(
    batch_seconds=0.2,
    stale_after_s=3.0,
    scan_restart_s=1.0,
    reconnect_min_s=0.05,
    retry_max_s=0.05,
    connect_timeout_s=5.0,
)
LIMIT_S = 30.0
DEVICE = "ox-f0f000000001"
NAME = "SimPLX-001"


def ward(*numbers: int) -> VirtualWard:
    return VirtualWard(
        [Wearing(number=n, patient=VirtualPatient(seed=n)) for n in numbers or (1,)],
        period=timedelta(milliseconds=50),
        advertising_interval=timedelta(milliseconds=20),
    )


@dataclass(slots=True)
class Home:
    """A gateway and its server; the air is the test's."""

    gateway: Gateway
    server: FakeServer
    running: "asyncio.Task[None]"
    stopped: bool = False

    async def stop(self) -> None:
        self.stopped = True
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    def samples(self, device: str = DEVICE) -> int:
        return sum(len(b.samples) for b in self.server.batches() if b.device == device)

    def events(self, device: str = DEVICE) -> list[str]:
        return [e.kind for b in self.server.batches() if b.device == device for e in b.events]

    def state(self, device: str = DEVICE) -> DeviceState:
        shown = {one.device_id: one.state for one in self.gateway.snapshot().devices}
        return shown.get(device, DeviceState.AWAY)

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not fact():  # noqa: ASYNC110 - facts of several tasks
                await asyncio.sleep(0.01)

    async def more(self, count: int = 5, device: str = DEVICE) -> None:
        wanted = self.samples(device) + count
        await self.until(lambda: self.samples(device) >= wanted)


@asynccontextmanager
async def home(
    folder: Path,
    backends: Backends,
    settings: Settings = SETTINGS,
    clock: Clock | None = None,
) -> AsyncIterator[Home]:
    """Run a gateway; afterwards it has left no task behind and nothing was sent twice."""
    who = identity()
    server = FakeServer(who.key.public_key())
    await server.start()
    gateway = Gateway(
        Identity(server.url, who.gateway_id, who.key),
        folder,
        settings,
        clock=clock,
        rng=chance(1),
        backends=backends,
    )
    before = asyncio.all_tasks()
    running = asyncio.create_task(gateway.run())
    one = Home(gateway, server, running)
    try:
        yield one
        assert one.stopped or not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        own = ("radio", "bluez", "time", "spool", "uplink", "ox-")
        left = [t for t in asyncio.all_tasks() - before if t.get_name().startswith(own)]
        await server.stop()
    assert left == []
    numbers = Counter((b.stream, b.seq) for b in server.batches())
    contents = {(b.stream, b.seq): msgspec.json.encode(b) for b in server.batches()}
    assert len(contents) == len(numbers)


async def test_a_device_that_fades_away_is_given_up_and_found_again_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loudness = {"F0:F0:00:00:00:01": -60}
    monkeypatch.setattr(AdapterController, "rssi_dbm", loudness)
    async with ward() as air, home(tmp_path, air.backends) as one:
        await one.more()
        loudness["F0:F0:00:00:00:01"] = -120
        air[NAME].go_stale()
        await one.until(lambda: "disconnected" in one.events())
        await one.until(lambda: one.state() is not DeviceState.MEASURING)
        assert one.gateway.connected_devices == frozenset()
        loudness["F0:F0:00:00:00:01"] = -80
        air[NAME].recover()
        await one.more()
        assert one.state() is DeviceState.MEASURING


async def test_an_adapter_that_is_pulled_out_and_plugged_in_again(tmp_path: Path) -> None:
    async with ward(1, 2) as air:
        hub = await Hub.open(await air.serve_hci())
        backends = Backends(scanner=BumbleScanner, client=BumbleClient, arguments={"hub": hub})
        async with home(tmp_path, backends) as one:
            await one.more()
            await one.more(device="ox-f0f000000002")
            await hub.pull_out()
            await one.until(lambda: "disconnected" in one.events())
            assert one.state() is not DeviceState.MEASURING
            await hub.plug_in()
            await one.more()
            await one.more(device="ox-f0f000000002")
        await hub.close()


async def test_eight_aborted_connects_in_a_row_are_survived(tmp_path: Path) -> None:
    left = [BleakError("le-connection-abort-by-local")] * 8

    class Aborting(BumbleClient):
        async def connect(self, pair: bool, **kwargs: object) -> None:
            if left:
                raise left.pop()
            await super().connect(pair, **kwargs)

    async with ward() as air:
        backends = Backends(
            scanner=air.scanner_backend, client=Aborting, arguments=air.backend_arguments
        )
        async with home(tmp_path, backends) as one:
            await one.more()
    assert not left


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


async def test_two_gateways_share_what_only_one_can_have(tmp_path: Path) -> None:
    async with ward() as air:
        other = await air.another_adapter("F0:00:00:00:00:02")
        second = Backends(scanner=BumbleScanner, client=BumbleClient, arguments={"hub": other})
        async with home(_folder(tmp_path, "a"), air.backends) as one:
            await one.more()
            async with home(_folder(tmp_path, "b"), second) as two:
                await one.more(20)
                assert two.samples() == 0
                assert two.state() in (DeviceState.AWAY, DeviceState.WAITING)
                await one.stop()
                await two.more()


async def test_a_stranger_who_shouts_does_not_hide_a_patients_device(tmp_path: Path) -> None:
    """Oversized and broken names, five hundred devices, some of which claim to be oximeters."""
    rng = random.Random(7)  # noqa: S311 - a seed for a test
    async with ward() as air, home(tmp_path, air.backends) as one:
        for number in range(500):
            name = rng.randbytes(rng.randrange(1, 200))
            service = b"\x03\x03\x22\x18" if number % 5 == 0 else b""
            data = b"\x02\x01\x06" + service + bytes((min(255, 1 + len(name)), 0x09)) + name
            address = f"C0:00:00:00:{number >> 8:02X}:{number & 0xFF:02X}"
            air.shout(address, data)
            if number % 50 == 0:
                await asyncio.sleep(0)
        await one.more(20)
        assert one.state() is DeviceState.MEASURING
        assert len(one.gateway.snapshot().devices) <= 257


@dataclass
class JumpingClock:
    """The machine's clock, until somebody sets it."""

    ahead_ms: int = 0
    _real: SystemClock = field(default_factory=SystemClock)

    def moment(self) -> Moment:
        now = self._real.moment()
        return Moment(now.boot_id, now.monotonic_ms, now.wall_ms + self.ahead_ms, True)


@pytest.mark.parametrize("jump_ms", [86_400_000, -86_400_000])
async def test_a_clock_that_jumps_by_a_day_loses_and_doubles_nothing(
    tmp_path: Path, jump_ms: int
) -> None:
    clock = JumpingClock()
    async with ward() as air, home(tmp_path, air.backends, clock=clock) as one:
        await one.more()
        clock.ahead_ms = jump_ms
        await one.more(20)
        assert one.events().count("connected") == 1, "no link was dropped for it"
        assert one.state() is DeviceState.MEASURING
    sent = air_samples(one)
    assert len(sent) == len(set(sent))


def air_samples(one: Home) -> list[tuple[int, int]]:
    """Return each sample by its batch's start and its place there."""
    return [
        (batch.at, sample.offset_ms) for batch in one.server.batches() for sample in batch.samples
    ]
