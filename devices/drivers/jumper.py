"""Jumper JPD-500F: notifies values and plethysmogram by itself; decoding is `jumper`'s."""

from typing import Final

from devices.drivers.streams import StreamDriver
from devices.use import Use
from protocols.oximeters import jumper

DRIVER: Final = StreamDriver(
    name="jumper",
    use=Use.SPOT,
    service=jumper.SERVICE_UUID,
    notify=(jumper.NOTIFY_UUID,),
    parser=jumper.JumperParser,
)
