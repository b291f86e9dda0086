"""Virtual patients: the same person at the same moment, whoever asks and in whatever order."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from statistics import median, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.simulator.episodes import (
    COLD_FINGERS,
    GOES_SILENT,
    PROBE_FALLS_OFF,
    RESTLESS,
    SCENARIOS,
    SILENT_DESATURATION,
    STEADY,
    SUDDEN_DROP_AND_RECOVERY,
    Episode,
    Kind,
    Scenario,
)
from devices.simulator.physiology import (
    COPD,
    HEALTHY,
    OLDER,
    Baseline,
    Pace,
    VirtualPatient,
    VirtualVitals,
    history,
)

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
moments = st.timedeltas(timedelta(0), timedelta(days=10))


def _shown(
    patient: VirtualPatient, start: timedelta, end: timedelta, step: timedelta = MINUTE
) -> list[VirtualVitals]:
    return [vitals for _, vitals in history(patient, start, end, step)]


def _spo2(shown: Sequence[VirtualVitals]) -> float:
    return median(vitals.spo2_percent for vitals in shown)


def _pulse(shown: Sequence[VirtualVitals]) -> float:
    return median(vitals.pulse_per_min for vitals in shown)


@given(st.integers(0, 2**31), st.sampled_from(list(SCENARIOS)), st.lists(moments, max_size=6))
def test_the_same_seed_and_moment_answer_the_same_in_any_order(
    seed: int, scenario: str, asked: list[timedelta]
) -> None:
    one = VirtualPatient(seed, OLDER, SCENARIOS[scenario])
    other = VirtualPatient(seed, OLDER, SCENARIOS[scenario])
    assert [one.at(t) for t in asked] == [other.at(t) for t in reversed(asked)][::-1]


def test_two_seeds_are_two_people() -> None:
    assert VirtualPatient(1).at(HOUR) != VirtualPatient(2).at(HOUR)


@given(
    st.integers(0, 2**31),
    st.sampled_from([HEALTHY, OLDER, COPD]),
    st.sampled_from(list(SCENARIOS.values())),
    moments,
)
def test_every_value_could_be_a_living_persons(
    seed: int, baseline: Baseline, scenario: Scenario, at: timedelta
) -> None:
    vitals = VirtualPatient(seed, baseline, scenario).at(at)
    assert 70 <= vitals.spo2_percent <= 100
    assert 40 <= vitals.pulse_per_min <= 160
    assert 0.05 <= vitals.perfusion_index_percent <= 20
    assert 8 <= vitals.respiration_per_min <= 40


def test_a_steady_patient_stays_above_the_line_all_day() -> None:
    shown = _shown(VirtualPatient(5, scenario=STEADY), timedelta(0), 12 * HOUR)
    assert min(v.spo2_percent for v in shown if not v.moving) > 95
    assert all(v.probe_on and v.powered for v in shown)


def test_values_vary_and_are_correlated_from_second_to_second() -> None:
    shown = _shown(VirtualPatient(5), timedelta(0), HOUR, SECOND)
    still = [v.pulse_per_min for v in shown if not v.moving]
    assert pstdev(still) > 0.5
    steps = [abs(b - a) for a, b in pairwise(still)]
    assert median(steps) < pstdev(still) / 2


def test_lung_disease_has_a_low_baseline_of_its_own() -> None:
    assert 88 < _spo2(_shown(VirtualPatient(5, COPD), timedelta(0), 6 * HOUR)) < 92


def test_the_night_is_slower_and_lower_than_the_day() -> None:
    patient = VirtualPatient(5, OLDER, starts_at_hour=0)
    night = _shown(patient, HOUR, 4 * HOUR)
    day = _shown(patient, 10 * HOUR, 13 * HOUR)
    assert _pulse(day) - _pulse(night) > 5
    assert _spo2(day) - _spo2(night) > 0.4


@pytest.mark.parametrize(
    ("hour", "depth"), [(22.5, 1.0), (2.0, 1.0), (5.5, 1.0), (7.0, 0.0), (14.0, 0.0), (21.0, 0.0)]
)
def test_how_deep_the_night_is(hour: float, depth: float) -> None:
    assert VirtualPatient(1, starts_at_hour=hour).night(timedelta(0)) == depth
    assert VirtualPatient(1, starts_at_hour=hour).night(timedelta(days=3)) == depth


@pytest.mark.parametrize("seed", range(5))
def test_a_silent_desaturation_sinks_below_92_while_the_pulse_hardly_moves(seed: int) -> None:
    patient = VirtualPatient(seed, HEALTHY, SILENT_DESATURATION)
    before = _shown(patient, timedelta(0), 5 * MINUTE, SECOND)
    after = _shown(patient, 3 * HOUR, 4 * HOUR)
    assert _spo2(before) > 95
    assert _spo2(after) < 92
    assert abs(_pulse(after) - _pulse(before)) < 10


def test_a_silent_desaturation_takes_hours_and_not_minutes() -> None:
    patient = VirtualPatient(3, HEALTHY, SILENT_DESATURATION)
    falls = [t for t, v in history(patient, timedelta(0), 4 * HOUR, MINUTE) if v.spo2_percent < 92]
    assert 40 * MINUTE < falls[0] < 2 * HOUR


def test_a_sudden_drop_is_sudden_races_the_heart_and_recovers_to_the_baseline() -> None:
    patient = VirtualPatient(3, HEALTHY, SUDDEN_DROP_AND_RECOVERY)
    before = _shown(patient, 20 * MINUTE, 30 * MINUTE, SECOND)
    during = _shown(patient, 33 * MINUTE, 43 * MINUTE, SECOND)
    after = _shown(patient, 75 * MINUTE, 95 * MINUTE, SECOND)
    assert _spo2(before) - _spo2(during) > 10
    assert _pulse(during) - _pulse(before) > 20
    assert abs(_spo2(after) - _spo2(before)) < 1.5
    assert abs(_pulse(after) - _pulse(before)) < 6


def test_a_probe_that_fell_off_is_reported_off_and_later_on_again() -> None:
    patient = VirtualPatient(3, scenario=PROBE_FALLS_OFF)
    assert patient.at(20 * MINUTE - SECOND).probe_on
    assert not patient.at(20 * MINUTE).probe_on
    assert not patient.at(65 * MINUTE - SECOND).probe_on
    assert patient.at(65 * MINUTE).probe_on


def test_a_device_that_goes_silent_stays_silent() -> None:
    patient = VirtualPatient(3, scenario=GOES_SILENT)
    assert patient.at(15 * MINUTE - SECOND).powered
    assert not patient.at(15 * MINUTE).powered
    assert not patient.at(timedelta(days=30)).powered


def test_cold_fingers_have_little_perfusion_and_show_the_blood_of_a_while_ago() -> None:
    drop = SUDDEN_DROP_AND_RECOVERY.episodes
    warm = VirtualPatient(3, scenario=Scenario("warm", drop))
    cold = VirtualPatient(3, scenario=Scenario("cold", drop + COLD_FINGERS.episodes))
    at = 32 * MINUTE
    assert cold.at(at).perfusion_index_percent < 0.1 * warm.at(at).perfusion_index_percent
    assert cold.at(at).spo2_percent - warm.at(at).spo2_percent > 5
    assert cold.at(12 * HOUR).perfusion_index_percent > 1


def test_a_restless_hand_moves_often_and_shows_too_little() -> None:
    restless = _shown(VirtualPatient(3, scenario=RESTLESS), timedelta(0), 2 * HOUR, SECOND)
    steady = _shown(VirtualPatient(3, scenario=STEADY), timedelta(0), 2 * HOUR, SECOND)
    assert sum(v.moving for v in restless) > 5 * sum(v.moving for v in steady) > 0
    moving = [v for v in restless if v.moving]
    assert _spo2(moving) < _spo2([v for v in restless if not v.moving]) - 1


def test_a_hand_moves_less_at_night() -> None:
    patient = VirtualPatient(3, scenario=RESTLESS, starts_at_hour=0)
    night = _shown(patient, HOUR, 4 * HOUR, 5 * SECOND)
    day = _shown(patient, 10 * HOUR, 13 * HOUR, 5 * SECOND)
    assert sum(v.moving for v in night) < sum(v.moving for v in day) / 2


def test_an_episode_of_movement_moves_the_hand() -> None:
    shaking = Episode(kind=Kind.MOVEMENT, starts=MINUTE, lasts=MINUTE)
    patient = VirtualPatient(3, scenario=Scenario("shaking", (shaking,), movements_per_hour=0))
    moved = [t for t, v in history(patient, timedelta(0), 4 * MINUTE, SECOND) if v.moving]
    assert moved[0] == MINUTE
    assert moved[-1] == 2 * MINUTE - SECOND


def test_a_scenario_can_begin_later() -> None:
    later = PROBE_FALLS_OFF.beginning(timedelta(days=2))
    patient = VirtualPatient(3, scenario=later)
    assert patient.at(30 * MINUTE).probe_on
    assert not patient.at(timedelta(days=2) + 30 * MINUTE).probe_on


@pytest.mark.parametrize(
    ("minute", "strength"),
    [(9.9, 0.0), (10, 0.0), (15, 0.5), (20, 1.0), (49.9, 1.0), (50, 1.0), (60, 0.5), (70, 0.0)],
)
def test_an_episode_sets_in_holds_and_fades(minute: float, strength: float) -> None:
    episode = Episode(
        kind=Kind.DESATURATION,
        starts=10 * MINUTE,
        onset=10 * MINUTE,
        lasts=30 * MINUTE,
        recovery=20 * MINUTE,
    )
    assert episode.strength(minute * MINUTE) == strength


def test_pace_is_the_clock_until_it_begins_and_then_a_multiple() -> None:
    two_days = timedelta(days=2)
    pace = Pace(60, begins=two_days)
    assert pace.physiological(HOUR) == HOUR
    assert pace.physiological(two_days) == two_days
    assert pace.physiological(two_days + MINUTE) == two_days + HOUR
    assert Pace().physiological(5 * HOUR) == 5 * HOUR


@given(moments, st.floats(0.5, 500), moments)
def test_pace_and_its_inverse_agree(begins: timedelta, factor: float, at: timedelta) -> None:
    pace = Pace(factor, begins)
    back = pace.elapsed(pace.physiological(at))
    assert abs(back - at) < timedelta(milliseconds=1)


def test_a_faster_pace_shows_the_same_physiology_sooner() -> None:
    patient = VirtualPatient(3, HEALTHY, SILENT_DESATURATION)
    pace = Pace(60)
    assert patient.at(pace.physiological(90 * SECOND)) == patient.at(90 * MINUTE)


def test_history_gives_every_step_from_start_to_before_the_end() -> None:
    patient = VirtualPatient(3)
    past = list(history(patient, HOUR, HOUR + 3 * MINUTE, MINUTE))
    assert [t for t, _ in past] == [HOUR, HOUR + MINUTE, HOUR + 2 * MINUTE]
    assert past[1][1] == patient.at(HOUR + MINUTE)
    assert list(history(patient, HOUR, HOUR, MINUTE)) == []
