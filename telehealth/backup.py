"""Copies a database that is being served into one archive, with everything that later proves it.

SQLite is copied by its online backup in one step, which sees one state and holds up no writer
(sqlite.org/backup.html); PostgreSQL by `pg_dump` within an exported snapshot, in which the rows are
counted too (PostgreSQL 15, 9.27.5). The keys are never part of it, and neither is whatever the
environment holds: names stay closed without the custodians (docs/keys.md).
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from protocols.uplink import instant
from telehealth import archive, postgresql_tools
from telehealth.archive import CHECKPOINTS, Head, Manifest
from telehealth.audit.checkpoints import Checkpoint
from telehealth.errors import RefusedError, UnavailableError
from telehealth.sealed import sealed_with
from telehealth.store.database import Database, Reader

_TABLES_SQLITE: Final = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    " ORDER BY name"
)
_TABLES_POSTGRESQL: Final = (
    "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
    " AND relnamespace = current_schema()::regnamespace ORDER BY relname"
)
_read_checkpoint: Final = msgspec.json.Decoder(Checkpoint).decode
_HEADS: Final = (
    "SELECT a.chain_id, a.seq, a.mac FROM audit a JOIN (SELECT chain_id, max(seq) AS seq FROM audit"
    " GROUP BY chain_id) h ON h.chain_id = a.chain_id AND h.seq = a.seq ORDER BY a.chain_id"
)


@dataclass(frozen=True, slots=True)
class Census:
    """What is in a database at one moment."""

    made_ms: int
    engine_version: str
    schema_revision: str
    tables: dict[str, int]
    audit_heads: list[Head]
    data_keys: list[str]


async def back_up(url: str, target: Path, *, checkpoints: Path | None = None) -> Path:
    """Write an archive of a database while it is served.

    Args:
        url: `TELEHEALTH_DATABASE`.
        target: the archive's path, or a folder in which it gets a name with its time.
        checkpoints: the audit log's, copied along.

    Returns:
        Where the archive lies.

    Raises:
        RefusedError: something is at the target, or there is no database.
        UnavailableError: the database or `pg_dump` cannot be reached, or the copy is not sound.
    """
    into = check_target(target)
    engine = "sqlite" if url.startswith("sqlite:") else "postgresql"
    with tempfile.TemporaryDirectory(dir=into, prefix=".telehealth-backup-") as name:
        copied = Path(name) / f"database.{engine}"
        lines = await asyncio.to_thread(_size_of, checkpoints)
        copy = _copy_sqlite if engine == "sqlite" else _copy_postgresql
        found = await copy(url, copied)
        return await asyncio.to_thread(_pack, found, copied, (checkpoints, lines), target)


def check_target(target: Path) -> Path:
    """Return the folder that an archive at `target` will lie in.

    Raises:
        RefusedError: no such folder, or something is there already.
    """
    into = target if target.is_dir() else target.parent
    if not into.is_dir() or target.is_file():
        raise RefusedError("backup", "a folder, or a new file in one", str(target))
    return into


def _size_of(checkpoints: Path | None) -> int:
    return checkpoints.stat().st_size if checkpoints is not None and checkpoints.exists() else 0


def _pack(found: Census, copied: Path, lines: tuple[Path | None, int], target: Path) -> Path:
    """Write the archive of what was copied; returns where."""
    files = [copied]
    checkpoints, before = lines
    if checkpoints is not None and checkpoints.exists():
        files.append(copied.with_name(CHECKPOINTS))
        known = {head.chain_id: head.seq for head in found.audit_heads}
        files[-1].write_bytes(b"".join(_lines_until(checkpoints, before, known)))
    manifest = Manifest(
        made_at=instant(found.made_ms).isoformat(timespec="milliseconds"),
        engine=copied.suffix[1:],
        engine_version=found.engine_version,
        schema_revision=found.schema_revision,
        tables=found.tables,
        audit_heads=found.audit_heads,
        data_keys=found.data_keys,
        parts=[archive.part_of(path, path.name) for path in files],
    )
    name = f"telehealth-{instant(found.made_ms):%Y%m%dT%H%M%SZ}.tar"
    written = target / name if target.is_dir() else target
    archive.write(written, manifest, files)
    return written


def _lines_until(checkpoints: Path, before: int, known: dict[str, int]) -> Iterator[bytes]:
    """Yield the lines up to the first that knows of entries that came after the copy.

    What was in the file `before` the copy began goes along whatever it says: it is evidence.
    """
    read = 0
    with checkpoints.open("rb") as file:
        for line in file:
            if read >= before and _is_later(line, known):
                return
            read += len(line)
            yield line


def _is_later(line: bytes, known: dict[str, int]) -> bool:
    try:
        heads = _read_checkpoint(line).heads
    except msgspec.DecodeError:
        return False
    return any(head.seq > known.get(head.chain_id, 0) for head in heads)


def census(reader: Reader) -> Census:
    """Count a database's rows and note where its audit chains end, all at one moment."""
    tables = tables_of(reader)
    heads = reader.rows(_HEADS) if "audit" in tables else []
    version = "SELECT sqlite_version()" if reader.is_sqlite else "SHOW server_version"
    return Census(
        made_ms=reader.now_ms,
        engine_version=str(reader.rows(version)[0][0]),
        schema_revision=revision_of(reader),
        tables=counts_of(reader, tables),
        audit_heads=[Head(chain, seq, bytes(mac).hex()) for chain, seq, mac in heads],
        data_keys=sorted(key_id.hex() for key_id in sealed_with(reader)),
    )


