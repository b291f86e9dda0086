"""How each family of devices is talked to; the registry knows which advertisement is whose."""

from collections.abc import Sequence
from typing import Final

from devices.drivers.driver import Driver
from devices.drivers.plx import PlxDriver

DRIVERS: Final[tuple[Driver, ...]] = (PlxDriver(),)
"""In this order: the standard's service is preferred to a vendor's on the same device."""


def recognise(service_uuids: Sequence[str], local_name: str | None) -> Driver | None:
    """Return who can talk to the device of an advertisement; `None` if nobody can."""
    for driver in DRIVERS:
        if driver.recognises(service_uuids, local_name):
            return driver
    return None
