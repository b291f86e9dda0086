"""The memory of a connected oximeter: `stored_records` over the Record Access Control Point."""

import asyncio
import logging

from bleak import BleakClient

from devices.drivers import gatt
from devices.drivers.driver import Sink
from devices.drivers.stored_records import StoredRecords, Transfer
from protocols.gatt import racp

logger = logging.getLogger(__name__)


class Memory:
    """Reads a device's memory out, and wipes it once the server has all of it."""

    def __init__(self, client: BleakClient, sink: Sink) -> None:
        self._client = client
        self._sink = sink
        self._records = StoredRecords(asyncio.get_running_loop().time())
        self._to_write: list[bytes] = []

    async def open(self) -> None:
        """Subscribe to what the device answers, and ask how much there is."""
        await gatt.subscribe(self._client, racp.RACP_UUID, self._sink, self._answered)
        await self._client.write_gatt_char(racp.RACP_UUID, self._records.begin(), response=True)

    def record_came(self) -> None:
        """The device indicated a record of its memory."""
        self._records.record_came(asyncio.get_running_loop().time())

    def _answered(self, data: bytes) -> None:
        answer = racp.decode_answer(data)
        request = self._records.answered(answer, asyncio.get_running_loop().time())
        if request is not None:
            self._to_write.append(request)

    async def move_on(self) -> None:
        """Ask what is to be asked next; raises `BleakError` where the link is gone."""
        if self._records.state is Transfer.DONE:
            return
        owed, before = 0, self._records.state
        if self._records.state is Transfer.KEEPING:
            owed = await self._sink.owed_records()
        request = self._records.tick(asyncio.get_running_loop().time(), owed)
        requests, self._to_write = self._to_write, []
        for value in [*requests, *([request] if request else [])]:
            await self._client.write_gatt_char(racp.RACP_UUID, value, response=True)
        if self._records.over and self._records.state is not before:
            logger.info("memory read out", extra={"state": self._records.state.name})
