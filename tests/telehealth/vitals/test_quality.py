"""The quality gate: both ends of every range, every flag, and what is left of a reading."""

from typing import Any

import pytest

from protocols.reading import Consciousness, Oxygen, Quality, Vitals
from telehealth.vitals.quality import QualityReason, Verdict, gate
from tests.telehealth.vitals.people import reading

ACCEPTED, LOW, REJECTED = Verdict.ACCEPTED, Verdict.LOW_CONFIDENCE, Verdict.REJECTED


@pytest.mark.parametrize(
    ("field", "value", "plausible"),
    [
        ("spo2_percent", 49.9, False), ("spo2_percent", 50, True),
        ("spo2_percent", 100, True), ("spo2_percent", 100.1, False),
        ("pulse_per_min", 24.9, False), ("pulse_per_min", 25, True),
        ("pulse_per_min", 250, True), ("pulse_per_min", 251, False),
        ("respiration_per_min", 3.9, False), ("respiration_per_min", 4, True),
        ("respiration_per_min", 60, True), ("respiration_per_min", 61, False),
        ("temperature_celsius", 32.9, False), ("temperature_celsius", 33, True),
        ("temperature_celsius", 43, True), ("temperature_celsius", 43.1, False),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_dropped_and_the_rest_counts_with_low_confidence(
    field: str, value: float, plausible: bool
) -> None:
    vitals: dict[str, Any] = {"systolic_mmhg": 120.0, field: value}
    passed = gate(reading(**vitals))
    if plausible:
        assert passed.verdict is ACCEPTED
        assert getattr(passed.vitals, field) == value
    else:
        assert passed.verdict is LOW
        assert passed.reasons == (QualityReason(f"{field.split('_', maxsplit=1)[0]}_range"),)
        assert getattr(passed.vitals, field) is None
        assert passed.vitals.systolic_mmhg == 120.0


def test_a_reading_with_nothing_plausible_is_rejected_and_says_what_and_why() -> None:
    passed = gate(reading(20, pulse_per_min=10.0))
    assert passed.verdict is REJECTED
    assert passed.reasons == (
        QualityReason.SPO2_RANGE,
        QualityReason.PULSE_RANGE,
        QualityReason.NOTHING_MEASURED,
    )
    assert passed.vitals == Vitals()


@pytest.mark.parametrize(
    ("months", "per_min", "verdict"),
    [(11, 61, ACCEPTED), (11, 100, ACCEPTED), (11, 101, REJECTED), (12, 61, REJECTED)],
)
def test_an_infants_fast_breathing_is_plausible(
    months: int, per_min: float, verdict: Verdict
) -> None:
    assert gate(reading(respiration_per_min=per_min), age_months=months).verdict is verdict


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        (Quality.DEMO, "not_a_patients"),
        (Quality.TESTING, "not_a_patients"),
        (Quality.FINGER_OFF, "finger_off"),
        (Quality.INVALID, "device_invalid"),
        (Quality.CALIBRATING, "calibrating"),
        (Quality.EQUIPMENT_FAULT, "equipment_fault"),
    ],
)
def test_an_unusable_reading_is_rejected_whatever_it_says(flag: Quality, reason: str) -> None:
    passed = gate(reading(85, quality=flag | Quality.MOTION))
    assert (passed.verdict, passed.reasons) == (REJECTED, (QualityReason(reason),))
    assert passed.vitals == Vitals()


def test_several_reasons_to_reject_are_all_kept() -> None:
    passed = gate(reading(85, quality=Quality.DEMO | Quality.FINGER_OFF | Quality.INVALID))
    assert passed.reasons == (
        QualityReason.NOT_A_PATIENTS,
        QualityReason.FINGER_OFF,
        QualityReason.DEVICE_INVALID,
    )


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        (Quality.SEARCHING, "searching"),
        (Quality.LOW_PERFUSION, "low_perfusion"),
        (Quality.WEAK_SIGNAL, "weak_signal"),
        (Quality.MOTION, "motion"),
        (Quality.QUESTIONABLE, "questionable"),
        (Quality.NO_PLATEAU, "no_plateau"),
    ],
)
def test_a_doubtful_reading_has_low_confidence_and_keeps_its_values(
    flag: Quality, reason: str
) -> None:
    passed = gate(reading(97, quality=flag))
    assert (passed.verdict, passed.reasons) == (LOW, (QualityReason(reason),))
    assert passed.vitals.spo2_percent == 97


@pytest.mark.parametrize("flag", [Quality.FROM_STORAGE, Quality.DEVICE_CLOCK_UNSET])
def test_flags_about_time_do_not_lower_confidence(flag: Quality) -> None:
    assert gate(reading(97, quality=flag)).verdict is ACCEPTED


@pytest.mark.parametrize(("percent", "verdict"), [(0.69, LOW), (0.7, ACCEPTED), (5.0, ACCEPTED)])
def test_perfusion_index_below_0_7_has_low_confidence(percent: float, verdict: Verdict) -> None:
    assert gate(reading(97, perfusion_index_percent=percent)).verdict is verdict


def test_low_perfusion_is_named_once() -> None:
    passed = gate(reading(97, perfusion_index_percent=0.3, quality=Quality.LOW_PERFUSION))
    assert passed.reasons == (QualityReason.LOW_PERFUSION,)


@pytest.mark.parametrize(("share", "verdict"), [(0.49, LOW), (0.5, ACCEPTED), (1.0, ACCEPTED)])
def test_a_minute_with_few_good_samples_has_low_confidence(share: float, verdict: Verdict) -> None:
    assert gate(reading(97, quality_share=share)).verdict is verdict


@pytest.mark.parametrize(
    "vitals",
    [
        {"pulse_per_min": 80.0},
        {"respiration_per_min": 16.0},
        {"temperature_celsius": 37.0},
        {"systolic_mmhg": 120.0},
        {"diastolic_mmhg": 80.0},
        {"consciousness": Consciousness.ALERT},
    ],
)
def test_any_one_vital_is_enough(vitals: dict[str, Any]) -> None:
    assert gate(reading(**vitals)).verdict is ACCEPTED


@pytest.mark.parametrize("vitals", [{}, {"perfusion_index_percent": 2.0}, {"oxygen": Oxygen.AIR}])
def test_a_reading_that_measures_nothing_of_the_person_is_rejected(vitals: dict[str, Any]) -> None:
    assert gate(reading(**vitals)).reasons == (QualityReason.NOTHING_MEASURED,)


def test_an_accepted_reading_keeps_its_own_vitals_object() -> None:
    taken = reading(97)
    assert gate(taken).vitals is taken.vitals


def test_reasons_have_messages() -> None:
    assert QualityReason.MOTION.message_id == "quality.motion"
