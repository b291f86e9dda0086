"""Two engines behind one gate: `read(fn)` and `write(fn)` run a plain function in a transaction.

Theory of operation. SQLite: one writer thread with one connection, every writing transaction
begins IMMEDIATE, so the executor's queue is the write gate; readers have their own connections and
see a snapshot. PostgreSQL: a pool of asyncpg connections; the same functions run through
SQLAlchemy's `run_sync`. So a transaction is one function, one hop to a thread on SQLite, and the
code inside it is the same for both (docs/adr/0002).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel import Session

from protocols.uplink import instant
from telehealth.errors import KeysError, UnavailableError
from telehealth.store import bulk
from telehealth.vault import Vault

T = TypeVar("T")
Row = tuple[Any, ...]
PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "busy_timeout = 30000",
    "temp_store = MEMORY",
    "cache_size = -16000",
)
"""Every SQLite connection is set so; `check` refuses to serve from any weaker promise."""
_READERS = 4
_RETRIES = 3
_RETRY_STATES = frozenset({"40001", "40P01"})
"""PostgreSQL: serialization_failure, deadlock_detected."""
_LATER_CLASSES = frozenset({"08", "40", "53", "55", "57", "58"})
"""SQLSTATE classes that no statement is to blame for: connection, rollback, resources (disk full),
locks, operator (restart, time-out), system; PostgreSQL Appendix A."""

_NOW_SQLITE = "SELECT CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)"
_NOW_POSTGRESQL = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_NUMBER_SQLITE = (
    "INSERT INTO sequence (name, value) VALUES ('commit', 1)"
    " ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"
)
_NUMBER_POSTGRESQL = "SELECT pg_current_xact_id()::text::bigint"


class Reader:
    """A transaction that only reads."""

    def __init__(self, connection: Connection, vault: Vault | None = None) -> None:
        self.connection = connection
        self._vault = vault
        self.is_sqlite = connection.dialect.name == "sqlite"

    @property
    def vault(self) -> Vault:
        """The keys that open sealed fields.

        Raises:
            KeysError: this database was opened without them.
        """
        if self._vault is None:
            raise KeysError("the database was opened without keys")
        return self._vault

    @cached_property
    def session(self) -> Session:
        """An ORM session on this transaction, for pages; never for intake."""
        return Session(bind=self.connection, autoflush=True, expire_on_commit=False)

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run driver-level SQL with `?` placeholders and return all rows."""
        result = self.connection.exec_driver_sql(
            bulk.placeholders(sql, self.is_sqlite), _one(params)
        )
        return [tuple(row) for row in result]

    def rows_in(self, sql: str, keys: Sequence[Any], params: Sequence[Any] = ()) -> list[Row]:
        """Run SQL that holds `IN (…)` once, over any number of keys."""
        return bulk.rows_in(self, sql, keys, params)

    @cached_property
    def now_ms(self) -> int:
        """The database's clock in epoch milliseconds UTC, asked once a transaction."""
        return int(self.rows(_NOW_SQLITE if self.is_sqlite else _NOW_POSTGRESQL)[0][0])

    @property
    def now(self) -> datetime:
        """The database's clock as aware UTC."""
        return instant(self.now_ms)

    @cached_property
    def cursor(self) -> int:
        """The number up to which every transaction's changes are visible here."""
        if self.is_sqlite:
            found = self.rows("SELECT value FROM sequence WHERE name = 'commit'")
        else:
            found = self.rows("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1")
        return int(found[0][0]) if found else 0


