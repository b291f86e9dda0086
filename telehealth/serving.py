"""Puts a server together: the engine's loops, the web application, a socket to listen on.

With `__main__` and `demo` this is the composition root, the only place where `telehealth` knows
`webui` (docs/architecture.md, "Imports").
"""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from telehealth import engine, judging, reloading, remeasuring, retention, subjects
from telehealth.alerts import desk
from telehealth.calls import book
from telehealth.errors import KeysError, RefusedError
from telehealth.people import places_turning
from telehealth.services import Services
from telehealth.settings import Settings
from telehealth.store.database import Reader
from telehealth.timers import Handler
from telehealth.tls import Certificate
from webui.app import create_app

log = logging.getLogger(__name__)
HANDLERS: Final[dict[str, Handler]] = {
    **judging.HANDLERS,
    **desk.HANDLERS,
    **book.TIMER_HANDLERS,
    **retention.HANDLERS,
    **places_turning.HANDLERS,
    **remeasuring.HANDLERS,
}
_SHUTDOWN_S = 5.0
_COLLECT_AFTER = 10_000
_SWITCH_S = 0.0005


@dataclass(frozen=True, slots=True)
class Listening:
    """A server that answers at `origin`."""

    services: Services
    origin: str
    certificate: Certificate | None = None
    """What TLS is served with; None: plain HTTP, behind a proxy or on this machine alone."""

    def reload(self) -> None:
        """Read certificate and keys again; what is open stays open."""
        reloading.reload(self.services, self.certificate)


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[Listening]:
    """Run a server and yield its address; it ends with the context.

    Raises:
        RefusedError: a programme's rule pack or level table may not be used as its mode says;
            the certificate or its key cannot be used; others would be served without TLS.
        UnavailableError: the database cannot promise that what is committed stays.
        OSError: the address is taken.
    """
    if settings.in_clear:
        raise RefusedError(
            "TELEHEALTH_HOST",
            "127.0.0.1, or TELEHEALTH_TLS_CERT and TELEHEALTH_TLS_KEY, or a proxy that ends TLS:"
            " TELEHEALTH_PUBLIC_ORIGIN with https and TELEHEALTH_TRUSTED_PROXIES",
            settings.host,
        )
    certificate = _certificate(settings)
    async with engine.running(settings, HANDLERS) as services:
        await services.database.read(_check_programmes)
        runner = web.AppRunner(create_app(services), access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        try:
            site = web.TCPSite(
                runner,
                settings.host,
                settings.port,
                backlog=1024,
                ssl_context=certificate.context if certificate else None,
            )
            await site.start()
            host, port = runner.addresses[0][:2]
            scheme = "https" if certificate else "http"
            async with _watching_identities(services):
                yield Listening(services, f"{scheme}://{host}:{port}", certificate)
        finally:
            await runner.cleanup()


@asynccontextmanager
async def _watching_identities(services: Services) -> AsyncIterator[None]:
    """While the block runs, gateways are told of new identities."""
    if services.database.vault is None:
        raise KeysError("the database was opened without keys")
    watch = reloading.IdentityWatch(services, services.database.vault)
    task = asyncio.create_task(watch.run(), name="IdentityWatch")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _certificate(settings: Settings) -> Certificate | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return Certificate(settings.tls_cert, settings.tls_key)


def _check_programmes(reader: Reader) -> None:
    """Load every programme's rules once, so that a wrong one is refused at start, not at 3 a.m."""
    for row in reader.rows(
        "SELECT rule_pack, mode, levels_signed_by, levels_signed_on FROM programme"
    ):
        subjects.rules_of(*row)


def be_a_server() -> None:
    """Set the interpreter up for a long life with one busy writer thread beside the event loop.

    What start-up made is never looked at again by the collector, and it runs a tenth as often:
    a group of uploads makes tens of thousands of short-lived values, and a full collection in the
    middle of one costs as much as the group. Threads hand the interpreter over ten times as often
    as by default, so that a group being scored does not hold up the acknowledgement of another.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)
    sys.setswitchinterval(_SWITCH_S)


async def serve(settings: Settings) -> None:
    """Serve until cancelled."""
    configure_logging(settings.log_level)
    async with listening(settings) as server:
        be_a_server()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, server.reload)
        print(f"telehealth serves {server.origin}", flush=True)  # noqa: T201 - the command's answer
        await asyncio.Event().wait()


def configure_logging(level: str) -> None:
    """Write log events as one JSON line each, on standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
