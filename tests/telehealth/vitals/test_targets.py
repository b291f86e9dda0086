"""Target ranges: what is usual for one person moves yellow and orange, and red only signed."""

import pytest

from protocols.reading import Oxygen, Vitals
from telehealth.errors import RefusedError
from telehealth.vitals.levels import Level, judge
from telehealth.vitals.targets import TargetRange
from tests.telehealth.vitals.people import context

USUAL = TargetRange("tr-1", 88, 92)
SIGNED = TargetRange("tr-2", 88, 92, red_at_most_percent=84)
ALTITUDE = TargetRange("tr-3", 93, 97)


def level(spo2: float, target: TargetRange | None, **rest: object) -> Level:
    return judge(Vitals(spo2_percent=spo2, **rest), context(target=target)).level  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spo2", "without", "within"),
    [
        (97, Level.GREEN, Level.GREEN),
        (95, Level.YELLOW, Level.GREEN),
        (94, Level.ORANGE, Level.GREEN),
        (93, Level.ORANGE, Level.GREEN),
        (92.5, Level.RED, Level.RED),
    ],
)
def test_a_target_range_moves_yellow_and_orange_and_not_red(
    spo2: float, without: Level, within: Level
) -> None:
    assert level(spo2, None) is without
    assert level(spo2, ALTITUDE) is within


def test_below_the_range_is_orange_and_says_so() -> None:
    found = judge(Vitals(spo2_percent=94), context(target=TargetRange("tr-4", 95, 98)))
    assert found.level is Level.ORANGE
    assert [(r.code, r.limit, r.source) for r in found.reasons] == [
        ("target_low", 95, "target range tr-4")
    ]


@pytest.mark.parametrize(
    ("spo2", "expected"),
    [(88, Level.GREEN), (87.6, Level.GREEN), (87.5, Level.ORANGE), (85, Level.ORANGE),
     (84.5, Level.RED), (84, Level.RED)],
)  # fmt: skip
def test_red_moves_only_with_a_red_line_of_its_own(spo2: float, expected: Level) -> None:
    assert level(spo2, USUAL) is Level.RED
    assert level(spo2, SIGNED) is expected


def test_oxygen_at_home_is_orange_until_a_doctor_has_set_a_range() -> None:
    assert level(98, None, oxygen=Oxygen.OXYGEN) is Level.ORANGE
    assert level(97, ALTITUDE, oxygen=Oxygen.OXYGEN) is Level.GREEN


def test_a_single_three_for_a_usual_spo2_is_no_reason_but_one_of_another_vital_is() -> None:
    """SpO2 90 scores 3 on scale 1: usual for this person; a pulse of 135 is not."""
    assert level(90, SIGNED) is Level.GREEN
    assert level(90, SIGNED, pulse_per_min=135.0) is Level.ORANGE
    assert level(97, SIGNED, respiration_per_min=8.0) is Level.ORANGE


@pytest.mark.parametrize(
    ("lowest", "highest", "red"),
    [(79, 92, None), (92, 92, None), (93, 92, None), (90, 101, None), (88, 92, 88), (88, 92, 69)],
)
def test_what_is_no_range_is_refused(lowest: float, highest: float, red: float | None) -> None:
    with pytest.raises(RefusedError, match="target range"):
        TargetRange("tr-5", lowest, highest, red)


@pytest.mark.parametrize(("lowest", "highest", "red"), [(80, 100, 79), (99, 100, 98), (80, 81, 70)])
def test_what_is_one_is_taken_to_its_edges(lowest: float, highest: float, red: float) -> None:
    assert TargetRange("tr-6", lowest, highest, red).red_at_most_percent == red
