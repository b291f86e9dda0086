"""The durable queue between a home and the server: SQLite, WAL, every commit on the disk.

Theory of operation. A parcel is appended undated and unnumbered. When it is first to be sent it
gets stream, number and date in one committed transaction, and from then on its row holds the very
frame: a number never changes its content. Parcels younger than two minutes go by `live`, older
ones by `backlog`, so a long absence does not hide the present. An acknowledged row stays seven
days: a server restored from a backup says a lower number, and is sent the rest again. A number
that is no longer held becomes a gap. Rows keep boot, monotonic and wall time; a boot is dated by
the first contact in it, or by its first synchronised row (docs/gateway.md).

One connection, one thread, no awaiting; the gateway runs it in a thread of its own. Device ids
and values only: no name ever comes here.
"""

import logging
import os
import secrets
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, cast

from devices.clock import Moment
from devices.parcels import (
    STREAMS,
    Content,
    Frame,
    Parcel,
    deflate,
    encode_content,
    inflate,
    renumber,
)
from devices.spool_ballast import (
    Ballast,
    DiskFullError,
    grow_again,
    grow_no_more,
    truncate_log,
)
from devices.spool_boots import date_of_now, latest_of_each_boot, see_boot
from devices.spool_errors import SpoolError
from devices.spool_file import (
    GIVEN_UP_IN_ORDER,
    INSERT_ENTRY,
    ROW_BYTES,
    Lost,
    lock,
    measure,
    minutes_in,
    open_or_set_aside,
)
from devices.spool_join import join_oldest
from devices.spool_numbering import frames_of, highest, set_aside_row
from devices.spool_records import (
    EMPTY,
    acknowledge_records,
    forget_records,
    owed_records,
    records_in,
    remember,
    without_known,
)
from protocols.uplink import (
    Event,
    StreamName,
)

logger = logging.getLogger(__name__)

KEPT_AFTER_ACK_MS: Final = 7 * 24 * 3_600_000
DEFAULT_MAX_BYTES: Final = 256 * 1024 * 1024
MAX_REJECTED: Final = 10_000
_GIVEN_UP_BYTES: Final = 64 * 1024
"""How much is given up first where the disk is full; then twice as much, and so on."""


@dataclass(frozen=True, slots=True)
class RejectedFrame:
    """Bytes of a device that could not be used, and why."""

    device: str
    characteristic: str
    raw: bytes
    reason: str
    at: Moment


