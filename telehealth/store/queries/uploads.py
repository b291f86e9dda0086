"""Streams, uploads, refusals and content identity: what intake asks and writes in bulk."""

from collections.abc import Sequence
from typing import Any

from protocols.uplink import Batch, Refusal
from telehealth.store.database import Reader, Row, Transaction

_REASONS_MAX = 20
"""Reasons kept of one refused upload; its bytes are kept whole."""


_STREAMS = (
    "SELECT s.stream_id, s.acked, g.revoked_ms, g.gateway_id, g.seen_ms FROM stream s"
    " JOIN gateway g ON g.gateway_id = s.gateway_id"
    " WHERE s.stream_id IN (…) ORDER BY s.stream_id"
)
_SEEN_EVERY_MS = 30_000


def lock_streams(tx: Transaction, stream_ids: Sequence[int]) -> dict[int, tuple[int, bool]]:
    """Lock the stream rows in id order; returns the last committed number, and if revoked.

    Notes that their gateways were heard of, at most twice a minute.
    """
    rows = tx.rows_in(_STREAMS if tx.is_sqlite else f"{_STREAMS} FOR UPDATE OF s", stream_ids)
    now = tx.now_ms
    heard = {row[3] for row in rows if row[4] is None or now - row[4] > _SEEN_EVERY_MS}
    tx.update("gateway", "gateway_id", ("seen_ms",), [(now, key) for key in sorted(heard)])
    return {row[0]: (row[1], row[2] is not None) for row in rows}


def advance_streams(tx: Transaction, acked: dict[int, int]) -> None:
    """Store the last committed number of each stream."""
    tx.update("stream", "stream_id", ("acked",), [(seq, key) for key, seq in acked.items()])


def open_stream(tx: Transaction, gateway_id: str, name: str, epoch: str) -> tuple[int, int]:
    """Return `(stream_id, acked)` of a gateway's numbering; a new epoch starts at 0."""
    tx.execute(
        "INSERT INTO stream (gateway_id, name, epoch, acked, created_ms) VALUES (?, ?, ?, 0, ?)"
        " ON CONFLICT (gateway_id, name, epoch) DO NOTHING",
        (gateway_id, name, epoch, tx.now_ms),
    )
    row = tx.rows(
        "SELECT stream_id, acked FROM stream WHERE gateway_id = ? AND name = ? AND epoch = ?",
        (gateway_id, name, epoch),
    )[0]
    return int(row[0]), int(row[1])


def add_gap(tx: Transaction, stream_id: int, first_seq: int, last_seq: int, reason: str) -> None:
    """Record numbers that nobody has any more."""
    columns = ("stream_id", "first_seq", "last_seq", "reason", "noticed_ms")
    tx.insert("stream_gap", columns, [(stream_id, first_seq, last_seq, reason, tx.now_ms)])


def add_uploads(tx: Transaction, uploads: Sequence[tuple[int, int, bytes]]) -> None:
    """Keep `(stream_id, seq, raw)` as they were sent."""
    now = tx.now_ms
    rows = [(stream_id, seq, now, raw) for stream_id, seq, raw in uploads]
    tx.insert("upload", ("stream_id", "seq", "received_ms", "payload"), rows)


def add_refused(
    tx: Transaction, uploads: Sequence[tuple[str, int, int, Sequence[Refusal], bytes]]
) -> None:
    """Keep each upload that had a part refused, whole, with the reasons."""
    rows: list[Row] = [
        (gateway_id, stream_id, seq, refusals[0].part, _reasons(refusals), tx.now_ms, raw)
        for gateway_id, stream_id, seq, refusals, raw in uploads
        if refusals
    ]
    columns = ("gateway_id", "stream_id", "seq", "part", "reason", "received_ms", "payload")
    tx.insert("refused", columns, rows)


def _reasons(refusals: Sequence[Refusal]) -> str:
    shown = [f"{r.part}: {r.reason}" for r in refusals[:_REASONS_MAX]]
    more = len(refusals) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def known_contents(reader: Reader, keys: Sequence[bytes]) -> set[bytes]:
    """Return which of these measurements are stored already."""
    rows = reader.rows_in("SELECT content_key FROM reading WHERE content_key IN (…)", keys)
    return {bytes(row[0]) for row in rows}


def add_copies(tx: Transaction, copies: Sequence[tuple[bytes, int, int]]) -> None:
    """Link `(content_key, stream_id, seq)`: the same measurement by another way."""
    rows = [(key, stream_id, seq, tx.now_ms) for key, stream_id, seq in copies]
    tx.insert("reading_copy", ("content_key", "stream_id", "seq", "received_ms"), rows)


def add_device_events(tx: Transaction, sent: Sequence[tuple[str, Batch]]) -> None:
    """Register devices not seen before, keep what happened to them, and their newest status.

    Each batch comes with the gateway that sent it.
    """
    batches = [batch for _, batch in sent]
    heard = {b.device: gateway_id for gateway_id, b in sent if b.readings or b.events}
    now = tx.now_ms
    if heard:
        known = tx.rows_in("SELECT device_id FROM device WHERE device_id IN (…)", list(heard))
        new = sorted(set(heard) - {row[0] for row in known})
        for device_id in new:
            tx.execute(
                "INSERT INTO device (device_id, kind, model, serial, registered_ms)"
                " VALUES (?, 'oximeter', '', '', ?) ON CONFLICT (device_id) DO NOTHING",
                (device_id, now),
            )
        seen = [(now, gateway_id, device) for device, gateway_id in sorted(heard.items())]
        tx.update("device", "device_id", ("seen_ms", "gateway_id"), seen)
    rows: list[Row] = []
    connected: dict[str, bool] = {}
    battery: dict[str, int] = {}
    low: dict[str, bool] = {}
    ahead: dict[str, float] = {}
    for batch in batches:
        for happened in batch.events:
            rows.append((batch.device, happened.kind, happened.at, now, happened.value))
            if happened.kind in ("connected", "disconnected"):
                connected[batch.device] = happened.kind == "connected"
            elif happened.kind == "battery" and happened.value is not None:
                battery[batch.device] = min(100, int(happened.value))
                low.setdefault(batch.device, False)
            elif happened.kind == "battery_low":
                low[batch.device] = happened.value != 0
            elif happened.kind == "clock_offset" and happened.value is not None:
                ahead[batch.device] = happened.value
    tx.insert("device_event", ("device_id", "kind", "at_ms", "received_ms", "value"), rows)
    newest: tuple[tuple[str, dict[str, Any]], ...] = (
        ("connected", connected), ("battery_percent", battery), ("battery_low", low),
        ("clock_offset_s", ahead),
    )  # fmt: skip
    for column, values in newest:
        changes = [(value, device) for device, value in sorted(values.items())]
        tx.update("device", "device_id", (column,), changes)


def keep_unreadable(tx: Transaction, gateway_id: str, reason: str, raw: bytes) -> None:
    """Keep a frame from which not even a number could be read."""
    columns = ("gateway_id", "part", "reason", "received_ms", "payload")
    tx.insert("refused", columns, [(gateway_id, "frame", reason, tx.now_ms, raw)])
