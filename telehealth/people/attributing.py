"""Whose a reading is, where the loan did not say: the station's desk, and what is decided there.

A decision is a row of its own and never changed; the last one holds. With it the reading moves, the
alert of nobody goes where the reading goes, and both people are computed anew (docs/people.md).
"""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from protocols.uplink import epoch_ms
from telehealth import subjects
from telehealth.access import scope
from telehealth.access.policy import ALLOWED, Action, Actor, Relation
from telehealth.access.scope import Scope
from telehealth.alerts import desk, lifecycle, records
from telehealth.alerts.lifecycle import AcceptReason, Alert, NoiseReason
from telehealth.errors import NotAllowedError, NotFoundError, RefusedError
from telehealth.people import recomputing, standing
from telehealth.people.records import unseal
from telehealth.people.search_tokens import in_scope
from telehealth.store.database import Reader, Row, Transaction
from telehealth.vitals import watching
from telehealth.vitals.decisions import AlertAction, Cause
from telehealth.vitals.levels import Level

MOST: Final = 2_000
"""Readings of one decision."""
_SHOWN: Final = 500
_UNDECIDED: Final = (
    "r.person_id IS NULL AND NOT EXISTS"
    " (SELECT 1 FROM reading_attribution a WHERE a.reading_id = r.reading_id)"
)


@dataclass(frozen=True, slots=True)
class WaitingReading:
    """A reading of nobody."""

    reading_id: int
    kind: str
    measured_ms: int
    received_ms: int
    spo2_percent: float | None
    pulse_per_min: float | None
    gate: str
    level: int | None


@dataclass(frozen=True, slots=True)
class Borrower:
    """Somebody who had the device before or after."""

    person_id: str
    name: str
    from_ms: int
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class WaitingDevice:
    """What one device measured while nobody had it, the newest first."""

    device_id: str
    serial: str
    place_id: str | None
    readings: tuple[WaitingReading, ...]
    borrowers: tuple[Borrower, ...]
    """Whom of the scope it was lent to, the last first."""


def waiting(reader: Reader, actor: Actor, limit: int = _SHOWN) -> list[WaitingDevice]:
    """Return the readings that wait on the actor's desk, by device, the newest first.

    A device belongs to a station by its place; one without a place is on the desk of those whose
    role is held everywhere.
    """
    where, values = _desk_of(actor)
    rows = reader.rows(
        "SELECT r.device_id, d.serial, d.place_id, r.reading_id, r.kind, r.measured_ms,"  # noqa: S608
        " r.received_ms, r.spo2_percent, r.pulse_per_min, r.gate, r.level FROM reading r"
        f" LEFT JOIN device d ON d.device_id = r.device_id WHERE {_UNDECIDED} AND {where}"
        " ORDER BY r.measured_ms DESC, r.reading_id DESC LIMIT ?",
        (*values, max(1, min(limit, MOST))),
    )
    devices: defaultdict[tuple[str, str, str | None], list[WaitingReading]] = defaultdict(list)
    for row in rows:
        devices[row[0], row[1] or "", row[2]].append(WaitingReading(*row[3:]))
    borrowers = _borrowers(reader, actor, sorted({device[0] for device in devices}))
    return [
        WaitingDevice(*device, tuple(found), tuple(borrowers.get(device[0], ())))
        for device, found in devices.items()
    ]


def _desk_of(actor: Actor) -> tuple[str, list[Any]]:
    if Action.ATTRIBUTE not in ALLOWED.get((actor.role, Relation.AREA), ()):
        return "1 = 0", []
    if actor.place_id is None:
        return "1 = 1", []
    beneath = "SELECT place_id FROM place_ancestor WHERE ancestor_id = ?"
    return f"d.place_id IN ({beneath})", [actor.place_id]


