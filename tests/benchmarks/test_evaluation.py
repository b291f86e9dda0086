"""The evaluation measures what it says: blood, courses, alerts counted once, misses as no lead."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import trend
from benchmarks.evaluation import (
    generator_a,
    generator_b,
    measures,
    seeds_held_out,
    seeds_tuning,
)
from benchmarks.evaluation.courses import EVENT_LASTS_H, MONITORED_H, Generator, Measured, Traits
from benchmarks.evaluation.play import Asked, Played, Step, play

BOTH = pytest.mark.parametrize("generator", [generator_a, generator_b], ids=["a", "b"])


@BOTH
def test_the_same_moment_gives_the_same_answer_in_any_order(generator: Generator) -> None:
    first, second = generator.course(3, 5), generator.course(3, 5)
    hours = [1.0, 50.25, 300.0]
    forth = [first.measure(hour) for hour in hours]
    assert forth == [second.measure(hour) for hour in reversed(hours)][::-1]
    assert first.measure(1.0) == forth[0]
    assert first.measure(1.0 + 1 / 60) != generator.course(3, 6).measure(1.0 + 1 / 60)


@BOTH
def test_the_event_is_the_first_lasting_fall_and_comes_after_its_onset(
    generator: Generator,
) -> None:
    found = 0
    for number in range(150):
        course = generator.course(11, number)
        if course.event_h is None:
            assert course.onset_h is None
            continue
        found += 1
        assert course.onset_h is not None
        assert 0 <= course.onset_h <= course.event_h <= MONITORED_H
        before = course.saturation(course.event_h - 0.26)
        assert course.saturation(course.event_h + EVENT_LASTS_H / 2) < before + 0.5
    assert 0.05 * 150 <= found <= 0.22 * 150


@BOTH
@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), number=st.integers(0, 10_000), hour=st.floats(0, MONITORED_H))
def test_whatever_is_measured_a_device_could_show(
    generator: Generator, seed: int, number: int, hour: float
) -> None:
    shown = generator.course(seed, number).measure(hour)
    assert 50 <= shown.spo2_percent <= 100
    assert 30 <= shown.pulse_per_min <= 260
    assert shown.respiration_per_min is None or 4 <= shown.respiration_per_min <= 80
    assert shown.perfusion_index_percent > 0


@BOTH
def test_children_breathe_faster_and_sick_lungs_rest_lower(generator: Generator) -> None:
    people = [generator.course(2, number) for number in range(300)]

    def mean(of: list[float]) -> float:
        return sum(of) / len(of)

    small = [p.measure(1.0) for p in people if p.traits.age_months < 72]
    grown = [p.measure(1.0) for p in people if not p.traits.child]
    counted = [[float(m.respiration_per_min or 0) for m in group if m.respiration_per_min]
               for group in (small, grown)]  # fmt: skip
    assert mean(counted[0]) > mean(counted[1]) + 3
    lungs = [p.saturation(0.5) for p in people if p.traits.copd]
    others = [p.saturation(0.5) for p in people if not p.traits.copd]
    assert mean(lungs) < mean(others) - 3


def test_no_seed_is_both_tuned_on_and_reported() -> None:
    assert not set(seeds_tuning.SEEDS) & set(seeds_held_out.SEEDS)


class Falls:
    """Falls from hour 100, with the event at hour 148."""

    def __init__(self, event_h: float | None = 148.0) -> None:
        self.traits = Traits(age_months=600)
        self.event_h = event_h
        self.onset_h = None if event_h is None else 100.0

    def saturation(self, at_h: float) -> float:
        return 97.0 - max(0.0, at_h - 100.0) / 12.0

    def measure(self, at_h: float) -> Measured:
        return Measured(round(self.saturation(at_h)), 75, None, 5.0)


def played(*hours: float, event_h: float | None = 148.0) -> Played:
    steps = tuple(Step(hour, 95.0, 95.0, None, 8.0, ()) for hour in hours)
    return Played(Falls(event_h), steps, (), len(steps))


def alerts(one: Played) -> tuple[float, int]:
    found = measures.one(one, lambda step: step.trend, 7.0)
    return found.lead_h, found.false_alerts


@pytest.mark.parametrize(
    ("hours", "lead_h", "false"),
    [
        ((), 0.0, 0),
        ((99.9,), 0.0, 1),
        ((100.0,), 48.0, 0),
        ((120.0, 130.0), 28.0, 0),
        ((10.0, 33.9), 0.0, 1),
        ((10.0, 34.0), 0.0, 2),
        ((10.0, 30.0, 50.0), 0.0, 1),
        ((90.0, 110.0), 38.0, 1),
    ],
)
def test_an_alert_finds_the_event_from_its_onset_on_and_is_false_before(
    hours: tuple[float, ...], lead_h: float, false: int
) -> None:
    assert alerts(played(*hours)) == (lead_h, false)


def test_every_alert_of_a_person_without_event_is_false() -> None:
    assert alerts(played(10.0, 120.0, 200.0, event_h=None)) == (0.0, 3)


def test_a_miss_counts_as_no_lead_and_half_of_two_found_is_a_half() -> None:
    cohort = [played(124.0), played()]
    found = measures.measure(cohort, lambda step: step.trend, 7.0)
    assert (found.events, found.sensitivity.value, found.lead_h.value) == (2, 0.5, 12.0)
    assert found.sensitivity.low <= 0.5 <= found.sensitivity.high


def test_the_best_cut_is_the_most_sensitive_under_the_cap() -> None:
    noisy = [played(*range(0, 96, 24), event_h=None), played(124.0)]
    assert measures.best_cut(noisy, lambda step: step.trend, (7.0, 9.0)) == 9.0
    quiet = [played(124.0), *(played(event_h=None) for _ in range(5))]
    assert measures.best_cut(quiet, lambda step: step.trend, (7.0, 9.0)) == 7.0


def test_a_person_is_played_through_the_products_own_rules() -> None:
    found = play(Falls(), Asked(4, missing=0.0), trend.rules(), (), "any")
    assert [r.level for r in found.raised if r.cause == "trend"]
    assert max(step.at_h for step in found.steps) < 148.0
    assert found.readings >= len(found.steps)
    again = play(Falls(), Asked(4, missing=0.0), trend.rules(), (), "any")
    assert again.steps == found.steps
    assert again.raised == found.raised


def test_missed_slots_are_missed() -> None:
    every = play(Falls(None), Asked(2, missing=0.0), trend.rules(), (), "any")
    half = play(Falls(None), Asked(2, missing=0.5), trend.rules(), (), "any")
    assert len(every.steps) == 28
    assert 5 <= len(half.steps) <= 23
    assert all(b.at_h > a.at_h for a, b in itertools.pairwise(half.steps))
