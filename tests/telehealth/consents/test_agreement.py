"""Whose yes it takes (Law on Children art. 1; Law 91/2025 art. 24)."""

from datetime import date

import pytest

from telehealth.consents.agreement import Needed, age_in_years, check, needed
from telehealth.errors import RefusedError

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("born", "guardian", "child"),
    [
        (date(2019, 11, 24), True, False),  # seven tomorrow
        (date(2019, 11, 23), True, True),  # seven today
        (date(2010, 11, 24), True, True),  # sixteen tomorrow
        (date(2010, 11, 23), False, False),  # sixteen today
        (date(1950, 1, 1), False, False),
        (None, False, False),
    ],
)
def test_a_child_needs_a_guardian_and_from_seven_its_own_agreement(
    born: date | None, guardian: bool, child: bool
) -> None:
    assert needed(born, TODAY, has_guardian=False) == Needed(guardian, child)


@pytest.mark.parametrize("born", [date(1950, 1, 1), None])
def test_a_grown_up_with_a_guardian_needs_them(born: date | None) -> None:
    assert needed(born, TODAY, has_guardian=True) == Needed(guardian=True, child=False)


def test_a_birthday_on_29_february_is_on_1_march_in_other_years() -> None:
    born = date(2020, 2, 29)
    assert age_in_years(born, date(2027, 2, 28)) == 6
    assert age_in_years(born, date(2027, 3, 1)) == 7
    assert age_in_years(born, date(2028, 2, 29)) == 8


@pytest.mark.parametrize(
    ("wanted", "guardian", "child_agrees", "field"),
    [
        (Needed(True, False), False, True, "guardian"),
        (Needed(True, True), True, False, "child_agrees"),
        (Needed(True, True), False, False, "guardian"),
    ],
)
def test_a_missing_yes_is_refused_by_name(
    wanted: Needed, guardian: bool, child_agrees: bool, field: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        check(wanted, guardian=guardian, child_agrees=child_agrees)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("wanted", "guardian", "child_agrees"),
    [
        (Needed(False, False), False, False),
        (Needed(True, False), True, False),
        (Needed(True, True), True, True),
    ],
)
def test_whoever_is_needed_is_enough(wanted: Needed, guardian: bool, child_agrees: bool) -> None:
    check(wanted, guardian=guardian, child_agrees=child_agrees)
