"""The fuzzing of this folder as every role, on each engine, with many examples.

`tests.faults.soak` calls `rounds`; alone: `python -m tests.api.soak --examples 200`. Each round has
a seed of its own; the first failure ends it, and prints the command that repeats it.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from telehealth.access.policy import Role
from tests import keys
from tests.api.commune import NOBODY, served
from tests.api.fuzzing import fuzz

EVERYBODY = (*sorted(Role), NOBODY)


async def once(engine: str, folder: Path, *, examples: int, seed: int) -> bool:
    """Try every operation as each role on a fresh server; returns whether nothing failed."""
    whole = True
    for role in EVERYBODY:
        home = folder / role
        home.mkdir()
        async with served(engine, home) as site:
            found = await fuzz(site, home, role, examples=examples, seed=seed, timeout_s=1_800)
        accepted = sum(found.accepted.values())
        sys.stdout.write(
            f"api {engine} {role}: {found.cases} requests, {accepted} accepted,"
            f" {len(found.failures)} failures (seed {seed})\n"
        )
        sys.stdout.flush()
        if found.failures or not found.is_whole:
            sys.stdout.write(found.said)
            whole = False
    return whole


def rounds(*, examples: int = 100, seed: int = 1) -> bool:
    """Go once through every engine that is there; returns whether nothing failed."""
    engines = ["sqlite", *(["postgresql"] if "TELEHEALTH_TEST_DATABASE" in os.environ else [])]
    whole = True
    for number, engine in enumerate(engines):
        with tempfile.TemporaryDirectory(prefix="telehealth-api-") as folder:
            run = once(engine, Path(folder), examples=examples, seed=seed + number)
            whole = asyncio.run(run) and whole
    return whole


def main() -> int:
    """Run once; returns 1 when anything failed."""
    keys.hand_over()
    parser = argparse.ArgumentParser(prog="python -m tests.api.soak", description=__doc__)
    parser.add_argument("--examples", type=int, default=100, help="of each operation, at most")
    parser.add_argument("--seed", type=int, default=1, help="the first engine's; then counted up")
    asked = parser.parse_args()
    return 0 if rounds(examples=asked.examples, seed=asked.seed) else 1


if __name__ == "__main__":
    sys.exit(main())
