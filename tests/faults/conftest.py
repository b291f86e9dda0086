"""Everything in this folder breaks something on purpose."""

import sys
from collections.abc import Callable

import pytest

from tests.faults.load import Tally

Say = Callable[[str, Tally], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the folder, and give a busy machine time: many of these start a server ten times."""
    for item in items:
        if "tests/faults/" in item.nodeid:
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Return what prints a tally past pytest's capture, in workers too."""

    def line(what: str, tally: Tally) -> None:
        with capsys.disabled():
            sys.stderr.write(f"\n{what}: {tally}\n")

    return line
