"""The quality gate: which values of a reading may be used, how far they are trusted, and why.

Sources: plausible ranges and perfusion index of docs/rules.md, "Quality gate"; device flags as
`protocols.reading.Quality`. A value out of range is dropped by itself, and what remains counts
with low confidence. A reading with nothing left, or one that is not a patient's, is rejected; it
is kept by the caller with these reasons. The gate judges no level: a low-confidence red is held
by `remeasure` for at most three minutes, never silenced.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from protocols.reading import NOT_A_PATIENTS, UNUSABLE, Quality, Reading, Vitals
from telehealth.vitals.parameters import Parameter


class Verdict(StrEnum):
    """What the gate says of a reading; the words are stored with it."""

    ACCEPTED = "accepted"
    LOW_CONFIDENCE = "low_confidence"
    REJECTED = "rejected"


class QualityReason(StrEnum):
    """Why a reading is not simply accepted; texts under `quality.<code>` in the catalogue."""

    NOT_A_PATIENTS = "not_a_patients"
    FINGER_OFF = "finger_off"
    DEVICE_INVALID = "device_invalid"
    CALIBRATING = "calibrating"
    EQUIPMENT_FAULT = "equipment_fault"
    SPO2_RANGE = "spo2_range"
    PULSE_RANGE = "pulse_range"
    RESPIRATION_RANGE = "respiration_range"
    TEMPERATURE_RANGE = "temperature_range"
    NOTHING_MEASURED = "nothing_measured"
    SEARCHING = "searching"
    LOW_PERFUSION = "low_perfusion"
    WEAK_SIGNAL = "weak_signal"
    MOTION = "motion"
    QUESTIONABLE = "questionable"
    NO_PLATEAU = "no_plateau"
    FEW_GOOD_SAMPLES = "few_good_samples"
    PULSE_DISAGREES = "pulse_disagrees"

    @property
    def message_id(self) -> str:
        """The entry of the translation catalogue."""
        return f"quality.{self.value}"


class Range(NamedTuple):
    """The plausible values of one parameter, both ends included."""

    parameter: Parameter
    lowest: float
    highest: float
    reason: QualityReason


RANGES: Final = (
    Range(Parameter.SPO2, 50, 100, QualityReason.SPO2_RANGE),
    Range(Parameter.PULSE, 25, 250, QualityReason.PULSE_RANGE),
    Range(Parameter.RESPIRATION, 4, 60, QualityReason.RESPIRATION_RANGE),
    Range(Parameter.TEMPERATURE, 33, 43, QualityReason.TEMPERATURE_RANGE),
)
INFANT_UP_TO_MONTH: Final = 12
INFANT_RESPIRATION_HIGHEST: Final = 100.0
"""Deviation: 60 a minute is a threshold for infants (QĐ 528), so their range reaches above it."""


def highest(row: Range, age_months: int | None) -> float:
    """Return the upper end of a range at an age."""
    infant = age_months is not None and age_months < INFANT_UP_TO_MONTH
    if infant and row.parameter is Parameter.RESPIRATION:
        return INFANT_RESPIRATION_HIGHEST
    return row.highest


PERFUSION_INDEX_LOW_PERCENT: Final = 0.7
"""Below this a pulse oximeter's values have low confidence."""
PULSE_APART_PER_MIN: Final = 5.0
PULSE_APART_SHARE: Final = 0.10
"""An oximeter's pulse further from a heart rate than both of these does not follow the heart."""
HEART_FRESH_MS: Final = 120_000
"""How long a heart rate may be compared with (starting value, ours)."""
QUALITY_SHARE_LOW: Final = 0.5
"""A minute with fewer good samples than this has low confidence (starting value, ours)."""

UNUSABLE_REASONS: Final = (
    (Quality.FINGER_OFF, QualityReason.FINGER_OFF),
    (Quality.INVALID, QualityReason.DEVICE_INVALID),
    (Quality.CALIBRATING, QualityReason.CALIBRATING),
    (Quality.EQUIPMENT_FAULT, QualityReason.EQUIPMENT_FAULT),
)
LOW_CONFIDENCE_REASONS: Final = (
    (Quality.SEARCHING, QualityReason.SEARCHING),
    (Quality.LOW_PERFUSION, QualityReason.LOW_PERFUSION),
    (Quality.WEAK_SIGNAL, QualityReason.WEAK_SIGNAL),
    (Quality.MOTION, QualityReason.MOTION),
    (Quality.QUESTIONABLE, QualityReason.QUESTIONABLE),
    (Quality.NO_PLATEAU, QualityReason.NO_PLATEAU),
)


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate's answer: `vitals` are the usable values, empty when rejected."""

    verdict: Verdict
    reasons: tuple[QualityReason, ...]
    vitals: Vitals


