"""What the gateway asks BlueZ itself, beside bleak: adapters, links left over, who owns the name.

bleak 3.1 fires no callback when bluetoothd dies while the bus lives on, and chooses adapters by
names that change (BlueZ 5.66, doc/adapter-api.txt). Linux only. It decides nothing about devices.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from dbus_fast import Message, MessageType, Variant, unpack_variants
from dbus_fast.aio import MessageBus

from devices.bluez_bus import (
    BUS,
    BUS_PATH,
    NO_OWNER,
    BluezUnavailableError,
    RefusedError,
    ask,
    ask_the_bus,
    call_bus,
    gone,
    hang_up,
    system_bus,
)
from protocols.errors import TelehealthError

logger = logging.getLogger(__name__)

SERVICE: Final = "org.bluez"
_ADAPTER: Final = "org.bluez.Adapter1"
_DEVICE: Final = "org.bluez.Device1"
_SWITCH_S: Final = 10.0
"""Switching a radio off or on may take seconds."""
_RETRY_S: Final = 1.0
_OWNER_CHANGES: Final = (
    f"type='signal',sender='{BUS}',path='{BUS_PATH}',interface='{BUS}',"
    f"member='NameOwnerChanged',arg0='{SERVICE}'"
)


class NoSuchAdapterError(TelehealthError):
    """The adapter that was asked for is not there; the text names those that are."""


@dataclass(frozen=True, slots=True)
class AdapterFound:
    """One adapter; `name` is what it is called now, `address` what it is called always."""

    name: str
    address: str
    powered: bool


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A device that BlueZ says is connected."""

    address: str
    name: str
    services: frozenset[str]


async def adapters() -> list[AdapterFound]:
    """Return the adapters of this machine, by name.

    Raises:
        BluezUnavailableError: there is no BlueZ to ask.
    """
    async with system_bus() as bus:
        objects = await _objects(bus)
    return sorted(
        (
            AdapterFound(path.rsplit("/", 1)[-1], adapter["Address"].upper(), adapter["Powered"])
            for path, interfaces in objects.items()
            if (adapter := interfaces.get(_ADAPTER)) is not None
        ),
        key=lambda adapter: adapter.name,
    )


async def adapter_named(wanted: str) -> AdapterFound:
    """Return the adapter with a MAC address or a name.

    Raises:
        BluezUnavailableError: there is no BlueZ to ask.
        NoSuchAdapterError: no such adapter is plugged in.
    """
    return choose_adapter(await adapters(), wanted)


def choose_adapter(found: Sequence[AdapterFound], wanted: str) -> AdapterFound:
    """Return the adapter with a MAC address or a name.

    Raises:
        NoSuchAdapterError: it is not among those found.
    """
    address = wanted.upper().replace("-", ":")
    for adapter in found:
        if wanted == adapter.name or address == adapter.address:
            return adapter
    there = ", ".join(f"{adapter.name} ({adapter.address})" for adapter in found)
    raise NoSuchAdapterError(f"no Bluetooth adapter {wanted}: there is {there or 'none at all'}")


async def switch_off_and_on(adapter: str) -> None:
    """Switch an adapter off and on again, by its present name; every device is dropped by it.

    Raises:
        BluezUnavailableError: there is no BlueZ to ask, or it refuses.
    """
    async with system_bus() as bus:
        for powered in (False, True):
            await ask(
                bus,
                Message(
                    SERVICE,
                    f"/org/bluez/{adapter}",
                    f"{BUS}.Properties",
                    "Set",
                    signature="ssv",
                    body=[_ADAPTER, "Powered", Variant("b", powered)],
                ),
                timeout_s=_SWITCH_S,
            )


