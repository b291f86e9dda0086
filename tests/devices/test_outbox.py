"""What waits in memory while the disk refuses it: in order, bounded, and no loss untold."""

from devices.gateway import _MOST_IN_MEMORY, Outbox
from tests.devices.given import GivenClock, samples_only


async def test_what_the_disk_refused_comes_before_what_came_since() -> None:
    clock, outbox = GivenClock(), Outbox()
    first, second = samples_only(clock.moment(), 1), samples_only(clock.moment(), 2)
    outbox.put([first])
    taken, _ = outbox.take(clock)
    assert not outbox.filled.is_set()
    outbox.put([second])
    outbox.put_back(taken)
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
