"""What a reading does to a person's score state: `advance`.

Theory of operation. A reading passes the quality gate, is put together with what is carried from
earlier ones, and is judged (NEWS2, rule pack, level table). The re-measure rule decides whether
its level counts now; what counts is compared with what was last alerted, and the difference is a
decision for the alert engine. `watching.tick` does the same for time that passes without one.

Order and time. A reading older than the newest is scored at its own time, on its own values; it
may raise, but lowers nothing. `late` marks what is older than the newest, or than now, by more
than `watching.LATE_AFTER`. A reading that nobody can date, or from the future, is scored likewise.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from protocols.reading import Consciousness, Reading, ReadingKind, Vitals
from protocols.uplink import epoch_ms, instant
from telehealth.vitals import bad_data, episode, watching
from telehealth.vitals.carry import Carried, Number, remember_slow, together
from telehealth.vitals.decisions import AlertAction, AlertDecision, TimerDecision, TimerKind
from telehealth.vitals.levels import Assessment, Context, Level, Reason, judge
from telehealth.vitals.parameters import DangerSign
from telehealth.vitals.person_state import (
    Outcome,
    PersonState,
    decode_state,
    encode_state,
    level_at,
    waiting_on,
)
from telehealth.vitals.quality import (
    HEART_FRESH_MS,
    Gate,
    QualityReason,
    Verdict,
    agreeing,
    gate,
)
from telehealth.vitals.remeasure import (
    REPEAT_WITHIN_MS,
    Confirm,
    Decision,
    Hold,
    Lower,
    Raise,
    Seen,
    weigh,
)
from telehealth.vitals.watching import LATE_AFTER_MS, closed, probe, watch

__all__ = [
    "Outcome",
    "PersonState",
    "advance",
    "closed",
    "decode_state",
    "encode_state",
    "level_at",
    "probe",
    "tick",
    "watch",
]

FUTURE_TOLERANCE: Final = timedelta(minutes=5)
"""A reading dated further ahead than this cannot be right: its time is uncertain."""
EASE_AFTER: Final = timedelta(minutes=10)
"""Continuous readings must stay better this long before the alert is eased (ours)."""

_FUTURE_MS: Final = FUTURE_TOLERANCE // timedelta(milliseconds=1)
_EASE_AFTER_MS: Final = EASE_AFTER // timedelta(milliseconds=1)


def advance(state: PersonState, reading: Reading, context: Context, now: datetime) -> Outcome:
    """Take in one reading of the person.

    Args:
        state: as it was stored last; `PersonState()` for a person without one.
        reading: of this person; whose it is was decided before.
        context: the person, as of the reading's date.
        now: the time of the transaction, aware UTC.
    """
    passed = gate(reading, age_months=context.age_months)
    if state.heart is not None and passed.verdict is not Verdict.REJECTED:
        if 0 <= epoch_ms(reading.measured_at) - state.heart.at_ms <= HEART_FRESH_MS:
            passed = agreeing(passed, state.heart.value)
    if passed.verdict is Verdict.REJECTED and not _signs_stand(passed, context):
        return _rejected(state, reading, passed, context, now)
    at_ms = epoch_ms(reading.measured_at)
    now_ms = epoch_ms(now)
    if reading.time_uncertain or at_ms > now_ms + _FUTURE_MS:
        return _out_of_turn(state, passed, context, at_ms, late=False, uncertain=True)
    late = max(now_ms, state.newest_ms) - at_ms > LATE_AFTER_MS
    if at_ms < state.newest_ms:
        return _out_of_turn(state, passed, context, at_ms, late=late, uncertain=False)
    return _in_turn(
        state, reading.kind, reading.device_id, passed, context,
        at_ms=at_ms, now_ms=now_ms, late=late,
    )  # fmt: skip


def tick(state: PersonState, kind: TimerKind, context: Context, now: datetime) -> Outcome:
    """Look at the state because a timer of this kind fired."""
    if kind is TimerKind.TREND_REPEAT:
        return episode.on_timer(state, context, now)
    return watching.tick(state, kind, context, now)


def _signs_stand(passed: Gate, context: Context) -> bool:
    """A declared danger sign counts without a usable number, but not as a demonstration."""
    return bool(context.danger_signs) and QualityReason.NOT_A_PATIENTS not in passed.reasons


def _rejected(
    state: PersonState, reading: Reading, passed: Gate, context: Context, now: datetime
) -> Outcome:
    """Nothing is scored; a worn probe that measures nothing is off."""
    worn = reading.kind is ReadingKind.MINUTE and not reading.time_uncertain
    if worn and QualityReason.FINGER_OFF in passed.reasons:
        after = probe(state, off=True, at=reading.measured_at, context=context, now=now)
        return Outcome(after.state, after.alerts, after.timers, passed)
    at_ms = epoch_ms(reading.measured_at)
    if QualityReason.NOT_A_PATIENTS in passed.reasons or at_ms < state.newest_ms:
        return Outcome(state, gate=passed)
    bad = bad_data.count(
        state.bad_readings, state.bad_alerted, at_ms, bad=True,
        minute=reading.kind is ReadingKind.MINUTE,
    )  # fmt: skip
    after_bad = replace(state, bad_readings=bad.in_a_row, bad_alerted=bad.alerted)
    return Outcome(after_bad, () if bad.alert is None else (bad.alert,), gate=passed)


def _out_of_turn(
    state: PersonState, passed: Gate, context: Context, at_ms: int, *, late: bool, uncertain: bool
) -> Outcome:
    """Score a reading that is not the newest, or has no sure time: it may raise, nothing else.

    One just before the newest has its repeat already, so only red raises there.
    """
    assessment = judge(passed.vitals, context)
    level = assessment.level
    repeated = not uncertain and state.newest_ms - at_ms <= REPEAT_WITHIN_MS
    alerts: tuple[AlertDecision, ...] = ()
    if level > max(state.alerted, Level.GREEN) and (level is Level.RED or not repeated):
        action = AlertAction.WORSEN if state.alerted > Level.GREEN else AlertAction.RAISE
        alerts = (
            watching.vitals_alert(
                action, level, assessment.reasons, at_ms, late=late, uncertain=uncertain
            ),
        )
        state = replace(state, alerted=int(level))
    return Outcome(
        state,
        alerts,
        (),
        passed,
        assessment,
        compared=_compared(passed.vitals, context, context.danger_signs),
        late=late,
        time_uncertain=uncertain,
    )


def _in_turn(
    state: PersonState,
    kind: ReadingKind,
    device_id: str,
    passed: Gate,
    context: Context,
    *,
    at_ms: int,
    now_ms: int,
    late: bool,
) -> Outcome:
    """Judge a reading newer than all before it, and let its level count by the repeat rule."""
    alerts: list[AlertDecision] = []
    timers: list[TimerDecision] = []
    waited = state.pending
    if waited is not None:
        state, overdue = watching.settled(state, context, at_ms, now_ms=now_ms)
        alerts += overdue
    if state.trend_wait_ms:
        state, overdue = episode.settled(state, context, at_ms, now_ms=now_ms)
        alerts += overdue
    own, declared = passed.vitals, context.danger_signs
    vitals, signs, carried = _scored_on(state, own, declared, at_ms)
    assessment = judge(vitals, context, danger_signs=signs)
    grave = bool(signs) or vitals.consciousness not in _NOT_GRAVE
    doubtful = passed.verdict is Verdict.LOW_CONFIDENCE
    minute = kind is ReadingKind.MINUTE
    pending, decisions = weigh(
        state.pending,
        _LEVELS[state.level],
        Seen(assessment.level, at_ms, own.spo2_percent, doubtful and not grave, minute or grave),
    )
    counted, alert, alerted, better_since_ms = _alert(
        state,
        decisions,
        assessment,
        context,
        at_ms=at_ms,
        now_ms=now_ms,
        minute=minute,
        may_ease=pending is None and not doubtful,
        late=late,
    )
    if alert is not None:
        alerts.append(alert)
    if pending is not waited:
        due_at = None if pending is None else instant(max(pending.until_ms, now_ms))
        timers.append(TimerDecision(TimerKind.REMEASURE, due_at))
    waiting = state.waiting
    if pending is not state.pending:
        waiting = None if pending is None else waiting_on(vitals, signs)
    spo2, pulse = (None, None) if doubtful else (own.spo2_percent, own.pulse_per_min)
    course = episode.Course(
        state.trend, state.trend_alerted, state.trend_calm_ms, state.trend_wait_ms, None
    )
    if own.spo2_percent is not None:
        course = episode.take_in(
            state, own, kind, device_id, context, alerts, timers,
            at_ms=at_ms, now_ms=now_ms, vitals_alerted=alerted, doubtful=doubtful, late=late,
        )  # fmt: skip
    bad = bad_data.count(
        state.bad_readings, state.bad_alerted, at_ms, bad=doubtful and not grave, minute=minute
    )
    if bad.alert is not None:
        alerts.append(bad.alert)
    heart = state.heart
    if own.spo2_percent is None and pulse is not None:
        heart = Number(pulse, at_ms)
    after = PersonState(
        counted,
        alerted,
        at_ms,
        state.watched_from_ms,
        pending,
        waiting,
        better_since_ms,
        state.realert_ms if at_ms < state.realert_ms else 0,
        state.silent,
        state.silence_armed,
        state.probe_off_ms,
        state.probe_alerted,
        state.spo2 if spo2 is None else Number(spo2, at_ms),
        state.pulse if pulse is None else Number(pulse, at_ms),
        remember_slow(state.slow, own, declared, at_ms),
        course.trend,
        course.alerted,
        course.calm_since_ms,
        course.wait_ms,
        bad.in_a_row,
        bad.alerted,
        heart,
    )
    if state.silent or state.probe_off_ms or not state.silence_armed:
        after = watching.heard(after, context, at_ms, now_ms, alerts, timers)
    return Outcome(
        after,
        tuple(alerts),
        tuple(timers),
        passed,
        assessment,
        carried,
        _compared(vitals, context, signs),
        course.score,
        late,
    )


def _compared(vitals: Vitals, context: Context, signs: frozenset[DangerSign]) -> Assessment | None:
    """Return what the rules say that run beside those that decide."""
    if context.compared is None:
        return None
    return judge(vitals, context, danger_signs=signs, rules=context.compared)


_LEVELS: Final = {int(level): level for level in Level}
_NOT_GRAVE: Final = (None, Consciousness.ALERT)


def _scored_on(
    state: PersonState, own: Vitals, declared: frozenset[DangerSign], at_ms: int
) -> tuple[Vitals, frozenset[DangerSign], tuple[Carried, ...]]:
    """Return what to score; an oximeter's reading with nothing to carry stands as it is."""
    if state.slow is None and own.spo2_percent is not None and own.pulse_per_min is not None:
        return own, declared, ()
    return together(own, declared, at_ms, state.spo2, state.pulse, state.slow)


