"""ChoiceMMed iP900BP-B and 500E-B: a frame a second, on two characteristics.

Theory of operation. 3E, SpO2, 00, pulse, 00, respiration, padding of 20, perfusion index (0.1 %),
F0. The end mark and the two zeros are the only checks. How much padding there is differs, so a
frame is 9 to 20 bytes and ends with the first F0 that is far enough away. 0, 127 and 255 mean none;
both values missing is taken for a finger that is out (inferred). The respiration is the device's
guess from the pulse wave and is not passed on. Confidence: medium.
"""

from dataclasses import dataclass
from typing import Final, Self

from protocols.errors import DecodeError
from protocols.oximeters.said import Oximetry, Said
from protocols.oximeters.stream import StreamParser
from protocols.oximeters.wire import next_start, perfusion_of, pulse_of, quality_of, spo2_of
from protocols.reading import Quality

SERVICE_UUID: Final = "0000fff0-0000-1000-8000-00805f9b34fb"
INDICATE_UUID: Final = "0000fff0-0000-1000-8000-00805f9b34fb"
NOTIFY_UUID: Final = "0000fff1-0000-1000-8000-00805f9b34fb"

FEWEST_OCTETS: Final = 9
MOST_OCTETS: Final = 20

_BEGIN: Final = 0x3E
_END: Final = 0xF0
_PADDING: Final = 0x20
_NONE: Final = frozenset((0, 127, 255))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceMMedFrame:
    """One second; `None`: the device does not know."""

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
        """Decode one frame.

        Raises:
            DecodeError: neither begin nor end mark, zeros that are none, or SpO2 out of range.
        """
        whole = FEWEST_OCTETS <= len(data) <= MOST_OCTETS
        if not whole or data[0] != _BEGIN or data[-1] != _END or data[2] or data[4]:
            raise DecodeError(f"a ChoiceMMed frame is 3E n 00 n 00 … F0, got {data[:20].hex()}")
        spo2, pulse = spo2_of(data[1], _NONE), pulse_of(data[3], _NONE)
        worn = spo2 is not None or pulse is not None
        return cls(
            spo2_percent=spo2,
            pulse_per_min=pulse,
            perfusion_index_percent=perfusion_of(data[-2], 10) if worn else None,
        )

    def to_bytes(self) -> bytes:
        """Return the frame as the device sends it, with one octet of padding."""
        index = round((self.perfusion_index_percent or 0) * 10)
        values = (self.spo2_percent or 0, 0, self.pulse_per_min or 0, 0, 0, _PADDING, index)
        return bytes((_BEGIN, *values, _END))


class ChoiceMMedParser(StreamParser):
    """One connection to an oximeter of the family."""

    def cut(self, data: bytes) -> int:
        if data[0] != _BEGIN or any(data[2:3]) or any(data[4:5]):
            return next_start(data, _BEGIN)
        end = data.find(_END, FEWEST_OCTETS - 1, MOST_OCTETS)
        if end >= 0:
            return end + 1
        return 0 if len(data) < MOST_OCTETS else next_start(data, _BEGIN)

    def decode(self, frame: bytes) -> list[Said]:
        value = ChoiceMMedFrame.from_bytes(frame)
        return [
            Oximetry(
                spo2_percent=value.spo2_percent,
                pulse_per_min=value.pulse_per_min,
                perfusion_index_percent=value.perfusion_index_percent,
                quality=value.quality,
            )
        ]