def tables_of(reader: Reader) -> list[str]:
    """Return the names of a database's own tables, a partitioned one once."""
    sql = _TABLES_SQLITE if reader.is_sqlite else _TABLES_POSTGRESQL
    return [str(name) for (name,) in reader.rows(sql)]


def counts_of(reader: Reader, tables: list[str]) -> dict[str, int]:
    """Count the rows of tables, whose names come from the database itself."""
    return {
        name: int(reader.rows(f'SELECT count(*) FROM "{name}"')[0][0])  # noqa: S608
        for name in tables
    }


def revision_of(reader: Reader) -> str:
    """Return the revision of the schema.

    Raises:
        RefusedError: no database of ours.
    """
    if "alembic_version" not in tables_of(reader):
        raise RefusedError("database", "one that `telehealth migrate` has made", "another")
    return " ".join(str(row[0]) for row in reader.rows("SELECT version_num FROM alembic_version"))


def sqlite_path(url: str) -> Path:
    """Return the file behind a `sqlite:///` address."""
    return Path(url.removeprefix("sqlite:///"))


def make_single(path: Path) -> None:
    """Put a SQLite database into its one file, with no journal beside it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")


async def _copy_sqlite(url: str, target: Path) -> Census:
    """Copy a SQLite file as it stands, and count what came."""
    await asyncio.to_thread(_copy_pages, sqlite_path(url), target)
    database = Database(f"sqlite:///{target}")
    try:
        found = await database.read(census)
    finally:
        await database.close()
    await asyncio.to_thread(make_single, target)
    return found


def _copy_pages(source: Path, target: Path) -> None:
    if not source.is_file():
        raise RefusedError("database", "a file", str(source))
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new, pages=-1)
            complaint = new.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise UnavailableError(f"the database cannot be copied: {error}") from error
    if complaint != "ok":
        raise UnavailableError(f"the database is not sound, nothing was backed up: {complaint}")


async def _copy_postgresql(url: str, target: Path) -> Census:
    """Dump one state of a PostgreSQL database, and count within the same."""
    address = url.replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(address, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
            )
            found, snapshot, major = await connection.run_sync(_census_and_snapshot)
            dump = await postgresql_tools.program("pg_dump", major)
            await postgresql_tools.run(
                [str(dump), *_DUMP, f"--snapshot={snapshot}", f"--file={target}"],
                postgresql_tools.environment(url),
            )
    except (OSError, DBAPIError) as error:
        raise UnavailableError(f"the database cannot be copied: {error}") from error
    finally:
        await engine.dispose()
    return found


_DUMP: Final = ("--format=custom", "--no-owner", "--no-privileges", "--no-password")


def _census_and_snapshot(connection: Connection) -> tuple[Census, str, int]:
    reader = Reader(connection)
    snapshot = reader.rows("SELECT pg_export_snapshot()")[0][0]
    return census(reader), str(snapshot), server_major(reader)


def server_major(reader: Reader) -> int:
    """Return PostgreSQL's major version."""
    return int(reader.rows("SHOW server_version_num")[0][0]) // 10_000
