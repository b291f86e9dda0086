"""Makes two records of one human into one, and undoes it (docs/people.md, "Merging").

Theory of operation. Nothing is overwritten and nothing is lost: rows change hands, and where both
records have what one person has once (an open case, an alert of a cause, a household) one of the
two is closed. Everything that moved or changed is listed in `person_merge.moved`; undoing puts back
what is still as the merge left it, so that what came after the merge stays with the survivor.
Merges into one record are undone the last one first.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from telehealth.alerts import desk, records
from telehealth.errors import IllegalTransitionError, RefusedError
from telehealth.people import merge_record, standing
from telehealth.people.merge_record import LINKS, Change, Key, Link, MergeRecord, State
from telehealth.people.recomputing import recompute
from telehealth.people.search_index import index_person
from telehealth.store.database import Reader, Row, Transaction
from telehealth.vitals.decisions import TimerKind
from telehealth.vitals.person_state import decode_state

MERGED_CASE: Final = "merged"
"""State of a case that was closed because the survivor has one."""
_KINDS: Final = tuple(kind.value for kind in TimerKind)
_CLOCKS: Final = (desk.ESCALATE, desk.REVIEW)


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did."""

    merge_id: str
    moved: dict[str, int]
    """How many rows changed hands, by table and column."""
    consents_to_check: tuple[str, ...]
    """Items that one record agreed to and the other withdrew: somebody has to ask."""


def merge(tx: Transaction, from_id: str, into_id: str, by: str, reason: str) -> Merged:
    """Make one record part of another, which stands for both from now on.

    Args:
        tx: the transaction.
        from_id: the record that becomes part of the other.
        into_id: the record that survives; its name, birth date and place stay as they are.
        by: account that decided.
        reason: why they are one human.

    Raises:
        RefusedError: a record with itself, or no reason.
        NotFoundError: no such person.
        IllegalTransitionError: one is merged, erased or restricted, or both are in a call.
    """
    why = standing.reason(reason)
    if from_id == into_id:
        raise RefusedError("into_id", "another record", into_id)
    standing.lock(tx, from_id, into_id)
    _check(tx, from_id, into_id)
    before = _states(tx, from_id, into_id)
    person_timers = {key: _timers(tx, _KINDS, [key]) for key in (from_id, into_id)}
    changes, stopped = _merge_alerts(tx, from_id, into_id, by)
    changes += _close_second(tx, from_id, into_id)
    changes += _end_between(tx, from_id, into_id)
    changes += _decide_pair(tx, from_id, into_id, by, why)
    to_check = _consents_to_check(tx, from_id, into_id)
    left = _left(tx, from_id, into_id)
    links = {link.name: _move(tx, link, from_id, into_id, left) for link in LINKS}
    readings = _move_readings(tx, from_id, into_id)
    tx.execute("UPDATE person SET merged_into = ? WHERE person_id = ?", (into_id, from_id))
    index_person(tx, from_id)
    joining = {into_id: decode_state(bytes(before[from_id][0]))} if from_id in before else {}
    recompute(tx, [from_id, into_id], joining=joining)
    after = _states(tx, from_id, into_id)
    states = {
        key: State(
            before.get(key), after[key][0], [row[:1] + row[2:] for row in person_timers[key]]
        )
        for key in (from_id, into_id)
    }
    merge_id = _write(
        tx, from_id, into_id, why, by, MergeRecord(links, readings, changes, states, stopped)
    )
    counts = {name: len(keys) for name, keys in links.items() if keys}
    counts["reading.person_id"] = sum(readings[1::2])
    return Merged(merge_id, counts, to_check)


def _check(reader: Reader, from_id: str, into_id: str) -> None:
    if reader.rows_in(
        "SELECT 1 FROM person WHERE restricted_ms IS NOT NULL AND person_id IN (…)",
        [from_id, into_id],
    ):
        raise IllegalTransitionError("restricted", "merge", "processing is restricted")
    calls = reader.rows_in(
        "SELECT DISTINCT person_id FROM call WHERE ended_ms IS NULL AND person_id IN (…)",
        [from_id, into_id],
    )
    if len(calls) > 1:
        raise IllegalTransitionError("in_session", "merge", "both are in a call")


