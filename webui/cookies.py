"""The cookies of a log-in: the session's, the step's in between, and the browser's own number.

Over TLS each has the prefix `__Host-`, which binds it to this host and to `Path=/` (RFC 6265bis
§4.1.3.2); a script reads none of them.
"""

from typing import Final

from aiohttp import web

from telehealth.access import sessions
from telehealth.access.login import LoggedIn
from telehealth.access.policy import Role
from webui.guard import cookie_name, is_https
from webui.keys import SERVICES

_YEAR_S: Final = 365 * 24 * 3_600
_STEP_S: Final = 30 * 60


def _name(request: web.Request, name: str) -> str:
    return f"__Host-{name}" if is_https(request.app[SERVICES].settings) else name


def session_of(request: web.Request) -> bytes | None:
    """Return the hash of the session's token that came along, alive or not."""
    token = request.cookies.get(cookie_name(request.app[SERVICES].settings))
    return sessions.token_hash(token) if token else None


def step_of(request: web.Request) -> str:
    """Return the token of the step that came along; empty: none did."""
    return request.cookies.get(_name(request, "step"), "")


def browser_of(request: web.Request) -> str:
    """Return the browser's long-lived cookie; empty: none came along."""
    return request.cookies.get(_name(request, "device"), "")


def put_session(request: web.Request, response: web.StreamResponse, opened: LoggedIn) -> None:
    """Put a new session into its cookie, and the browser's number; the step's cookie goes."""
    max_age_s = sessions.LIMITS[opened.role].absolute_ms // 1000
    name = cookie_name(request.app[SERVICES].settings)
    _put(request, response, name, opened.token, max_age_s)
    _put(request, response, _name(request, "device"), opened.browser, _YEAR_S)
    take_step(request, response)


def renew_session(
    request: web.Request, response: web.StreamResponse, token: str, role: Role
) -> None:
    """Put the new token of the session that is there into its cookie."""
    name = cookie_name(request.app[SERVICES].settings)
    _put(request, response, name, token, sessions.LIMITS[role].absolute_ms // 1000)


def take_session(request: web.Request, response: web.StreamResponse) -> None:
    """Take the session's cookie away."""
    _put(request, response, cookie_name(request.app[SERVICES].settings), "", 0)


def put_step(request: web.Request, response: web.StreamResponse, token: str) -> None:
    """Put a step's token into its cookie."""
    _put(request, response, _name(request, "step"), token, _STEP_S)


def take_step(request: web.Request, response: web.StreamResponse) -> None:
    """Take the step's cookie away."""
    if step_of(request):
        _put(request, response, _name(request, "step"), "", 0)


def _put(
    request: web.Request, response: web.StreamResponse, name: str, value: str, max_age_s: int
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=max_age_s,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=is_https(request.app[SERVICES].settings),
    )
