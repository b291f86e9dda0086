"""Pulse Oximeter Service (0x1822): how a device of the standard is talked to (PLXS 1.0.1).

Continuous measurements are notified, spot-checks indicated; where the device has a memory, it is
read out over the Record Access Control Point after each absence and wiped only when the server has
acknowledged what was in it (`stored_records`). Decoding is `protocols.gatt`'s.
"""

import logging
from typing import Final

from bleak import BleakClient
from bleak.exc import BleakError

from devices.drivers import gatt
from devices.drivers.driver import NOW_AND_THEN_S, SELDOM_S, DeviceFacts, Heard, Sink, Talk
from devices.measurement import Measurement
from devices.use import Use
from protocols.errors import DecodeError
from protocols.gatt import battery, plx
from protocols.reading import Quality

logger = logging.getLogger(__name__)


class PlxDriver:
    """Any oximeter that offers the standard service."""

    name = "plx"
    use = Use.WORN

    def recognises(self, heard: Heard) -> bool:
        return plx.SERVICE_UUID in heard.services

    async def start(self, client: BleakClient, sink: Sink) -> Talk:
        """Subscribe first, so that no value is missed, then ask the rest."""
        streams = await gatt.subscribe(
            client, plx.CONTINUOUS_UUID, sink, lambda data: _take_continuous(sink, data)
        )
        spots = await gatt.subscribe(
            client, plx.SPOT_CHECK_UUID, sink, lambda data: _take_spot_check(sink, data)
        )
        if not streams and not spots:
            raise BleakError("the device offers neither continuous nor spot-check measurements")
        await gatt.subscribe(
            client, battery.LEVEL_UUID, sink, lambda data: gatt.take_battery(sink, data)
        )
        await _read_features(client, sink)

        async def tend() -> bool:
            await gatt.read_battery(client, sink)
            return True

        await tend()
        return Talk(
            facts=DeviceFacts(streams, await gatt.read_information(client, sink)),
            tend_every_s=SELDOM_S if streams else NOW_AND_THEN_S,
            tend=tend,
        )


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


def _take_spot_check(sink: Sink, data: bytes) -> None:
    value = plx.PlxSpotCheck.from_bytes(data)
    sink.finished(
        Measurement(
            spo2_percent=value.spo2_percent,
            pulse_per_min=value.pulse_per_min,
            perfusion_index_percent=value.pulse_amplitude_index_percent,
            quality=value.quality,
            device_time=value.timestamp,
            stored=bool(value.quality & Quality.FROM_STORAGE),
        )
    )


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
