"""Numbers of the streams: which parcel gets which, and the frame that a number stands for.

A number never changes its content: the row holds the very frame from then on. A number that is no
longer held becomes a gap.
"""

import logging
import sqlite3
from typing import Any, Final, cast

from devices.clock import Moment
from devices.parcels import Frame, decode_content, deflate, freeze, inflate
from devices.spool_boots import anchor
from protocols.errors import DecodeError
from protocols.uplink import Gap, StreamName, encode

logger = logging.getLogger(__name__)
LIVE_MS: Final = 120_000
"""A parcel that began longer ago than this, or in an earlier boot, goes by `backlog`."""


def highest(db: sqlite3.Connection) -> dict[StreamName, int]:
    """Return the last number given out in each stream, 0 for none."""
    rows = db.execute("SELECT name, next_seq - 1 FROM stream")
    return {cast(StreamName, name): seq for name, seq in rows}


def frames_of(
    db: sqlite3.Connection, stream: StreamName, after: int, room: int, now: Moment
) -> tuple[list[Frame], int]:
    """Return the frames after a number: those that have one, then newly numbered ones.

    Beside them stands by how many bytes the rows have grown.
    """
    rows = db.execute(
        "SELECT seq, content FROM entry WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?",
        (stream, after, room),
    ).fetchall()
    frames: list[Frame] = []
    for seq, data in rows:
        if seq != after + 1:
            frames.append(_gap(stream, seq - 1))
        frames.append(Frame(stream, seq, inflate(data)))
        after = seq
    if len(rows) == room:
        return frames, 0
    given_out = highest(db)[stream]
    if given_out > after:
        frames.append(_gap(stream, given_out))
    numbered, grown = _number(db, stream, given_out + 1, room - len(rows), now)
    return frames + numbered, grown


def _number(
    db: sqlite3.Connection, stream: StreamName, seq: int, room: int, now: Moment
) -> tuple[list[Frame], int]:
    frames: list[Frame] = []
    grown = 0
    for (
        entry_id,
        device,
        boot_id,
        monotonic_ms,
        wall_ms,
        synchronised,
        content,
    ) in _waiting(db, stream, room, now):
        anchor_ms, uncertain = (None, False) if synchronised else anchor(db, boot_id)
        start_ms = wall_ms if anchor_ms is None else anchor_ms + monotonic_ms
        try:
            data = freeze(
                decode_content(content), stream=stream, seq=seq, device=device,
                start_ms=max(0, start_ms), uncertain=uncertain,
            )  # fmt: skip
        except DecodeError:
            logger.exception("spool row unreadable", extra={"entry_id": entry_id})
            set_aside_row(db, entry_id)
            continue
        db.execute(
            "UPDATE entry SET stream = ?, seq = ?, content = ? WHERE entry_id = ?",
            (stream, seq, kept := deflate(data), entry_id),
        )
        grown += len(kept) - len(content)
        frames.append(Frame(stream, seq, data))
        seq += 1
    if frames:
        db.execute("UPDATE stream SET next_seq = ? WHERE name = ?", (seq, stream))
    return frames, grown


def _waiting(
    db: sqlite3.Connection, stream: StreamName, room: int, now: Moment
) -> list[tuple[Any, ...]]:
    """Return unnumbered rows that belong to a stream, oldest first."""
    columns = "entry_id, device, boot_id, monotonic_ms, wall_ms, synchronised, content"
    young = (now.boot_id, now.monotonic_ms - LIVE_MS)
    if stream == "live":
        return db.execute(
            f"SELECT {columns} FROM entry WHERE seq IS NULL AND boot_id = ?"  # noqa: S608 (constant)
            " AND monotonic_ms >= ? ORDER BY monotonic_ms, entry_id LIMIT ?",
            (*young, room),
        ).fetchall()
    return db.execute(
        f"SELECT {columns} FROM entry WHERE seq IS NULL AND NOT (boot_id = ?"  # noqa: S608 (constant)
        " AND monotonic_ms >= ?) ORDER BY entry_id LIMIT ?",
        (*young, room),
    ).fetchall()


def set_aside_row(db: sqlite3.Connection, entry_id: int) -> None:
    """Keep a row that cannot be read where rejected bytes are kept."""
    db.execute(
        "INSERT INTO rejected (device, characteristic, raw, reason, boot_id, monotonic_ms,"
        " wall_ms) SELECT device, 'spool', content, 'spool row unreadable', boot_id,"
        " monotonic_ms, wall_ms FROM entry WHERE entry_id = ?",
        (entry_id,),
    )
    db.execute("DELETE FROM entry WHERE entry_id = ?", (entry_id,))


def _gap(stream: StreamName, seq: int) -> Frame:
    return Frame(stream, seq, encode(Gap(stream, seq, "no longer held by the gateway")))
