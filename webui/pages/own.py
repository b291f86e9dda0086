"""What everybody may do about their own log-in: see and end sessions, change the password."""

from aiohttp import web

from telehealth.access import accounts, sessions
from telehealth.access.login import password_of
from telehealth.access.passwords import MAX_LENGTH, MIN_LENGTH
from webui.forms import fields
from webui.keys import PAGES, PASSWORDS, SERVICES, now_ms, signed_in
from webui.notices import sessions_ended
from webui.pages.login import set_cookie


async def sessions_page(request: web.Request) -> web.Response:
    """Show where this account is signed in."""
    return await _page(request)


async def _page(request: web.Request, *, status: int = 200, said: str = "") -> web.Response:
    who = signed_in(request)
    shown = await request.app[SERVICES].database.read(lambda r: sessions.own_sessions(r, who))
    return request.app[PAGES].render(
        request,
        "sessions.html",
        signed_in=who,
        now_ms=now_ms(request),
        status=status,
        sessions=shown,
        said=said,
        min_length=MIN_LENGTH,
    )


async def logout(request: web.Request) -> web.Response:
    """End this session."""
    services, who = request.app[SERVICES], signed_in(request)
    await services.database.write(lambda tx: sessions.end(tx, who.session_hash))
    sessions_ended(request, [who.session_hash])
    response = web.HTTPSeeOther("/login")
    set_cookie(request, response, "", 0)
    raise response


async def end_session(request: web.Request) -> web.Response:
    """End one own session."""
    who, session_id = signed_in(request), request.match_info["session_id"]
    ended = await request.app[SERVICES].database.write(
        lambda tx: sessions.end_own(tx, who, session_id)
    )
    sessions_ended(request, ended)
    raise web.HTTPSeeOther("/sessions")


async def end_others(request: web.Request) -> web.Response:
    """End all own sessions but this."""
    who = signed_in(request)
    ended = await request.app[SERVICES].database.write(
        lambda tx: sessions.end_all(tx, who.account_id, but=who.session_hash)
    )
    sessions_ended(request, ended)
    raise web.HTTPSeeOther("/sessions")


async def change_password(request: web.Request) -> web.Response:
    """Change the own password, against the old one; every session ends."""
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    passwords = request.app[PASSWORDS]
    new = form.get("new", "")
    if not MIN_LENGTH <= len(new) <= MAX_LENGTH:
        return await _page(request, status=422, said="length")
    known = await services.database.read(lambda reader: password_of(reader, who.account_id))
    if not await passwords.matches(known, form.get("old", "")[:MAX_LENGTH]):
        return await _page(request, status=403, said="wrong")
    encoded = await passwords.hash(new)
    ended = await services.database.write(
        lambda tx: accounts.set_password(tx, who.account_id, encoded)
    )
    sessions_ended(request, ended)
    response = web.HTTPSeeOther("/login")
    set_cookie(request, response, "", 0)
    raise response
