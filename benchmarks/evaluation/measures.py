"""What a rule achieves on a cohort: sensitivity, lead time, false alerts; with intervals.

Definitions (docs/evaluation.md). A rule is a score at each step and a cut. It alerts where the
score reaches the cut; alerts less than `QUIET_H` apart are one. An alert at or after the onset and
before the event finds it; one without an event to come, or before the onset, is false. The lead is
the time from the first alert that finds the event to the event; a miss counts as 0 h.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation.play import Played, Step

QUIET_H: Final = 24.0
FALSE_CAP: Final = 0.02
"""False alerts a patient-day at which rules are compared."""
_RESAMPLED: Final = 400

Score = Callable[[Step], float]


@dataclass(frozen=True, slots=True)
class One:
    """What a rule did for one person."""

    has_event: bool
    lead_h: float
    false_alerts: int
    days: float


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its 95 % interval (bootstrap over people)."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.low:.3g}-{self.high:.3g})"


@dataclass(frozen=True, slots=True)
class Measures:
    """What a rule did for a cohort."""

    events: int
    sensitivity: Figure
    lead_h: Figure
    lead_quartiles_h: tuple[float, float]
    false_per_patient_day: Figure


def one(played: Played, score: Score, cut: float) -> One:
    """Return what a rule did for one person."""
    event_h, onset_h = played.course.event_h, played.course.onset_h
    last_h, lead_h, false = float("-inf"), 0.0, 0
    for step in played.steps:
        if score(step) < cut:
            continue
        finds = onset_h is not None and step.at_h >= onset_h
        if finds and event_h is not None and not lead_h:
            lead_h = event_h - step.at_h
        if not finds and step.at_h - last_h >= QUIET_H:
            false += 1
        last_h = step.at_h
    return One(event_h is not None, lead_h, false, played.watched_days)


def measure(cohort: Sequence[Played], score: Score, cut: float) -> Measures:
    """Return what a rule did for a cohort."""
    ones = [one(played, score, cut) for played in cohort]
    event = np.array([each.has_event for each in ones])
    lead = np.array([each.lead_h for each in ones])
    false = np.array([each.false_alerts for each in ones], dtype=float)
    days = np.array([each.days for each in ones])
    leads = lead[event] if event.any() else np.zeros(1)
    low, high = np.percentile(leads, [25, 75])
    return Measures(
        events=int(event.sum()),
        sensitivity=_interval(lambda i: _share(lead[i][event[i]] > 0), len(ones)),
        lead_h=_interval(lambda i: _median(lead[i][event[i]]), len(ones)),
        lead_quartiles_h=(float(low), float(high)),
        false_per_patient_day=_interval(lambda i: float(false[i].sum() / days[i].sum()), len(ones)),
    )


def _share(found: NDArray[np.bool_]) -> float:
    return float(found.mean()) if found.size else 0.0


def _median(leads: NDArray[np.float64]) -> float:
    return float(np.median(leads)) if leads.size else 0.0


def _interval(figure: Callable[[NDArray[np.int64]], float], people: int) -> Figure:
    """Return a figure with its interval over resampled people; the seed is fixed."""
    draw = np.random.default_rng(5)
    again = [figure(draw.integers(0, people, people)) for _ in range(_RESAMPLED)]
    low, high = np.percentile(again, [2.5, 97.5])
    return Figure(figure(np.arange(people)), float(low), float(high))


def best_cut(cohort: Sequence[Played], score: Score, cuts: Sequence[float]) -> float:
    """Return the most sensitive of the cuts under the cap; the highest where none is."""
    days = sum(played.watched_days for played in cohort)

    def is_quiet(cut: float) -> bool:
        return sum(one(p, score, cut).false_alerts for p in cohort) / days <= FALSE_CAP

    return next((cut for cut in sorted(cuts) if is_quiet(cut)), max(cuts))


def alerts_per_patient_day(cohort: Sequence[Played], least: int, most: int = 3) -> Figure:
    """Return alerts that began or became worse at these levels, of all causes, a patient-day."""
    count = np.array(
        [sum(least <= r.level <= most for r in played.raised) for played in cohort], dtype=float
    )
    days = np.array([played.watched_days for played in cohort])
    return _interval(lambda i: float(count[i].sum() / days[i].sum()), len(cohort))
