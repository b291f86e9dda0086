"""One connection to one device, from the wish to have it to its end.

Theory of operation. `open` connects to the very object that a scan gave and lets the driver begin.
`until_over` waits for the end: the device or the air ends it, or it is stale, that is, it says it
is connected and nothing comes, or it does not answer, or its turn is over. What the stack says
about itself is never asked.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError, BleakGATTProtocolError, BleakGATTProtocolErrorCode
from bleak_retry_connector import BleakClientWithServiceCache, establish_connection

from devices.cancellation import stop_if_cancelled
from devices.clock import Clock
from devices.drivers.driver import Driver, Sink, Talk
from devices.ear import LastHeard

logger = logging.getLogger(__name__)

_ATTEMPTS: Final = 2
"""Per call of `establish_connection`; more attempts come with the next advertisement."""
_DISCONNECT_TIMEOUT_S: Final = 5.0
_LOCKED: Final = frozenset(
    {
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
    }
)
"""What a device answers that talks to bonded peers only."""
LINK_ERRORS: Final = (BleakError, OSError, EOFError, TimeoutError, KeyError, AttributeError)
"""What bleak and D-Bus raise for a lost or half-known device (see bleak-retry-connector)."""


class Ear(Sink, Protocol):
    """Whoever listens to one device, over all its connections."""

    last: LastHeard

    def connected(self) -> None: ...
    def disconnected(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Watchdog:
    """When a silent device counts as lost."""

    stale_after_ms: int

    def left_ms(self, *, last_heard_ms: int, now_ms: int) -> int:
        """Return how long the device may still be silent; 0 or less: it is stale."""
        return last_heard_ms + self.stale_after_ms - now_ms


@dataclass(slots=True)
class Link:
    """One connection from the moment that somebody wants it."""

    device_id: str
    device: BLEDevice
    driver: Driver
    ear: Ear
    why_over: str = "link lost"
    _client: BleakClient | None = None
    _talk: Talk | None = None
    _gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self, *, timeout_s: float, arguments: dict[str, Any]) -> None:
        """Connect, bond where the device wants it, and let the driver begin.

        Raises:
            BleakError, OSError, EOFError, TimeoutError, KeyError, AttributeError: not now.
        """
        async with asyncio.timeout(timeout_s):
            self._client = await establish_connection(
                BleakClientWithServiceCache,
                self.device,
                self.device_id,
                disconnected_callback=lambda _: self._gone.set(),
                max_attempts=_ATTEMPTS,
                **arguments,
            )
            self._gone.clear()  # aborted attempts call back too (bleak 3.1)
            if not self._client.is_connected:
                self._gone.set()
            self._talk = await self._begin(self._client)
        stop_if_cancelled()
        self.ear.connected()
        _log_connected(self, self._talk)

    async def _begin(self, client: BleakClient) -> Talk:
        try:
            return await self.driver.start(client, self.ear)
        except BleakGATTProtocolError as error:
            if error.code not in _LOCKED:
                raise
        logger.info("device wants a bond", extra={"device_id": self.device_id})
        await client.pair()
        return await self.driver.start(client, self.ear)

    def end(self, why: str) -> None:
        """Let `until_over` end now."""
        if not self._gone.is_set():
            self.why_over = why
            self._gone.set()

    async def until_over(self, clock: Clock, watchdog: Watchdog) -> str:
        """Stay with the link until it is over; return why it is."""
        if self._talk is None:
            return "never opened"
        loop = asyncio.get_running_loop()
        tend_at_s = loop.time() + self._talk.tend_every_s
        while True:
            stop_if_cancelled()
            wait_s = tend_at_s - loop.time()
            if self._talk.facts.streams:
                left_ms = watchdog.left_ms(
                    last_heard_ms=self.ear.last.at_ms, now_ms=clock.moment().monotonic_ms
                )
                if left_ms <= 0:
                    return "stale"
                wait_s = min(wait_s, left_ms / 1000)
            try:
                async with asyncio.timeout(max(0.0, wait_s)):
                    await self._gone.wait()
                return self.why_over
            except TimeoutError:
                pass
            if loop.time() >= tend_at_s:
                tend_at_s = loop.time() + self._talk.tend_every_s
                ended = await self._tend(self._talk, watchdog.stale_after_ms / 1000)
                if ended is not None:
                    return ended

    async def _tend(self, talk: Talk, timeout_s: float) -> str | None:
        try:
            async with asyncio.timeout(timeout_s):
                return None if await talk.tend() else "read out"
        except LINK_ERRORS:
            return self.why_over if self._gone.is_set() else "no answer"

    async def close(self) -> None:
        """End the link as far as it can be ended; one that is gone already is no error."""
        client, self._client = self._client, None
        talk, self._talk = self._talk, None
        if talk is not None:
            talk.hang_up()
        if client is None:
            return
        try:
            async with asyncio.timeout(_DISCONNECT_TIMEOUT_S):
                await client.disconnect()
        except LINK_ERRORS as error:
            logger.info(
                "disconnect failed",
                extra={"device_id": self.device_id, "why": type(error).__name__},
            )


def _log_connected(link: Link, talk: Talk) -> None:
    logger.info(
        "connected",
        extra={
            "device_id": link.device_id,
            "driver": link.driver.name,
            "model": talk.facts.information.model_number,
            "firmware": talk.facts.information.firmware_revision,
            "streams": talk.facts.streams,
        },
    )
