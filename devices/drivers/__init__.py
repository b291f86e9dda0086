"""How each family of devices is talked to; the registry knows which advertisement is whose."""

from typing import Final

from devices.drivers import (
    berrymed,
    beurer_po60,
    choicemmed,
    emay,
    heart_rate,
    jumper,
    measurements,
    nonin,
    pc60fw,
    plx,
    viatom,
)
from devices.drivers.driver import Driver, Heard

DRIVERS: Final[tuple[Driver, ...]] = (
    plx.DRIVER,
    nonin.DRIVER,
    berrymed.DRIVER,
    viatom.DRIVER,
    pc60fw.DRIVER,
    jumper.DRIVER,
    emay.DRIVER,
    emay.CONTEC,
    beurer_po60.DRIVER,
    choicemmed.DRIVER,
    measurements.BLOOD_PRESSURE,
    measurements.THERMOMETER,
    heart_rate.DRIVER,
)
"""In this order: the standard's service is preferred to a vendor's on the same device."""


def recognise(heard: Heard) -> Driver | None:
    """Return who can talk to the device of an advertisement; `None` if nobody can."""
    for driver in DRIVERS:
        if driver.recognises(heard):
            return driver
    return None
