"""Brings a backup back into an empty database, and proves that it is what was backed up.

Checked in this order: every part's SHA-256, before anything is written where it counts; then, in
the restored database, its own integrity, the schema's revision, the rows of every table and the
ends of the audit chains against the manifest. What the data themselves may lack (a key, an audit
entry) is a finding: the operator gets the database and is told.
"""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from telehealth import archive, backup, postgresql_tools
from telehealth.archive import CHECKPOINTS, Manifest
from telehealth.errors import KeysError, RefusedError
from telehealth.sealed import BATCH_ROWS, columns_of, missing_keys, sealed_with
from telehealth.store.database import Database, Reader, Transaction
from telehealth.vault import Vault

Verify = Callable[[Reader, Sequence[bytes]], Sequence[str]]
"""Checks the audit log against the lines of the checkpoints; returns a line for each finding."""
_FOREIGN_KEYS_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back, and what is not as it should be."""

    manifest: Manifest
    findings: tuple[str, ...]
    """Empty: every proof holds."""
    opened: int
    """Sealed fields that were opened as a sample."""


async def restore(
    source: Path,
    url: str,
    *,
    vault: Vault | None = None,
    verify: Verify | None = None,
    checkpoints: Path | None = None,
) -> Restored:
    """Restore an archive into an empty database of the same engine.

    Staff are signed out, because what was ended after the backup would be open again; patients'
    telephones stay in: each would need a nurse to let it in.

    Args:
        source: the archive.
        url: the empty database, `sqlite:///PATH` or `postgresql://…`.
        vault: the keys, to prove that they open what came; without them that is a finding.
        verify: of the audit log; without it that is a finding.
        checkpoints: where those of the archive go, if there are none yet.

    Raises:
        RefusedError: the archive is damaged, of the other engine, or the database is not empty.
        UnavailableError: the database or `pg_restore` cannot be reached.
    """
    is_sqlite = url.startswith("sqlite:")
    beside = backup.sqlite_path(url).parent if is_sqlite else source.parent
    with tempfile.TemporaryDirectory(dir=beside, prefix=".telehealth-restore-") as name:
        folder = Path(name)
        if is_sqlite:
            _check_free(backup.sqlite_path(url))
        else:
            await _check_empty(url)
        manifest = await asyncio.to_thread(archive.unpack, source, folder)
        wanted = "sqlite" if is_sqlite else "postgresql"
        if manifest.engine != wanted:
            raise RefusedError("backup", f"of {wanted}", manifest.engine)
        lines = await asyncio.to_thread(_lines, folder / CHECKPOINTS)
        copied = folder / manifest.database.name
        if is_sqlite:
            await asyncio.to_thread(_check_pages, copied)
            restored = await _prove(f"sqlite:///{copied}", manifest, lines, vault, verify)
            await asyncio.to_thread(_put_in_place, copied, backup.sqlite_path(url))
        else:
            await _fill(url, copied)
            restored = await _prove(url, manifest, lines, vault, verify)
    if checkpoints is not None:
        _keep(lines, checkpoints)
    return restored


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


def _keep(lines: Sequence[bytes], checkpoints: Path) -> None:
    """Lay the archive's checkpoints where none are; what is there may know more."""
    if lines and not checkpoints.exists():
        checkpoints.parent.mkdir(parents=True, exist_ok=True)
        checkpoints.write_bytes(b"".join(lines))


def _check_free(path: Path) -> None:
    """Refuse a path at which there is data; a journal alone is data too."""
    for name in ("-wal", "-journal"):
        journal = path.with_name(path.name + name)
        if not path.exists() and journal.exists():
            raise RefusedError("database", "no journal of another beside it", str(journal))
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path)) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.Error as error:
        raise RefusedError("database", "empty", f"{path}: {error}") from None
    if tables:
        raise RefusedError("database", "empty", f"{tables} tables and indexes in {path}")


