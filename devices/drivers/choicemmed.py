"""ChoiceMMed iP900BP-B and 500E-B: indicates and notifies; decoding is `choicemmed`'s.

The service is one that many gadgets use, so the name must fit too.
"""

from typing import Final

from devices.drivers.streams import StreamDriver
from devices.use import Use
from protocols.oximeters import choicemmed

DRIVER: Final = StreamDriver(
    name="choicemmed",
    use=Use.SPOT,
    service=choicemmed.SERVICE_UUID,
    notify=(choicemmed.NOTIFY_UUID, choicemmed.INDICATE_UUID),
    parser=choicemmed.ChoiceMMedParser,
    names=("iP900", "500E", "ChoiceMMed", "MD300"),
)
