"""Power loss: what was acknowledged had been synced, and synced writes alone hold it."""

import asyncio
import random
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import databases
from tests.faults import load
from tests.faults.power import SYNCS, Disk, SentAck, acks, acks_before_their_sync
from tests.faults.server_process import SERVE, ServerProcess
from tests.faults.trace import STRACE, Call, calls
from tests.keys import opened

UPTO = 150
"""Numbers of each stream; enough commits for a checkpoint of the write-ahead log to fall among."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A run of a server, seen by the kernel."""

    database: str
    before: bytes
    """The database file before the server started."""
    trace: Sequence[Call]
    fleet: load.Fleet

    @property
    def wal(self) -> str:
        return f"{self.database}-wal"

    def promised(self) -> dict[SentAck, list[str]]:
        """Return the marks of the readings that each acknowledgement was the first to promise."""
        senders = {gateway.port: gateway for gateway in self.fleet.gateways}
        reached: dict[tuple[int, str], int] = {}
        found: dict[SentAck, list[str]] = {}
        for ack in acks(self.trace):
            gateway, stream = senders[ack.port], load.STREAMS[ack.stream == "backlog"]
            first = reached.get((ack.port, stream), 0) + 1
            reached[ack.port, stream] = ack.seq
            found[ack] = [
                str(reading.record)
                for seq in range(first, ack.seq + 1)
                for reading in gateway.batch(stream, seq).readings
            ]
        return found


async def traced(folder: Path, command: Sequence[str], *, upto: int) -> Traced:
    """Load a server under strace until both streams are acknowledged, then kill it."""
    async with databases.migrated_address("sqlite", folder) as url:
        path, log = Path(url.removeprefix("sqlite:///")), folder / "trace"
        database = opened(url)
        fleet = await load.fleet(database, 2, rng=random.Random(3), window=4)  # noqa: S311
        await database.close()
        before = _closed(path)
        server = ServerProcess(url, folder, command=command, tracer=(*STRACE, "-o", str(log)))
        try:
            await asyncio.to_thread(server.start)
            async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
                for gateway in fleet.gateways:
                    tasks.create_task(gateway.talk(server.origin, upto=upto))
        finally:
            server.kill()
        with log.open() as lines:
            return Traced(str(path), before, list(calls(lines)), fleet)


def _closed(path: Path) -> bytes:
    """Return the bytes of a database that nobody has open."""
    assert not path.with_name(path.name + "-wal").exists()
    return path.read_bytes()


def lost_to_a_cut(run: Traced, folder: Path) -> tuple[int, set[str]]:
    """Cut the power at every moment at which it matters; returns the cuts, and promises lost.

    What is durable changes only when a sync ends. So one cut just before each such moment, with
    all that was acknowledged by then, and one at the end, stand for every cut there is. Each copy
    is opened as the server would open it: SQLite recovers from the synced part of the log.
    """
    promised = run.promised()
    waiting = list(promised)
    due: set[str] = set()
    lost: set[str] = set()
    cuts = 0
    disk = Disk({run.database: run.before}, [run.database, run.wal])
    end = max(call.ended for call in run.trace) + 1
    held = _held(disk, folder)
    for place in (*disk.after(run.trace), end):
        while waiting and waiting[0].began < place:
            due.update(promised[waiting.pop(0)])
        lost |= due - held
        held = _held(disk, folder)
        cuts += 1
    return cuts, lost


def _held(disk: Disk, folder: Path) -> set[str]:
    """Return the marks of the readings in a copy made of synced writes only."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, data in disk.contents().items():
        (folder / Path(path).name).write_bytes(data)
    [database] = [found for found in folder.iterdir() if not found.name.endswith("-wal")]
    copy = sqlite3.connect(database)
    try:
        rows = copy.execute("SELECT device_id, measured_ms FROM reading").fetchall()
        return {f"{device}.{measured_ms}" for device, measured_ms in rows}
    finally:
        copy.close()


def _last_commit(run: Traced) -> Call:
    return [c for c in run.trace if c.name in SYNCS and c.target == run.wal][-1]


async def test_every_ack_follows_its_sync_and_synced_writes_alone_hold_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = await traced(tmp_path, SERVE, upto=UPTO)
    promised = run.promised()
    marks = [mark for new in promised.values() for mark in new]
    assert len(marks) == len(set(marks)) >= 2 * 2 * UPTO
    assert acks_before_their_sync(run.trace, run.wal, promised) == []
    cuts, lost = lost_to_a_cut(run, tmp_path / "cut")
    assert lost == set()
    unsynced = [c for c in run.trace if c is not _last_commit(run)]
    assert acks_before_their_sync(unsynced, run.wal, promised) != [], "one sync less is seen"
    checkpoints = [c for c in run.trace if c.name in SYNCS and c.target == run.database]
    assert checkpoints, "a checkpoint of the log fell among the cuts"
    with capsys.disabled():
        sys.stderr.write(f"\npower cut {cuts} times: acked {len(marks)} readings, lost 0\n")


async def test_the_checker_sees_a_server_that_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    command = ("-m", "tests.faults.undurable_server", "--unchecked")
    run = await traced(tmp_path, command, upto=10)
    promised = run.promised()
    marks = {mark for new in promised.values() for mark in new}
    assert set(acks_before_their_sync(run.trace, run.wal, promised)) == marks != set()
    _, lost = lost_to_a_cut(run, tmp_path / "cut")
    assert lost == marks


async def test_a_server_that_would_not_wait_for_the_disk_refuses_to_start(tmp_path: Path) -> None:
    async with databases.migrated_address("sqlite", tmp_path) as url:
        server = ServerProcess(url, tmp_path, command=("-m", "tests.faults.undurable_server"))
        with pytest.raises(RuntimeError, match="database is not durable"):
            await asyncio.to_thread(server.start)
