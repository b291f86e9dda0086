"""The attributes of a connected device as D-Bus objects: org.bluez.GattService1 and its kin.

Source: BlueZ 5.66, doc/gatt-api.txt. Objects stay when the link goes, as BlueZ caches them; what is
asked of them then fails with `Not connected`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from dbus_fast import Variant

from devices.simulator.bluez import errors
from devices.simulator.bluez.objects import Interface, ObjectTree, method

CCCD_UUID: Final = "00002902-0000-1000-8000-00805f9b34fb"
T = TypeVar("T")
Options = dict[str, Variant]


class Link(Protocol):
    """The device that attributes belong to, as far as they need it."""

    @property
    def path(self) -> str: ...

    @property
    def connected(self) -> bool: ...

    @property
    def frozen(self) -> bool: ...

    async def ask(self, request: Callable[[BaseBleakClient], Awaitable[T]]) -> T:
        """Do one exchange with the device.

        Raises:
            BluezError: not connected, or what the device answered.
        """


class GattService(Interface):
    """A service."""

    name = "org.bluez.GattService1"

    def __init__(self, tree: ObjectTree, device: str, service: BleakGATTService) -> None:
        properties = {
            "UUID": Variant("s", service.uuid),
            "Device": Variant("o", device),
            "Primary": Variant("b", True),
            "Includes": Variant("ao", []),
        }
        super().__init__(tree, f"{device}/service{service.handle:04x}", properties)


class GattCharacteristic(Interface):
    """A characteristic; the first client that wants notifications subscribes for all."""

    name = "org.bluez.GattCharacteristic1"

    def __init__(
        self,
        tree: ObjectTree,
        service: str,
        link: Link,
        attribute: BleakGATTCharacteristic,
        mtu: int,
    ) -> None:
        properties = {
            "UUID": Variant("s", attribute.uuid),
            "Service": Variant("o", service),
            "Value": Variant("ay", b""),
            "Flags": Variant("as", list(attribute.properties)),
            "MTU": Variant("q", mtu),
        }
        if {"notify", "indicate"} & set(attribute.properties):
            properties["Notifying"] = Variant("b", False)
        # BlueZ names it by its declaration, which stands before its value (Core Vol 3 G, 3.3.1).
        super().__init__(tree, f"{service}/char{attribute.handle - 1:04x}", properties)
        self._link = link
        self._attribute = attribute
        self._listeners: dict[str, bool] = {}
        """Clients with a notify session; False: it is being opened."""
        self._radio = asyncio.Lock()
        self._reading = False
        self._writing = False

    @method("ReadValue", "a{sv}", "ay")
    async def read(self, _client: str, options: Options) -> bytes:
        """Read the value from the device."""
        if self._reading:
            raise errors.in_progress()
        self._reading = True
        try:
            value = await self._link.ask(lambda link: link.read_gatt_char(self._attribute))
        finally:
            self._reading = False
        self.change(Value=Variant("ay", bytes(value)))
        return _from_offset(bytes(value), options)

    @method("WriteValue", "aya{sv}")
    async def write(self, _client: str, value: bytes, options: Options) -> None:
        """Write the value as a request or as a command."""
        kind = _write_type(options, self._attribute.properties)
        if self._writing:
            raise errors.in_progress()
        self._writing = True
        try:
            await self._link.ask(
                lambda link: link.write_gatt_char(self._attribute, bytes(value), kind == "request")
            )
        finally:
            self._writing = False

    @method("StartNotify")
    async def start_notify(self, client: str) -> None:
        """Open a notify session for a client."""
        if "Notifying" not in self.properties:
            raise errors.not_supported()
        if client in self._listeners:
            already = errors.failed("Already notifying")
            raise already if self._listeners[client] else errors.in_progress()
        self._listeners[client] = False
        try:
            async with self._radio:
                await self._subscribe()
        except BaseException:
            self._listeners.pop(client, None)
            raise
        if client in self._listeners:
            self._listeners[client] = True
        else:  # it left meanwhile
            await self._settle()

    @method("StopNotify")
    async def stop_notify(self, client: str) -> None:
        """Close a client's notify session; the last one tells the device."""
        if self._listeners.pop(client, None) is None:
            raise errors.failed("No notify session started")
        await self._settle()

    @method("AcquireNotify", "a{sv}")
    async def acquire_notify(self, _client: str, _options: Options) -> None:
        """Refuse: values go by signals alone here."""
        raise errors.not_supported()

    @method("AcquireWrite", "a{sv}")
    async def acquire_write(self, _client: str, _options: Options) -> None:
        """Refuse: values come by calls alone here."""
        raise errors.not_supported()

    def client_gone(self, client: str) -> None:
        if self._listeners.pop(client, None) is not None:
            self.tree.spawn(self._settle())

    def link_gone(self) -> None:
        """End all sessions with the link."""
        self._listeners.clear()
        if self._notifying:
            self.change(Notifying=Variant("b", False))

    def relink(self, attribute: BleakGATTCharacteristic) -> None:
        """Belong to the same attribute over a new link."""
        self._attribute = attribute

    @property
    def _notifying(self) -> bool:
        held = self.properties.get("Notifying")
        return held is not None and bool(held.value)

    async def _subscribe(self) -> None:
        if not self._notifying:
            await self._link.ask(lambda link: link.start_notify(self._attribute, self._said))
            self.change(Notifying=Variant("b", True))

    async def _settle(self) -> None:
        """Tell the device to be quiet when nobody listens any more."""
        async with self._radio:
            if self._listeners or not self._notifying:
                return
            self.change(Notifying=Variant("b", False))
            if self._link.connected:
                await self._link.ask(lambda link: link.stop_notify(self._attribute))

    def _said(self, value: bytearray) -> None:
        if not self._link.frozen:
            self.change(Value=Variant("ay", bytes(value)))


