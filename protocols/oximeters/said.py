"""What any family of oximeters can say, whatever its frames look like. Pure values.

A codec says `None` where the device says that it does not know, and names why in `quality`. Bytes
that are no frame are `Garbage`: kept with the reason, never dropped.
"""

from dataclasses import dataclass
from datetime import datetime

from protocols.reading import Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Oximetry:
    """One value of a continuous stream."""

    spo2_percent: float | None
    pulse_per_min: float | None
    perfusion_index_percent: float | None = None
    quality: Quality = Quality.GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOximetry:
    """One finished measurement out of the device's memory.

    `started_at` is the device's own clock, without a zone; `None`: the device kept no time.
    `record` is what tells it from the device's other records.
    """

    record: str
    started_at: datetime | None
    ended_at: datetime | None = None
    spo2_percent: float | None
    pulse_per_min: float | None
    spo2_min_percent: float | None = None
    quality: Quality = Quality.FROM_STORAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """How full the battery is; a device that only knows "low" gives no percentage."""

    percent: int | None = None
    low: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """Bytes that are no frame of this family, and why."""

    raw: bytes
    reason: str


Said = Oximetry | StoredOximetry | Battery | Garbage
