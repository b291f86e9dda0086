"""From readings to what they mean: whose they are, scored under that person's rules, decided.

The rules are in `telehealth.vitals` and know no storage; this module loads what they need for a
group of readings in a few questions, and writes what they decide in a few statements, inside the
transaction of `telehealth.intake`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, NamedTuple

import msgspec

from protocols.reading import Reading
from protocols.uplink import Batch, Event, epoch_ms, instant
from telehealth.alerts import desk
from telehealth.alerts.desk import Case
from telehealth.choices import Choice
from telehealth.consents import giving
from telehealth.store.database import Reader, Row, Transaction
from telehealth.subjects import (
    NOBODY,
    Subject,
    keep_states,
    keep_timer,
    lock_states,
    subjects_of,
)
from telehealth.timers import Due
from telehealth.vitals import watching
from telehealth.vitals.decisions import (
    AlertAction,
    AlertDecision,
    TimerDecision,
    TimerKind,
)
from telehealth.vitals.levels import Context, Level
from telehealth.vitals.news2 import News2
from telehealth.vitals.person_state import Outcome, PersonState
from telehealth.vitals.state import advance, tick

READING_COLUMNS: Final = (
    "device_id", "person_id", "kind", "measured_ms", "received_ms", "spo2_percent",
    "spo2_min_percent", "pulse_per_min", "perfusion_index_percent", "respiration_per_min",
    "temperature_celsius", "systolic_mmhg", "diastolic_mmhg", "oxygen", "consciousness",
    "quality", "quality_share", "gate", "gate_reasons", "level", "news2_lower", "news2_upper",
    "rule_pack", "level_table", "reasons", "trend", "compared_level", "compared_pack", "late",
    "time_uncertain", "content_key", "changed_in",
)  # fmt: skip


class Belonging(NamedTuple):
    """A reading and the person who had its device at the time; None: nobody had."""

    content_key: bytes
    reading: Reading
    person_id: str | None


class Probe(NamedTuple):
    """A device's word that the finger is gone, or back."""

    event: Event
    device_id: str
    person_id: str


@dataclass(slots=True)
class Judged:
    """What a group of readings comes to, before any of it is written."""

    rows: list[Row] = field(default_factory=list)
    states: dict[str, PersonState] = field(default_factory=dict)
    timers: list[tuple[str, TimerDecision]] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    queued: bool = False

    @property
    def person_ids(self) -> set[str]:
        """Everybody for whom something changed."""
        return set(self.states)


def attribute(
    reader: Reader,
    readings: Sequence[tuple[bytes, Reading]],
    batches: Sequence[Batch],
    chosen: Mapping[bytes, Choice],
) -> tuple[list[Belonging], list[Probe]]:
    """Give each reading to whom its device was lent when it was measured, never on arrival.

    A reading whose person somebody named is that person's.
    """
    probes = [
        (batch.device, event)
        for batch in batches
        for event in batch.events
        if event.kind in ("finger_off", "finger_on")
    ]
    devices = {reading.device_id for _, reading in readings} | {device for device, _ in probes}
    loans: dict[str, list[tuple[int, int | None, str]]] = {}
    for device_id, person_id, from_ms, to_ms in reader.rows_in(
        "SELECT device_id, person_id, from_ms, to_ms FROM device_loan WHERE device_id IN (…)",
        sorted(devices),
    ):
        loans.setdefault(device_id, []).append((from_ms, to_ms, person_id))
    belonging = [
        Belonging(key, r, _whose(chosen.get(key), loans.get(r.device_id, ()), r))
        for key, r in readings
    ]
    worn = ((device, e, _holder(loans.get(device, ()), e.at)) for device, e in probes)
    return belonging, [Probe(e, device, person) for device, e, person in worn if person]


def _whose(
    choice: Choice | None, loans: Iterable[tuple[int, int | None, str]], reading: Reading
) -> str | None:
    if choice is not None:
        return choice.person_id
    return _holder(loans, epoch_ms(reading.measured_at))


def _holder(loans: Iterable[tuple[int, int | None, str]], at_ms: int) -> str | None:
    for from_ms, to_ms, person_id in loans:
        if from_ms <= at_ms and (to_ms is None or at_ms < to_ms):
            return person_id
    return None


def judge(tx: Transaction, readings: Sequence[Belonging], probes: Sequence[Probe]) -> Judged:
    """Score each reading under its person's rules, in the order of measurement."""
    judged = Judged()
    if not readings and not probes:
        return judged
    person_ids = sorted(
        {b.person_id for b in readings if b.person_id is not None} | {p.person_id for p in probes}
    )
    subjects = subjects_of(tx, person_ids)
    judged.states = lock_states(tx, person_ids)
    now, now_ms, number = tx.now, tx.now_ms, tx.number
    contexts: dict[tuple[str | None, date], Context] = {}
    for key, reading, person_id in sorted(readings, key=_measured_at):
        subject = subjects[person_id] if person_id is not None else NOBODY
        day = reading.measured_at.date()
        context = None if subject.limits else contexts.get((person_id, day))
        if context is None:
            context = contexts[person_id, day] = subject.context_at(reading.measured_at)
        state = PersonState() if person_id is None else judged.states[person_id]
        outcome = advance(state, reading, context, now)
        judged.rows.append(_row(key, reading, person_id, outcome, now_ms, number))
        if person_id is None:
            _put_on_the_desk(judged, reading, outcome)
        else:
            _note(judged, subject, reading.device_id, outcome)
    for event, device_id, person_id in probes:
        subject = subjects[person_id]
        at = instant(event.at)
        off = event.kind == "finger_off"
        context = subject.context_at(at)
        state = judged.states[person_id]
        outcome = watching.probe(state, off=off, at=at, context=context, now=now)
        _note(judged, subject, device_id, outcome)
    return judged


