"""D-Bus objects as a service of BlueZ's kind shows them.

One object manager at `/` tells of every object (D-Bus Specification 0.43, "Standard Interfaces");
BlueZ sends its signals from `/` too, and its clients listen there. A method learns which client
calls it, because sessions of discovery and notification belong to clients and end with them; the
high-level service of dbus-fast tells neither, so this is built on its messages.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

from dbus_fast import ErrorType, Message, MessageFlag, MessageType, Variant
from dbus_fast.aio import MessageBus

from devices.simulator.bluez.errors import BluezError, failed
from devices.simulator.bluez.introspection import introspection

log = logging.getLogger(__name__)

MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_BUS: Final = "org.freedesktop.DBus"
_BUS_PATH: Final = "/org/freedesktop/DBus"
_CLIENTS_GONE: Final = (
    f"type='signal',sender='{_BUS}',interface='{_BUS}',member='NameOwnerChanged',arg2=''"
)

Run = Callable[..., Coroutine[Any, Any, Any]]
M = TypeVar("M", bound=Run)


@dataclass(frozen=True, slots=True)
class Method:
    """What a client may call: signatures of arguments and of results."""

    takes: str
    gives: str
    attribute: str


def method(name: str, takes: str = "", gives: str = "") -> Callable[[M], M]:
    """Let clients call a coroutine by a name; it is given the client and the arguments."""

    def mark(run: M) -> M:
        run.__dict__["d_bus_method"] = (name, takes, gives)
        return run

    return mark


class Interface:
    """One interface of one object: its properties, and its methods by `@method`."""

    name: ClassVar[str]
    methods: ClassVar[dict[str, Method]] = {}

    def __init_subclass__(cls) -> None:
        cls.methods = dict(cls.methods)
        for attribute, run in vars(cls).items():
            if marked := getattr(run, "d_bus_method", None):
                name, takes, gives = marked
                cls.methods[name] = Method(takes, gives, attribute)

    def __init__(self, tree: "ObjectTree", path: str, properties: dict[str, Variant]) -> None:
        self.tree = tree
        self.path = path
        self.properties = properties

    def change(self, *gone: str, **changed: Variant) -> None:
        """Change properties, and take away those `gone`; whoever listens is told."""
        self.properties.update(changed)
        for name in gone:
            self.properties.pop(name, None)
        self.tree.tell_change(self, changed, list(gone))

    async def assign(self, name: str, value: Variant) -> None:
        """Let a client set a property; most are read only."""
        raise _Refused(ErrorType.PROPERTY_READ_ONLY, f"{name} of {self.name} is read only")

    def client_gone(self, client: str) -> None:
        """Forget what a client had here that has left the bus."""


class _Refused(Exception):  # noqa: N818 - an answer, not a failure
    """An error of D-Bus itself."""

    def __init__(self, kind: ErrorType, text: str) -> None:
        super().__init__(text)
        self.name = kind.value
        self.text = text


class ObjectTree:
    """All objects of one service; they outlive its presence on the bus."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._objects: dict[str, dict[str, Interface]] = {}
        self._bus: MessageBus | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def appear(self, address: str) -> None:
        """Come to the bus, own the service's name, and tell of every object."""
        bus = MessageBus(bus_address=address)
        await bus.connect()
        bus.add_message_handler(self._receive)
        await bus.call(
            Message(_BUS, _BUS_PATH, _BUS, "AddMatch", signature="s", body=[_CLIENTS_GONE])
        )
        self._bus = bus
        await bus.request_name(self._service)
        for path, interfaces in self._objects.items():
            self._tell_added(path, list(interfaces.values()))

    async def vanish(self) -> None:
        """Leave the bus as a process does that is killed: nobody is answered, nothing is said."""
        bus, self._bus = self._bus, None
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        if bus is not None:
            bus.disconnect()
            with suppress(Exception):  # a bus that ended first
                # dbus-fast leaves it bare
                await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    def __contains__(self, path: str) -> bool:
        return path in self._objects

    def add(self, *interfaces: Interface) -> None:
        """Show the interfaces of one object."""
        path = interfaces[0].path
        self._objects.setdefault(path, {}).update({shown.name: shown for shown in interfaces})
        self._tell_added(path, list(interfaces))

    def remove(self, path: str) -> None:
        """Take an object away with all that is below it, the lowest first."""
        below = [one for one in self._objects if one == path or one.startswith(f"{path}/")]
        for one in sorted(below, reverse=True):
            names = list(self._objects.pop(one))
            self._send(Message.new_signal("/", MANAGER, "InterfacesRemoved", "oas", [one, names]))

    def tell_change(
        self, interface: Interface, changed: dict[str, Variant], gone: list[str]
    ) -> None:
        """Tell of changed properties, if the object is shown at all."""
        if self._objects.get(interface.path, {}).get(interface.name) is interface:
            body = [interface.name, changed, gone]
            signal = Message.new_signal(
                interface.path, PROPERTIES, "PropertiesChanged", "sa{sv}as", body
            )
            self._send(signal)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the calls; it ends when the service vanishes."""
        task = asyncio.get_running_loop().create_task(work)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    def _tell_added(self, path: str, interfaces: list[Interface]) -> None:
        shown = {interface.name: interface.properties for interface in interfaces}
        self._send(Message.new_signal("/", MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, shown]))

    def _send(self, message: Message) -> None:
        if self._bus is not None and self._bus.connected:
            self._bus.send(message).add_done_callback(_look_away)

    def _receive(self, message: Message) -> bool:
        """Take a message of the bus; `True`: it was for us."""
        if message.message_type is MessageType.METHOD_CALL:
            if message.interface == f"{_BUS}.Peer":
                return False  # dbus-fast answers it
            self.spawn(self._answer(message))
            return True
        if message.member == "NameOwnerChanged" and message.sender == _BUS:
            for interfaces in list(self._objects.values()):
                for interface in list(interfaces.values()):
                    interface.client_gone(message.body[0])
        return False

    async def _answer(self, call: Message) -> None:
        try:
            gives, results = await self._run(call)
            reply = Message.new_method_return(call, gives, results)
        except (BluezError, _Refused) as error:
            reply = Message.new_error(call, error.name, error.text)
        except Exception:  # the boundary: a client is answered whatever happens
            log.exception("call failed", extra={"member": call.member, "path": call.path})
            sorry = failed("Input/output error")
            reply = Message.new_error(call, sorry.name, sorry.text)
        if not call.flags & MessageFlag.NO_REPLY_EXPECTED:
            self._send(reply)

    async def _run(self, call: Message) -> tuple[str, list[Any]]:
        if call.interface == MANAGER and call.member == "GetManagedObjects" and call.path == "/":
            return "a{oa{sa{sv}}}", [
                {
                    path: {name: shown.properties for name, shown in interfaces.items()}
                    for path, interfaces in self._objects.items()
                }
            ]
        if call.interface == f"{_BUS}.Introspectable":
            return "s", [introspection(call.path or "/", self._objects)]
        interfaces = self._objects.get(call.path or "")
        if interfaces is None:
            raise _Refused(ErrorType.UNKNOWN_OBJECT, f"no object at {call.path}")
        if call.interface == PROPERTIES:
            return await _of_properties(interfaces, call)
        interface = interfaces.get(call.interface or "")
        called = None if interface is None else interface.methods.get(call.member or "")
        if interface is None or called is None or called.takes != call.signature:
            wanted = f"{call.interface}.{call.member}({call.signature})"
            raise _Refused(ErrorType.UNKNOWN_METHOD, f"{call.path} has no {wanted}")
        result = await getattr(interface, called.attribute)(call.sender, *call.body)
        return called.gives, [result] if called.gives else []


async def _of_properties(interfaces: dict[str, Interface], call: Message) -> tuple[str, list[Any]]:
    """Answer `org.freedesktop.DBus.Properties`."""
    interface = interfaces.get(call.body[0]) if call.body else None
    if interface is None:
        raise _Refused(ErrorType.UNKNOWN_INTERFACE, f"{call.path} has no such interface")
    match call.member, call.signature:
        case "GetAll", "s":
            return "a{sv}", [interface.properties]
        case "Get", "ss":
            return "v", [_property(interface, call.body[1])]
        case "Set", "ssv":
            name, given = call.body[1:]
            wanted, brought = _property(interface, name).signature, given.signature
            if brought != wanted:
                raise _Refused(ErrorType.INVALID_ARGS, f"{name} is a {wanted}")
            await interface.assign(name, given)
            return "", []
    raise _Refused(ErrorType.UNKNOWN_METHOD, f"{PROPERTIES} has no {call.member}")


def _property(interface: Interface, name: str) -> Variant:
    value = interface.properties.get(name)
    if value is None:
        raise _Refused(ErrorType.UNKNOWN_PROPERTY, f"{interface.name} has no {name}")
    return value


def _look_away(sent: "asyncio.Future[None]") -> None:
    """A message that the bus would not have any more is nobody's concern."""
    if not sent.cancelled():
        sent.exception()
