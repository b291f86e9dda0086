"""Pulse Oximeter Service (0x1822): how a device of the standard is talked to (PLXS 1.0.1).

Continuous measurements are notified, spot-checks indicated; decoding is `protocols.gatt`'s.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError, BleakGATTProtocolError

from devices.drivers.driver import DeviceFacts, Sink
from devices.measurement import Measurement
from protocols.errors import DecodeError
from protocols.gatt import battery, device_information, plx
from protocols.gatt.device_information import DeviceInformation
from protocols.reading import Quality

logger = logging.getLogger(__name__)

_NOTIFYING: Final = frozenset({"notify", "indicate"})


class PlxDriver:
    """Any oximeter that offers the standard service."""

    name = "plx"

    def recognises(self, service_uuids: Sequence[str], local_name: str | None) -> bool:
        return plx.SERVICE_UUID in service_uuids

    async def start(self, client: BleakClient, sink: Sink) -> DeviceFacts:
        """Subscribe first, so that no value is missed, then ask the rest."""
        streams = await _subscribe(client, plx.CONTINUOUS_UUID, sink, _take_continuous)
        spots = await _subscribe(client, plx.SPOT_CHECK_UUID, sink, _take_spot_check)
        if not streams and not spots:
            raise BleakError("the device offers neither continuous nor spot-check measurements")
        await _subscribe(client, battery.LEVEL_UUID, sink, _take_battery)
        await _read_features(client, sink)
        await self.refresh(client, sink)
        return DeviceFacts(streams=streams, information=await _read_information(client, sink))

    async def refresh(self, client: BleakClient, sink: Sink) -> None:
        level = await _read(client, battery.LEVEL_UUID)
        if level is not None:
            _decode(sink, battery.LEVEL_UUID, level, _take_battery)


Take = Callable[[Sink, bytes], None]


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
    sink.spot_check(
        Measurement(
            spo2_percent=value.spo2_percent,
            pulse_per_min=value.pulse_per_min,
            perfusion_index_percent=value.pulse_amplitude_index_percent,
            quality=value.quality,
            device_time=value.timestamp,
            stored=bool(value.quality & Quality.FROM_STORAGE),
        )
    )


def _take_battery(sink: Sink, data: bytes) -> None:
    sink.battery(battery.BatteryLevel.from_bytes(data).percent)


def _decode(sink: Sink, characteristic: str, data: bytes, take: Take) -> None:
    """Hand on one value; one that cannot be read is kept with its reason, and the link lives on."""
    try:
        take(sink, data)
    except DecodeError as error:
        sink.rejected(characteristic, data, str(error))


async def _subscribe(client: BleakClient, uuid: str, sink: Sink, take: Take) -> bool:
    """Subscribe where the characteristic is there and can be; say whether it is."""
    characteristic = client.services.get_characteristic(uuid)
    if characteristic is None or not _NOTIFYING.intersection(characteristic.properties):
        return False

    def notified(_: BleakGATTCharacteristic, data: bytearray) -> None:
        _decode(sink, uuid, bytes(data), take)

    await client.start_notify(characteristic, notified)
    return True


async def _read(client: BleakClient, uuid: str) -> bytes | None:
    """Return a characteristic's value; `None` where it is not there or may not be read."""
    characteristic = client.services.get_characteristic(uuid)
    if characteristic is None or "read" not in characteristic.properties:
        return None
    try:
        return bytes(await client.read_gatt_char(characteristic))
    except BleakGATTProtocolError as error:
        logger.info("device refuses a read", extra={"characteristic": uuid, "why": str(error)})
        return None


async def _read_features(client: BleakClient, sink: Sink) -> None:
    """Look at the features; nothing depends on them, what comes tells the same per value."""
    data = await _read(client, plx.FEATURES_UUID)
    if data is None:
        return
    try:
        features = plx.PlxFeatures.from_bytes(data)
    except DecodeError as error:
        sink.rejected(plx.FEATURES_UUID, data, str(error))
    else:
        logger.debug("device features", extra={"features": str(features.features)})


async def _read_information(client: BleakClient, sink: Sink) -> DeviceInformation:
    values: dict[str, bytes] = {}
    for uuid in device_information.FIELDS:
        data = await _read(client, uuid)
        if data is None:
            continue
        try:
            device_information.decode_text(data)
        except DecodeError as error:
            sink.rejected(uuid, data, str(error))
        else:
            values[uuid] = data
    return DeviceInformation.from_characteristics(values)
