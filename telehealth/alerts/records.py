"""Alerts as rows: the one conversion between `lifecycle.Alert` and the tables."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from protocols.uplink import epoch_ms, instant
from telehealth.alerts.lifecycle import (
    OPEN,
    AcceptReason,
    Alert,
    AlertEvent,
    NoiseReason,
    ResolveReason,
    State,
)
from telehealth.store.database import Reader, Row, Transaction
from telehealth.vitals.decisions import AlertKind, Cause
from telehealth.vitals.levels import Level, Reason

_COLUMNS: Final = (
    "alert_id", "subject_id", "cause", "kind", "level", "reasons", "raised_ms", "measured_ms",
    "clock_ms", "status", "step", "owner_id", "awaiting_repeat", "late", "time_uncertain",
    "accepted_by", "accepted_ms", "accept_reason", "review_ms", "closed_by", "closed_ms",
    "close_reason", "merged_into",
)  # fmt: skip
_WHERE_FROM: Final = ("person_id", "device_id", "rule_pack", "level_table")
_OPEN: Final = ", ".join(f"'{state.value}'" for state in OPEN)
_reasons: Final = msgspec.json.Decoder(tuple[Reason, ...])


def load(tx: Transaction, alert_id: str) -> tuple[Alert, str | None] | None:
    """Return an alert, locked, and its person; None where there is no such alert."""
    rows = tx.rows(_select("alert_id = ?", tx), (alert_id,))
    return (_alert(rows[0]), rows[0][len(_COLUMNS)]) if rows else None


def load_open(tx: Transaction, subject_ids: Sequence[str]) -> dict[tuple[str, Cause], Alert]:
    """Return the open alerts of these subjects, locked, by subject and cause."""
    sql = _select(f"status IN ({_OPEN}) AND subject_id IN (…)", tx)
    found = (_alert(row) for row in tx.rows_in(sql, subject_ids))
    return {(alert.subject_id, alert.cause): alert for alert in found}


def add(
    tx: Transaction,
    alert: Alert,
    *,
    person_id: str | None,
    device_id: str | None,
    rule_pack: str,
    level_table: str,
) -> None:
    """Store a new alert, with where it comes from and the rules that made it."""
    origin = (person_id, device_id, rule_pack, level_table)
    row = (*_row(alert), *origin, alert.priority.value, 0, tx.number)
    columns = (*_COLUMNS, *_WHERE_FROM, "priority", "version", "changed_in")
    tx.insert("alert", columns, [row])


def store(tx: Transaction, alert: Alert) -> None:
    """Store what became of an alert."""
    row = _row(alert)[1:]
    sets = ", ".join(f"{column} = ?" for column in (*_COLUMNS[1:], "priority", "changed_in"))
    tx.execute(
        f"UPDATE alert SET {sets}, version = version + 1 WHERE alert_id = ?",  # noqa: S608 - ours
        (*row, alert.priority.value, tx.number, alert.alert_id),
    )


def add_events(tx: Transaction, events: Sequence[AlertEvent], *, note: str | None = None) -> None:
    """Write an alert's history lines."""
    columns = (
        "alert_id", "at_ms", "actor_id", "action", "before", "after", "level", "step", "reason",
        "note",
    )  # fmt: skip
    rows: list[Row] = [
        (
            e.alert_id, epoch_ms(e.at), e.actor, e.action.value, e.before.value, e.after.value,
            int(e.level), e.step, None if e.reason is None else e.reason.value, note,
        )
        for e in events
    ]  # fmt: skip
    tx.insert("alert_event", columns, rows)


def _select(where: str, reader: Reader) -> str:
    columns = ", ".join((*_COLUMNS, "person_id"))
    sql = f"SELECT {columns} FROM alert WHERE {where} ORDER BY alert_id"  # noqa: S608 - ours
    return sql if reader.is_sqlite else f"{sql} FOR UPDATE"


def _row(alert: Alert) -> Row:
    def at(moment: Any) -> int | None:
        return None if moment is None else epoch_ms(moment)

    return (
        alert.alert_id, alert.subject_id, alert.cause.value, alert.kind.value, int(alert.level),
        msgspec.json.encode(alert.reasons), at(alert.raised_at), at(alert.measured_at),
        at(alert.clock_at), alert.state.value, alert.step, alert.owner_id, alert.awaiting_repeat,
        alert.late, alert.time_uncertain, alert.accepted_by, at(alert.accepted_at),
        alert.accept_reason, at(alert.review_at), alert.closed_by, at(alert.closed_at),
        alert.close_reason, alert.merged_into,
    )  # fmt: skip


def _alert(row: Row) -> Alert:
    v = dict(zip(_COLUMNS, row, strict=False))

    def at(name: str) -> Any:
        return None if v[name] is None else instant(v[name])

    return Alert(
        alert_id=v["alert_id"],
        subject_id=v["subject_id"],
        cause=Cause(v["cause"]),
        kind=AlertKind(v["kind"]),
        level=Level(v["level"]),
        reasons=_reasons.decode(bytes(v["reasons"])),
        raised_at=at("raised_ms"),
        measured_at=at("measured_ms"),
        clock_at=at("clock_ms"),
        state=State(v["status"]),
        step=v["step"],
        owner_id=v["owner_id"],
        awaiting_repeat=bool(v["awaiting_repeat"]),
        late=bool(v["late"]),
        time_uncertain=bool(v["time_uncertain"]),
        accepted_by=v["accepted_by"],
        accepted_at=at("accepted_ms"),
        accept_reason=None if v["accept_reason"] is None else AcceptReason(v["accept_reason"]),
        review_at=at("review_ms"),
        closed_by=v["closed_by"],
        closed_at=at("closed_ms"),
        close_reason=_close_reason(v["close_reason"]),
        merged_into=v["merged_into"],
    )


def _close_reason(code: str | None) -> ResolveReason | NoiseReason | None:
    if code is None:
        return None
    if code in {reason.value for reason in ResolveReason}:
        return ResolveReason(code)
    return NoiseReason(code)
