"""Eddystone: service data of FEAA; a UID frame says who it is, a TLM frame how it is."""

from dataclasses import dataclass
from typing import Final, Self

from protocols.errors import DecodeError

SERVICE_UUID: Final = "0000feaa-0000-1000-8000-00805f9b34fb"

_UID, _TLM = 0x00, 0x20
_UID_OCTETS: Final = (18, 20)
"""Two reserved octets may follow."""
_TLM_OCTETS: Final = 14
_NO_TEMPERATURE: Final = -0x8000


@dataclass(frozen=True, slots=True)
class EddystoneUid:
    """Who it is; `tx_dbm` is at 0 m."""

    namespace: bytes
    """Ten octets."""
    instance: bytes
    """Six octets."""
    tx_dbm: int

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode the service data; raises `DecodeError` for anything but a UID frame."""
        if len(data) not in _UID_OCTETS or data[0] != _UID:
            raise DecodeError(f"an Eddystone UID is 00 and 17 or 19 octets, got {data[:4].hex()}…")
        tx_dbm = int.from_bytes(data[1:2], "big", signed=True)
        return cls(bytes(data[2:12]), bytes(data[12:18]), tx_dbm)

    def to_bytes(self) -> bytes:
        """Return the service data."""
        tx = self.tx_dbm.to_bytes(1, "big", signed=True)
        return bytes((_UID,)) + tx + self.namespace + self.instance


@dataclass(frozen=True, slots=True, kw_only=True)
class EddystoneTlm:
    """How it is; `None`: it does not measure that."""

    battery_volt: float | None
    temperature_celsius: float | None
    advertisements: int
    since_boot_s: float

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode the service data; raises `DecodeError` for anything but a plain TLM frame."""
        if len(data) != _TLM_OCTETS or data[0] != _TLM or data[1] != 0:
            raise DecodeError(f"an Eddystone TLM is 20 00 and 12 octets, got {data[:4].hex()}…")
        millivolt = int.from_bytes(data[2:4], "big")
        temperature = int.from_bytes(data[4:6], "big", signed=True)
        return cls(
            battery_volt=millivolt / 1000 or None,
            temperature_celsius=None if temperature == _NO_TEMPERATURE else temperature / 256,
            advertisements=int.from_bytes(data[6:10], "big"),
            since_boot_s=int.from_bytes(data[10:14], "big") / 10,
        )

    def to_bytes(self) -> bytes:
        """Return the service data."""
        warmth = self.temperature_celsius
        temperature = _NO_TEMPERATURE if warmth is None else round(warmth * 256)
        return (
            bytes((_TLM, 0))
            + round((self.battery_volt or 0) * 1000).to_bytes(2, "big")
            + temperature.to_bytes(2, "big", signed=True)
            + self.advertisements.to_bytes(4, "big")
            + round(self.since_boot_s * 10).to_bytes(4, "big")
        )
