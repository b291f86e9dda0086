"""The trend's episode: when a trend score alerts, and when its episode is over. Pure.

One episode is open per person. It begins when the score reaches a line of the level table and that
level is above what the vitals themselves have alerted (a trend may only raise), worsens when a
higher line is reached, and ends after `CALM_FOR` below `CALM_BELOW`; only then may the same level
alert anew. A human closes the alert, as with every physiological one; the episode goes on.

A spot check that would begin or worsen an episode waits for its repeat, three minutes at most, as
every yellow and orange does; the better of the two counts (`trend`).
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from msgspec.structs import replace

from protocols.reading import ReadingKind, Vitals
from protocols.uplink import epoch_ms, instant
from telehealth.vitals import watching
from telehealth.vitals.decisions import (
    AlertAction,
    AlertDecision,
    Cause,
    TimerDecision,
    TimerKind,
)
from telehealth.vitals.levels import Context, Level, weigh_trend
from telehealth.vitals.person_state import Outcome, PersonState
from telehealth.vitals.remeasure import REPEAT_WITHIN_MS
from telehealth.vitals.trend import Trend, TrendScore, take
from telehealth.vitals.trend import score as score_now

CALM_BELOW: Final = 7.0 / 3.0
"""A third of the orange line (docs/rules.md, "Trend")."""
CALM_FOR: Final = timedelta(hours=24)
_CALM_MS: Final = CALM_FOR // timedelta(milliseconds=1)


class Followed(NamedTuple):
    """The episode after a score: its level, since when it is calm (0: it is not), and the alert."""

    alerted: int
    calm_since_ms: int
    alert: AlertDecision | None
    waits: bool = False
    """It would alert, but the reading may still be repeated."""


def follow(
    alerted: int,
    calm_since_ms: int,
    score: TrendScore,
    context: Context,
    at_ms: int,
    *,
    vitals_alerted: int,
    late: bool,
    may_wait: bool = False,
) -> Followed:
    """Let a score act on the episode.

    Args:
        alerted: the level of the open episode; 0: none is open.
        calm_since_ms: since when its score has been calm; 0: it is not.
        score: as of `at_ms`.
        context: the person.
        at_ms: when the newest reading was measured.
        vitals_alerted: the level at which the person's vitals have alerted by themselves.
        late: whether the reading came late.
        may_wait: whether the score rests on a spot check that nobody has repeated yet.
    """
    level, reason = weigh_trend(score.score, context)
    if reason is not None and level > max(alerted, vitals_alerted):
        if may_wait:
            return Followed(alerted, 0, None, waits=True)
        action = AlertAction.WORSEN if alerted else AlertAction.RAISE
        alert = watching.physiological_alert(
            Cause.TREND, action, level, (reason,), at_ms, late=late
        )
        return Followed(int(level), 0, alert)
    if not alerted or score.score >= CALM_BELOW:
        return Followed(alerted, 0, None)
    since_ms = calm_since_ms or at_ms
    if at_ms - since_ms < _CALM_MS:
        return Followed(alerted, since_ms, None)
    alert = watching.physiological_alert(
        Cause.TREND, AlertAction.EASE, Level.GREEN, (), at_ms, late=late
    )
    return Followed(0, 0, alert)


class Course(NamedTuple):
    """Trend and episode after a reading."""

    trend: Trend
    alerted: int
    calm_since_ms: int
    wait_ms: int
    score: TrendScore | None


def take_in(
    state: PersonState,
    own: Vitals,
    kind: ReadingKind,
    device_id: str,
    context: Context,
    alerts: list[AlertDecision],
    timers: list[TimerDecision],
    *,
    at_ms: int,
    now_ms: int,
    vitals_alerted: int,
    doubtful: bool,
    late: bool,
) -> Course:
    """Let a reading with an SpO2 act on trend and episode; adds what follows to the lists."""
    trend = take(state.trend, own, kind, at_ms, doubtful=doubtful, device_id=device_id)
    told = score_now(trend, context.age_months, context.target)
    alerted, calm_since_ms, wait_ms = state.trend_alerted, state.trend_calm_ms, 0
    if told is not None:
        unrepeated = trend.point is not None and trend.point.n == 1
        alerted, calm_since_ms, alert, waits = follow(
            alerted, calm_since_ms, told, context, at_ms,
            vitals_alerted=vitals_alerted, late=late, may_wait=unrepeated and kind in _REPEATABLE,
        )  # fmt: skip
        wait_ms = at_ms + REPEAT_WITHIN_MS if waits else 0
        if alert is not None:
            alerts.append(alert)
    if wait_ms or state.trend_wait_ms:
        due_at = instant(max(wait_ms, now_ms)) if wait_ms else None
        timers.append(TimerDecision(TimerKind.TREND_REPEAT, due_at))
    return Course(trend, alerted, calm_since_ms, wait_ms, told)


_REPEATABLE: Final = (ReadingKind.SPOT, ReadingKind.TYPED)


def settled(
    state: PersonState, context: Context, at_ms: int, *, now_ms: int
) -> tuple[PersonState, tuple[AlertDecision, ...]]:
    """Let a wait that has run out at `at_ms` count: nobody repeated, so the score stands."""
    if not state.trend_wait_ms or at_ms < state.trend_wait_ms:
        return state, ()
    measured_ms = state.trend_wait_ms - REPEAT_WITHIN_MS
    after = replace(state, trend_wait_ms=0)
    told = score_now(state.trend, context.age_months, context.target)
    if told is None:
        return after, ()
    followed = follow(
        state.trend_alerted, state.trend_calm_ms, told, context, measured_ms,
        vitals_alerted=state.alerted, late=now_ms - measured_ms > watching.LATE_AFTER_MS,
    )  # fmt: skip
    after = replace(after, trend_alerted=followed.alerted, trend_calm_ms=followed.calm_since_ms)
    return after, () if followed.alert is None else (followed.alert,)


def on_timer(state: PersonState, context: Context, now: datetime) -> Outcome:
    """Look at the wait because its timer fired."""
    now_ms = epoch_ms(now)
    if state.trend_wait_ms and now_ms < state.trend_wait_ms:
        due = TimerDecision(TimerKind.TREND_REPEAT, instant(state.trend_wait_ms))
        return Outcome(state, timers=(due,))
    after, alerts = settled(state, context, now_ms, now_ms=now_ms)
    return Outcome(after, alerts)
