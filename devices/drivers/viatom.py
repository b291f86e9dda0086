"""Viatom and Wellue rings (O2Ring, Checkme O2, SleepU): asked every second and a half.

The service belongs to a module that lamps use as well, so the name must fit too.
"""

from typing import Final

from devices.drivers.streams import StreamDriver
from devices.use import Use
from protocols.oximeters import viatom

EVERY_S: Final = 1.5

DRIVER: Final = StreamDriver(
    name="viatom",
    use=Use.WORN,
    service=viatom.SERVICE_UUID,
    notify=(viatom.NOTIFY_UUID,),
    parser=viatom.ViatomParser,
    names=("O2Ring", "Checkme", "CheckO2", "SleepU", "O2M", "WearO2", "KidsO2", "BabyO2",
           "Oxylink", "OxyU", "Oxyfit", "O2 "),
    write=viatom.WRITE_UUID,
    hello=(viatom.info_request(),),
    every=(viatom.read_request(),),
    every_s=EVERY_S,
)  # fmt: skip
