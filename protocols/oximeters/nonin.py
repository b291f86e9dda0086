"""Nonin 3230, 3231 and 3150: the Nonin oximetry service, one frame a second.

Theory of operation. A frame has ten bytes, big-endian: its length (10), status, battery (0.1 V),
pulse amplitude index (0.01 %), counter, SpO2, pulse (Nonin 113142-000-02, Continuous Oximetry
Characteristic). There is neither a checksum nor a mark but the length byte, so bytes that begin
with 0A and hold an impossible value are passed over up to the next 0A among them; only where there
is none are they taken as one wrong frame. Unknown status bits are ignored.
SpO2 127 and 0 and pulse 511 and 0 mean none, and so does everything while no finger is in the
probe. The battery is said when the low flag changes; it begins as not low.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import Final, Self

from protocols.errors import DecodeError
from protocols.oximeters.said import Battery, Oximetry, Said
from protocols.oximeters.stream import StreamParser
from protocols.oximeters.wire import (
    PULSE_MAX_PER_MIN,
    SPO2_MAX_PERCENT,
    next_start,
    perfusion_of,
    pulse_of,
    quality_of,
    spo2_of,
    written,
)
from protocols.reading import Quality

SERVICE_UUID: Final = "46a970e0-0d5f-11e2-8b5e-0002a5d5c51b"
NOTIFY_UUID: Final = "0aad7ea0-0d60-11e2-8e3c-0002a5d5c51b"
CONTROL_UUID: Final = "1447af80-0d60-11e2-88b6-0002a5d5c51b"

FRAME_OCTETS: Final = 10
NO_SPO2: Final = 127
NO_PULSE: Final = 511

_SPO2_NONE: Final = frozenset((0, NO_SPO2))
_PULSE_NONE: Final = frozenset((0, NO_PULSE))


class NoninStatus(IntFlag):
    """The status byte; bits 0 and 7 are not assigned."""

    WEAK_SIGNAL = 1 << 1
    """The pulse modulates the light by 0.3 % or less."""
    SMART_POINT = 1 << 2
    """The value has passed the device's own spot-check algorithm."""
    SEARCHING = 1 << 3
    FINGER_OK = 1 << 4
    LOW_BATTERY = 1 << 5
    ENCRYPTED = 1 << 6


@dataclass(frozen=True, slots=True, kw_only=True)
class NoninFrame:
    """One second; `None`: the device does not know."""

    spo2_percent: int | None
    pulse_per_min: int | None
    perfusion_index_percent: float | None = None
    status: NoninStatus = NoninStatus.FINGER_OK
    battery_volt: float = 3.0
    counter: int = 0

    @property
    def quality(self) -> Quality:
        """Why this value deserves less trust, from the status byte and the numbers."""
        flags = Quality.GOOD
        if NoninStatus.FINGER_OK not in self.status:
            flags |= Quality.FINGER_OFF
        if NoninStatus.SEARCHING in self.status:
            flags |= Quality.SEARCHING
        if NoninStatus.WEAK_SIGNAL in self.status:
            flags |= Quality.WEAK_SIGNAL
        return quality_of(
            flags, self.spo2_percent, self.pulse_per_min, self.perfusion_index_percent
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one frame.

        Raises:
            DecodeError: not ten bytes that begin with their length, or a value out of range.
        """
        if len(data) != FRAME_OCTETS or data[0] != FRAME_OCTETS:
            raise DecodeError(f"a Nonin frame needs {FRAME_OCTETS} octets, got {data[:12].hex()}")
        status = NoninStatus(data[1])
        spo2 = spo2_of(data[7], _SPO2_NONE)
        pulse = pulse_of(int.from_bytes(data[8:10], "big"), _PULSE_NONE)
        perfusion = perfusion_of(int.from_bytes(data[3:5], "big"), 100)
        worn = NoninStatus.FINGER_OK in status
        return cls(
            spo2_percent=spo2 if worn else None,
            pulse_per_min=pulse if worn else None,
            perfusion_index_percent=perfusion if worn else None,
            status=status,
            battery_volt=data[2] / 10,
            counter=int.from_bytes(data[5:7], "big"),
        )

    def to_bytes(self) -> bytes:
        """Return the frame as the device sends it."""
        spo2 = written(self.spo2_percent, _SPO2_NONE, none=NO_SPO2, most=SPO2_MAX_PERCENT)
        pulse = written(self.pulse_per_min, _PULSE_NONE, none=NO_PULSE, most=PULSE_MAX_PER_MIN)
        return (
            bytes((FRAME_OCTETS, self.status, round(self.battery_volt * 10)))
            + round((self.perfusion_index_percent or 0) * 100).to_bytes(2, "big")
            + self.counter.to_bytes(2, "big")
            + bytes((spo2,))
            + pulse.to_bytes(2, "big")
        )


class NoninParser(StreamParser):
    """One connection to a Nonin oximeter."""

    def __init__(self) -> None:
        super().__init__()
        self._battery = Battery()

    def cut(self, data: bytes) -> int:
        if data[0] != FRAME_OCTETS:
            return next_start(data, FRAME_OCTETS)
        if len(data) < FRAME_OCTETS:
            return 0
        if FRAME_OCTETS in data[1:FRAME_OCTETS] and not _possible(data[:FRAME_OCTETS]):
            return next_start(data, FRAME_OCTETS)
        return FRAME_OCTETS

    def decode(self, frame: bytes) -> list[Said]:
        value = NoninFrame.from_bytes(frame)
        said: list[Said] = [
            Oximetry(
                spo2_percent=value.spo2_percent,
                pulse_per_min=value.pulse_per_min,
                perfusion_index_percent=value.perfusion_index_percent,
                quality=value.quality,
            )
        ]
        battery = Battery(low=NoninStatus.LOW_BATTERY in value.status)
        if battery != self._battery:
            self._battery = battery
            said.append(battery)
        return said


def _possible(frame: bytes) -> bool:
    try:
        NoninFrame.from_bytes(frame)
    except DecodeError:
        return False
    return True
