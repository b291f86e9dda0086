"""The spool's file: its tables, its lock, what happens to a broken one and to a full one."""

import fcntl
import logging
import os
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from devices.parcels import decode_content, encode_content
from protocols.errors import DecodeError, TelehealthError

logger = logging.getLogger(__name__)

SPOOL_FILE: Final = "spool.db"
ROW_BYTES: Final = 150
"""What a row costs beside its content: columns, indexes, page slack."""
_CHUNK: Final = 500

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS stream (
  name TEXT PRIMARY KEY, epoch TEXT NOT NULL, next_seq INTEGER NOT NULL, acked INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS boot (
  boot_no INTEGER PRIMARY KEY, boot_id TEXT NOT NULL UNIQUE,
  anchor_ms INTEGER,            -- the date of this boot's monotonic zero, once known
  last_ms INTEGER NOT NULL      -- the latest monotonic time it was seen at
) STRICT;
CREATE TABLE IF NOT EXISTS entry (
  entry_id INTEGER PRIMARY KEY, device TEXT NOT NULL,
  boot_id TEXT NOT NULL, monotonic_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL,
  synchronised INTEGER NOT NULL,
  samples INTEGER NOT NULL,
  content BLOB NOT NULL,        -- a Content until numbered, the frame itself afterwards
  stream TEXT, seq INTEGER, acked_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS entry_numbered ON entry (stream, seq) WHERE seq IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_waiting ON entry (boot_id, monotonic_ms) WHERE seq IS NULL;
CREATE INDEX IF NOT EXISTS entry_oldest ON entry (entry_id) WHERE seq IS NULL;
CREATE INDEX IF NOT EXISTS entry_acked ON entry (acked_ms) WHERE acked_ms IS NOT NULL;
CREATE TABLE IF NOT EXISTS rejected (
  rejected_id INTEGER PRIMARY KEY, device TEXT NOT NULL, characteristic TEXT NOT NULL,
  raw BLOB NOT NULL, reason TEXT NOT NULL,
  boot_id TEXT NOT NULL, monotonic_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


class SpoolError(TelehealthError):
    """The spool cannot be opened or written: no space, no permission, in use."""


def lock(path: Path) -> int:
    """Return a file descriptor that keeps other gateways out while it is open.

    Raises:
        SpoolError: another gateway holds it, or the folder cannot be written.
    """
    try:
        held = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise SpoolError(f"spool {path}: {error.strerror}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        raise SpoolError(f"spool {path}: another gateway is using it") from error
    return held


def open_or_set_aside(path: Path) -> sqlite3.Connection:
    """Open the spool; one that is not a readable database is renamed and a new one begun.

    Raises:
        SpoolError: it can be neither opened nor made.
    """
    try:
        return _open(path)
    except sqlite3.OperationalError as error:
        raise SpoolError(f"spool {path}: {error}") from error
    except sqlite3.DatabaseError as error:
        aside = _set_aside(path)
        logger.error("spool is broken, set aside", extra={"file": aside.name, "why": str(error)})
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.executescript(_SCHEMA)
        db.executemany(
            "INSERT OR IGNORE INTO stream VALUES (?, ?, 1, 0)",
            [(name, secrets.token_hex(16)) for name in ("live", "backlog")],
        )
    except BaseException:
        db.close()
        raise
    return db


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    for ending in ("-wal", "-shm", ""):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    return aside


def measure(db: sqlite3.Connection) -> int:
    """Return about how many bytes the entries take."""
    count, content_bytes = db.execute(
        "SELECT count(*), coalesce(sum(length(content)), 0) FROM entry"
    ).fetchone()
    return int(count) * ROW_BYTES + int(content_bytes)


# What is given up when the spool is full, in this order; each returns the bytes it freed.


def _acknowledged(db: sqlite3.Connection, lost: Counter[str]) -> int:
    """The server has these; nothing is lost."""
    return _delete(db, "acked_ms IS NOT NULL ORDER BY entry_id")


def _oldest_samples(db: sqlite3.Connection, lost: Counter[str]) -> int:
    """Samples that were never sent; the readings closed over them stay."""
    freed_bytes = 0
    rows = db.execute(
        "SELECT entry_id, device, samples, content FROM entry WHERE seq IS NULL AND samples > 0"
        " ORDER BY entry_id LIMIT ?",
        (_CHUNK,),
    ).fetchall()
    for entry_id, device, samples, data in rows:
        lost[device] += samples
        try:
            content = msgspec.structs.replace(decode_content(data), samples=[])
        except DecodeError:
            db.execute("DELETE FROM entry WHERE entry_id = ?", (entry_id,))
            freed_bytes += ROW_BYTES + len(data)
            continue
        if content.readings or content.dated or content.events:
            kept = encode_content(content)
            db.execute(
                "UPDATE entry SET samples = 0, content = ? WHERE entry_id = ?", (kept, entry_id)
            )
            freed_bytes += len(data) - len(kept)
        else:
            db.execute("DELETE FROM entry WHERE entry_id = ?", (entry_id,))
            freed_bytes += ROW_BYTES + len(data)
    return freed_bytes


def _oldest_of_all(db: sqlite3.Connection, lost: Counter[str]) -> int:
    """Whole parcels; a number that goes becomes a gap."""
    lost.update(
        device
        for (device,) in db.execute("SELECT device FROM entry ORDER BY entry_id LIMIT ?", (_CHUNK,))
    )
    return _delete(db, "TRUE ORDER BY entry_id")


def _delete(db: sqlite3.Connection, which: str) -> int:
    rows = db.execute(
        f"DELETE FROM entry WHERE entry_id IN (SELECT entry_id FROM entry WHERE {which}"  # noqa: S608 (constant)
        " LIMIT ?) RETURNING length(content)",
        (_CHUNK,),
    ).fetchall()
    return sum(ROW_BYTES + int(length) for (length,) in rows)


GIVEN_UP_IN_ORDER: Final[tuple[Callable[[sqlite3.Connection, Counter[str]], int], ...]] = (
    _acknowledged, _oldest_samples, _oldest_of_all,
)  # fmt: skip
