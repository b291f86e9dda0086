"""PC-60FW, KS-60FW and their kin: frames over the Nordic UART service.

Theory of operation. AA 55, a token (0F the oximeter, F0 the device itself), the number of bytes
that follow, a type, its content, CRC-8/MAXIM over all before it. Token 0F type 01, once a second:
SpO2, pulse (u16, little-endian), perfusion index (0.1 %), status, a byte whose top two bits repeat
the battery level. Token F0 type 03: the battery level. Token 0F type 02 is the plethysmogram, 21
the working state: right, and of no use here, like every type that is not known.
A checksum that is wrong passes over the sync byte only: a frame may begin inside.
0 means none in SpO2, pulse and perfusion index (the maker's SDK); 127 and 255 as SpO2 and 255 and
511 as pulse are taken for none too. The battery is said when it changes.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import Final, Self

from protocols.errors import DecodeError
from protocols.oximeters.checksums import crc8_maxim
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

SERVICE_UUID: Final = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
WRITE_UUID: Final = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
NOTIFY_UUID: Final = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"

TOKEN_OXIMETER: Final = 0x0F
TOKEN_DEVICE: Final = 0xF0
TYPE_VALUES: Final = 0x01
TYPE_PLETH: Final = 0x02
TYPE_BATTERY: Final = 0x03
"""Of the device's token; under the oximeter's it means nothing known."""
LEVEL_MAX: Final = 3
MOST_FOLLOWING: Final = 64
"""No frame of the family announces more bytes; what does is not one."""

_HEAD: Final = b"\xaa\x55"
_TOKENS: Final = (TOKEN_OXIMETER, TOKEN_DEVICE)
_SPO2_NONE: Final = frozenset((0, 127, 255))
_PULSE_NONE: Final = frozenset((0, 255, 511))


class Pc60fwStatus(IntFlag):
    """The status byte of the values; the other bits are not assigned."""

    CLEAR = 0
    PROBE_OFF = 1 << 1
    """No finger is in it."""
    SEARCHING = 1 << 2
    CHECK_PROBE = 1 << 3
    """Faulty or misused; named for the PC-68B, whose values have the same frame."""


@dataclass(frozen=True, slots=True)
class Pc60fwFrame:
    """Any frame of the family."""

    token: int
    kind: int
    content: bytes = b""

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one frame.

        Raises:
            DecodeError: no such head, another length than announced, or a wrong checksum.
        """
        if len(data) < 6 or data[:2] != _HEAD or data[2] not in _TOKENS:
            raise DecodeError(f"a PC-60FW frame begins with AA 55 0F or F0, got {data[:8].hex()}")
        if len(data) != 4 + data[3]:
            raise DecodeError(f"a PC-60FW frame announces {4 + data[3]} octets, got {len(data)}")
        if crc8_maxim(data[:-1]) != data[-1]:
            raise DecodeError(f"the checksum of a PC-60FW frame is wrong: {data[-1]:02x}")
        return cls(token=data[2], kind=data[4], content=bytes(data[5:-1]))

    def to_bytes(self) -> bytes:
        """Return the frame as the device sends it."""
        following = bytes((self.token, len(self.content) + 2, self.kind)) + self.content
        data = _HEAD + following
        return data + bytes((crc8_maxim(data),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pc60fwValues:
    """Token 0F type 01, one second; `None`: the device does not know.

    `battery_level` is what the KS-60FW repeats here; others leave it 0, so it is not said.
    """

    spo2_percent: int | None
    pulse_per_min: int | None
    perfusion_index_percent: float | None = None
    status: Pc60fwStatus = Pc60fwStatus.CLEAR
    battery_level: int = 0

    @property
    def quality(self) -> Quality:
        """Why this value deserves less trust, from the status byte and the numbers."""
        flags = Quality.GOOD
        if Pc60fwStatus.PROBE_OFF in self.status:
            flags |= Quality.FINGER_OFF
        if Pc60fwStatus.SEARCHING in self.status:
            flags |= Quality.SEARCHING
        if Pc60fwStatus.CHECK_PROBE in self.status:
            flags |= Quality.EQUIPMENT_FAULT
        return quality_of(
            flags, self.spo2_percent, self.pulse_per_min, self.perfusion_index_percent
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one frame of values; bytes after the known ones are ignored.

        Raises:
            DecodeError: not a frame, not of this type, too short, or a value out of range.
        """
        return cls.from_content(_content(data, TOKEN_OXIMETER, TYPE_VALUES))

    @classmethod
    def from_content(cls, content: bytes) -> Self:
        """Decode the content of such a frame; see `from_bytes`."""
        if len(content) < 6:
            raise DecodeError(f"the values of a PC-60FW need 6 octets, got {len(content)}")
        status = Pc60fwStatus(content[4])
        spo2 = spo2_of(content[0], _SPO2_NONE)
        pulse = pulse_of(int.from_bytes(content[1:3], "little"), _PULSE_NONE)
        perfusion = perfusion_of(content[3], 10)
        worn = Pc60fwStatus.PROBE_OFF not in status
        return cls(
            spo2_percent=spo2 if worn else None,
            pulse_per_min=pulse if worn else None,
            perfusion_index_percent=perfusion if worn else None,
            status=status,
            battery_level=content[5] >> 6,
        )

    def to_bytes(self) -> bytes:
        """Return the frame as the device sends it."""
        spo2 = written(self.spo2_percent, _SPO2_NONE, none=0, most=SPO2_MAX_PERCENT)
        pulse = written(self.pulse_per_min, _PULSE_NONE, none=0, most=PULSE_MAX_PER_MIN)
        content = (
            bytes((spo2,))
            + pulse.to_bytes(2, "little")
            + bytes((round((self.perfusion_index_percent or 0) * 10), self.status))
            + bytes((self.battery_level << 6,))
        )
        return Pc60fwFrame(TOKEN_OXIMETER, TYPE_VALUES, content).to_bytes()


@dataclass(frozen=True, slots=True)
class Pc60fwBattery:
    """Token F0 type 03: how full the battery is, in quarters, 0 to 3."""

    level: int

    @property
    def percent(self) -> int:
        """The upper edge of the quarter, as the maker's SDK shows it: 25, 50, 75, 100 %."""
        return 25 * (self.level + 1)

    @property
    def low(self) -> bool:
        """The last quarter has begun."""
        return self.level == 0

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one frame of the battery.

        Raises:
            DecodeError: not a frame, not of this type, or a level that is none.
        """
        return cls.from_content(_content(data, TOKEN_DEVICE, TYPE_BATTERY))

    @classmethod
    def from_content(cls, content: bytes) -> Self:
        """Decode the content of such a frame; see `from_bytes`."""
        if not content or content[0] > LEVEL_MAX:
            raise DecodeError(f"a PC-60FW battery level is 0 to 3, got {content[:4].hex()}")
        return cls(content[0])

    def to_bytes(self) -> bytes:
        """Return the frame as the device sends it."""
        return Pc60fwFrame(TOKEN_DEVICE, TYPE_BATTERY, bytes((self.level,))).to_bytes()


class Pc60fwParser(StreamParser):
    """One connection to an oximeter of the family."""

    def __init__(self) -> None:
        super().__init__()
        self._battery = Battery()

    def cut(self, data: bytes) -> int:
        if data[0] != _HEAD[0] or data[1:2] not in (b"", _HEAD[1:]):
            return next_start(data, _HEAD[0])
        if len(data) > 2 and data[2] not in _TOKENS:
            return next_start(data, _HEAD[0])
        if len(data) < 4:
            return 0
        if not 2 <= data[3] <= MOST_FOLLOWING:
            return next_start(data, _HEAD[0])
        length = 4 + data[3]
        if len(data) < length:
            return 0
        if crc8_maxim(data[: length - 1]) != data[length - 1]:
            return next_start(data, _HEAD[0])
        return length

    def decode(self, frame: bytes) -> list[Said]:
        whole = Pc60fwFrame.from_bytes(frame)
        if (whole.token, whole.kind) == (TOKEN_OXIMETER, TYPE_VALUES):
            value = Pc60fwValues.from_content(whole.content)
            return [
                Oximetry(
                    spo2_percent=value.spo2_percent,
                    pulse_per_min=value.pulse_per_min,
                    perfusion_index_percent=value.perfusion_index_percent,
                    quality=value.quality,
                )
            ]
        if (whole.token, whole.kind) == (TOKEN_DEVICE, TYPE_BATTERY):
            return self._battery_said(Pc60fwBattery.from_content(whole.content))
        return []

    def _battery_said(self, told: Pc60fwBattery) -> list[Said]:
        battery = Battery(percent=told.percent, low=told.low)
        if battery == self._battery:
            return []
        self._battery = battery
        return [battery]


def _content(data: bytes, token: int, kind: int) -> bytes:
    frame = Pc60fwFrame.from_bytes(data)
    if (frame.token, frame.kind) != (token, kind):
        raise DecodeError(f"the frame is {frame.token:02x} {frame.kind:02x}")
    return frame.content
