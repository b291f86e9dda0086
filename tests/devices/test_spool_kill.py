"""kill -9 in the middle of writing: what was said to be kept is there, each once."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from devices.spool import Spool
from tests.devices.given import GivenClock, batch_of, chance, spool_path

ROOT = Path(__file__).parents[2]
KILLS = 10


@pytest.mark.faults
def test_every_append_that_returned_survives_kill_nine_once(tmp_path: Path) -> None:
    rng = chance(20_260_923)
    said: list[int] = []
    for _ in range(KILLS):
        said += killed_after(rng.randrange(1, 60), spool_path(tmp_path), said[-1] if said else 0)
    found = Counter(everything_in(spool_path(tmp_path)))
    assert len(said) >= KILLS
    assert [number for number in said if found[number] != 1] == []
    assert max(found.values()) == 1


def killed_after(lines: int, path: Path, last: int) -> list[int]:
    """Let the victim write, kill it while it is writing on, and return what it said."""
    # The number that was being written may be there or not: the next one begins behind it.
    victim = subprocess.Popen(  # noqa: S603 (our own module)
        [sys.executable, "-m", "tests.devices.spool_victim", str(path), str(last + 1)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert victim.stdout is not None
    with victim:
        heard = [int(victim.stdout.readline()) for _ in range(lines)]
        victim.kill()
        return heard + [int(line) for line in victim.stdout.read().split(b"\n")[:-1]]


def everything_in(path: Path) -> list[int]:
    clock = GivenClock()
    numbers: list[int] = []
    with Spool(path) as spool:
        cursor = 0
        while frames := spool.next_frames(
            {"live": 0, "backlog": cursor}, room=500, backlog_room=500, now=clock.moment()
        ):
            numbers += [
                int(reading.record or 0)
                for frame in frames
                for reading in batch_of(frame.data).readings
            ]
            cursor = frames[-1].seq
    return numbers
