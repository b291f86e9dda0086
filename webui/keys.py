"""The typed keys under which the application and a request carry their parts."""

from aiohttp import web

from telehealth.access.passwords import Passwords
from telehealth.access.sessions import SignedIn
from telehealth.errors import NotAllowedError
from telehealth.live import LiveHub
from telehealth.services import Services
from webui.assets import Assets
from webui.render import Pages

SERVICES = web.AppKey("SERVICES", Services)
PASSWORDS = web.AppKey("PASSWORDS", Passwords)
ASSETS = web.AppKey("ASSETS", Assets)
PAGES = web.AppKey("PAGES", Pages)
LIVE = web.AppKey("LIVE", LiveHub)

SIGNED_IN = web.RequestKey("SIGNED_IN", SignedIn)


def signed_in(request: web.Request) -> SignedIn:
    """Return who makes this request.

    Raises:
        NotAllowedError: nobody; the route table lets no such request through to a handler.
    """
    found: SignedIn | None = request.get(SIGNED_IN)
    if found is None:
        raise NotAllowedError("nobody is signed in")
    return found


def signed_in_or_none(request: web.Request) -> SignedIn | None:
    """Return who makes this request, if anybody has signed in."""
    found: SignedIn | None = request.get(SIGNED_IN)
    return found


def now_ms(request: web.Request) -> int:
    """Return the server's time."""
    return int(request.app[SERVICES].clock().timestamp() * 1000)
