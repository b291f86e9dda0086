"""Nonin 3230, 3231 and 3150: notifies one frame a second once bonded; decoding is `nonin`'s."""

from typing import Final

from devices.drivers.streams import StreamDriver
from devices.use import Use
from protocols.oximeters import nonin

DRIVER: Final = StreamDriver(
    name="nonin",
    use=Use.SPOT,
    service=nonin.SERVICE_UUID,
    notify=(nonin.NOTIFY_UUID,),
    parser=nonin.NoninParser,
)
