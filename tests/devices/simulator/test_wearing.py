"""What a virtual oximeter says about the finger it is on."""

from dataclasses import replace
from datetime import datetime

import pytest

from devices.simulator.physiology import VirtualPatient, VirtualVitals
from devices.simulator.wearing import (
    FEATURES,
    Wearing,
    continuous,
    spot_check,
)
from protocols.gatt.plx import PlxContinuous, PlxFeatures, PlxSpotCheck
from protocols.gatt.plx_status import MeasurementStatus, SensorStatus
from protocols.reading import NOT_A_PATIENTS, UNUSABLE, Quality

WELL = VirtualVitals(
    spo2_percent=96.6,
    pulse_per_min=71.4,
    perfusion_index_percent=3.14,
    respiration_per_min=15,
    probe_on=True,
    moving=False,
    powered=True,
)
AT = datetime(2026, 11, 23, 8, 0, 0)  # noqa: DTZ001 - a device's own time has no zone


def test_a_still_warm_finger_gives_whole_numbers_and_no_doubt() -> None:
    measured = continuous(WELL)
    assert (measured.spo2_percent, measured.pulse_per_min) == (97, 71)
    assert measured.pulse_amplitude_index_percent == 3.1
    assert measured.quality == Quality.GOOD


def test_no_finger_gives_no_numbers_and_says_why() -> None:
    measured = continuous(replace(WELL, probe_on=False))
    assert (measured.spo2_percent, measured.pulse_per_min) == (None, None)
    assert measured.pulse_amplitude_index_percent is None
    assert measured.quality & Quality.FINGER_OFF
    assert measured.quality & UNUSABLE


def test_a_moving_hand_is_reported_and_doubted() -> None:
    measured = continuous(replace(WELL, moving=True))
    assert measured.quality == Quality.MOTION | Quality.QUESTIONABLE


@pytest.mark.parametrize(
    ("perfusion", "quality"),
    [
        (0.41, Quality.GOOD),
        (0.40, Quality.GOOD),
        (0.39, Quality.LOW_PERFUSION),
        (0.20, Quality.LOW_PERFUSION),
        (0.19, Quality.LOW_PERFUSION | Quality.WEAK_SIGNAL | Quality.QUESTIONABLE),
    ],
)
def test_a_cold_finger_is_reported_by_degrees(perfusion: float, quality: Quality) -> None:
    assert continuous(replace(WELL, perfusion_index_percent=perfusion)).quality == quality


@pytest.mark.parametrize(
    "mark", [MeasurementStatus.DATA_FOR_DEMONSTRATION, MeasurementStatus.DATA_FOR_TESTING]
)
def test_marked_data_are_marked_whatever_the_finger_does(mark: MeasurementStatus) -> None:
    for vitals in (WELL, replace(WELL, probe_on=False)):
        assert continuous(vitals, mark).quality & NOT_A_PATIENTS
        assert spot_check(vitals, timestamp=AT, marks=mark).quality & NOT_A_PATIENTS
    assert not continuous(WELL).quality & NOT_A_PATIENTS


def test_a_spot_check_is_finished_and_carries_the_devices_own_time() -> None:
    measured = spot_check(WELL, timestamp=AT)
    assert measured.measurement_status is not None
    assert MeasurementStatus.FULLY_QUALIFIED_DATA in measured.measurement_status
    assert MeasurementStatus.MEASUREMENT_ONGOING not in measured.measurement_status
    assert measured.record == "2026-11-23T08:00:00"
    assert spot_check(WELL, timestamp=None).quality == Quality.DEVICE_CLOCK_UNSET


def test_a_spot_check_without_a_finger_is_not_finished() -> None:
    status = spot_check(replace(WELL, probe_on=False), timestamp=AT).measurement_status
    assert status == MeasurementStatus.MEASUREMENT_UNAVAILABLE


def test_the_device_sends_no_bit_that_its_features_do_not_announce() -> None:
    assert PlxFeatures.from_bytes(FEATURES.to_bytes()) == FEATURES
    measurement, sensor = FEATURES.measurement_status_support, FEATURES.sensor_status_support
    assert measurement is not None
    assert sensor is not None
    for vitals in (
        WELL,
        replace(WELL, probe_on=False),
        replace(WELL, moving=True, perfusion_index_percent=0.1),
    ):
        live, spot = continuous(vitals), spot_check(vitals, timestamp=AT)
        for said in (live, spot):
            assert (said.measurement_status or MeasurementStatus(0)) in measurement
            assert (said.sensor_status or SensorStatus(0)) in sensor
        assert PlxContinuous.from_bytes(live.to_bytes()) == live
        assert PlxSpotCheck.from_bytes(spot.to_bytes()) == spot


def test_name_and_address_follow_from_the_number() -> None:
    wearing = Wearing(number=0x0102, patient=VirtualPatient(1))
    assert wearing.name == "SimPLX-258"
    assert wearing.address == "F0:F0:00:00:01:02"
    assert wearing.information.serial_number == "000258"


@pytest.mark.parametrize("number", [-1, 0x10000])
def test_a_number_outside_the_address_space_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="number"):
        Wearing(number=number, patient=VirtualPatient(1))
