"""What time does to a person's score state: waits that run out, silence, a probe that fell off.

`watch` begins to expect readings, `tick` looks when a timer fires, `probe` takes a device's word
that its finger is gone or back, `closed` notes that a human closed the alert. Timers are lazy:
`tick` looks at the state and may find nothing to do, or that it must look again later.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from protocols.uplink import epoch_ms, instant
from telehealth.vitals.decisions import (
    PRIORITY_OF,
    AlertAction,
    AlertDecision,
    AlertKind,
    Cause,
    TimerDecision,
    TimerKind,
)
from telehealth.vitals.levels import Context, Level, Reason, judge
from telehealth.vitals.parameters import Parameter, ReasonCode
from telehealth.vitals.person_state import Outcome, PersonState, Waiting
from telehealth.vitals.remeasure import settle
from telehealth.vitals.silence import (
    CONTINUOUS_UP_TO,
    GREY_AFTER,
    PROBE_OFF_AFTER,
    silence,
)

LATE_AFTER: Final = timedelta(minutes=10)
"""What was measured longer ago than this is late."""
QUIET_AFTER_CLOSE: Final = timedelta(minutes=30)
"""After a human closed an alert the same level stays silent this long; a worse one does not."""
RULES: Final = "docs/rules.md"
_MS: Final = timedelta(milliseconds=1)
_MINUTE: Final = timedelta(minutes=1)
LATE_AFTER_MS: Final = LATE_AFTER // _MS


def watch(state: PersonState, context: Context, now: datetime) -> Outcome:
    """Begin to expect readings of a person (a device was issued, a case opened)."""
    due_at = now + context.cadence * GREY_AFTER
    after = replace(state, watched_from_ms=epoch_ms(now), silence_armed=True)
    return Outcome(after, timers=(TimerDecision(TimerKind.DEVICE_SILENT, due_at),))


def tick(state: PersonState, kind: TimerKind, context: Context, now: datetime) -> Outcome:
    """Look at the state because a timer of this kind fired."""
    if kind is TimerKind.REMEASURE:
        return _repeat_due(state, context, now)
    if kind is TimerKind.DEVICE_SILENT:
        return _silence_due(state, context, now)
    return _probe_due(state, now)


def probe(
    state: PersonState, *, off: bool, at: datetime, context: Context, now: datetime
) -> Outcome:
    """Note that a worn probe came off or is back; spot checks end so, and are no concern."""
    if off:
        at = min(at, now)
        at_ms = epoch_ms(at)
        if context.cadence > CONTINUOUS_UP_TO or state.probe_off_ms or at_ms < state.newest_ms:
            return Outcome(state)
        due_at = max(at + PROBE_OFF_AFTER, now)
        after = replace(state, probe_off_ms=at_ms)
        return Outcome(after, timers=(TimerDecision(TimerKind.PROBE_OFF, due_at),))
    if not state.probe_off_ms or epoch_ms(at) < state.probe_off_ms:
        return Outcome(state)
    alerts: list[AlertDecision] = []
    timers: list[TimerDecision] = []
    after = _probe_back(state, epoch_ms(at), alerts, timers)
    return Outcome(after, tuple(alerts), tuple(timers))


def closed(
    state: PersonState,
    cause: Cause,
    now: datetime,
    *,
    context: Context,
    quiet: timedelta = QUIET_AFTER_CLOSE,
) -> Outcome:
    """Note that a human closed the person's alert of this cause.

    Until `quiet` has passed the same level raises no new alert, a worse one does; what still
    holds after that alerts anew.
    """
    until = now + quiet
    if cause is Cause.VITALS:
        return Outcome(replace(state, realert_ms=epoch_ms(until)))
    if cause is Cause.DEVICE_SILENT:
        due_at = max(until, _last_heard(state) + context.cadence * GREY_AFTER)
        after = replace(state, silent=False, silence_armed=True)
        return Outcome(after, timers=(TimerDecision(TimerKind.DEVICE_SILENT, due_at),))
    if cause in (Cause.TREND, Cause.BAD_DATA):
        return Outcome(state)
    timer = TimerDecision(TimerKind.PROBE_OFF, until if state.probe_off_ms else None)
    return Outcome(replace(state, probe_alerted=False), timers=(timer,))


def settled(
    state: PersonState, context: Context, at_ms: int, *, now_ms: int
) -> tuple[PersonState, Sequence[AlertDecision]]:
    """Let a wait that has run out at `at_ms` count; the state as it was while it still runs."""
    confirm = settle(state.pending, at_ms)
    if confirm is None or state.pending is None:
        return state, ()
    level = confirm.level
    action: AlertAction | None = None
    if level > max(state.alerted, Level.GREEN):
        action = AlertAction.WORSEN if state.alerted > Level.GREEN else AlertAction.RAISE
    elif state.pending.alerted:
        action = AlertAction.CONFIRM
    after = replace(
        state, level=int(level), alerted=max(state.alerted, int(level)), pending=None, waiting=None
    )
    if action is None:
        return after, ()
    reasons = () if state.waiting is None else reasons_of(state.waiting, context)
    measured_ms = state.pending.at_ms
    late = now_ms - measured_ms > LATE_AFTER_MS
    return after, (vitals_alert(action, level, reasons, measured_ms, late=late),)


def heard(
    state: PersonState,
    context: Context,
    at_ms: int,
    now_ms: int,
    alerts: list[AlertDecision],
    timers: list[TimerDecision],
) -> PersonState:
    """A usable reading: the probe is on, and the silence, if it was one, is over."""
    if state.probe_off_ms and at_ms >= state.probe_off_ms:
        state = _probe_back(state, at_ms, alerts, timers)
    due_ms = at_ms + context.cadence * GREY_AFTER // _MS
    if state.silent and due_ms > now_ms:
        alerts.append(technical(Cause.DEVICE_SILENT, AlertAction.CLEAR, Level.GREEN, (), at_ms))
        state = replace(state, silent=False, silence_armed=False)
    if not state.silence_armed and not state.silent:
        timers.append(TimerDecision(TimerKind.DEVICE_SILENT, instant(max(due_ms, now_ms))))
        state = replace(state, silence_armed=True)
    return state


def vitals_alert(
    action: AlertAction,
    level: Level,
    reasons: tuple[Reason, ...],
    at_ms: int,
    *,
    awaiting: bool = False,
    late: bool = False,
    uncertain: bool = False,
) -> AlertDecision:
    """Return a decision about the alert of the person's vitals."""
    return physiological_alert(
        Cause.VITALS, action, level, reasons, at_ms,
        awaiting=awaiting, late=late, uncertain=uncertain,
    )  # fmt: skip


