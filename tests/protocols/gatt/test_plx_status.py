"""Status words of PLXS 1.0.1 tables 3.4 and 3.5, and what each bit costs in trust."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labmcp_ble_health import driver as oracle

from protocols.gatt.plx_status import (
    MEASUREMENT_QUALITY,
    SENSOR_QUALITY,
    MeasurementStatus,
    SensorStatus,
    quality_of,
)
from protocols.reading import NOT_A_PATIENTS, UNUSABLE, Quality


def _names(flags: type[MeasurementStatus] | type[SensorStatus]) -> dict[int, str]:
    return {bit.value.bit_length() - 1: str(bit.name).lower() for bit in flags}


def test_every_measurement_status_bit_has_the_place_that_the_specification_gives() -> None:
    assert _names(MeasurementStatus) == oracle.PLX_MEASUREMENT_STATUS


def test_every_sensor_status_bit_has_the_place_that_the_specification_gives() -> None:
    assert _names(SensorStatus) == oracle.PLX_DEVICE_SENSOR_STATUS


def test_every_named_bit_has_a_meaning() -> None:
    assert set(MEASUREMENT_QUALITY) == set(MeasurementStatus)
    assert set(SENSOR_QUALITY) == set(SensorStatus)


@pytest.mark.parametrize(
    ("bit", "meaning"),
    [
        (MeasurementStatus.MEASUREMENT_ONGOING, Quality.GOOD),
        (MeasurementStatus.EARLY_ESTIMATED_DATA, Quality.SEARCHING),
        (MeasurementStatus.VALIDATED_DATA, Quality.GOOD),
        (MeasurementStatus.FULLY_QUALIFIED_DATA, Quality.GOOD),
        (MeasurementStatus.DATA_FROM_MEASUREMENT_STORAGE, Quality.FROM_STORAGE),
        (MeasurementStatus.DATA_FOR_DEMONSTRATION, Quality.DEMO),
        (MeasurementStatus.DATA_FOR_TESTING, Quality.TESTING),
        (MeasurementStatus.CALIBRATION_ONGOING, Quality.CALIBRATING),
        (MeasurementStatus.MEASUREMENT_UNAVAILABLE, Quality.INVALID),
        (MeasurementStatus.QUESTIONABLE_MEASUREMENT_DETECTED, Quality.QUESTIONABLE),
        (MeasurementStatus.INVALID_MEASUREMENT_DETECTED, Quality.INVALID),
    ],
)
def test_what_a_measurement_status_bit_means(bit: MeasurementStatus, meaning: Quality) -> None:
    assert quality_of(bit, None) == meaning


@pytest.mark.parametrize(
    ("bit", "meaning"),
    [
        (SensorStatus.EXTENDED_DISPLAY_UPDATE_ONGOING, Quality.QUESTIONABLE),
        (SensorStatus.EQUIPMENT_MALFUNCTION_DETECTED, Quality.EQUIPMENT_FAULT),
        (SensorStatus.SIGNAL_PROCESSING_IRREGULARITY_DETECTED, Quality.QUESTIONABLE),
        (SensorStatus.INADEQUATE_SIGNAL_DETECTED, Quality.WEAK_SIGNAL),
        (SensorStatus.POOR_SIGNAL_DETECTED, Quality.WEAK_SIGNAL),
        (SensorStatus.LOW_PERFUSION_DETECTED, Quality.LOW_PERFUSION),
        (SensorStatus.ERRATIC_SIGNAL_DETECTED, Quality.MOTION),
        (SensorStatus.NON_PULSATILE_SIGNAL_DETECTED, Quality.WEAK_SIGNAL),
        (SensorStatus.QUESTIONABLE_PULSE_DETECTED, Quality.QUESTIONABLE),
        (SensorStatus.SIGNAL_ANALYSIS_ONGOING, Quality.SEARCHING),
        (SensorStatus.SENSOR_INTERFERENCE_DETECTED, Quality.QUESTIONABLE),
        (SensorStatus.SENSOR_UNCONNECTED_TO_USER, Quality.FINGER_OFF),
        (SensorStatus.UNKNOWN_SENSOR_CONNECTED, Quality.EQUIPMENT_FAULT),
        (SensorStatus.SENSOR_DISPLACED, Quality.FINGER_OFF),
        (SensorStatus.SENSOR_MALFUNCTIONING, Quality.EQUIPMENT_FAULT),
        (SensorStatus.SENSOR_DISCONNECTED, Quality.FINGER_OFF),
    ],
)
def test_what_a_sensor_status_bit_means(bit: SensorStatus, meaning: Quality) -> None:
    assert quality_of(None, bit) == meaning


def test_no_status_word_says_nothing_bad() -> None:
    assert quality_of(None, None) == Quality.GOOD


def test_demonstration_and_testing_data_are_never_a_patients() -> None:
    for bit in (MeasurementStatus.DATA_FOR_DEMONSTRATION, MeasurementStatus.DATA_FOR_TESTING):
        assert quality_of(bit | MeasurementStatus.FULLY_QUALIFIED_DATA, None) & NOT_A_PATIENTS


def test_a_probe_off_the_finger_is_unusable() -> None:
    assert quality_of(None, SensorStatus.SENSOR_UNCONNECTED_TO_USER) & UNUSABLE


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFF))
def test_bits_add_up_and_reserved_ones_add_nothing(measurement: int, sensor: int) -> None:
    together = quality_of(MeasurementStatus(measurement), SensorStatus(sensor))
    apart = Quality.GOOD
    for place in range(24):
        apart |= quality_of(MeasurementStatus(measurement & 1 << place), None)
        apart |= quality_of(None, SensorStatus(sensor & 1 << place))
    assert together == apart
    assert quality_of(MeasurementStatus(measurement & 0x1F), SensorStatus(sensor & 0xFF0000)) == (
        Quality.GOOD
    )
