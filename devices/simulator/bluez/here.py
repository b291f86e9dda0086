"""Lets the bleak of this process take a private bus for the machine's, and let go of it after.

bleak keeps one manager of BlueZ an event loop, with a bus connection that nothing closes; whoever
changes the bus has to. Known to work with bleak 3.1.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from bleak.backends.bluezdbus import manager as bleak_manager

VARIABLE: Final = "DBUS_SYSTEM_BUS_ADDRESS"


@asynccontextmanager
async def system_bus(address: str) -> AsyncIterator[None]:
    """Make a bus the system's for this process, for as long as the context lasts."""
    await _let_go()
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = address
    try:
        yield
    finally:
        await _let_go()
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


async def _let_go() -> None:
    """Close the connection of this loop's manager, and forget the manager."""
    known = bleak_manager._global_instances.pop(asyncio.get_running_loop(), None)
    bus = None if known is None else known._bus
    if known is None or bus is None:
        return
    bus.disconnect()
    if known._bus_watcher_task is not None:
        with suppress(asyncio.CancelledError):
            await known._bus_watcher_task
