"""What a log-in asks for after the password: a factor, an own password, setting a factor up."""

import json
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from telehealth.access import accounts, login, second_factor, security_keys, steps
from telehealth.access.limits import TooManyAttemptsError
from telehealth.access.login import LoggedIn, LogInRefusedError, NoRoleError
from telehealth.access.passwords import MIN_LENGTH
from telehealth.access.security_keys import Party
from telehealth.access.steps import Kind, Step, StepOverError
from telehealth.audit.actions import AuditAction
from telehealth.errors import RefusedError
from telehealth.store.database import Transaction
from webui import cookies
from webui.arriving import (
    arrived,
    caller_of,
    go_on,
    home_of,
    note_account,
    note_no_role,
    party_of,
    retry_after,
)
from webui.forms import fields, local_path
from webui.keys import PAGES, PASSWORDS, SERVICES, now_ms, signed_in_or_none
from webui.pages.fleet import qr_svg


def begin_again() -> web.HTTPSeeOther:
    """Return the way back to the name and password: the step is over."""
    return web.HTTPSeeOther("/login?over")


async def no_role(request: web.Request, error: NoRoleError) -> web.HTTPSeeOther:
    """Return the way back: all was right, but the account may act as nobody now."""
    await note_no_role(request, error)
    return web.HTTPSeeOther("/login?no_role")


async def step_page(request: web.Request) -> web.Response:
    """Show what the log-in asks for next."""
    return await _step(request, next_path=local_path(request.query.get("next"), "/"))


async def _step(
    request: web.Request,
    *,
    next_path: str,
    status: int = 200,
    said: str = "",
    retry_at_ms: int | None = None,
) -> web.Response:
    party, token = party_of(request), cookies.step_of(request)

    def look(tx: Transaction) -> tuple[Step, dict[str, Any]]:
        step = steps.require(
            tx, steps.name_of(token), Kind.SECOND_FACTOR, Kind.NEW_PASSWORD, Kind.SET_UP
        )
        return step, _look[step.kind](tx, step, party)

    try:
        step, more = await request.app[SERVICES].database.write(look)
    except StepOverError:
        raise begin_again() from None
    return request.app[PAGES].render(
        request,
        _TEMPLATE[step.kind],
        signed_in=None,
        now_ms=now_ms(request),
        status=status,
        next_path=next_path,
        said=said,
        retry_at_ms=retry_at_ms,
        **more,
    )


def _look_factor(tx: Transaction, step: Step, party: Party | None) -> dict[str, Any]:
    have = second_factor.factors(tx, step.account_id)
    options = None
    if have.keys and party is not None:
        text = security_keys.request_options(party, challenge=step.challenge, keys=have.keys)
        options = json.loads(text)
    return {"factors": have, "data": options}


def _look_password(_tx: Transaction, _step: Step, _party: Party | None) -> dict[str, Any]:
    return {"min_length": MIN_LENGTH}


def _look_set_up(tx: Transaction, step: Step, party: Party | None) -> dict[str, Any]:
    name = accounts.login_of(tx, step.account_id)
    secret = second_factor.pending_secret(tx, step)
    return {
        "secret": grouped(secret),
        "qr": qr_svg(second_factor.link(secret, name)),
        "data": creation_of(party, step, name),
    }


def creation_of(party: Party | None, step: Step, login_name: str) -> object:
    """Return what the script makes a first security key with; None: it cannot here."""
    if party is None:
        return None
    return json.loads(
        security_keys.creation_options(
            party, account_id=step.account_id, login=login_name, challenge=step.challenge,
            existing=[],
        )
    )  # fmt: skip


def grouped(secret: str) -> str:
    """Return a secret in groups of four, to be typed."""
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))


_look: Final = {
    Kind.SECOND_FACTOR: _look_factor,
    Kind.NEW_PASSWORD: _look_password,
    Kind.SET_UP: _look_set_up,
}
_TEMPLATE: Final = {
    Kind.SECOND_FACTOR: "login_factor.html",
    Kind.NEW_PASSWORD: "login_password.html",
    Kind.SET_UP: "login_set_up.html",
}


async def step_form(request: web.Request) -> web.Response:
    """Take what the step's page asked for; `do` says which of its forms was sent."""
    form = await fields(request, as_typed=("new",))
    take = _TAKE.get(form.get("do", ""))
    if take is None:
        raise RefusedError("do", f"one of {sorted(_TAKE)}", form.get("do", "")[:20])
    return await take(request, form)


