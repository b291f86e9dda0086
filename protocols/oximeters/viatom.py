"""Viatom and Wellue O2Ring, Checkme O2, SleepU: asked every second or two, they answer.

Theory of operation. A request is AA, command, its complement, block (u16), length (u16), data and
CRC-8 (polynomial 07) over all before it; a reply is 55, result, its complement, block, length,
payload, CRC-8, little-endian, cut into notifications of 20 bytes. A reply does not say to which
command: one that begins with "{" is the device's description in JSON, 12 or 13 bytes are the
values of now, anything else that is right is of no use here. A wrong checksum passes over the sync
byte only: a reply may begin inside.
Values: SpO2, pulse (u16), steps (u32), battery %, charging, motion, perfusion index (0.1 %), state
(bit 0: worn), and in later firmware the state of the ring's own alerts. 0 and FF mean none; so does
everything while it is not worn. The battery is said when it changes.
The service belongs to a generic radio module: only with the name does it mean an oximeter.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

import msgspec

from protocols.errors import DecodeError
from protocols.oximeters.checksums import crc8_smbus
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

SERVICE_UUID: Final = "14839ac4-7d7e-415c-9a42-167340cf2339"
WRITE_UUID: Final = "8b00ace7-eb0b-49b0-bbe9-9aee0a26e1a3"
NOTIFY_UUID: Final = "0734594a-a8e7-4b1a-a6b1-cd5243059a57"

INFO: Final = 0x14
READ: Final = 0x17
PIECE_OCTETS: Final = 20
"""What one notification or write carries at most."""
MOST_PAYLOAD: Final = 512
"""No reply to what is asked here is longer; what announces more is not one."""

MOTION_FROM: Final = 32
"""The byte's unit is not published: an eighth of its range stands well above a resting hand."""
LOW_BATTERY_PERCENT: Final = 10
"""The last hour and a half of a ring that runs twelve to sixteen hours."""

_HEAD_OCTETS: Final = 7
_REQUEST: Final = 0xAA
_REPLY: Final = 0x55
_VALUES_OCTETS: Final = (12, 13)
_SPO2_NONE: Final = frozenset((0, 0xFF))
_PULSE_NONE: Final = frozenset((0, 0xFF, 0xFFFF))


class Charging(IntEnum):
    """The charging byte."""

    NO = 0
    CHARGING = 1
    FULL = 2


