"""A home gateway, top to bottom: scan, connect, decode, spool, upload.

`links` finds oximeters and keeps them connected; their drivers decode what they say and put it
into the device's ear here; its `recorder` makes parcels of it; the spool makes them durable; the
uplink sends them and marks what the server has committed. Five tasks, no state but the spool:
cancel `run` at any time and start again.
"""

import asyncio
import logging
import random
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner

from devices.clock import Clock, SystemClock
from devices.identity import Identity
from devices.links import Links
from devices.measurement import Measurement
from devices.parcels import Content, Parcel
from devices.recorder import Recorder
from devices.settings import Settings
from devices.spool import RejectedFrame, Spool
from devices.spool_file import SPOOL_FILE, SpoolError
from devices.spool_thread import SpoolThread
from devices.uplink import Uplink
from protocols.uplink import Event, Welcome

logger = logging.getLogger(__name__)

_LINE: Final = "urgent_below_spo2_percent"
_TICK_S: Final = 1.0
_COUNT_EVERY_MS: Final = 60_000
_DISK_RETRY_S: Final = 5.0
_MOST_IN_MEMORY: Final = 5_000
"""Parcels that wait in memory while the disk refuses them; about an hour of five devices."""
_MEBIBYTE: Final = 1024 * 1024


class Gateway:
    """One gateway: an identity, a folder, an adapter.

    Args:
        identity: who it is, and where its server is.
        folder: where its spool is kept.
        settings: what the installer may change.
        clock: what time it is; the machine's own by default.
        rng: chance for the waits.
        scanner_backend: a bleak backend of another kind, with `client_backend` and
            `backend_arguments`; on real hardware none.
    """

    def __init__(
        self,
        identity: Identity,
        folder: Path,
        settings: Settings | None = None,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        scanner_backend: type[BaseBleakScanner] | None = None,
        client_backend: type[BaseBleakClient] | None = None,
        backend_arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self._settings = settings or Settings()
        self._clock = clock or SystemClock()
        self._spool = SpoolThread(
            folder / SPOOL_FILE, max_bytes=self._settings.spool_max_mb * _MEBIBYTE
        )
        self._links = Links(
            self._settings,
            self._clock,
            self._ear_of,
            scanner_backend=scanner_backend,
            client_backend=client_backend,
            backend_arguments=backend_arguments,
        )
        self._uplink = Uplink(
            identity,
            self._spool,
            self._settings,
            self._clock,
            configure=self._configure,
            rng=rng or random.Random(),  # noqa: S311 - no secret: spreads them # nosec B311
        )
        self._line_percent = Welcome({}, 0).urgent_below_spo2_percent
        self._ears: dict[str, DeviceEar] = {}
        self._outbox = Outbox()

    @property
    def connected_devices(self) -> frozenset[str]:
        """Return the ids of the devices that are connected now."""
        return self._links.connected

    async def run(self) -> None:
        """Be a gateway until cancelled; what was heard until then is in the spool.

        Raises:
            RevokedError: the server will not have this gateway any more.
            SpoolError: the spool cannot be opened.
        """
        async with self._spool:
            remembered = await self._spool.call(Spool.setting, _LINE)
            self._line_percent = float(remembered or self._line_percent)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._links.run(), name="links")
                    tasks.create_task(self._let_time_pass(), name="time")
                    tasks.create_task(self._spool_what_is_heard(), name="spool")
                    tasks.create_task(self._uplink.run(), name="uplink")
            except BaseExceptionGroup as group:
                raise _first(group) from None
            finally:
                await self._close_the_books()

    def _ear_of(self, device_id: str) -> "DeviceEar":
        """Return who listens to a device, the same over all its connections."""
        ear = self._ears.get(device_id)
        if ear is None:
            recorder = Recorder(
                device_id,
                batch_seconds=self._settings.batch_seconds,
                urgent_below_spo2_percent=self._line_percent,
                device_utc_offset=timedelta(minutes=self._settings.device_utc_offset_minutes),
            )
            ear = self._ears[device_id] = DeviceEar(device_id, recorder, self._outbox, self._clock)
        return ear

    async def _configure(self, line_percent: float) -> None:
        """Take over the server's line for closing a minute at once, and remember it."""
        if line_percent == self._line_percent:
            return
        self._line_percent = line_percent
        for ear in self._ears.values():
            ear.recorder.set_urgent_line(line_percent)
        await self._spool.call(Spool.remember, _LINE, str(line_percent))

    async def _let_time_pass(self) -> None:
        """Close minutes and batches of devices that have fallen silent; have counters written."""
        counted_ms = self._clock.moment().monotonic_ms
        while True:
            await asyncio.sleep(_TICK_S)
            now = self._clock.moment()
            for ear in self._ears.values():
                self._outbox.put(ear.recorder.tick(now))
            if now.monotonic_ms - counted_ms >= _COUNT_EVERY_MS:
                counted_ms = now.monotonic_ms
                if any(ear.recorder.counts for ear in self._ears.values()):
                    self._outbox.filled.set()

    async def _spool_what_is_heard(self) -> None:
        """Make durable what has gathered, and tell the uplink."""
        while True:
            await self._outbox.filled.wait()
            try:
                await self._spool_outbox()
            except SpoolError as error:
                logger.error("cannot write the spool", extra={"why": str(error)})
                await asyncio.sleep(_DISK_RETRY_S)
            self._uplink.wake()

    async def _spool_outbox(self) -> None:
        parcels, rejected = self._outbox.take(self._clock)
        counts: Counter[str] = Counter(rejected=len(rejected))
        for ear in self._ears.values():
            counts += ear.recorder.counts
            ear.recorder.counts.clear()
        if not parcels and not +counts:
            return
        try:
            await self._spool.call(Spool.append, parcels, rejected=rejected, counts=+counts)
        except SpoolError:
            self._outbox.put_back(parcels, rejected)
            raise

    async def _close_the_books(self) -> None:
        """Spool what the devices had not finished saying."""
        now = self._clock.moment()
        for ear in self._ears.values():
            self._outbox.put(ear.recorder.finish(now))
        await self._spool_outbox()


