"""Everything in this folder breaks something on purpose."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.load import Tally
from tests.faults.server_process import ServerProcess

Say = Callable[[str, Tally], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the folder, and give a busy machine time: many of these start a server ten times."""
    for item in items:
        if "tests/faults/" in item.nodeid:
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the address of a SQLite file on disk that does not exist yet."""
    return f"sqlite:///{tmp_path}/telehealth.sqlite"


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[list[ServerProcess]]:
    """Yield a list; every server that a test puts there is ended with the test."""
    started: list[ServerProcess] = []
    yield started
    for process in started:
        process.kill()


@pytest.fixture
def cluster() -> str:
    """Return the address of the run's PostgreSQL cluster."""
    return os.environ["TELEHEALTH_TEST_DATABASE"]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Return what prints a tally past pytest's capture, in workers too."""

    def line(what: str, tally: Tally) -> None:
        with capsys.disabled():
            sys.stderr.write(f"\n{what}: {tally}\n")

    return line
