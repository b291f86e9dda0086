"""EMAY SleepO2 and Contec CMS50D-BT: told to speak, and reminded every second and a half.

Other makers use the same service for other frames, so the name must fit too.
"""

from typing import Final

from devices.drivers.streams import StreamDriver
from devices.use import Use
from protocols.oximeters import emay

DRIVER: Final = StreamDriver(
    name="emay",
    use=Use.WORN,
    service=emay.SERVICE_UUID,
    notify=(emay.NOTIFY_UUID,),
    parser=emay.EmayParser,
    names=("SleepO2", "EMAY"),
    write=emay.WRITE_UUID,
    hello=(emay.start_request(),),
    every=(emay.keep_alive(),),
    every_s=emay.KEEP_ALIVE_S,
)
CONTEC: Final = StreamDriver(
    name="contec",
    use=Use.SPOT,
    service=emay.SERVICE_UUID,
    notify=(emay.NOTIFY_UUID,),
    parser=emay.EmayParser,
    names=("SpO2", "CMS50"),
    write=emay.WRITE_UUID,
    hello=(emay.start_request(),),
    every=(emay.keep_alive(),),
    every_s=emay.KEEP_ALIVE_S,
)
