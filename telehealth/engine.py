"""A running server's parts and loops, opened and closed in order; it listens to nothing itself."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from telehealth import clock as clocks
from telehealth import keys, retention, rotating
from telehealth.audit.log import AuditLog
from telehealth.bus import Bus
from telehealth.clock import Clock
from telehealth.intake import Intake
from telehealth.keywatch import KeyWatch
from telehealth.outbox import Dispatcher
from telehealth.people import places_turning
from telehealth.services import Services
from telehealth.settings import Settings
from telehealth.store import migrate
from telehealth.store.database import Database, Transaction
from telehealth.timers import Handler, Timers
from telehealth.vault import Vault

log = logging.getLogger(__name__)


class Loop(Protocol):
    """A part of the server that runs until it is cancelled."""

    async def run(self) -> None:
        """Run until cancelled."""


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
        KeysError: the operator's keys are missing or cannot be read.
        UnavailableError: the database cannot promise that what is committed stays.
    """
    vault = Vault(keys.load(settings.keys, settings.keyring))
    await migrate.upgrade(settings.database)
    database = Database(settings.database, vault)
    try:
        await database.check()
        await rotating.seal_plain(database)
        await database.write(_set_clocks)
        bus = Bus()
        intake = Intake(database, bus, group_max=settings.intake_group_max)
        audit = AuditLog(database, vault, clock, settings.audit_checkpoints)
        await audit.open()
        parts: list[Loop] = [
            intake,
            Timers(database, bus, handlers),
            Dispatcher(database, bus),
            audit,
        ]
        if not settings.keyring:
            parts.append(KeyWatch(settings.keys, vault))
        loops = [asyncio.create_task(part.run(), name=type(part).__name__) for part in parts]
        for task in loops:
            task.add_done_callback(_say_if_it_died)
        try:
            yield Services(settings, clock, database, bus, intake, audit, loops=tuple(loops))
        finally:
            for task in loops:
                task.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            await audit.close()
    finally:
        await database.close()


def _set_clocks(tx: Transaction) -> None:
    """Set what recurs by night, unless its clock runs already."""
    retention.begin(tx)
    places_turning.begin(tx)


def _say_if_it_died(task: asyncio.Task[None]) -> None:
    """A loop never ends by itself: if one does, that is for the log and for `/readyz`."""
    if not task.cancelled() and task.exception() is not None:
        log.critical("a loop died", exc_info=task.exception(), extra={"loop": task.get_name()})
