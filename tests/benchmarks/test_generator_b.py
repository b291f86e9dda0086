"""The second generator: its blood, its events and its fingers."""

from functools import cache
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.evaluation import generator_b
from benchmarks.evaluation.blood import AIR_FIO2, Body, severinghaus
from benchmarks.evaluation.courses import EVENT_LASTS_H, MONITORED_H, Generator
from benchmarks.evaluation.generator_b import STEP_H, InventedCourse, course

COHORT = 600
numbers = st.integers(min_value=0, max_value=10**9)
shunts = st.floats(min_value=0.0, max_value=0.6)
hours = st.floats(min_value=0.0, max_value=MONITORED_H)


@cache
def _cohort() -> tuple[InventedCourse, ...]:
    return tuple(course(11, number) for number in range(COHORT))


def _lasting_fall(of: InventedCourse, start_h: float) -> bool:
    moments = np.arange(start_h, start_h + EVENT_LASTS_H + STEP_H / 2, STEP_H)
    return all(of.saturation(float(at_h)) < of.limit_percent for at_h in moments)


def _saturation_of(body: Body, shunt: float) -> float:
    none = np.zeros(1)
    return float(body.arterial_percent(none + shunt, none, none + AIR_FIO2, 0.0)[0])


def _saturation(shunt: float, fever: float, fio2: float) -> float:
    body = Body()
    return float(
        body.arterial_percent(np.array([shunt]), np.array([fever]), np.array([fio2]), 0.0)[0]
    )


def test_the_module_is_a_generator() -> None:
    generator: Generator = generator_b
    assert generator.course(1, 2).saturation(0.0) == course(1, 2).saturation(0.0)


@pytest.mark.parametrize(
    ("po2", "low", "high"), [(100, 97.2, 97.8), (60, 89, 91), (27, 48.5, 51.5)]
)
def test_blood_saturates_as_severinghaus_says(po2: float, low: float, high: float) -> None:
    assert low <= 100 * float(severinghaus(np.array([po2]))[0]) <= high


def test_a_healthy_adult_at_sea_level_rests_at_96_to_98() -> None:
    assert 96 < Body().resting_percent() < 98


@given(shunts, shunts, st.floats(min_value=0, max_value=2), st.floats(AIR_FIO2, 0.6))
def test_a_larger_shunt_never_raises_the_saturation(
    one: float, other: float, fever: float, fio2: float
) -> None:
    less, more = sorted((one, other))
    assert _saturation(more, fever, fio2) <= _saturation(less, fever, fio2)


@given(shunts)
def test_oxygen_never_lowers_the_saturation(shunt: float) -> None:
    assert _saturation(shunt, 0.0, 0.3) >= _saturation(shunt, 0.0, AIR_FIO2)


@given(st.floats(min_value=70, max_value=96))
def test_the_shunt_for_a_saturation_brings_that_saturation(percent: float) -> None:
    body = Body(rest_shunt=0.0)
    assert _saturation_of(body, body.shunt_for(percent)) == pytest.approx(percent, abs=0.05)


@given(numbers, numbers, st.lists(hours, min_size=2, max_size=6))
def test_the_same_moment_gives_the_same_answer_in_any_order(
    seed: int, number: int, moments: list[float]
) -> None:
    first, again = course(seed, number), course(seed, number)
    forwards = [(first.measure(at_h), first.saturation(at_h)) for at_h in moments]
    backwards = [(again.measure(at_h), again.saturation(at_h)) for at_h in reversed(moments)]
    assert forwards == backwards[::-1]


def test_other_seeds_and_numbers_are_other_people() -> None:
    assert (
        len({course(seed, number).saturation(5) for seed in range(5) for number in range(5)}) == 25
    )


def test_the_event_is_the_first_lasting_fall_below_the_limit() -> None:
    ill = [one for one in _cohort() if one.event_h is not None]
    for one in ill:
        assert one.event_h is not None
        assert _lasting_fall(one, one.event_h)
        before = np.arange(0.0, one.event_h - STEP_H / 2, STEP_H)
        assert not any(_lasting_fall(one, float(at_h)) for at_h in before)


def test_whoever_has_no_event_never_falls_lastingly() -> None:
    well = [one for one in _cohort() if one.event_h is None]
    for one in well[:150]:
        assert one.onset_h is None
        moments = np.arange(0.0, MONITORED_H, STEP_H)
        assert not any(_lasting_fall(one, float(at_h)) for at_h in moments)


def test_a_decline_begins_before_its_event() -> None:
    for one in _cohort():
        assert (one.onset_h is None) == (one.event_h is None)
        if one.onset_h is not None and one.event_h is not None:
            assert 0 <= one.onset_h < one.event_h < MONITORED_H


def test_about_one_in_eight_comes_to_the_event() -> None:
    assert 0.08 <= fmean(one.event_h is not None for one in _cohort()) <= 0.18


@given(numbers, numbers, hours)
def test_a_device_shows_only_what_it_can_show(seed: int, number: int, at_h: float) -> None:
    shown = course(seed, number).measure(at_h)
    assert 50 <= shown.spo2_percent <= 100
    assert 30 <= shown.pulse_per_min <= 240
    assert shown.respiration_per_min is None or 6 <= shown.respiration_per_min <= 80
    assert 0.1 <= shown.perfusion_index_percent <= 20


def test_children_breathe_faster_than_adults() -> None:
    breaths: dict[bool, list[int]] = {True: [], False: []}
    for one in _cohort():
        for counted in (one.measure(at_h).respiration_per_min for at_h in (10.0, 17.0)):
            if counted is not None:
                breaths[one.traits.child].append(counted)
    assert fmean(breaths[True]) > fmean(breaths[False]) + 3


def test_people_with_copd_rest_lower_and_have_a_limit_of_their_own() -> None:
    for one in _cohort():
        if one.traits.copd:
            assert 90 <= one.rest_percent <= 94
            assert one.limit_percent == one.rest_percent - 4
        else:
            assert one.rest_percent > 94.5
            assert one.limit_percent == 93


def test_silent_people_breathe_no_faster_when_they_fall() -> None:
    assert {one.habits.drive < 0.2 for one in _cohort() if one.traits.silent} == {True}


def test_oxygen_shows_from_its_hour_on() -> None:
    treated = [one for one in _cohort() if one.traits.oxygen_from_h is not None]
    assert treated
    for one in treated:
        assert one.traits.oxygen_from_h is not None
        assert not one.measure(one.traits.oxygen_from_h - 0.1).on_oxygen
        assert one.measure(one.traits.oxygen_from_h + 0.1).on_oxygen


def test_whoever_swaps_the_oximeter_measures_with_two() -> None:
    for one in _cohort():
        devices = {one.measure(at_h).device for at_h in (1.0, MONITORED_H - 1)}
        assert devices == ({1, 2} if one.traits.device_swap else {1})
