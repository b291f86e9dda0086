"""Silence: when a person without accepted readings turns grey, and when to look next.

A person is grey after 1.5 times the cadence without an accepted reading (docs/rules.md,
"Levels"). The timer is lazy: it is set once, and when it fires it looks at the last reading and
either finds silence or sets itself again, so that a reading costs no timer write.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

GREY_AFTER: Final = 1.5
"""Cadences without an accepted reading."""
CONTINUOUS_UP_TO: Final = timedelta(minutes=5)
"""A person expected this often wears the device; taking it off then is worth an alert."""
PROBE_OFF_AFTER: Final = timedelta(minutes=2)
"""A worn probe off for this long raises its technical alert (starting value, ours)."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Whether a person is silent at a moment, and when the next look is due if not."""

    silent: bool
    due_at: datetime


def silence(last_at: datetime, cadence: timedelta, now: datetime) -> Silence:
    """Return whether nothing was accepted within 1.5 cadences of `last_at`."""
    due_at = last_at + cadence * GREY_AFTER
    return Silence(now >= due_at, due_at)
