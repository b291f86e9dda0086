"""Fixtures that every folder may use."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from telehealth.store.database import Database
from tests import databases, keys

keys.hand_over()
ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
"""Both engines; `make check` leaves PostgreSQL out, `make test` starts a cluster for it."""


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of an engine; a test that takes this runs on both."""
    name: str = request.param
    return name


@pytest.fixture
async def database(engine: str, tmp_path: Path) -> AsyncIterator[Database]:
    """Yield a migrated database on each engine in turn."""
    async with databases.migrated(engine, tmp_path) as found:
        yield found
