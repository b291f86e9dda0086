"""The spool's file: its tables, its lock, what happens to a broken one and to a full one."""

import fcntl
import logging
import os
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast, get_args

import msgspec

from devices.parcels import Content, decode_content, encode_content, inflate
from devices.spool_ballast import Ballast
from devices.spool_errors import SpoolError
from protocols.errors import DecodeError
from protocols.uplink import Batch, Event, LossKind, WireReading, decode_from_gateway

logger = logging.getLogger(__name__)

SPOOL_FILE: Final = "spool.db"
ROW_BYTES: Final = 150
"""What a row costs beside its content: columns, indexes, page slack."""
_CHUNK: Final = 100
INSERT_ENTRY: Final = (
    "INSERT INTO entry (device, boot_id, monotonic_ms, wall_ms, synchronised, samples, minutes,"
    " content) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)

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
  content BLOB NOT NULL,        -- a Content until numbered, the frame itself afterwards; deflated
  stream TEXT, seq INTEGER, acked_ms INTEGER,
  minutes INTEGER NOT NULL DEFAULT 0, joined INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS record (
  device TEXT NOT NULL, key BLOB NOT NULL,  -- a reading out of a device's memory, by its content
  entry_id INTEGER NOT NULL, acked_ms INTEGER,
  PRIMARY KEY (device, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_entry ON record (entry_id);
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


def open_or_set_aside(path: Path, ballast: Ballast) -> sqlite3.Connection:
    """Open the spool; one that is not a readable database is renamed and a new one begun.

    Where the disk is full the ballast is let go.

    Raises:
        SpoolError: it can be neither opened nor made.
    """
    try:
        return _open(path)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise SpoolError(f"spool {path}: {error}") from error
        ballast.drop()
        return _open_or_say(path)
    except sqlite3.DatabaseError as error:
        aside = _set_aside(path)
        logger.error("spool is broken, set aside", extra={"file": aside.name, "why": str(error)})
        return _open(path)


def _open_or_say(path: Path) -> sqlite3.Connection:
    try:
        return _open(path)
    except sqlite3.Error as error:
        raise SpoolError(f"spool {path}: {error}") from error


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.executescript(_SCHEMA)
        _upgrade(db)
        db.executemany(
            "INSERT OR IGNORE INTO stream VALUES (?, ?, 1, 0)",
            [(name, secrets.token_hex(16)) for name in ("live", "backlog")],
        )
    except BaseException:
        db.close()
        raise
    return db


def _upgrade(db: sqlite3.Connection) -> None:
    """Give a spool of an earlier version the columns that it lacks."""
    there = {row[1] for row in db.execute("PRAGMA table_info(entry)")}
    for column in ("minutes", "joined"):
        if column not in there:
            db.execute(f"ALTER TABLE entry ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0")


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


# What is given up when the spool is full, in this order; each returns the bytes it freed and adds
# to what was lost, by device and kind of loss.

Lost = Counter[tuple[str, LossKind]]


def _acknowledged(db: sqlite3.Connection, lost: Lost) -> int:
    """The server has these; nothing is lost."""
    return _delete(db, "acked_ms IS NOT NULL ORDER BY entry_id")


def _oldest_samples(db: sqlite3.Connection, lost: Lost) -> int:
    """Samples that were never sent; the readings closed over them stay."""
    return _thin_out(db, "samples > 0", lost, _without_samples)


def _oldest_minutes(db: sqlite3.Connection, lost: Lost) -> int:
    """Minutes that were never sent; spot checks, records and events stay."""
    return _thin_out(db, "minutes > 0", lost, _without_minutes)


def _oldest_of_all(db: sqlite3.Connection, lost: Lost) -> int:
    """Whole parcels; a number that goes becomes a gap, a record is fetched again."""
    oldest = db.execute(
        "SELECT entry_id, device, seq, content FROM entry ORDER BY entry_id LIMIT ?", (_CHUNK,)
    ).fetchall()
    for _, device, seq, data in oldest:
        _count(device, data, numbered=seq is not None, lost=lost)
    db.executemany("DELETE FROM record WHERE entry_id = ? AND acked_ms IS NULL",
                   [(entry_id,) for entry_id, *_ in oldest])  # fmt: skip
    return _delete(db, "TRUE ORDER BY entry_id")


def _count(device: str, data: bytes, *, numbered: bool, lost: Lost) -> None:
    """Count what goes with a parcel; what it said was lost before is still lost."""
    try:
        readings, samples, events = _parts(data, numbered=numbered)
    except DecodeError:
        lost[device, "spool_loss_spots"] += 1
        return
    minutes = sum(1 for reading in readings if reading.kind == "minute")
    lost[device, "spool_loss"] += samples
    lost[device, "spool_loss_minutes"] += minutes
    lost[device, "spool_loss_spots"] += len(readings) - minutes
    for event in events:
        if event.kind in get_args(LossKind):
            lost[device, cast(LossKind, event.kind)] += int(event.value or 0)


def _parts(data: bytes, *, numbered: bool) -> tuple[list[WireReading], int, list[Event]]:
    """Return the readings, the number of samples and the events of a row."""
    if not numbered:
        content = decode_content(data)
        readings = [reading for _, reading in content.readings] + content.dated
        return readings, len(content.samples), content.events
    message = decode_from_gateway(inflate(data))
    if not isinstance(message, Batch):
        raise DecodeError("a row that is no batch")
    return message.readings, len(message.samples), message.events


def _without_samples(device: str, content: Content, lost: Lost) -> Content:
    lost[device, "spool_loss"] += len(content.samples)
    return msgspec.structs.replace(content, samples=[])


def _without_minutes(device: str, content: Content, lost: Lost) -> Content:
    kept = [entry for entry in content.readings if entry[1].kind != "minute"]
    lost[device, "spool_loss_minutes"] += len(content.readings) - len(kept)
    return msgspec.structs.replace(content, readings=kept)


def _thin_out(
    db: sqlite3.Connection,
    which: str,
    lost: Lost,
    thin_out: Callable[[str, Content, Lost], Content],
) -> int:
    """Take something out of the oldest rows.

    Rows that stay are written anew, close together: a row that shrinks in its place would leave the
    rest of its page to nobody, and a full disk needs whole pages.
    """
    freed_bytes = 0
    rows = db.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM entry WHERE seq IS NULL AND {which}"  # noqa: S608
        " ORDER BY entry_id LIMIT ?",
        (_CHUNK,),
    ).fetchall()
    kept_rows = []
    for (
        entry_id,
        device,
        boot_id,
        monotonic_ms,
        wall_ms,
        synchronised,
        joined,
        samples,
        data,
    ) in rows:
        try:
            content = thin_out(device, decode_content(data), lost)
        except DecodeError:
            lost[device, "spool_loss"] += samples
            content = Content()
        if content.samples or content.readings or content.dated or content.events:
            kept = encode_content(content)
            kept_rows.append(
                (entry_id, device, boot_id, monotonic_ms, wall_ms, synchronised, joined,
                 len(content.samples), kept, minutes_in(content))
            )  # fmt: skip
            freed_bytes += len(data) - len(kept)
        else:
            freed_bytes += ROW_BYTES + len(data)
    db.executemany("DELETE FROM entry WHERE entry_id = ?", [(row[0],) for row in rows])
    db.executemany(
        f"INSERT INTO entry ({', '.join(_COLUMNS)}, minutes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        kept_rows,
    )
    return max(freed_bytes, 1) if rows else 0


_COLUMNS: Final = (
    "entry_id", "device", "boot_id", "monotonic_ms", "wall_ms", "synchronised", "joined", "samples",
    "content",
)  # fmt: skip


def minutes_in(content: Content) -> int:
    """Count the minutes of a content: they are dearer than samples and cheaper than the rest."""
    return sum(1 for _, reading in content.readings if reading.kind == "minute")


def _delete(db: sqlite3.Connection, which: str) -> int:
    rows = db.execute(
        f"DELETE FROM entry WHERE entry_id IN (SELECT entry_id FROM entry WHERE {which}"  # noqa: S608 (constant)
        " LIMIT ?) RETURNING length(content)",
        (_CHUNK,),
    ).fetchall()
    return sum(ROW_BYTES + int(length) for (length,) in rows)


GIVEN_UP_IN_ORDER: Final[tuple[Callable[[sqlite3.Connection, Lost], int], ...]] = (
    _acknowledged, _oldest_samples, _oldest_minutes, _oldest_of_all,
)  # fmt: skip
