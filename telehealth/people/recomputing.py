"""Makes a person's score state anew from their readings, after readings changed hands.

A fresh state takes in the readings of the seven days up to the newest in the order in which they
were measured, each as of when it arrived. No alert is opened, changed or closed: the state then
agrees with the alerts that stand (docs/people.md, "Recomputing", says how, field by field).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from protocols.reading import Consciousness, Oxygen, Quality, Reading, ReadingKind, Vitals
from protocols.uplink import epoch_ms, instant
from telehealth import subjects, timers
from telehealth.alerts.lifecycle import OPEN
from telehealth.store.database import Reader, Row, Transaction
from telehealth.vitals import watching
from telehealth.vitals.decisions import Cause, TimerKind
from telehealth.vitals.levels import Context
from telehealth.vitals.news2 import News2
from telehealth.vitals.person_state import Outcome, PersonState
from telehealth.vitals.silence import GREY_AFTER, PROBE_OFF_AFTER
from telehealth.vitals.state import advance

WINDOW: Final = timedelta(days=30)
"""Longer than anything that the rules carry on: what is usual for a person (`vitals.trend`) is
learnt in the first days that they are monitored."""
_WINDOW_MS: Final = WINDOW // timedelta(milliseconds=1)
_READING: Final = (
    "SELECT reading_id, device_id, kind, measured_ms, received_ms, spo2_percent, spo2_min_percent,"
    " pulse_per_min, perfusion_index_percent, respiration_per_min, temperature_celsius,"
    " systolic_mmhg, diastolic_mmhg, oxygen, consciousness, quality, quality_share, time_uncertain"
    " FROM reading"
)
SCORED: Final = (
    "gate", "gate_reasons", "level", "news2_lower", "news2_upper", "rule_pack", "level_table",
    "reasons", "trend",
)  # fmt: skip
"""Columns of a reading that say what the rules made of it."""


def recompute(
    tx: Transaction,
    person_ids: Collection[str],
    *,
    rescore: Collection[int] = (),
    joining: Mapping[str, PersonState] | None = None,
) -> None:
    """Compute the score states of people anew, and set the timers that follow.

    Args:
        tx: the transaction.
        person_ids: whose readings changed; unknown ones are left out.
        rescore: readings whose stored scores are replaced by what this person's rules say.
        joining: by person, the state of a record that has become part of theirs.
    """
    wanted = sorted(set(person_ids))
    known = subjects.subjects_of(tx, wanted)
    before = subjects.lock_states(tx, sorted(known))
    alerts = _open_alerts(tx, sorted(known))
    watched = _watched(tx, sorted(known))
    for person_id in sorted(known):
        subject = known[person_id]
        state = replay(tx, person_id, subject, set(rescore))
        context = subject.context_at(tx.now)
        other = (joining or {}).get(person_id)
        state = agreeing(
            state,
            before[person_id] if other is None else joined(before[person_id], other),
            alerts.get(person_id, {}),
            context,
            tx.now,
            is_watched=person_id in watched,
        )
        subjects.keep_states(tx, {person_id: state})
        _set_timers(tx, person_id, state, context)


def replay(
    tx: Transaction, person_id: str, subject: subjects.Subject, rescore: Collection[int]
) -> PersonState:
    """Return the state that the person's readings make, from a fresh one."""
    newest = tx.rows(
        "SELECT max(measured_ms) FROM reading WHERE person_id = ? AND measured_ms <= ?",
        (person_id, tx.now_ms),
    )[0][0]
    rows = tx.rows(
        f"{_READING} WHERE person_id = ? AND measured_ms >= ? ORDER BY measured_ms, reading_id",
        (person_id, (newest or tx.now_ms) - _WINDOW_MS),
    )
    state, scores = PersonState(), list[Row]()
    for row in rows:
        reading = reading_of(row)
        outcome = advance(state, reading, subject.context_at(reading.measured_at), instant(row[4]))
        state = outcome.state
        if row[0] in rescore:
            scores.append((*scored(outcome), row[0]))
    left = set(rescore) - {row[0] for row in rows}
    scores += _scored_alone(tx, person_id, subject, left)
    tx.update("reading", "reading_id", SCORED, scores)
    return state


def _scored_alone(
    reader: Reader, person_id: str, subject: subjects.Subject, reading_ids: Collection[int]
) -> list[Row]:
    """Score readings older than the window each by itself."""
    rows = reader.rows_in(
        f"{_READING} WHERE person_id = ? AND reading_id IN (…)", sorted(reading_ids), (person_id,)
    )
    return [(*alone(row, subject), row[0]) for row in rows]


def alone(row: Row, subject: subjects.Subject) -> Row:
    """Return the scores of one reading by itself, under a person's rules or nobody's."""
    reading = reading_of(row)
    context = subject.context_at(reading.measured_at)
    return scored(advance(PersonState(), reading, context, instant(row[4])))


def nobodys(reader: Reader, reading_ids: Collection[int]) -> list[Row]:
    """Return the scores of readings under nobody's rules, each with its id behind."""
    rows = reader.rows_in(f"{_READING} WHERE reading_id IN (…)", sorted(reading_ids))
    return [(*alone(row, subjects.NOBODY), row[0]) for row in rows]


