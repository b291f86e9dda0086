"""The life of an alert: `raised → notified → accepted → acting → resolved | noise | merged`.

Theory of operation. What is not in `TRANSITIONS` cannot happen. *Seen* is a fact of a notice: it
is recorded and moves nothing. Only *accepted*, by a named person, stops the clock. An acceptance
ends, back to notified with the clock anew, at its review time, when the person worsens by a
level, when the one who accepted goes off duty, and at a hand-over that nobody accepts (which
falls to the lead). A repeat that lowers a reading lowers its alert; a person who gets better
later does not: somebody still has to look, and to say what it was. Only a technical alert closes
by itself, when its cause is gone. `fold` takes a later decision of the same cause into the alert.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from telehealth.alerts.policy import CLOCKS, REVIEW_AFTER, Target
from telehealth.alerts.reasons import (
    AcceptReason,
    CodedReason,
    NoiseReason,
    ResolveReason,
    message_id,
)
from telehealth.errors import IllegalTransitionError, NotAllowedError, RefusedError
from telehealth.vitals.decisions import (
    PRIORITY_OF,
    AlertAction,
    AlertDecision,
    AlertKind,
    Cause,
    Priority,
)
from telehealth.vitals.levels import Level, Reason

__all__ = [
    "OPEN",
    "TRANSITIONS",
    "AcceptReason",
    "Action",
    "Alert",
    "AlertEvent",
    "CodedReason",
    "NoiseReason",
    "ResolveReason",
    "State",
    "apply",
    "fold",
    "message_id",
    "opens",
    "raised",
]


class State(StrEnum):
    """Where an alert stands; the escalation step is a number beside it."""

    RAISED = "raised"
    NOTIFIED = "notified"
    ACCEPTED = "accepted"
    ACTING = "acting"
    RESOLVED = "resolved"
    NOISE = "noise"
    MERGED = "merged"


class Action(StrEnum):
    """What can be done to an alert."""

    RAISE = "raise"
    NOTIFY = "notify"
    """A step was carried out: people were told, or it was put on the worklist."""
    SEE = "see"
    ACCEPT = "accept"
    ACT = "act"
    RESOLVE = "resolve"
    NOISE = "noise"
    MERGE = "merge"
    REVIEW_DUE = "review_due"
    GO_OFF_DUTY = "go_off_duty"
    HAND_OVER_UNACCEPTED = "hand_over_unaccepted"
    WORSEN = "worsen"
    JOIN = "join"
    """A further decision of the same cause, no worse than what stands."""
    CONFIRM = "confirm"
    LOWER = "lower"
    EASE = "ease"
    CLEAR = "clear"


OPEN: Final = (State.RAISED, State.NOTIFIED, State.ACCEPTED, State.ACTING)
_HELD: Final = (State.ACCEPTED, State.ACTING)
_STAY: Final = (Action.SEE, Action.JOIN, Action.CONFIRM, Action.LOWER, Action.EASE)
_ENDS_ACCEPTANCE: Final = (
    Action.REVIEW_DUE,
    Action.GO_OFF_DUTY,
    Action.HAND_OVER_UNACCEPTED,
    Action.WORSEN,
)

TRANSITIONS: Final[dict[tuple[State, Action], State]] = {
    (State.RAISED, Action.NOTIFY): State.NOTIFIED,
    (State.NOTIFIED, Action.NOTIFY): State.NOTIFIED,
    (State.NOTIFIED, Action.ACCEPT): State.ACCEPTED,
    (State.ACCEPTED, Action.ACCEPT): State.ACCEPTED,
    (State.ACTING, Action.ACCEPT): State.ACCEPTED,
    (State.ACCEPTED, Action.ACT): State.ACTING,
    (State.ACTING, Action.RESOLVE): State.RESOLVED,
    (State.ACCEPTED, Action.NOISE): State.NOISE,
    (State.ACTING, Action.NOISE): State.NOISE,
    (State.RAISED, Action.WORSEN): State.RAISED,
    (State.NOTIFIED, Action.WORSEN): State.NOTIFIED,
    **{(state, action): State.NOTIFIED for state in _HELD for action in _ENDS_ACCEPTANCE},
    **{(state, action): state for state in OPEN for action in _STAY},
    **{(state, Action.MERGE): State.MERGED for state in OPEN},
    **{(state, Action.CLEAR): State.RESOLVED for state in OPEN},
}
"""What is not here cannot happen. Accepting what another holds takes it over."""

_REASON_OF: Final[dict[Action, type[CodedReason]]] = {
    Action.ACCEPT: AcceptReason,
    Action.RESOLVE: ResolveReason,
    Action.NOISE: NoiseReason,
}
_BY_HOLDER: Final = frozenset({Action.ACT, Action.RESOLVE, Action.NOISE, Action.GO_OFF_DUTY})
_BY_PERSON: Final = _BY_HOLDER | {Action.ACCEPT, Action.SEE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert; one is open per subject and cause."""

    alert_id: str
    subject_id: str
    """The person; the device where the reading is nobody's yet."""
    cause: Cause
    kind: AlertKind
    level: Level
    """The worst since it was raised, or what a repeat lowered it to; never below yellow."""
    reasons: tuple[Reason, ...]
    raised_at: datetime
    measured_at: datetime
    clock_at: datetime
    """When the escalation clock last started."""
    state: State = State.RAISED
    step: int = 0
    """The next step to carry out."""
    owner_id: str | None = None
    """Who answers for it: the assigned doctor, then whoever accepted."""
    awaiting_repeat: bool = False
    late: bool = False
    time_uncertain: bool = False
    accepted_by: str | None = None
    accepted_at: datetime | None = None
    accept_reason: AcceptReason | None = None
    review_at: datetime | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    close_reason: ResolveReason | NoiseReason | None = None
    merged_into: str | None = None

    @property
    def priority(self) -> Priority:
        """How soon somebody must act."""
        return PRIORITY_OF[self.level]

    @property
    def is_open(self) -> bool:
        """Somebody still has to do something."""
        return self.state in OPEN

    @property
    def clock_runs(self) -> bool:
        """Nobody has accepted it."""
        return self.state in (State.RAISED, State.NOTIFIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEvent:
    """One line of an alert's history; written with the change, never altered."""

    alert_id: str
    at: datetime
    actor: str | None
    """A person; None: the engine."""
    action: Action
    before: State
    after: State
    level: Level
    step: int
    reason: CodedReason | None = None


def raised(
    decision: AlertDecision, *, alert_id: str, subject_id: str, owner_id: str | None, now: datetime
) -> tuple[Alert, tuple[AlertEvent, ...]]:
    """Return the alert that a decision raises, where none of its cause is open."""
    alert = Alert(
        alert_id=alert_id,
        subject_id=subject_id,
        cause=decision.cause,
        kind=decision.kind,
        level=max(decision.level, Level.YELLOW),
        reasons=decision.reasons,
        raised_at=now,
        measured_at=decision.measured_at,
        clock_at=now,
        owner_id=owner_id,
        awaiting_repeat=decision.awaiting_repeat,
        late=decision.late,
        time_uncertain=decision.time_uncertain,
    )
    return alert, (_event(alert, alert, Action.RAISE, None, now),)


def opens(decision: AlertDecision) -> bool:
    """Return whether a decision raises an alert where none of its cause is open."""
    return decision.action in (AlertAction.RAISE, AlertAction.WORSEN)


def fold(
    alert: Alert, decision: AlertDecision, now: datetime
) -> tuple[Alert, tuple[AlertEvent, ...]]:
    """Take a later decision of the same cause into the open alert."""
    if opens(decision):
        worse = decision.level > alert.level
        action = Action.WORSEN if worse else Action.JOIN
    else:
        action = Action(decision.action.value)
    return apply(alert, action, now=now, decision=decision)


def apply(
    alert: Alert,
    action: Action,
    actor: str | None = None,
    reason: CodedReason | None = None,
    *,
    now: datetime,
    step: int | None = None,
    review_at: datetime | None = None,
    merged_into: str | None = None,
    decision: AlertDecision | None = None,
) -> tuple[Alert, tuple[AlertEvent, ...]]:
    """Return the alert after an action, and its history lines.

    Args:
        alert: as it stands.
        action: what is done.
        actor: the person who does it; None: the engine.
        reason: the coded reason; needed to accept, resolve, or call it noise.
        now: the time of the transaction.
        step: for NOTIFY, the number of the step that was carried out.
        review_at: for ACCEPT, when the acceptance ends; None: `policy.REVIEW_AFTER`.
        merged_into: for MERGE, the alert that goes on instead.
        decision: for what vitals decide (WORSEN, JOIN, CONFIRM, LOWER, EASE, CLEAR).

    Raises:
        IllegalTransitionError: the table has no such step from the alert's state, or not yet.
        NotAllowedError: it takes a named person, or the one who accepted.
        RefusedError: the reason, step, target or decision is missing or of the wrong kind.
    """
    after = TRANSITIONS.get((alert.state, action))
    if after is None:
        raise IllegalTransitionError(alert.state, action)
    _check_actor(alert, action, actor)
    _check_reason(action, reason)
    match action:
        case Action.NOTIFY:
            if step is None or step < alert.step:
                raise RefusedError("step", f"at least {alert.step}", step)
            changed = replace(alert, state=after, step=step + 1)
        case Action.ACCEPT:
            changed = _accepted(alert, actor, reason, now, review_at)
        case Action.ACT | Action.SEE:
            changed = replace(alert, state=after)
        case Action.RESOLVE | Action.NOISE:
            changed = _closed(alert, after, actor, reason, now)
        case Action.MERGE:
            if merged_into is None or merged_into == alert.alert_id:
                raise RefusedError("merged_into", "another alert", merged_into)
            changed = replace(_closed(alert, after, actor, None, now), merged_into=merged_into)
        case Action.REVIEW_DUE | Action.GO_OFF_DUTY | Action.HAND_OVER_UNACCEPTED:
            changed = _reopened(alert, action, now)
        case _:
            changed = _decided(alert, action, after, decision, now)
    return changed, (_event(alert, changed, action, actor, now, reason),)


def _check_actor(alert: Alert, action: Action, actor: str | None) -> None:
    if action in _BY_PERSON and actor is None:
        raise NotAllowedError(f"{action} takes a named person")
    if action in _BY_HOLDER and actor != alert.accepted_by:
        raise NotAllowedError(f"{action} takes the one who accepted; accept it first")


def _check_reason(action: Action, reason: CodedReason | None) -> None:
    wanted = _REASON_OF.get(action)
    if wanted is not None and not isinstance(reason, wanted):
        raise RefusedError("reason", f"one of {', '.join(r.value for r in wanted)}", reason)


def _accepted(
    alert: Alert,
    actor: str | None,
    reason: CodedReason | None,
    now: datetime,
    review_at: datetime | None,
) -> Alert:
    if review_at is not None and review_at <= now:
        raise RefusedError("review_at", f"after {now.isoformat()}", review_at.isoformat())
    return replace(
        alert,
        state=State.ACCEPTED,
        owner_id=actor,
        accepted_by=actor,
        accepted_at=now,
        accept_reason=reason if isinstance(reason, AcceptReason) else None,
        review_at=review_at or now + REVIEW_AFTER[alert.priority],
    )


def _reopened(alert: Alert, action: Action, now: datetime) -> Alert:
    """End the acceptance; an unaccepted hand-over goes on at the lead's step, at once."""
    if action is Action.REVIEW_DUE and alert.review_at is not None and now < alert.review_at:
        raise IllegalTransitionError(
            alert.state, action, f"review is at {alert.review_at.isoformat()}"
        )
    clock = CLOCKS[alert.priority]
    to_lead = action is Action.HAND_OVER_UNACCEPTED
    return replace(
        alert,
        state=State.NOTIFIED,
        step=clock.number_of(Target.LEAD) if to_lead else 0,
        clock_at=now - clock.after(Target.LEAD) if to_lead else now,
        accepted_by=None,
        accepted_at=None,
        accept_reason=None,
        review_at=None,
    )


def _closed(
    alert: Alert, after: State, actor: str | None, reason: CodedReason | None, now: datetime
) -> Alert:
    return replace(
        alert,
        state=after,
        closed_by=actor,
        closed_at=now,
        close_reason=reason if isinstance(reason, ResolveReason | NoiseReason) else None,
        review_at=None,
        awaiting_repeat=False,
    )


def _decided(
    alert: Alert, action: Action, after: State, decision: AlertDecision | None, now: datetime
) -> Alert:
    """Apply what the vitals decided."""
    if decision is None:
        raise RefusedError("decision", f"needed to {action}", None)
    match action:
        case Action.WORSEN:
            if decision.level <= alert.level:
                raise RefusedError("level", f"above {alert.level.name}", decision.level.name)
            return replace(
                _reopened(alert, action, now),
                state=after,
                level=decision.level,
                reasons=decision.reasons,
                measured_at=decision.measured_at,
                awaiting_repeat=decision.awaiting_repeat,
                late=decision.late,
                time_uncertain=decision.time_uncertain,
            )
        case Action.CONFIRM:
            return replace(alert, awaiting_repeat=False)
        case Action.LOWER:
            lowered = max(decision.level, Level.YELLOW)
            return replace(alert, level=min(lowered, alert.level), awaiting_repeat=False)
        case Action.CLEAR:
            if alert.kind is not AlertKind.TECHNICAL:
                raise IllegalTransitionError(alert.state, action, "only a technical alert clears")
            return _closed(alert, after, None, ResolveReason.CAUSE_GONE, now)
        case _:
            return alert


def _event(
    before: Alert,
    after: Alert,
    action: Action,
    actor: str | None,
    now: datetime,
    reason: CodedReason | None = None,
) -> AlertEvent:
    return AlertEvent(
        alert_id=after.alert_id,
        at=now,
        actor=actor,
        action=action,
        before=before.state,
        after=after.state,
        level=after.level,
        step=after.step,
        reason=reason if reason is not None else _own_reason(after, action),
    )


def _own_reason(after: Alert, action: Action) -> CodedReason | None:
    return after.close_reason if action is Action.CLEAR else None
