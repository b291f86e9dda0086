"""Escalation clocks: red 0/5/10/15, orange 0/15/30/60 minutes, yellow a worklist."""

from datetime import timedelta

import pytest

from telehealth.alerts.lifecycle import Action, State, apply
from telehealth.alerts.policy import CLOCKS, REVIEW_AFTER, Target, next_step
from telehealth.vitals.decisions import Priority
from telehealth.vitals.levels import Level
from tests.telehealth.alerts.examples import START, fresh, minutes, standing

IN_ORDER = (Target.ASSIGNED_DOCTOR, Target.ON_DUTY, Target.LEAD, Target.DISPATCHER)


@pytest.mark.parametrize(
    ("priority", "after"),
    [(Priority.HIGH, (0, 5, 10, 15)), (Priority.MEDIUM, (0, 15, 30, 60)), (Priority.LOW, ())],
)
def test_the_clock_of_each_priority(priority: Priority, after: tuple[int, ...]) -> None:
    steps = CLOCKS[priority].steps
    assert [step.after for step in steps] == [timedelta(minutes=m) for m in after]
    assert tuple(step.target for step in steps) == IN_ORDER[: len(after)]


@pytest.mark.parametrize(
    ("level", "due"),
    [(Level.RED, (0, 5, 10, 15, 30, 45)), (Level.ORANGE, (0, 15, 30, 60, 120, 180))],
)
def test_each_step_is_due_on_the_clock_and_the_last_is_repeated_until_accepted(
    level: Level, due: tuple[int, ...]
) -> None:
    alert = fresh(level)
    for number, after in enumerate(due):
        assert next_step(alert, START) == (number, minutes(after))
        alert, _ = apply(alert, Action.NOTIFY, now=minutes(after), step=number)


def test_steps_after_the_last_tell_the_dispatcher_again() -> None:
    assert CLOCKS[Priority.HIGH].step_at(4).target is Target.DISPATCHER


def test_a_step_missed_while_no_server_ran_is_due_now() -> None:
    assert next_step(standing(State.NOTIFIED), minutes(9)) == (1, minutes(9))
    assert next_step(standing(State.NOTIFIED), minutes(4)) == (1, minutes(5))


def test_yellow_pages_nobody() -> None:
    assert next_step(fresh(Level.YELLOW), START) is None


@pytest.mark.parametrize("state", [State.ACCEPTED, State.ACTING])
def test_the_clock_stands_while_somebody_holds_it(state: State) -> None:
    assert next_step(standing(state), minutes(60)) is None


def test_a_clock_knows_when_and_where_it_tells_a_target() -> None:
    high, low = CLOCKS[Priority.HIGH], CLOCKS[Priority.LOW]
    assert (high.after(Target.LEAD), high.number_of(Target.LEAD)) == (timedelta(minutes=10), 2)
    assert (low.after(Target.LEAD), low.number_of(Target.LEAD)) == (timedelta(0), 0)


def test_graver_alerts_are_reviewed_sooner() -> None:
    assert [REVIEW_AFTER[p] for p in Priority] == sorted(REVIEW_AFTER[p] for p in Priority)
