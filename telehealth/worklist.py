"""The order of a doctor's list: whom to look at first. Pure.

Red, orange, then grey, because nobody knows how that person is, then yellow and green. Within a
level those with an alert that nobody has accepted come first, the higher priority before the
lower; then the lower SpO2.
"""

from collections.abc import Iterable
from typing import Final

from telehealth.vitals.decisions import Priority
from telehealth.vitals.levels import Level

LEVEL_RANK: Final = {
    Level.RED: 4,
    Level.ORANGE: 3,
    Level.GREY: 2,
    Level.YELLOW: 1,
    Level.GREEN: 0,
}
PRIORITY_RANK: Final = {Priority.HIGH: 3, Priority.MEDIUM: 2, Priority.LOW: 1}


FALL_POINTS: Final = 3.0
"""A fall of SpO2 since yesterday this large is pointed out: less is within a device's own error
(docs/rules.md, "Trends")."""


def fell(change: float | None) -> bool:
    """Whether a change of SpO2 since yesterday is a fall to point out."""
    return change is not None and change <= -FALL_POINTS


def risk_rank(
    level: Level, unaccepted: Iterable[Priority], spo2_percent: float | None
) -> tuple[int, int, float]:
    """Return a key that sorts higher the sooner somebody should look.

    Args:
        level: as shown now, grey included.
        unaccepted: the priorities of open alerts that nobody has accepted.
        spo2_percent: the last accepted value; None sorts as if it were the lowest.
    """
    waiting = max((PRIORITY_RANK[priority] for priority in unaccepted), default=0)
    return LEVEL_RANK[level], waiting, 100.0 - (spo2_percent if spo2_percent is not None else 0.0)
