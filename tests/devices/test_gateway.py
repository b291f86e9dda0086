"""A whole gateway: virtual oximeters on virtual Bluetooth, a real spool, a real socket."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError

from devices.gateway import Gateway
from devices.identity import Identity
from devices.scan import scan_for
from devices.session import RevokedError
from devices.settings import Settings
from devices.simulator.bleak_bumble import BumbleClient, BumbleScanner
from devices.simulator.peripheral import VirtualDevice
from devices.simulator.physiology import VirtualPatient
from devices.simulator.profiles.plx import PlxProfile
from devices.simulator.profiles.profile import Saying
from devices.simulator.ward import VirtualWard
from devices.simulator.wearing import NO_MARKS, Wearing
from devices.spool_file import SPOOL_FILE
from devices.status import read_status
from protocols.gatt import battery, plx
from protocols.gatt.plx_status import MeasurementStatus
from protocols.uplink import Failure, WireReading
from tests.devices.fake_server import FakeServer
from tests.devices.given import Heard, chance, identity

QUICK = Settings(
    batch_seconds=0.2,
    stale_after_s=5.0,
    reconnect_min_s=0.05,
    retry_max_s=0.05,
    ack_timeout_s=2.0,
)


UPLINK_ONLY = Settings(only_devices=["nobody"], retry_max_s=0.05)


def ward_of(*numbers: int, marks: MeasurementStatus = NO_MARKS) -> VirtualWard:
    return VirtualWard(
        [Wearing(number=n, patient=VirtualPatient(seed=n), marks=marks) for n in numbers],
        period=timedelta(milliseconds=50),
        advertising_interval=timedelta(milliseconds=20),
    )


def ox(number: int) -> str:
    return f"ox-f0f00000{number:04x}"


@dataclass
class Scene:
    """A ward, a gateway in it, and the server far away."""

    ward: VirtualWard
    server: FakeServer
    identity: Identity
    folder: Path

    def gateway(self, settings: Settings = QUICK, **backends: Any) -> Gateway:
        hearing = replace(self.ward.backends, **backends)
        return Gateway(self.identity, self.folder, settings, rng=chance(1), backends=hearing)

    @asynccontextmanager
    async def running(
        self, settings: Settings = QUICK, **backends: Any
    ) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.gateway(settings, **backends).run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def samples(self, number: int) -> list[float | None]:
        return [
            sample.spo2_percent
            for batch in self.server.batches()
            if batch.device == ox(number)
            for sample in batch.samples
        ]

    def events(self, number: int) -> list[str]:
        return [
            event.kind
            for batch in self.server.batches()
            if batch.device == ox(number)
            for event in batch.events
        ]

    def readings(self) -> list[WireReading]:
        return [reading for batch in self.server.batches() for reading in batch.readings]

    async def hears(self, number: int, more_than: int = 0) -> None:
        await self.server.until(lambda: len(self.samples(number)) > more_than)


async def spot_check(oximeter: VirtualDevice, timestamp: datetime | None) -> None:
    """Let a device of the standard indicate a finished measurement."""
    assert isinstance(oximeter.profile, PlxProfile)
    await oximeter.speak([oximeter.profile.finished(oximeter.vitals, timestamp)])


async def say_raw(oximeter: VirtualDevice, value: bytes) -> None:
    assert isinstance(oximeter.profile, PlxProfile)
    await oximeter.speak([oximeter.profile.raw(value)])


async def sent(oximeter: VirtualDevice, frames: int) -> None:
    """Wait until a device has sent so many frames to a peer; it says so each time it looks."""
    reached = asyncio.Event()
    speak = oximeter.speak

    async def counting(sayings: Sequence[Saying]) -> None:
        await speak(sayings)
        if oximeter.frames_sent >= frames:
            reached.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oximeter, "speak", counting)
        async with asyncio.timeout(15):
            await reached.wait()


@asynccontextmanager
async def scene(ward: VirtualWard, folder: Path) -> AsyncIterator[Scene]:
    who = identity()
    server = FakeServer(who.key.public_key())
    await server.start()
    try:
        async with ward:
            yield Scene(ward, server, Identity(server.url, who.gateway_id, who.key), folder)
    finally:
        await server.stop()


async def test_three_oximeters_reach_the_server(tmp_path: Path) -> None:
    async with scene(ward_of(1, 2, 3), tmp_path) as one, one.running():
        for number in (1, 2, 3):
            await one.hears(number, more_than=10)
    values = [value for number in (1, 2, 3) for value in one.samples(number)]
    assert all(value is not None and 80 <= value <= 100 for value in values)
    batch = next(b for b in one.server.batches() if b.device == ox(1) and b.samples)
    assert batch.samples[0].pulse_per_min is not None
    assert batch.samples[0].perfusion_index_percent is not None


async def test_a_device_is_told_to_be_connected_and_how_full_it_is(tmp_path: Path) -> None:
    async with scene(ward_of(1), tmp_path) as one, one.running():
        await one.server.until(lambda: {"connected", "battery"} <= set(one.events(1)))
    (level,) = [e for b in one.server.batches() for e in b.events if e.kind == "battery"]
    assert level.value == 87.0


async def test_a_spot_check_goes_up_at_once_under_the_devices_own_time(tmp_path: Path) -> None:
    at = datetime(2026, 9, 23, 8, 15)  # noqa: DTZ001 (a device's clock has no zone)
    async with scene(ward_of(1), tmp_path) as one, one.running():
        await one.hears(1)
        await spot_check(one.ward["SimPLX-001"], at)
        await one.server.until(lambda: any(r.kind == "spot" for r in one.readings()))
    (spot,) = [r for r in one.readings() if r.kind == "spot"]
    assert spot.record == "2026-09-23T08:15:00"
    assert spot.spo2_percent is not None


async def test_a_device_that_drops_the_link_is_connected_again(tmp_path: Path) -> None:
    async with scene(ward_of(1), tmp_path) as one, one.running():
        await one.hears(1)
        await one.ward["SimPLX-001"].drop_link()
        await one.server.until(lambda: one.events(1).count("connected") == 2)
        await one.hears(1, more_than=len(one.samples(1)))
    life = [e for e in one.events(1) if e != "battery"]
    assert life[:3] == ["connected", "disconnected", "connected"]


async def test_a_device_that_was_switched_off_is_connected_again(tmp_path: Path) -> None:
    async with scene(ward_of(1, 2), tmp_path) as one, one.running():
        await one.hears(1)
        await one.hears(2)
        await one.ward["SimPLX-001"].power_off()
        await one.server.until(lambda: "disconnected" in one.events(1))
        await one.ward["SimPLX-001"].power_on()
        await one.hears(1, more_than=len(one.samples(1)))
    assert "disconnected" not in one.events(2)[:2], "the other one is unharmed"


async def test_a_link_that_only_says_it_is_connected_is_given_up(tmp_path: Path) -> None:
    watchful = msgspec.structs.replace(QUICK, stale_after_s=0.5)
    async with scene(ward_of(1), tmp_path) as one, one.running(watchful):
        await one.hears(1)
        with Heard("disconnected") as ended:
            one.ward["SimPLX-001"].go_stale()
            record = await ended.once()
        assert record.__dict__["why"] == "stale"
        one.ward["SimPLX-001"].recover()
        await one.hears(1, more_than=len(one.samples(1)))


async def test_a_poisoned_frame_is_kept_and_the_link_lives_on(tmp_path: Path) -> None:
    async with scene(ward_of(1), tmp_path) as one, one.running():
        await one.hears(1)
        with Heard("frame rejected") as rejected:
            await say_raw(one.ward["SimPLX-001"], b"\xff\x01\x02")
            await rejected.once()
        await one.hears(1, more_than=len(one.samples(1)))
        assert one.events(1).count("connected") == 1
    db = sqlite3.connect(tmp_path / SPOOL_FILE)
    ((device, characteristic, raw, reason),) = db.execute(
        "SELECT device, characteristic, raw, reason FROM rejected"
    ).fetchall()
    db.close()
    assert (device, characteristic, raw) == (ox(1), plx.CONTINUOUS_UUID, b"\xff\x01\x02")
    assert "PLX Continuous" in reason
    assert read_status(tmp_path / SPOOL_FILE).counters["rejected"] == 1


@pytest.mark.parametrize(
    ("marks", "counter"),
    [
        (MeasurementStatus.DATA_FOR_DEMONSTRATION, "demo"),
        (MeasurementStatus.DATA_FOR_TESTING, "testing"),
    ],
)
async def test_demonstration_data_are_counted_and_never_leave_the_house(
    tmp_path: Path, marks: MeasurementStatus, counter: str
) -> None:
    async with scene(ward_of(1, marks=marks), tmp_path) as one, one.running():
        await one.server.until(lambda: "connected" in one.events(1))
        await sent(one.ward["SimPLX-001"], one.ward["SimPLX-001"].frames_sent + 11)
    assert one.samples(1) == []
    assert one.readings() == []
    assert read_status(tmp_path / SPOOL_FILE).counters[counter] >= 10


async def test_stopping_leaves_nothing_behind_and_nothing_out(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    one_slot = msgspec.structs.replace(QUICK, max_connections=1)
    async with scene(ward_of(1), tmp_path) as one:
        async with one.running(one_slot):
            await one.hears(1)
            await one.server.until(lambda: "connected" in one.events(1))
            await one.server.stop()
        assert not one.ward["SimPLX-001"].connected
        sent = one.ward["SimPLX-001"].frames_sent
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert not names & {"links", "time", "spool", "uplink", ox(1)}
        assert not [t.name for t in threading.enumerate() if t.name.startswith("spool")]
        await one.server.start()
        async with one.running(one_slot):
            await one.server.until(lambda: len(one.samples(1)) >= sent)
            await one.server.until(lambda: any(r.kind == "minute" for r in one.readings()))
    assert "disconnected" in one.events(1)
    assert not {t for t in asyncio.all_tasks() - before if not t.done()}


@pytest.mark.parametrize("reads", [1, 2, 3])
async def test_stopping_in_the_middle_of_a_connect_drops_the_device(
    tmp_path: Path, reads: int
) -> None:
    reading = asyncio.Event()
    left = reads

    class Interrupted(BumbleClient):
        async def read_gatt_char(
            self, characteristic: BleakGATTCharacteristic, **kwargs: Any
        ) -> bytearray:
            nonlocal left
            left -= 1
            if left == 0:
                asyncio.get_running_loop().call_soon(reading.set)
            # Bumble 0.0.236 loses its place when a request is cancelled before its answer.
            return await asyncio.shield(super().read_gatt_char(characteristic, **kwargs))

    async with scene(ward_of(1), tmp_path) as one:
        async with one.running(client=Interrupted):
            async with asyncio.timeout(10):
                await reading.wait()
        assert not one.ward["SimPLX-001"].connected
        async with one.running():
            await one.hears(1)


async def test_a_library_that_swallows_the_cancellation_does_not_keep_the_gateway_alive(
    tmp_path: Path,
) -> None:
    reading = asyncio.Event()

    class Swallowing(BumbleClient):
        async def read_gatt_char(
            self, characteristic: BleakGATTCharacteristic, **kwargs: Any
        ) -> bytearray:
            if not reading.is_set():
                reading.set()
                # As asyncio.wait_for does before Python 3.12.
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
            return await super().read_gatt_char(characteristic, **kwargs)

    async with scene(ward_of(1), tmp_path) as one:
        task = asyncio.create_task(one.gateway(client=Swallowing).run())
        async with asyncio.timeout(10):
            await reading.wait()
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=10)
        assert done
        assert task.cancelled()
        assert not one.ward["SimPLX-001"].connected


async def test_a_server_that_was_away_gets_everything_once(tmp_path: Path) -> None:
    async with scene(ward_of(1, 2), tmp_path) as one:
        await one.server.stop()
        async with one.running():
            await sent(one.ward["SimPLX-001"], 20)
            await one.server.start()
            await one.hears(1, more_than=30)
            await one.server.drop_connections()
            await one.hears(1, more_than=60)
        db = sqlite3.connect(tmp_path / SPOOL_FILE)
        ((spooled,),) = db.execute("SELECT sum(samples) FROM entry").fetchall()
        db.close()
        async with one.running(UPLINK_ONLY):
            await one.server.until(lambda: len(one.samples(1) + one.samples(2)) >= spooled)
            await one.server.until(lambda: one.events(1)[-1] == "disconnected")
        assert len(one.samples(1) + one.samples(2)) == spooled
        assert spooled <= sum(device.frames_sent for device in one.ward.oximeters.values())


async def test_only_the_devices_that_were_named_are_read(tmp_path: Path) -> None:
    named = Settings(batch_seconds=0.2, only_devices=[ox(2)], retry_max_s=0.05)
    async with scene(ward_of(1, 2), tmp_path) as one, one.running(named):
        await one.hears(2, more_than=20)
        assert not one.ward["SimPLX-001"].connected
    assert {b.device for b in one.server.batches()} == {ox(2)}


async def test_without_a_free_slot_a_device_waits_for_its_turn(tmp_path: Path) -> None:
    one_slot = Settings(batch_seconds=0.2, max_connections=1, retry_max_s=0.05)
    async with scene(ward_of(1, 2), tmp_path) as one:
        with Heard("no free connection slot") as full:
            async with one.running(one_slot):
                assert (await full.once()).__dict__["slots"] == 1
                first, second = (1, 2) if one.ward["SimPLX-001"].connected else (2, 1)
                await one.hears(first, more_than=10)
                assert not one.samples(second)
                await one.ward[f"SimPLX-{first:03d}"].power_off()
                await one.hears(second)


async def test_a_device_that_refuses_at_first_is_tried_again(tmp_path: Path) -> None:
    attempts: list[str] = []

    class Shy(BumbleClient):
        async def connect(self, pair: bool, **kwargs: Any) -> None:
            attempts.append(self.address)
            if len(attempts) <= 4:
                raise BleakError("le-something-refused")
            await super().connect(pair, **kwargs)

    async with scene(ward_of(1), tmp_path) as one:
        with Heard("cannot connect") as failed:
            async with one.running(client=Shy):
                await one.hears(1)
    waits = [record.__dict__["retry_in_s"] for record in failed.records]
    assert waits == [0.05, 0.1]
    assert len(attempts) == 5


async def test_a_scanner_that_hears_nothing_is_started_again(tmp_path: Path) -> None:
    starts: list[int] = []

    class Deaf(BumbleScanner):
        async def start(self) -> None:
            starts.append(1)
            if len(starts) > 1:
                await super().start()

    restarting = Settings(batch_seconds=0.2, scan_restart_s=0.1, retry_max_s=0.05)
    async with (
        scene(ward_of(1), tmp_path) as one,
        one.running(restarting, scanner=Deaf),
    ):
        await one.hears(1)
    assert len(starts) >= 2


def on_demand() -> VirtualWard:
    """A device that measures on demand and streams nothing."""
    wearing = Wearing(number=1, patient=VirtualPatient(seed=1))
    return VirtualWard(
        [PlxProfile(wearing, streams=False)], advertising_interval=timedelta(milliseconds=20)
    )


async def test_a_spot_check_device_may_be_silent_and_is_asked_whether_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.drivers.plx.NOW_AND_THEN_S", 0.1)
    impatient = Settings(stale_after_s=0.3, retry_max_s=0.05)
    async with scene(on_demand(), tmp_path) as one, one.running(impatient):
        await one.server.until(lambda: "battery" in one.events(1))
        for percent in (50, 49, 48, 47, 46):
            one.ward["SimPLX-001"].profile.battery_percent = percent
            await one.server.until(lambda level=percent: level in levels(one))  # type: ignore[misc]
        await spot_check(one.ward["SimPLX-001"], None)
        await one.server.until(lambda: bool(one.readings()))
        assert one.events(1).count("connected") == 1
    assert (one.readings()[0].kind, one.readings()[0].record) == ("spot", None)


def levels(one: Scene) -> list[float | None]:
    return [e.value for b in one.server.batches() for e in b.events if e.kind == "battery"]


async def test_a_spot_check_device_that_no_longer_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.drivers.plx.NOW_AND_THEN_S", 0.1)
    asked: list[str] = []

    class Mute(BumbleClient):
        async def read_gatt_char(
            self, characteristic: BleakGATTCharacteristic, **kwargs: Any
        ) -> bytearray:
            asked.append(characteristic.uuid)
            if characteristic.uuid == battery.LEVEL_UUID and asked.count(battery.LEVEL_UUID) == 2:
                await asyncio.Event().wait()
            return await super().read_gatt_char(characteristic, **kwargs)

    watchful = msgspec.structs.replace(QUICK, stale_after_s=0.5)
    async with scene(on_demand(), tmp_path) as one:
        with Heard("disconnected") as ended:
            async with one.running(watchful, client=Mute):
                assert (await ended.once()).__dict__["why"] == "no answer"
                await one.server.until(lambda: one.events(1).count("connected") == 2)


async def test_without_bluetooth_the_gateway_waits_for_it(tmp_path: Path) -> None:
    starts: list[int] = []

    class Absent(BumbleScanner):
        async def start(self) -> None:
            starts.append(1)
            if len(starts) == 1:
                raise BleakError("Bluetooth is switched off")
            await super().start()

    async with scene(ward_of(1), tmp_path) as one, one.running(scanner=Absent):
        await one.hears(1)


async def test_a_revoked_gateway_ends_and_drops_its_devices(tmp_path: Path) -> None:
    async with scene(ward_of(1), tmp_path) as one:
        one.server.refusal = Failure("revoked", "gone")
        with pytest.raises(RevokedError, match="enrol it again"):
            await asyncio.wait_for(one.gateway().run(), 15)
        assert not one.ward["SimPLX-001"].connected


async def test_the_servers_line_survives_a_restart_without_contact(tmp_path: Path) -> None:
    async with scene(ward_of(), tmp_path) as one:
        one.server.line_percent = 88.0
        with Heard("connected to the server") as connected:
            async with one.running():
                await connected.once()
        await one.server.stop()
        gateway = one.gateway()
        task = asyncio.create_task(gateway.run())
        with Heard("no connection to the server") as away:
            await away.once()
        assert gateway._line_percent == 88.0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_scan_lists_what_can_be_read(tmp_path: Path) -> None:
    async with scene(ward_of(1, 2), tmp_path) as one:
        found = await scan_for(0.3, backends=one.ward.backends)
    assert sorted((d.device_id, d.name, d.driver, d.why_not) for d in found) == [
        (ox(1), "SimPLX-001", "plx", ""),
        (ox(2), "SimPLX-002", "plx", ""),
    ]