def reading_of(row: Row) -> Reading:
    """Return a stored reading as it was measured."""
    (_, device_id, kind, measured_ms, _, spo2, spo2_min, pulse, perfusion, respiration) = row[:10]
    temperature, systolic, diastolic, oxygen, consciousness, quality, share, uncertain = row[10:]
    return Reading(
        device_id=device_id,
        kind=ReadingKind(kind),
        measured_at=instant(measured_ms),
        vitals=Vitals(
            spo2_percent=spo2,
            pulse_per_min=pulse,
            perfusion_index_percent=perfusion,
            respiration_per_min=respiration,
            temperature_celsius=temperature,
            systolic_mmhg=systolic,
            diastolic_mmhg=diastolic,
            oxygen=None if oxygen is None else Oxygen(oxygen),
            consciousness=None if consciousness is None else Consciousness(consciousness),
        ),
        quality=Quality(quality),
        spo2_min_percent=spo2_min,
        quality_share=share,
        time_uncertain=bool(uncertain),
    )


def scored(outcome: Outcome) -> Row:
    """Return what the rules made of a reading, in the order of `SCORED`."""
    gate, assessed = outcome.gate, outcome.assessment
    news2 = assessed.news2 if assessed is not None else None
    lower, upper = (news2.lower, news2.upper) if isinstance(news2, News2) else (None, None)
    return (
        gate.verdict.value if gate is not None else "accepted",
        ",".join(gate.reasons) if gate is not None and gate.reasons else None,
        int(assessed.level) if assessed is not None else None,
        lower,
        upper,
        assessed.pack_id if assessed is not None else None,
        assessed.table if assessed is not None else None,
        msgspec.json.encode(assessed.reasons)
        if assessed is not None and assessed.reasons
        else None,
        outcome.trend.score if outcome.trend is not None else None,
    )


def _open_alerts(reader: Reader, person_ids: Sequence[str]) -> dict[str, dict[Cause, int]]:
    """Return the levels of the alerts that stand, by person and cause."""
    states = ", ".join(f"'{state.value}'" for state in OPEN)
    found: dict[str, dict[Cause, int]] = {}
    for subject_id, cause, level in reader.rows_in(
        f"SELECT subject_id, cause, level FROM alert WHERE status IN ({states})"  # noqa: S608
        " AND subject_id IN (…)",
        person_ids,
    ):
        found.setdefault(subject_id, {})[Cause(cause)] = level
    return found


def _watched(reader: Reader, person_ids: Sequence[str]) -> set[str]:
    rows = reader.rows_in(
        "SELECT person_id FROM f0_case WHERE closed_ms IS NULL AND person_id IN (…)", person_ids
    )
    return {row[0] for row in rows}


def joined(one: PersonState, other: PersonState) -> PersonState:
    """Return a state with what no reading says of both: watched, quiet, a probe off. Pure."""
    quieter = max(one, other, key=lambda state: state.realert_ms)
    return replace(
        one,
        watched_from_ms=max(one.watched_from_ms, other.watched_from_ms),
        alerted=quieter.alerted,
        realert_ms=quieter.realert_ms,
        probe_off_ms=max(one.probe_off_ms, other.probe_off_ms),
    )


def agreeing(
    state: PersonState,
    before: PersonState,
    alerts: dict[Cause, int],
    context: Context,
    now: datetime,
    *,
    is_watched: bool,
) -> PersonState:
    """Return a replayed state that agrees with the alerts that stand. Pure.

    Args:
        state: what the readings make.
        before: the state until now, for what no reading says.
        alerts: the level of each alert that is open.
        context: the person, as of today.
        now: the time of the transaction.
        is_watched: readings are expected of the person: a case is open.
    """
    now_ms = epoch_ms(now)
    if state.pending is not None and state.pending.until_ms <= now_ms:
        state = watching.tick(state, TimerKind.REMEASURE, context, now).state
    pending = state.pending
    if pending is not None and Cause.VITALS not in alerts:
        pending = replace(pending, alerted=False)
    quiet = Cause.VITALS not in alerts and before.realert_ms > now_ms
    alerted = before.alerted if quiet else 0
    if Cause.VITALS in alerts:
        alerted = min(state.alerted, alerts[Cause.VITALS])
    off = before.probe_off_ms if before.probe_off_ms > state.newest_ms else 0
    silent = Cause.DEVICE_SILENT in alerts
    return replace(
        state,
        alerted=alerted,
        realert_ms=before.realert_ms if quiet else 0,
        pending=pending,
        better_since_ms=state.better_since_ms if state.level < alerted else 0,
        watched_from_ms=(before.watched_from_ms or now_ms) if is_watched else 0,
        silent=silent,
        silence_armed=is_watched and not silent,
        probe_off_ms=off if is_watched else 0,
        probe_alerted=Cause.PROBE_OFF in alerts and off > 0,
    )


def _set_timers(tx: Transaction, person_id: str, state: PersonState, context: Context) -> None:
    """Set the person's timers to what the state waits for."""
    due: dict[TimerKind, datetime | None] = dict.fromkeys(TimerKind)
    if state.pending is not None:
        due[TimerKind.REMEASURE] = instant(state.pending.until_ms)
    if state.silence_armed:
        heard = instant(max(state.newest_ms, state.watched_from_ms))
        due[TimerKind.DEVICE_SILENT] = heard + context.cadence * GREY_AFTER
    if state.probe_off_ms and not state.probe_alerted:
        due[TimerKind.PROBE_OFF] = instant(state.probe_off_ms) + PROBE_OFF_AFTER
    for kind, at in due.items():
        if at is None:
            timers.cancel_timer(tx, kind.value, person_id)
        else:
            timers.set_timer(tx, kind.value, person_id, epoch_ms(max(at, tx.now)))
