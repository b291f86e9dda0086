"""Brings a database to the newest schema, up and down, on either engine.

The scripts lie in `alembic/` of a checkout, or in the installed wheel as `telehealth/migrations`.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine

from telehealth.errors import UnavailableError
from telehealth.settings import Settings
from telehealth.store import partitions, roles

log = logging.getLogger(__name__)

_PARTITION = re.compile(r"_(default|y\d{4}m\d{2})$")


def scripts() -> Path:
    """Return the folder of migration scripts, packaged or of the checkout."""
    packaged = Path(__file__).parent.parent / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent.parent / "alembic"


def is_ours(name: str | None, type_: str, _parents: Any) -> bool:
    """Leave PostgreSQL's partitions out of comparisons: `partitions` makes them."""
    return not (type_ == "table" and name and _PARTITION.search(name))


async def upgrade(url: str, revision: str = "head", *, serving: str = "") -> None:
    """Migrate up and make the partitions of the coming months.

    A PostgreSQL role that does not own the tables changes nothing; it only looks whether the schema
    is the one that this release knows.

    Args:
        url: the database, as the role that acts.
        revision: how far up.
        serving: another role, which gets what serving takes and no more; empty: none.

    Raises:
        UnavailableError: the role does not own the tables, and the schema is not the newest.
    """
    await asyncio.to_thread(_run, url, lambda config: command.upgrade(config, revision), serving)


async def downgrade(url: str, revision: str = "base", *, serving: str = "") -> None:
    """Migrate down to a revision.

    Raises:
        UnavailableError: the role does not own the tables, and the schema is not the newest.
    """
    await asyncio.to_thread(_run, url, lambda config: command.downgrade(config, revision), serving)


async def by_owner(settings: Settings, down: str = "") -> None:
    """Migrate up, or down to a revision, as whoever owns the tables; for `telehealth migrate`."""
    url = settings.migration_database or settings.database
    serving = urlsplit(settings.database).username or "" if settings.migration_database else ""
    await (downgrade(url, down, serving=serving) if down else upgrade(url, serving=serving))


async def check(url: str) -> None:
    """Compare the tables with the database; `alembic.util.CommandError` names a difference."""
    await asyncio.to_thread(_run, url, command.check)


def _run(url: str, step: Callable[[Config], None], serving: str = "") -> None:
    def act(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(scripts()))
        if not roles.owns_tables(connection):
            _look(connection, config)
            return
        config.attributes["connection"] = connection
        step(config)
        partitions.ensure(connection)
        if serving:
            roles.let_serve(connection, unquote(serving))

    open_connection(act, url)


def _look(connection: Connection, config: Config) -> None:
    """See whether the owner has migrated, and made partitions ahead."""
    found = MigrationContext.configure(connection).get_current_revision()
    wanted = ScriptDirectory.from_config(config).get_current_head()
    if found != wanted:
        raise UnavailableError(
            f"the schema is {found}, this release needs {wanted}: run `telehealth migrate` as the"
            " role that owns the tables"
        )
    missing = partitions.missing(connection)
    if missing:
        log.error("partitions are not made ahead", extra={"partitions": missing})


def open_connection(act: Callable[[Connection], None], url: str | None = None) -> None:
    """Run `act` in one transaction on a connection of its own."""
    url = url or Settings().database
    if url.startswith("sqlite:"):
        Settings(database=url).sqlite_path.parent.mkdir(parents=True, exist_ok=True)
        _on_sqlite(act, url)
    else:
        asyncio.run(_on_postgresql(act, url.replace("postgresql://", "postgresql+asyncpg://", 1)))


def _on_sqlite(act: Callable[[Connection], None], url: str) -> None:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        with engine.begin() as connection:
            act(connection)
    finally:
        engine.dispose()


async def _on_postgresql(act: Callable[[Connection], None], url: str) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(act)
    finally:
        await engine.dispose()
