"""What a driver hands on: one measurement, whatever device said it. No bytes, no time, no I/O."""

from dataclasses import dataclass
from datetime import datetime

from protocols.reading import Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Values of one frame; `None` means the device does not know.

    `device_time` is the device's own clock at the measurement, without a zone; `stored` says that
    it comes from the device's memory, `record` what tells it from the others there (where that is
    not its time).
    """

    spo2_percent: float | None = None
    pulse_per_min: float | None = None
    perfusion_index_percent: float | None = None
    temperature_celsius: float | None = None
    systolic_mmhg: float | None = None
    diastolic_mmhg: float | None = None
    spo2_min_percent: float | None = None
    quality: Quality = Quality.GOOD
    oximetry: bool = True
    """False: of a device that measures a pulse and no SpO2, such as a chest strap."""
    device_time: datetime | None = None
    stored: bool = False
    record: str | None = None
