"""Battery Service (0x180F), BAS 1.1: how full the device's battery is."""

from dataclasses import dataclass
from typing import Final, Self

from protocols.errors import DecodeError
from protocols.gatt.octets import Octets

SERVICE_UUID: Final = "0000180f-0000-1000-8000-00805f9b34fb"
LEVEL_UUID: Final = "00002a19-0000-1000-8000-00805f9b34fb"


@dataclass(frozen=True, slots=True)
class BatteryLevel:
    """Battery Level (0x2A19, read and notify), 0 to 100 %."""

    percent: int

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode the characteristic (BAS 1.1, Battery Level); octets after the first are ignored.

        Raises:
            DecodeError: empty, or one of the reserved values 101 to 255.
        """
        percent = Octets(data, "Battery Level").unsigned(1, "level")
        if percent > 100:
            raise DecodeError(f"Battery Level needs 0 to 100, got {percent}")
        return cls(percent)

    def to_bytes(self) -> bytes:
        """Return the characteristic; ValueError outside 0 to 100 %."""
        if not 0 <= self.percent <= 100:
            raise ValueError(f"Battery Level needs 0 to 100, got {self.percent}")
        return bytes((self.percent,))