async def _take_factor(request: web.Request, form: dict[str, str]) -> web.Response:
    """Take a code of the authenticator, a recovery code or a security key's answer."""
    next_path = local_path(form.get("next"), "/")
    try:
        found = await login.prove(
            request.app[SERVICES].database,
            cookies.step_of(request),
            code=form.get("code", ""),
            answer=form.get("answer", ""),
            party=party_of(request),
            caller=caller_of(request),
        )
    except TooManyAttemptsError as error:
        at_ms = now_ms(request) + error.retry_after_ms
        shown = await _step(
            request, next_path=next_path, status=429, said="many", retry_at_ms=at_ms
        )
        return retry_after(shown, error)
    except StepOverError as error:
        if error.account_id:
            await _note_wrong(request, error.account_id, form)
        raise begin_again() from None
    except NoRoleError as error:
        raise await no_role(request, error) from None
    except LogInRefusedError as error:
        await _note_wrong(request, error.account_id, form)
        said = "key" if form.get("answer") else "wrong"
        return await _step(request, next_path=next_path, status=403, said=said)
    raise await go_on(request, found, next_path)


async def _note_wrong(request: web.Request, account_id: str, form: dict[str, str]) -> None:
    """Write down that a second factor was wrong, and which kind was tried."""
    await note_account(
        request,
        AuditAction.SIGNED_IN,
        account_id=account_id,
        decision="deny",
        basis="webauthn" if form.get("answer") else second_factor.kind_of(form.get("code", "")),
    )


async def _take_password(request: web.Request, form: dict[str, str]) -> web.Response:
    """Take the person's own password in place of the one that was handed over."""
    next_path = local_path(form.get("next"), "/")
    try:
        found = await login.replace_password(
            request.app[SERVICES].database,
            request.app[PASSWORDS],
            cookies.step_of(request),
            new=form.get("new", ""),
            caller=caller_of(request),
        )
    except StepOverError:
        raise begin_again() from None
    except NoRoleError as error:
        raise await no_role(request, error) from None
    except RefusedError as error:
        return await _step(request, next_path=next_path, status=422, said=error.limit)
    await note_account(request, AuditAction.PASSWORD_CHANGED, account_id=found.account_id)
    raise await go_on(request, found, next_path)


async def _take_totp(request: web.Request, form: dict[str, str]) -> web.Response:
    """Take the first code of a new authenticator."""
    token, code = cookies.step_of(request), form.get("code", "")
    try:
        opened = await login.set_up_totp(
            request.app[SERVICES].database, token, code=code, caller=caller_of(request)
        )
    except (StepOverError, LogInRefusedError, NoRoleError) as error:
        return await _set_up_failed(request, error, form, said="wrong")
    return await _with_codes(request, opened, form)


async def _take_key(request: web.Request, form: dict[str, str]) -> web.Response:
    """Take a first security key."""
    party = party_of(request)
    if party is None:
        raise RefusedError("answer", "a server with a name", "an address")
    try:
        opened = await login.set_up_key(
            request.app[SERVICES].database,
            cookies.step_of(request),
            name=form.get("name", ""),
            answer=form.get("answer", ""),
            party=party,
            caller=caller_of(request),
        )
    except (StepOverError, LogInRefusedError, NoRoleError, RefusedError) as error:
        return await _set_up_failed(request, error, form, said="key")
    return await _with_codes(request, opened, form)


_TAKE: Final = {
    "factor": _take_factor,
    "password": _take_password,
    "totp": _take_totp,
    "key": _take_key,
}


async def _set_up_failed(
    request: web.Request, error: Exception, form: dict[str, str], *, said: str
) -> web.Response:
    next_path = local_path(form.get("next"), "/")
    if isinstance(error, StepOverError):
        raise begin_again() from None
    if isinstance(error, NoRoleError):
        raise await no_role(request, error) from None
    status = 422 if isinstance(error, RefusedError) else 403
    return await _step(request, next_path=next_path, status=status, said=said)


async def _with_codes(request: web.Request, opened: LoggedIn, form: dict[str, str]) -> web.Response:
    next_path = local_path(form.get("next"), "/")
    response = codes_page(
        request, opened.recovery_codes, next_path if next_path != "/" else home_of(opened.role)
    )
    await arrived(
        request,
        response,
        opened,
        AuditAction.FACTOR_ADDED,
        AuditAction.RECOVERY_CODES_MADE,
        AuditAction.SIGNED_IN,
    )
    return response


def codes_page(request: web.Request, codes: tuple[str, ...], onwards: str) -> web.Response:
    """Show recovery codes, once, and the way on."""
    return request.app[PAGES].render(
        request,
        "login_codes.html",
        signed_in=signed_in_or_none(request),
        now_ms=now_ms(request),
        codes=codes,
        as_file=quote("\r\n".join(codes) + "\r\n"),
        onwards=onwards,
    )