class Transaction(Reader):
    """A writing transaction; commits when its function returns, or not at all."""

    @cached_property
    def number(self) -> int:
        """This transaction's place in the order that screens follow (`changed_in`)."""
        return int(self.rows(_NUMBER_SQLITE if self.is_sqlite else _NUMBER_POSTGRESQL)[0][0])

    def execute(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Run one statement with `?` placeholders; returns the rows it touched."""
        result = self.connection.exec_driver_sql(
            bulk.placeholders(sql, self.is_sqlite), _one(params)
        )
        return result.rowcount

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert many rows with as few statements as the engine allows."""
        bulk.insert(self, table, columns, rows)

    def update(self, table: str, key: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Set `columns` of many rows; each row is the values, then the key."""
        bulk.update(self, table, key, columns, rows)


class Database:
    """The gate: every read and write of the server passes here."""

    def __init__(self, url: str, vault: Vault | None = None) -> None:
        self.url = url
        self.vault = vault
        self.is_sqlite = url.startswith("sqlite:")
        self._closed = False
        if self.is_sqlite:
            self._writer = _sqlite_engine(url, begin="BEGIN IMMEDIATE")
            self._reader = _sqlite_engine(url, begin="BEGIN", query_only=True)
            self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="write-gate")
            self._read_threads = ThreadPoolExecutor(_READERS, thread_name_prefix="read")
        else:
            self._pool = _postgresql_engine(url)

    async def read(self, fn: Callable[[Reader], T]) -> T:
        """Run `fn` in a reading transaction that sees one state of the database."""
        if self.is_sqlite:
            return await self._in_thread(self._read_threads, self._reader, Reader, fn)
        async with self._connected() as connection:
            await connection.exec_driver_sql(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
            )
            return await connection.run_sync(lambda c: fn(Reader(c, self.vault)))

    async def write(self, fn: Callable[[Transaction], T]) -> T:
        """Run `fn` in a writing transaction and commit; on any error nothing of it remains.

        Raises:
            UnavailableError: the engine cannot write now (disk full, gone); trying later may help.
        """
        if self.is_sqlite:
            return await self._in_thread(self._write_thread, self._writer, Transaction, fn)
        for attempt in range(_RETRIES):
            try:
                async with self._connected() as connection, connection.begin():
                    return await connection.run_sync(lambda c: fn(Transaction(c, self.vault)))
            except UnavailableError as error:
                if _state(error.__cause__) not in _RETRY_STATES or attempt == _RETRIES - 1:
                    raise
        raise AssertionError  # pragma: no cover

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection to PostgreSQL; whatever keeps us from it is `UnavailableError`."""
        try:
            connection = await self._pool.connect()
        except Exception as error:  # OSError, the driver's own errors, a pool that is used up
            raise UnavailableError(f"database cannot be reached: {error}") from error
        try:
            async with aclosing(connection):
                yield connection
        except OSError as error:
            raise UnavailableError(f"database is gone: {error}") from error
        except DBAPIError as error:
            raise _as_unavailable(error) from error

    async def _in_thread(
        self,
        threads: ThreadPoolExecutor,
        engine: Engine,
        kind: type[Reader],
        fn: Callable[[Any], T],
    ) -> T:
        def run() -> T:
            try:
                with engine.begin() as connection:
                    return fn(kind(connection, self.vault))
            except DBAPIError as error:
                raise _as_unavailable(error) from error

        return await asyncio.get_running_loop().run_in_executor(threads, run)

    async def check(self) -> None:
        """Refuse to serve from an engine that would acknowledge what a power cut can take away.

        Raises:
            UnavailableError: `synchronous`, `fsync` or `synchronous_commit` is off.
        """
        await self.write(_check_durability)

    async def close(self) -> None:
        """Wait for running transactions and let go of every connection; idempotent."""
        if self._closed:
            return
        self._closed = True
        if not self.is_sqlite:
            await self._pool.dispose()
            return
        for threads in (self._write_thread, self._read_threads):
            await asyncio.to_thread(threads.shutdown)
        self._writer.dispose()
        self._reader.dispose()


def _one(params: Sequence[Any]) -> tuple[Any, ...] | None:
    return tuple(params) if params else None


def _check_durability(reader: Reader) -> None:
    if reader.is_sqlite:
        wanted = {"journal_mode": "wal", "synchronous": "2"}
        found = {name: str(reader.rows(f"PRAGMA {name}")[0][0]) for name in wanted}
    else:
        wanted = {"fsync": "on", "synchronous_commit": "on"}
        found = {name: str(reader.rows(f"SHOW {name}")[0][0]) for name in wanted}
    wrong = {name: value for name, value in found.items() if value != wanted[name]}
    if wrong:
        raise UnavailableError(f"database is not durable: {wrong}, wanted {wanted}")


def _as_unavailable(error: DBAPIError) -> Exception:
    """Disk full, locked or gone: `UnavailableError`; a broken statement or rule stays as it is."""
    text = str(error.orig).lower()
    gone = ("disk is full", "disk i/o", "locked", "readonly", "unable to open")
    later = str(_state(error))[:2] in _LATER_CLASSES
    if later or error.connection_invalidated or any(word in text for word in gone):
        return UnavailableError(f"database cannot serve now: {error.orig}")
    return error


def _state(error: BaseException | None) -> str | None:
    """Return PostgreSQL's SQLSTATE of an error, if it has one."""
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _sqlite_engine(url: str, *, begin: str, query_only: bool = False) -> Engine:
    engine = create_engine(
        url, connect_args={"timeout": 30, "check_same_thread": False, "cached_statements": 512}
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in (*PRAGMAS, f"query_only = {'ON' if query_only else 'OFF'}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgresql_engine(url: str) -> AsyncEngine:
    address = url.replace("postgresql://", "postgresql+asyncpg://", 1)
    return create_async_engine(address, pool_size=8, max_overflow=8, pool_pre_ping=False)
