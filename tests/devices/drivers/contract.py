"""What every driver keeps to, tried on a virtual device that plays its protocol, faults included.

A family's test class inherits `DriverContract` and says which device it is. The gateway around it
is the real one, from the scanner to the uplink, against a server that acknowledges.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import msgspec

from devices.drivers import recognise
from devices.drivers.driver import Driver, Heard
from devices.gateway import Gateway
from devices.identity import Identity
from devices.settings import Settings
from devices.simulator.episodes import STEADY, Episode, Kind, Scenario
from devices.simulator.peripheral import VirtualDevice
from devices.simulator.physiology import Pace, VirtualPatient
from devices.simulator.profiles.profile import Profile
from devices.simulator.profiles.stream import StreamProfile
from devices.simulator.ward import VirtualWard
from devices.simulator.wearing import Wearing
from devices.spool_file import SPOOL_FILE
from protocols.reading import Quality
from protocols.uplink import Sample, WireReading
from tests.devices.fake_server import FakeServer
from tests.devices.given import chance, identity

SETTINGS = Settings(
    batch_seconds=0.2,
    stale_after_s=5.0,
    reconnect_min_s=0.05,
    retry_max_s=0.05,
    connect_timeout_s=10.0,
)
PERIOD = timedelta(milliseconds=50)
ADVERTISING = timedelta(milliseconds=20)
LIMIT_S = 30.0
FINGER_LEAVES = Scenario(
    "finger_leaves",
    (Episode(kind=Kind.PROBE_OFF, starts=timedelta(seconds=60), lasts=None),),
)
"""Three seconds of the clock at the pace of the tests."""


@dataclass
class OnAir:
    """One virtual device, a gateway that reads it, and what the server was told."""

    device: VirtualDevice
    server: FakeServer
    folder: Path

    @property
    def samples(self) -> list[Sample]:
        return [sample for batch in self.server.batches() for sample in batch.samples]

    @property
    def readings(self) -> list[WireReading]:
        return [reading for batch in self.server.batches() for reading in batch.readings]

    @property
    def events(self) -> list[str]:
        return [event.kind for batch in self.server.batches() for event in batch.events]

    @property
    def good(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.spo2_percent is not None]

    @property
    def off(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.quality & Quality.FINGER_OFF]

    async def more_good(self, count: int = 3) -> None:
        """Wait for so many good samples more."""
        wanted = len(self.good) + count
        async with asyncio.timeout(LIMIT_S):
            await self.server.until(lambda: len(self.good) >= wanted)

    def rejected(self) -> list[bytes]:
        """Return the bytes that were kept because nobody could use them."""
        db = sqlite3.connect(self.folder / SPOOL_FILE)
        try:
            return [raw for (raw,) in db.execute("SELECT raw FROM rejected")]
        finally:
            db.close()


@asynccontextmanager
async def on_air(
    profile: Profile, folder: Path, settings: Settings = SETTINGS
) -> AsyncIterator[OnAir]:
    """Put a device on the air and a gateway beside it."""
    who = identity()
    server = FakeServer(who.key.public_key())
    await server.start()
    ward = VirtualWard(
        [profile], period=PERIOD, advertising_interval=ADVERTISING, pace=Pace(factor=20.0)
    )
    try:
        async with ward:
            gateway = Gateway(
                Identity(server.url, who.gateway_id, who.key),
                folder,
                settings,
                rng=chance(1),
                backends=ward.backends,
            )
            running = asyncio.create_task(gateway.run())
            try:
                yield OnAir(ward[profile.wearing.name], server, folder)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
    finally:
        await server.stop()


class DriverContract:
    """One family; its class says who it is."""

    enough: ClassVar[int] = 10
    """So many values show that it is read; a device that is asked seldom says few."""
    driver: ClassVar[Driver]
    model: ClassVar[str]
    """The name that such a device advertises."""
    heard: ClassVar[Heard]
    """An advertisement of such a device."""
    not_heard: ClassVar[Heard]
    """An advertisement of something else that looks alike."""

    def profile(self, wearing: Wearing) -> Profile:
        """Return a device of the family."""
        raise AssertionError("say which device")

    def device(self, scenario: Scenario = STEADY) -> Profile:
        patient = VirtualPatient(seed=3, scenario=scenario)
        return self.profile(Wearing(number=1, patient=patient, model=self.model))

    def test_its_advertisement_is_known_and_one_that_looks_alike_is_not(self) -> None:
        assert recognise(self.heard) is self.driver
        assert recognise(self.not_heard) is not self.driver

    async def test_its_values_reach_the_server(self, tmp_path: Path) -> None:
        async with on_air(self.device(), tmp_path) as air:
            await air.more_good(self.enough)
            assert "connected" in air.events
            assert all(80 <= (s.spo2_percent or 0) <= 100 for s in air.good)
            assert all(40 <= (s.pulse_per_min or 0) <= 150 for s in air.good)
            assert not air.rejected()

    async def test_a_finger_that_leaves_is_told_and_has_no_value(self, tmp_path: Path) -> None:
        async with on_air(self.device(FINGER_LEAVES), tmp_path) as air:
            async with asyncio.timeout(LIMIT_S):
                await air.server.until(lambda: "finger_off" in air.events and bool(air.off))
            assert all(s.spo2_percent is None and s.pulse_per_min is None for s in air.off)

    async def test_a_link_dropped_in_the_middle_of_a_frame_is_made_again(
        self, tmp_path: Path
    ) -> None:
        async with on_air(self.device(), tmp_path) as air:
            await air.more_good(min(3, self.enough))
            air.device.drop_mid_frame()
            async with asyncio.timeout(LIMIT_S):
                await air.server.until(lambda: air.events.count("connected") == 2)
            await air.more_good(min(3, self.enough))
            assert all(80 <= (s.spo2_percent or 0) <= 100 for s in air.good)

    async def test_a_link_that_only_says_it_is_connected_is_given_up(self, tmp_path: Path) -> None:
        hasty = msgspec.structs.replace(SETTINGS, stale_after_s=0.5)
        async with on_air(self.device(), tmp_path, hasty) as air:
            await air.more_good(min(3, self.enough))
            air.device.go_stale()
            async with asyncio.timeout(LIMIT_S):
                await air.server.until(lambda: "disconnected" in air.events)
            air.device.recover()
            await air.more_good(min(3, self.enough))

    async def test_anothers_frames_are_kept_aside_and_the_next_own_ones_count(
        self, tmp_path: Path
    ) -> None:
        profile = self.device()
        foreign = b"\x02\x11\x7e\xff\x00garbage\x7e"
        async with on_air(profile, tmp_path) as air:
            await air.more_good(min(3, self.enough))
            assert isinstance(profile, StreamProfile)
            await air.device.speak([profile.raw(foreign)])
            await air.more_good(min(3, self.enough))
            async with asyncio.timeout(LIMIT_S):
                while not air.rejected():  # noqa: ASYNC110 - another thread's file
                    await asyncio.sleep(0.02)
            assert b"garbage" in b"".join(air.rejected())
            assert air.events.count("connected") == 1
