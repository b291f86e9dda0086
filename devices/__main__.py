"""The command `telehealth-gateway`: enrol, run, scan, pair, status, doctor.

A failure is one line and status 1.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from devices.clock import SystemClock
from devices.identity import EnrolmentError, load_identity, tls_context
from devices.identity import enrol as enrol_gateway
from devices.page import Page, PageError, ask
from devices.settings import Settings, load_settings
from devices.snapshot import Snapshot
from devices.spool_file import SPOOL_FILE
from devices.status import read_status
from protocols.errors import TelehealthError
from protocols.qr.own import GATEWAY_PREFIX, GatewayEnrolQr
from protocols.server_identity import fingerprint

SETTINGS_FILE: Final = "gateway.toml"
_PLAIN: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

app = typer.Typer(
    name="telehealth-gateway",
    help="Reads Bluetooth oximeters at home and sends what they say to the server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Folder = Annotated[
    Path,
    typer.Option(
        "--folder",
        envvar="TELEHEALTH_GATEWAY_FOLDER",
        help="Where identity, settings and spool are kept.",
    ),
]
CaFile = Annotated[
    str,
    typer.Option(
        "--ca",
        envvar="TELEHEALTH_GATEWAY_CA",
        help="PEM file of the CA that vouches for the server; default: those of the system.",
    ),
]
DEFAULT_FOLDER: Final = Path("var/gateway")


@app.command()
def enrol(
    qr_or_code: Annotated[
        str, typer.Argument(help="The text of the QR code, or the one-use code (with --server).")
    ] = "",
    server: Annotated[str, typer.Option(help="Address of the server, https://…")] = "",
    code: Annotated[str, typer.Option(help="The one-use code that the administrator sees.")] = "",
    link: Annotated[str, typer.Option(help="Instead of both: the text of the QR code.")] = "",
    name: Annotated[str, typer.Option(help="What people call this gateway; a place.")] = "",
    folder: Folder = DEFAULT_FOLDER,
    ca: CaFile = "",
) -> None:
    """Make this device's key and exchange a one-use code for a gateway id."""
    if qr_or_code.startswith(GATEWAY_PREFIX):
        link = qr_or_code
    elif qr_or_code:
        code = qr_or_code
    if link:
        scanned = GatewayEnrolQr.parse(link)
        server, code = scanned.origin, scanned.code
    if not (server and code):
        raise EnrolmentError("enrol needs the text of the QR code, or a code and --server")
    settings = _settings(folder, ca)
    identity = asyncio.run(enrol_gateway(server, code, name, folder, ca_file=settings.ca_file))
    typer.echo(f"enrolled as {identity.gateway_id} at {identity.server}")
    if identity.pins:
        typer.echo(f"server's fingerprint {fingerprint(identity.pins.keys[0])}")


@app.command()
def run(
    folder: Folder = DEFAULT_FOLDER,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every detail.")] = False,
    ca: CaFile = "",
) -> None:
    """Read oximeters and upload until stopped (Ctrl-C or SIGTERM)."""
    from devices.gateway import Gateway  # noqa: PLC0415 (bleak is slow; enrol needs none)

    _log_to_stderr(logging.DEBUG if verbose else logging.INFO)
    identity = load_identity(folder)
    settings = _settings(folder, ca)
    tls_context(settings.ca_file)
    gateway = Gateway(identity, folder, settings)
    with ExitStack() as open_:
        if settings.status_port:
            _show_page(open_, settings.status_port, gateway.snapshot)
        asyncio.run(_until_stopped(gateway.run()))


