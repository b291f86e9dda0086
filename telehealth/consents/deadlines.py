"""The law's clocks: by when a request is answered, and by when it is done. Pure.

Decree 356/2025 gives two working days from receipt for the answer, and calendar days by the kind of
request for the rest. A day ends at local midnight of the place. Public holidays are passed in: they
are announced each year (Labour Code 45/2019 art. 112), so no table of ours could know them.
"""

from collections.abc import Set
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final

ANSWER_WORKING_DAYS: Final = 2
WITHDRAWAL_DAYS: Final = 15
"""By when what rested on a withdrawn consent has ended (confidence high)."""
_SATURDAY: Final = 5


class Kind(StrEnum):
    """What somebody may ask about their data (Law 91/2025 art. 4)."""

    COPY = "copy"
    CORRECT = "correct"
    DELETE = "delete"
    RESTRICT = "restrict"


DONE_DAYS: Final = {Kind.COPY: 10, Kind.CORRECT: 10, Kind.RESTRICT: 15, Kind.DELETE: 20}
"""Calendar days from receipt (Decree 356/2025; confidence medium but for `restrict`, high)."""


def is_working_day(day: date, holidays: Set[date]) -> bool:
    """Say whether offices work: Monday to Friday and no public holiday."""
    return day.weekday() < _SATURDAY and day not in holidays


def answer_due(received_at: datetime, zone: tzinfo, holidays: Set[date] = frozenset()) -> datetime:
    """Return the end of the second working day after the day of receipt."""
    day, left = received_at.astimezone(zone).date(), ANSWER_WORKING_DAYS
    while left:
        day += timedelta(days=1)
        left -= is_working_day(day, holidays)
    return _end_of(day, zone)


def done_due(received_at: datetime, days: int, zone: tzinfo) -> datetime:
    """Return the end of the last of so many calendar days after the day of receipt."""
    return _end_of(received_at.astimezone(zone).date() + timedelta(days=days), zone)


def _end_of(day: date, zone: tzinfo) -> datetime:
    """Return local midnight after a day."""
    return datetime.combine(day + timedelta(days=1), time(), zone)
