"""What every driver does with a connected device: subscribe, read, and keep what cannot be read."""

import logging
from collections.abc import Callable
from typing import Final

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakGATTProtocolError

from devices.drivers.driver import Sink
from protocols.errors import DecodeError
from protocols.gatt import battery, current_time, device_information
from protocols.gatt.device_information import DeviceInformation

logger = logging.getLogger(__name__)

_NOTIFYING: Final = frozenset({"notify", "indicate"})

Take = Callable[[bytes], None]


def take_or_keep(sink: Sink, characteristic: str, data: bytes, take: Take) -> None:
    """Hand on one value; one that cannot be read is kept with its reason, and the link lives on."""
    try:
        take(data)
    except DecodeError as error:
        sink.rejected(characteristic, data, str(error))


async def subscribe(client: BleakClient, uuid: str, sink: Sink, take: Take) -> bool:
    """Subscribe where the characteristic is there and can be; say whether it is."""
    characteristic = client.services.get_characteristic(uuid)
    if characteristic is None or not _NOTIFYING.intersection(characteristic.properties):
        return False

    def notified(_: BleakGATTCharacteristic, data: bytearray) -> None:
        take_or_keep(sink, uuid, bytes(data), take)

    await client.start_notify(characteristic, notified)
    return True


async def read(client: BleakClient, uuid: str) -> bytes | None:
    """Return a characteristic's value; `None` where it is not there or may not be read."""
    characteristic = client.services.get_characteristic(uuid)
    if characteristic is None or "read" not in characteristic.properties:
        return None
    try:
        return bytes(await client.read_gatt_char(characteristic))
    except BleakGATTProtocolError as error:
        logger.info("device refuses a read", extra={"characteristic": uuid, "why": str(error)})
        return None


async def read_battery(client: BleakClient, sink: Sink) -> None:
    """Ask the Battery Service, where there is one, how full the battery is."""
    level = await read(client, battery.LEVEL_UUID)
    if level is not None:
        take_or_keep(sink, battery.LEVEL_UUID, level, lambda data: take_battery(sink, data))


def take_battery(sink: Sink, data: bytes) -> None:
    """Take one Battery Level."""
    sink.battery(battery.BatteryLevel.from_bytes(data).percent)


async def read_clock(client: BleakClient, sink: Sink) -> None:
    """Ask the Current Time Service, where there is one, what the device's clock shows."""
    data = await read(client, current_time.CURRENT_TIME_UUID)
    if data is not None:
        take_or_keep(sink, current_time.CURRENT_TIME_UUID, data, lambda raw: _take_clock(sink, raw))


def _take_clock(sink: Sink, data: bytes) -> None:
    shown = current_time.CurrentTime.from_bytes(data).at
    if shown is not None:
        sink.device_clock(shown)


async def read_information(client: BleakClient, sink: Sink) -> DeviceInformation:
    """Ask the Device Information Service for everything that it offers."""
    values: dict[str, bytes] = {}
    for uuid in device_information.FIELDS:
        data = await read(client, uuid)
        if data is None:
            continue
        try:
            device_information.decode_text(data)
        except DecodeError as error:
            sink.rejected(uuid, data, str(error))
        else:
            values[uuid] = data
    return DeviceInformation.from_characteristics(values)