@dataclass(frozen=True, slots=True)
class ViatomRequest:
    """What the ring is asked."""

    command: int
    payload: bytes = b""

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one request, as the ring does; raises `DecodeError` for anything else."""
        command, payload = _unframed(data, _REQUEST)
        return cls(command, payload)

    def to_bytes(self) -> bytes:
        """Return the request as it is written."""
        return _framed(_REQUEST, self.command, self.payload)


@dataclass(frozen=True, slots=True)
class ViatomReply:
    """What the ring answers; a `result` other than 0 is a refusal."""

    payload: bytes = b""
    result: int = 0

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one whole reply; raises `DecodeError` for anything else."""
        result, payload = _unframed(data, _REPLY)
        return cls(payload, result)

    def to_bytes(self) -> bytes:
        """Return the whole reply; `pieces` cuts it into notifications."""
        return _framed(_REPLY, self.result, self.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class ViatomValues:
    """The payload of the answer to `READ`; `None`: the ring does not know."""

    spo2_percent: int | None
    pulse_per_min: int | None
    perfusion_index_percent: float | None = None
    steps: int = 0
    battery_percent: int | None = None
    charging: Charging = Charging.NO
    motion: int = 0
    worn: bool = True

    @property
    def quality(self) -> Quality:
        """Why this value deserves less trust, from state, motion and the numbers."""
        flags = Quality.GOOD if self.worn else Quality.FINGER_OFF
        if self.motion >= MOTION_FROM:
            flags |= Quality.MOTION
        return quality_of(
            flags, self.spo2_percent, self.pulse_per_min, self.perfusion_index_percent
        )

    @property
    def battery(self) -> Battery:
        """How full the battery is; one that is being charged is not low."""
        return _battery(self.battery_percent, self.charging)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode the payload.

        Raises:
            DecodeError: neither 12 nor 13 bytes, or SpO2 or pulse out of range.
        """
        if len(data) not in _VALUES_OCTETS:
            raise DecodeError(f"the values of a Viatom need 12 or 13 octets, got {len(data)}")
        spo2 = spo2_of(data[0], _SPO2_NONE)
        pulse = pulse_of(int.from_bytes(data[1:3], "little"), _PULSE_NONE)
        perfusion = perfusion_of(data[10], 10)
        worn = bool(data[11] & 0x01)
        return cls(
            spo2_percent=spo2 if worn else None,
            pulse_per_min=pulse if worn else None,
            perfusion_index_percent=perfusion if worn else None,
            steps=int.from_bytes(data[3:7], "little"),
            battery_percent=_percent(data[7]),
            charging=_charging(data[8]),
            motion=data[9],
            worn=worn,
        )

    def to_bytes(self) -> bytes:
        """Return the payload as the ring sends it."""
        spo2 = written(self.spo2_percent, _SPO2_NONE, none=0xFF, most=SPO2_MAX_PERCENT)
        pulse = written(self.pulse_per_min, _PULSE_NONE, none=0xFF, most=PULSE_MAX_PER_MIN)
        return (
            bytes((spo2,))
            + pulse.to_bytes(2, "little")
            + self.steps.to_bytes(4, "little")
            + bytes((0xFF if self.battery_percent is None else self.battery_percent,))
            + bytes((self.charging, self.motion))
            + bytes((round((self.perfusion_index_percent or 0) * 10), self.worn, 0))
        )


class _Description(msgspec.Struct):
    """The keys that are read, of about thirty."""

    model: str = msgspec.field(name="Model", default="")
    serial_number: str = msgspec.field(name="SN", default="")
    software_version: str = msgspec.field(name="SoftwareVer", default="")
    battery: str | int = msgspec.field(name="CurBAT", default="")
    charging: str | int = msgspec.field(name="CurBatState", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ViatomInfo:
    """The payload of the answer to `INFO`: what the ring says of itself; empty is not known."""

    model: str = ""
    serial_number: str = ""
    software_version: str = ""
    battery_percent: int | None = None
    charging: Charging = Charging.NO

    @property
    def battery(self) -> Battery:
        """How full the battery is; one that is being charged is not low."""
        return _battery(self.battery_percent, self.charging)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode the JSON; keys that are not known are ignored, and NUL bytes after it.

        Raises:
            DecodeError: not JSON, not an object, or a key with a value of another kind.
        """
        try:
            told = msgspec.json.decode(data.rstrip(b"\0"), type=_Description)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DecodeError(f"the description of a Viatom: {error}") from error
        return cls(
            model=told.model,
            serial_number=told.serial_number,
            software_version=told.software_version,
            battery_percent=_percent(_number(told.battery)),
            charging=_charging(_number(told.charging)),
        )

    def to_bytes(self) -> bytes:
        """Return the JSON as the ring sends it."""
        percent = "" if self.battery_percent is None else f"{self.battery_percent}%"
        return msgspec.json.encode(
            {
                "Model": self.model,
                "SN": self.serial_number,
                "SoftwareVer": self.software_version,
                "CurBAT": percent,
                "CurBatState": str(int(self.charging)),
            }
        )


class ViatomParser(StreamParser):
    """One connection to a ring: what comes back for `read_request` and `info_request`."""

    def __init__(self) -> None:
        super().__init__()
        self._battery = Battery()

    def cut(self, data: bytes) -> int:
        if data[0] != _REPLY or (len(data) > 2 and data[1] ^ data[2] != 0xFF):
            return next_start(data, _REPLY)
        if len(data) < _HEAD_OCTETS:
            return 0
        payload_octets = int.from_bytes(data[5:7], "little")
        if payload_octets > MOST_PAYLOAD:
            return next_start(data, _REPLY)
        length = _HEAD_OCTETS + payload_octets + 1
        if len(data) < length:
            return 0
        if crc8_smbus(data[: length - 1]) != data[length - 1]:
            return next_start(data, _REPLY)
        return length

    def decode(self, frame: bytes) -> list[Said]:
        reply = ViatomReply.from_bytes(frame)
        if reply.result != 0:
            raise DecodeError(f"the device refused with {reply.result:02x}")
        if reply.payload.startswith(b"{"):
            return self._battery_said(ViatomInfo.from_bytes(reply.payload).battery)
        if len(reply.payload) not in _VALUES_OCTETS:
            return []
        values = ViatomValues.from_bytes(reply.payload)
        oximetry = Oximetry(
            spo2_percent=values.spo2_percent,
            pulse_per_min=values.pulse_per_min,
            perfusion_index_percent=values.perfusion_index_percent,
            quality=values.quality,
        )
        return [oximetry, *self._battery_said(values.battery)]

    def _battery_said(self, battery: Battery) -> list[Said]:
        if battery.percent is None or battery == self._battery:
            return []
        self._battery = battery
        return [battery]


def read_request() -> bytes:
    """Return what asks for the values of now."""
    return ViatomRequest(READ).to_bytes()


def info_request() -> bytes:
    """Return what asks for the device's description."""
    return ViatomRequest(INFO).to_bytes()


def pieces(frame: bytes) -> list[bytes]:
    """Return a frame in the pieces in which the radio carries it."""
    return [frame[at : at + PIECE_OCTETS] for at in range(0, len(frame), PIECE_OCTETS)]


def _framed(sync: int, code: int, payload: bytes) -> bytes:
    head = bytes((sync, code, code ^ 0xFF, 0, 0)) + len(payload).to_bytes(2, "little")
    data = head + payload
    return data + bytes((crc8_smbus(data),))


def _unframed(data: bytes, sync: int) -> tuple[int, bytes]:
    if len(data) <= _HEAD_OCTETS or data[0] != sync or data[1] ^ data[2] != 0xFF:
        raise DecodeError(f"a Viatom frame begins with {sync:02x}, got {data[:8].hex()}")
    length = _HEAD_OCTETS + int.from_bytes(data[5:7], "little") + 1
    if len(data) != length:
        raise DecodeError(f"a Viatom frame announces {length} octets, got {len(data)}")
    if crc8_smbus(data[:-1]) != data[-1]:
        raise DecodeError(f"the checksum of a Viatom frame is wrong: {data[-1]:02x}")
    return data[1], bytes(data[_HEAD_OCTETS:-1])


def _battery(percent: int | None, charging: Charging) -> Battery:
    low = percent is not None and percent <= LOW_BATTERY_PERCENT and charging is Charging.NO
    return Battery(percent=percent, low=low)


def _percent(raw: int | None) -> int | None:
    return raw if raw is not None and 0 <= raw <= 100 else None


def _charging(raw: int | None) -> Charging:
    return Charging(raw) if raw in (1, 2) else Charging.NO


def _number(told: str | int) -> int | None:
    digits = str(told).removesuffix("%")
    return int(digits) if digits.isascii() and digits.isdecimal() else None