async def drop_left_over(is_ours: Callable[[LeftOver], bool], *, adapter: str = "") -> list[str]:
    """End the links that nobody of this process made, as a crash leaves them behind.

    A connected device does not advertise, so no scan would ever find it again.

    Args:
        is_ours: whether a device is one that this gateway would connect to; others, such as a
            keyboard, are left alone.
        adapter: the adapter's present name; empty for all.

    Returns:
        The addresses of the devices that were dropped.

    Raises:
        BluezUnavailableError: there is no BlueZ to ask.
    """
    dropped = []
    async with system_bus() as bus:
        for path, interfaces in (await _objects(bus)).items():
            device = interfaces.get(_DEVICE)
            if device is None or not device.get("Connected"):
                continue
            if adapter and not path.startswith(f"/org/bluez/{adapter}/"):
                continue
            services = frozenset(device.get("UUIDs", ()))
            left = LeftOver(device["Address"], device.get("Name", ""), services)
            if is_ours(left):
                with suppress(RefusedError):  # it went by itself
                    await ask(bus, Message(SERVICE, path, _DEVICE, "Disconnect"))
                dropped.append(left.address)
    return dropped


class OwnerWatch:
    """Watches over the life of bluetoothd; an async context.

        async with OwnerWatch() as watch:
            life = await watch.present()      # waits until there is one
            await watch.ended(life)           # every link of that life is gone

    Lives are numbered, so that a bluetoothd that is started anew before anybody looks is not
    taken for the same. The bus itself may go too: that ends a life, and it is called again.

    Args:
        retry_s: how long to wait before a bus that has gone is called again.
    """

    def __init__(self, *, retry_s: float = _RETRY_S) -> None:
        self._retry_s = retry_s
        self._life = 0
        self._owner = ""
        self._changed = asyncio.Event()
        self._bus: MessageBus | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def life(self) -> int | None:
        """Return the number of the present life of bluetoothd; `None`: it is not there."""
        return self._life if self._owner else None

    async def present(self) -> int:
        """Wait until bluetoothd is there; return the number of its life."""
        while self.life is None:
            await self._changed.wait()
        return self._life

    async def ended(self, life: int) -> None:
        """Wait until a life of bluetoothd is over; one that is over already is not waited for."""
        while self.life == life:
            await self._changed.wait()

    async def __aenter__(self) -> Self:
        await self._attach()
        self._task = asyncio.get_running_loop().create_task(self._follow(), name="bluez owner")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._bus is not None:
            await hang_up(self._bus)

    async def _attach(self) -> None:
        """Come to the bus, listen, and ask who owns the name; in this order nothing is missed."""
        bus = await call_bus()
        try:
            bus.add_message_handler(self._hear)
            await ask_the_bus(bus, "AddMatch", _OWNER_CHANGES)
            try:
                owner = str((await ask_the_bus(bus, "GetNameOwner", SERVICE)).body[0])
            except RefusedError as error:
                if error.name != NO_OWNER:
                    raise
                owner = ""
        except BaseException:
            await hang_up(bus)
            raise
        self._bus = bus
        self._now(owner)

    async def _follow(self) -> None:
        """Stay on the bus; come back to it when it was gone."""
        while True:
            if self._bus is not None:
                await gone(self._bus)
                self._bus = None
                logger.warning("system bus is gone")
                self._now("")
            await asyncio.sleep(self._retry_s)
            with suppress(BluezUnavailableError):
                await self._attach()

    def _hear(self, message: Message) -> None:
        """Take the bus's word for who owns the name now."""
        if (
            message.message_type is MessageType.SIGNAL
            and message.sender == BUS
            and message.member == "NameOwnerChanged"
            and message.body[0] == SERVICE
        ):
            self._now(message.body[2])

    def _now(self, owner: str) -> None:
        if owner == self._owner:
            return
        self._owner = owner
        if owner:
            self._life += 1
            logger.info("bluetoothd is there", extra={"life": self._life})
        else:
            logger.warning("bluetoothd is gone", extra={"life": self._life})
        self._changed.set()
        self._changed = asyncio.Event()


async def _objects(bus: MessageBus) -> dict[str, dict[str, dict[str, Any]]]:
    """Return every object of BlueZ: path, interface, property, value."""
    answer = await ask(bus, Message(SERVICE, "/", f"{BUS}.ObjectManager", "GetManagedObjects"))
    return {
        path: {name: unpack_variants(shown) for name, shown in interfaces.items()}
        for path, interfaces in answer.body[0].items()
    }