class GattDescriptor(Interface):
    """A descriptor."""

    name = "org.bluez.GattDescriptor1"

    def __init__(
        self, tree: ObjectTree, characteristic: str, link: Link, attribute: BleakGATTDescriptor
    ) -> None:
        properties = {
            "UUID": Variant("s", attribute.uuid),
            "Characteristic": Variant("o", characteristic),
            "Value": Variant("ay", b""),
        }
        super().__init__(tree, f"{characteristic}/desc{attribute.handle:04x}", properties)
        self._link = link
        self._attribute = attribute

    @method("ReadValue", "a{sv}", "ay")
    async def read(self, _client: str, options: Options) -> bytes:
        """Read the value from the device."""
        value = await self._link.ask(lambda link: link.read_gatt_descriptor(self._attribute))
        self.change(Value=Variant("ay", bytes(value)))
        return _from_offset(bytes(value), options)

    @method("WriteValue", "aya{sv}")
    async def write(self, _client: str, value: bytes, _options: Options) -> None:
        """Write the value; that of the notifications belongs to StartNotify and StopNotify."""
        if self._attribute.uuid == CCCD_UUID:
            raise errors.not_permitted("Write not permitted")
        await self._link.ask(lambda link: link.write_gatt_descriptor(self._attribute, bytes(value)))

    def relink(self, attribute: BleakGATTDescriptor) -> None:
        """Belong to the same attribute over a new link."""
        self._attribute = attribute


class GattTree:
    """The attributes of one device, shown from its first connection on."""

    def __init__(self, tree: ObjectTree, link: Link) -> None:
        self._tree = tree
        self._link = link
        self._shown: dict[str, Interface] = {}

    @property
    def uuids(self) -> list[str]:
        """Return the services' UUIDs."""
        return [
            shown.properties["UUID"].value
            for shown in self._shown.values()
            if isinstance(shown, GattService)
        ]

    def show(self, services: BleakGATTServiceCollection, mtu: int) -> None:
        """Show what was discovered; what was known already stays the object that it was."""
        found: set[str] = set()
        for service in services:
            at = self._add(found, GattService(self._tree, self._link.path, service))
            for each in service.characteristics:
                made = GattCharacteristic(self._tree, at.path, self._link, each, mtu)
                characteristic = self._add(found, made)
                if isinstance(characteristic, GattCharacteristic):
                    characteristic.relink(each)
                for attribute in each.descriptors:
                    described = GattDescriptor(self._tree, made.path, self._link, attribute)
                    descriptor = self._add(found, described)
                    if isinstance(descriptor, GattDescriptor):
                        descriptor.relink(attribute)
        for path in sorted(self._shown.keys() - found, reverse=True):
            del self._shown[path]
            self._tree.remove(path)

    def _add(self, found: set[str], made: Interface) -> Interface:
        """Show an attribute, or return the object that shows the very same one already."""
        found.add(made.path)
        known = self._shown.get(made.path)
        if known is not None and _identity(known) == _identity(made):
            return known
        if known is not None:
            self._tree.remove(made.path)
        self._shown[made.path] = made
        self._tree.add(made)
        return made

    def link_gone(self) -> None:
        """End every notify session."""
        for shown in self._shown.values():
            if isinstance(shown, GattCharacteristic):
                shown.link_gone()


def _identity(shown: Interface) -> tuple[str, object, object]:
    flags = shown.properties.get("Flags")
    return shown.name, shown.properties["UUID"].value, None if flags is None else flags.value


def _from_offset(value: bytes, options: Options) -> bytes:
    offset = options["offset"].value if "offset" in options else 0
    if not isinstance(offset, int) or offset > len(value):
        raise errors.invalid_arguments("Invalid offset")
    return value[offset:]


def _write_type(options: Options, flags: Sequence[str]) -> str:
    """Return how to write: as the client says, else by what the characteristic offers."""
    if "type" in options:
        kind = options["type"].value
        if kind not in {"request", "command", "reliable"}:
            raise errors.invalid_arguments()
        if kind == "reliable":
            raise errors.not_supported()
        return str(kind)
    if "write" in flags:
        return "request"
    if "write-without-response" in flags:
        return "command"
    raise errors.not_supported()
