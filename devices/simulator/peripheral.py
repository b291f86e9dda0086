"""A virtual Bluetooth device on Bumble: GATT server, advertiser, and its faults.

It wears a virtual patient and says once a period what its `Profile` makes of them. What the radio
does follows from two facts, whether the device is powered and whether somebody is connected, and
`_settle` makes it so: like a real one it advertises while powered and alone, to one peer. Importing
this module is slow, because Bumble is: import it late.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from bumble import core, hci
from bumble.controller import Controller
from bumble.device import Connection, Device
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

from devices.simulator.physiology import Pace, VirtualVitals
from devices.simulator.profiles.profile import Profile, Saying

PERIOD: Final = timedelta(seconds=1)
ADVERTISING_INTERVAL: Final = timedelta(milliseconds=200)
GIVE_UP_S: Final = 2.0


class VirtualDevice:
    """One device on a virtual link.

    Args:
        profile: what it is, and on whom.
        link: the air that it shares with the others and the gateway's adapter.
        elapsed: the clock, as the time since physiological time 0.
        pace: how physiological time follows from it.
        period: how often it measures.
        advertising_interval: how often it advertises while nobody is connected.
    """

    def __init__(
        self,
        profile: Profile,
        link: LocalLink,
        *,
        elapsed: Callable[[], timedelta],
        pace: Pace,
        period: timedelta = PERIOD,
        advertising_interval: timedelta = ADVERTISING_INTERVAL,
    ) -> None:
        wearing = profile.wearing
        self.profile = profile
        self.wearing = wearing
        self.frames_sent = 0
        """What went out by itself to somebody who had subscribed to it."""
        self.measured = 0
        """How often it has measured."""
        self._elapsed = elapsed
        self._pace = pace
        self._period_s = period.total_seconds()
        self._interval_ms = advertising_interval / timedelta(milliseconds=1)
        self._switched_on = True
        self._powered = False
        self._stale = False
        self._cut_next = False
        self._settling = asyncio.Lock()
        self._speaking = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: set[asyncio.Task[None]] = set()
        self._link = link
        self._controller = Controller(wearing.name, link=link, public_address=wearing.address)
        self._device = Device(
            name=wearing.name,
            address=hci.Address(wearing.address),
            host=Host(self._controller, AsyncPipeSink(self._controller)),
        )
        self._device.add_services(profile.services())
        self._device.advertising_data = profile.advertising()
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)
        profile.say = self._say_soon

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

    def drop_mid_frame(self) -> None:
        """Send only half of the next value, and end the connection."""
        self._cut_next = True

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

    async def speak(self, sayings: Sequence[Saying]) -> None:
        """Say something to a subscribed peer; what is indicated waits for its confirmation."""
        async with self._speaking:
            for saying in sayings:
                await self._say(saying)

    def _say_soon(self, sayings: Sequence[Saying]) -> None:
        """Answer the peer; what was asked for on a connection dies with it."""
        answer = self._spawn(self.speak(sayings))
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)

    async def _say(self, saying: Saying) -> None:
        value = saying.value
        cut, self._cut_next = self._cut_next and self.connected, False
        if cut:
            value = value[: len(value) // 2]
        for connection in list(self._device.connections.values()):
            say = self._device.notify_subscriber
            if saying.indicated:
                say = self._device.indicate_subscriber
            with suppress(core.BaseBumbleError, TimeoutError):  # the peer is gone
                await say(connection, saying.characteristic, value)
        if cut:
            await self.drop_link()

    async def _measure(self) -> None:
        """Once a period, look at the patient and say what is there to a subscribed peer."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            vitals = self.vitals
            await self._follow(vitals)
            if self._powered and not self._stale:
                sayings = self.profile.measure(vitals)
                self.measured += 1
                self.frames_sent += sum(map(self._is_heard, sayings))
                await self.speak(sayings)
            due = max(due + self._period_s, loop.time())
            await asyncio.sleep(due - loop.time())

    def _is_heard(self, saying: Saying) -> bool:
        """Whether somebody subscribed to it (its CCCD holds bit 0 or 1)."""
        handle = saying.characteristic.handle
        subscribers = self._device.gatt_server.subscribers
        return any(any(configured.get(handle, b"")) for configured in subscribers.values())

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
        self.profile.begin()
        connection.on(Connection.EVENT_DISCONNECTION, self._on_disconnection)

    def _on_disconnection(self, _reason: object) -> None:
        for answer in self._answers:
            answer.cancel()
        self._spawn(self._settle())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=self.wearing.name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