def _states(tx: Transaction, *person_ids: str) -> dict[str, tuple[bytes, int | None, int | None]]:
    """Return the rows of the score states, locked in the order in which intake locks them."""
    rows = tx.rows_in(_STATES if tx.is_sqlite else f"{_STATES} FOR UPDATE", sorted(person_ids))
    return {row[0]: (bytes(row[1]), row[2], row[3]) for row in rows}


_STATES: Final = (
    "SELECT person_id, state, level, last_reading_ms FROM person_state"
    " WHERE person_id IN (…) ORDER BY person_id"
)


def _timers(
    reader: Reader, kinds: Sequence[str], subject_ids: Sequence[str]
) -> list[tuple[str, str, int, bytes]]:
    marks = ", ".join("?" * len(kinds))
    rows = reader.rows_in(
        f"SELECT kind, subject_id, due_ms, payload FROM timer WHERE kind IN ({marks})"  # noqa: S608
        " AND subject_id IN (…)",
        list(subject_ids),
        list(kinds),
    )
    return sorted((row[0], row[1], row[2], bytes(row[3])) for row in rows)


def _merge_alerts(
    tx: Transaction, from_id: str, into_id: str, by: str
) -> tuple[list[Change], list[tuple[str, str, int, bytes]]]:
    """Where both have an alert of a cause, let the graver go on, the survivor's if equal."""
    found = records.load_open(tx, sorted((from_id, into_id)))
    changes: list[Change] = []
    stopped: list[tuple[str, str, int, bytes]] = []
    for cause in sorted(cause for subject_id, cause in found if subject_id == from_id):
        mine, theirs = found[from_id, cause], found.get((into_id, cause))
        if theirs is None:
            continue
        on, off = (mine, theirs) if mine.level > theirs.level else (theirs, mine)
        before = _row(tx, "alert", "alert_id", off.alert_id, _OF_ALERT)
        stopped += _timers(tx, _CLOCKS, [off.alert_id])
        desk.merge(tx, off, on.alert_id, by)
        after = _row(tx, "alert", "alert_id", off.alert_id, _OF_ALERT)
        changes.append(Change("alert", "alert_id", off.alert_id, before, after))
    return changes, stopped


_OF_ALERT: Final = (
    "status", "review_ms", "closed_ms", "closed_by", "merged_into", "awaiting_repeat", "reasons",
)  # fmt: skip


def _row(reader: Reader, table: str, key: str, row: Key, columns: Sequence[str]) -> dict[str, Any]:
    names = ", ".join(columns)
    found = reader.rows(f"SELECT {names} FROM {table} WHERE {key} = ?", (row,))  # noqa: S608 - ours
    return dict(zip(columns, found[0], strict=True)) if found else {}


def _change(tx: Transaction, table: str, key: str, row: Key, after: dict[str, Any]) -> Change:
    """Change columns of one row and note how they were."""
    before = _row(tx, table, key, row, tuple(after))
    sets = ", ".join(f"{column} = ?" for column in after)
    tx.execute(f"UPDATE {table} SET {sets} WHERE {key} = ?", (*after.values(), row))  # noqa: S608
    return Change(table, key, row, before, after)


def _close_second(tx: Transaction, from_id: str, into_id: str) -> list[Change]:
    """End what a person has once and both have: the open case, the household of now."""
    found = []
    for table, key, open_, after in (
        ("f0_case", "case_id", "closed_ms", {"state": MERGED_CASE, "closed_ms": tx.now_ms}),
        ("household_member", "membership_id", "to_ms", {"to_ms": tx.now_ms, "is_head": False}),
    ):
        sql = f"SELECT {key} FROM {table} WHERE {open_} IS NULL AND person_id = ? ORDER BY {key}"  # noqa: S608
        if tx.rows(sql, (into_id,)):
            found += [_change(tx, table, key, row[0], after) for row in tx.rows(sql, (from_id,))]
    return found


def _end_between(tx: Transaction, from_id: str, into_id: str) -> list[Change]:
    """Nobody speaks for themselves: what one record was to the other ends."""
    rows = tx.rows(
        "SELECT proxy_id FROM person_proxy WHERE (to_ms IS NULL OR to_ms > ?) AND"
        " ((person_id = ? AND proxy_person_id = ?) OR (person_id = ? AND proxy_person_id = ?))"
        " ORDER BY proxy_id",
        (tx.now_ms, from_id, into_id, into_id, from_id),
    )
    return [_change(tx, "person_proxy", "proxy_id", row[0], {"to_ms": tx.now_ms}) for row in rows]


