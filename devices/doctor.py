"""`telehealth-gateway doctor`: looks at everything a gateway needs, and says what to do.

Each check stands alone and never raises; it returns findings. Nothing is changed on the machine.
"""

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from devices import bluez
from devices.bluez_bus import BluezUnavailableError
from devices.clock import Clock
from devices.identity import IdentityError, load_identity, tls_context
from devices.settings import Settings
from devices.spool_errors import SpoolError
from devices.spool_file import SPOOL_FILE
from devices.status import read_status
from protocols.errors import DecodeError, TelehealthError
from protocols.uplink import Challenge, decode_from_server

FREE_MB: Final = 300
"""What a spool may need before it gives anything up."""
SKEW_S: Final = 60
"""A clock that differs more from the server's misdates what is read without a network."""
_ANSWER_S: Final = 15.0
_RFKILL: Final = Path("/sys/class/rfkill")


class DoctorError(TelehealthError):
    """Something must be mended."""


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and what to do about it."""

    verdict: Verdict
    subject: str
    text: str
    advice: str = ""


def _ok(subject: str, text: str) -> Finding:
    return Finding(Verdict.OK, subject, text)


@dataclass(frozen=True, slots=True)
class Machine:
    """What is looked at; tests give another one."""

    folder: Path
    settings: Settings
    clock: Clock
    rfkill: Path = _RFKILL


async def examine(machine: Machine) -> AsyncIterator[Finding]:
    """Yield the findings of all checks, one after the other."""
    for check in CHECKS:
        for finding in await check(machine):
            yield finding


async def check_folder(machine: Machine) -> Sequence[Finding]:
    """The folder must be writable by us, closed to others, and on a disk with room."""
    folder = machine.folder
    if not folder.is_dir():
        return [
            Finding(
                Verdict.FAILED, "folder", f"{folder} is not there",
                "enrol first, or name the folder with --folder",
            )
        ]  # fmt: skip
    if not os.access(folder, os.W_OK | os.X_OK):
        advice = f"let the gateway's user own it: chown -R USER {folder}"
        return [Finding(Verdict.FAILED, "folder", f"{folder} cannot be written", advice)]
    found = [_ok("folder", f"{folder} can be written")]
    key = folder / "gateway.key"
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        text = "gateway.key can be read by others"
        found.append(Finding(Verdict.WARNING, "folder", text, f"chmod 600 {key}"))
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    if free_mb < FREE_MB:
        text = f"{free_mb} MB are free, {FREE_MB} are wanted"
        advice = "make room: what is read without a network is kept on this disk"
        found.append(Finding(Verdict.WARNING, "disk", text, advice))
    else:
        found.append(_ok("disk", f"{free_mb} MB are free"))
    return found


async def check_clock(machine: Machine) -> Sequence[Finding]:
    """Somebody should vouch for the clock."""
    if machine.clock.moment().synchronised:
        return [_ok("clock", "synchronised")]
    return [
        Finding(
            Verdict.WARNING, "clock", "not synchronised",
            "install systemd-timesyncd or chrony; until then the server dates what is read",
        )
    ]  # fmt: skip


async def check_radio(machine: Machine) -> Sequence[Finding]:
    """No switch may hold the radio off."""
    blocked = [kind for kind in ("soft", "hard") if _blocked(machine.rfkill, kind)]
    if not blocked:
        return []
    advice = (
        "rfkill unblock bluetooth" if blocked == ["soft"] else "turn the machine's radio switch on"
    )
    return [Finding(Verdict.FAILED, "radio", f"Bluetooth is blocked ({blocked[0]})", advice)]


def _blocked(rfkill: Path, kind: str) -> bool:
    for switch in sorted(rfkill.glob("rfkill*")):
        try:
            is_bluetooth = (switch / "type").read_text(encoding="ascii").strip() == "bluetooth"
            if is_bluetooth and (switch / kind).read_text(encoding="ascii").strip() == "1":
                return True
        except OSError:
            continue
    return False


async def check_bluetooth(machine: Machine) -> Sequence[Finding]:
    """BlueZ must answer and have the adapters that are to be used, switched on."""
    try:
        there = await bluez.adapters()
    except BluezUnavailableError as error:
        advice = "apt install bluez; systemctl start bluetooth; add the user to group bluetooth"
        return [Finding(Verdict.FAILED, "Bluetooth", str(error), advice)]
    if not there:
        advice = "plug an adapter in; lsusb and dmesg show whether the kernel knows it"
        return [Finding(Verdict.FAILED, "adapter", "there is none", advice)]
    found = []
    for adapter in there:
        name = f"{adapter.name} ({adapter.address})"
        if adapter.powered:
            found.append(_ok("adapter", f"{name} is on"))
        else:
            advice = "bluetoothctl power on"
            found.append(Finding(Verdict.FAILED, "adapter", f"{name} is off", advice))
    for wanted in machine.settings.adapters:
        try:
            bluez.choose_adapter(there, wanted)
        except TelehealthError as error:
            advice = "correct `adapters` in gateway.toml, or plug it in"
            found.append(Finding(Verdict.FAILED, "adapter", str(error), advice))
    return found


async def check_server(machine: Machine) -> Sequence[Finding]:
    """The server must be enrolled with, reachable, and agree about the time."""
    try:
        identity = load_identity(machine.folder)
    except IdentityError as error:
        advice = "telehealth-gateway enrol CODE, with a code from the administrator's screen"
        return [Finding(Verdict.FAILED, "enrolment", str(error), advice)]
    found = [_ok("enrolment", f"{identity.gateway_id} at {identity.server}")]
    url = identity.uplink_url
    try:
        async with asyncio.timeout(_ANSWER_S):
            tls = None if url.startswith("ws:") else tls_context(machine.settings.ca_file)
            async with connect(url, ssl=tls, open_timeout=_ANSWER_S, close_timeout=1.0) as socket:
                challenge = decode_from_server(await socket.recv())
    except (OSError, TimeoutError, WebSocketException, TelehealthError) as error:
        why = f"{identity.server} does not answer: {type(error).__name__}: {error}"
        advice = "check the network, the address, and the certificate (--ca); readings wait here"
        return [*found, Finding(Verdict.FAILED, "server", why, advice)]
    if not isinstance(challenge, Challenge):
        return [*found, Finding(Verdict.FAILED, "server", "it speaks another protocol", "update")]
    skew_s = round((machine.clock.moment().wall_ms - challenge.now) / 1000)
    if abs(skew_s) > SKEW_S:
        text = f"this clock is {abs(skew_s)} s {'ahead of' if skew_s > 0 else 'behind'} the server"
        return [*found, Finding(Verdict.WARNING, "server", text, "set the clock")]
    return [*found, _ok("server", f"answers; clocks differ by {abs(skew_s)} s")]


async def check_spool(machine: Machine) -> Sequence[Finding]:
    """What waits should be little, and nothing should have been set aside."""
    path = machine.folder / SPOOL_FILE
    if not path.exists():
        return [_ok("spool", "empty: the gateway has not run yet")]
    try:
        held = await asyncio.to_thread(read_status, path)
    except (SpoolError, DecodeError) as error:
        advice = "stop the gateway and start it: a broken spool is set aside, not lost"
        return [Finding(Verdict.FAILED, "spool", str(error), advice)]
    waits = held.unsent + held.unacknowledged
    found = [_ok("spool", f"{waits} messages wait for the server")]
    broken = len(list(machine.folder.glob(f"{SPOOL_FILE}.broken-*[0-9]")))
    if broken:
        text = f"{broken} broken spools were set aside"
        advice = "keep them: send them to whoever looks after the server"
        found.append(Finding(Verdict.WARNING, "spool", text, advice))
    return found


CHECKS: Final[tuple[Callable[[Machine], Awaitable[Sequence[Finding]]], ...]] = (
    check_folder, check_clock, check_radio, check_bluetooth, check_server, check_spool,
)  # fmt: skip
