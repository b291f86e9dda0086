"""What was refused before a handler saw it goes into the audit log: by role, origin or limit.

A flood must not fill the log: the same refusal is written once a minute, and tries beyond a limit,
which strangers can make from many addresses, once a second over the whole server after the first
thousand (OWASP ASVS 5.0 §16.3). What is left out changes nothing: the request is refused all the
same, and a line of the ordinary log says so each time.
"""

from dataclasses import replace
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from telehealth.access import limits
from telehealth.access.limits import Limit, TooManyAttemptsError
from telehealth.audit.actions import AuditAction
from telehealth.audit.chain import Entry
from telehealth.store.database import Transaction
from webui.keys import SERVICES, signed_in_or_none
from webui.peer import peer_of
from webui.permit import entry_of

TOO_MANY: Final = web.ResponseKey("TOO_MANY", TooManyAttemptsError)
"""Which limit a page speaks of that says `try again later`."""
_ACTION_OF: Final = {
    "confirm": AuditAction.CONFIRMED,
    "entry": AuditAction.ENTRY_CODE_USED,
    "entry_everywhere": AuditAction.ENTRY_CODE_USED,
    "lookup": AuditAction.SEARCH_FOUND,
}
"""What was tried too often, where it was not a log-in."""


async def note_route(request: web.Request, route: str, why: str) -> None:
    """Write down who asked for a route that is not for them, once a minute.

    Args:
        request: with its session, if it has one.
        route: the method and the path as the route table has it, without anybody's id.
        why: `role`, `origin`, `address` or `no_rule`.

    Raises:
        UnavailableError: it cannot be written.
    """
    entry = entry_of(
        request, AuditAction.ROUTE_REFUSED, target=f"route:{route}", basis=why, decision="deny"
    )
    again = Limit("refusal", f"{_whose(request)}\0{route}")
    everywhere = () if entry.session else (Limit("refusal_everywhere", ""),)
    await _write(request, entry, again, *everywhere)


@web.middleware
async def limits_noted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write down what a limit refuses, whether a page says so or the error goes on."""
    try:
        response = await handler(request)
    except TooManyAttemptsError as error:
        await note_too_many(request, error)
        raise
    if TOO_MANY in response:
        await note_too_many(request, response[TOO_MANY])
    return response


async def note_too_many(request: web.Request, error: TooManyAttemptsError) -> None:
    """Write down that somebody tried beyond a limit, once a minute.

    Raises:
        UnavailableError: it cannot be written.
    """
    action = _ACTION_OF.get(error.kind, AuditAction.SIGNED_IN)
    entry = entry_of(request, action, basis=f"limit:{error.kind}", decision="deny")
    if error.account_id and not entry.session:
        target = f"account:{error.account_id}"
        entry = replace(entry, actor_id=error.account_id, target=target)
    again = Limit("refusal", f"{error.account_id or _whose(request)}\0{error.kind}")
    await _write(request, entry, again, Limit("refusal_everywhere", ""))


def _whose(request: web.Request) -> str:
    who = signed_in_or_none(request)
    return who.session_hash.hex() if who else peer_of(request).address


async def _write(request: web.Request, entry: Entry, *bounds: Limit) -> None:
    services = request.app[SERVICES]

    def is_new(tx: Transaction) -> bool:
        try:
            limits.take(tx, *bounds)
        except TooManyAttemptsError:
            return False
        return True

    if await services.database.write(is_new):
        await services.audit.record(entry)
