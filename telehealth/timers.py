"""Clocks that must not be forgotten: rows with a due time, taken and advanced in one transaction.

Several servers may run this loop on PostgreSQL at once (`FOR UPDATE SKIP LOCKED`); on SQLite the
write gate makes it one at a time. A timer that came due while no server ran fires once, late.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from telehealth.bus import Bus
from telehealth.errors import UnavailableError
from telehealth.store.database import Database, Reader, Transaction

log = logging.getLogger(__name__)
_BATCH = 100
_LONGEST_WAIT_S = 1.0
_RETRY_MS = 60_000
"""A timer whose handler fails is tried again after this; the others go on."""


@dataclass(frozen=True, slots=True)
class Due:
    """A timer that has come due; it is deleted unless its handler sets it again."""

    kind: str
    subject_id: str
    due_ms: int
    payload: bytes


Handler = Callable[[Transaction, Due], list[str]]
"""Acts in the timer's own transaction; returns the bus topics to tell after the commit."""


def set_timer(
    tx: Transaction, kind: str, subject_id: str, due_ms: int, payload: bytes = b""
) -> None:
    """Set a timer, or move the one that this subject has of this kind."""
    tx.execute(
        "INSERT INTO timer (kind, subject_id, due_ms, payload) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (kind, subject_id) DO UPDATE SET due_ms = excluded.due_ms,"
        " payload = excluded.payload",
        (kind, subject_id, due_ms, payload),
    )


def start_timer(tx: Transaction, kind: str, subject_id: str, due_ms: int) -> None:
    """Set a timer unless this subject has one of this kind."""
    tx.execute(
        "INSERT INTO timer (kind, subject_id, due_ms, payload) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (kind, subject_id) DO NOTHING",
        (kind, subject_id, due_ms, b""),
    )


def cancel_timer(tx: Transaction, kind: str, subject_id: str) -> None:
    """Take a timer away, if there is one."""
    tx.execute("DELETE FROM timer WHERE kind = ? AND subject_id = ?", (kind, subject_id))


def next_due_ms(reader: Reader) -> int | None:
    """Return when the earliest timer is due."""
    found: int | None = reader.rows("SELECT min(due_ms) FROM timer")[0][0]
    return found


_TAKE = (
    "SELECT timer_id, kind, subject_id, due_ms, payload FROM timer WHERE due_ms <= ?"
    " ORDER BY due_ms LIMIT ?"
)


def fire_due(tx: Transaction, handlers: Mapping[str, Handler], *, most: int = _BATCH) -> set[str]:
    """Fire a batch of due timers with what they cause; returns the topics to tell."""
    sql = _TAKE if tx.is_sqlite else f"{_TAKE} FOR UPDATE SKIP LOCKED"
    topics: set[str] = set()
    for timer_id, kind, subject_id, due_ms, payload in tx.rows(sql, (tx.now_ms, most)):
        tx.execute("DELETE FROM timer WHERE timer_id = ?", (timer_id,))
        topics.update(handlers[kind](tx, Due(kind, subject_id, due_ms, bytes(payload))))
    return topics


def postpone_first(tx: Transaction) -> Due | None:
    """Move the earliest due timer, whose handler fails, out of the way of the others."""
    sql = _TAKE if tx.is_sqlite else f"{_TAKE} FOR UPDATE SKIP LOCKED"
    for timer_id, kind, subject_id, due_ms, payload in tx.rows(sql, (tx.now_ms, 1)):
        tx.execute(
            "UPDATE timer SET due_ms = ? WHERE timer_id = ?", (tx.now_ms + _RETRY_MS, timer_id)
        )
        return Due(kind, subject_id, due_ms, bytes(payload))
    return None


class Timers:
    """The loop that fires timers when they come due."""

    def __init__(self, database: Database, bus: Bus, handlers: Mapping[str, Handler]) -> None:
        self._database = database
        self._bus = bus
        self._handlers = handlers

    async def run(self) -> None:
        """Fire timers until cancelled; a database that cannot serve now is asked again."""
        while True:
            try:
                await self.step()
            except UnavailableError as error:
                log.error("timers cannot run now", extra={"why": str(error)})
            await asyncio.sleep(_LONGEST_WAIT_S)

    async def step(self) -> None:
        """Fire everything that is due at the database's time."""

        def look(reader: Reader) -> bool:
            due = next_due_ms(reader)
            return due is not None and due <= reader.now_ms

        while await self._database.read(look):
            for topic in await self._fire():
                self._bus.publish(topic, {"kind": "state"})

    async def _fire(self) -> set[str]:
        """Fire a batch; where that fails, one timer, and put that off where it fails alone."""
        for most in (_BATCH, 1):
            try:
                return await self._database.write(
                    lambda tx, most=most: fire_due(tx, self._handlers, most=most)  # type: ignore[misc]
                )
            except UnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - logged below, with the timer it belongs to
                failure = error
        put_off = await self._database.write(postpone_first)
        if put_off is not None:
            fields = {"kind": put_off.kind, "subject_id": put_off.subject_id}
            log.error("a timer failed and is put off", exc_info=failure, extra=fields)
        return set()
