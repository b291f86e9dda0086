"""Spot checks: from the samples of one finger to a value that has held still. Pure.

Theory of operation. When a finger goes in, the first values are wrong: the device still averages.
So a value counts once a window of good samples of at least 5 s lies within 2 points of SpO2 and
6 beats of pulse; it is the median of that window. A sample that is not good, or a break of more
than 3 s, begins the window anew; where the values drift, the oldest leave it until the rest lies
close enough. Without a plateau by the time the finger is gone (or 40 s have passed) the spot check
is sent without values and says why: `NO_PLATEAU` and whatever flags were seen. The browser follows
the same rule (tests/vectors/PLATEAU.md, docs/devices.md).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from devices.minutes import TimedSample
from protocols.reading import Quality, flags_of_most, has_any

STABLE_MS: Final = 5_000
SPO2_RANGE_PERCENT: Final = 2.0
PULSE_RANGE_PER_MIN: Final = 6.0
BREAK_MS: Final = 3_000
FEWEST: Final = 4
GIVE_UP_MS: Final = 40_000
"""After so long without a plateau the person is told why; the search goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotCheck:
    """A value that has held still; without one `quality` says why."""

    monotonic_ms: int
    spo2_percent: float | None
    pulse_per_min: float | None
    perfusion_index_percent: float | None = None
    quality: Quality = Quality.GOOD


class PlateauFinder:
    """One finger in one device: a spot check at the first plateau, or why there is none."""

    def __init__(self) -> None:
        self.found = False
        """This finger has its reading."""
        self._window: deque[TimedSample] = deque()
        self._seen = Quality.GOOD
        self._first_ms: int | None = None
        self._last_ms = 0
        self._told_why = False

    @property
    def stable_ms(self) -> int:
        """How long the values have held still."""
        return self._window[-1].monotonic_ms - self._window[0].monotonic_ms if self._window else 0

    def add(self, sample: TimedSample) -> SpotCheck | None:
        """Take one sample; return the spot check if the values have now held still."""
        if has_any(sample.quality, Quality.FINGER_OFF):
            return self.finish()
        if self._first_ms is None:
            self._first_ms = sample.monotonic_ms
        self._last_ms = sample.monotonic_ms
        self._seen |= sample.quality
        if self.found:
            return None
        self._widen(sample)
        if len(self._window) >= FEWEST and self.stable_ms >= STABLE_MS:
            self.found = True
            return _reading_of(self._window)
        if sample.monotonic_ms - self._first_ms >= GIVE_UP_MS:
            return self._why_not()
        return None

    def finish(self) -> SpotCheck | None:
        """The finger is gone: say why there was no reading, if there was none."""
        spot = self._why_not() if self._first_ms is not None and not self.found else None
        self.found, self._first_ms, self._seen = False, None, Quality.GOOD
        self._told_why = False
        self._window.clear()
        return spot

    def _why_not(self) -> SpotCheck | None:
        if self._told_why:
            return None
        self._told_why = True
        return SpotCheck(
            monotonic_ms=self._last_ms,
            spo2_percent=None,
            pulse_per_min=None,
            quality=Quality.NO_PLATEAU | self._seen,
        )

    def _widen(self, sample: TimedSample) -> None:
        if not sample.good or sample.pulse_per_min is None:
            self._window.clear()
            return
        if self._window and sample.monotonic_ms - self._window[-1].monotonic_ms > BREAK_MS:
            self._window.clear()
        self._window.append(sample)
        while not _close(self._window):
            self._window.popleft()


def _close(window: Sequence[TimedSample]) -> bool:
    spo2 = [sample.spo2_percent or 0.0 for sample in window]
    pulse = [sample.pulse_per_min or 0.0 for sample in window]
    return (
        max(spo2) - min(spo2) <= SPO2_RANGE_PERCENT
        and max(pulse) - min(pulse) <= PULSE_RANGE_PER_MIN
    )


def _reading_of(window: Sequence[TimedSample]) -> SpotCheck:
    perfusion = [
        sample.perfusion_index_percent
        for sample in window
        if sample.perfusion_index_percent is not None
    ]
    return SpotCheck(
        monotonic_ms=window[-1].monotonic_ms,
        spo2_percent=round(median(s.spo2_percent or 0.0 for s in window), 2),
        pulse_per_min=round(median(s.pulse_per_min or 0.0 for s in window), 2),
        perfusion_index_percent=round(median(perfusion), 2) if perfusion else None,
        quality=flags_of_most([sample.quality for sample in window]),
    )
