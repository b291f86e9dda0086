"""Jumper JPD-500F: four bytes of values about once a second, plethysmogram in between.

Theory of operation. 81, pulse, SpO2, perfusion index (0.1 %). SpO2 127 and 0 and pulse 255 and 0
mean none. 80 begins up to ten points of plethysmogram, each below 80: right, and of no use here.
There is no checksum: an impossible value is one wrong frame. Nothing is known of a finger bit, so
both values missing is taken for a finger that is out (inferred). Confidence: medium to high.
"""

from dataclasses import dataclass
from typing import Final, Self

from protocols.errors import DecodeError
from protocols.oximeters.said import Oximetry, Said
from protocols.oximeters.stream import StreamParser
from protocols.oximeters.wire import perfusion_of, pulse_of, quality_of, spo2_of
from protocols.reading import Quality

SERVICE_UUID: Final = "cdeacb80-5235-4c07-8846-93a37ee6b86d"
NOTIFY_UUID: Final = "cdeacb81-5235-4c07-8846-93a37ee6b86d"

FRAME_OCTETS: Final = 4
MOST_PLETH: Final = 10
"""Points of plethysmogram in one frame."""

_VALUES: Final = 0x81
_PLETH: Final = 0x80
_SPO2_NONE: Final = frozenset((0, 127))
_PULSE_NONE: Final = frozenset((0, 255))


@dataclass(frozen=True, slots=True, kw_only=True)
class JumperFrame:
    """One frame of values; `None`: the device does not know."""

    spo2_percent: int | None
    pulse_per_min: int | None
    perfusion_index_percent: float | None = None

    @property
    def quality(self) -> Quality:
        """Why this value deserves less trust, from the numbers alone."""
        off = self.spo2_percent is None and self.pulse_per_min is None
        return quality_of(
            Quality.FINGER_OFF if off else Quality.GOOD,
            self.spo2_percent,
            self.pulse_per_min,
            self.perfusion_index_percent,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one frame of values.

        Raises:
            DecodeError: not four bytes that begin with 81, or SpO2 out of range.
        """
        if len(data) != FRAME_OCTETS or data[0] != _VALUES:
            raise DecodeError(f"a Jumper frame is 81 and three octets, got {data[:8].hex()}")
        spo2 = spo2_of(data[2], _SPO2_NONE)
        pulse = pulse_of(data[1], _PULSE_NONE)
        worn = spo2 is not None or pulse is not None
        return cls(
            spo2_percent=spo2,
            pulse_per_min=pulse,
            perfusion_index_percent=perfusion_of(data[3], 10) if worn else None,
        )

    def to_bytes(self) -> bytes:
        """Return the frame as the device sends it."""
        pulse = 255 if self.pulse_per_min is None else self.pulse_per_min
        spo2 = 127 if self.spo2_percent is None else self.spo2_percent
        return bytes((_VALUES, pulse, spo2, round((self.perfusion_index_percent or 0) * 10)))


class JumperParser(StreamParser):
    """One connection to a Jumper oximeter."""

    def cut(self, data: bytes) -> int:
        if data[0] == _VALUES:
            return FRAME_OCTETS if len(data) >= FRAME_OCTETS else 0
        if data[0] == _PLETH:
            return _pleth_octets(data)
        for at, octet in enumerate(data):
            if octet in (_VALUES, _PLETH):
                return -at
        return -len(data)

    def decode(self, frame: bytes) -> list[Said]:
        if frame[0] == _PLETH:
            return []
        value = JumperFrame.from_bytes(frame)
        return [
            Oximetry(
                spo2_percent=value.spo2_percent,
                pulse_per_min=value.pulse_per_min,
                perfusion_index_percent=value.perfusion_index_percent,
                quality=value.quality,
            )
        ]


def _pleth_octets(data: bytes) -> int:
    for at in range(1, min(len(data), MOST_PLETH + 1)):
        if data[at] >= _PLETH:
            return at
    return MOST_PLETH + 1 if len(data) > MOST_PLETH else 0
