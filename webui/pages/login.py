"""Log in, choose the language, and find the way home."""

from typing import Final

from aiohttp import web

from telehealth.access import accounts, sessions
from telehealth.access.login import LogInRefusedError, log_in
from telehealth.access.policy import Role
from webui.forms import fields, local_path
from webui.guard import cookie_name, is_https
from webui.i18n import LOCALES
from webui.keys import PAGES, PASSWORDS, SERVICES, now_ms, signed_in_or_none
from webui.notices import sessions_ended
from webui.render import LANGUAGE_COOKIE

HOME: Final = {Role.DOCTOR: "/doctor", Role.PATIENT: "/patient", Role.ADMINISTRATOR: "/admin"}
_YEAR_S: Final = 365 * 24 * 3_600


async def home(request: web.Request) -> web.Response:
    """Send to the page of the role, or to the log-in."""
    who = signed_in_or_none(request)
    raise web.HTTPSeeOther(HOME[who.role] if who else "/login")


async def login_page(request: web.Request) -> web.Response:
    """Show the log-in form."""
    who = signed_in_or_none(request)
    if who is not None:
        raise web.HTTPSeeOther(HOME[who.role])
    return _form(request, next_path=local_path(request.query.get("next"), "/"))


def _form(
    request: web.Request,
    *,
    next_path: str,
    status: int = 200,
    login_name: str = "",
    failed: bool = False,
    locked_until_ms: int | None = None,
) -> web.Response:
    return request.app[PAGES].render(
        request,
        "login.html",
        signed_in=None,
        now_ms=now_ms(request),
        status=status,
        next_path=next_path,
        login_name=login_name,
        failed=failed,
        locked_until_ms=locked_until_ms,
    )


async def login(request: web.Request) -> web.Response:
    """Check name and password; a new session takes the place of the old one."""
    services, form = request.app[SERVICES], await fields(request)
    before = request.cookies.get(cookie_name(services.settings))
    next_path = local_path(form.get("next"), "/")
    try:
        opened = await log_in(
            services.database,
            request.app[PASSWORDS],
            login=form.get("login", ""),
            password=form.get("password", ""),
            user_agent=request.headers.get("User-Agent", ""),
            replaced=sessions.token_hash(before) if before else None,
        )
    except LogInRefusedError as error:
        return _form(
            request,
            next_path=next_path,
            status=403 if error.locked_until_ms is None else 429,
            login_name=form.get("login", "")[:64],
            failed=True,
            locked_until_ms=error.locked_until_ms,
        )
    if before:
        sessions_ended(request, [sessions.token_hash(before)])
    response = web.HTTPSeeOther(next_path if next_path != "/" else HOME[opened.role])
    set_cookie(request, response, opened.token, sessions.LIMITS[opened.role].absolute_ms // 1000)
    raise response


def set_cookie(
    request: web.Request, response: web.StreamResponse, token: str, max_age_s: int
) -> None:
    """Put the session's token into its cookie; an empty one takes it away."""
    settings = request.app[SERVICES].settings
    response.set_cookie(
        cookie_name(settings),
        token,
        max_age=max_age_s,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=is_https(settings),
    )


async def language(request: web.Request) -> web.Response:
    """Remember the language in this browser and, if signed in, with the account."""
    form, who = await fields(request), signed_in_or_none(request)
    chosen = form.get("locale", "")
    response = web.HTTPSeeOther(local_path(form.get("next"), "/"))
    if chosen in LOCALES:
        services = request.app[SERVICES]
        response.set_cookie(
            LANGUAGE_COOKIE,
            chosen,
            max_age=_YEAR_S,
            path="/",
            samesite="Lax",
            httponly=True,
            secure=is_https(services.settings),
        )
        if who is not None:
            await services.database.write(
                lambda tx: accounts.set_locale(tx, who.account_id, chosen)
            )
    raise response
