"""BerryMed BM1000: speaks a hundred times a second by itself; decoding is `berrymed`'s.

The service belongs to a module that many gadgets use, so the name must fit too.
"""

from typing import Final

from devices.drivers.streams import StreamDriver
from devices.use import Use
from protocols.oximeters import berrymed

DRIVER: Final = StreamDriver(
    name="berrymed",
    use=Use.SPOT,
    service=berrymed.SERVICE_UUID,
    notify=(berrymed.NOTIFY_UUID,),
    parser=berrymed.BerryMedParser,
    names=("BerryMed", "BM1000", "BM2000"),
)