@app.command()
def scan(
    seconds: Annotated[float, typer.Option(min=0.5, max=3600, help="How long to listen.")] = 10.0,
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """Show what is in the air, and which of it this gateway can read."""
    from devices.scan import scan_for  # noqa: PLC0415 (bleak is slow; enrol needs none)
    from devices.scan_table import live, plain  # noqa: PLC0415 (so is rich)

    settings = load_settings(folder / SETTINGS_FILE)
    with ExitStack() as open_:
        show = open_.enter_context(live()) if sys.stdout.isatty() else None
        found = asyncio.run(
            scan_for(seconds, adapter=_adapter(settings), each_second=show or (lambda _: None))
        )
    if show is None:
        for line in plain(found):
            typer.echo(line)
    readable = sum(1 for device in found if device.driver)
    typer.echo(f"{len(found)} in the air, {readable} can be read")


@app.command()
def pair(
    device: Annotated[str, typer.Argument(help="Its id (ox-…) or Bluetooth address.")],
    seconds: Annotated[float, typer.Option(min=1, max=300, help="How long to look for it.")] = 30.0,
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """Bond with a device that talks to bonded peers only; the system keeps the keys."""
    from devices.pairing import pair as pair_with  # noqa: PLC0415 (bleak is slow)

    settings = load_settings(folder / SETTINGS_FILE)
    asyncio.run(pair_with(device, seconds=seconds, adapter=_adapter(settings)))
    typer.echo(f"bonded with {device}")


@app.command()
def doctor(folder: Folder = DEFAULT_FOLDER, ca: CaFile = "") -> None:
    """Check everything that a gateway needs, and say what to do."""
    from devices.doctor import DoctorError, Machine, Verdict, examine  # noqa: PLC0415 (bleak is slow)

    machine = Machine(folder, _settings(folder, ca), SystemClock())

    async def look() -> int:
        failed = 0
        async for finding in examine(machine):
            failed += finding.verdict is Verdict.FAILED
            typer.echo(f"{finding.verdict:8} {finding.subject}: {finding.text}")
            if finding.advice:
                typer.echo(f"         → {finding.advice}")
        return failed

    failed = asyncio.run(look())
    if failed:
        raise DoctorError(f"{failed} of these must be mended before it can work")


def _show_page(open_: ExitStack, port: int, snapshot: Callable[[], Snapshot]) -> None:
    """Show the gateway's own page; a port that is taken must not keep it from its work."""
    log = logging.getLogger("devices")
    try:
        page = open_.enter_context(Page(port, snapshot))
    except PageError as error:
        log.error("no status page", extra={"why": str(error)})
    else:
        log.info("status page", extra={"port": page.port})


def _adapter(settings: Settings) -> str:
    """Return the present name of the first adapter that was configured; empty for none."""
    from devices import bluez  # noqa: PLC0415 (dbus-fast is slow; enrol needs none)

    if not settings.adapters:
        return ""
    return asyncio.run(bluez.adapter_named(settings.adapters[0])).name


@app.command()
def status(folder: Folder = DEFAULT_FOLDER) -> None:
    """Show who this gateway is and what waits in its spool."""
    identity = load_identity(folder)
    typer.echo(f"gateway {identity.gateway_id} of {identity.server}")
    if identity.pins:
        typer.echo(f"server's fingerprint: {fingerprint(identity.pins.keys[0])}")
    _echo_devices(_settings(folder, "").status_port)
    spool = read_status(folder / SPOOL_FILE)
    contact = spool.last_contact_at
    typer.echo(f"last contact: {contact.isoformat(timespec='seconds') if contact else 'never'}")
    typer.echo(
        f"messages: {spool.unsent} unsent, {spool.unacknowledged} sent and not acknowledged,"
        f" {spool.kept} acknowledged and kept"
    )
    for stream, state in spool.streams.items():
        typer.echo(f"{stream}: {state.acked} of {state.numbered} acknowledged")
    typer.echo(f"rejected frames kept: {spool.rejected}")
    for counter, count in spool.counters.items():
        typer.echo(f"counted {counter}: {count}")


def _echo_devices(port: int) -> None:
    """Say how the devices of a gateway that runs on this machine stand."""
    if not port:
        return
    shown = ask(port)
    if shown is None:
        typer.echo("the gateway does not run, or shows no page")
        return
    for device in shown["devices"]:
        age = "" if device["heard_s_ago"] is None else f", {device['heard_s_ago']} s ago"
        typer.echo(f"{device['device_id']}: {device['state'].replace('_', ' ')}{age}")


def _settings(folder: Path, ca_file: str) -> Settings:
    """Read the settings; a CA file that was named here wins."""
    settings = load_settings(folder / SETTINGS_FILE)
    return msgspec.structs.replace(settings, ca_file=ca_file) if ca_file else settings


def main() -> None:
    """Run the command line; the one place that turns errors into a line and an exit status."""
    try:
        app()
    except TelehealthError as error:
        typer.echo(f"telehealth-gateway: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run until it ends or a signal asks to stop; a stop that was asked for is no error."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _canceller(task))
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


def _canceller(task: "asyncio.Future[None]") -> Callable[[], None]:
    def cancel() -> None:
        task.cancel()

    return cancel


class _Line(logging.Formatter):
    """One line an event, its fields behind it."""

    def format(self, record: logging.LogRecord) -> str:
        fields = [f"{key}={value}" for key, value in record.__dict__.items() if key not in _PLAIN]
        return " ".join([super().format(record), *fields])


def _log_to_stderr(level: int) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Line("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("bleak").setLevel(max(level, logging.INFO))
    logging.getLogger("websockets").setLevel(max(level, logging.INFO))


if __name__ == "__main__":
    main()