def _borrowers(
    reader: Reader, actor: Actor, device_ids: Sequence[str]
) -> dict[str, list[Borrower]]:
    rows = reader.rows_in(
        "SELECT device_id, person_id, from_ms, to_ms FROM device_loan WHERE device_id IN (…)",
        device_ids,
    )
    seen = Scope(actor, Action.ATTRIBUTE, reader.now_ms)
    names = {
        row[0]: unseal(reader.vault, row[0], row[1]).name
        for row in in_scope(reader, seen, sorted({row[1] for row in rows}))
    }
    found: defaultdict[str, list[Borrower]] = defaultdict(list)
    for device_id, person_id, from_ms, to_ms in sorted(rows, key=lambda row: (-row[2], row[1])):
        if person_id in names:
            found[device_id].append(Borrower(person_id, names[person_id], from_ms, to_ms))
    return found


def require(
    reader: Reader, actor: Actor, reading_ids: Sequence[int], person_id: str | None
) -> None:
    """Refuse unless each reading is on the actor's desk or of their people, and so is the person.

    Raises:
        NotAllowedError: one is not; an unknown reading is refused in the same words.
    """
    where, values = _desk_of(actor)
    rows = reader.rows_in(
        "SELECT r.reading_id, r.person_id FROM reading r"  # noqa: S608 - ours
        " LEFT JOIN device d ON d.device_id = r.device_id"
        f" WHERE (r.person_id IS NOT NULL OR {where}) AND r.reading_id IN (…)",
        list(reading_ids),
        values,
    )
    if {row[0] for row in rows} != set(reading_ids):
        raise NotAllowedError(f"{actor.role} {actor.account_id} may not attribute these readings")
    for holder in sorted(
        {row[1] for row in rows if row[1]} | ({person_id} if person_id else set())
    ):
        scope.require(reader, actor, holder, Action.ATTRIBUTE)


@dataclass(frozen=True, slots=True)
class Attributed:
    """What a decision changed."""

    reading_ids: tuple[int, ...]
    """Those that moved; one that was this person's already did not."""
    before: tuple[str, ...]
    """Whose they were, of those who are somebody."""
    after: str | None
    alert_ids: tuple[str, ...]
    """Alerts that were raised, changed or closed by it."""
    queued: bool
    """Whether something waits in the outbox."""


def attribute(
    tx: Transaction, reading_ids: Sequence[int], person_id: str | None, by: str, reason: str
) -> Attributed:
    """Decide whose readings are; None: nobody's, thrown out but kept.

    Raises:
        RefusedError: no reading, too many, or no reason.
        NotFoundError: no such reading or person.
        IllegalTransitionError: the person's record is merged or erased.
    """
    why = standing.reason(reason)
    if not 0 < len(set(reading_ids)) <= MOST:
        raise RefusedError("reading_ids", f"1 to {MOST} readings", len(set(reading_ids)))
    if person_id is not None:
        standing.lock(tx, person_id)
    moved = _moved(tx, reading_ids, person_id)
    people = {row[2] for row in moved if row[2] is not None}
    subjects.lock_states(tx, sorted(people | ({person_id} if person_id else set())))
    _write(tx, moved, person_id, by, why)
    alert_ids, queued = _settle_alerts(tx, moved, person_id, by, why)
    ids = [row[0] for row in moved]
    if person_id is None:
        scores = recomputing.nobodys(tx, ids)
        tx.update("reading", "reading_id", recomputing.SCORED, scores)
        recomputing.recompute(tx, people)
    else:
        recomputing.recompute(tx, people | {person_id}, rescore=ids)
    return Attributed(
        tuple(ids), tuple(sorted(people)), person_id, tuple(sorted(alert_ids)), queued
    )


def _moved(tx: Transaction, reading_ids: Sequence[int], person_id: str | None) -> list[Row]:
    """Return `reading_id, device_id, person_id, received_ms, measured_ms, level`, locked."""
    asked = sorted(set(reading_ids))
    sql = (
        "SELECT reading_id, device_id, person_id, received_ms, measured_ms, level FROM reading"
        " WHERE reading_id IN (…) ORDER BY reading_id"
    )
    rows = tx.rows_in(sql if tx.is_sqlite else f"{sql} FOR UPDATE", asked)
    missing = set(asked) - {row[0] for row in rows}
    if missing:
        raise NotFoundError(f"no reading {min(missing)}")
    return [row for row in rows if row[2] is None or row[2] != person_id]