def _note(judged: Judged, subject: Subject, device_id: str | None, outcome: Outcome) -> None:
    """Keep what an outcome means for its person, to be written with the rest of the group."""
    judged.states[subject.person_id] = outcome.state
    judged.timers += [(subject.person_id, timer) for timer in outcome.timers]
    judged.cases += [_case(subject, device_id, decision) for decision in outcome.alerts]


def _measured_at(belonging: Belonging) -> datetime:
    return belonging.reading.measured_at


def _case(subject: Subject, device_id: str | None, decision: AlertDecision) -> Case:
    return Case(
        decision=decision,
        subject_id=subject.person_id,
        person_id=subject.person_id,
        device_id=device_id,
        assigned_doctor_id=subject.assigned_doctor_id,
        rule_pack=subject.rules.pack.pack_id,
        level_table=subject.rules.table.table_id,
    )


def _put_on_the_desk(judged: Judged, reading: Reading, outcome: Outcome) -> None:
    """A red reading of nobody alerts at the station at once, whatever its quality."""
    assessed = outcome.assessment
    if assessed is None or assessed.level is not Level.RED:
        return
    decision = watching.vitals_alert(
        AlertAction.RAISE,
        Level.RED,
        assessed.reasons,
        epoch_ms(reading.measured_at),
        late=outcome.late,
        uncertain=outcome.time_uncertain,
    )
    case = _case(NOBODY, reading.device_id, decision)
    judged.cases.append(replace(case, subject_id=reading.device_id, person_id=None))


def keep(tx: Transaction, judged: Judged) -> None:
    """Write readings, states, timers, alerts and what is to be sent."""
    tx.insert("reading", READING_COLUMNS, judged.rows)
    keep_states(tx, judged.states)
    for person_id, timer in judged.timers:
        keep_timer(tx, person_id, timer)
    judged.queued = desk.take(tx, judged.cases)


def _row(
    key: bytes,
    reading: Reading,
    person_id: str | None,
    outcome: Outcome,
    now_ms: int,
    number: int,
) -> Row:
    """One reading as it is stored, in the order of `READING_COLUMNS`."""
    v, gate, assessed = reading.vitals, outcome.gate, outcome.assessment
    news2 = assessed.news2 if assessed is not None else None
    lower, upper = (news2.lower, news2.upper) if isinstance(news2, News2) else (None, None)
    reasons = assessed.reasons if assessed is not None else ()
    compared = outcome.compared
    return (
        reading.device_id, person_id, reading.kind.value, epoch_ms(reading.measured_at), now_ms,
        v.spo2_percent, reading.spo2_min_percent, v.pulse_per_min, v.perfusion_index_percent,
        v.respiration_per_min, v.temperature_celsius, v.systolic_mmhg, v.diastolic_mmhg,
        v.oxygen, v.consciousness, int(reading.quality), reading.quality_share,
        gate.verdict.value if gate is not None else "accepted",
        ",".join(gate.reasons) if gate is not None and gate.reasons else None,
        int(assessed.level) if assessed is not None else None, lower, upper,
        assessed.pack_id if assessed is not None else None,
        assessed.table if assessed is not None else None,
        msgspec.json.encode(reasons) if reasons else None,
        outcome.trend.score if outcome.trend is not None else None,
        int(compared.level) if compared is not None else None,
        compared.pack_id if compared is not None else None,
        outcome.late, outcome.time_uncertain, key, number,
    )  # fmt: skip


def on_timer(tx: Transaction, due: Due) -> list[str]:
    """Timer: a repeat that nobody made, a silence, a probe that stayed off.

    Nothing is expected any more of somebody who withdrew consent to be monitored.
    """
    if giving.has_withdrawn(tx, due.subject_id):
        return []
    return _move(
        tx,
        due.subject_id,
        lambda state, context: tick(state, TimerKind(due.kind), context, tx.now),
    )


def begin_watch(tx: Transaction, person_id: str) -> list[str]:
    """Expect readings of a person from now on: a case was opened, or a device lent."""
    return _move(tx, person_id, lambda state, context: watching.watch(state, context, tx.now))


def _move(
    tx: Transaction, person_id: str, step: Callable[[PersonState, Context], Outcome]
) -> list[str]:
    subject = subjects_of(tx, [person_id]).get(person_id)
    if subject is None:
        return []
    judged = Judged(states=lock_states(tx, [person_id]))
    context = subject.context_at(tx.now)
    _note(judged, subject, None, step(judged.states[person_id], context))
    keep(tx, judged)
    return ["outbox", f"person:{person_id}"]


HANDLERS: Final = {kind.value: on_timer for kind in TimerKind}
