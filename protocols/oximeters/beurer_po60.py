"""Beurer PO60: tells nothing live; its memory is read out record by record.

Theory of operation. `next_request` asks for the next record; the answer has 24 bytes: E9, a count,
start and end as year (from 2000), month, day, hours, minutes, seconds, a byte of high bits, two
bytes that are not known, SpO2 highest, lowest, mean, pulse highest, lowest, mean, and the sum of
all before it, of which 7 bits count. Every byte after the first has 7 bits; which of the high bits
belongs to which value is not published, so with any of them set the pulse is not known. A sum that
is wrong passes over the sync byte only. Confidence: medium to high.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from protocols.errors import DecodeError
from protocols.oximeters.emay import NOTIFY_UUID, SERVICE_UUID, WRITE_UUID, checksum
from protocols.oximeters.said import Said, StoredOximetry
from protocols.oximeters.stream import StreamParser
from protocols.oximeters.wire import next_start, pulse_of, spo2_of
from protocols.reading import Quality

__all__ = ["NOTIFY_UUID", "SERVICE_UUID", "WRITE_UUID", "BeurerRecord", "next_request"]

RECORD_OCTETS: Final = 24
_SYNC: Final = 0xE9
_CENTURY: Final = 2000
_NONE: Final = frozenset((0, 127))


def next_request() -> bytes:
    """Return what asks for the next record."""
    return b"\x99\x01\x1a"


@dataclass(frozen=True, slots=True, kw_only=True)
class BeurerRecord:
    """One measurement out of the memory; times are the device's own, without a zone."""

    started_at: datetime
    ended_at: datetime
    spo2_percent: int | None
    """Mean, as are all that are not named otherwise."""
    pulse_per_min: int | None
    spo2_min_percent: int | None = None
    spo2_max_percent: int | None = None
    pulse_min_per_min: int | None = None
    pulse_max_per_min: int | None = None
    count: int = 0
    high_bits: int = 0

    @property
    def quality(self) -> Quality:
        """Out of the memory; and whether a value is missing."""
        missing = self.spo2_percent is None or self.pulse_per_min is None
        return Quality.FROM_STORAGE | (Quality.INVALID if missing else Quality.GOOD)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one record.

        Raises:
            DecodeError: not 24 bytes that begin with E9, a wrong sum, no such date, or SpO2 out of
                range.
        """
        if len(data) != RECORD_OCTETS or data[0] != _SYNC:
            raise DecodeError(f"a PO60 record is E9 and 23 octets, got {data[:8].hex()}")
        if checksum(data[:-1]) != data[-1]:
            raise DecodeError(f"the sum of a PO60 record is wrong: {data[-1]:02x}")
        pulses = [None if data[14] else pulse_of(raw, _NONE) for raw in data[20:23]]
        most, least, mean = (spo2_of(raw, _NONE) for raw in data[17:20])
        return cls(
            started_at=_time(data[2:8]),
            ended_at=_time(data[8:14]),
            spo2_percent=mean,
            spo2_min_percent=least,
            spo2_max_percent=most,
            pulse_per_min=pulses[2],
            pulse_min_per_min=pulses[1],
            pulse_max_per_min=pulses[0],
            count=data[1],
            high_bits=data[14],
        )

    def to_bytes(self) -> bytes:
        """Return the record as the device sends it."""
        values = (
            self.spo2_max_percent, self.spo2_min_percent, self.spo2_percent,
            self.pulse_max_per_min, self.pulse_min_per_min, self.pulse_per_min,
        )  # fmt: skip
        data = (
            bytes((_SYNC, self.count))
            + _octets(self.started_at)
            + _octets(self.ended_at)
            + bytes((self.high_bits, 0, 0))
            + bytes(value or 0 for value in values)
        )
        return data + bytes((checksum(data),))


def _time(data: bytes) -> datetime:
    year, month, day, hour, minute, second = data
    try:
        return datetime(_CENTURY + year, month, day, hour, minute, second)  # noqa: DTZ001 - no zone
    except ValueError as error:
        raise DecodeError(f"a PO60 record of no such time, {data.hex()}: {error}") from error


def _octets(at: datetime) -> bytes:
    return bytes((at.year - _CENTURY, at.month, at.day, at.hour, at.minute, at.second))


class BeurerParser(StreamParser):
    """One connection to a PO60."""

    def cut(self, data: bytes) -> int:
        if data[0] != _SYNC:
            return next_start(data, _SYNC)
        if len(data) < RECORD_OCTETS:
            return 0
        if checksum(data[: RECORD_OCTETS - 1]) != data[RECORD_OCTETS - 1]:
            return next_start(data, _SYNC)
        return RECORD_OCTETS

    def decode(self, frame: bytes) -> list[Said]:
        record = BeurerRecord.from_bytes(frame)
        return [
            StoredOximetry(
                record=record.started_at.isoformat(),
                started_at=record.started_at,
                ended_at=record.ended_at,
                spo2_percent=record.spo2_percent,
                pulse_per_min=record.pulse_per_min,
                spo2_min_percent=record.spo2_min_percent,
                quality=record.quality,
            )
        ]
