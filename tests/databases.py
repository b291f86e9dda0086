"""Databases for tests: a SQLite file of its own, or a database in the run's PostgreSQL cluster.

The schema is migrated once a process and then copied, which is what makes the tests quick; the
migrations themselves are tested on empty databases (`tests/telehealth/store/test_migrate.py`).
"""

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import asyncpg

from telehealth.store import migrate
from telehealth.store.database import Database
from tests.keys import opened


@asynccontextmanager
async def address(engine: str, folder: Path, *, template: str = "") -> AsyncIterator[str]:
    """Yield the address of an empty database of the engine, or of a copy of a template."""
    if engine == "sqlite":
        path = folder / "test.sqlite"
        if template:
            shutil.copyfile(template, path)
        yield f"sqlite:///{path}"
        return
    cluster = os.environ["TELEHEALTH_TEST_DATABASE"]
    name = f"t{uuid.uuid4().hex}"
    admin = await asyncpg.connect(f"{cluster}postgres")
    await admin.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
    try:
        yield f"{cluster}{name}"
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@asynccontextmanager
async def migrated_address(engine: str, folder: Path) -> AsyncIterator[str]:
    """Yield the address of a database with the newest schema and nothing in it."""
    async with address(engine, folder, template=await _template(engine)) as url:
        yield url


@asynccontextmanager
async def migrated(engine: str, folder: Path) -> AsyncIterator[Database]:
    """Yield an open database with the newest schema."""
    async with migrated_address(engine, folder) as url:
        database = opened(url)
        try:
            yield database
        finally:
            await database.close()


@cache
def _names() -> dict[str, str]:
    """What this process has made: engine to template."""
    return {}


async def _template(engine: str) -> str:
    if engine in _names():
        return _names()[engine]
    if engine == "sqlite":
        folder = tempfile.mkdtemp(prefix="telehealth-template-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        path = Path(folder) / "template.sqlite"
        await migrate.upgrade(f"sqlite:///{path}")
        found = str(path)
    else:
        cluster = os.environ["TELEHEALTH_TEST_DATABASE"]
        found = f"template{uuid.uuid4().hex}"
        admin = await asyncpg.connect(f"{cluster}postgres")
        await admin.execute(f"CREATE DATABASE {found}")
        await admin.close()
        await migrate.upgrade(f"{cluster}{found}")
    _names()[engine] = found
    return found
