"""The trend: a person against what is usual for them, step by step."""

import math
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.reading import Oxygen, ReadingKind, Vitals
from telehealth.vitals import trend as trends
from telehealth.vitals.targets import TargetRange
from telehealth.vitals.trend import (
    LONGEST_AHEAD_H,
    POINT_MS,
    READY_POINTS,
    Trend,
    TrendScore,
    projected,
    score,
    take,
)

HOUR = 3_600_000
ADULT = 60 * 12
SPOT, MINUTE = ReadingKind.SPOT, ReadingKind.MINUTE
Told = tuple[float, float]


def after(
    readings: Iterable[tuple[float, float]], before: Trend | None = None, **vitals: Any
) -> Trend:
    """The trend after (hour, SpO2) spot checks."""
    now = before or Trend()
    for hour, spo2 in readings:
        own = Vitals(spo2_percent=spo2, **vitals)
        now = take(now, own, SPOT, int(hour * HOUR), doubtful=False)
    return now


def scored(trend: Trend, age_months: int | None = ADULT, **rest: Any) -> TrendScore:
    """The score, which there must be."""
    found = score(trend, age_months, **rest)
    assert found is not None
    return found


def twice_a_day(*values: float, begins: int = 0) -> list[tuple[float, float]]:
    """SpO2 every twelve hours."""
    return [((begins + number) * 12.0, value) for number, value in enumerate(values)]


STEADY = twice_a_day(*[97.0] * 10)
FALLING = [*STEADY, *twice_a_day(96, 96, 95, 94, 94, begins=10)]


def test_a_steady_person_scores_low_and_one_who_falls_scores_high() -> None:
    assert scored(after(STEADY)).score < 4
    assert scored(after(FALLING)).score >= 7


def test_a_fall_raises_the_score_before_any_threshold_of_ninety_three() -> None:
    scores = [score(after(FALLING[:n]), ADULT) for n in range(1, len(FALLING) + 1)]
    first = next(n for n, told in enumerate(scores) if told is not None and told.score >= 7)
    assert FALLING[first][1] > 93


def test_the_shares_add_up_to_the_score() -> None:
    told = scored(after(FALLING, pulse_per_min=95.0, respiration_per_min=20.0))
    total = told.spo2_share + told.pulse_share + told.respiration_share
    assert told.score == pytest.approx(total, abs=0.051)


@pytest.mark.parametrize("offset", [-2.0, -1.0, 1.0, 2.0])
def test_a_constant_error_of_the_device_cancels_out(offset: float) -> None:
    shifted = [(hour, min(100.0, spo2 + offset)) for hour, spo2 in STEADY]
    assert scored(after(shifted)).score == pytest.approx(scored(after(STEADY)).score, abs=2.0)


def test_one_reading_far_too_low_is_no_fall() -> None:
    told = scored(after([*STEADY, (120.0, 88.0)]))
    assert told.usual_percent - told.level_percent < 1.5, "of nine points"
    assert scored(after([*STEADY, (120.0, 88.0), (132.0, 97.0)])).score < 7


def test_of_a_repeated_spot_check_the_better_value_counts() -> None:
    once = after([*STEADY, (120.0, 97.0)])
    repeated = after([*STEADY, (120.0, 90.0), (120.02, 97.0)])
    reversed_ = after([*STEADY, (120.0, 97.0), (120.02, 90.0)])
    assert scored(repeated).score == scored(reversed_).score == scored(once).score


@pytest.mark.parametrize(("later_ms", "points"), [(POINT_MS - 1, 1), (POINT_MS, 2)])
def test_readings_within_half_an_hour_are_one_point(later_ms: int, points: int) -> None:
    own = Vitals(spo2_percent=96)
    now = take(Trend(), own, SPOT, 0, doubtful=False)
    now = take(now, own, SPOT, later_ms, doubtful=False)
    before = 0 if now.before is None else now.before.points
    assert before + 1 == points


def test_continuous_minutes_count_as_their_mean() -> None:
    now = Trend()
    for minute, spo2 in enumerate((95.0, 96.0, 97.0, 98.0)):
        own = Vitals(spo2_percent=spo2, pulse_per_min=70.0 + minute)
        now = take(now, own, MINUTE, minute * 60_000, doubtful=False)
    assert now.point is not None
    assert (now.point.spo2, now.point.pulse, now.point.n) == (96.5, 71.5, 4)


def test_a_good_repeat_takes_the_place_of_a_doubtful_reading_and_not_the_other_way() -> None:
    good, bad = Vitals(spo2_percent=95), Vitals(spo2_percent=98)
    first = take(Trend(), bad, SPOT, 0, doubtful=True)
    assert take(first, good, SPOT, 60_000, doubtful=False).point == trends.Point(
        0, 95, None, None, False, 2
    )
    kept = take(Trend(), good, SPOT, 0, doubtful=False)
    assert take(kept, bad, SPOT, 60_000, doubtful=True).point == trends.Point(
        0, 95, None, None, False, 2
    )


@pytest.mark.parametrize(
    ("hours", "ready"),
    [((0, 12), False), ((0, 5, 11.9), False), ((0, 5, 12), True), ((0, 1, 2, 11.9), False)],
)
def test_there_is_no_score_before_three_points_over_twelve_hours(
    hours: tuple[float, ...], ready: bool
) -> None:
    found = score(after([(hour, 97.0) for hour in hours]), ADULT)
    assert (found is not None) is ready
    assert READY_POINTS == 3


def test_a_reading_without_spo2_changes_nothing() -> None:
    now = after(STEADY)
    assert take(now, Vitals(pulse_per_min=140), SPOT, 121 * HOUR, doubtful=False) is now


