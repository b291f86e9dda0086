"""What a virtual device must know of itself: one family a module. Slow to import, as Bumble is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from bumble import att, core
from bumble.core import AdvertisingData
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service

from devices.simulator.physiology import VirtualVitals
from devices.simulator.wearing import Wearing
from protocols.gatt import battery, device_information
from protocols.gatt.battery import BatteryLevel

Properties = Characteristic.Properties
_OPEN: Final = Characteristic.READABLE | Characteristic.WRITEABLE
_BASE: Final = UUID("00000000-0000-1000-8000-00805f9b34fb").bytes
"""The Bluetooth base UUID (Core Vol 3 B, 2.5.1)."""


@dataclass(frozen=True, slots=True)
class Saying:
    """A value that goes out on a characteristic to whoever subscribed to it."""

    characteristic: Characteristic[bytes]
    value: bytes
    indicated: bool = False


class Profile(ABC):
    """One device of a family, on one person; the radio calls it and carries what it says."""

    def __init__(self, wearing: Wearing) -> None:
        self.wearing = wearing
        self.battery_percent = wearing.battery_percent
        self.say: Callable[[Sequence[Saying]], None] = _to_nobody
        """Set by the radio: what is said to something that was written goes out at once."""

    @abstractmethod
    def service_uuid(self) -> str:
        """Return the service that it advertises."""

    @abstractmethod
    def services(self) -> list[Service]:
        """Return its GATT services; asked for once."""

    @abstractmethod
    def measure(self, vitals: VirtualVitals) -> Sequence[Saying]:
        """Return what it says by itself once a period."""

    def begin(self) -> None:  # noqa: B027 - most have nothing to forget
        """Somebody connected: what the last one asked for is forgotten."""

    def advertising(self) -> bytes:
        """Return flags, service and name.

        Real ones put what exceeds 31 octets into a scan response; Bumble 0.0.236 carries none over
        its virtual air, but longer advertisements.
        """
        octets = UUID(self.service_uuid()).bytes
        short = octets[4:] == _BASE[4:] and octets[:2] == _BASE[:2]
        kind = (
            AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS
            if short
            else AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS
        )
        uuid = octets[2:4][::-1] if short else octets[::-1]
        parts = [
            (AdvertisingData.FLAGS, bytes((0x06,))),
            (kind, uuid),
            (AdvertisingData.COMPLETE_LOCAL_NAME, self.wearing.name.encode()),
        ]
        return bytes(AdvertisingData(parts))


def characteristic(
    uuid: str,
    properties: Properties,
    *,
    read: Callable[[Connection], bytes] | bytes | None = None,
    write: Callable[[bytes], None] | None = None,
    permissions: Characteristic.Permissions = _OPEN,
) -> Characteristic[bytes]:
    """Bumble 0.0.236 checks no property of its own, so what is not offered is refused here."""
    reader: Callable[[Connection], bytes] = _refuse_read
    if isinstance(read, bytes):
        reader = partial(_constant, read)
    elif read is not None:
        reader = read
    writer = _refuse_write if write is None else partial(_written, write)
    value = CharacteristicValue(read=reader, write=writer)
    return Characteristic(core.UUID(uuid), properties, permissions, value)


def information_service(wearing: Wearing) -> Service:
    """Return the Device Information Service of a device."""
    fields = wearing.information.to_characteristics()
    return Service(
        core.UUID(device_information.SERVICE_UUID),
        [characteristic(uuid, Properties.READ, read=text) for uuid, text in fields.items()],
    )


def battery_service(percent: Callable[[], int]) -> Service:
    """Return a Battery Service that tells what it is told."""
    level = characteristic(
        battery.LEVEL_UUID,
        Properties.READ,
        read=lambda _peer: BatteryLevel(percent()).to_bytes(),
    )
    return Service(core.UUID(battery.SERVICE_UUID), [level])


def _to_nobody(_sayings: Sequence[Saying]) -> None:
    """No radio yet."""


def _constant(value: bytes, _peer: Connection) -> bytes:
    return value


def _written(write: Callable[[bytes], None], _peer: Connection, value: bytes) -> None:
    write(value)


def _refuse_read(_peer: Connection) -> bytes:
    raise att.ATT_Error(att.ErrorCode.READ_NOT_PERMITTED)


def _refuse_write(_peer: Connection, _value: bytes) -> None:
    raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED)