_NOTHING: Final = Vitals()


def gate(reading: Reading, *, age_months: int | None = None) -> Gate:
    """Return which values of a reading may be used, and how far they are trusted."""
    quality = int(reading.quality)
    if quality & _REJECTING:
        return Gate(Verdict.REJECTED, _rejections(reading.quality), _NOTHING)
    reasons: list[QualityReason] = []
    vitals = _plausible(reading.vitals, age_months, reasons)
    if not _measures_something(vitals):
        reasons.append(QualityReason.NOTHING_MEASURED)
        return Gate(Verdict.REJECTED, tuple(reasons), _NOTHING)
    if quality & _DOUBTING:
        reasons += [reason for flag, reason in LOW_CONFIDENCE_REASONS if flag & reading.quality]
    perfusion = vitals.perfusion_index_percent
    if perfusion is not None and perfusion < PERFUSION_INDEX_LOW_PERCENT:
        if QualityReason.LOW_PERFUSION not in reasons:
            reasons.append(QualityReason.LOW_PERFUSION)
    if reading.quality_share is not None and reading.quality_share < QUALITY_SHARE_LOW:
        reasons.append(QualityReason.FEW_GOOD_SAMPLES)
    if reasons:
        return Gate(Verdict.LOW_CONFIDENCE, tuple(reasons), vitals)
    return Gate(Verdict.ACCEPTED, (), vitals)


def agreeing(passed: Gate, heart_per_min: float) -> Gate:
    """Doubt an oximeter whose pulse is not the heart rate that something else measured just now."""
    vitals = passed.vitals
    if vitals.spo2_percent is None or vitals.pulse_per_min is None:
        return passed
    apart = abs(vitals.pulse_per_min - heart_per_min)
    if apart <= max(PULSE_APART_PER_MIN, PULSE_APART_SHARE * heart_per_min):
        return passed
    reasons = (*passed.reasons, QualityReason.PULSE_DISAGREES)
    return Gate(Verdict.LOW_CONFIDENCE, reasons, vitals)


_REJECTING: Final = int(NOT_A_PATIENTS | UNUSABLE)
_DOUBTING: Final = sum(int(flag) for flag, _ in LOW_CONFIDENCE_REASONS)
_SPO2, _PULSE, _RESPIRATION, _TEMPERATURE = RANGES


def _rejections(quality: Quality) -> tuple[QualityReason, ...]:
    found = [reason for flag, reason in UNUSABLE_REASONS if flag & quality]
    if quality & NOT_A_PATIENTS:
        found.insert(0, QualityReason.NOT_A_PATIENTS)
    return tuple(found)


def _plausible(vitals: Vitals, age_months: int | None, reasons: list[QualityReason]) -> Vitals:
    """Return the vitals without those out of range; the same object where all are plausible."""
    spo2, pulse = vitals.spo2_percent, vitals.pulse_per_min
    respiration, temperature = vitals.respiration_per_min, vitals.temperature_celsius
    if spo2 is not None and not _SPO2.lowest <= spo2 <= _SPO2.highest:
        reasons.append(_SPO2.reason)
        vitals = replace(vitals, spo2_percent=None)
    if pulse is not None and not _PULSE.lowest <= pulse <= _PULSE.highest:
        reasons.append(_PULSE.reason)
        vitals = replace(vitals, pulse_per_min=None)
    if respiration is not None:
        if not _RESPIRATION.lowest <= respiration <= highest(_RESPIRATION, age_months):
            reasons.append(_RESPIRATION.reason)
            vitals = replace(vitals, respiration_per_min=None)
    if temperature is not None:
        if not _TEMPERATURE.lowest <= temperature <= _TEMPERATURE.highest:
            reasons.append(_TEMPERATURE.reason)
            vitals = replace(vitals, temperature_celsius=None)
    return vitals


def _measures_something(vitals: Vitals) -> bool:
    """A perfusion index or "on air" alone says nothing about the person."""
    return (
        vitals.spo2_percent is not None
        or vitals.pulse_per_min is not None
        or vitals.respiration_per_min is not None
        or vitals.temperature_celsius is not None
        or vitals.systolic_mmhg is not None
        or vitals.diastolic_mmhg is not None
        or vitals.consciousness is not None
    )
