"""A real server on a free loopback port, over an empty database of each engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from telehealth.serving import Listening, listening
from telehealth.settings import Settings
from tests import databases


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a flow test."""
    for item in items:
        if "tests/flow/" in item.nodeid:
            item.add_marker(pytest.mark.flow)


@pytest.fixture
async def server(engine: str, tmp_path: Path) -> AsyncIterator[Listening]:
    """Yield a running server."""
    async with (
        databases.migrated_address(engine, tmp_path) as url,
        listening(Settings(database=url, port=0, second_factor="offered")) as found,
    ):
        yield found


@pytest.fixture
async def sqlite_server(tmp_path: Path) -> AsyncIterator[Listening]:
    """Yield a running server on SQLite, for what does not depend on the engine."""
    async with (
        databases.migrated_address("sqlite", tmp_path) as url,
        listening(Settings(database=url, port=0, second_factor="offered")) as found,
    ):
        yield found
