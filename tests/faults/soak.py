"""The kills of this folder in large numbers: `python -m tests.faults.soak --minutes 10`.

Server and gateway are killed side by side, then a gateway that reads a device's memory over
Bluetooth, ten times each on a fresh database, with new moments
each round, until both the time and the number of kills are reached. The first loss ends it.
Beside a PostgreSQL cluster (`python -m tests.servers …`) every second round is on that engine.
Then the JSON interface is fuzzed as every role, on each engine (`tests.api.soak`).
"""

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests import databases, keys
from tests.api import soak as fuzzing
from tests.faults import bluetooth_killing, killing
from tests.faults.load import Tally

_KILLS_A_ROUND: Final = 10


def main() -> int:
    """Run the loops; returns 1 when anything acknowledged was lost or stored twice."""
    keys.hand_over()
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long, at least")
    parser.add_argument("--kills", type=int, default=300, help="of each kind, at least")
    parser.add_argument("--examples", type=int, default=50, help="of each JSON route and role")
    parser.add_argument("--seed", type=int, default=1, help="the first round's; then counted up")
    asked = parser.parse_args()
    until_s = time.monotonic() + asked.minutes * 60
    engines = ["sqlite"]
    if "TELEHEALTH_TEST_DATABASE" in os.environ:
        engines.append("postgresql")
    server = gateway = memory = Tally()
    for round_number in itertools.count():
        kills = round_number * _KILLS_A_ROUND
        if kills >= asked.kills and time.monotonic() >= until_s:
            break
        with tempfile.TemporaryDirectory(prefix="telehealth-soak-") as folder:
            engine = engines[round_number % len(engines)]
            new = asyncio.run(_round(engine, Path(folder), asked.seed + round_number))
        server, gateway, memory = server + new[0], gateway + new[1], memory + new[2]
        done = kills + _KILLS_A_ROUND
        sys.stdout.write(f"server  killed {done} times: {server}\n")
        sys.stdout.write(f"gateway killed {done} times: {gateway}\n")
        sys.stdout.write(f"gateway killed {done} times over Bluetooth: {memory}\n")
        sys.stdout.flush()
        if not (server.whole and gateway.whole and memory.whole):
            sys.stdout.write(f"LOSS in the round with seed {asked.seed + round_number}\n")
            return 1
    return 0 if fuzzing.rounds(examples=asked.examples, seed=asked.seed) else 1


async def _round(engine: str, folder: Path, seed: int) -> tuple[Tally, Tally, Tally]:
    """Kill a server and, beside it, a gateway of another server, then one on Bluetooth."""
    homes = [folder / "server", folder / "gateway", folder / "memory"]
    for home in homes:
        home.mkdir()
    for each in {"sqlite", engine}:
        async with databases.migrated_address(each, folder):
            pass  # alembic cannot run twice at once: what both copy is made before they part
    async with asyncio.TaskGroup() as tasks:
        server = tasks.create_task(
            killing.kill_server(engine, homes[0], kills=_KILLS_A_ROUND, seed=seed)
        )
        gateway = tasks.create_task(killing.kill_gateway(homes[1], kills=_KILLS_A_ROUND, seed=seed))
    memory = await bluetooth_killing.kill_while_reading(homes[2], kills=_KILLS_A_ROUND, seed=seed)
    return server.result(), gateway.result(), memory


if __name__ == "__main__":
    sys.exit(main())
