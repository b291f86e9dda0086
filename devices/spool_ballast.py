"""Room that is kept free for the day on which the disk is full.

A full disk must not stop a gateway from giving up its oldest data in favour of its newest, and
SQLite needs a little room for that too: its write-ahead log. A file of 1 MiB beside the spool holds
that room, and is let go when the disk is full; it is laid again when there is plenty.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from devices.spool_errors import SpoolError

BALLAST_BYTES: Final = 1024 * 1024
PLENTY_BYTES: Final = 4 * BALLAST_BYTES
"""Laid again only where so much is free."""


class DiskFullError(SpoolError):
    """The disk has no room; nothing of the call was kept."""


class Ballast:
    """The file beside one spool."""

    def __init__(self, spool: Path) -> None:
        self._path = spool.with_name(spool.name + ".ballast")
        self._laid = self._path.exists()
        self.is_dropped = False
        """Whether the disk was full and has not had plenty since."""

    def lay(self) -> bool:
        """Take the room, if there is plenty; returns whether it is held."""
        if self._laid:
            return True
        try:
            free = os.statvfs(self._path.parent)
            if free.f_bavail * free.f_frsize < PLENTY_BYTES:
                return False
            held = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                os.posix_fallocate(held, 0, BALLAST_BYTES)
            finally:
                os.close(held)
        except OSError:
            self._let_go()
            return False
        self._laid = True
        self.is_dropped = False
        return True

    def drop(self) -> None:
        """Let the room go: the disk is full."""
        self.is_dropped = True
        self._let_go()

    def _let_go(self) -> None:
        self._laid = False
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def grow_no_more(db: sqlite3.Connection) -> None:
    """Keep the file as large as it is: what the ballast held is the log's room, not the file's."""
    truncate_log(db)
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages:d}").fetchall()


def grow_again(db: sqlite3.Connection) -> None:
    """Let the file grow as SQLite does by itself."""
    db.execute("PRAGMA max_page_count = 1073741823").fetchall()


def truncate_log(db: sqlite3.Connection) -> None:
    """Give the write-ahead log's room back; a disk that cannot even do this is met again later."""
    with suppress(sqlite3.Error):
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
