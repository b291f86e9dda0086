"""The trend's episode and the alert of bad data: once, and then silence until something changes."""

from datetime import timedelta
from typing import Any

import pytest

from protocols.reading import Quality, ReadingKind
from telehealth.vitals.bad_data import MOST_MINUTES, MOST_SPOT_CHECKS
from telehealth.vitals.decisions import AlertKind, Cause, TimerKind
from telehealth.vitals.episode import CALM_BELOW, CALM_FOR, follow
from telehealth.vitals.quality import HEART_FRESH_MS, QualityReason, Verdict
from telehealth.vitals.state import Outcome, tick
from telehealth.vitals.trend import TrendScore
from tests.telehealth.vitals.people import Patient, context, minute, reading, worn

HOUR = 3_600_000
DAY = 24 * HOUR


def told(score: float) -> TrendScore:
    return TrendScore(score, score, 0, 0, 97, 95, -1, 93, None)


def run(*scores: tuple[float, float], vitals_alerted: int = 0) -> list[tuple[float, str, str]]:
    """What an episode says to (hour, score): hour, action, level."""
    alerted, calm, said = 0, 0, []
    for hour, score in scores:
        alerted, calm, alert, _ = follow(
            alerted, calm, told(score), context(), int(hour * HOUR),
            vitals_alerted=vitals_alerted, late=False,
        )  # fmt: skip
        if alert is not None:
            assert (alert.cause, alert.kind) == (Cause.TREND, AlertKind.PHYSIOLOGICAL)
            said.append((hour, alert.action.value, alert.level.name.lower()))
    return said


def test_an_episode_alerts_once_and_anew_only_after_a_day_of_calm() -> None:
    calm_h = CALM_FOR.total_seconds() / 3600
    assert run((0, 7), (12, 8), (24, 7), (36, 2), (48, 7.5)) == [(0, "raise", "orange")]
    assert run((0, 7), (12, 2), (12 + calm_h, 2), (48, 7)) == [
        (0, "raise", "orange"),
        (12 + calm_h, "ease", "green"),
        (48, "raise", "orange"),
    ]


def test_an_episode_that_grows_worse_says_so() -> None:
    assert run((0, 4), (12, 6.9), (24, 7), (36, 10)) == [
        (0, "raise", "yellow"),
        (24, "worsen", "orange"),
    ]


@pytest.mark.parametrize(("score", "ends"), [(CALM_BELOW - 0.01, True), (CALM_BELOW, False)])
def test_calm_is_below_a_third_of_the_orange_line(score: float, ends: bool) -> None:
    said = run((0, 7), (12, score), (36, score))
    assert (said[-1][1] == "ease") is ends


def test_calm_that_is_broken_begins_anew() -> None:
    assert run((0, 7), (12, 2), (24, 3), (25, 2), (47, 2)) == [(0, "raise", "orange")]


