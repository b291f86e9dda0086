"""Minew beacons: service data of FFE1, frame A1: battery, and acceleration, name or vibration."""

from dataclasses import dataclass
from typing import Final

from protocols.errors import DecodeError

SERVICE_UUID: Final = "0000ffe1-0000-1000-8000-00805f9b34fb"

_FRAME: Final = 0xA1
_ACCELERATION, _INFO, _VIBRATION = 0x03, 0x08, 0x18
_G: Final = 256
_MOST_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class MinewAcceleration:
    """How it lies, in g along three axes."""

    battery_percent: int
    x_g: float
    y_g: float
    z_g: float
    mac: str


@dataclass(frozen=True, slots=True)
class MinewInfo:
    """Who it is."""

    battery_percent: int
    mac: str
    name: str


@dataclass(frozen=True, slots=True)
class MinewVibration:
    """Whether it is being shaken."""

    battery_percent: int
    shaken: bool


MinewFrame = MinewAcceleration | MinewInfo | MinewVibration


def decode(data: bytes) -> MinewFrame:
    """Decode the service data.

    Raises:
        DecodeError: not frame A1, a kind that is not known, too short, or a battery above 100 %.
    """
    if len(data) < 4 or data[0] != _FRAME:
        raise DecodeError(f"a Minew frame begins with A1, got {data[:4].hex()}")
    kind, battery, rest = data[1], data[2], bytes(data[3:])
    if battery > _MOST_PERCENT:
        raise DecodeError(f"a Minew battery is 0 to {_MOST_PERCENT} %, got {battery}")
    if kind == _ACCELERATION and len(rest) >= 12:
        x, y, z = (int.from_bytes(rest[at : at + 2], "big", signed=True) / _G for at in (0, 2, 4))
        return MinewAcceleration(battery, x, y, z, _mac(rest[6:12]))
    if kind == _INFO and len(rest) >= 6:
        name = rest[6:].decode("utf-8", errors="replace").rstrip("\0")
        return MinewInfo(battery, _mac(rest[:6]), name)
    if kind == _VIBRATION:
        return MinewVibration(battery, shaken=rest[0] != 0)
    raise DecodeError(f"a Minew frame of kind {kind:02x} with {len(rest)} octets is not known")


def _mac(data: bytes) -> str:
    """Return an address that is sent with its last octet first."""
    return ":".join(f"{octet:02X}" for octet in reversed(data))
