"""What a driver is: how to talk to one family of devices, and where it puts what they say."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from bleak import BleakClient

from devices.measurement import Measurement
from devices.use import Use
from protocols.gatt.device_information import DeviceInformation

SELDOM_S: Final = 900.0
"""How often a device that speaks by itself is asked what it does not say, such as its battery."""
NOW_AND_THEN_S: Final = 30.0
"""How often a device that says nothing by itself is asked something, to see whether it lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One advertisement, as far as drivers care."""

    address: str
    name: str = ""
    services: frozenset[str] = frozenset()
    manufacturer_data: Mapping[int, bytes] = field(default_factory=dict)
    service_data: Mapping[str, bytes] = field(default_factory=dict)
    rssi_dbm: int = -127


class Sink(Protocol):
    """Where a driver puts what a device says; every call is a sign of life."""

    def sample(self, measurement: Measurement) -> None:
        """One value of a continuous stream."""

    def finished(self, measurement: Measurement) -> None:
        """One measurement that the device itself calls finished, live or from its memory."""

    def battery(self, percent: int | None, *, low: bool = False) -> None:
        """How full the battery is, or only that it is low."""

    def device_clock(self, shows: datetime) -> None:
        """What the device's own clock, which has no zone, shows now."""

    def rejected(self, characteristic: str, raw: bytes, reason: str) -> None:
        """Bytes that are not what the characteristic promises: kept, never dropped."""

    async def owed_records(self) -> int:
        """Return how many records of the device's memory the server has not acknowledged yet."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device said about itself; `streams`: it sends a value each second or so by itself."""

    streams: bool
    information: DeviceInformation = field(default_factory=DeviceInformation)


async def _nothing() -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation with one connected device.

    `tend` is called every `tend_every_s`: it polls, keeps alive, or asks for what the device does
    not say by itself; it returns whether there is more to say, and raises `BleakError` where the
    device does not answer. `hang_up` is told when the link is over.
    """

    facts: DeviceFacts
    tend_every_s: float
    tend: Callable[[], Awaitable[bool]] = _nothing
    hang_up: Callable[[], None] = lambda: None


class Driver(Protocol):
    """One family of devices."""

    @property
    def name(self) -> str: ...

    @property
    def use(self) -> Use: ...

    def recognises(self, heard: Heard) -> bool:
        """Say whether an advertisement is of this family."""

    async def start(self, client: BleakClient, sink: Sink) -> Talk:
        """Subscribe on a fresh connection and ask the device about itself.

        Raises:
            BleakError: the link was lost, or the device is not what it advertised.
        """
