"""What a driver is: how to talk to one family of devices, and where it puts what they say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bleak import BleakClient

from devices.measurement import Measurement
from protocols.gatt.device_information import DeviceInformation


class Sink(Protocol):
    """Where a driver puts what a device says; every call is a sign of life."""

    def sample(self, measurement: Measurement) -> None:
        """One value of a continuous stream."""

    def spot_check(self, measurement: Measurement) -> None:
        """One finished measurement, live or from the device's memory."""

    def battery(self, percent: int) -> None:
        """How full the battery is."""

    def rejected(self, characteristic: str, raw: bytes, reason: str) -> None:
        """Bytes that are not what the characteristic promises: kept, never dropped."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device said about itself; `streams`: it sends a value each second or so by itself."""

    streams: bool
    information: DeviceInformation


class Driver(Protocol):
    """One family of devices."""

    name: str

    def recognises(self, service_uuids: Sequence[str], local_name: str | None) -> bool:
        """Say whether an advertisement is of this family."""

    async def start(self, client: BleakClient, sink: Sink) -> DeviceFacts:
        """Subscribe on a fresh connection and ask the device about itself.

        Raises:
            BleakError: the link was lost, or the device is not what it advertised.
        """

    async def refresh(self, client: BleakClient, sink: Sink) -> None:
        """Ask for what the device does not send by itself; also shows that the link lives.

        Raises:
            BleakError: the device does not answer.
        """
