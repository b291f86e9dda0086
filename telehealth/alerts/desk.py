"""Acts on what the alert rules decide: rows, history, clocks and notices in one transaction.

The rules themselves are pure: `lifecycle` (what can happen), `policy` (when), `routing` (to whom).
Every open alert has a timer row until a named person accepts it, and from then on one for the
review of that acceptance.
"""

import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from protocols.uplink import epoch_ms, instant
from telehealth import outbox, subjects, timers
from telehealth.access import reach
from telehealth.alerts import lifecycle, policy, records, routing
from telehealth.alerts.lifecycle import AcceptReason, Action, Alert, NoiseReason, ResolveReason
from telehealth.errors import NotFoundError, RefusedError
from telehealth.store.database import Reader, Transaction
from telehealth.timers import Due
from telehealth.vitals import watching
from telehealth.vitals.decisions import AlertDecision

log = logging.getLogger(__name__)
ESCALATE: Final = "escalate"
REVIEW: Final = "review"
DESK_TOPIC: Final = "desk"
"""Bus topic of alerts that are nobody's yet."""
_REASONS: Final[dict[Action, Iterable[lifecycle.CodedReason]]] = {
    Action.ACCEPT: AcceptReason,
    Action.RESOLVE: ResolveReason,
    Action.NOISE: NoiseReason,
}
_BY_PEOPLE: Final = (Action.ACCEPT, Action.ACT, Action.RESOLVE, Action.NOISE, Action.SEE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A decision of the vitals, with whom it is about and who answers for them."""

    decision: AlertDecision
    subject_id: str
    person_id: str | None
    device_id: str | None
    assigned_doctor_id: str | None
    rule_pack: str
    level_table: str


def take(tx: Transaction, cases: Sequence[Case]) -> bool:
    """Open, change or close the alerts that the decisions are about, and tell whom it concerns.

    Returns:
        Whether something waits in the outbox.
    """
    if not cases:
        return False
    open_alerts = records.load_open(tx, sorted({case.subject_id for case in cases}))
    queued = False
    for case in cases:
        key = (case.subject_id, case.decision.cause)
        alert = open_alerts.get(key)
        if alert is None:
            if not lifecycle.opens(case.decision):
                continue
            alert = _open(tx, case)
        else:
            alert, events = lifecycle.fold(alert, case.decision, tx.now)
            records.add_events(tx, events)
        alert, told = _drive(tx, alert, case.person_id)
        queued = queued or told
        if alert.is_open:
            open_alerts[key] = alert
        else:
            open_alerts.pop(key, None)
    return queued


def _open(tx: Transaction, case: Case) -> Alert:
    alert, events = lifecycle.raised(
        case.decision,
        alert_id=f"al-{uuid.uuid4().hex}",
        subject_id=case.subject_id,
        owner_id=case.assigned_doctor_id,
        now=tx.now,
    )
    records.add(
        tx,
        alert,
        person_id=case.person_id,
        device_id=case.device_id,
        rule_pack=case.rule_pack,
        level_table=case.level_table,
    )
    records.add_events(tx, events)
    log.info("raising alert", extra={"alert_id": alert.alert_id, "priority": alert.priority.value})
    return alert


def _drive(tx: Transaction, alert: Alert, person_id: str | None) -> tuple[Alert, bool]:
    """Carry out the step that is due, if one is, store the alert and set its next timer."""
    told = False
    due = policy.next_step(alert, tx.now)
    if alert.state is lifecycle.State.RAISED and due is None:
        alert, events = lifecycle.apply(alert, Action.NOTIFY, now=tx.now, step=alert.step)
        records.add_events(tx, events)
    elif due is not None and due[1] <= tx.now:
        routed = routing.route(alert, roster_of(tx, alert, person_id))
        if routed.unheard:
            log.critical("nobody can be told of an alert", extra={"alert_id": alert.alert_id})
        clock_ms = epoch_ms(alert.clock_at)
        for notify in routed.notices:
            outbox.queue(tx, _notice(notify, alert, clock_ms))
            told = True
        alert, events = lifecycle.apply(alert, Action.NOTIFY, now=tx.now, step=routed.step)
        records.add_events(tx, events)
    records.store(tx, alert)
    _set_clocks(tx, alert, tx.now)
    return alert, told


def _set_clocks(tx: Transaction, alert: Alert, now: datetime) -> None:
    following = policy.next_step(alert, now)
    if following is None:
        timers.cancel_timer(tx, ESCALATE, alert.alert_id)
    else:
        timers.set_timer(tx, ESCALATE, alert.alert_id, epoch_ms(following[1]))
    if alert.review_at is None:
        timers.cancel_timer(tx, REVIEW, alert.alert_id)
    else:
        timers.set_timer(tx, REVIEW, alert.alert_id, epoch_ms(alert.review_at))


def _notice(notify: routing.Notify, alert: Alert, clock_ms: int) -> outbox.Notice:
    return outbox.Notice(
        idempotency_key=notify.idempotency_key(clock_ms),
        recipient_id=notify.recipient_id,
        subject_id=alert.alert_id,
        payload={
            "kind": "alert",
            "alert_id": alert.alert_id,
            "subject_id": alert.subject_id,
            "priority": alert.priority.value,
            "step": notify.step,
            "target": notify.target.value,
            "with_card": notify.with_card,
        },
    )


def roster_of(reader: Reader, alert: Alert, person_id: str | None) -> routing.Roster:
    """Return who can be told now; an alert of nobody is the station's (`access.reach`)."""
    if person_id is None:
        on_duty = reach.station_of(reader, alert.subject_id)
    else:
        on_duty = reach.doctors_of(reader, person_id)
    return routing.Roster(
        assigned_id=alert.owner_id,
        on_duty=tuple(on_duty),
        dispatchers=tuple(reach.dispatchers_of(reader, person_id)),
    )


def act(
    tx: Transaction,
    alert_id: str,
    *,
    action: str,
    actor_id: str,
    reason: str | None = None,
    note: str | None = None,
    review_ms: int | None = None,
) -> Alert:
    """Do what a person decided about an alert; to resolve an accepted one is to act on it first.

    Args:
        tx: the transaction.
        alert_id: which alert.
        action: accept, act, resolve, noise or see.
        actor_id: the account that does it; whether it may was decided before.
        reason: the coded reason where the action needs one.
        note: free text that goes into the history.
        review_ms: for accept, when to look again; None: the priority's usual time.

    Raises:
        NotFoundError: no such alert.
        RefusedError: no such action or reason.
        IllegalTransitionError: not from where the alert stands.
        NotAllowedError: it takes the one who accepted.
    """
    if action not in {a.value for a in _BY_PEOPLE}:
        raise RefusedError("action", f"one of {', '.join(a.value for a in _BY_PEOPLE)}", action)
    found = records.load(tx, alert_id)
    if found is None:
        raise NotFoundError(f"no alert {alert_id}")
    alert = found[0]
    steps = [Action(action)]
    if steps == [Action.RESOLVE] and alert.state is lifecycle.State.ACCEPTED:
        steps = [Action.ACT, Action.RESOLVE]
    for step in steps:
        alert, events = lifecycle.apply(
            alert,
            step,
            actor_id,
            _coded(step, reason),
            now=tx.now,
            review_at=None if review_ms is None else instant(review_ms),
        )
        records.add_events(tx, events, note=note if step is steps[-1] else None)
    records.store(tx, alert)
    _set_clocks(tx, alert, tx.now)
    if not alert.is_open and found[1] is not None:
        _closed_by_a_human(tx, alert, found[1])
    return alert


def merge(tx: Transaction, alert: Alert, into_id: str, by: str) -> None:
    """Let another alert stand for this one, whose clocks stop.

    Raises:
        IllegalTransitionError: not from where the alert stands.
    """
    merged, events = lifecycle.apply(alert, Action.MERGE, by, now=tx.now, merged_into=into_id)
    records.add_events(tx, events)
    records.store(tx, merged)
    _set_clocks(tx, merged, tx.now)


def _closed_by_a_human(tx: Transaction, alert: Alert, person_id: str) -> None:
    """Let the same level of the same cause stay silent for a while, a worse one not."""
    subject = subjects.subjects_of(tx, [person_id])[person_id]
    states = subjects.lock_states(tx, [person_id])
    context = subject.context_at(tx.now)
    outcome = watching.closed(states[person_id], alert.cause, tx.now, context=context)
    subjects.keep_states(tx, {person_id: outcome.state})
    for timer in outcome.timers:
        subjects.keep_timer(tx, person_id, timer)


def _coded(action: Action, code: str | None) -> lifecycle.CodedReason | None:
    allowed: dict[str, lifecycle.CodedReason] = {r.value: r for r in _REASONS.get(action, ())}
    if code is None or not allowed:
        return None
    if code not in allowed:
        raise RefusedError("reason", f"one of {', '.join(allowed)}", code)
    return allowed[code]


def on_escalate_due(tx: Transaction, due: Due) -> list[str]:
    """Timer: nobody accepted in time; tell the next step."""
    return _wake(tx, due.subject_id, None)


def on_review_due(tx: Transaction, due: Due) -> list[str]:
    """Timer: the review time of an acceptance has come; the alert is open again."""
    return _wake(tx, due.subject_id, Action.REVIEW_DUE)


def _wake(tx: Transaction, alert_id: str, action: Action | None) -> list[str]:
    found = records.load(tx, alert_id)
    if found is None or not found[0].is_open:
        return []
    alert, person_id = found
    if action is not None:
        if (alert.state, action) not in lifecycle.TRANSITIONS:
            return []
        alert, events = lifecycle.apply(alert, action, now=tx.now)
        records.add_events(tx, events)
    _drive(tx, alert, person_id)
    return ["outbox", DESK_TOPIC if person_id is None else f"person:{person_id}"]


HANDLERS: Final = {ESCALATE: on_escalate_due, REVIEW: on_review_due}
