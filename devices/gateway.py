"""A home gateway, top to bottom: scan, connect, decode, spool, upload.

Each `radio` finds devices and keeps them connected; their drivers decode what they say and put it
into the device's ear; its recorder makes parcels of it; the spool makes them durable; the uplink
sends them and marks what the server has committed. A handful of tasks, no state but the spool:
cancel `run` at any time and start again.
"""

import asyncio
import logging
import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from devices.beacons import BeaconWatch
from devices.bluez import OwnerWatch
from devices.bluez_bus import BluezUnavailableError
from devices.bluez_stack import BluezStack
from devices.clock import Clock, Moment, SystemClock
from devices.commands import Commands
from devices.ear import DeviceEar
from devices.identity import Identity
from devices.louder import Elsewhere
from devices.outbox import Outbox
from devices.radio import Backends, Radio
from devices.recorder import Recorder
from devices.settings import Settings
from devices.snapshot import Snapshot, show
from devices.spool import Spool
from devices.spool_errors import SpoolError
from devices.spool_file import SPOOL_FILE
from devices.spool_thread import SpoolThread
from devices.uplink import Uplink
from devices.use import Use
from protocols.uplink import GatewayConfig, Welcome

logger = logging.getLogger(__name__)

_LINE: Final = "urgent_below_spo2_percent"
_TICK_S: Final = 1.0
_IN_REACH_MS: Final = 30_000
"""A device that was not heard for so long is not in reach."""
_COUNT_EVERY_MS: Final = 60_000
_JOIN_EVERY_MS: Final = 60_000
_DISK_RETRY_S: Final = 5.0
_BUS_RETRY_S: Final = 10.0
_MEBIBYTE: Final = 1024 * 1024