class Spool:
    """The queue of one gateway; one process at a time (a lock file says so)."""

    def __init__(self, path: Path, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = lock(path)
        self._ballast = Ballast(path)
        try:
            self._db = open_or_set_aside(path, self._ballast)
            self._bytes = measure(self._db)
            self._ballast.lay()
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        self._db.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what devices said ---------------------------------------------------------------------

    def append(
        self,
        parcels: Sequence[Parcel],
        *,
        rejected: Sequence[RejectedFrame] = (),
        counts: Mapping[str, int] | None = None,
    ) -> None:
        """Make durable what devices said; when this returns it survives a power cut.

        Args:
            parcels: what can be used.
            rejected: bytes that could not be used; the newest ten thousand are kept.
            counts: what is added to the named counters.

        Raises:
            SpoolError: the disk is full or fails; nothing of this call is kept.
        """
        give_up, dropped = 0, self._ballast.is_dropped
        while True:
            try:
                self._append(parcels, rejected, counts or {}, give_up=give_up)
            except DiskFullError:
                if not parcels or give_up > self._bytes:
                    raise
                self._ballast.drop()
                grow_no_more(self._db)
                give_up = (2 * give_up or _GIVEN_UP_BYTES) if dropped else 0
                dropped = True
            else:
                break
        if self._ballast.is_dropped:
            grow_again(self._db) if self._ballast.lay() else truncate_log(self._db)

    def _append(
        self,
        parcels: Sequence[Parcel],
        rejected: Sequence[RejectedFrame],
        counts: Mapping[str, int],
        *,
        give_up: int,
    ) -> None:
        """Insert, with the oldest given up first where the disk is full: both or neither.

        What is given up is room inside the file, which the newest then takes.
        """
        with self._transaction():
            if give_up:
                self._make_room(parcels[-1].start, down_to=max(0, self._bytes - give_up))
            self._insert(parcels)
            if self._bytes > self._max_bytes and parcels:
                self._make_room(parcels[-1].start, down_to=int(self._max_bytes * 0.9))
            if rejected:
                self._insert_rejected(rejected)
            self._db.executemany(
                "INSERT INTO counter VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                list(counts.items()),
            )

    # -- what the server is told ---------------------------------------------------------------

    def epochs(self) -> dict[StreamName, str]:
        """Return the name of each stream's numbering."""
        rows = self._db.execute("SELECT name, epoch FROM stream")
        return {cast(StreamName, name): epoch for name, epoch in rows}

    def highest(self) -> dict[StreamName, int]:
        """Return the last number given out in each stream, 0 for none."""
        return highest(self._db)

    def contact(self, now: Moment, server_now_ms: int) -> None:
        """Date this boot by the server's clock, and forget what has been kept long enough."""
        with self._transaction():
            see_boot(self._db, now)
            self._db.execute(
                "UPDATE boot SET anchor_ms = ? WHERE boot_id = ?",
                (server_now_ms - now.monotonic_ms, now.boot_id),
            )
            self._set("last_contact_ms", str(server_now_ms))
            self._forget_old(server_now_ms)

    def next_frames(
        self, cursor: Mapping[StreamName, int], *, room: int, backlog_room: int, now: Moment
    ) -> list[Frame]:
        """Return what comes after the cursor of each stream, live first, at most `room` frames.

        Numbers and freezes parcels as needed; they are committed before this returns.
        """
        frames: list[Frame] = []
        with self._transaction():
            for stream in STREAMS:
                left = room - len(frames)
                if stream == "backlog":
                    left = min(left, backlog_room)
                if left > 0:
                    found, grown = frames_of(self._db, stream, cursor[stream], left, now)
                    frames += found
                    self._bytes += grown
        return frames

    def acknowledge(self, acked: Mapping[StreamName, int], now: Moment) -> None:
        """Mark all numbers up to and with the given one of each stream as committed."""
        with self._transaction():
            at_ms = date_of_now(self._db, now)
            for stream, seq in acked.items():
                self._db.execute(
                    "UPDATE stream SET acked = max(acked, ?) WHERE name = ?", (seq, stream)
                )
                acknowledge_records(self._db, stream, seq, at_ms)
                self._db.execute(
                    "UPDATE entry SET acked_ms = ? WHERE stream = ? AND seq <= ?"
                    " AND acked_ms IS NULL",
                    (at_ms, stream, seq),
                )

    def owed_records(self, device: str) -> int:
        """Count the records of a device's memory that the server has not acknowledged yet."""
        return owed_records(self._db, device)

    def join_old(self, now: Moment) -> bool:
        """Join some parcels that wait for the backlog, to need less room; return if there is more.

        Those that have a number keep it, and what is young stays as it is.
        """
        with self._transaction():
            change = join_oldest(self._db, now, partial(set_aside_row, self._db))
            self._bytes += change or 0
        return change is not None

    def rewind(self, stream: StreamName, acked: int) -> None:
        """The server holds less than it once acknowledged: what is still here is owed again."""
        with self._transaction():
            self._db.execute("UPDATE stream SET acked = ? WHERE name = ?", (acked, stream))
            self._db.execute(
                "UPDATE entry SET acked_ms = NULL WHERE stream = ? AND seq > ?", (stream, acked)
            )

    def renew_epoch(self, stream: StreamName) -> None:
        """Begin a new numbering: the server holds numbers that this spool never gave out.

        It happens when an old copy of the spool was put back. What is still owed waits unnumbered
        again; the server knows a measurement that it already has by its content.
        """
        with self._transaction():
            self._db.execute(
                "DELETE FROM entry WHERE stream = ? AND acked_ms IS NOT NULL", (stream,)
            )
            owed = self._db.execute(
                "SELECT entry_id, content FROM entry WHERE stream = ? ORDER BY seq", (stream,)
            ).fetchall()
            self._db.execute("UPDATE entry SET seq = -seq WHERE stream = ?", (stream,))
            self._db.executemany(
                "UPDATE entry SET seq = ?, content = ? WHERE entry_id = ?",
                [
                    (seq, deflate(renumber(inflate(frame), seq)), entry_id)
                    for seq, (entry_id, frame) in enumerate(owed, start=1)
                ],
            )
            self._db.execute(
                "UPDATE stream SET epoch = ?, next_seq = ?, acked = 0 WHERE name = ?",
                (secrets.token_hex(16), 1 + len(owed), stream),
            )
            self._bytes = measure(self._db)

    # -- settings that must outlive a restart ---------------------------------------------------

    def setting(self, name: str) -> str | None:
        """Return what was last remembered under a name; `None` if nothing was."""
        row = self._db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def remember(self, name: str, value: str) -> None:
        with self._transaction():
            self._set(name, value)

    # -- inside ----------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        bytes_before = self._bytes
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._bytes = bytes_before
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            kind = DiskFullError if error.sqlite_errorcode == sqlite3.SQLITE_FULL else SpoolError
            raise kind(f"spool: {error}") from error

    def _set(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def _insert(self, parcels: Sequence[Parcel]) -> None:
        rows = []
        for moment in latest_of_each_boot(parcels):
            see_boot(self._db, moment)
        for parcel in parcels:
            records = records_in(parcel)
            if not records:
                rows.append(self._row(parcel, parcel.content))
                continue
            content, keys = without_known(self._db, parcel, records)
            if content != EMPTY:
                entry_id = self._db.execute(INSERT_ENTRY, self._row(parcel, content)).lastrowid
                remember(self._db, parcel.device, keys, entry_id)
        self._db.executemany(INSERT_ENTRY, rows)

    def _row(self, parcel: Parcel, content: Content) -> tuple[Any, ...]:
        data = encode_content(content)
        self._bytes += ROW_BYTES + len(data)
        at = parcel.start
        return (
            parcel.device, at.boot_id, at.monotonic_ms, at.wall_ms, at.synchronised,
            len(content.samples), minutes_in(content), data,
        )  # fmt: skip

    def _forget_old(self, now_ms: int) -> None:
        forget_records(self._db, now_ms)
        cursor = self._db.execute(
            "DELETE FROM entry WHERE acked_ms < ?", (now_ms - KEPT_AFTER_ACK_MS,)
        )
        if cursor.rowcount:
            self._db.execute(
                "DELETE FROM boot WHERE boot_no < (SELECT max(boot_no) FROM boot)"
                " AND boot_id NOT IN (SELECT boot_id FROM entry)"
            )
            self._bytes = measure(self._db)

    def _insert_rejected(self, frames: Sequence[RejectedFrame]) -> None:
        self._db.executemany(
            "INSERT INTO rejected (device, characteristic, raw, reason, boot_id, monotonic_ms,"
            " wall_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (f.device, f.characteristic, f.raw, f.reason, f.at.boot_id, f.at.monotonic_ms,
                 f.at.wall_ms)
                for f in frames
            ],
        )  # fmt: skip
        self._db.execute(
            "DELETE FROM rejected WHERE rejected_id <= (SELECT max(rejected_id) FROM rejected) - ?",
            (MAX_REJECTED,),
        )

    def _make_room(self, now: Moment, *, down_to: int) -> None:
        """Get down to so many bytes, the dearest data last, and report what was lost."""
        lost: Lost = Counter()
        for give_up in GIVEN_UP_IN_ORDER:
            while self._bytes > down_to:
                freed_bytes = give_up(self._db, lost)
                if not freed_bytes:
                    break
                self._bytes -= freed_bytes
        if lost:
            logger.error("spool full, oldest data given up", extra={"lost": sum(lost.values())})
            self._insert(
                [
                    Parcel(device, now, Content(events=[Event(kind, 0, float(count))]))
                    for (device, kind), count in lost.items()
                    if count
                ]
            )
