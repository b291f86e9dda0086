"""Escalation clocks: who is told when, until a named person accepts (docs/rules.md, "Clocks").

The step is a number, counted from 0, never a state. An alert's clock starts when it is raised,
worsens or comes back from an acceptance. After the last step, which ends at a dispatcher with the
emergency card, that step is repeated for as long as nobody accepts: no alert goes quiet unowned.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from telehealth.vitals.decisions import Priority


class Target(StrEnum):
    """Whom a step tells."""

    ASSIGNED_DOCTOR = "assigned_doctor"
    ON_DUTY = "on_duty"
    LEAD = "lead"
    DISPATCHER = "dispatcher"
    """With the emergency card: address, oxygen, contact, last vitals."""


@dataclass(frozen=True, slots=True)
class Step:
    """Tell `target` when the clock shows `after`."""

    target: Target
    after: timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """The steps of one priority; none at all means a worklist that pages nobody."""

    steps: tuple[Step, ...]
    repeat_every: timedelta
    """After the last step, as often as this again."""

    def step_at(self, number: int) -> Step:
        """Return the step of a number; numbers past the last repeat it."""
        last = len(self.steps) - 1
        if number <= last:
            return self.steps[number]
        final = self.steps[last]
        return Step(final.target, final.after + (number - last) * self.repeat_every)

    def after(self, target: Target) -> timedelta:
        """Return when a target is told; zero where the clock has no such step."""
        return next((s.after for s in self.steps if s.target is target), timedelta(0))

    def number_of(self, target: Target) -> int:
        """Return the number of a target's step; 0 where the clock has no such step."""
        return next((i for i, s in enumerate(self.steps) if s.target is target), 0)


class Escalating(Protocol):
    """What a clock must know of an alert."""

    @property
    def priority(self) -> Priority: ...
    @property
    def step(self) -> int: ...
    @property
    def clock_at(self) -> datetime: ...
    @property
    def clock_runs(self) -> bool: ...


def _clock(minutes: tuple[int, int, int, int]) -> Clock:
    targets = (Target.ASSIGNED_DOCTOR, Target.ON_DUTY, Target.LEAD, Target.DISPATCHER)
    steps = tuple(
        Step(target, timedelta(minutes=m)) for target, m in zip(targets, minutes, strict=True)
    )
    return Clock(steps, steps[-1].after)


CLOCKS: Final[Mapping[Priority, Clock]] = {
    Priority.HIGH: _clock((0, 5, 10, 15)),
    Priority.MEDIUM: _clock((0, 15, 30, 60)),
    Priority.LOW: Clock((), timedelta(0)),
}
REVIEW_AFTER: Final[Mapping[Priority, timedelta]] = {
    Priority.HIGH: timedelta(minutes=30),
    Priority.MEDIUM: timedelta(hours=2),
    Priority.LOW: timedelta(hours=12),
}
"""How long an acceptance holds unless a review time is given; then the alert is open again."""


def next_step(
    alert: Escalating, now: datetime, *, clocks: Mapping[Priority, Clock] = CLOCKS
) -> tuple[int, datetime] | None:
    """Return the next step of an alert and when it is due, at the earliest `now`.

    None while its clock stands (a named person accepted, or it is closed) or where its priority
    has no clock.
    """
    clock = clocks[alert.priority]
    if not alert.clock_runs or not clock.steps:
        return None
    return alert.step, max(alert.clock_at + clock.step_at(alert.step).after, now)
