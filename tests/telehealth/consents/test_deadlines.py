"""The law's clocks (Decree 356/2025): two working days to answer, calendar days to do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telehealth.consents.deadlines import (
    DONE_DAYS,
    WITHDRAWAL_DAYS,
    Kind,
    answer_due,
    done_due,
    is_working_day,
)

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
NATIONAL_DAY = frozenset({date(2026, 9, 1), date(2026, 9, 2)})


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-11-23T00:00", "2026-11-26T00:00"),  # Monday: Tuesday, Wednesday
        ("2026-11-23T23:59", "2026-11-26T00:00"),
        ("2026-11-24T00:00", "2026-11-27T00:00"),
        ("2026-11-26T10:00", "2026-12-01T00:00"),  # Thursday: Friday, Monday
        ("2026-11-27T10:00", "2026-12-02T00:00"),  # Friday: Monday, Tuesday
        ("2026-11-28T10:00", "2026-12-02T00:00"),  # Saturday
        ("2026-11-29T10:00", "2026-12-02T00:00"),  # Sunday
    ],
)
def test_an_answer_is_due_at_the_end_of_the_second_working_day(received: str, due: str) -> None:
    assert answer_due(local(received), ZONE) == local(due)


def test_a_public_holiday_is_no_working_day_and_an_unknown_one_only_makes_us_earlier() -> None:
    received = local("2026-08-31T09:00")
    assert answer_due(received, ZONE, NATIONAL_DAY) == local("2026-09-05T00:00")
    assert answer_due(received, ZONE) == local("2026-09-03T00:00")
    assert is_working_day(date(2026, 9, 3), NATIONAL_DAY)
    assert not is_working_day(date(2026, 9, 2), NATIONAL_DAY)
    assert not is_working_day(date(2026, 9, 5), NATIONAL_DAY)


def test_the_day_of_receipt_is_the_places_not_greenwichs() -> None:
    late_in_the_evening_utc = datetime(2026, 11, 22, 17, 30, tzinfo=UTC)  # Monday there
    assert answer_due(late_in_the_evening_utc, ZONE) == local("2026-11-26T00:00")
    assert answer_due(late_in_the_evening_utc, UTC) == datetime(2026, 11, 25, tzinfo=UTC)


def test_the_rest_is_done_within_calendar_days() -> None:
    received = local("2026-11-23T15:00")
    assert done_due(received, WITHDRAWAL_DAYS, ZONE) == local("2026-12-09T00:00")
    assert {kind: done_due(received, days, ZONE).day - 1 for kind, days in DONE_DAYS.items()} == {
        Kind.COPY: 3,
        Kind.CORRECT: 3,
        Kind.RESTRICT: 8,
        Kind.DELETE: 13,
    }


@given(
    received=st.integers(0, 200_000).map(lambda n: NEW_YEAR + timedelta(minutes=37 * n)),
    holidays=st.frozensets(st.dates(date(2026, 1, 1), date(2026, 3, 1)), max_size=10),
)
def test_an_answer_is_due_after_two_days_on_which_offices_work(
    received: datetime, holidays: frozenset[date]
) -> None:
    due = answer_due(received, ZONE, holidays)
    first = received.astimezone(ZONE).date() + timedelta(days=1)
    days = [first + timedelta(days=n) for n in range((due.date() - first).days)]
    working = [day for day in days if is_working_day(day, holidays)]
    assert len(working) == 2
    assert working[-1] == days[-1]
