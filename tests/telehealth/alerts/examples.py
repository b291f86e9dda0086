"""Alerts in each state, for the tests of their rules."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from telehealth.alerts.lifecycle import AcceptReason, Action, Alert, State, apply, raised
from telehealth.vitals.decisions import (
    PRIORITY_OF,
    AlertAction,
    AlertDecision,
    AlertKind,
    Cause,
)
from telehealth.vitals.levels import Level, Reason
from telehealth.vitals.parameters import Parameter, ReasonCode

START: Final = datetime(2022, 3, 1, 7, 0, tzinfo=UTC)
DOCTOR: Final = "doctor-1"
RED_SPO2: Final = Reason(ReasonCode.SPO2_RED, Parameter.SPO2, 90, 92, "a source")


def minutes(number: float) -> datetime:
    """An instant of the test's day."""
    return START + timedelta(minutes=number)


def decided(
    action: AlertAction = AlertAction.RAISE, level: Level = Level.RED, **changes: Any
) -> AlertDecision:
    """A decision of the vitals."""
    known: dict[str, Any] = {
        "cause": Cause.VITALS,
        "kind": AlertKind.PHYSIOLOGICAL,
        "action": action,
        "level": level,
        "priority": PRIORITY_OF[level],
        "reasons": (RED_SPO2,),
        "measured_at": START,
        **changes,
    }
    return AlertDecision(**known)


def fresh(level: Level = Level.RED, **changes: Any) -> Alert:
    """An alert just raised for a person with an assigned doctor."""
    alert, _ = raised(
        decided(level=level, **changes),
        alert_id="alert-1",
        subject_id="person-1",
        owner_id=DOCTOR,
        now=START,
    )
    return alert


def standing(state: State, level: Level = Level.RED, **changes: Any) -> Alert:
    """An alert brought to a state the way it would come there, all at the start."""
    alert = fresh(level, **changes)
    path = {
        State.RAISED: (),
        State.NOTIFIED: (Action.NOTIFY,),
        State.ACCEPTED: (Action.NOTIFY, Action.ACCEPT),
        State.ACTING: (Action.NOTIFY, Action.ACCEPT, Action.ACT),
    }[state]
    for action in path:
        alert, _ = apply(
            alert,
            action,
            None if action is Action.NOTIFY else DOCTOR,
            AcceptReason.CALLING if action is Action.ACCEPT else None,
            now=START,
            step=0 if action is Action.NOTIFY else None,
        )
    return alert
