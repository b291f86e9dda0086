"""iBeacon: manufacturer data of company 004C, 23 bytes: who it is, and how loud at one metre."""

from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from protocols.errors import DecodeError

COMPANY: Final = 0x004C
OCTETS: Final = 23
_HEAD: Final = b"\x02\x15"


@dataclass(frozen=True, slots=True)
class IBeacon:
    """One advertisement; major and minor are big-endian, `tx_dbm` is at 1 m."""

    proximity: UUID
    major: int
    minor: int
    tx_dbm: int

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode the manufacturer data after the company.

        Raises:
            DecodeError: not 23 bytes that begin with 02 15.
        """
        if len(data) != OCTETS or data[:2] != _HEAD:
            raise DecodeError(f"an iBeacon is 02 15 and 21 octets, got {data[:4].hex()}…")
        return cls(
            UUID(bytes=bytes(data[2:18])),
            int.from_bytes(data[18:20], "big"),
            int.from_bytes(data[20:22], "big"),
            int.from_bytes(data[22:23], "big", signed=True),
        )

    def to_bytes(self) -> bytes:
        """Return the manufacturer data after the company."""
        numbers = self.major.to_bytes(2, "big") + self.minor.to_bytes(2, "big")
        return _HEAD + self.proximity.bytes + numbers + self.tx_dbm.to_bytes(1, "big", signed=True)
