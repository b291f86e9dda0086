"""Which devices in reach this gateway could read."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bleak import BleakScanner
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakError

from devices.drivers import recognise
from devices.links import device_id
from protocols.errors import TelehealthError


class ScanError(TelehealthError):
    """There is no Bluetooth here, or it is switched off."""


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """One recognised device; `rssi_dbm` is how loud it was."""

    device_id: str
    name: str
    driver: str
    rssi_dbm: int


async def scan_for(
    seconds: float,
    *,
    adapter: str = "",
    backend: type[BaseBleakScanner] | None = None,
    backend_arguments: Mapping[str, Any] | None = None,
) -> list[FoundDevice]:
    """Listen for a while and return the recognised devices, the loudest first.

    Raises:
        ScanError: Bluetooth is not there, or switched off.
    """
    arguments: dict[str, Any] = dict(backend_arguments or {})
    if backend is not None:
        arguments["backend"] = backend
    if adapter:
        arguments["bluez"] = {"adapter": adapter}
    try:
        async with BleakScanner(**arguments) as scanner:
            await asyncio.sleep(seconds)
            heard = scanner.discovered_devices_and_advertisement_data.values()
    except OSError as error:
        raise ScanError(
            "cannot scan: no Bluetooth service here (is bluetoothd running?)"
        ) from error
    except BleakError as error:
        raise ScanError(f"cannot scan: {error}") from error
    found = []
    for device, advertisement in heard:
        driver = recognise(advertisement.service_uuids, advertisement.local_name)
        if driver is not None:
            name = advertisement.local_name or ""
            found.append(
                FoundDevice(device_id(device.address), name, driver.name, advertisement.rssi)
            )
    return sorted(found, key=lambda device: -device.rssi_dbm)
