"""Connections to devices: found by scanning, made one at a time, watched until they are over.

Theory of operation. One loop scans until it hears a wanted device, stops scanning, connects to
the very object that the scan gave, and scans again; so there is one scanner, one connect at a
time, and no scan beside a connect. Each link then has a task that waits for its end: the device
or the air ends it, or it is stale, that is, it says it is connected and nothing comes. What the
stack says about itself is never asked. Whatever ended, the next advertisement begins it anew.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakError
from bleak_retry_connector import (
    BleakClientWithServiceCache,
    clear_cache,
    close_stale_connections_by_address,
    establish_connection,
)

from devices.cancellation import stop_if_cancelled
from devices.clock import Clock
from devices.drivers import recognise
from devices.drivers.driver import DeviceFacts, Driver, Sink
from devices.settings import Settings

logger = logging.getLogger(__name__)

_ATTEMPTS: Final = 2
"""Per call of `establish_connection`; more attempts come with the next advertisement."""
_LONGEST_WAIT_S: Final = 60.0
_DISCONNECT_TIMEOUT_S: Final = 5.0
_REFRESH_S: Final = 900.0
_REFRESH_QUIET_S: Final = 30.0
"""A device that does not stream is asked something so often, to see whether it is still there."""
_LINK_ERRORS: Final = (BleakError, OSError, EOFError, TimeoutError, KeyError, AttributeError)
"""What bleak and D-Bus raise for a lost or half-known device (see bleak-retry-connector)."""


class Ear(Sink, Protocol):
    """Whoever listens to one device, over all its connections."""

    last_heard_ms: int

    def connected(self) -> None: ...
    def disconnected(self) -> None: ...


def device_id(address: str) -> str:
    """Return a device's name on the wire, `ox-f0f000000001` for F0:F0:00:00:00:01."""
    return "ox-" + re.sub(r"[^0-9a-z]", "", address.lower())


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
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    client: BleakClient | None = None
    streams: bool = False


@dataclass(slots=True)
class _Trouble:
    """A device that could not be connected: not again before `not_before_s` of the loop."""

    failures: int = 0
    not_before_s: float = 0.0


