"""NEWS2 (RCP 2017): every edge of chart 1 from both sides, the bounds, and an outside oracle."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vitalscore.scores.news2 import ACVPULevel, score_news2

from protocols.reading import Consciousness, Oxygen, Vitals
from telehealth.vitals.news2 import (
    ADULT_FROM_MONTH,
    News2,
    NotApplicable,
    Response,
    Scale2Prescription,
    news2,
    not_applicable,
)
from telehealth.vitals.parameters import Parameter

SCALE_2 = Scale2Prescription(
    prescribed_by="doctor-1",
    prescribed_at=datetime(2022, 2, 1, tzinfo=UTC),
    reason="hypercapnic failure, blood gas of 1 February",
)


def points_of(score: News2, parameter: Parameter) -> tuple[int, int]:
    return next((p.lower, p.upper) for p in score.points if p.parameter is parameter)


def only(**vitals: object) -> Vitals:
    return Vitals(**vitals)  # type: ignore[arg-type]  # one known field, named by the test


@pytest.mark.parametrize(
    ("per_min", "points"),
    [(4, 3), (8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3), (60, 3)],
)
def test_respiration_edges(per_min: float, points: int) -> None:
    score = news2(only(respiration_per_min=per_min))
    assert points_of(score, Parameter.RESPIRATION) == (points, points)


@pytest.mark.parametrize(
    ("percent", "points"),
    [(50, 3), (91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0)],
)
def test_spo2_scale_1_edges(percent: float, points: int) -> None:
    assert points_of(news2(only(spo2_percent=percent)), Parameter.SPO2) == (points, points)


@pytest.mark.parametrize(
    ("percent", "on_air", "on_oxygen"),
    [
        (83, 3, 3), (84, 2, 2), (85, 2, 2), (86, 1, 1), (87, 1, 1), (88, 0, 0), (92, 0, 0),
        (93, 0, 1), (94, 0, 1), (95, 0, 2), (96, 0, 2), (97, 0, 3), (100, 0, 3),
    ],
)  # fmt: skip
def test_spo2_scale_2_edges_on_air_and_on_oxygen(
    percent: float, on_air: int, on_oxygen: int
) -> None:
    for oxygen, points in ((Oxygen.AIR, on_air), (Oxygen.OXYGEN, on_oxygen)):
        score = news2(Vitals(spo2_percent=percent, oxygen=oxygen), scale_2=SCALE_2)
        assert points_of(score, Parameter.SPO2) == (points, points)
    unknown = news2(Vitals(spo2_percent=percent), scale_2=SCALE_2)
    assert points_of(unknown, Parameter.SPO2) == (on_air, on_oxygen)


@pytest.mark.parametrize(
    ("mmhg", "points"),
    [(60, 3), (90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3)],
)
def test_systolic_edges(mmhg: float, points: int) -> None:
    assert points_of(news2(only(systolic_mmhg=mmhg)), Parameter.SYSTOLIC) == (points, points)


@pytest.mark.parametrize(
    ("per_min", "points"),
    [
        (30, 3), (40, 3), (41, 1), (50, 1), (51, 0), (90, 0),
        (91, 1), (110, 1), (111, 2), (130, 2), (131, 3), (200, 3),
    ],
)  # fmt: skip
def test_pulse_edges(per_min: float, points: int) -> None:
    assert points_of(news2(only(pulse_per_min=per_min)), Parameter.PULSE) == (points, points)


@pytest.mark.parametrize(
    ("celsius", "points"),
    [
        (33.0, 3), (35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0),
        (38.1, 1), (39.0, 1), (39.1, 2), (43.0, 2),
    ],
)  # fmt: skip
def test_temperature_edges_and_the_hot_side_stops_at_two(celsius: float, points: int) -> None:
    score = news2(only(temperature_celsius=celsius))
    assert points_of(score, Parameter.TEMPERATURE) == (points, points)


@pytest.mark.parametrize(("level", "points"), [("A", 0), ("C", 3), ("V", 3), ("P", 3), ("U", 3)])
def test_consciousness_other_than_alert_scores_three(level: str, points: int) -> None:
    score = news2(only(consciousness=Consciousness(level)))
    assert points_of(score, Parameter.CONSCIOUSNESS) == (points, points)


@pytest.mark.parametrize(("oxygen", "points"), [(Oxygen.AIR, 0), (Oxygen.OXYGEN, 2)])
def test_oxygen_scores_two(oxygen: Oxygen, points: int) -> None:
    assert points_of(news2(only(oxygen=oxygen)), Parameter.OXYGEN) == (points, points)


@pytest.mark.parametrize(
    ("field", "value", "parameter", "points"),
    [
        ("spo2_percent", 91.5, Parameter.SPO2, 3),
        ("spo2_percent", 91.51, Parameter.SPO2, 2),
        ("respiration_per_min", 8.5, Parameter.RESPIRATION, 3),
        ("respiration_per_min", 8.51, Parameter.RESPIRATION, 1),
        ("respiration_per_min", 24.49, Parameter.RESPIRATION, 2),
        ("respiration_per_min", 24.5, Parameter.RESPIRATION, 3),
        ("pulse_per_min", 90.49, Parameter.PULSE, 0),
        ("pulse_per_min", 90.5, Parameter.PULSE, 1),
        ("temperature_celsius", 35.05, Parameter.TEMPERATURE, 3),
        ("temperature_celsius", 38.04, Parameter.TEMPERATURE, 0),
        ("temperature_celsius", 38.05, Parameter.TEMPERATURE, 1),
    ],
)
def test_a_value_between_two_whole_numbers_counts_as_the_graver(
    field: str, value: float, parameter: Parameter, points: int
) -> None:
    assert points_of(news2(only(**{field: value})), parameter) == (points, points)


def test_scale_2_is_never_used_without_a_prescription() -> None:
    vitals = Vitals(spo2_percent=90, oxygen=Oxygen.OXYGEN)
    assert points_of(news2(vitals), Parameter.SPO2) == (3, 3)
    assert points_of(news2(vitals, scale_2=SCALE_2), Parameter.SPO2) == (0, 0)


def test_nothing_known_is_nought_to_twenty_and_lists_all_seven() -> None:
    score = news2(Vitals())
    assert (score.lower, score.upper) == (0, 20)
    assert len(score.missing) == 7
    assert score.single_three == ()


def test_a_missing_vital_widens_the_bounds_and_is_listed() -> None:
    full = Vitals(
        spo2_percent=94, pulse_per_min=115, respiration_per_min=22, temperature_celsius=37,
        oxygen=Oxygen.AIR, systolic_mmhg=120, consciousness=Consciousness.ALERT,
    )  # fmt: skip
    assert (news2(full).lower, news2(full).upper) == (5, 5)
    home = Vitals(
        spo2_percent=94, pulse_per_min=115, respiration_per_min=22, temperature_celsius=37,
        oxygen=Oxygen.AIR,
    )  # fmt: skip
    score = news2(home)
    assert (score.lower, score.upper) == (5, 11)
    assert score.missing == (Parameter.SYSTOLIC, Parameter.CONSCIOUSNESS)


def test_unknown_air_or_oxygen_is_missing_and_not_air() -> None:
    score = news2(Vitals(spo2_percent=98, pulse_per_min=70))
    assert Parameter.OXYGEN in score.missing
    assert points_of(score, Parameter.OXYGEN) == (0, 2)


def test_a_missing_input_is_asked_for_when_it_could_call_for_more() -> None:
    home = Vitals(
        spo2_percent=98, pulse_per_min=70, respiration_per_min=14, temperature_celsius=37,
        oxygen=Oxygen.AIR, systolic_mmhg=120,
    )  # fmt: skip
    assert news2(home).to_ask() == (Parameter.CONSCIOUSNESS,)


def test_nothing_is_asked_for_when_it_could_change_nothing() -> None:
    grave = Vitals(spo2_percent=88, pulse_per_min=135, respiration_per_min=28)
    assert news2(grave).lower == 9
    assert news2(grave).to_ask() == ()


@pytest.mark.parametrize(
    ("vitals", "response"),
    [
        (Vitals(spo2_percent=97), Response.NONE),
        (Vitals(spo2_percent=95), Response.LOW),
        (Vitals(spo2_percent=91), Response.LOW_MEDIUM),
        (Vitals(spo2_percent=93, pulse_per_min=111), Response.LOW),
        (Vitals(spo2_percent=91, pulse_per_min=111), Response.MEDIUM),
        (Vitals(spo2_percent=92, pulse_per_min=111, respiration_per_min=21), Response.MEDIUM),
        (Vitals(spo2_percent=91, pulse_per_min=111, respiration_per_min=21), Response.HIGH),
    ],
)
def test_response_is_that_of_the_lower_bound(vitals: Vitals, response: Response) -> None:
    assert news2(vitals).response() is response


def test_a_single_three_is_named() -> None:
    assert news2(Vitals(spo2_percent=91, pulse_per_min=80)).single_three == (Parameter.SPO2,)
    assert news2(Vitals(spo2_percent=92, pulse_per_min=80)).single_three == ()


@pytest.mark.parametrize(
    ("age_months", "pregnant", "why"),
    [
        (ADULT_FROM_MONTH - 1, False, NotApplicable.UNDER_16),
        (ADULT_FROM_MONTH, False, None),
        (ADULT_FROM_MONTH, True, NotApplicable.PREGNANT),
        (None, False, NotApplicable.AGE_UNKNOWN),
    ],
)
def test_not_for_under_sixteen_in_pregnancy_or_at_an_unknown_age(
    age_months: int | None, pregnant: bool, why: NotApplicable | None
) -> None:
    assert not_applicable(age_months, pregnant=pregnant) is why


SPO2_EDGES = (83, 84, 85, 86, 87, 88, 91, 92, 93, 94, 95, 96, 97)


@pytest.mark.parametrize("scale_2", [None, SCALE_2])
def test_agrees_with_vitalscore_on_joint_band_edges(scale_2: Scale2Prescription | None) -> None:
    joint = itertools.product(
        (8, 9, 11, 12, 20, 21, 24, 25), SPO2_EDGES, (Oxygen.AIR, Oxygen.OXYGEN),
        (90, 91, 101, 111, 220), (40, 41, 51, 91, 111, 131), ("A", "V"),
        (35.0, 35.1, 36.0, 36.1, 38.0, 38.1, 39.0, 39.1),
    )  # fmt: skip
    cases = 0
    for respiration, spo2, oxygen, systolic, pulse, awake, temperature in joint:
        ours = news2(
            Vitals(
                respiration_per_min=respiration, spo2_percent=spo2, oxygen=oxygen,
                systolic_mmhg=systolic, pulse_per_min=pulse, consciousness=Consciousness(awake),
                temperature_celsius=temperature,
            ),
            scale_2=scale_2,
        )  # fmt: skip
        theirs = score_news2(
            respiratory_rate=respiration, spo2=spo2, on_oxygen=oxygen is Oxygen.OXYGEN,
            systolic_bp=systolic, heart_rate=pulse, consciousness=ACVPULevel(awake),
            temperature=temperature, use_spo2_scale2=scale_2 is not None,
        )  # fmt: skip
        assert ours.lower == ours.upper == theirs.total
        cases += 1
    assert cases == 99_840, "of each scale; 199,680 of both"


def complete_vitals() -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries(
        {
            "respiration_per_min": st.floats(4, 60),
            "spo2_percent": st.floats(50, 100),
            "oxygen": st.sampled_from(Oxygen),
            "systolic_mmhg": st.floats(40, 300),
            "pulse_per_min": st.floats(25, 250),
            "consciousness": st.sampled_from(Consciousness),
            "temperature_celsius": st.floats(33, 43),
        }
    )


INPUTS = (
    "respiration_per_min", "spo2_percent", "oxygen", "systolic_mmhg", "pulse_per_min",
    "consciousness", "temperature_celsius",
)  # fmt: skip
PATTERNS = tuple(
    frozenset(known) for n in range(len(INPUTS) + 1) for known in itertools.combinations(INPUTS, n)
)


@given(full=complete_vitals(), scaled=st.booleans())
def test_the_bounds_of_every_pattern_of_missing_inputs_contain_the_true_score(
    full: dict[str, object], scaled: bool
) -> None:
    scale_2 = SCALE_2 if scaled else None
    whole = news2(only(**full), scale_2=scale_2)
    assert whole.lower == whole.upper
    assert len(PATTERNS) == 2**7
    for known in PATTERNS:
        part = {name: value for name, value in full.items() if name in known}
        score = news2(only(**part), scale_2=scale_2)
        assert score.lower <= whole.lower <= score.upper
        assert {parameter.value for parameter in score.missing} == set(full) - known
        assert set(score.single_three) <= set(whole.single_three)


def test_the_bounds_are_reached_not_only_respected() -> None:
    best = {
        "respiration_per_min": 14, "spo2_percent": 98, "oxygen": Oxygen.AIR, "systolic_mmhg": 120,
        "pulse_per_min": 70, "consciousness": Consciousness.ALERT, "temperature_celsius": 37.0,
    }  # fmt: skip
    worst = {
        "respiration_per_min": 30, "spo2_percent": 80, "oxygen": Oxygen.OXYGEN,
        "systolic_mmhg": 80, "pulse_per_min": 150, "consciousness": Consciousness.PAIN,
        "temperature_celsius": 34.0,
    }  # fmt: skip
    assert news2(only(**best)).upper == 0
    assert news2(only(**worst)).lower == 20
