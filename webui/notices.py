"""What a handler tells the bus after its commit."""

from collections.abc import Iterable

from aiohttp import web

from telehealth.access.sessions import session_topic
from webui.keys import SERVICES


def sessions_ended(request: web.Request, ended: Iterable[bytes]) -> None:
    """Say that sessions have ended, so that their sockets close."""
    for session_hash in ended:
        request.app[SERVICES].bus.publish(session_topic(session_hash), {"kind": "ended"})
