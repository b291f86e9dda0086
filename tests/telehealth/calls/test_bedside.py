"""The values beside the video: newest of each, none of a probe that is off, each with its time."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from protocols.reading import Quality
from protocols.signalling import VitalsNow
from telehealth.bus import Bus
from telehealth.calls.bedside import Bedside, Newest
from telehealth.store.database import Database, Transaction
from telehealth.store.tables import Device, DeviceLoan, ReadingRow
from tests.telehealth.calls.world import people

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
NOW_MS = 1_795_420_800_000


def test_each_value_has_its_own_time() -> None:
    newest = Newest()
    newest.add(1_000, (93.0, 80.0, 2.5), Quality.GOOD)
    newest.add(2_000, (94.0, None, None), Quality.GOOD)
    newest.add_level(1_500, 2)
    assert newest.message(now_ms=3_000) == VitalsNow(3_000, 94.0, 2_000, 80.0, 1_000, 2.5, 1_000, 2)


def test_what_is_not_known_is_absent_and_never_zero() -> None:
    assert Newest().message(now_ms=5) == VitalsNow(5)


def test_a_late_value_does_not_take_the_place_of_a_newer_one() -> None:
    newest = Newest()
    newest.add(2_000, (94.0, 80.0, 2.0), Quality.GOOD)
    newest.add(1_000, (70.0, 40.0, 1.0), Quality.GOOD)
    newest.add_level(2_000, 1)
    newest.add_level(1_000, 3)
    assert newest.message(now_ms=3_000).spo2_percent == 94.0
    assert newest.message(now_ms=3_000).level == 1


@pytest.mark.parametrize(
    "quality",
    [
        Quality.FINGER_OFF,
        Quality.INVALID,
        Quality.CALIBRATING,
        Quality.EQUIPMENT_FAULT,
        Quality.DEMO,
        Quality.TESTING,
        Quality.MOTION | Quality.FINGER_OFF,
    ],
)
def test_a_value_that_cannot_be_a_patients_is_not_shown(quality: Quality) -> None:
    newest = Newest()
    newest.add(1_000, (0.0, 0.0, 0.0), quality)
    assert newest.message(now_ms=2_000) == VitalsNow(2_000)


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.MOTION, Quality.LOW_PERFUSION])
def test_a_value_of_lesser_quality_is_shown_with_its_time(quality: Quality) -> None:
    newest = Newest()
    newest.add(1_000, (91.0, 99.0, 0.3), quality)
    assert newest.message(now_ms=2_000).spo2_percent == 91.0


def _lend(tx: Transaction) -> None:
    people(tx)
    tx.session.add(Device(device_id="ox-1", registered_ms=0))
    tx.session.flush()
    tx.session.add(DeviceLoan(loan_id="l-1", device_id="ox-1", person_id="pe-hoa", from_ms=0))
    tx.session.flush()


def _reading(tx: Transaction, at_ms: int, spo2: float, gate: str = "accepted") -> None:
    tx.session.add(
        ReadingRow(
            device_id="ox-1",
            person_id="pe-hoa",
            kind="minute",
            measured_ms=at_ms,
            received_ms=at_ms,
            spo2_percent=spo2,
            gate=gate,
            level=2,
            content_key=str(at_ms).encode(),
        )
    )
    tx.session.flush()


class Ward:
    """A bedside with what it told."""

    def __init__(self, database: Database) -> None:
        self.bus = Bus()
        self.told: asyncio.Queue[VitalsNow] = asyncio.Queue()
        self.bedside = Bedside("pe-hoa", database, self.bus, lambda: NOW, self.told.put_nowait)

    async def next(self) -> VitalsNow:
        return await asyncio.wait_for(self.told.get(), 5)

    def samples(self, at_ms: int, *samples: Sequence[float | None]) -> None:
        self.bus.publish("device:ox-1", {"kind": "samples", "at": at_ms, "samples": samples})


async def test_readings_come_first_and_samples_follow(database: Database) -> None:
    await database.write(_lend)
    await database.write(lambda tx: _reading(tx, NOW_MS - 60_000, 94.0))
    await database.write(lambda tx: _reading(tx, NOW_MS - 30_000, 50.0, gate="rejected"))
    ward = Ward(database)
    running = asyncio.create_task(ward.bedside.run())
    try:
        first = await ward.next()
        assert (first.at, first.spo2_percent, first.level) == (NOW_MS, 94.0, 2)
        assert first.spo2_at == NOW_MS - 60_000
        ward.samples(NOW_MS, [0, 93.0, 88.0, 1.2, 0], [1_000, 92.0, 89.0, 1.2, 0])
        second = await ward.next()
        assert (second.spo2_percent, second.spo2_at) == (92.0, NOW_MS + 1_000)
        await database.write(lambda tx: _reading(tx, NOW_MS + 2_000, 95.0))
        ward.bus.publish("person:pe-hoa", {"kind": "state"})
        assert (await ward.next()).spo2_percent == 95.0
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert not ward.bus.wanted("device:ox-1")
    assert not ward.bus.wanted("person:pe-hoa")


async def test_a_device_that_is_given_back_is_no_longer_listened_to(database: Database) -> None:
    await database.write(_lend)
    ward = Ward(database)
    running = asyncio.create_task(ward.bedside.run())
    try:
        await ward.next()
        assert ward.bus.wanted("device:ox-1")
        await database.write(lambda tx: tx.execute("UPDATE device_loan SET to_ms = 1"))
        ward.bus.publish("person:pe-hoa", {"kind": "state"})
        await ward.next()
        assert not ward.bus.wanted("device:ox-1")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
