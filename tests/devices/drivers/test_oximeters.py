"""Each family of oximeters keeps to the contract of drivers."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

from devices.drivers import (
    berrymed,
    beurer_po60,
    choicemmed,
    emay,
    jumper,
    nonin,
    pc60fw,
    recognise,
    viatom,
)
from devices.drivers.driver import Heard
from devices.simulator.physiology import VirtualPatient
from devices.simulator.profiles.oximeters import (
    BerryMedProfile,
    BeurerProfile,
    ChoiceMMedProfile,
    ContecProfile,
    EmayProfile,
    JumperProfile,
    NoninProfile,
    Pc60fwProfile,
    ViatomProfile,
)
from devices.simulator.profiles.profile import Profile
from devices.simulator.wearing import Wearing
from protocols.oximeters.beurer_po60 import BeurerRecord
from tests.devices.drivers.contract import LIMIT_S, DriverContract, on_air


def advertised(service: str, name: str) -> Heard:
    return Heard(address="F0:F0:00:00:00:01", name=name, services=frozenset({service}))


class TestNonin(DriverContract):
    """Nonin 3230, by its own service."""

    driver = nonin.DRIVER
    model = "Nonin3230"
    heard = advertised(nonin.DRIVER.service, "Nonin3230_502644821")
    not_heard = advertised("0000180d-0000-1000-8000-00805f9b34fb", "Nonin3230_502644821")

    def profile(self, wearing: Wearing) -> Profile:
        return NoninProfile(wearing)


class TestBerryMed(DriverContract):
    """BerryMed BM1000, by service and name."""

    driver = berrymed.DRIVER
    model = "BerryMed"
    heard = advertised(berrymed.DRIVER.service, "BerryMed")
    not_heard = advertised(berrymed.DRIVER.service, "A toy on the same radio module")

    def profile(self, wearing: Wearing) -> Profile:
        return BerryMedProfile(wearing)


class TestViatom(DriverContract):
    """Wellue O2Ring, asked again and again."""

    enough = 2
    driver = viatom.DRIVER
    model = "O2Ring"
    heard = advertised(viatom.DRIVER.service, "O2Ring 0452")
    not_heard = advertised(viatom.DRIVER.service, "A lamp on the same radio module")

    def profile(self, wearing: Wearing) -> Profile:
        return ViatomProfile(wearing)


class TestPc60fw(DriverContract):
    """PC-60FW, by service and name."""

    driver = pc60fw.DRIVER
    model = "PC-60F"
    heard = advertised(pc60fw.DRIVER.service, "PC-60F_SN123456")
    not_heard = advertised(pc60fw.DRIVER.service, "A gadget on the Nordic UART service")

    def profile(self, wearing: Wearing) -> Profile:
        return Pc60fwProfile(wearing)


class TestJumper(DriverContract):
    """Jumper JPD-500F, by its own service."""

    driver = jumper.DRIVER
    model = "My Oximeter"
    heard = advertised(jumper.DRIVER.service, "My Oximeter")
    not_heard = advertised("0000fff0-0000-1000-8000-00805f9b34fb", "My Oximeter")

    def profile(self, wearing: Wearing) -> Profile:
        return JumperProfile(wearing)


class TestEmay(DriverContract):
    """EMAY SleepO2, told to speak and reminded."""

    driver = emay.DRIVER
    model = "SleepO2"
    heard = advertised(emay.DRIVER.service, "SleepO2 1234")
    not_heard = advertised(emay.DRIVER.service, "Something else on FF12")

    def profile(self, wearing: Wearing) -> Profile:
        return EmayProfile(wearing)


class TestContec(DriverContract):
    """Contec CMS50D-BT, which has EMAY's service and another name."""

    driver = emay.CONTEC
    model = "SpO2"
    heard = advertised(emay.CONTEC.service, "SpO202")
    not_heard = advertised(emay.CONTEC.service, "SleepO2 1234")

    def profile(self, wearing: Wearing) -> Profile:
        return ContecProfile(wearing)


class TestChoiceMMed(DriverContract):
    """ChoiceMMed iP900BP-B, by service and name."""

    driver = choicemmed.DRIVER
    model = "iP900BPB"
    heard = advertised(choicemmed.DRIVER.service, "iP900BPB")
    not_heard = advertised(choicemmed.DRIVER.service, "A scale on FFF0")

    def profile(self, wearing: Wearing) -> Profile:
        return ChoiceMMedProfile(wearing)


def test_a_po60_is_known_by_service_and_name() -> None:
    service = beurer_po60.DRIVER
    assert recognise(advertised("0000ff12-0000-1000-8000-00805f9b34fb", "PO60")) is service
    assert recognise(advertised("0000ff12-0000-1000-8000-00805f9b34fb", "BM54")) is None


async def test_the_memory_of_a_po60_is_read_once_however_often_it_is_connected(
    tmp_path: Path,
) -> None:
    started = datetime(2026, 9, 21, 8, 0)  # noqa: DTZ001 - a device's own time has no zone
    memory = [
        BeurerRecord(
            started_at=started + timedelta(minutes=number),
            ended_at=started + timedelta(minutes=number, seconds=20),
            spo2_percent=94 + number,
            pulse_per_min=80,
            spo2_min_percent=92,
        )
        for number in range(3)
    ]
    wearing = Wearing(number=1, patient=VirtualPatient(seed=3), model="PO60")
    async with on_air(BeurerProfile(wearing, memory), tmp_path) as air:
        async with asyncio.timeout(LIMIT_S):
            await air.server.until(lambda: len(air.readings) == 3)
        await air.device.drop_link()
        async with asyncio.timeout(LIMIT_S):
            await air.server.until(lambda: air.events.count("connected") == 2)
            await air.server.until(lambda: air.events.count("disconnected") == 2)
    assert sorted((r.kind, r.record, r.spo2_percent) for r in air.readings) == [
        ("stored", f"2026-09-21T08:0{number}:00", 94.0 + number) for number in range(3)
    ]
    assert not air.rejected()
