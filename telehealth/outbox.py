"""What must be sent, at least once: rows queued with their cause, sent after its commit.

A send that a crash cut off is sent again under the same idempotency key. In this edition the one
channel is `live`: the recipient's open screens, which also find the alert in their list whenever
they come back.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import msgspec

from telehealth.bus import Bus, Message
from telehealth.errors import UnavailableError
from telehealth.store.database import Database, Reader, Row, Transaction

log = logging.getLogger(__name__)
_BATCH = 200
_POLL_S = 5.0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something one person must be told, once per `idempotency_key`."""

    idempotency_key: str
    recipient_id: str
    subject_id: str
    payload: dict[str, Any]
    channel: str = "live"


def queue(tx: Transaction, notice: Notice) -> None:
    """Queue a notice in the transaction that causes it; a repeated key is the same notice."""
    tx.execute(
        "INSERT INTO outbox (idempotency_key, channel, recipient_id, subject_id, payload,"
        " created_ms, due_ms, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, 0)"
        " ON CONFLICT (idempotency_key) DO NOTHING",
        (
            notice.idempotency_key,
            notice.channel,
            notice.recipient_id,
            notice.subject_id,
            msgspec.json.encode(notice.payload),
            tx.now_ms,
            tx.now_ms,
        ),
    )


def waiting(reader: Reader) -> list[Row]:
    """Return what is due and unsent, oldest first."""
    return reader.rows(
        "SELECT outbox_id, channel, recipient_id, payload FROM outbox"
        " WHERE sent_ms IS NULL AND due_ms <= ? ORDER BY due_ms, outbox_id LIMIT ?",
        (reader.now_ms, _BATCH),
    )


def mark_sent(tx: Transaction, outbox_ids: list[int]) -> None:
    """Note that these went out."""
    rows = [(tx.now_ms, key) for key in outbox_ids]
    tx.update("outbox", "outbox_id", ("sent_ms",), rows)


class Dispatcher:
    """The loop that sends what the outbox holds."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._wake = asyncio.Event()
        self._end = bus.subscribe("outbox", self._on_queued)

    def _on_queued(self, _topic: str, _message: Message) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled; woken by the bus, and every few seconds in case it lost a word."""
        try:
            while True:
                try:
                    while await self.step():
                        pass
                except UnavailableError as error:
                    log.error("outbox cannot be read now", extra={"why": str(error)})
                except Exception:
                    log.exception("a notice failed")
                try:
                    await asyncio.wait_for(self._wake.wait(), _POLL_S)
                except TimeoutError:
                    continue
                self._wake.clear()
        finally:
            self._end()

    async def step(self) -> int:
        """Send one batch; returns how many went out."""
        rows = await self._database.read(waiting)
        for _outbox_id, _channel, recipient_id, payload in rows:
            self._bus.publish(f"account:{recipient_id}", msgspec.json.decode(payload))
        if rows:
            sent = [row[0] for row in rows]
            await self._database.write(lambda tx: mark_sent(tx, sent))
        return len(rows)