@pytest.mark.parametrize("age", [None, 191])
def test_pulse_and_respiration_of_a_child_do_not_count(age: int | None) -> None:
    effort = {"pulse_per_min": 130.0, "respiration_per_min": 30.0}
    now = after([(120.0, 95.5), (132.0, 95.5)], after(STEADY), **effort)
    assert scored(now, age).pulse_share == scored(now, age).respiration_share == 0
    assert scored(now, 192).pulse_share > 0
    assert scored(now, 192).respiration_share > 0


def test_spo2_weighs_more_than_respiration_and_that_more_than_pulse() -> None:
    """One usual spread of each vital: 1.2 points, 2.5 breaths, 10 beats."""
    calm = after(STEADY, pulse_per_min=78.0, respiration_per_min=16.0)
    more = twice_a_day(*[96.0] * 6, begins=10)
    less = [(hour, 94.8) for hour, _ in more]
    base = scored(after(more, calm, pulse_per_min=78.0, respiration_per_min=16.0)).score
    pulse = scored(after(more, calm, pulse_per_min=88.0, respiration_per_min=16.0)).score
    breath = scored(after(more, calm, pulse_per_min=78.0, respiration_per_min=18.5)).score
    spo2 = scored(after(less, calm, pulse_per_min=78.0, respiration_per_min=16.0)).score
    assert base < pulse < breath < spo2


def test_oxygen_begins_a_new_course() -> None:
    on_air = after(STEADY, oxygen=Oxygen.AIR)
    on_oxygen = after([(120.0, 93.0)], on_air, oxygen=Oxygen.OXYGEN)
    assert on_oxygen.before is None
    unsaid = after([(132.0, 93.0)], on_oxygen)
    assert unsaid.oxygen
    assert unsaid.before is not None
    assert unsaid.before.since_ms == 120 * HOUR


def test_a_target_range_is_the_limit_that_a_doctor_has_set() -> None:
    now = after(twice_a_day(*[91.0] * 10))
    usual = TargetRange("tr-1", 88, 92)
    assert scored(now, target=usual).limit_percent == 88
    assert scored(now, target=usual).score < scored(now).score


def test_the_projection_says_when_the_limit_is_met() -> None:
    told = scored(after([*STEADY, *twice_a_day(96, 94.5, 94, begins=10)]))
    assert told.slope_percent_per_day < 0
    assert told.reaches_limit_h is not None
    there = projected(told.level_percent, told.slope_percent_per_day, told.reaches_limit_h)
    assert there == pytest.approx(told.limit_percent, abs=0.01)


def test_a_person_who_rises_or_stays_meets_no_limit() -> None:
    rising = after(twice_a_day(94, 94, 95, 96, 96, 97))
    assert scored(rising).reaches_limit_h is None
    assert scored(after(STEADY)).reaches_limit_h is None


def test_a_person_below_the_limit_is_there() -> None:
    assert scored(after([*STEADY, *twice_a_day(*[90.0] * 8, begins=10)])).reaches_limit_h == 0.0


def test_a_limit_farther_off_than_any_projection_reaches_is_not_met() -> None:
    assert projected(97.0, -24.0, LONGEST_AHEAD_H) == pytest.approx(97 - 48 * (1 - math.exp(-2)))
    assert trends._reaches(97.0, -0.01, 93.0) is None


hours = st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(70, 100)), min_size=3, max_size=40)


@given(hours, st.booleans())
def test_whatever_is_measured_the_score_lies_between_0_and_10(
    gaps: list[tuple[float, int]], doubtful: bool
) -> None:
    now, at = Trend(), 0.0
    for gap, spo2 in gaps:
        at += gap
        own = Vitals(spo2_percent=spo2, pulse_per_min=80)
        now = take(now, own, SPOT, int(at * HOUR), doubtful=doubtful)
        told = score(now, ADULT)
        if told is not None:
            assert 0 <= told.score <= 10
            assert 60 < told.level_percent < 101
            assert told.reaches_limit_h is None or 0 <= told.reaches_limit_h <= LONGEST_AHEAD_H


@given(st.lists(st.integers(85, 100), min_size=10, max_size=20), st.integers(1, 6))
def test_once_the_usual_is_learnt_a_lower_last_value_never_scores_lower(
    values: list[int], lower_by: int
) -> None:
    history = twice_a_day(*map(float, values[:-1]))
    last_h = len(history) * 12.0
    as_it_was = scored(after([*history, (last_h, float(values[-1]))]))
    lower = scored(after([*history, (last_h, float(values[-1] - lower_by))]))
    assert lower.score >= as_it_was.score


def by(device_id: str, hour: float, spo2: float, before: Trend) -> Trend:
    own = Vitals(spo2_percent=spo2)
    return take(before, own, SPOT, int(hour * HOUR), doubtful=False, device_id=device_id)


def test_half_of_a_jump_to_another_device_is_taken_to_be_the_devices() -> None:
    steady = Trend()
    for hour, spo2 in STEADY:
        steady = by("first", hour, spo2, steady)
    swapped = by("second", 120, 95.0, steady)
    assert [device.offset for device in swapped.devices] == [0.0, pytest.approx(-1.0)]
    assert scored(swapped).score < scored(by("first", 120, 95.0, steady)).score
    back = by("first", 132, 97.0, swapped)
    assert [device.offset for device in back.devices] == [pytest.approx(-1.0), 0.0]
    assert back.point is not None
    assert back.point.spo2 == 97.0


def test_a_device_never_explains_more_than_two_points_and_only_three_are_remembered() -> None:
    now = Trend()
    for number, spo2 in enumerate((97.0, 80.0, 97.0, 97.0)):
        now = by(f"device-{number}", number * 12.0, spo2, now)
    assert len(now.devices) == trends.MOST_DEVICES
    assert min(device.offset for device in now.devices) == -2.0
