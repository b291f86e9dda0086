"""Killing the server, and killing a gateway, in the middle of their work; the soak uses the same.

A seed gives the moments of death. Each scenario has a database, a server and senders of its own
and returns the tally: what was promised, what of it is there, what is there twice.
"""

import asyncio
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from devices import identity
from devices.clock import SystemClock
from devices.settings import Settings as GatewaySettings
from devices.spool_file import SPOOL_FILE
from devices.uplink import Uplink
from protocols.uplink import content_key, to_reading
from telehealth import gateways
from tests import databases, world
from tests.devices.given import WatchedSpool
from tests.faults import load
from tests.faults.gateway_victim import DEVICE, numbered
from tests.faults.load import Tally
from tests.faults.server_process import ROOT, ServerProcess, python_environment
from tests.keys import opened

QUICK: Final = GatewaySettings(retry_max_s=0.2, ack_timeout_s=2.0)
"""A gateway that marks acknowledgements and comes back quickly, so that a test may end."""


async def kill_server(
    engine: str, folder: Path, *, kills: int, seed: int, senders: int = 4
) -> Tally:
    """Load a server with several gateways and kill it again and again."""
    rng = random.Random(seed)  # noqa: S311 - the moments of a test
    async with databases.migrated_address(engine, folder) as url:
        database = opened(url)
        server = ServerProcess(url, folder)
        try:
            fleet = await load.fleet(database, senders, rng=rng)
            await database.close()
            for _ in range(kills):
                await asyncio.to_thread(server.start)
                await fleet.until_killed(server.origin, server.kill, acks=rng.randrange(1, 60))
            await asyncio.to_thread(server.start)
            await fleet.finish(server.origin)
            server.stop()
            database = opened(url)
            return await database.read(fleet.tally)
        finally:
            server.kill()
            await database.close()


async def kill_gateway(folder: Path, *, kills: int, seed: int) -> Tally:
    """Let a gateway spool and send, and kill it again and again; the server stays."""
    rng = random.Random(seed)  # noqa: S311 - the moments of a test
    async with databases.migrated_address("sqlite", folder) as url:
        server = ServerProcess(url, folder)
        database = opened(url)
        try:
            await world.make(database)
            code = await database.write(lambda tx: gateways.new_enrolment(tx, "test"))
            await asyncio.to_thread(server.start)
            home = folder / "home"
            who = await identity.enrol(server.origin, code, "test", home)
            said: list[int] = []
            for _ in range(kills):
                first = said[-1] + 2 if said else 1
                said += await asyncio.to_thread(_killed_after, rng.randrange(1, 120), home, first)
            await _drain(who, home)
            found = await database.read(
                lambda r: Counter(
                    bytes(key) for (key,) in r.rows("SELECT content_key FROM reading")
                )
            )
            copies = await database.read(lambda r: r.rows("SELECT * FROM reading_copy"))
            assert copies == [], "a batch sent again is known by its number already"
        finally:
            server.kill()
            await database.close()
    keys = [content_key(to_reading(numbered(number), DEVICE)) for number in said]
    return Tally(
        acked=len(said),
        found=sum(found[key] > 0 for key in keys),
        doubled=sum(n > 1 for n in found.values()),
    )


def _killed_after(lines: int, home: Path, first: int) -> list[int]:
    """Run the victim, kill it after it said so many numbers, and return all that it said.

    The number that was being written then may be there or not: the next run begins behind it.
    """
    victim = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.faults.gateway_victim", str(home), str(first)],
        stdout=subprocess.PIPE,
        env=python_environment(),
        cwd=ROOT,
    )
    assert victim.stdout is not None
    with victim:
        heard = [int(victim.stdout.readline()) for _ in range(lines)]
        victim.kill()
        return heard + [int(line) for line in victim.stdout.read().split(b"\n")[:-1]]


async def _drain(who: identity.Identity, home: Path) -> None:
    """Open the spool that was left behind, and have all of it acknowledged."""

    async def configure(_line_percent: float) -> None:
        pass

    async with WatchedSpool(home / SPOOL_FILE) as spool:
        rng = random.Random(1)  # noqa: S311 - waits of a test
        uplink = Uplink(who, spool, QUICK, SystemClock(), configure=configure, rng=rng)
        running = asyncio.create_task(uplink.run())
        try:
            await spool.until(lambda status: status.unsent + status.unacknowledged == 0)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
