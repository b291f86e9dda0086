"""Heart Rate Service (0x180D), HRS 1.0: chest straps and wristbands, about once a second."""

from dataclasses import dataclass
from typing import Final, Self

from protocols.errors import DecodeError
from protocols.gatt.octets import Octets
from protocols.reading import Quality

SERVICE_UUID: Final = "0000180d-0000-1000-8000-00805f9b34fb"
MEASUREMENT_UUID: Final = "00002a37-0000-1000-8000-00805f9b34fb"

MOST_PER_MIN: Final = 350
_WIDE, _CONTACT, _CONTACT_SUPPORTED, _ENERGY, _RR = 0x01, 0x02, 0x04, 0x08, 0x10
_RR_PER_S: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartRateMeasurement:
    """Heart Rate Measurement (0x2A37, notify).

    `contact` is `None` where the sensor cannot tell; a rate of 0 means that it has none.
    """

    heart_rate_per_min: int | None
    contact: bool | None = None
    energy_expended_kj: int | None = None
    rr_intervals_s: tuple[float, ...] = ()

    @property
    def quality(self) -> Quality:
        """Whether the sensor lies on the skin, and has a rate at all."""
        if self.contact is False:
            return Quality.FINGER_OFF
        return Quality.INVALID if self.heart_rate_per_min is None else Quality.GOOD

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one notification (HRS 1.0, 3.1); reserved flags are ignored.

        Raises:
            DecodeError: shorter than its flags say, half an RR interval, or more than 350 a minute.
        """
        octets = Octets(data, "Heart Rate Measurement")
        flags = octets.unsigned(1, "flags")
        rate = octets.unsigned(2 if flags & _WIDE else 1, "heart rate")
        if rate > MOST_PER_MIN:
            raise DecodeError(f"Heart Rate Measurement needs 0 to {MOST_PER_MIN}, got {rate}")
        energy = octets.unsigned(2, "energy expended") if flags & _ENERGY else None
        intervals = []
        while flags & _RR and octets.left:
            intervals.append(octets.unsigned(2, "RR interval") / _RR_PER_S)
        contact = bool(flags & _CONTACT) if flags & _CONTACT_SUPPORTED else None
        return cls(
            heart_rate_per_min=rate if rate and contact is not False else None,
            contact=contact,
            energy_expended_kj=energy,
            rr_intervals_s=tuple(intervals),
        )

    def to_bytes(self) -> bytes:
        """Return the notification; the rate takes two octets where it needs them."""
        rate = self.heart_rate_per_min or 0
        flags = (_WIDE if rate > 0xFF else 0) | (_RR if self.rr_intervals_s else 0)
        if self.contact is not None:
            flags |= _CONTACT_SUPPORTED | (_CONTACT if self.contact else 0)
        energy = b""
        if self.energy_expended_kj is not None:
            flags |= _ENERGY
            energy = self.energy_expended_kj.to_bytes(2, "little")
        intervals = (round(interval * _RR_PER_S) for interval in self.rr_intervals_s)
        return (
            bytes((flags,))
            + rate.to_bytes(2 if flags & _WIDE else 1, "little")
            + energy
            + b"".join(interval.to_bytes(2, "little") for interval in intervals)
        )
