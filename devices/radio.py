"""One Bluetooth adapter: it scans, connects one device at a time, and watches over its links.

Theory of operation. One loop scans. What it hears goes to the drivers, to the beacons, and, where a
driver knows it, to `turns`, which say whether to connect, to let somebody go, or to refuse. Before
a connect the scan is stopped, and nobody else connects meanwhile; afterwards it goes on, beside the
links. Each link has a task that waits for its end; whatever ended, the next advertisement begins
it anew. A scanner that hears nothing at all is started again; an adapter that stays mute is
switched off and on where the installer allowed it, because that drops every device.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from bleak import BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from devices.cancellation import stop_if_cancelled
from devices.clock import Clock
from devices.drivers import recognise
from devices.drivers.driver import Driver, Heard
from devices.link import LINK_ERRORS, Ear, Link, Watchdog
from devices.louder import Elsewhere, is_left_to_another
from devices.settings import Settings
from devices.turns import REST_S, Connect, LetGo, Refuse, Turns
from devices.use import Use
from protocols.errors import TelehealthError

logger = logging.getLogger(__name__)

_LONGEST_WAIT_S: Final = 60.0
_LOOK_EVERY_S: Final = 1.0
"""How often the turns are looked at although nothing was heard."""
_IN_USE_MS: Final = 3_000
_MOST_KNOWN: Final = 256
"""Devices in reach that are remembered; more are an attack, or a fair."""
_MUTE_BEFORE_RECOVERY: Final = 3


def heard_of(device: BLEDevice, advertisement: AdvertisementData) -> Heard:
    """Return what drivers care for of an advertisement."""
    return Heard(
        address=device.address,
        name=advertisement.local_name or "",
        services=frozenset(advertisement.service_uuids),
        manufacturer_data=advertisement.manufacturer_data,
        service_data=advertisement.service_data,
        rssi_dbm=advertisement.rssi,
    )


def device_id(address: str) -> str:
    """Return a device's name on the wire, `ox-f0f000000001` for F0:F0:00:00:00:01."""
    return "ox-" + re.sub(r"[^0-9a-z]", "", address.lower())


