"""Brings a database to the newest schema, up and down, on either engine.

The scripts lie in `alembic/` of a checkout, or in the installed wheel as `telehealth/migrations`.
"""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine

from telehealth.settings import Settings
from telehealth.store import partitions

_PARTITION = re.compile(r"_(default|y\d{4}m\d{2})$")


def scripts() -> Path:
    """Return the folder of migration scripts, packaged or of the checkout."""
    packaged = Path(__file__).parent.parent / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent.parent / "alembic"


def is_ours(name: str | None, type_: str, _parents: Any) -> bool:
    """Leave PostgreSQL's partitions out of comparisons: `partitions` makes them."""
    return not (type_ == "table" and name and _PARTITION.search(name))


async def upgrade(url: str, revision: str = "head") -> None:
    """Migrate up and make the partitions of the coming months."""
    await asyncio.to_thread(_run, url, lambda config: command.upgrade(config, revision))


async def downgrade(url: str, revision: str = "base") -> None:
    """Migrate down to a revision."""
    await asyncio.to_thread(_run, url, lambda config: command.downgrade(config, revision))


async def check(url: str) -> None:
    """Compare the tables with the database; `alembic.util.CommandError` names a difference."""
    await asyncio.to_thread(_run, url, command.check)


def _run(url: str, step: Callable[[Config], None]) -> None:
    def act(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(scripts()))
        config.attributes["connection"] = connection
        step(config)
        partitions.ensure(connection)

    open_connection(act, url)


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

    with engine.begin() as connection:
        act(connection)
    engine.dispose()


async def _on_postgresql(act: Callable[[Connection], None], url: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(act)
    await engine.dispose()
