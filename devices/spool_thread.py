"""The spool in a thread of its own, so that a slow disk never holds up Bluetooth."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from devices.spool import Spool

P = ParamSpec("P")
T = TypeVar("T")


class SpoolThread:
    """Runs the methods of one spool, one after the other, in one thread."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._executor: ThreadPoolExecutor | None = None
        self._spool: Spool | None = None

    async def __aenter__(self) -> Self:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="spool")
        try:
            self._spool = await self._submit(partial(Spool, self._path, max_bytes=self._max_bytes))
        except BaseException:
            self._executor.shutdown(wait=False)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        spool, self._spool = self._spool, None
        if spool is not None:
            await self._submit(spool.close)
        if self._executor is not None:
            self._executor.shutdown(wait=True)

    async def call(
        self, method: Callable[Concatenate[Spool, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a method of the spool, `call(Spool.append, parcels)`, and return what it returns."""
        if self._spool is None:
            raise RuntimeError("the spool is not open")
        return await self._submit(partial(method, self._spool, *args, **kwargs))

    async def _submit(self, work: Callable[[], T]) -> T:
        """Run work to its end, even if whoever waits for it is cancelled: it may hold data."""
        running = asyncio.get_running_loop().run_in_executor(self._executor, work)
        return await asyncio.shield(running)
