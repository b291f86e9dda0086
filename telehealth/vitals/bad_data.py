"""Bad data: a technical alert after readings in a row that could not be used, or hardly. Pure.

Somebody whose oximeter never measures well is not watched, however often it speaks. Three spot
checks, or ten continuous minutes, in a row (starting values, ours) raise it; one good reading ends
it. A worn probe off the finger has an alert of its own, and is not counted here.
"""

from typing import Final, NamedTuple

from telehealth.vitals import watching
from telehealth.vitals.decisions import AlertAction, AlertDecision, Cause
from telehealth.vitals.levels import Level, Reason
from telehealth.vitals.parameters import Parameter, ReasonCode

MOST_SPOT_CHECKS: Final = 3
MOST_MINUTES: Final = 10
_STORED_AT_MOST: Final = 200


class Counted(NamedTuple):
    """How many bad ones came in a row, whether that has alerted, and the alert."""

    in_a_row: int
    alerted: bool
    alert: AlertDecision | None


def count(in_a_row: int, alerted: bool, at_ms: int, *, bad: bool, minute: bool) -> Counted:
    """Take one reading into the count."""
    if not bad:
        if not alerted:
            return _NONE
        clear = watching.technical(Cause.BAD_DATA, AlertAction.CLEAR, Level.GREEN, (), at_ms)
        return Counted(0, False, clear)
    now = min(in_a_row + 1, _STORED_AT_MOST)
    most = MOST_MINUTES if minute else MOST_SPOT_CHECKS
    if alerted or now < most:
        return Counted(now, alerted, None)
    reason = Reason(ReasonCode.BAD_DATA, Parameter.DEVICE, now, most, watching.RULES)
    alert = watching.technical(Cause.BAD_DATA, AlertAction.RAISE, Level.YELLOW, (reason,), at_ms)
    return Counted(now, True, alert)


_NONE: Final = Counted(0, False, None)
