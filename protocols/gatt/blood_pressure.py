"""Blood Pressure Service (0x1810), BLS 1.0: one finished measurement, indicated."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag
from typing import Final, Self

from protocols.errors import DecodeError
from protocols.gatt.date_time import date_time_to_bytes, read_date_time
from protocols.gatt.octets import Octets
from protocols.medfloat import encode_sfloat
from protocols.reading import Quality

SERVICE_UUID: Final = "00001810-0000-1000-8000-00805f9b34fb"
MEASUREMENT_UUID: Final = "00002a35-0000-1000-8000-00805f9b34fb"

MOST_MMHG: Final = 400.0
MOST_PULSE_PER_MIN: Final = 350.0
"""Outside of these no reading takes it (docs/uplink.md)."""
MMHG_A_KPA: Final = 7.50062
"""1 mmHg is 133.322 Pa (ISO 80000-4)."""
_KPA, _TIME, _PULSE, _USER, _STATUS = 0x01, 0x02, 0x04, 0x08, 0x10
_UNKNOWN_USER: Final = 0xFF


class BloodPressureStatus(IntFlag):
    """Measurement Status (BLS 1.0, 3.1.1.8); bits 3 and 4 are the pulse rate's range."""

    BODY_MOVEMENT = 1 << 0
    CUFF_TOO_LOOSE = 1 << 1
    IRREGULAR_PULSE = 1 << 2
    PULSE_ABOVE_RANGE = 1 << 3
    PULSE_BELOW_RANGE = 1 << 4
    IMPROPER_POSITION = 1 << 5


_QUALITY: Final = {
    BloodPressureStatus.BODY_MOVEMENT: Quality.MOTION,
    BloodPressureStatus.CUFF_TOO_LOOSE: Quality.QUESTIONABLE,
    BloodPressureStatus.IMPROPER_POSITION: Quality.QUESTIONABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodPressureMeasurement:
    """Blood Pressure Measurement (0x2A35, indicate); `None`: the device does not know."""

    systolic_mmhg: float | None
    diastolic_mmhg: float | None
    mean_arterial_mmhg: float | None = None
    timestamp: datetime | None = None
    """The device's own time, which has no zone."""
    pulse_per_min: float | None = None
    user_id: int | None = None
    status: BloodPressureStatus | None = None

    @property
    def quality(self) -> Quality:
        """Why the value deserves less trust; an irregular pulse is a finding and no fault."""
        found = Quality.GOOD
        for bit, quality in _QUALITY.items():
            if self.status is not None and bit in self.status:
                found |= quality
        if self.systolic_mmhg is None or self.diastolic_mmhg is None:
            found |= Quality.INVALID
        return found

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one indication (BLS 1.0, 3.1); kilopascals become mmHg, to a tenth.

        Raises:
            DecodeError: shorter than its flags say, no such date, or a pressure beyond 400 mmHg.
        """
        octets = Octets(data, "Blood Pressure Measurement")
        flags = octets.unsigned(1, "flags")
        systolic, diastolic, mean = (
            _mmhg(octets.sfloat(field), field, kpa=bool(flags & _KPA))
            for field in ("systolic", "diastolic", "mean arterial")
        )
        at = read_date_time(octets) if flags & _TIME else None
        pulse = octets.sfloat("pulse rate") if flags & _PULSE else None
        user = octets.unsigned(1, "user id") if flags & _USER else _UNKNOWN_USER
        status = octets.unsigned(2, "measurement status") if flags & _STATUS else None
        known = pulse is not None and 0 < pulse <= MOST_PULSE_PER_MIN
        return cls(
            systolic_mmhg=systolic,
            diastolic_mmhg=diastolic,
            mean_arterial_mmhg=mean,
            timestamp=at,
            pulse_per_min=pulse if known else None,
            user_id=None if user == _UNKNOWN_USER else user,
            status=None if status is None else BloodPressureStatus(status),
        )

    def to_bytes(self) -> bytes:
        """Return the indication, in mmHg."""
        flags = 0
        parts = [
            encode_sfloat(value).to_bytes(2, "little")
            for value in (self.systolic_mmhg, self.diastolic_mmhg, self.mean_arterial_mmhg)
        ]
        if self.timestamp is not None:
            flags |= _TIME
            parts.append(date_time_to_bytes(self.timestamp))
        if self.pulse_per_min is not None:
            flags |= _PULSE
            parts.append(encode_sfloat(self.pulse_per_min).to_bytes(2, "little"))
        if self.user_id is not None:
            flags |= _USER
            parts.append(bytes((self.user_id,)))
        if self.status is not None:
            flags |= _STATUS
            parts.append(self.status.to_bytes(2, "little"))
        return bytes((flags,)) + b"".join(parts)


def _mmhg(value: float | None, field: str, *, kpa: bool) -> float | None:
    if value is None:
        return None
    mmhg = value * MMHG_A_KPA if kpa else value
    if not 0 <= mmhg <= MOST_MMHG:
        raise DecodeError(f"Blood Pressure: {field} needs 0 to {MOST_MMHG:.0f} mmHg, got {mmhg}")
    return round(mmhg, 1) or None
