"""A running server's parts and loops, opened and closed in order; it listens to nothing itself."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from telehealth import clock as clocks
from telehealth.bus import Bus
from telehealth.clock import Clock
from telehealth.intake import Intake
from telehealth.outbox import Dispatcher
from telehealth.services import Services
from telehealth.settings import Settings
from telehealth.store import migrate
from telehealth.store.database import Database
from telehealth.timers import Handler, Timers

log = logging.getLogger(__name__)


@asynccontextmanager
async def running(
    settings: Settings, handlers: Mapping[str, Handler], *, clock: Clock = clocks.now
) -> AsyncIterator[Services]:
    """Migrate, check that commits are durable, and run intake, timers and outbox.

    Args:
        settings: what the operator set.
        handlers: what to do when a timer of each kind comes due.
        clock: asked for the present by handlers of requests; the rules use the database's.

    Raises:
        UnavailableError: the database cannot promise that what is committed stays.
    """
    await migrate.upgrade(settings.database)
    database = Database(settings.database)
    try:
        await database.check()
        bus = Bus()
        intake = Intake(database, bus, group_max=settings.intake_group_max)
        loops = [
            asyncio.create_task(loop.run(), name=type(loop).__name__)
            for loop in (intake, Timers(database, bus, handlers), Dispatcher(database, bus))
        ]
        for task in loops:
            task.add_done_callback(_say_if_it_died)
        try:
            yield Services(settings, clock, database, bus, intake, loops=tuple(loops))
        finally:
            for task in loops:
                task.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
    finally:
        await database.close()


def _say_if_it_died(task: asyncio.Task[None]) -> None:
    """A loop never ends by itself: if one does, that is for the log and for `/readyz`."""
    if not task.cancelled() and task.exception() is not None:
        log.critical("a loop died", exc_info=task.exception(), extra={"loop": task.get_name()})
