"""A virtual Bluetooth pulse oximeter on Bumble: GATT server, advertiser, and its faults.

It wears a virtual patient and sends what it sees once a period (PLXS 1.0.1). What the radio does
follows from two facts, whether the device is powered and whether somebody is connected, and
`_settle` makes it so: like a real one it advertises while powered and alone, to one peer. Importing
this module is slow, because Bumble is: import it late.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from bumble import att, core, hci
from bumble.controller import Controller
from bumble.core import AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

from devices.simulator.physiology import Pace, VirtualVitals
from devices.simulator.wearing import FEATURES, Wearing, continuous, spot_check
from protocols.gatt import battery, device_information, plx
from protocols.gatt.battery import BatteryLevel

PERIOD: Final = timedelta(seconds=1)
ADVERTISING_INTERVAL: Final = timedelta(milliseconds=200)
GIVE_UP_S: Final = 2.0

_READ: Final = Characteristic.Properties.READ
_READABLE: Final = Characteristic.READABLE


class VirtualOximeter:
    """One device on a virtual link.

    Args:
        wearing: the device and the patient that it is on.
        link: the air that it shares with the others and the gateway's adapter.
        elapsed: the clock, as the time since physiological time 0.
        pace: how physiological time follows from it.
        period: how often it sends a continuous measurement.
        advertising_interval: how often it advertises while nobody is connected.
    """

    def __init__(
        self,
        wearing: Wearing,
        link: LocalLink,
        *,
        elapsed: Callable[[], timedelta],
        pace: Pace,
        period: timedelta = PERIOD,
        advertising_interval: timedelta = ADVERTISING_INTERVAL,
    ) -> None:
        self.wearing = wearing
        self.battery_percent = wearing.battery_percent
        self.frames_sent = 0
        self._elapsed = elapsed
        self._pace = pace
        self._period_s = period.total_seconds()
        self._interval_ms = advertising_interval / timedelta(milliseconds=1)
        self._switched_on = True
        self._powered = False
        self._stale = False
        self._settling = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._link = link
        self._controller = Controller(wearing.name, link=link, public_address=wearing.address)
        self._device = Device(
            name=wearing.name,
            address=hci.Address(wearing.address),
            host=Host(self._controller, AsyncPipeSink(self._controller)),
        )
        self._continuous = _characteristic(plx.CONTINUOUS_UUID, Characteristic.Properties.NOTIFY)
        self._spot_check = _characteristic(plx.SPOT_CHECK_UUID, Characteristic.Properties.INDICATE)
        self._level = _characteristic(
            battery.LEVEL_UUID,
            _READ,
            lambda _peer: BatteryLevel(self.battery_percent).to_bytes(),
        )
        self._device.add_services(self._services())
        self._device.advertising_data = _advertising_data(wearing.name)
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)

    def _services(self) -> list[Service]:
        information = self.wearing.information.to_characteristics()
        features = _characteristic(plx.FEATURES_UUID, _READ, FEATURES.to_bytes())
        return [
            Service(core.UUID(plx.SERVICE_UUID), [features, self._continuous, self._spot_check]),
            Service(core.UUID(battery.SERVICE_UUID), [self._level]),
            Service(
                core.UUID(device_information.SERVICE_UUID),
                [_characteristic(uuid, _READ, text) for uuid, text in information.items()],
            ),
        ]

    @property
    def vitals(self) -> VirtualVitals:
        """What the patient's finger shows now."""
        return self.wearing.patient.at(self._pace.physiological(self._elapsed()))

    @property
    def powered(self) -> bool:
        """Whether the device is on: switched on, and not silenced by the scenario."""
        return self._powered

    @property
    def connected(self) -> bool:
        """Whether a peer is connected."""
        return bool(self._device.connections)

    async def start(self) -> None:
        """Put the device on the link, switched on, and begin to measure."""
        await self._device.power_on()
        await self._follow(self.vitals)
        self._spawn(self._measure())

    async def stop(self) -> None:
        """Take the device off the link; its peer sees a disconnection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._powered = False
        await self._settle()
        await self._device.power_off()
        self._link.remove_controller(self._controller)

    async def drop_link(self) -> None:
        """End the connection from the device's side; it advertises again at once."""
        await self._disconnect(hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR)

    def go_stale(self) -> None:
        """Stay connected and say nothing more: the zombie link of the field reports."""
        self._stale = True

    def recover(self) -> None:
        """Speak again after `go_stale`."""
        self._stale = False

    async def power_off(self) -> None:
        """Switch the device off: the link ends, the advertisements stop."""
        self._switched_on = False
        await self._follow(self.vitals)

    async def power_on(self) -> None:
        """Switch the device on again; the scenario may still keep it silent."""
        self._switched_on = True
        await self._follow(self.vitals)

    async def indicate_spot_check(self, timestamp: datetime | None) -> None:
        """Send one finished measurement to a subscribed peer and wait for its confirmation.

        Args:
            timestamp: the device's own naive time; `None` when its clock was never set.
        """
        value = spot_check(self.vitals, timestamp=timestamp, marks=self.wearing.marks).to_bytes()
        for connection in list(self._device.connections.values()):
            await self._device.indicate_subscriber(connection, self._spot_check, value)

    async def _measure(self) -> None:
        """Once a period, look at the patient and send what is there to a subscribed peer."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            vitals = self.vitals
            await self._follow(vitals)
            if self._powered and not self._stale:
                await self._notify(continuous(vitals, self.wearing.marks).to_bytes())
            due = max(due + self._period_s, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _notify(self, value: bytes) -> None:
        for connection in list(self._device.connections.values()):
            await self._device.notify_subscriber(connection, self._continuous, value)
            self.frames_sent += 1

    async def _follow(self, vitals: VirtualVitals) -> None:
        powered = self._switched_on and vitals.powered
        if powered != self._powered:
            self._powered = powered
            await self._settle()

    async def _settle(self) -> None:
        """Make the radio what `powered` and `connected` say it should be."""
        async with self._settling:
            if not self._powered:
                await self._device.stop_advertising()
                await self._disconnect(
                    hci.HCI_ErrorCode.REMOTE_DEVICE_TERMINATED_CONNECTION_DUE_TO_POWER_OFF_ERROR
                )
            elif not self.connected and not self._device.is_advertising:
                await self._device.start_advertising(
                    advertising_interval_min=self._interval_ms,
                    advertising_interval_max=self._interval_ms,
                )

    async def _disconnect(self, reason: hci.HCI_ErrorCode) -> None:
        for connection in list(self._device.connections.values()):
            with suppress(core.BaseBumbleError, TimeoutError):
                async with asyncio.timeout(GIVE_UP_S):
                    await connection.disconnect(reason)

    def _on_connection(self, connection: Connection) -> None:
        connection.on(Connection.EVENT_DISCONNECTION, lambda _reason: self._spawn(self._settle()))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=self.wearing.name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _characteristic(
    uuid: str,
    properties: Characteristic.Properties,
    read: Callable[[Connection], bytes] | bytes | None = None,
) -> Characteristic[bytes]:
    """Bumble 0.0.236 checks no permission of its own, so what is not offered is refused here."""
    reader: Callable[[Connection], bytes] = _refuse_read
    if isinstance(read, bytes):
        reader = partial(_constant, read)
    elif read is not None:
        reader = read
    value = CharacteristicValue(read=reader, write=_refuse_write)
    return Characteristic(core.UUID(uuid), properties, _READABLE, value)


def _constant(value: bytes, _peer: Connection) -> bytes:
    return value


def _refuse_read(_peer: Connection) -> bytes:
    raise att.ATT_Error(att.ErrorCode.READ_NOT_PERMITTED)


def _refuse_write(_peer: Connection, _value: bytes) -> None:
    raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED)


def _advertising_data(name: str) -> bytes:
    return bytes(
        AdvertisingData(
            [
                (AdvertisingData.FLAGS, bytes((0x06,))),
                (
                    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
                    core.UUID.from_16_bits(0x1822).to_bytes(),
                ),
                (AdvertisingData.COMPLETE_LOCAL_NAME, name.encode()),
            ]
        )
    )
