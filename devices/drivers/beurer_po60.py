"""Beurer PO60: its memory is asked for record by record until it has nothing new to say.

How its memory is wiped is not published, so it keeps its records; what comes again is the same
record and is kept once.
"""

from typing import Final

from bleak import BleakClient
from bleak.exc import BleakError

from devices.drivers import gatt
from devices.drivers.driver import DeviceFacts, Heard, Sink, Talk
from devices.drivers.streams import put
from devices.use import Use
from protocols.oximeters import beurer_po60
from protocols.oximeters.said import StoredOximetry

_NAMES: Final = ("PO60", "Beurer PO60")
_ASK_EVERY_S: Final = 1.0
_PATIENCE: Final = 5
"""So many questions in a row without a new record: it has said everything."""


class BeurerDriver:
    """The one device whose values are stored alone."""

    name = "beurer_po60"
    use = Use.STORED

    def recognises(self, heard: Heard) -> bool:
        return beurer_po60.SERVICE_UUID in heard.services and heard.name.startswith(_NAMES)

    async def start(self, client: BleakClient, sink: Sink) -> Talk:
        """Subscribe, and ask for the first record."""
        parser = beurer_po60.BeurerParser()
        known: set[str] = set()
        idle = 0

        def take(data: bytes) -> None:
            nonlocal idle
            parser.receive_data(data)
            said = parser.events()
            new = {one.record for one in said if isinstance(one, StoredOximetry)} - known
            known.update(new)
            idle = 0 if new else idle
            put(said, sink, beurer_po60.NOTIFY_UUID)

        if not await gatt.subscribe(client, beurer_po60.NOTIFY_UUID, sink, take):
            raise BleakError("the device lacks the characteristic of its records")
        information = await gatt.read_information(client, sink)

        async def tend() -> bool:
            nonlocal idle
            idle += 1
            if idle > _PATIENCE:
                return False
            await client.write_gatt_char(beurer_po60.WRITE_UUID, beurer_po60.next_request())
            return True

        await tend()
        return Talk(
            facts=DeviceFacts(streams=False, information=information),
            tend_every_s=_ASK_EVERY_S,
            tend=tend,
            hang_up=lambda: put(parser.finish(), sink, beurer_po60.NOTIFY_UUID),
        )


DRIVER: Final = BeurerDriver()
