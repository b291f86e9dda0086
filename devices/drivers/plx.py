"""Pulse Oximeter Service (0x1822): how a device of the standard is talked to (PLXS 1.0.1).

Continuous measurements are notified, spot-checks indicated; where the device has a memory, it is
read out over the Record Access Control Point after each absence and wiped only when the server has
acknowledged what was in it (`stored_records`). Decoding is `protocols.gatt`'s.
"""

import asyncio
import logging
from typing import Final

from bleak import BleakClient
from bleak.exc import BleakError

from devices.drivers import gatt
from devices.drivers.driver import NOW_AND_THEN_S, SELDOM_S, DeviceFacts, Heard, Sink, Talk
from devices.drivers.memory import Memory
from devices.measurement import Measurement
from devices.use import Use
from protocols.errors import DecodeError
from protocols.gatt import battery, plx, racp
from protocols.reading import Quality

logger = logging.getLogger(__name__)

MEMORY_EVERY_S: Final = 1.0
"""How often the reading of a memory is moved on."""


class PlxDriver:
    """Any oximeter that offers the standard service."""

    name = "plx"
    use = Use.WORN

    def recognises(self, heard: Heard) -> bool:
        return plx.SERVICE_UUID in heard.services

    async def start(self, client: BleakClient, sink: Sink) -> Talk:
        """Subscribe first, so that no value is missed, then ask the rest."""
        memory = Memory(client, sink)

        def take_finished(data: bytes) -> None:
            if _take_spot_check(sink, data):
                memory.record_came()

        streams = await gatt.subscribe(
            client, plx.CONTINUOUS_UUID, sink, lambda data: _take_continuous(sink, data)
        )
        await gatt.read_clock(client, sink)
        spots = await gatt.subscribe(client, plx.SPOT_CHECK_UUID, sink, take_finished)
        if not streams and not spots:
            raise BleakError("the device offers neither continuous nor spot-check measurements")
        await gatt.subscribe(
            client, battery.LEVEL_UUID, sink, lambda data: gatt.take_battery(sink, data)
        )
        await _read_features(client, sink)
        await gatt.read_battery(client, sink)
        remembers = client.services.get_characteristic(racp.RACP_UUID) is not None
        if remembers:
            await memory.open()
        information = await gatt.read_information(client, sink)
        tend = _Tending(client, sink, memory, SELDOM_S if streams else NOW_AND_THEN_S)
        return Talk(
            facts=DeviceFacts(streams, information),
            tend_every_s=MEMORY_EVERY_S if remembers else tend.every_s,
            tend=tend.with_memory if remembers else tend.without,
        )


class _Tending:
    """What is asked again and again: the battery, and a memory while it is read."""

    def __init__(self, client: BleakClient, sink: Sink, memory: Memory, every_s: float) -> None:
        self.every_s = every_s
        self._client = client
        self._sink = sink
        self._memory = memory
        self._asked_s = asyncio.get_running_loop().time()

    async def without(self) -> bool:
        await gatt.read_battery(self._client, self._sink)
        return True

    async def with_memory(self) -> bool:
        await self._memory.move_on()
        now_s = asyncio.get_running_loop().time()
        if now_s - self._asked_s >= self.every_s:
            self._asked_s = now_s
            await self.without()
        return True


DRIVER: Final = PlxDriver()


def _take_continuous(sink: Sink, data: bytes) -> None:
    value = plx.PlxContinuous.from_bytes(data)
    sink.sample(
        Measurement(
            spo2_percent=value.spo2_percent,
            pulse_per_min=value.pulse_per_min,
            perfusion_index_percent=value.pulse_amplitude_index_percent,
            quality=value.quality,
        )
    )


def _take_spot_check(sink: Sink, data: bytes) -> bool:
    """Take one finished measurement; return whether it is out of the device's memory."""
    value = plx.PlxSpotCheck.from_bytes(data)
    stored = bool(value.quality & Quality.FROM_STORAGE)
    sink.finished(
        Measurement(
            spo2_percent=value.spo2_percent,
            pulse_per_min=value.pulse_per_min,
            perfusion_index_percent=value.pulse_amplitude_index_percent,
            quality=value.quality,
            device_time=value.timestamp,
            stored=stored,
        )
    )
    return stored


async def _read_features(client: BleakClient, sink: Sink) -> None:
    """Look at the features; nothing depends on them, what comes tells the same per value."""
    data = await gatt.read(client, plx.FEATURES_UUID)
    if data is None:
        return
    try:
        features = plx.PlxFeatures.from_bytes(data)
    except DecodeError as error:
        sink.rejected(plx.FEATURES_UUID, data, str(error))
    else:
        logger.debug("device features", extra={"features": str(features.features)})