class Outbox:
    """What waits for the spool: bounded, the oldest given up first and the loss told."""

    def __init__(self) -> None:
        self.filled = asyncio.Event()
        self._parcels: deque[Parcel] = deque()
        self._rejected: deque[RejectedFrame] = deque(maxlen=_MOST_IN_MEMORY)
        self._lost: Counter[str] = Counter()

    def put(self, parcels: Sequence[Parcel]) -> None:
        """Add parcels in the order they came."""
        if not parcels:
            return
        self._parcels.extend(parcels)
        while len(self._parcels) > _MOST_IN_MEMORY:
            given_up = self._parcels.popleft()
            self._lost[given_up.device] += max(1, len(given_up.content.samples))
        self.filled.set()

    def reject(self, frame: RejectedFrame) -> None:
        """Add bytes that could not be used."""
        self._rejected.append(frame)
        self.filled.set()

    def put_back(self, parcels: Sequence[Parcel], rejected: Sequence[RejectedFrame]) -> None:
        """The disk would not have them: they come before what came since."""
        self._rejected.extendleft(reversed(rejected))
        since = list(self._parcels)
        self._parcels.clear()
        self.put([*parcels, *since])

    def take(self, clock: Clock) -> tuple[list[Parcel], list[RejectedFrame]]:
        """Return everything and be empty."""
        now = clock.moment()
        parcels = list(self._parcels) + [
            Parcel(device, now, Content(events=[Event("spool_loss", 0, float(count))]))
            for device, count in self._lost.items()
        ]
        rejected = list(self._rejected)
        self._parcels.clear()
        self._rejected.clear()
        self._lost.clear()
        self.filled.clear()
        return parcels, rejected


class DeviceEar:
    """Listens to one device over all its connections, and dates what it hears."""

    def __init__(self, device_id: str, recorder: Recorder, outbox: Outbox, clock: Clock) -> None:
        self.recorder = recorder
        self.last_heard_ms = 0
        self._device_id = device_id
        self._outbox = outbox
        self._clock = clock
        self._battery_percent: int | None = None

    def sample(self, measurement: Measurement) -> None:
        now = self._clock.moment()
        self.last_heard_ms = now.monotonic_ms
        self._outbox.put(self.recorder.sample(measurement, now))

    def spot_check(self, measurement: Measurement) -> None:
        now = self._clock.moment()
        self.last_heard_ms = now.monotonic_ms
        self._outbox.put(self.recorder.spot_check(measurement, now))

    def battery(self, percent: int) -> None:
        """Pass on a level that differs from the last one; it is no sign of a living stream."""
        if percent != self._battery_percent:
            self._battery_percent = percent
            now = self._clock.moment()
            self._outbox.put(self.recorder.event("battery", now, float(percent)))

    def rejected(self, characteristic: str, raw: bytes, reason: str) -> None:
        now = self._clock.moment()
        self.last_heard_ms = now.monotonic_ms
        self._outbox.reject(RejectedFrame(self._device_id, characteristic, raw, reason, now))
        logger.warning(
            "frame rejected",
            extra={"device_id": self._device_id, "characteristic": characteristic},
        )

    def connected(self) -> None:
        self._outbox.put(self.recorder.event("connected", self._clock.moment()))

    def disconnected(self) -> None:
        self._outbox.put(self.recorder.event("disconnected", self._clock.moment()))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first real error of a group of tasks."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
