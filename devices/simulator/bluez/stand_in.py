"""The stand-in `org.bluez`: adapters over hubs on a private bus, and the switches of its faults.

async with VirtualWard(wearings) as ward, StandInBluez(**ward.backend_arguments) as bluez:
    bluez.address     # what DBUS_SYSTEM_BUS_ADDRESS is set to for bleak, Chromium, busctl
    bluez.abort_connects("F0:F0:00:00:00:01", 8)
    await bluez.die()
    await bluez.come_back()
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from dbus_fast import Variant

from devices.simulator.bluez.adapter import FORGET_AFTER_S, Adapter
from devices.simulator.bluez.bus import PrivateBus
from devices.simulator.bluez.device import Device, Faults, Known
from devices.simulator.bluez.objects import Interface, ObjectTree, method
from devices.simulator.hub import ADAPTER_ADDRESS, Hub
from protocols.errors import TelehealthError

SERVICE: Final = "org.bluez"
ROOT: Final = "/org/bluez"


class NoSuchDeviceError(TelehealthError):
    """The stand-in knows no adapter or device of that name."""


class AgentManager(Interface):
    """Takes agents, and never asks them: the devices here pair without a question (Just Works)."""

    name = "org.bluez.AgentManager1"

    @method("RegisterAgent", "os")
    async def register(self, _client: str, _path: str, _capability: str) -> None:
        """Take an agent."""

    @method("UnregisterAgent", "o")
    async def unregister(self, _client: str, _path: str) -> None:
        """Let an agent go."""

    @method("RequestDefaultAgent", "o")
    async def make_default(self, _client: str, _path: str) -> None:
        """Take an agent for every question."""


class StandInBluez:
    """bluetoothd as its clients see it; an async context.

    Args:
        hub: the radio of the first adapter, `hci0`.
        adapter_address: that adapter's own address.
        says_connected: devices, by address with their names, that say from the start that they
            are connected and are not: what a crash leaves behind.
        forget_after_s: how long a device is known that was heard and never used.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        adapter_address: str = ADAPTER_ADDRESS,
        says_connected: Mapping[str, str] | None = None,
        forget_after_s: float = FORGET_AFTER_S,
    ) -> None:
        self._first = hub, adapter_address
        self._says_connected = dict(says_connected or {})
        self._forget_after_s = forget_after_s
        self._faults = Faults()
        self._tree = ObjectTree(SERVICE)
        self._bus = PrivateBus()
        self._adapters: dict[str, Adapter] = {}
        self._open = AsyncExitStack()
        self._alive = False

    @property
    def address(self) -> str:
        """Return the bus address, for `DBUS_SYSTEM_BUS_ADDRESS`."""
        return self._bus.address

    @property
    def adapters(self) -> dict[str, str]:
        """Return the adapters' addresses by their names."""
        return {name: adapter.address for name, adapter in self._adapters.items()}

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            await opening.enter_async_context(self._bus)
            opening.push_async_callback(self._close)
            self._tree.add(AgentManager(self._tree, ROOT, {}))
            hub, address = self._first
            adapter = self._plug_in("hci0", hub, address)
            for device_address, name in self._says_connected.items():
                device = adapter.know(Known(device_address, "random", name, paired=False))
                device.temporary = False
                device.say_connected()
            adapter.show()
            await self._tree.appear(self.address)
            self._alive = True
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    async def add_adapter(self, hub: Hub, address: str) -> str:
        """Plug in another adapter; returns its name."""
        name = next(n for i in range(9) if (n := f"hci{i}") not in self._adapters)
        self._plug_in(name, hub, address).show()
        return name

    def abort_connects(self, address: str, count: int) -> None:
        """Let the next connections to a device be aborted as soon as they are made."""
        self._faults.aborts[address] = count

    def aborts_left(self, address: str) -> int:
        """Return how many aborts are still to come."""
        return self._faults.aborts[address]

    def freeze(self, address: str) -> None:
        """Let a connected device stay connected, and nothing more come of it until it is not."""
        self._device(address).freeze()

    async def hold(self, address: str) -> None:
        """Connect a device for nobody: what a program leaves that crashed while connected.

        The link is real, so the device does not advertise.
        """
        adapter = next(iter(self._adapters.values()))
        device = adapter.devices.get(address)
        if device is None:
            device = adapter.know(Known(address, "random", None, paired=False))
            self._tree.add(device)
        await device.connect()

    def connected(self, address: str) -> bool:
        """Return whether a device says that it is connected."""
        return self._device(address).connected

    def discovering(self) -> bool:
        """Return whether some adapter scans."""
        return any(shown.properties["Discovering"].value for shown in self._adapters.values())

    def knows(self, address: str) -> bool:
        """Return whether a device is shown."""
        return any(address in adapter.devices for adapter in self._adapters.values())

    async def switch(self, adapter: str, *, on: bool) -> None:
        """Switch an adapter off or on, as a person does."""
        await self._adapter(adapter).assign("Powered", Variant("b", on))

    async def die(self) -> None:
        """Let bluetoothd be killed: its name leaves the bus, its links end, nobody is told."""
        self._alive = False
        await self._tree.vanish()
        await asyncio.gather(*(adapter.close() for adapter in self._adapters.values()))

    async def come_back(self) -> None:
        """Start bluetoothd again: the same adapters, the devices that somebody used."""
        if self._alive:
            return
        for adapter in list(self._adapters.values()):
            self._replace(adapter, adapter.adapter_name)
        await self._tree.appear(self.address)
        self._alive = True

    async def renumber(self, adapter: str = "hci0") -> str:
        """Let an adapter fall off the bus and come back under another name; returns the name."""
        gone = self._adapter(adapter)
        await gone.close()
        self._tree.remove(gone.path)
        name = next(n for i in range(9) if (n := f"hci{i}") not in self._adapters)
        self._replace(gone, name)
        return name

    def _plug_in(self, name: str, hub: Hub, address: str) -> Adapter:
        adapter = self._adapters[name] = Adapter(
            self._tree, name, hub, address, self._faults, forget_after_s=self._forget_after_s
        )
        return adapter

    def _replace(self, adapter: Adapter, name: str) -> None:
        """Start an adapter anew from what is stored of it."""
        if adapter.path in self._tree:
            self._tree.remove(adapter.path)
        del self._adapters[adapter.adapter_name]
        again = self._plug_in(name, adapter.hub, adapter.address)
        for known in adapter.lasting():
            again.know(known).temporary = False
        again.show()

    def _adapter(self, name: str) -> Adapter:
        adapter = self._adapters.get(name)
        if adapter is None:
            raise NoSuchDeviceError(f"no adapter {name}, there are {', '.join(self._adapters)}")
        return adapter

    def _device(self, address: str) -> Device:
        for adapter in self._adapters.values():
            if address in adapter.devices:
                return adapter.devices[address]
        raise NoSuchDeviceError(f"no device {address}")

    async def _close(self) -> None:
        await asyncio.gather(*(adapter.close() for adapter in self._adapters.values()))
        await self._tree.vanish()
        for adapter in self._adapters.values():
            self._tree.remove(adapter.path)
