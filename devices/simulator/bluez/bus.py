"""A D-Bus of one's own: a `dbus-daemon` on a socket in a temporary folder, while it is needed."""

import asyncio
from contextlib import suppress
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

from protocols.errors import TelehealthError

GIVE_UP_S: Final = 10.0
_CONFIGURATION: Final = """<!DOCTYPE busconfig PUBLIC
  "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class BusError(TelehealthError):
    """No bus of one's own can be had here."""


class PrivateBus:
    """A message bus for this user alone; an async context. The machine's own bus is not touched."""

    def __init__(self) -> None:
        self._folder: TemporaryDirectory[str] | None = None
        self._daemon: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """Return what `DBUS_SYSTEM_BUS_ADDRESS` is set to, so that a program takes this bus."""
        if self._folder is None:
            raise BusError("the bus is not open")
        return f"unix:path={self._folder.name}/bus"

    async def __aenter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="bluez-")
        configuration = self._configure(Path(self._folder.name))
        try:
            await self._start(configuration)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    def _configure(self, folder: Path) -> Path:
        configuration = folder / "bus.conf"
        configuration.write_text(_CONFIGURATION.format(address=escape(self.address)))
        return configuration

    async def _start(self, configuration: Path) -> None:
        try:
            self._daemon = await asyncio.create_subprocess_exec(
                "dbus-daemon",
                f"--config-file={configuration}",
                "--nofork",
                "--nopidfile",
                "--nosyslog",
                "--print-address=1",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except FileNotFoundError as error:
            raise BusError("there is no dbus-daemon here: install the package dbus") from error
        if self._daemon.stdout is None or self._daemon.stderr is None:
            raise BusError("dbus-daemon cannot be listened to")
        async with asyncio.timeout(GIVE_UP_S):
            if not await self._daemon.stdout.readline():
                said = await self._daemon.stderr.read()
                raise BusError(f"dbus-daemon does not start: {said.decode(errors='replace')}")

    async def _stop(self) -> None:
        if self._daemon is not None:
            with suppress(ProcessLookupError):
                self._daemon.terminate()
            await self._daemon.communicate()
            self._daemon = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
