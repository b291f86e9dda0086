"""What everybody may do about their own log-in: sign out, end sessions, change the password."""

from typing import Final

from aiohttp import web

from telehealth.access import accounts, limits, sessions, steps
from telehealth.access.confirming import password_of
from telehealth.access.limits import Limit, TooManyAttemptsError
from telehealth.access.login import check_new_password
from telehealth.audit.actions import AuditAction
from telehealth.errors import RefusedError
from telehealth.store.database import Transaction
from webui import cookies
from webui.arriving import retry_after
from webui.forms import fields
from webui.keys import PASSWORDS, SERVICES, signed_in
from webui.notices import sessions_ended
from webui.pages import security
from webui.permit import note

CLEAR: Final = '"cache", "storage"'
"""What a browser forgets at sign-out (Clear Site Data §3.1). Cookies are taken away one by one: the
browser's own number, which opens nothing, stays, or the next log-in would count as a stranger's."""

_SESSIONS: Final = "/security#sessions"


async def sessions_page(request: web.Request) -> web.Response:
    """Send to where sessions are listed now."""
    raise web.HTTPSeeOther(_SESSIONS)


async def logout(request: web.Request) -> web.Response:
    """End this session; the browser forgets what the pages kept in it."""
    services, who = request.app[SERVICES], signed_in(request)
    await note(request, AuditAction.SIGNED_OUT)
    await services.database.write(lambda tx: sessions.end(tx, who.session_hash))
    sessions_ended(request, [who.session_hash])
    raise signed_out(request)


def signed_out(request: web.Request) -> web.HTTPSeeOther:
    """Return the way out: no session, and nothing of a patient left in the browser."""
    response = web.HTTPSeeOther("/login?out")
    response.headers["Clear-Site-Data"] = CLEAR
    cookies.take_session(request, response)
    cookies.take_step(request, response)
    return response


async def end_session(request: web.Request) -> web.Response:
    """End one own session, after a fresh proof (OWASP ASVS 5.0 §7.5.2)."""
    await security.require_confirmed(request, _SESSIONS)
    who, session_id = signed_in(request), request.match_info["session_id"]
    await note(request, AuditAction.SIGNED_OUT, target=f"session:{session_id[:16]}")
    ended = await request.app[SERVICES].database.write(
        lambda tx: sessions.end_own(tx, who, session_id)
    )
    sessions_ended(request, ended)
    raise web.HTTPSeeOther(_SESSIONS)


async def end_others(request: web.Request) -> web.Response:
    """End all own sessions but this, after a fresh proof."""
    await security.require_confirmed(request, _SESSIONS)
    who = signed_in(request)
    await note(request, AuditAction.SIGNED_OUT, target="sessions:others")
    ended = await request.app[SERVICES].database.write(
        lambda tx: sessions.end_all(tx, who.account_id, but=who.session_hash)
    )
    sessions_ended(request, ended)
    raise web.HTTPSeeOther(_SESSIONS)


async def end_all(request: web.Request) -> web.Response:
    """End all own sessions, this one too, after a fresh proof."""
    await security.require_confirmed(request, _SESSIONS)
    who = signed_in(request)
    await note(request, AuditAction.SIGNED_OUT, target="sessions:all")
    ended = await request.app[SERVICES].database.write(
        lambda tx: sessions.end_all(tx, who.account_id)
    )
    sessions_ended(request, ended)
    raise signed_out(request)


async def change_password(request: web.Request) -> web.Response:
    """Change the own password, against the old one; every session ends."""
    services, who = request.app[SERVICES], signed_in(request)
    form = await fields(request, as_typed=("old", "new"))
    passwords, new = request.app[PASSWORDS], form.get("new", "")
    try:
        check_new_password(new, login=who.login, display_name=who.display_name)
    except RefusedError as error:
        return await security.page(request, status=422, said=f"password_{error.limit}")
    tries = Limit("confirm", who.account_id)
    try:
        await services.database.write(lambda tx: limits.take(tx, tries))
    except TooManyAttemptsError as error:
        return retry_after(await security.page(request, status=429, said="many"), error)
    known = await services.database.read(lambda reader: password_of(reader, who.account_id))
    if not await passwords.matches(known or None, form.get("old", "")):
        await note(request, AuditAction.PASSWORD_CHANGED, decision="deny")
        return await security.page(request, status=403, said="password_wrong")
    await note(request, AuditAction.PASSWORD_CHANGED, target=f"account:{who.account_id}")
    encoded = await passwords.hash(new)

    def change(tx: Transaction) -> list[bytes]:
        limits.forget(tx, tries)
        steps.end_of_account(tx, who.account_id)
        return accounts.set_password(tx, who.account_id, encoded)

    sessions_ended(request, await services.database.write(change))
    raise signed_out(request)