def _decide_pair(tx: Transaction, from_id: str, into_id: str, by: str, why: str) -> list[Change]:
    rows = tx.rows(
        "SELECT pair_id FROM person_pair WHERE person_a = ? AND person_b = ?",
        tuple(sorted((from_id, into_id))),
    )
    after = {
        "state": "merged",
        "decided_by": by,
        "decided_ms": tx.now_ms,
        "decision_reason": why,
    }
    return [_change(tx, "person_pair", "pair_id", row[0], after) for row in rows]


_CONSENTS: Final = (
    "SELECT m.consent_id, m.item FROM consent m WHERE m.person_id = ? AND m.withdrawn_ms IS NULL"
    " AND EXISTS (SELECT 1 FROM consent s WHERE s.person_id = ? AND s.item = m.item AND {that})"
)
_STANDS_TOO: Final = "s.withdrawn_ms IS NULL"
_WITHDRAWN_LATER: Final = "s.withdrawn_ms >= m.given_ms"


def _consents_to_check(reader: Reader, from_id: str, into_id: str) -> tuple[str, ...]:
    sql = _CONSENTS.format(that=_WITHDRAWN_LATER)
    both = ((from_id, into_id), (into_id, from_id))
    return tuple(sorted({row[1] for pair in both for row in reader.rows(sql, pair)}))


def _left(reader: Reader, from_id: str, into_id: str) -> set[tuple[str, Key]]:
    """Return the rows that stay where they are: the survivor has one, or took it back later."""
    found: set[tuple[str, Key]] = set()
    for that in (_STANDS_TOO, _WITHDRAWN_LATER):
        rows = reader.rows(_CONSENTS.format(that=that), (from_id, into_id))
        found |= {("consent.person_id", row[0]) for row in rows}
    pair = (from_id, into_id, into_id, from_id)
    for row in reader.rows(
        "SELECT proxy_id FROM person_proxy WHERE (person_id = ? AND proxy_person_id = ?)"
        " OR (person_id = ? AND proxy_person_id = ?)",
        pair,
    ):
        found |= {("person_proxy.person_id", row[0]), ("person_proxy.proxy_person_id", row[0])}
    rows = reader.rows(
        "SELECT consent_id FROM consent WHERE guardian_person_id = ? AND person_id = ?",
        (from_id, into_id),
    )
    return found | {("consent.guardian_person_id", row[0]) for row in rows}


def _move(
    tx: Transaction, link: Link, from_id: str, into_id: str, left: set[tuple[str, Key]]
) -> list[Key]:
    """Give the rows of one link to the survivor; returns which."""
    rows = tx.rows(
        f"SELECT {link.key} FROM {link.table} WHERE {link.column} = ? ORDER BY {link.key}",  # noqa: S608
        (from_id,),
    )
    keys = [key for (key,) in rows if (link.name, key) not in left]
    _give(tx, link, keys, into_id)
    return keys


def _give(tx: Transaction, link: Link, keys: Sequence[Key], person_id: str) -> None:
    tx.update(link.table, link.key, (link.column,), [(person_id, key) for key in keys])
    if link.table in ("alert", "call"):
        tx.update(link.table, link.key, ("changed_in",), [(tx.number, key) for key in keys])


def _move_readings(tx: Transaction, from_id: str, into_id: str) -> list[int]:
    rows = tx.rows("SELECT reading_id FROM reading WHERE person_id = ?", (from_id,))
    tx.execute(
        "UPDATE reading SET person_id = ?, changed_in = ? WHERE person_id = ?",
        (into_id, tx.number, from_id),
    )
    return merge_record.pack_ids(row[0] for row in rows)


def _write(
    tx: Transaction, from_id: str, into_id: str, why: str, by: str, record: MergeRecord
) -> str:
    """Write the merge down, later than any other into the same record."""
    last = tx.rows("SELECT max(merged_ms) FROM person_merge WHERE into_person_id = ?", (into_id,))
    merge_id = f"mg-{secrets.token_hex(8)}"
    columns = (
        "merge_id", "merged_person_id", "into_person_id", "reason", "moved", "merged_by",
        "merged_ms",
    )  # fmt: skip
    at_ms = max(tx.now_ms, 1 + (last[0][0] or 0))
    row: Row = (merge_id, from_id, into_id, why, merge_record.encode(record), by, at_ms)
    tx.insert("person_merge", columns, [row])
    return merge_id