@dataclass(slots=True)
class InReach:
    """A readable device as it was last heard, and how often it could not be connected."""

    device: BLEDevice
    driver: Driver
    rssi_dbm: int
    heard_ms: int
    """When it was last heard, monotonic."""
    failures: int = 0
    tried: bool = False
    left_since_ms: int | None = None
    """Since when it is left to an adapter that hears it louder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """bleak backends of another kind, with what their constructors want; on real hardware none."""

    scanner: type[BaseBleakScanner] | None = None
    client: type[BaseBleakClient] | None = None
    arguments: Mapping[str, Any] | None = None


class Stack(Protocol):
    """What is beneath bleak, and must be helped (docs/gateway.md)."""

    async def arguments(self) -> dict[str, object]: ...
    async def clean_up(self, is_ours: Callable[[Heard], bool]) -> None: ...
    async def before_connect(self, address: str) -> None: ...
    async def after_failure(self, address: str) -> None: ...
    async def recover(self) -> None: ...


class Radio:
    """One adapter, with its scanner and its links.

    Args:
        settings: what the installer may change.
        clock: what time it is.
        ear_of: who listens to a device.
        claims: the devices that some radio of this gateway has or is about to have.
        stack: what is beneath bleak; without one, nothing has to be cleaned up there.
        beacons: is told of every advertisement.
        elsewhere: tells how the other adapters hear a device.
        backends: other backends than the system's.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        ear_of: Callable[[str, Use], Ear],
        *,
        claims: set[str],
        stack: Stack | None = None,
        beacons: Callable[[Heard], None] = lambda _: None,
        elsewhere: Callable[["Radio", str], Sequence[Elsewhere]] = lambda _radio, _name: (),
        backends: Backends | None = None,
    ) -> None:
        backends = backends or Backends()
        self._settings = settings
        self._clock = clock
        self._ear_of = ear_of
        self._claims = claims
        self._stack = stack
        self._beacons = beacons
        self._elsewhere = elsewhere
        self._client_arguments = dict(backends.arguments or {}) | _backend(backends.client)
        self._scanner_arguments = dict(backends.arguments or {}) | _backend(backends.scanner)
        self._watchdog = Watchdog(round(settings.stale_after_s * 1000))
        self._turns = Turns(settings.max_connections)
        self._links: dict[str, Link] = {}
        self._in_reach: dict[str, InReach] = {}
        self._stirred = asyncio.Event()
        self._heard_something = False
        self._begin_anew = False
        self._clean = False
        self._mute = 0
        self.only_devices: frozenset[str] = frozenset(settings.only_devices)

    @property
    def connected(self) -> frozenset[str]:
        """Return the ids of the devices that are connected now."""
        return frozenset(self._links)

    @property
    def in_reach(self) -> Mapping[str, InReach]:
        """Return the readable devices that were heard."""
        return self._in_reach

    def drop_all(self, why: str) -> None:
        """End every link and the scan: the stack beneath is gone and will not say so."""
        for link in self._links.values():
            link.end(why)
        self._begin_anew = True
        self._stirred.set()

    def read_only(self, devices: frozenset[str]) -> None:
        """Read these devices from now on, empty for every one; links to others are let go."""
        self.only_devices = devices
        for name, link in self._links.items():
            if devices and name not in devices:
                link.end("not to be read any more")
        self._stirred.set()

    async def run(self) -> None:
        """Scan and connect until cancelled; then every link is closed."""
        async with asyncio.TaskGroup() as watches:
            while True:
                stop_if_cancelled()
                try:
                    await self._clean_up_once()
                    chosen = await self._scan()
                except (*LINK_ERRORS, TelehealthError) as error:
                    logger.error("cannot scan", extra={"why": f"{type(error).__name__}: {error}"})
                    await asyncio.sleep(self._settings.reconnect_min_s * 5)
                    await self._perhaps_recover()
                    continue
                if chosen is None:
                    await self._perhaps_recover()
                    continue
                link = await self._connect(chosen)
                if link is not None:
                    watches.create_task(self._watch(link), name=link.device_id)

    async def _clean_up_once(self) -> None:
        """End what an earlier run left connected."""
        if self._stack is not None and not self._clean:
            await self._stack.clean_up(self._is_ours)
        self._clean = True

    def _is_ours(self, heard: Heard) -> bool:
        wanted = not self.only_devices or device_id(heard.address) in self.only_devices
        return wanted and recognise(heard) is not None

    async def _scan(self) -> str | None:
        """Scan until a device is to be connected; `None`: the scanner is mute, begin anew."""
        loop = asyncio.get_running_loop()
        arguments = dict(self._scanner_arguments)
        if self._stack is not None:
            arguments |= await self._stack.arguments()
        mute_at_s = loop.time() + self._settings.scan_restart_s
        async with BleakScanner(self._hear, **arguments):
            while True:
                stop_if_cancelled()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await self._stirred.wait()
                self._stirred.clear()
                if self._begin_anew:
                    self._begin_anew = False
                    return None
                if self._heard_something:
                    self._heard_something, self._mute = False, 0
                    mute_at_s = loop.time() + self._settings.scan_restart_s
                elif loop.time() >= mute_at_s:
                    logger.info("scanner is mute, starting it again")
                    self._mute += 1
                    return None
                chosen = self._decide(loop.time())
                if chosen is not None:
                    return chosen

    def _hear(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        self._heard_something = True
        heard = heard_of(device, advertisement)
        self._beacons(heard)
        driver = recognise(heard)
        if driver is None:
            return
        name = device_id(device.address)
        if self.only_devices and name not in self.only_devices:
            return
        now_ms = self._clock.moment().monotonic_ms
        known = self._in_reach.get(name)
        if known is None and len(self._in_reach) >= _MOST_KNOWN and not self._forget_one():
            return
        if known is None:
            self._in_reach[name] = InReach(device, driver, heard.rssi_dbm, now_ms)
        else:
            known.device, known.driver = device, driver
            known.rssi_dbm, known.heard_ms = heard.rssi_dbm, now_ms
        if name not in self._claims:
            self._turns.heard(name, driver.use, asyncio.get_running_loop().time())
            self._stirred.set()

    def _forget_one(self) -> bool:
        """Forget a device that never let itself be connected, for a new one."""
        for name, known in self._in_reach.items():
            if known.failures and name not in self._claims:
                del self._in_reach[name]
                self._turns.forget(name)
                return True
        return False

    def _decide(self, now_s: float) -> str | None:
        now_ms = self._clock.moment().monotonic_ms
        for link in self._links.values():
            if now_ms - link.ear.last.finger_at_ms <= _IN_USE_MS:
                self._turns.active(link.device_id, now_s)
        match self._turns.decide(now_s):
            case Connect(name) if self._may_take(name, now_ms):
                return name
            case Connect(name):
                self._turns.forget(name)
            case LetGo(name, waiting):
                logger.info("turn over", extra={"device_id": name, "waiting": waiting})
                self._links[name].end("turn over")
            case Refuse(names, slots):
                logger.warning(
                    "no free connection slot",
                    extra={"slots": slots, "waiting": ",".join(names)},
                )
        return None

    def _may_take(self, name: str, now_ms: int) -> bool:
        """Say whether a device is this adapter's to connect now."""
        known = self._in_reach.get(name)
        if known is None or name in self._claims:
            return False
        since_ms = known.left_since_ms
        left = is_left_to_another(
            known.rssi_dbm,
            left_for_ms=0 if since_ms is None else now_ms - since_ms,
            others=self._elsewhere(self, name),
            now_ms=now_ms,
        )
        known.left_since_ms = (now_ms if since_ms is None else since_ms) if left else None
        return not left

    def hears(self, name: str) -> Elsewhere | None:
        """Return how this adapter hears a device, for the others; `None`: it does not."""
        known = self._in_reach.get(name)
        if known is None:
            return None
        return Elsewhere(
            rssi_dbm=known.rssi_dbm,
            heard_ms=known.heard_ms,
            has_room=len(self._links) < self._settings.max_connections,
            failures=known.failures,
        )

    async def _connect(self, name: str) -> Link | None:
        """Connect and begin to talk; a failure is waited out before the next attempt."""
        known = self._in_reach[name]
        link = Link(name, known.device, known.driver, self._ear_of(name, known.driver.use))
        self._claims.add(name)
        try:
            if self._stack is not None and not known.tried:
                await self._stack.before_connect(known.device.address)
            known.tried = True
            await link.open(
                timeout_s=self._settings.connect_timeout_s, arguments=self._client_arguments
            )
        except LINK_ERRORS as error:
            await self._failed(link, known, error)
            return None
        except BaseException:
            self._claims.discard(name)
            await link.close()
            raise
        known.failures = 0
        self._links[name] = link
        self._turns.took(name, known.driver.use, asyncio.get_running_loop().time())
        return link

    async def _failed(self, link: Link, known: InReach, error: BaseException) -> None:
        await link.close()
        self._claims.discard(link.device_id)
        if self._stack is not None:
            await self._stack.after_failure(link.device.address)
        wait_s = min(_LONGEST_WAIT_S, self._settings.reconnect_min_s * 2.0**known.failures)
        known.failures = min(known.failures + 1, 30)
        retry_at_s = asyncio.get_running_loop().time() + wait_s
        self._turns.not_before(link.device_id, retry_at_s, failed=True)
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
        loop = asyncio.get_running_loop()
        try:
            why = await link.until_over(self._clock, self._watchdog)
        finally:
            await link.close()
            del self._links[link.device_id]
            self._claims.discard(link.device_id)
            self._turns.gave_back(link.device_id, loop.time())
            if why == "read out":
                self._turns.not_before(link.device_id, loop.time() + REST_S)
            self._stirred.set()
            link.ear.disconnected()
            logger.info("disconnected", extra={"device_id": link.device_id, "why": why})

    async def _perhaps_recover(self) -> None:
        """Switch an adapter that stays mute off and on, where that was allowed."""
        may = self._settings.recover_adapter and self._stack is not None
        if self._stack is None or not may or self._mute < _MUTE_BEFORE_RECOVERY:
            return
        self._mute = 0
        logger.error("adapter is mute, switching it off and on")
        self.drop_all("adapter switched off")
        try:
            await self._stack.recover()
        except (*LINK_ERRORS, TelehealthError) as error:
            logger.error("adapter not recovered", extra={"why": str(error)})


def _backend(backend: type[BaseBleakScanner] | type[BaseBleakClient] | None) -> dict[str, Any]:
    return {} if backend is None else {"backend": backend}
