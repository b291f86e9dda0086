"""The web application: its parts, what every request passes, and the table of routes."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from telehealth.access.passwords import Passwords
from telehealth.errors import UnavailableError
from telehealth.live import LiveHub
from telehealth.services import Services
from webui.api.signalling import calls_running
from webui.assets import PREFIX, Assets
from webui.errors import errors
from webui.guard import add_headers, route_table
from webui.keys import ASSETS, LIVE, PAGES, PASSWORDS, SERVICES
from webui.metrics import measure
from webui.refusals import limits_noted
from webui.render import SETTINGS, Pages
from webui.routes import add_routes

MAX_BODY_BYTES = 64 * 1024


def create_app(services: Services, *, assets: Assets | None = None) -> web.Application:
    """Return the application over running services; it listens to nothing itself.

    Args:
        services: opened by the composition root, which closes them after the application.
        assets: the built client; by default what `make build` has put into the package.
    """
    built = assets if assets is not None else Assets.built()
    app = web.Application(
        middlewares=[measure, errors, limits_noted, route_table], client_max_size=MAX_BODY_BYTES
    )
    app[SERVICES] = services
    app[SETTINGS] = services.settings
    app[ASSETS] = built
    app[PAGES] = Pages(built)
    app[PASSWORDS] = Passwords()
    app[LIVE] = LiveHub(services.database, services.bus, services.clock, services.audit.record)
    add_routes(app, built.folder)
    app.on_response_prepare.append(add_headers)
    app.on_response_prepare.append(_keep_static_files)
    app.on_shutdown.append(_say_good_bye)
    app.cleanup_ctx.append(_live_running)
    app.cleanup_ctx.append(calls_running)
    return app


async def _live_running(app: web.Application) -> AsyncIterator[None]:
    """Run the live hub while the application runs."""
    running = asyncio.create_task(app[LIVE].run(), name="LiveHub")
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _keep_static_files(request: web.Request, response: web.StreamResponse) -> None:
    """A built file's name changes with its content: browsers may keep it for ever."""
    if request.path.startswith(PREFIX) and response.status == web.HTTPOk.status_code:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"


async def _say_good_bye(app: web.Application) -> None:
    """Close live pages, calls' sockets and gateways at once; all come back by themselves."""
    services = app[SERVICES]
    app[LIVE].going_away()
    for link in list(services.uplinks.values()):
        link.end(
            1013,
            UnavailableError.code,
            "the server is going away",
            retry_after_s=services.settings.retry_after_s,
        )
