"""What a spool holds, read beside a running gateway without disturbing it."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from devices.spool_errors import SpoolError
from protocols.uplink import instant


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream: how many numbers are given out, and up to which the server holds them."""

    epoch: str
    numbered: int
    acked: int


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """The state of a spool; `last_contact_at` is `None` before the first contact."""

    unsent: int
    unacknowledged: int
    kept: int
    rejected: int
    last_contact_at: datetime | None
    streams: Mapping[str, StreamStatus]
    counters: Mapping[str, int]


def read_status(path: Path) -> SpoolStatus:
    """Read the state of a spool.

    Raises:
        SpoolError: there is none, or it cannot be read.
    """
    if not path.exists():
        raise SpoolError(f"no spool at {path}: the gateway has not run yet")
    try:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)
        try:
            return _read(db)
        finally:
            db.close()
    except sqlite3.Error as error:
        raise SpoolError(f"spool {path}: {error}") from error


def _read(db: sqlite3.Connection) -> SpoolStatus:
    unsent, unacknowledged, kept = db.execute(
        "SELECT count(*) FILTER (WHERE seq IS NULL),"
        " count(*) FILTER (WHERE seq IS NOT NULL AND acked_ms IS NULL),"
        " count(*) FILTER (WHERE acked_ms IS NOT NULL) FROM entry"
    ).fetchone()
    (rejected,) = db.execute("SELECT count(*) FROM rejected").fetchone()
    contact = db.execute("SELECT value FROM setting WHERE name = 'last_contact_ms'").fetchone()
    streams = db.execute("SELECT name, epoch, next_seq - 1, acked FROM stream ORDER BY name")
    return SpoolStatus(
        unsent=unsent,
        unacknowledged=unacknowledged,
        kept=kept,
        rejected=rejected,
        last_contact_at=None if contact is None else instant(int(contact[0])),
        streams={name: StreamStatus(epoch, seq, acked) for name, epoch, seq, acked in streams},
        counters=dict(db.execute("SELECT name, n FROM counter ORDER BY name").fetchall()),
    )
