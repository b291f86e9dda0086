"""A disk that is full, or fails: a clear error, no ack, no loss, and on again by itself.

`strace` gives the server's own writes the error of the kernel, for a while; it needs no root. The
disk "has space again" after so many refused calls.
"""

import asyncio
import random
from pathlib import Path

import pytest

from tests import databases
from tests.faults import load
from tests.faults.conftest import Say
from tests.faults.server_process import ServerProcess
from tests.flow import wire
from tests.keys import opened

UPTO = 120
FAULTS = {
    "full": ("pwrite64", "ENOSPC", "120..139", "database or disk is full"),
    "failing": ("fdatasync", "EIO", "6..25", "disk I/O error"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_disk_that_refuses_writes_is_told_and_nothing_is_lost(
    tmp_path: Path, fault: str, say: Say
) -> None:
    call, error, when, words = FAULTS[fault]
    async with databases.migrated_address("sqlite", tmp_path) as url:
        database = opened(url)
        fleet = await load.fleet(database, 2, rng=random.Random(5), window=4)  # noqa: S311
        idle = await wire.enrolled(database)
        await database.close()
        wal = url.removeprefix("sqlite:///") + "-wal"
        server = ServerProcess(
            url,
            tmp_path,
            tracer=(
                "strace", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf", "-P", wal,
                "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}",
            ),
        )  # fmt: skip
        try:
            await asyncio.to_thread(server.start)
            async with wire.connected(server.origin, idle) as connected_before:
                await _until_all_are_refused(fleet, server)
                await connected_before.send_raw("not a message")
                assert (await connected_before.failed())[1] == 1007
            at_the_hello = await _refused_at_the_hello(fleet, server)
            ready = await asyncio.to_thread(server.readiness)
            await _until_all_is_taken(fleet, server)
        finally:
            server.stop()
        refusals = [failure for gateway in fleet.gateways for failure in gateway.failures]
        assert {failure.code for failure in refusals} == {"unavailable"}
        assert all(words in failure.message for failure in refusals), refusals
        assert at_the_hello
        assert ready == (200, {"status": "ready"}), "who only reads is still served"
        assert "Traceback" not in server.log_text()
        said = {event["event"] for event in server.log() if words in event.get("why", "")}
        assert said == {"intake cannot write", "unreadable frame not kept"}
        database = opened(url)
        tally = await database.read(fleet.tally)
        await database.close()
        say(f"disk {fault}, {len(refusals)} refusals", tally)
        assert tally.whole, tally
        assert tally.acked == 2 * 2 * UPTO


async def _until_all_are_refused(fleet: load.Fleet, server: ServerProcess) -> None:
    """Send from all gateways until each has been refused."""
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for gateway in fleet.gateways:
            tasks.create_task(gateway.talk(server.origin, upto=UPTO))


async def _refused_at_the_hello(fleet: load.Fleet, server: ServerProcess) -> bool:
    """Connect once more while the disk refuses; returns whether the hello was refused."""
    gateway = fleet.gateways[0]
    before = len(gateway.failures)
    await gateway.talk(server.origin, upto=UPTO)
    return len(gateway.failures) > before and not gateway.reached(UPTO)


async def _until_all_is_taken(fleet: load.Fleet, server: ServerProcess) -> None:
    """Come back as often as it takes."""
    async with asyncio.timeout(60):
        for gateway in fleet.gateways:
            while not gateway.reached(UPTO):
                await gateway.talk(server.origin, upto=UPTO)
