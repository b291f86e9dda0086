"""Undoes a merge: puts back what is still as the merge left it (docs/people.md, "Merging")."""

from dataclasses import dataclass
from typing import Any, Final

from telehealth import timers
from telehealth.alerts.lifecycle import OPEN
from telehealth.errors import IllegalTransitionError, NotFoundError
from telehealth.people import merge_record, standing
from telehealth.people.merge_record import LINKS, Change, MergeRecord, State
from telehealth.people.recomputing import recompute
from telehealth.people.search_index import index_person
from telehealth.store.database import Reader, Transaction
from telehealth.vitals.decisions import TimerKind

_ALERT: Final = "alert"
_MERGE: Final = (
    "SELECT merged_person_id, into_person_id, moved, merged_ms, undone_ms FROM person_merge"
    " WHERE merge_id = ?"
)


@dataclass(frozen=True, slots=True)
class Unmerged:
    """What undoing a merge did."""

    merged_person_id: str
    into_person_id: str
    moved: dict[str, int]
    """How many rows went back, by table and column."""
    not_restored: tuple[str, ...]
    """Rows, as `table id`, that somebody changed after the merge: they stay as they are."""


def unmerge(tx: Transaction, merge_id: str, by: str) -> Unmerged:
    """Make the two records two again.

    Raises:
        NotFoundError: no such merge.
        IllegalTransitionError: it is undone already, a later merge into the same record must be
            undone first, or one of the two is erased, or part of a third record.
    """
    from_id, into_id, record = _load(tx, merge_id)
    tx.execute("UPDATE person SET merged_into = NULL WHERE person_id = ?", (from_id,))
    moved = _put_back(tx, record, from_id, into_id)
    kept = [change for change in record.changes if not _restored(tx, change)]
    restored = {change.row for change in record.changes if change not in kept}
    for kind, alert_id, due_ms, payload in record.alert_timers:
        if alert_id in restored:
            timers.set_timer(tx, kind, alert_id, due_ms, payload)
    index_person(tx, from_id)
    stale = [key for key, state in record.states.items() if not _state_restored(tx, key, state)]
    recompute(tx, stale)
    tx.execute(
        "UPDATE person_merge SET undone_by = ?, undone_ms = ? WHERE merge_id = ?",
        (by, tx.now_ms, merge_id),
    )
    names = tuple(f"{change.table} {change.row!s}" for change in kept)
    return Unmerged(from_id, into_id, moved, names)


def _load(tx: Transaction, merge_id: str) -> tuple[str, str, MergeRecord]:
    rows = tx.rows(
        _MERGE if tx.is_sqlite else f"{_MERGE} FOR UPDATE", (standing.key(merge_id, "merge"),)
    )
    if not rows:
        raise NotFoundError(f"no merge {merge_id[:64]!r}")
    from_id, into_id, moved, merged_ms, undone_ms = rows[0]
    if undone_ms is not None:
        raise IllegalTransitionError("undone", "undo")
    standing.lock(tx, into_id)
    if tx.rows("SELECT 1 FROM person WHERE erased_ms IS NOT NULL AND person_id = ?", (from_id,)):
        raise IllegalTransitionError("erased", "undo", f"{from_id} was erased")
    if tx.rows(
        "SELECT 1 FROM person_merge WHERE into_person_id = ? AND merged_ms > ?"
        " AND undone_ms IS NULL",
        (into_id, merged_ms),
    ):
        raise IllegalTransitionError("merged", "undo", "a later merge must be undone first")
    return from_id, into_id, merge_record.decode(bytes(moved))


def _put_back(tx: Transaction, record: MergeRecord, from_id: str, into_id: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for link in LINKS:
        rows = tx.rows_in(
            f"SELECT {link.key} FROM {link.table} WHERE {link.column} = ?"  # noqa: S608 - ours
            f" AND {link.key} IN (…)",
            record.links.get(link.name, []),
            (into_id,),
        )
        back: list[tuple[Any, ...]] = [(from_id, row[0]) for row in rows]
        tx.update(link.table, link.key, (link.column,), back)
        if link.table in (_ALERT, "call"):
            numbered = [(tx.number, row[0]) for row in rows]
            tx.update(link.table, link.key, ("changed_in",), numbered)
        if rows:
            counts[link.name] = len(rows)
    rows = tx.rows_in(
        "SELECT reading_id FROM reading WHERE person_id = ? AND reading_id IN (…)",
        list(merge_record.unpack_ids(record.readings)),
        (into_id,),
    )
    readings = [(from_id, tx.number, row[0]) for row in rows]
    tx.update("reading", "reading_id", ("person_id", "changed_in"), readings)
    counts["reading.person_id"] = len(rows)
    return counts


def _restored(tx: Transaction, change: Change) -> bool:
    """Put a row's columns back, unless somebody changed them after the merge."""
    columns = tuple(change.before)
    rows = tx.rows(
        f"SELECT {', '.join(columns)} FROM {change.table} WHERE {change.key} = ?",  # noqa: S608
        (change.row,),
    )
    if not rows or dict(zip(columns, rows[0], strict=True)) != change.after:
        return False
    if change.table == _ALERT and _has_another(tx, change.row):
        return False
    sets = ", ".join(f"{column} = ?" for column in columns)
    tx.execute(
        f"UPDATE {change.table} SET {sets} WHERE {change.key} = ?",  # noqa: S608 - ours
        (*change.before.values(), change.row),
    )
    if change.table == _ALERT:
        tx.execute("UPDATE alert SET changed_in = ? WHERE alert_id = ?", (tx.number, change.row))
    return True


def _has_another(reader: Reader, alert_id: str | bytes) -> bool:
    """Whether the subject of an alert has an open one of its cause by now."""
    states = ", ".join(f"'{state.value}'" for state in OPEN)
    return bool(
        reader.rows(
            "SELECT 1 FROM alert a JOIN alert b ON b.subject_id = a.subject_id"  # noqa: S608
            f" AND b.cause = a.cause AND b.alert_id <> a.alert_id AND b.status IN ({states})"
            " WHERE a.alert_id = ?",
            (alert_id,),
        )
    )


def _state_restored(tx: Transaction, person_id: str, state: State) -> bool:
    """Put a score state and its timers back if nothing has moved it since the merge."""
    rows = tx.rows("SELECT state FROM person_state WHERE person_id = ?", (person_id,))
    if not rows or bytes(rows[0][0]) != state.after:
        return False
    for kind in TimerKind:
        timers.cancel_timer(tx, kind.value, person_id)
    for name, due_ms, payload in state.timers:
        timers.set_timer(tx, name, person_id, due_ms, payload)
    if state.before is None:
        tx.execute("DELETE FROM person_state WHERE person_id = ?", (person_id,))
    else:
        columns = ("state", "level", "last_reading_ms", "changed_in")
        tx.update("person_state", "person_id", columns, [(*state.before, tx.number, person_id)])
    return True
