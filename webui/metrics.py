"""Figures for Prometheus about what browsers ask; ids and names are never labels."""

import asyncio
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import Counter, Gauge, Histogram

REQUESTS: Final = Counter(
    "telehealth_http_requests_total", "Answered requests.", ("method", "route", "status")
)
SECONDS: Final = Histogram(
    "telehealth_http_request_seconds",
    "Time to answer; sockets are not counted.",
    ("route",),
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
VIEWERS: Final = Gauge("telehealth_live_viewers", "Open live pages.")
FRAMES: Final = Counter("telehealth_live_frames_total", "Frames sent to live pages.")


@web.middleware
async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the answer under its route's pattern, and time it."""
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "none"
    started = asyncio.get_running_loop().time()
    status = 500
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        REQUESTS.labels(request.method, route, str(status)).inc()
        if status != 101:
            SECONDS.labels(route).observe(asyncio.get_running_loop().time() - started)
