"""BerryMed BM1000 and other oximeters of the BCI protocol: a frame of five bytes at 100 Hz.

Theory of operation (BCI Protocol 1.2). Only the first byte of a frame has bit 7 set, so a frame is
found by that bit alone. Byte 0: bit 6 beep, 5 probe unplugged, 4 no signal, 3 to 0 strength; byte
1: plethysmogram; byte 2: bit 6 is bit 7 of the pulse, 5 searching, 4 no finger, 3 to 0 bar; byte 3:
the low 7 bits of the pulse; byte 4: SpO2. SpO2 127 and 0 and pulse 255 and 0 mean none.
The device repeats each value a hundred times a second. A value is said when SpO2, pulse or quality
differ from what was said last, and otherwise every `SAY_EVERY_FRAMES` good frames.
An unplugged probe is a fault of the equipment: the person's finger is not to blame.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import Final, Self

from protocols.errors import DecodeError
from protocols.oximeters.said import Oximetry, Said
from protocols.oximeters.stream import StreamParser
from protocols.oximeters.wire import SPO2_MAX_PERCENT, pulse_of, quality_of, spo2_of, written
from protocols.reading import Quality

SERVICE_UUID: Final = "49535343-fe7d-4ae5-8fa9-9fafd205e455"
NOTIFY_UUID: Final = "49535343-1e4d-4bd9-ba61-23c647249616"

FRAME_OCTETS: Final = 5
FRAME_RATE_HZ: Final = 100
SAY_EVERY_FRAMES: Final = FRAME_RATE_HZ
"""An unchanged value is said once in so many frames: once a second."""
NO_SPO2: Final = 127
NO_PULSE: Final = 255

_SYNC: Final = 0x80
_SPO2_NONE: Final = frozenset((0, NO_SPO2))
_PULSE_NONE: Final = frozenset((0, NO_PULSE))


class BerryMedStatus(IntFlag):
    """The flags of byte 0 in their place, those of byte 2 eight bits higher."""

    CLEAR = 0
    NO_SIGNAL = 1 << 4
    PROBE_UNPLUGGED = 1 << 5
    BEEP = 1 << 6
    NO_FINGER = 1 << 12
    SEARCHING = 1 << 13


_UNWORN: Final = BerryMedStatus.NO_FINGER | BerryMedStatus.PROBE_UNPLUGGED
_MEANING: Final = {
    BerryMedStatus.NO_SIGNAL: Quality.WEAK_SIGNAL,
    BerryMedStatus.PROBE_UNPLUGGED: Quality.EQUIPMENT_FAULT,
    BerryMedStatus.NO_FINGER: Quality.FINGER_OFF,
    BerryMedStatus.SEARCHING: Quality.SEARCHING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BerryMedFrame:
    """One hundredth of a second; `None`: the device does not know.

    `strength` and `bar` are 0 to 15, `pleth` is 0 to 127, all without a unit.
    """

    spo2_percent: int | None
    pulse_per_min: int | None
    status: BerryMedStatus = BerryMedStatus.CLEAR
    strength: int = 0
    pleth: int = 0
    bar: int = 0

    @property
    def quality(self) -> Quality:
        """Why this value deserves less trust; beep, strength and bar say nothing of that."""
        flags = Quality.GOOD
        for bit, meaning in _MEANING.items():
            if bit in self.status:
                flags |= meaning
        return quality_of(flags, self.spo2_percent, self.pulse_per_min, None)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one frame.

        Raises:
            DecodeError: not five bytes of which only the first has bit 7, or SpO2 out of range.
        """
        if len(data) != FRAME_OCTETS or [octet >> 7 for octet in data] != [1, 0, 0, 0, 0]:
            raise DecodeError(f"a BCI frame is five octets, bit 7 in the first: {data[:8].hex()}")
        status = BerryMedStatus(data[0] & 0x70 | (data[2] & 0x30) << 8)
        spo2 = spo2_of(data[4], _SPO2_NONE)
        pulse = pulse_of(data[2] << 1 & 0x80 | data[3], _PULSE_NONE)
        worn = not status & _UNWORN
        return cls(
            spo2_percent=spo2 if worn else None,
            pulse_per_min=pulse if worn else None,
            status=status,
            strength=data[0] & 0x0F,
            pleth=data[1],
            bar=data[2] & 0x0F,
        )

    def to_bytes(self) -> bytes:
        """Return the frame as the device sends it."""
        spo2 = written(self.spo2_percent, _SPO2_NONE, none=NO_SPO2, most=SPO2_MAX_PERCENT)
        pulse = written(self.pulse_per_min, _PULSE_NONE, none=NO_PULSE, most=NO_PULSE)
        return bytes(
            (
                _SYNC | self.status & 0x70 | self.strength,
                self.pleth,
                pulse >> 1 & 0x40 | self.status >> 8 & 0x30 | self.bar,
                pulse & 0x7F,
                spo2,
            )
        )


class BerryMedParser(StreamParser):
    """One connection to an oximeter of the BCI protocol."""

    def __init__(self) -> None:
        super().__init__()
        self._last_raw = (0, 0, 0, 0)
        self._last: Oximetry | None = None
        self._frames_since = 0

    def cut(self, data: bytes) -> int:
        if data[0] < _SYNC:
            return -_octets_until_sync(data, 1)
        inside = _octets_until_sync(data[:FRAME_OCTETS], 1)
        if inside == FRAME_OCTETS:
            return FRAME_OCTETS
        return 0 if inside == len(data) else -inside

    def decode(self, frame: bytes) -> list[Said]:
        raw = (frame[0] & 0x30, frame[2] & 0x70, frame[3], frame[4])
        if raw == self._last_raw and self._last is not None:
            return self._again()
        value = BerryMedFrame.from_bytes(frame)
        said = Oximetry(
            spo2_percent=value.spo2_percent,
            pulse_per_min=value.pulse_per_min,
            quality=value.quality,
        )
        self._last_raw = raw
        if said == self._last:
            return self._again()
        self._last = said
        self._frames_since = 0
        return [said]

    def _again(self) -> list[Said]:
        self._frames_since += 1
        if self._last is None or self._frames_since < SAY_EVERY_FRAMES:
            return []
        self._frames_since = 0
        return [self._last]


def _octets_until_sync(data: bytes, start: int) -> int:
    for at in range(start, len(data)):
        if data[at] >= _SYNC:
            return at
    return len(data)
