"""EMAY SleepO2 and the Contec CMS50D-BT family: eight bytes once they are asked to speak.

Theory of operation. A request is a byte, an operand where there is one, and the sum of all before
it, of which 7 bits count. `start_request` makes the device speak, and it falls silent unless
`keep_alive` is written every second and a half. It says EB 01, a byte (EMAY 05, Contec 04 and 06:
taken for the signal's strength, of no use here), pulse, SpO2, 7F 00, the sum. A sum that is wrong
passes over the sync byte only. SpO2 and pulse 0, 127 and 255 mean none; both missing is taken for
a finger that is out (inferred). Confidence: EMAY high, Contec medium.
"""

from dataclasses import dataclass
from typing import Final, Self

from protocols.errors import DecodeError
from protocols.oximeters.said import Oximetry, Said
from protocols.oximeters.stream import StreamParser
from protocols.oximeters.wire import next_start, pulse_of, quality_of, spo2_of
from protocols.reading import Quality

SERVICE_UUID: Final = "0000ff12-0000-1000-8000-00805f9b34fb"
WRITE_UUID: Final = "0000ff01-0000-1000-8000-00805f9b34fb"
NOTIFY_UUID: Final = "0000ff02-0000-1000-8000-00805f9b34fb"

FRAME_OCTETS: Final = 8
KEEP_ALIVE_S: Final = 1.5

_HEAD: Final = b"\xeb\x01"
_TAIL: Final = b"\x7f\x00"
_SPO2_NONE: Final = frozenset((0, 127, 255))
_PULSE_NONE: Final = frozenset((0, 127, 255))


def checksum(data: bytes) -> int:
    """Return the sum of the bytes, of which 7 bits count."""
    return sum(data) & 0x7F


def start_request() -> bytes:
    """Return what makes the device speak."""
    return _summed(b"\x9b\x01")


def keep_alive() -> bytes:
    """Return what keeps it speaking."""
    return _summed(b"\x9a")


def stop_request() -> bytes:
    """Return what makes it fall silent."""
    return _summed(b"\x9b\x7f")


def _summed(data: bytes) -> bytes:
    return data + bytes((checksum(data),))


@dataclass(frozen=True, slots=True, kw_only=True)
class EmayFrame:
    """One second; `None`: the device does not know."""

    spo2_percent: int | None
    pulse_per_min: int | None
    level: int = 5
    """5 of an EMAY, 4 and 6 of a Contec; its meaning is not published."""

    @property
    def quality(self) -> Quality:
        """Why this value deserves less trust, from the numbers alone."""
        off = self.spo2_percent is None and self.pulse_per_min is None
        flags = Quality.FINGER_OFF if off else Quality.GOOD
        return quality_of(flags, self.spo2_percent, self.pulse_per_min, None)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one frame.

        Raises:
            DecodeError: not eight bytes that begin with EB 01, a wrong sum, or SpO2 out of range.
        """
        if len(data) != FRAME_OCTETS or data[:2] != _HEAD:
            raise DecodeError(f"an EMAY frame is EB 01 and six octets, got {data[:8].hex()}")
        if checksum(data[:-1]) != data[-1]:
            raise DecodeError(f"the sum of an EMAY frame is wrong: {data[-1]:02x}")
        return cls(
            spo2_percent=spo2_of(data[4], _SPO2_NONE),
            pulse_per_min=pulse_of(data[3], _PULSE_NONE),
            level=data[2],
        )

    def to_bytes(self) -> bytes:
        """Return the frame as the device sends it."""
        pulse = 127 if self.pulse_per_min is None else self.pulse_per_min
        spo2 = 127 if self.spo2_percent is None else self.spo2_percent
        return _summed(_HEAD + bytes((self.level, pulse, spo2)) + _TAIL)


class EmayParser(StreamParser):
    """One connection to an oximeter of either maker."""

    def cut(self, data: bytes) -> int:
        if data[0] != _HEAD[0] or data[1:2] not in (b"", _HEAD[1:]):
            return next_start(data, _HEAD[0])
        if len(data) < FRAME_OCTETS:
            return 0
        if checksum(data[: FRAME_OCTETS - 1]) != data[FRAME_OCTETS - 1]:
            return next_start(data, _HEAD[0])
        return FRAME_OCTETS

    def decode(self, frame: bytes) -> list[Said]:
        value = EmayFrame.from_bytes(frame)
        return [
            Oximetry(
                spo2_percent=value.spo2_percent,
                pulse_per_min=value.pulse_per_min,
                quality=value.quality,
            )
        ]
