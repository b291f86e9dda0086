"""Plays one invented person through the product's own rules, reading by reading.

The person measures at the hours of the cadence, with jitter, and misses some slots. Where the rules
wait for a repeat, nine of ten people make it a minute later, twice at most; the others do not, and
the timer fires. Everything that decides is `telehealth.vitals`, as the server runs it.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks.evaluation.courses import MONITORED_H, Course, Measured
from protocols.reading import Oxygen, Reading, ReadingKind, Vitals
from telehealth.vitals.decisions import AlertAction, AlertDecision, Cause, TimerKind
from telehealth.vitals.levels import Context, Level, RuleSet, judge
from telehealth.vitals.news2 import News2, Scale2Prescription
from telehealth.vitals.state import Outcome, PersonState, advance, tick
from telehealth.vitals.targets import TargetRange

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
HOURS: Final = {1: (7,), 2: (7, 19), 4: (6, 11, 16, 21)}
"""When people measure, by how often a day."""
JITTER_H: Final = 1.0
REPEATS: Final = 0.9
MOST_REPEATS: Final = 2
REPEAT_AFTER_H: Final = 1 / 60
REPEAT_WITHIN: Final = timedelta(minutes=3)
COPD_SHIFT_POINTS: Final = 8.0
"""By how much NEWS2's two SpO2 scales part."""
COPD_TARGET: Final = TargetRange("copd", 88, 92, red_at_most_percent=85)
COPD_SCALE_2: Final = Scale2Prescription(
    prescribed_by="invented", prescribed_at=START, reason="hypercapnic failure"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """How a person is monitored."""

    per_day: int
    missing: float = 0.1
    """Share of slots in which nobody measures."""
    perfusion_index: bool = True
    """Whether the device tells it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One slot in which somebody measured, with its repeats: the better SpO2, and the scores."""

    at_h: float
    spo2_percent: float
    """Of a person with chronic lung disease higher by `COPD_SHIFT_POINTS`, so that one threshold
    can be asked of everybody."""
    before_percent: float
    """Of the step before, likewise; 100 where there is none."""
    news2_lower: int | None
    trend: float
    """0 while there is none."""
    pack_fires: tuple[bool, ...]
    """Whether a trigger of each compared pack fires for the better value."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert that began or became worse."""

    at_h: float
    cause: Cause
    level: int


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one person."""

    course: Course
    steps: tuple[Step, ...]
    raised: tuple[Raised, ...]
    readings: int

    @property
    def watched_days(self) -> float:
        """Until the event, or to the end."""
        event_h = self.course.event_h
        return (MONITORED_H if event_h is None else event_h) / 24.0


def play(
    course: Course, asked: Asked, rules: RuleSet, packs: tuple[RuleSet, ...], seed: str
) -> Played:
    """Return what the rules make of a course until its event."""
    return _Player(course, asked, rules, packs, random.Random(seed)).play()  # noqa: S311


class _Player:
    def __init__(
        self,
        course: Course,
        asked: Asked,
        rules: RuleSet,
        packs: tuple[RuleSet, ...],
        chance: random.Random,
    ) -> None:
        traits = course.traits
        self._course, self._asked, self._packs, self._chance = course, asked, packs, chance
        self._context = Context(
            rules=rules,
            age_months=traits.age_months,
            scale_2=COPD_SCALE_2 if traits.copd else None,
            target=COPD_TARGET if traits.copd else None,
            cadence=timedelta(days=1) / asked.per_day,
        )
        self._state = PersonState()
        self._raised: list[Raised] = []
        self._readings = 0
        self._before = 100.0

    def play(self) -> Played:
        """Measure in every slot."""
        steps = []
        end_h = MONITORED_H if self._course.event_h is None else self._course.event_h
        for day in range(int(MONITORED_H // 24)):
            for hour in HOURS[self._asked.per_day]:
                at_h = day * 24 + hour + self._chance.uniform(-JITTER_H, JITTER_H)
                missed = self._chance.random() < self._asked.missing
                repeats = self._chance.random() < REPEATS
                if at_h < end_h and not missed:
                    steps.append(self._slot(at_h, repeats=repeats))
        return Played(self._course, tuple(steps), tuple(self._raised), self._readings)

    def _slot(self, at_h: float, *, repeats: bool) -> Step:
        """Measure once, and again while the rules wait for it."""
        outcome, measured = self._measure(at_h)
        best, told = measured, outcome
        for _ in range(MOST_REPEATS if repeats else 0):
            if not self._waits:
                break
            at_h += REPEAT_AFTER_H
            outcome, measured = self._measure(at_h)
            if measured.spo2_percent > best.spo2_percent:
                best = measured
            told = outcome
        due = START + timedelta(hours=at_h) + REPEAT_WITHIN
        for kind in (TimerKind.REMEASURE, TimerKind.TREND_REPEAT):
            self._note(tick(self._state, kind, self._context, due))
        return self._step(at_h, best, told)

    @property
    def _waits(self) -> bool:
        """Whether the rules wait for a repeat."""
        return self._state.pending is not None or self._state.trend_wait_ms > 0

    def _measure(self, at_h: float) -> tuple[Outcome, Measured]:
        self._readings += 1
        measured = self._course.measure(at_h)
        at = START + timedelta(hours=at_h)
        reading = Reading(
            device_id=f"oximeter-{measured.device}",
            kind=ReadingKind.SPOT,
            measured_at=at,
            vitals=_vitals(measured, perfusion_index=self._asked.perfusion_index),
        )
        outcome = advance(self._state, reading, self._context, at)
        self._note(outcome)
        return outcome, measured

    def _note(self, outcome: Outcome) -> None:
        self._state = outcome.state
        self._raised += [_raised(alert) for alert in outcome.alerts if _begins(alert)]

    def _step(self, at_h: float, best: Measured, told: Outcome) -> Step:
        news2 = told.assessment.news2 if told.assessment is not None else None
        shift = COPD_SHIFT_POINTS if self._course.traits.copd else 0.0
        before, self._before = self._before, best.spo2_percent + shift
        return Step(
            at_h,
            self._before,
            before,
            news2.lower if isinstance(news2, News2) else None,
            0.0 if told.trend is None else told.trend.score,
            tuple(_fires(rules, best, self._context) for rules in self._packs),
        )


def _vitals(measured: Measured, *, perfusion_index: bool) -> Vitals:
    breaths = measured.respiration_per_min
    return Vitals(
        spo2_percent=float(measured.spo2_percent),
        pulse_per_min=float(measured.pulse_per_min),
        respiration_per_min=None if breaths is None else float(breaths),
        perfusion_index_percent=measured.perfusion_index_percent if perfusion_index else None,
        oxygen=Oxygen.OXYGEN if measured.on_oxygen else Oxygen.AIR,
    )


def _fires(rules: RuleSet, measured: Measured, context: Context) -> bool:
    """Whether a pack, by itself and without the person's target range, says anything."""
    vitals = _vitals(measured, perfusion_index=False)
    known = Context(rules=rules, age_months=context.age_months, pregnant=True)
    return judge(vitals, known).level > Level.GREEN


def _begins(alert: AlertDecision) -> bool:
    return alert.action in (AlertAction.RAISE, AlertAction.WORSEN)


def _raised(alert: AlertDecision) -> Raised:
    return Raised((alert.measured_at - START) / timedelta(hours=1), alert.cause, int(alert.level))