class Links:
    """All connections of one adapter."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        ear_of: Callable[[str], Ear],
        *,
        scanner_backend: type[BaseBleakScanner] | None = None,
        client_backend: type[BaseBleakClient] | None = None,
        backend_arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ear_of = ear_of
        self._real = client_backend is None
        arguments = dict(backend_arguments or {})
        self._client_arguments = arguments | _backend(client_backend)
        self._scanner_arguments = arguments | _backend(scanner_backend)
        if settings.adapter:
            self._scanner_arguments["bluez"] = {"adapter": settings.adapter}
        self._watchdog = Watchdog(round(settings.stale_after_s * 1000))
        self._links: dict[str, Link] = {}
        self._trouble: dict[str, _Trouble] = {}
        self._heard_something = False
        self._waiting: set[str] = set()
        self._slot_freed = asyncio.Event()

    @property
    def connected(self) -> frozenset[str]:
        """Return the ids of the devices that are connected now."""
        return frozenset(self._links)

    async def run(self) -> None:
        """Scan and connect until cancelled; then every link is closed."""
        async with asyncio.TaskGroup() as watches:
            while True:
                stop_if_cancelled()
                if self._full():
                    await self._wait_for_a_slot()
                    continue
                try:
                    link = await self._hear()
                except (BleakError, OSError, EOFError) as error:
                    logger.error("cannot scan", extra={"why": f"{type(error).__name__}: {error}"})
                    await asyncio.sleep(self._settings.reconnect_min_s * 5)
                    continue
                if link is not None and await self._connect(link):
                    watches.create_task(self._watch(link), name=link.device_id)

    def _full(self) -> bool:
        return len(self._links) >= self._settings.max_connections

    async def _wait_for_a_slot(self) -> None:
        """Connect nothing more until a device goes; say so, and who is known to wait."""
        logger.info(
            "no free connection slot",
            extra={
                "slots": self._settings.max_connections,
                "waiting": ",".join(sorted(self._waiting - self._links.keys())),
            },
        )
        self._waiting.clear()
        self._slot_freed.clear()
        await self._slot_freed.wait()

    async def _hear(self) -> Link | None:
        """Scan until a wanted device is heard; `None`: the scanner is mute and must start anew."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Link] = loop.create_future()

        def heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
            self._heard_something = True
            driver = recognise(advertisement.service_uuids, advertisement.local_name)
            if driver is None:
                return
            name = device_id(device.address)
            if self._wanted(name, loop.time()):
                self._waiting.add(name)
                if not found.done():
                    found.set_result(Link(name, device, driver, self._ear_of(name)))

        async with BleakScanner(heard, **self._scanner_arguments):
            while True:
                self._heard_something = False
                await asyncio.wait({found}, timeout=self._settings.scan_restart_s)
                if found.done():
                    return found.result()
                if not self._heard_something:
                    logger.info("scanner is mute, starting it again")
                    return None

    def _wanted(self, name: str, now_s: float) -> bool:
        if name in self._links:
            return False
        if self._settings.only_devices and name not in self._settings.only_devices:
            return False
        trouble = self._trouble.get(name)
        return trouble is None or now_s >= trouble.not_before_s

    async def _connect(self, link: Link) -> bool:
        """Connect and subscribe; a failure is waited out before the next attempt."""
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                if self._real and link.device_id not in self._trouble:
                    await close_stale_connections_by_address(link.device.address)
                link.client = await establish_connection(
                    BleakClientWithServiceCache,
                    link.device,
                    link.device_id,
                    disconnected_callback=lambda _: link.gone.set(),
                    max_attempts=_ATTEMPTS,
                    **self._client_arguments,
                )
                facts = await link.driver.start(link.client, link.ear)
            stop_if_cancelled()
        except _LINK_ERRORS as error:
            await self._failed(link, error)
            return False
        except BaseException:
            await _disconnect(link)
            raise
        self._trouble[link.device_id] = _Trouble()
        link.streams = facts.streams
        self._links[link.device_id] = link
        link.ear.last_heard_ms = self._clock.moment().monotonic_ms
        link.ear.connected()
        _log_connected(link, facts)
        return True

    async def _failed(self, link: Link, error: BaseException) -> None:
        await _disconnect(link)
        if self._real:
            await clear_cache(link.device.address)
        trouble = self._trouble.setdefault(link.device_id, _Trouble())
        wait_s = min(_LONGEST_WAIT_S, self._settings.reconnect_min_s * 2.0**trouble.failures)
        trouble.failures = min(trouble.failures + 1, 30)
        trouble.not_before_s = asyncio.get_running_loop().time() + wait_s
        logger.warning(
            "cannot connect",
            extra={
                "device_id": link.device_id,
                "why": f"{type(error).__name__}: {error}",
                "retry_in_s": wait_s,
            },
        )

    async def _watch(self, link: Link) -> None:
        """Stay with a link until it is over, and clear up after it."""
        why = "stopped"
        try:
            why = await self._until_over(link)
        finally:
            await _disconnect(link)
            del self._links[link.device_id]
            self._slot_freed.set()
            link.ear.disconnected()
            logger.info("disconnected", extra={"device_id": link.device_id, "why": why})

    async def _until_over(self, link: Link) -> str:
        loop = asyncio.get_running_loop()
        every_s = _REFRESH_S if link.streams else _REFRESH_QUIET_S
        refresh_at_s = loop.time() + every_s
        while True:
            stop_if_cancelled()
            wait_s = refresh_at_s - loop.time()
            if link.streams:
                left_ms = self._watchdog.left_ms(
                    last_heard_ms=link.ear.last_heard_ms,
                    now_ms=self._clock.moment().monotonic_ms,
                )
                if left_ms <= 0:
                    return "stale"
                wait_s = min(wait_s, left_ms / 1000)
            try:
                async with asyncio.timeout(max(0.0, wait_s)):
                    await link.gone.wait()
                return "link lost"
            except TimeoutError:
                pass
            if loop.time() >= refresh_at_s:
                refresh_at_s = loop.time() + every_s
                if not await _still_answers(link, self._settings.stale_after_s):
                    return "no answer"


async def _still_answers(link: Link, timeout_s: float) -> bool:
    if link.client is None:
        return False
    try:
        async with asyncio.timeout(timeout_s):
            await link.driver.refresh(link.client, link.ear)
    except _LINK_ERRORS:
        return False
    return True


async def _disconnect(link: Link) -> None:
    """End a link as far as it can be ended; one that is gone already is no error."""
    client, link.client = link.client, None
    if client is None:
        return
    try:
        async with asyncio.timeout(_DISCONNECT_TIMEOUT_S):
            await client.disconnect()
    except _LINK_ERRORS as error:
        logger.info(
            "disconnect failed", extra={"device_id": link.device_id, "why": type(error).__name__}
        )


def _backend(backend: type[BaseBleakScanner] | type[BaseBleakClient] | None) -> dict[str, Any]:
    return {} if backend is None else {"backend": backend}


def _log_connected(link: Link, facts: DeviceFacts) -> None:
    logger.info(
        "connected",
        extra={
            "device_id": link.device_id,
            "driver": link.driver.name,
            "model": facts.information.model_number,
            "firmware": facts.information.firmware_revision,
            "streams": facts.streams,
        },
    )
