"""Each family of oximeters keeps to the contract of drivers."""

from devices.drivers import berrymed, nonin, pc60fw, viatom
from devices.drivers.driver import Heard
from devices.simulator.profiles.oximeters import (
    BerryMedProfile,
    NoninProfile,
    Pc60fwProfile,
    ViatomProfile,
)
from devices.simulator.profiles.profile import Profile
from devices.simulator.wearing import Wearing
from tests.devices.drivers.contract import DriverContract


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
