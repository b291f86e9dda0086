"""Arriving: who calls, what the log says of it, the cookie, and the way on to the first page."""

from dataclasses import replace
from typing import Final
from urllib.parse import quote

from aiohttp import web

from telehealth.access import security_keys, sessions
from telehealth.access.limits import TooManyAttemptsError
from telehealth.access.login import Caller, HalfWay, LoggedIn, NoRoleError
from telehealth.access.policy import PURPOSE_OF, Role
from telehealth.access.security_keys import Party
from telehealth.audit.actions import AuditAction
from webui import cookies
from webui.keys import SERVICES
from webui.notices import sessions_ended
from webui.peer import peer_of
from webui.permit import entry_of
from webui.refusals import TOO_MANY

HOME: Final = {
    Role.DOCTOR: "/doctor",
    Role.PATIENT: "/patient",
    Role.NURSE: "/station",
    Role.COORDINATOR: "/station",
    Role.ADMINISTRATOR: "/admin",
    Role.PRIVACY_OFFICER: "/privacy/emergencies",
}
_ANYBODYS: Final = "/security"


def home_of(role: Role) -> str:
    """Return the first page of a role."""
    return HOME.get(role, _ANYBODYS)


def caller_of(request: web.Request) -> Caller:
    """Return the browser that makes this request, as the log-in counts and notes it."""
    return Caller(
        user_agent=request.headers.get("User-Agent", ""),
        address=peer_of(request).address,
        browser=cookies.browser_of(request),
        replaced=cookies.session_of(request),
        second_factor_required=must_have_factor(request),
    )


def must_have_factor(request: web.Request) -> bool:
    """Say whether the operator requires a second factor of staff."""
    return request.app[SERVICES].settings.second_factor == "required"


def origin_of(request: web.Request) -> str:
    """Return this server's origin as the browser sees it."""
    scheme = "https" if peer_of(request).is_https else "http"
    public = request.app[SERVICES].settings.public_origin.rstrip("/")
    return public or f"{scheme}://{request.host}"


def party_of(request: web.Request) -> Party | None:
    """Return this server as security keys know it; None: it has an address, but no name."""
    return security_keys.party_of(origin_of(request))


async def note_account(
    request: web.Request,
    *actions: AuditAction,
    account_id: str,
    decision: str = "allow",
    basis: str = "",
    opened: LoggedIn | None = None,
) -> None:
    """Write down what an account did before it has a session, or with the one just opened.

    The basis says by what somebody proved who they are, or tried to.

    Raises:
        UnavailableError: it cannot be written; no answer may leave.
    """
    entries = [
        replace(
            entry_of(request, action, decision=decision, basis=opened.proof if opened else basis),
            actor_id=account_id or "nobody",
            role=opened.role if opened else "",
            grant_id="",
            purpose=PURPOSE_OF[opened.role] if opened else "",
            session=sessions.token_hash(opened.token).hex()[:16] if opened else "",
            person_id=opened.person_id if opened else "",
            target=f"account:{account_id}" if account_id else "",
        )
        for action in actions
    ]
    await request.app[SERVICES].audit.record(*entries)


async def note_no_role(request: web.Request, error: NoRoleError) -> None:
    """Write down that somebody proved who they are and was not let in, for want of a role."""
    await note_account(
        request,
        AuditAction.SIGNED_IN,
        account_id=error.account_id,
        decision="deny",
        basis="no_role",
    )


def retry_after(response: web.Response, error: TooManyAttemptsError) -> web.Response:
    """Say in the header when trying again may help (RFC 9110 §10.2.3)."""
    response.headers["Retry-After"] = str(-(-error.retry_after_ms // 1000))
    response[TOO_MANY] = error
    return response


async def go_on(
    request: web.Request, found: LoggedIn | HalfWay, next_path: str
) -> web.HTTPSeeOther:
    """Return the way to where somebody wanted to go, or to the next step."""
    if isinstance(found, HalfWay):
        onwards = web.HTTPSeeOther("/login/step" + with_next(next_path))
        cookies.put_step(request, onwards, found.token)
        return onwards
    response = web.HTTPSeeOther(next_path if next_path != "/" else home_of(found.role))
    await arrived(request, response, found, AuditAction.SIGNED_IN)
    return response


async def arrived(
    request: web.Request, response: web.StreamResponse, opened: LoggedIn, *actions: AuditAction
) -> None:
    """Write the arrival down, then put the session into its cookie.

    Sockets of the session that it replaces close. What cannot be written down does not happen: the
    token then reaches nobody.

    Raises:
        UnavailableError: the audit log cannot be written.
    """
    await note_account(request, *actions, account_id=opened.account_id, opened=opened)
    before = cookies.session_of(request)
    if before is not None:
        sessions_ended(request, [before])
    cookies.put_session(request, response, opened)


def with_next(next_path: str) -> str:
    """Return the query that remembers where somebody wanted to go."""
    return "" if next_path == "/" else f"?next={quote(next_path)}"