@pytest.mark.parametrize(("vitals", "says"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_trend_says_nothing_where_the_vitals_have_said_as_much(vitals: int, says: bool) -> None:
    assert bool(run((0, 7), vitals_alerted=vitals)) is says


def falls(patient: Patient, *, repeated: bool) -> list[tuple[float, Outcome]]:
    """Steady for five days, then down by three points at hour 120 and 132."""
    told: list[tuple[float, Outcome]] = [
        (hour, patient.takes(reading(99, hour * 3600))) for hour in range(0, 120, 12)
    ]
    for hour in (120, 132):
        told.append((hour, patient.takes(reading(96.8, hour * 3600))))
        if repeated:
            told.append((hour, patient.takes(reading(99, hour * 3600 + 60))))
    return told


def trend_said(told: list[tuple[float, Outcome]]) -> list[tuple[float, str]]:
    return [
        (hour, alert.action.value)
        for hour, outcome in told
        for alert in outcome.alerts
        if alert.cause is Cause.TREND
    ]


def test_a_spot_check_that_would_alert_waits_for_its_repeat_and_counts_without_one() -> None:
    patient = Patient()
    told = falls(patient, repeated=False)
    assert trend_said(told) == []
    assert patient.state.trend_wait_ms
    assert told[-1][1].trend is not None
    assert told[-1][1].trend.score >= 4
    wait = next(t for t in told[-1][1].timers if t.kind is TimerKind.TREND_REPEAT)
    assert wait.due_at is not None
    early = tick(patient.state, wait.kind, patient.context, wait.due_at - timedelta(seconds=1))
    assert (early.alerts, early.timers) == ((), (wait,))
    due = patient.keep(tick(patient.state, wait.kind, patient.context, wait.due_at))
    assert [(a.cause, a.action) for a in due.alerts] == [("trend", "raise")]
    assert patient.state.trend_wait_ms == 0
    again = tick(patient.state, wait.kind, patient.context, wait.due_at)
    assert again.alerts == ()


def test_a_better_repeat_silences_a_trend_that_would_have_alerted() -> None:
    patient = Patient()
    assert trend_said(falls(patient, repeated=True)) == []
    assert patient.state.trend_alerted == 0


def test_a_reading_after_the_wait_finds_it_run_out() -> None:
    patient = Patient()
    falls(patient, repeated=False)
    later = patient.takes(reading(99, 145 * 3600))
    assert [(a.cause, a.action) for a in later.alerts] == [("trend", "raise")]


def causes(outcome: Outcome) -> list[tuple[str, str]]:
    return [
        (alert.cause.value, alert.action.value)
        for alert in outcome.alerts
        if alert.cause is Cause.BAD_DATA
    ]


def bad(seconds: float, **rest: Any) -> Any:
    return reading(97, seconds, quality=Quality.INVALID, **rest)


def test_three_bad_spot_checks_in_a_row_alert_and_a_good_one_ends_it() -> None:
    patient = Patient()
    said = [causes(patient.takes(bad(n * 600))) for n in range(MOST_SPOT_CHECKS + 2)]
    assert said == [[], [], [("bad_data", "raise")], [], []]
    assert causes(patient.takes(reading(97, 6000))) == [("bad_data", "clear")]
    assert causes(patient.takes(reading(97, 6600))) == []


def test_doubtful_readings_count_as_bad_and_a_good_one_between_begins_anew() -> None:
    patient = Patient()
    for n, quality in enumerate((Quality.MOTION, Quality.MOTION, Quality.GOOD, Quality.MOTION)):
        assert causes(patient.takes(reading(97, n * 600, quality=quality))) == []
    assert patient.state.bad_readings == 1


def test_ten_bad_minutes_in_a_row_alert() -> None:
    patient = Patient(worn())
    said = [causes(patient.takes(minute(97, n * 60, quality=Quality.MOTION))) for n in range(11)]
    assert [bool(one) for one in said] == [False] * (MOST_MINUTES - 1) + [True, False]


def test_a_worn_probe_off_the_finger_is_not_bad_data() -> None:
    patient = Patient(worn())
    for n in range(12):
        off = minute(None, n * 60, quality=Quality.FINGER_OFF)
        assert causes(patient.takes(off)) == []
    assert patient.state.bad_readings == 0


def test_demonstration_data_is_not_bad_data() -> None:
    patient = Patient()
    for n in range(5):
        assert causes(patient.takes(reading(97, n * 600, quality=Quality.DEMO))) == []
    assert patient.state.bad_readings == 0


@pytest.mark.parametrize(
    ("heart", "pulse", "later_ms", "doubted"),
    [
        (80, 88, 1000, False),
        (80, 88.1, 1000, True),
        (80, 71.9, 1000, True),
        (40, 45, 1000, False),
        (40, 45.1, 1000, True),
        (80, 120, HEART_FRESH_MS, True),
        (80, 120, HEART_FRESH_MS + 1000, False),
    ],
)
def test_an_oximeter_that_does_not_follow_the_heart_is_doubted(
    heart: float, pulse: float, later_ms: int, doubted: bool
) -> None:
    patient = Patient()
    patient.takes(reading(None, 0, kind=ReadingKind.MINUTE, pulse_per_min=heart))
    outcome = patient.takes(reading(97, later_ms / 1000, pulse_per_min=pulse))
    assert outcome.gate is not None
    assert (outcome.gate.verdict is Verdict.LOW_CONFIDENCE) is doubted
    assert (QualityReason.PULSE_DISAGREES in outcome.gate.reasons) is doubted
