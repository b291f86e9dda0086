"""PC-60FW, KS-60FW and their kin: notify once a second over the Nordic UART service.

Many gadgets have that service, so the name must fit too.
"""

from typing import Final

from devices.drivers.streams import StreamDriver
from devices.use import Use
from protocols.oximeters import pc60fw

DRIVER: Final = StreamDriver(
    name="pc60fw",
    use=Use.SPOT,
    service=pc60fw.SERVICE_UUID,
    notify=(pc60fw.NOTIFY_UUID,),
    parser=pc60fw.Pc60fwParser,
    names=("PC-60", "PC-68", "KS-60", "OxySmart", "POD-", "OXYFINGER", "S5W", "S6W", "S7W"),
)
