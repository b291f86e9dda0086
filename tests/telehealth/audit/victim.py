"""Records for ever, and says each number only after `record` has returned."""

import asyncio
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from telehealth.audit.log import AuditLog
from telehealth.store.database import Database
from tests import keys
from tests.telehealth.audit.given import clock, entry

AT_ONCE = 8


async def record(log: AuditLog, numbers: Iterator[int]) -> None:
    """Record one after the other."""
    for number in numbers:
        await log.record(entry(number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


async def main(url: str, checkpoints: Path, first: int) -> None:
    """Record from several callers at once, as the requests of a server do."""
    vault = keys.vault()
    log = AuditLog(Database(url, vault), vault, clock, checkpoints, interval_s=0.001)
    await log.open()
    loop = asyncio.create_task(log.run())
    numbers = itertools.count(first)
    await asyncio.gather(loop, *(record(log, numbers) for _ in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