def _write(tx: Transaction, moved: Sequence[Row], person_id: str | None, by: str, why: str) -> None:
    """Write the decisions down and move the readings; nobody's may stay nobody's, decided."""
    columns = (
        "attribution_id", "reading_id", "received_ms", "before", "after", "reason", "decided_by",
        "decided_ms",
    )  # fmt: skip
    tx.insert(
        "reading_attribution",
        columns,
        [
            (f"at-{secrets.token_hex(8)}", row[0], row[3], row[2], person_id, why, by, tx.now_ms)
            for row in moved
        ],
    )
    tx.update(
        "reading",
        "reading_id",
        ("person_id", "changed_in"),
        [(person_id, tx.number, row[0]) for row in moved],
    )


def _settle_alerts(
    tx: Transaction, moved: Sequence[Row], person_id: str | None, by: str, why: str
) -> tuple[set[str], bool]:
    """Let alerts follow their readings; none is lost on the way.

    The alert of nobody is raised with the person, or joined there, and merged into that once no
    other red reading of its device waits. Somebody's own alert stays for a human to close.
    """
    touched: set[str] = set()
    queued = False
    for subject_id in sorted({row[2] or row[1] for row in moved}):
        alert = records.load_open(tx, [subject_id]).get((subject_id, Cause.VITALS))
        mine = [row for row in moved if (row[2] or row[1]) == subject_id]
        if alert is None or not _rests_on(alert, mine):
            continue
        heir: Alert | None = None
        if person_id is not None:
            heir, told = _raise_for(tx, alert, person_id)
            touched.add(heir.alert_id)
            queued = queued or told
        is_nobodys = mine[0][2] is None
        if is_nobodys and not _red_waits(tx, subject_id):
            touched.add(alert.alert_id)
            if heir is None:
                _close_as_noise(tx, alert, by, why)
            else:
                desk.merge(tx, alert, heir.alert_id, by)
    return touched, queued


def _rests_on(alert: Alert, moved: Sequence[Row]) -> bool:
    """Say whether an alert is about any of the readings: nobody's about every red one."""
    if moved[0][2] is None:
        return any(row[5] == Level.RED for row in moved)
    return any(row[4] == epoch_ms(alert.measured_at) for row in moved)


def _red_waits(reader: Reader, device_id: str) -> bool:
    sql = f"SELECT 1 FROM reading r WHERE {_UNDECIDED} AND r.device_id = ? AND r.level = ? LIMIT 1"  # noqa: S608
    return bool(reader.rows(sql, (device_id, int(Level.RED))))


def _raise_for(tx: Transaction, alert: Alert, person_id: str) -> tuple[Alert, bool]:
    """Raise what an alert says with a person, or join or worsen the one that stands there."""
    subject = subjects.subjects_of(tx, [person_id])[person_id]
    decision = watching.vitals_alert(
        AlertAction.RAISE,
        alert.level,
        alert.reasons,
        epoch_ms(alert.measured_at),
        late=tx.now - alert.measured_at > watching.LATE_AFTER,
        uncertain=alert.time_uncertain,
    )
    case = desk.Case(
        decision=decision,
        subject_id=person_id,
        person_id=person_id,
        device_id=None,
        assigned_doctor_id=subject.assigned_doctor_id,
        rule_pack=subject.rules.pack.pack_id,
        level_table=subject.rules.table.table_id,
    )
    queued = desk.take(tx, [case])
    return records.load_open(tx, [person_id])[person_id, Cause.VITALS], queued


def _close_as_noise(tx: Transaction, alert: Alert, by: str, why: str) -> None:
    """Whoever throws the readings out has looked at them: the alert is theirs, and noise."""
    if alert.state is lifecycle.State.RAISED:
        alert, events = lifecycle.apply(alert, lifecycle.Action.NOTIFY, now=tx.now, step=alert.step)
        records.add_events(tx, events)
        records.store(tx, alert)
    for action, code in (
        ("accept", AcceptReason.WATCHING.value),
        ("noise", NoiseReason.WRONG_PERSON.value),
    ):
        desk.act(tx, alert.alert_id, action=action, actor_id=by, reason=code, note=why)
