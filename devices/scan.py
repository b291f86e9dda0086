"""What is in the air, and which of it this gateway can read."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from devices.beacons import beacon_name
from devices.drivers import recognise
from devices.drivers.unreadable import why_unreadable
from devices.radio import Backends, device_id, heard_of
from protocols.errors import TelehealthError

LONGEST_NAME: Final = 32
MOST_SHOWN: Final = 200
"""A fair, or an attack: the loudest are shown."""


class ScanError(TelehealthError):
    """There is no Bluetooth here, or it is switched off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDevice:
    """One device in the air; `driver` is empty where nobody can read it, and `why_not` says why."""

    device_id: str
    name: str
    rssi_dbm: int
    driver: str = ""
    why_not: str = ""
    beacon: str = ""
    """What it is to be watched by (docs/gateway.md, Beacons), as the settings write it."""


class Air:
    """What was heard, each device as it was heard last."""

    def __init__(self) -> None:
        self._found: dict[str, FoundDevice] = {}

    def hear(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        """Take one advertisement, whoever sent it."""
        heard = heard_of(device, advertisement)
        driver = recognise(heard)
        found = FoundDevice(
            device_id=device_id(device.address),
            name=printable(heard.name),
            rssi_dbm=heard.rssi_dbm,
            driver=driver.name if driver else "",
            why_not="" if driver else why_unreadable(heard),
            beacon="" if driver else beacon_name(heard),
        )
        self._found[found.device_id] = found
        if len(self._found) > MOST_SHOWN:
            faintest = min(self._found.values(), key=_worth)
            del self._found[faintest.device_id]

    def found(self) -> list[FoundDevice]:
        """Return what was heard: what can be read first, the loudest first."""
        return sorted(self._found.values(), key=_worth, reverse=True)


def _worth(found: FoundDevice) -> tuple[int, int, str]:
    kind = 3 * bool(found.driver) + 2 * bool(found.why_not) + bool(found.beacon)
    return kind, found.rssi_dbm, found.device_id


def printable(name: str) -> str:
    """Return a name that a terminal can show: a stranger chose it."""
    shown = "".join(c if c.isprintable() else "�" for c in name)
    return shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 1] + "…"


async def scan_for(
    seconds: float,
    *,
    adapter: str = "",
    backends: Backends | None = None,
    each_second: Callable[[list[FoundDevice]], None] = lambda _: None,
) -> list[FoundDevice]:
    """Listen for a while and return what was heard, what can be read first.

    Args:
        seconds: how long.
        adapter: the adapter's name (`hci0`); empty for the system's choice.
        backends: other backends than the system's.
        each_second: is shown what was heard so far.

    Raises:
        ScanError: Bluetooth is not there, or switched off.
    """
    backends = backends or Backends()
    arguments: dict[str, Any] = dict(backends.arguments or {})
    if backends.scanner is not None:
        arguments["backend"] = backends.scanner
    if adapter:
        arguments["bluez"] = {"adapter": adapter}
    air = Air()
    loop = asyncio.get_running_loop()
    until_s = loop.time() + seconds
    try:
        async with BleakScanner(air.hear, **arguments):
            while (left_s := until_s - loop.time()) > 0:
                await asyncio.sleep(min(1.0, left_s))
                each_second(air.found())
    except OSError as error:
        raise ScanError(
            "cannot scan: no Bluetooth service here (is bluetoothd running?)"
        ) from error
    except BleakError as error:
        raise ScanError(f"cannot scan: {error}") from error
    return air.found()
