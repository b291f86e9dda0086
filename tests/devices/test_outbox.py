"""What waits in memory while the disk refuses it: in order, bounded, and no loss untold."""

import asyncio
import threading
from pathlib import Path

from devices.outbox import _MOST_IN_MEMORY, Outbox
from devices.spool import Spool
from devices.spool_thread import SpoolThread
from devices.status import read_status
from tests.devices.given import GivenClock, parcel, samples_only, spool_path


async def test_what_the_disk_refused_comes_before_what_came_since() -> None:
    clock, outbox = GivenClock(), Outbox()
    first, second = samples_only(clock.moment(), 1), samples_only(clock.moment(), 2)
    outbox.put([first])
    taken, _ = outbox.take(clock)
    assert not outbox.filled.is_set()
    outbox.put([second])
    outbox.put_back(taken, [])
    assert outbox.filled.is_set()
    assert outbox.take(clock)[0] == [first, second]


async def test_memory_is_bounded_and_the_loss_is_told_once() -> None:
    clock, outbox = GivenClock(), Outbox()
    outbox.put([samples_only(clock.moment(), 10) for _ in range(_MOST_IN_MEMORY + 3)])
    parcels, _ = outbox.take(clock)
    assert len(parcels) == _MOST_IN_MEMORY + 1
    (loss,) = parcels[-1].content.events
    assert (loss.kind, loss.value) == ("spool_loss", 30.0)
    assert outbox.take(clock) == ([], [])


async def test_work_given_to_the_spool_is_done_although_nobody_waits(tmp_path: Path) -> None:
    clock, busy = GivenClock(), threading.Event()
    path = spool_path(tmp_path)
    async with SpoolThread(path, max_bytes=10_000_000) as spool:
        blocking = asyncio.create_task(spool.call(lambda _: busy.wait(10)))
        appending = asyncio.create_task(spool.call(Spool.append, [parcel(clock.moment())]))
        await asyncio.sleep(0)
        appending.cancel()
        await asyncio.gather(appending, return_exceptions=True)
        busy.set()
        assert await blocking
    assert read_status(path).unsent == 1
