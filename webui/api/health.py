"""Is it alive, can it serve, and its figures."""

import asyncio
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from telehealth.errors import UnavailableError
from telehealth.store.database import Reader
from webui.keys import LIVE, SERVICES
from webui.metrics import VIEWERS

_DATABASE_TIMEOUT_S: Final = 2.0


async def alive(_request: web.Request) -> web.Response:
    """Say that the process answers."""
    return web.json_response({"status": "alive"})


async def ready(request: web.Request) -> web.Response:
    """Say whether the database answers and the server's loops run.

    Raises:
        UnavailableError: the database does not answer, or not in time, or a loop has died.
    """
    dead = request.app[SERVICES].dead_loops()
    if dead:
        raise UnavailableError(f"loops have died: {', '.join(dead)}")

    def look(reader: Reader) -> None:
        reader.rows("SELECT 1")

    try:
        async with asyncio.timeout(_DATABASE_TIMEOUT_S):
            await request.app[SERVICES].database.read(look)
    except TimeoutError as error:
        raise UnavailableError(
            f"database did not answer within {_DATABASE_TIMEOUT_S:.0f} s"
        ) from error
    return web.json_response({"status": "ready"})


async def metrics(request: web.Request) -> web.Response:
    """Return the figures in Prometheus' text format."""
    VIEWERS.set(request.app[LIVE].viewers)
    text = await asyncio.to_thread(generate_latest)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})