def _alert(
    state: PersonState,
    decisions: tuple[Decision, ...],
    assessment: Assessment,
    context: Context,
    *,
    at_ms: int,
    now_ms: int,
    minute: bool,
    may_ease: bool,
    late: bool,
) -> tuple[int, AlertDecision | None, int, int]:
    """Compare what counts with what was alerted.

    Nothing eases (`may_ease`) while a worse reading waits for its repeat, or on a doubtful one.

    Returns:
        The level that counts, the decision for the alert if any, the level now alerted, and
        since when continuous readings have been better than that (0: they are not).
    """
    alerted = state.alerted
    if state.realert_ms and at_ms >= state.realert_ms:
        alerted = 0
    counted, awaiting_ms, confirmed, lowered = state.level, 0, False, False
    for decision in decisions:
        if type(decision) is Hold:
            continue
        counted = int(decision.level)
        confirmed = confirmed or type(decision) is Confirm
        lowered = type(decision) is Lower
        awaiting_ms = (decision.awaiting_until_ms or 0) if type(decision) is Raise else 0
    action: AlertAction | None = None
    better_since_ms = 0
    if counted > max(alerted, 0):
        action = AlertAction.WORSEN if alerted > 0 else AlertAction.RAISE
    elif max(counted, 0) < alerted:
        better_since_ms = state.better_since_ms or at_ms
        if lowered:
            action = AlertAction.LOWER
        elif may_ease and (not minute or at_ms - better_since_ms >= _EASE_AFTER_MS):
            action = AlertAction.EASE
    elif confirmed and state.pending is not None and state.pending.alerted:
        action = AlertAction.CONFIRM
    if action is None:
        return counted, None, alerted, better_since_ms
    reasons = _reasons(state, assessment, context, counted)
    alert = watching.vitals_alert(
        action, _LEVELS[counted], reasons, at_ms, awaiting=awaiting_ms > now_ms, late=late
    )
    return counted, alert, max(counted, 0), 0


def _reasons(
    state: PersonState, assessment: Assessment, context: Context, counted: int
) -> tuple[Reason, ...]:
    """Return the reading's reasons; those of the awaited one where that is what counts."""
    if assessment.level >= counted or state.waiting is None:
        return assessment.reasons
    return watching.reasons_of(state.waiting, context)