def physiological_alert(
    cause: Cause,
    action: AlertAction,
    level: Level,
    reasons: tuple[Reason, ...],
    at_ms: int,
    *,
    awaiting: bool = False,
    late: bool = False,
    uncertain: bool = False,
) -> AlertDecision:
    """Return a decision about a physiological alert of the person."""
    return AlertDecision(
        cause=cause,
        kind=AlertKind.PHYSIOLOGICAL,
        action=action,
        level=level,
        priority=PRIORITY_OF[level],
        reasons=reasons,
        measured_at=instant(at_ms),
        awaiting_repeat=awaiting,
        late=late,
        time_uncertain=uncertain,
    )


def reasons_of(waiting: Waiting, context: Context) -> tuple[Reason, ...]:
    """Return the reasons of the vitals that a wait rests on."""
    return judge(waiting.vitals(), context, danger_signs=frozenset(waiting.danger_signs)).reasons


def _repeat_due(state: PersonState, context: Context, now: datetime) -> Outcome:
    if state.pending is None:
        return Outcome(state)
    now_ms = epoch_ms(now)
    if now_ms < state.pending.until_ms:
        due_at = instant(state.pending.until_ms)
        return Outcome(state, timers=(TimerDecision(TimerKind.REMEASURE, due_at),))
    after, alerts = settled(state, context, now_ms, now_ms=now_ms)
    return Outcome(after, tuple(alerts))


def _last_heard(state: PersonState) -> datetime:
    return instant(max(state.newest_ms, state.watched_from_ms))


def _silence_due(state: PersonState, context: Context, now: datetime) -> Outcome:
    if state.silent or not (state.newest_ms or state.watched_from_ms):
        return Outcome(state)
    last_at = _last_heard(state)
    found = silence(last_at, context.cadence, now)
    if not found.silent or state.probe_alerted:
        due_at = now + context.cadence * GREY_AFTER if found.silent else found.due_at
        return Outcome(state, timers=(TimerDecision(TimerKind.DEVICE_SILENT, due_at),))
    level = Level.ORANGE if state.level >= Level.ORANGE else Level.YELLOW
    reason = Reason(
        ReasonCode.DEVICE_SILENT,
        Parameter.DEVICE,
        (now - last_at) // _MINUTE,
        context.cadence * GREY_AFTER / _MINUTE,
        RULES,
    )
    alert = technical(Cause.DEVICE_SILENT, AlertAction.RAISE, level, (reason,), epoch_ms(last_at))
    return Outcome(replace(state, silent=True, silence_armed=False), (alert,))


def _probe_due(state: PersonState, now: datetime) -> Outcome:
    if not state.probe_off_ms or state.probe_alerted:
        return Outcome(state)
    off_at = instant(state.probe_off_ms)
    if now < off_at + PROBE_OFF_AFTER:
        return Outcome(
            state, timers=(TimerDecision(TimerKind.PROBE_OFF, off_at + PROBE_OFF_AFTER),)
        )
    reason = Reason(
        ReasonCode.PROBE_OFF,
        Parameter.DEVICE,
        (now - off_at) // _MINUTE,
        PROBE_OFF_AFTER / _MINUTE,
        RULES,
    )
    alert = technical(
        Cause.PROBE_OFF, AlertAction.RAISE, Level.YELLOW, (reason,), state.probe_off_ms
    )
    return Outcome(replace(state, probe_alerted=True), (alert,))


def _probe_back(
    state: PersonState, at_ms: int, alerts: list[AlertDecision], timers: list[TimerDecision]
) -> PersonState:
    if state.probe_alerted:
        alerts.append(technical(Cause.PROBE_OFF, AlertAction.CLEAR, Level.GREEN, (), at_ms))
    else:
        timers.append(TimerDecision(TimerKind.PROBE_OFF, None))
    return replace(state, probe_off_ms=0, probe_alerted=False)


def technical(
    cause: Cause, action: AlertAction, level: Level, reasons: tuple[Reason, ...], at_ms: int
) -> AlertDecision:
    """Return a decision about a technical alert of the person."""
    return AlertDecision(
        cause=cause,
        kind=AlertKind.TECHNICAL,
        action=action,
        level=level,
        priority=PRIORITY_OF[level],
        reasons=reasons,
        measured_at=instant(at_ms),
    )
