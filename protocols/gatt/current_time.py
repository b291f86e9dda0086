"""Current Time Service (0x1805), CTS 1.1: what a device's own clock shows now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from protocols.gatt.date_time import date_time_to_bytes, read_date_time
from protocols.gatt.octets import Octets

SERVICE_UUID: Final = "00001805-0000-1000-8000-00805f9b34fb"
CURRENT_TIME_UUID: Final = "00002a2b-0000-1000-8000-00805f9b34fb"


@dataclass(frozen=True, slots=True)
class CurrentTime:
    """Current Time (0x2A2B, read); `None`: the device's clock was never set.

    Day of week and the reason of the last adjustment say nothing that is needed here.
    """

    at: datetime | None
    """The device's own time, which has no zone, to 1/256 s."""

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode the characteristic (CTS 1.1, Exact Time 256).

        Raises:
            DecodeError: fewer than ten octets, or no such date or time.
        """
        octets = Octets(data, "Current Time")
        at = read_date_time(octets)
        octets.unsigned(1, "day of week")
        fraction = octets.unsigned(1, "fractions 256")
        octets.unsigned(1, "adjust reason")
        return cls(None if at is None else at.replace(microsecond=fraction * 1_000_000 // 256))

    def to_bytes(self) -> bytes:
        """Return the characteristic."""
        if self.at is None:
            return bytes(10)
        fraction = -(-self.at.microsecond * 256 // 1_000_000)
        return date_time_to_bytes(self.at) + bytes((self.at.isoweekday(), fraction & 0xFF, 0))
