"""The two status words of a pulse oximeter, PLXS 1.0.1 tables 3.4 and 3.5, and what they mean.

Bits that the edition reserves are kept as they came, so a raw status can be shown and replayed,
and mean nothing to `quality_of`.
"""

from enum import IntFlag
from functools import lru_cache
from typing import Final

from protocols.reading import Quality


class MeasurementStatus(IntFlag):
    """PLXS 1.0.1, Measurement Status: 16 bits, 0 to 4 reserved."""

    MEASUREMENT_ONGOING = 1 << 5
    EARLY_ESTIMATED_DATA = 1 << 6
    VALIDATED_DATA = 1 << 7
    FULLY_QUALIFIED_DATA = 1 << 8
    DATA_FROM_MEASUREMENT_STORAGE = 1 << 9
    DATA_FOR_DEMONSTRATION = 1 << 10
    DATA_FOR_TESTING = 1 << 11
    CALIBRATION_ONGOING = 1 << 12
    MEASUREMENT_UNAVAILABLE = 1 << 13
    QUESTIONABLE_MEASUREMENT_DETECTED = 1 << 14
    INVALID_MEASUREMENT_DETECTED = 1 << 15


class SensorStatus(IntFlag):
    """PLXS 1.0.1, Device and Sensor Status: 24 bits, 16 to 23 reserved."""

    EXTENDED_DISPLAY_UPDATE_ONGOING = 1 << 0
    EQUIPMENT_MALFUNCTION_DETECTED = 1 << 1
    SIGNAL_PROCESSING_IRREGULARITY_DETECTED = 1 << 2
    INADEQUATE_SIGNAL_DETECTED = 1 << 3
    POOR_SIGNAL_DETECTED = 1 << 4
    LOW_PERFUSION_DETECTED = 1 << 5
    ERRATIC_SIGNAL_DETECTED = 1 << 6
    NON_PULSATILE_SIGNAL_DETECTED = 1 << 7
    QUESTIONABLE_PULSE_DETECTED = 1 << 8
    SIGNAL_ANALYSIS_ONGOING = 1 << 9
    SENSOR_INTERFERENCE_DETECTED = 1 << 10
    SENSOR_UNCONNECTED_TO_USER = 1 << 11
    UNKNOWN_SENSOR_CONNECTED = 1 << 12
    SENSOR_DISPLACED = 1 << 13
    SENSOR_MALFUNCTIONING = 1 << 14
    SENSOR_DISCONNECTED = 1 << 15


MEASUREMENT_QUALITY: Final = {
    MeasurementStatus.MEASUREMENT_ONGOING: Quality.GOOD,
    MeasurementStatus.EARLY_ESTIMATED_DATA: Quality.SEARCHING,
    MeasurementStatus.VALIDATED_DATA: Quality.GOOD,
    MeasurementStatus.FULLY_QUALIFIED_DATA: Quality.GOOD,
    MeasurementStatus.DATA_FROM_MEASUREMENT_STORAGE: Quality.FROM_STORAGE,
    MeasurementStatus.DATA_FOR_DEMONSTRATION: Quality.DEMO,
    MeasurementStatus.DATA_FOR_TESTING: Quality.TESTING,
    MeasurementStatus.CALIBRATION_ONGOING: Quality.CALIBRATING,
    MeasurementStatus.MEASUREMENT_UNAVAILABLE: Quality.INVALID,
    MeasurementStatus.QUESTIONABLE_MEASUREMENT_DETECTED: Quality.QUESTIONABLE,
    MeasurementStatus.INVALID_MEASUREMENT_DETECTED: Quality.INVALID,
}
"""Every named bit of Measurement Status (docs/protocols.md)."""

SENSOR_QUALITY: Final = {
    # The display holds a value that is older than usual.
    SensorStatus.EXTENDED_DISPLAY_UPDATE_ONGOING: Quality.QUESTIONABLE,
    SensorStatus.EQUIPMENT_MALFUNCTION_DETECTED: Quality.EQUIPMENT_FAULT,
    SensorStatus.SIGNAL_PROCESSING_IRREGULARITY_DETECTED: Quality.QUESTIONABLE,
    SensorStatus.INADEQUATE_SIGNAL_DETECTED: Quality.WEAK_SIGNAL,
    SensorStatus.POOR_SIGNAL_DETECTED: Quality.WEAK_SIGNAL,
    SensorStatus.LOW_PERFUSION_DETECTED: Quality.LOW_PERFUSION,
    SensorStatus.ERRATIC_SIGNAL_DETECTED: Quality.MOTION,
    SensorStatus.NON_PULSATILE_SIGNAL_DETECTED: Quality.WEAK_SIGNAL,
    SensorStatus.QUESTIONABLE_PULSE_DETECTED: Quality.QUESTIONABLE,
    SensorStatus.SIGNAL_ANALYSIS_ONGOING: Quality.SEARCHING,
    # Daylight or an infusion pump's lamp: the signal is there, its meaning is not sure.
    SensorStatus.SENSOR_INTERFERENCE_DETECTED: Quality.QUESTIONABLE,
    SensorStatus.SENSOR_UNCONNECTED_TO_USER: Quality.FINGER_OFF,
    # A probe with unknown calibration must not be believed.
    SensorStatus.UNKNOWN_SENSOR_CONNECTED: Quality.EQUIPMENT_FAULT,
    SensorStatus.SENSOR_DISPLACED: Quality.FINGER_OFF,
    SensorStatus.SENSOR_MALFUNCTIONING: Quality.EQUIPMENT_FAULT,
    SensorStatus.SENSOR_DISCONNECTED: Quality.FINGER_OFF,
}
"""Every named bit of Device and Sensor Status (docs/protocols.md)."""


@lru_cache(maxsize=256)
def quality_of(measurement: MeasurementStatus | None, sensor: SensorStatus | None) -> Quality:
    """Return why these status words make a value deserve less trust.

    Args:
        measurement: `None` when the device sent no such field; it then says nothing.
        sensor: likewise.
    """
    quality = Quality.GOOD
    for measurement_bit, meaning in MEASUREMENT_QUALITY.items():
        if measurement is not None and measurement_bit & measurement:
            quality |= meaning
    for sensor_bit, meaning in SENSOR_QUALITY.items():
        if sensor is not None and sensor_bit & sensor:
            quality |= meaning
    return quality