def _check_pages(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        raise RefusedError("backup", "a sound database", said)


def _put_in_place(copied: Path, path: Path) -> None:
    backup.make_single(copied)
    handle = os.open(copied, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    copied.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def _check_empty(url: str) -> None:
    database = Database(url)
    try:
        tables = await database.read(backup.tables_of)
    finally:
        await database.close()
    if tables:
        raise RefusedError("database", "empty", f"{len(tables)} tables")


async def _fill(url: str, dump: Path) -> None:
    """Bring a dump into an empty PostgreSQL database, all of it or nothing."""
    database = Database(url)
    try:
        major = await database.read(backup.server_major)
    finally:
        await database.close()
    program = await postgresql_tools.program("pg_restore", major)
    env = postgresql_tools.environment(url)
    options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    await postgresql_tools.run(
        [str(program), *options, "--no-password", f"--dbname={env['PGDATABASE']}", str(dump)], env
    )


async def _prove(
    url: str, manifest: Manifest, lines: Sequence[bytes], vault: Vault | None, verify: Verify | None
) -> Restored:
    """Hold what came against the manifest, then sign the staff out."""
    database = Database(url, vault)
    try:
        await database.read(lambda reader: _check_census(reader, manifest))
        findings, opened = await database.read(
            lambda reader: _findings(reader, lines, vault, verify)
        )
        await database.write(_sign_staff_out)
    finally:
        await database.close()
    return Restored(manifest, tuple(findings), opened)


def _check_census(reader: Reader, manifest: Manifest) -> None:
    """Compare revision, rows and audit ends.

    Raises:
        RefusedError: something differs; names it.
    """
    found = backup.census(reader)
    if found.schema_revision != manifest.schema_revision:
        raise RefusedError("schema", manifest.schema_revision, found.schema_revision)
    for table in sorted(found.tables.keys() | manifest.tables.keys()):
        wanted, got = manifest.tables.get(table), found.tables.get(table)
        if wanted != got:
            raise RefusedError(f"rows of {table}", str(wanted), got)
    if found.audit_heads != manifest.audit_heads:
        raise RefusedError("audit", "the chains' ends of the manifest", "others")


def _findings(
    reader: Reader, lines: Sequence[bytes], vault: Vault | None, verify: Verify | None
) -> tuple[list[str], int]:
    found: list[str] = []
    if reader.is_sqlite:
        broken = reader.rows("PRAGMA foreign_key_check")[:_FOREIGN_KEYS_SHOWN]
        found += [
            f"a row of {table} names one of {parent} that is not" for table, _, parent, _ in broken
        ]
    opened = 0
    if vault is None:
        found.append("keys: none here, nothing was opened")
    else:
        closed, opened = _open_some(reader, vault)
        found += closed
    if verify is None or vault is None:
        found.append("audit: not verified")
    elif "audit" in backup.tables_of(reader):
        found += [f"audit: {line}" for line in verify(reader, lines)]
    return found, opened


def _open_some(reader: Reader, vault: Vault) -> tuple[list[str], int]:
    """Open the first fields of each sealed column; returns what stays closed, and how many open."""
    missing = missing_keys(vault.keyring, {"data": sealed_with(reader)})
    found = [f"the key is missing: {name}" for name in missing]
    known = {key.key_id for key in vault.keyring.data}
    opened = 0
    for at in columns_of(reader):
        for row, sealed in reader.rows(
            f"SELECT {at.key}, {at.column} FROM {at.table} WHERE {at.column} IS NOT NULL"  # noqa: S608
            f" ORDER BY {at.key} LIMIT ?",
            (BATCH_ROWS,),
        ):
            if bytes(sealed)[1:5] not in known:
                continue
            try:
                vault.open(sealed, at.table, at.column, row)
                opened += 1
            except KeysError as error:
                found.append(str(error))
    return found, opened


def _sign_staff_out(tx: Transaction) -> None:
    tx.execute(
        "DELETE FROM login_session WHERE account_id IN"
        " (SELECT account_id FROM account WHERE role <> 'patient')"
    )