class Gateway:
    """One gateway: an identity, a folder, its adapters.

    Args:
        identity: who it is, and where its server is.
        folder: where its spool is kept.
        settings: what the installer may change.
        clock: what time it is; the machine's own by default.
        rng: chance for the waits.
        backends: bleak backends of another kind; on real hardware none.
    """

    def __init__(
        self,
        identity: Identity,
        folder: Path,
        settings: Settings | None = None,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        backends: Backends | None = None,
    ) -> None:
        self._identity = identity
        self._settings = settings or Settings()
        self._clock = clock or SystemClock()
        self._spool = SpoolThread(
            folder / SPOOL_FILE, max_bytes=self._settings.spool_max_mb * _MEBIBYTE
        )
        self._commands = Commands(self._settings, self._spool, self._take_over)
        self._uplink = Uplink(
            identity,
            self._spool,
            self._settings,
            self._clock,
            configure=self._configure,
            commands=self._commands,
            rng=rng or random.Random(),  # noqa: S311 - no secret: spreads them # nosec B311
        )
        self._on_bluez = backends is None
        self._line_percent = Welcome({}, 0).urgent_below_spo2_percent
        self._ears: dict[str, DeviceEar] = {}
        self._outbox = Outbox()
        self._beacons = BeaconWatch(self._settings.beacons, self._clock, self._outbox.put)
        claims: set[str] = set()
        self._radios = [
            Radio(
                self._settings,
                self._clock,
                self._ear_of,
                claims=claims,
                beacons=self._beacons.heard,
                elsewhere=self._elsewhere,
                stack=None if backends else BluezStack(adapter),
                backends=backends,
            )
            for adapter in self._settings.adapters or [""]
        ]

    @property
    def connected_devices(self) -> frozenset[str]:
        """Return the ids of the devices that are connected now."""
        return frozenset().union(*(radio.connected for radio in self._radios))

    def snapshot(self) -> Snapshot:
        """Return how this gateway and its devices stand now; any thread may ask."""
        now = self._clock.moment()
        ears, shown = dict(self._ears), []
        in_reach = {
            name: (known.rssi_dbm, known.failures, known.driver.name)
            for radio in self._radios
            for name, known in dict(radio.in_reach).items()
            if now.monotonic_ms - known.heard_ms <= _IN_REACH_MS
        }
        connected = self.connected_devices
        for name in sorted(ears.keys() | in_reach.keys()):
            ear, heard = ears.get(name), in_reach.get(name)
            shown.append(
                show(
                    name,
                    driver=heard[2] if heard else "",
                    last=ear.last if ear else None,
                    connected=name in connected,
                    heard=heard[:2] if heard else None,
                    now_ms=now.monotonic_ms,
                )
            )
        contact_ms = self._uplink.last_contact_ms
        return Snapshot(
            gateway_id=self._identity.gateway_id,
            server=self._identity.server,
            connected_to_server=self._uplink.connected,
            last_contact_s_ago=(
                None if contact_ms is None else (now.monotonic_ms - contact_ms) // 1000
            ),
            prompts=self._commands.prompts(now),
            beacons=self._beacons.shown(now),
            devices=tuple(shown),
        )

    async def run(self) -> None:
        """Be a gateway until cancelled; what was heard until then is in the spool.

        Raises:
            RevokedError: the server will not have this gateway any more.
            SpoolError: the spool cannot be opened.
        """
        async with self._spool:
            remembered = await self._spool.call(Spool.setting, _LINE)
            self._line_percent = float(remembered or self._line_percent)
            await self._commands.remember()
            try:
                async with asyncio.TaskGroup() as tasks:
                    for radio in self._radios:
                        tasks.create_task(radio.run(), name="radio")
                    if self._on_bluez:
                        tasks.create_task(self._watch_bluez(), name="bluez")
                    tasks.create_task(self._let_time_pass(), name="time")
                    tasks.create_task(self._spool_what_is_heard(), name="spool")
                    tasks.create_task(self._uplink.run(), name="uplink")
            except BaseExceptionGroup as group:
                raise _first(group) from None
            finally:
                await self._close_the_books()

    def _ear_of(self, device_id: str, use: Use) -> DeviceEar:
        """Return who listens to a device, the same over all its connections."""
        ear = self._ears.get(device_id)
        if ear is None:
            recorder = Recorder(
                device_id,
                batch_seconds=self._settings.batch_seconds,
                urgent_below_spo2_percent=self._line_percent,
                device_utc_offset=timedelta(minutes=self._settings.device_utc_offset_minutes),
                use=use,
            )
            ear = self._ears[device_id] = DeviceEar(
                device_id, recorder, self._outbox, self._clock, self._owed_records
            )
        return ear

    async def _owed_records(self, device_id: str) -> int:
        """Count a device's records that the server has not acknowledged, those in memory too."""
        waiting = self._outbox.records_of(device_id)
        return waiting + await self._spool.call(Spool.owed_records, device_id)

    async def _configure(self, line_percent: float) -> None:
        """Take over the server's line for closing a minute at once, and remember it."""
        if line_percent == self._line_percent:
            return
        self._line_percent = line_percent
        for ear in self._ears.values():
            ear.recorder.configure(
                batch_seconds=self._settings.batch_seconds, urgent_below_spo2_percent=line_percent
            )
        await self._spool.call(Spool.remember, _LINE, str(line_percent))

    def _elsewhere(self, but: Radio, name: str) -> list[Elsewhere]:
        """Return how the other adapters hear a device."""
        heard = [radio.hears(name) for radio in self._radios if radio is not but]
        return [one for one in heard if one is not None]

    def _take_over(self, config: GatewayConfig) -> None:
        """Take over what the server commanded."""
        if config.batch_seconds is not None:
            self._settings = replace(self._settings, batch_seconds=config.batch_seconds)
            for ear in self._ears.values():
                ear.recorder.configure(
                    batch_seconds=config.batch_seconds,
                    urgent_below_spo2_percent=self._line_percent,
                )
        if config.only_devices is not None:
            for radio in self._radios:
                radio.read_only(frozenset(config.only_devices))

    async def _watch_bluez(self) -> None:
        """Drop every link when bluetoothd dies: bleak does not say so."""
        while True:
            try:
                async with OwnerWatch() as watch:
                    while True:
                        await watch.ended(await watch.present())
                        for radio in self._radios:
                            radio.drop_all("bluetoothd is gone")
            except BluezUnavailableError as error:
                logger.error("no Bluetooth service", extra={"why": str(error)})
                await asyncio.sleep(_BUS_RETRY_S)

    async def _let_time_pass(self) -> None:
        """Close minutes and batches of devices that have fallen silent; have counters written."""
        counted_ms = joined_ms = self._clock.moment().monotonic_ms
        while True:
            await asyncio.sleep(_TICK_S)
            now = self._clock.moment()
            for ear in self._ears.values():
                self._outbox.put(ear.recorder.tick(now))
            self._beacons.tick(now)
            if now.monotonic_ms - joined_ms >= _JOIN_EVERY_MS:
                joined_ms = now.monotonic_ms
                await self._join_old(now)
            if now.monotonic_ms - counted_ms >= _COUNT_EVERY_MS:
                counted_ms = now.monotonic_ms
                if any(ear.recorder.counts for ear in self._ears.values()):
                    self._outbox.filled.set()

    async def _join_old(self, now: Moment) -> None:
        """Let what waits for the backlog need less room."""
        try:
            more = True
            while more:
                more = await self._spool.call(Spool.join_old, now)
        except SpoolError as error:
            logger.error("cannot write the spool", extra={"why": str(error)})

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
        if any(parcel.content.readings for parcel in parcels):
            self._commands.measured()
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
        self._outbox.stored()

    async def _close_the_books(self) -> None:
        """Spool what the devices had not finished saying."""
        now = self._clock.moment()
        for ear in self._ears.values():
            self._outbox.put(ear.recorder.finish(now))
        await self._spool_outbox()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first real error of a group of tasks."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
