"""What a driver hands on: one measurement, whatever device said it. No bytes, no time, no I/O."""

from dataclasses import dataclass
from datetime import datetime

from protocols.reading import Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Values of one frame; `None` means the device does not know.

    `device_time` is the device's own clock at the measurement, without a zone; `stored` says that
    it comes from the device's memory.
    """

    spo2_percent: float | None = None
    pulse_per_min: float | None = None
    perfusion_index_percent: float | None = None
    quality: Quality = Quality.GOOD
    device_time: datetime | None = None
    stored: bool = False
