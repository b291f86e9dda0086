"""Fresh databases for rounds: copies of one that was prepared once, on either engine."""

import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from benchmarks.figures import CannotMeasureError
from telehealth.store.database import Database, Reader
from telehealth.store.tables.vitals import ReadingCopy


@contextmanager
def folder_in(parent: Path) -> Iterator[Path]:
    """Yield an empty folder on the disk that is to be measured; it goes with the block."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as folder:
        yield Path(folder).resolve()


@dataclass(frozen=True, slots=True)
class Stored:
    """What lies in a database, to hold against what was acknowledged."""

    uploads: int
    readings: int
    not_scored: int
    """Readings without a level, late, or of uncertain time: none of a benchmark's should be."""
    refused: int
    copies: int
    gaps: int
    alerts: int
    alert_events: int

    def since(self, before: "Stored") -> "Stored":
        """Return what has come to it."""
        names = self.__slots__
        return replace(self, **{n: getattr(self, n) - getattr(before, n) for n in names})


_QUESTIONS = (
    "SELECT count(*) FROM upload",
    "SELECT count(*) FROM reading",
    "SELECT count(*) FROM reading WHERE level IS NULL OR late OR time_uncertain",
    "SELECT count(*) FROM refused",
    f"SELECT count(*) FROM {ReadingCopy.__tablename__}",  # noqa: S608 - a table of ours
    "SELECT count(*) FROM stream_gap",
    "SELECT count(*) FROM alert",
    "SELECT count(*) FROM alert_event",
)


async def stored(url: str) -> Stored:
    """Count what a database holds."""

    def ask(reader: Reader) -> Stored:
        return Stored(*(int(reader.rows(question)[0][0]) for question in _QUESTIONS))

    database = Database(url)
    try:
        return await database.read(ask)
    finally:
        await database.close()


def check(came: Stored, *, uploads: int, readings: int) -> None:
    """Hold a round's database against what the load had acknowledged.

    Raises:
        CannotMeasureError: something acknowledged is not there, doubled, refused or not scored.
    """
    wanted = Stored(uploads, readings, 0, 0, 0, 0, came.alerts, came.alert_events)
    if came != wanted:
        raise CannotMeasureError(f"the database holds {came}, acknowledged was {wanted}")


class Databases:
    """Where the databases of a benchmark lie: SQLite files in a folder, or one PostgreSQL server.

    Args:
        url: `postgresql://…` of a database whose role may create others; empty for SQLite.
        folder: for SQLite's files.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.is_sqlite = not url
        self.server_url = url
        self._folder = folder

    @asynccontextmanager
    async def empty(self) -> AsyncIterator[str]:
        """Yield the address of an empty database; it goes with the context."""
        async with self._new(template=None) as url:
            yield url

    @asynccontextmanager
    async def copy_of(self, url: str) -> AsyncIterator[str]:
        """Yield the address of a copy of a database that nobody has open."""
        async with self._new(template=url) as copy:
            yield copy

    @asynccontextmanager
    async def _new(self, *, template: str | None) -> AsyncIterator[str]:
        name = f"bench_{uuid.uuid4().hex[:12]}"
        if self.is_sqlite:
            path = self._folder / f"{name}.sqlite"
            if template is not None:
                _copy_sqlite(Path(template.removeprefix("sqlite:///")), path)
            try:
                yield f"sqlite:///{path}"
            finally:
                for left in self._folder.glob(f"{name}.sqlite*"):
                    left.unlink()
            return
        admin = await asyncpg.connect(self.server_url)
        try:
            source = f" TEMPLATE {urlsplit(template).path[1:]}" if template else ""
            await admin.execute(f"CREATE DATABASE {name}{source}")
            try:
                yield urlunsplit(urlsplit(self.server_url)._replace(path=f"/{name}"))
            finally:
                await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            await admin.close()


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy a file after its write-ahead log has gone into it."""
    connection = sqlite3.connect(source)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    shutil.copyfile(source, target)
