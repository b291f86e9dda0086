"""What a handler tells the bus after its commit."""

from collections.abc import Iterable

from aiohttp import web

from telehealth.access.following import renewal
from telehealth.access.sessions import session_topic
from webui.keys import SERVICES


def sessions_ended(request: web.Request, ended: Iterable[bytes]) -> None:
    """Say that sessions have ended, so that their sockets close."""
    for session_hash in ended:
        request.app[SERVICES].bus.publish(session_topic(session_hash), {"kind": "ended"})


def session_renewed(request: web.Request, before: bytes, after: bytes) -> None:
    """Say that a session goes on under a new token, so that its sockets follow it."""
    request.app[SERVICES].bus.publish(session_topic(before), renewal(after))
