"""Log in with name and password, choose the language, and find the way home."""

from typing import Final

from aiohttp import web

from telehealth.access import accounts, login
from telehealth.access.limits import TooManyAttemptsError
from telehealth.access.login import LogInRefusedError, NoRoleError
from telehealth.audit.actions import AuditAction
from webui.arriving import caller_of, go_on, home_of, note_account, note_no_role, retry_after
from webui.forms import fields, local_path
from webui.guard import is_https
from webui.i18n import LOCALES
from webui.keys import PAGES, PASSWORDS, SERVICES, now_ms, signed_in_or_none
from webui.render import language_cookie

_YEAR_S: Final = 365 * 24 * 3_600


async def home(request: web.Request) -> web.Response:
    """Send to the page of the role, or to the log-in."""
    who = signed_in_or_none(request)
    raise web.HTTPSeeOther(home_of(who.role) if who else "/login")


async def login_page(request: web.Request) -> web.Response:
    """Show the log-in form."""
    who = signed_in_or_none(request)
    if who is not None:
        raise web.HTTPSeeOther(home_of(who.role))
    said = next((word for word in ("over", "out", "no_role") if word in request.query), "")
    return _form(request, next_path=local_path(request.query.get("next"), "/"), said=said)


def _form(
    request: web.Request,
    *,
    next_path: str,
    status: int = 200,
    login_name: str = "",
    said: str = "",
    retry_at_ms: int | None = None,
) -> web.Response:
    return request.app[PAGES].render(
        request,
        "login.html",
        signed_in=None,
        now_ms=now_ms(request),
        status=status,
        next_path=next_path,
        login_name=login_name,
        said=said,
        retry_at_ms=retry_at_ms,
    )


async def login_form(request: web.Request) -> web.Response:
    """Check name and password; what else it takes is asked on the next page."""
    services, form = request.app[SERVICES], await fields(request, as_typed=("password",))
    next_path, name = local_path(form.get("next"), "/"), form.get("login", "")[:64]
    try:
        found = await login.log_in(
            services.database,
            request.app[PASSWORDS],
            login=name,
            password=form.get("password", ""),
            caller=caller_of(request),
        )
    except TooManyAttemptsError as error:
        at_ms = now_ms(request) + error.retry_after_ms
        shown = _form(
            request, next_path=next_path, status=429, login_name=name, said="many",
            retry_at_ms=at_ms,
        )  # fmt: skip
        return retry_after(shown, error)
    except LogInRefusedError as error:
        await note_account(
            request,
            AuditAction.SIGNED_IN,
            account_id=error.account_id,
            decision="deny",
            basis="password",
        )
        return _form(request, next_path=next_path, status=403, login_name=name, said="wrong")
    except NoRoleError as error:
        await note_no_role(request, error)
        return _form(request, next_path=next_path, status=403, login_name=name, said="no_role")
    raise await go_on(request, found, next_path)


async def language(request: web.Request) -> web.Response:
    """Remember the language in this browser and, if signed in, with the account."""
    form, who = await fields(request), signed_in_or_none(request)
    chosen = form.get("locale", "")
    response = web.HTTPSeeOther(local_path(form.get("next"), "/"))
    if chosen in LOCALES:
        services = request.app[SERVICES]
        response.set_cookie(
            language_cookie(request),
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
