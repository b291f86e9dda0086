"""Databases for tests: a SQLite file of its own, or a database in the run's PostgreSQL cluster."""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from telehealth.store import migrate
from telehealth.store.database import Database


@asynccontextmanager
async def address(engine: str, folder: Path) -> AsyncIterator[str]:
    """Yield the address of an empty database of the engine."""
    if engine == "sqlite":
        yield f"sqlite:///{folder}/test.sqlite"
        return
    cluster = os.environ["TELEHEALTH_TEST_DATABASE"]
    name = f"t{uuid.uuid4().hex}"
    admin = await asyncpg.connect(f"{cluster}postgres")
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        yield f"{cluster}{name}"
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@asynccontextmanager
async def migrated(engine: str, folder: Path) -> AsyncIterator[Database]:
    """Yield an open database with the newest schema."""
    async with address(engine, folder) as url:
        await migrate.upgrade(url)
        database = Database(url)
        try:
            yield database
        finally:
            await database.close()
