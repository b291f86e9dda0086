"""Short conversations over the system's D-Bus, and what their failures mean to who installs.

Source: D-Bus Specification 0.43, "Message Bus Messages". Every connection is closed by who opened
it; dbus-fast keeps a socket open otherwise.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from dbus_fast import AuthError, BusType, DBusError, InvalidAddressError, Message, MessageType
from dbus_fast.aio import MessageBus

from protocols.errors import TelehealthError

BUS: Final = "org.freedesktop.DBus"
BUS_PATH: Final = "/org/freedesktop/DBus"
NO_OWNER: Final = f"{BUS}.Error.NameHasNoOwner"
_DENIED: Final = frozenset({f"{BUS}.Error.AccessDenied", f"{BUS}.Error.AuthFailed"})
_NOBODY: Final = tuple(
    f"{BUS}.Error.{name}" for name in ("ServiceUnknown", "NameHasNoOwner", "NoReply", "Spawn.")
)
"""What the bus answers for a service that does not run, cannot be started, or died meanwhile."""
_ANSWER_S: Final = 5.0


class BluezUnavailableError(TelehealthError):
    """There is no Bluetooth service here, or it does not answer; the text says what to do."""


class RefusedError(BluezUnavailableError):
    """An error reply."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


@asynccontextmanager
async def system_bus() -> AsyncIterator[MessageBus]:
    """Be on the system bus for a few questions.

    Raises:
        BluezUnavailableError: there is none, or it refuses this user.
    """
    bus = await call_bus()
    try:
        yield bus
    finally:
        await hang_up(bus)


async def call_bus() -> MessageBus:
    """Come to the system bus; the caller hangs up.

    Raises:
        BluezUnavailableError: there is none, or it refuses this user.
    """
    try:
        bus = MessageBus(bus_type=BusType.SYSTEM)
        async with asyncio.timeout(_ANSWER_S):
            return await bus.connect()
    except AuthError as error:
        raise BluezUnavailableError(
            "the system bus refuses this user: run the gateway as a user of this machine"
        ) from error
    except (OSError, EOFError, InvalidAddressError, DBusError) as error:
        raise BluezUnavailableError(
            "no Bluetooth here: the system bus does not answer; install the packages dbus and bluez"
        ) from error


async def hang_up(bus: MessageBus) -> None:
    """Release a connection, however it stands."""
    bus.disconnect()
    async with asyncio.timeout(_ANSWER_S):
        await gone(bus)


async def gone(bus: MessageBus) -> None:
    """Wait until a connection is over, whatever ended it."""
    waiting = bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast leaves it bare
    with suppress(OSError, EOFError):
        await asyncio.shield(waiting)  # the connection's own future must not be cancelled


async def ask(bus: MessageBus, question: Message, *, timeout_s: float | None = None) -> Message:
    """Return the answer to a question.

    Raises:
        RefusedError: the answer is an error.
        BluezUnavailableError: nobody answers in time.
    """
    try:
        async with asyncio.timeout(timeout_s or _ANSWER_S):
            answer = await bus.call(question)
    except TimeoutError as error:
        raise BluezUnavailableError(
            "bluetoothd does not answer: restart it (systemctl restart bluetooth)"
        ) from error
    except (OSError, EOFError) as error:
        raise BluezUnavailableError("the system bus ended the connection") from error
    if answer is None or answer.message_type is MessageType.ERROR:
        raise _refusal(answer)
    return answer


def _refusal(answer: Message | None) -> "RefusedError":
    name = (answer.error_name if answer is not None else None) or f"{BUS}.Error.NoReply"
    if name in _DENIED:
        said = "this user may not use Bluetooth: add it to the group bluetooth and log in anew"
    elif name.startswith(_NOBODY):
        said = "bluetoothd is not running: start it (systemctl enable --now bluetooth)"
    else:
        said = str(answer.body[0]) if answer is not None and answer.body else name
    return RefusedError(name, said)


async def ask_the_bus(bus: MessageBus, member: str, argument: str) -> Message:
    """Ask the bus itself; raises as `ask` does."""
    question = Message(BUS, BUS_PATH, BUS, member, signature="s", body=[argument])
    return await ask(bus, question)
