"""Xiaomi and Amazfit bands: the heart rate that some of them broadcast. Confidence: medium.

The manufacturer data of company 0157 ends with the heart rate, FF where there is none. Bands that
do not broadcast it say nothing here.
"""

from dataclasses import dataclass
from typing import Final, Self

from protocols.errors import DecodeError

COMPANY: Final = 0x0157
SERVICE_UUID: Final = "0000fee0-0000-1000-8000-00805f9b34fb"

RATE_AT: Final = 3
"""Where the heart rate stands."""
_NONE: Final = (0x00, 0xFF)


@dataclass(frozen=True, slots=True)
class BandHeartRate:
    """What a band broadcasts; `None`: it has no rate now."""

    heart_rate_per_min: int | None

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode the manufacturer data after the company; raises `DecodeError` if it is shorter."""
        if len(data) <= RATE_AT:
            raise DecodeError(f"a band's manufacturer data needs {RATE_AT + 1}, got {len(data)}")
        rate = data[RATE_AT]
        return cls(None if rate in _NONE else rate)
