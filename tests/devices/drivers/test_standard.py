"""Devices of the standard: oximeters with a memory, straps, thermometers, blood pressure."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from devices.drivers import heart_rate, measurements, plx
from devices.drivers.driver import Heard
from devices.simulator.physiology import VirtualPatient
from devices.simulator.profiles.plx import PlxProfile
from devices.simulator.profiles.profile import Profile
from devices.simulator.profiles.standard import (
    BloodPressureProfile,
    HeartRateProfile,
    ThermometerProfile,
)
from devices.simulator.wearing import Wearing
from protocols.gatt.plx import PlxSpotCheck
from protocols.gatt.plx_status import MeasurementStatus
from protocols.reading import Quality
from tests.devices.drivers.contract import LIMIT_S, SETTINGS, OnAir, on_air

WEARING = Wearing(number=1, patient=VirtualPatient(seed=3))
NOON = datetime(2026, 9, 21, 12, 0)  # noqa: DTZ001 - a device's own time has no zone


def heard(service: str) -> Heard:
    return Heard(address="F0:F0:00:00:00:01", name="any", services=frozenset({service}))


def stored(number: int) -> PlxSpotCheck:
    return PlxSpotCheck(
        spo2_percent=90.0 + number,
        pulse_per_min=70.0,
        timestamp=NOON + timedelta(minutes=number),
        measurement_status=MeasurementStatus.DATA_FROM_MEASUREMENT_STORAGE,
    )


def remembering(records: int) -> PlxProfile:
    profile = PlxProfile(WEARING, remembers=True)
    profile.memory = [stored(number) for number in range(records)]
    return profile


async def until(air: OnAir, profile: PlxProfile, left: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while len(profile.memory) != left:  # noqa: ASYNC110 - the device reports facts
            await asyncio.sleep(0.02)


def test_devices_of_the_standard_are_known_by_their_service() -> None:
    assert heart_rate.DRIVER.recognises(heard("0000180d-0000-1000-8000-00805f9b34fb"))
    assert measurements.THERMOMETER.recognises(heard("00001809-0000-1000-8000-00805f9b34fb"))
    assert measurements.BLOOD_PRESSURE.recognises(heard("00001810-0000-1000-8000-00805f9b34fb"))
    assert not plx.DRIVER.recognises(heard("0000180d-0000-1000-8000-00805f9b34fb"))


async def test_a_memory_is_read_out_and_wiped_when_the_server_has_it(tmp_path: Path) -> None:
    profile = remembering(5)
    async with on_air(profile, tmp_path) as air:
        await until(air, profile, 0)
        records = sorted(str(r.record) for r in air.readings if r.kind == "stored")
    assert records == [f"2026-09-21T12:0{number}:00" for number in range(5)]
    assert {r.spo2_percent for r in air.readings if r.kind == "stored"} == {90, 91, 92, 93, 94}


async def test_a_memory_is_not_wiped_while_the_server_is_away(tmp_path: Path) -> None:
    profile = remembering(3)
    async with on_air(profile, tmp_path) as air:
        await air.server.stop()
        fetched = air.device.measured
        async with asyncio.timeout(LIMIT_S):
            while air.device.measured < fetched + 60:  # noqa: ASYNC110 - three seconds of its life
                await asyncio.sleep(0.02)
        assert len(profile.memory) == 3
        await air.server.start()
        await until(air, profile, 0)
    assert sum(r.kind == "stored" for r in air.readings) == 3


async def test_a_device_that_cannot_delete_keeps_its_memory_and_is_sent_once(
    tmp_path: Path,
) -> None:
    profile = remembering(2)
    profile.keeps_records_for_good = True
    async with on_air(profile, tmp_path) as air:
        async with asyncio.timeout(LIMIT_S):
            await air.server.until(lambda: sum(r.kind == "stored" for r in air.readings) == 2)
        await air.device.drop_link()
        async with asyncio.timeout(LIMIT_S):
            await air.server.until(lambda: air.events.count("connected") == 2)
        await air.more_good(20)
    assert len(profile.memory) == 2
    assert sum(r.kind == "stored" for r in air.readings) == 2


async def test_records_of_a_device_with_a_wrong_clock_are_dated_by_their_age(
    tmp_path: Path,
) -> None:
    profile = remembering(1)
    profile.clock = lambda: NOON + timedelta(minutes=90)
    async with on_air(profile, tmp_path) as air:
        await until(air, profile, 0)
    [record] = [r for r in air.readings if r.kind == "stored"]
    contact = max(batch.at for batch in air.server.batches())
    assert abs(contact - record.at - 90 * 60_000) < 60_000
    assert "clock_offset" in air.events or record.clock_offset_s is None


async def test_a_strap_has_a_pulse_and_no_oximetry(tmp_path: Path) -> None:
    async with on_air(HeartRateProfile(WEARING), tmp_path) as air:
        async with asyncio.timeout(LIMIT_S):
            await air.server.until(lambda: len(air.samples) >= 10)
    assert all(s.spo2_percent is None and s.quality == 0 for s in air.samples)
    assert all(40 <= (s.pulse_per_min or 0) <= 150 for s in air.samples)


async def _measures(profile: Profile, folder: Path) -> None:
    patient = msgspec.structs.replace(SETTINGS, stale_after_s=5.0)
    async with on_air(profile, folder, patient) as air:
        async with asyncio.timeout(LIMIT_S):
            await air.server.until(lambda: "battery" in air.events)
        if isinstance(profile, ThermometerProfile):
            await air.device.speak([profile.measured(37.8)])
            await air.device.speak([profile.raw(b"\x00\x01")])
        if isinstance(profile, BloodPressureProfile):
            await air.device.speak([profile.measured(131, 84, moved=True)])
        async with asyncio.timeout(LIMIT_S):
            await air.server.until(lambda: bool(air.readings))
    [reading] = air.readings
    assert reading.kind == "spot"
    if isinstance(profile, ThermometerProfile):
        assert reading.temperature_celsius == 37.8
        return
    assert (reading.systolic_mmhg, reading.diastolic_mmhg) == (131.0, 84.0)
    assert reading.quality == Quality.MOTION


async def test_a_thermometer_says_what_it_has_measured(tmp_path: Path) -> None:
    await _measures(ThermometerProfile(WEARING), tmp_path)


async def test_a_cuff_says_what_it_has_measured_and_that_the_arm_moved(tmp_path: Path) -> None:
    await _measures(BloodPressureProfile(WEARING), tmp_path)
