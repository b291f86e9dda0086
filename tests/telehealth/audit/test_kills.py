"""kill -9 in the middle of recording: what was recorded is there, and nothing looks bent."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests import databases
from tests.faults.server_process import ROOT, python_environment
from tests.telehealth.audit.given import FILE, verified

KILLS = 10
AHEAD = 1_000
"""More numbers than can be under way when the process dies."""


@pytest.mark.faults
async def test_every_entry_that_was_recorded_survives_kill_nine_and_nothing_is_found(
    tmp_path: Path,
) -> None:
    rng = random.Random(20_261_123)  # noqa: S311 - the moments of a test
    async with databases.migrated("sqlite", tmp_path) as database:
        said: list[int] = []
        for _ in range(KILLS):
            first = max(said, default=0) + AHEAD
            said += killed_after(rng.randrange(1, 300), database.url, tmp_path / FILE, first)
        rows = await database.read(lambda r: r.rows("SELECT target FROM audit WHERE seq > 1"))
        found = [int(target.removeprefix("number:")) for (target,) in rows]
        assert len(found) == len(set(found))
        assert set(said) - set(found) == set()
        report = await verified(database, tmp_path)
    assert report.findings == []
    assert report.chains == KILLS
    assert report.entries == len(found) + KILLS


def killed_after(lines: int, url: str, checkpoints: Path, first: int) -> list[int]:
    """Let the victim record, kill it while it goes on, and return what it said."""
    victim = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.telehealth.audit.victim", url, str(checkpoints), str(first)],
        stdout=subprocess.PIPE,
        env=python_environment(),
        cwd=ROOT,
    )
    assert victim.stdout is not None
    with victim:
        heard = [int(victim.stdout.readline()) for _ in range(lines)]
        victim.kill()
        return heard + [int(line) for line in victim.stdout.read().split(b"\n")[:-1]]
