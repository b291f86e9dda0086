"""The person's own page of log-in matters: second factors, recovery codes, sessions, confirming."""

import json
from typing import Any

from aiohttp import web

from telehealth.access import (
    accounts,
    confirming,
    recovery,
    second_factor,
    security_keys,
    sessions,
    steps,
)
from telehealth.access.confirming import Confirmed, NotConfirmedError, Proof, password_of
from telehealth.access.limits import TooManyAttemptsError
from telehealth.access.passwords import MIN_LENGTH
from telehealth.access.policy import Role
from telehealth.access.security_keys import KeyRefusedError
from telehealth.access.sessions import SignedIn
from telehealth.access.steps import Kind
from telehealth.audit.actions import AuditAction
from telehealth.errors import IllegalTransitionError, RefusedError
from telehealth.store.database import Reader, Transaction
from webui import cookies
from webui.arriving import (
    home_of,
    must_have_factor,
    party_of,
    retry_after,
    with_next,
)
from webui.forms import fields, local_path
from webui.keys import PAGES, PASSWORDS, SERVICES, now_ms, signed_in
from webui.notices import session_renewed
from webui.pages.fleet import qr_svg
from webui.pages.login_step import codes_page, grouped
from webui.permit import note


async def security_page(request: web.Request) -> web.Response:
    """Show how this account logs in, and where it is signed in."""
    return await page(request)


async def page(request: web.Request, *, status: int = 200, said: str = "") -> web.Response:
    """Show the page, with what came of the last thing that was done on it."""
    who = signed_in(request)

    def look(reader: Reader) -> dict[str, Any]:
        return {
            "factors": second_factor.factors(reader, who.account_id),
            "sessions": sessions.own_sessions(reader, who),
            "has_password": bool(password_of(reader, who.account_id)),
        }

    found = await request.app[SERVICES].database.read(look)
    return request.app[PAGES].render(
        request,
        "security.html",
        signed_in=who,
        now_ms=now_ms(request),
        status=status,
        said=said,
        min_length=MIN_LENGTH,
        required=_required(request, who),
        keys_work=party_of(request) is not None,
        **found,
    )


def _required(request: web.Request, who: SignedIn) -> bool:
    return must_have_factor(request) and who.role is not Role.PATIENT


async def require_confirmed(request: web.Request, back: str | None = None) -> None:
    """Let through only who has proved themselves of late; others are asked to, and come back.

    Args:
        request: of somebody signed in.
        back: the page to come back to; by default the one that was asked for.

    Raises:
        HTTPSeeOther: to the page that asks.
    """
    who = signed_in(request)
    if not await request.app[SERVICES].database.read(
        lambda reader: confirming.confirmed(reader, who.session_hash)
    ):
        raise web.HTTPSeeOther("/confirm" + with_next(back or request.path_qs))


async def confirm_page(request: web.Request) -> web.Response:
    """Ask who it is, once more."""
    return await _confirm(request, local_path(request.query.get("next"), "/"))


async def _confirm(
    request: web.Request,
    next_path: str,
    *,
    status: int = 200,
    said: str = "",
    retry_at_ms: int | None = None,
) -> web.Response:
    who, party = signed_in(request), party_of(request)

    def look(tx: Transaction) -> dict[str, Any]:
        have = second_factor.factors(tx, who.account_id)
        half = confirming.half_way(tx, who.account_id, who.session_hash)
        options = None
        if half and have.keys and party is not None:
            step = steps.of_session(tx, who.session_hash, Kind.CONFIRM, who.account_id)
            options = json.loads(
                security_keys.request_options(party, challenge=step.challenge, keys=have.keys)
            )
        has_password = bool(password_of(tx, who.account_id))
        return {"factors": have, "half": half, "has_password": has_password, "data": options}

    found = await request.app[SERVICES].database.write(look)
    return request.app[PAGES].render(
        request,
        "security_confirm.html",
        signed_in=who,
        now_ms=now_ms(request),
        status=status,
        said=said,
        retry_at_ms=retry_at_ms,
        next_path=next_path,
        **found,
    )


async def confirm(request: web.Request) -> web.Response:
    """Take the password again, then a second factor; the session gets a new token."""
    who, form = signed_in(request), await fields(request, as_typed=("password",))
    next_path = local_path(form.get("next"), "/")
    proof = Proof(form.get("password", ""), form.get("code", ""), form.get("answer", ""))
    try:
        found = await confirming.confirm(
            request.app[SERVICES].database,
            request.app[PASSWORDS],
            account_id=who.account_id,
            session_hash=who.session_hash,
            proof=proof,
            party=party_of(request),
        )
    except TooManyAttemptsError as error:
        at_ms = now_ms(request) + error.retry_after_ms
        shown = await _confirm(request, next_path, status=429, said="many", retry_at_ms=at_ms)
        return retry_after(shown, error)
    except NotConfirmedError:
        await note(request, AuditAction.CONFIRMED, decision="deny", basis=proof.kind)
        said = "key" if form.get("answer") else "wrong"
        return await _confirm(request, next_path, status=403, said=said)
    if found is None:
        raise web.HTTPSeeOther("/confirm" + with_next(next_path))
    raise await _confirmed(request, found, next_path)


async def _confirmed(request: web.Request, found: Confirmed, next_path: str) -> web.HTTPSeeOther:
    """Return the way on, with the session's new token; the log says which session it becomes."""
    who, after = signed_in(request), sessions.token_hash(found.token)
    session_renewed(request, who.session_hash, after)
    target = f"session:{after.hex()[:16]}"
    await note(request, AuditAction.CONFIRMED, target=target, basis=found.by)
    response = web.HTTPSeeOther(next_path if next_path != "/" else home_of(who.role))
    cookies.renew_session(request, response, found.token, who.role)
    return response


async def totp_page(request: web.Request) -> web.Response:
    """Show a new authenticator's QR code."""
    await require_confirmed(request)
    return await _totp(request)


async def _totp(request: web.Request, *, status: int = 200, said: str = "") -> web.Response:
    who = signed_in(request)

    def look(tx: Transaction) -> str:
        step = steps.of_session(tx, who.session_hash, Kind.NEW_TOTP, who.account_id)
        return second_factor.pending_secret(tx, step)

    secret = await request.app[SERVICES].database.write(look)
    return request.app[PAGES].render(
        request,
        "security_totp.html",
        signed_in=who,
        now_ms=now_ms(request),
        status=status,
        said=said,
        secret=grouped(secret),
        qr=qr_svg(second_factor.link(secret, who.login)),
    )


async def add_totp(request: web.Request) -> web.Response:
    """Take the first code of a new authenticator."""
    await require_confirmed(request, "/security/totp")
    who, form = signed_in(request), await fields(request)

    def settle(tx: Transaction) -> tuple[bool, tuple[str, ...]]:
        name = steps.name_in_session(who.session_hash, Kind.NEW_TOTP)
        step = steps.require(tx, name, Kind.NEW_TOTP)
        first = not second_factor.factors(tx, who.account_id).any
        secret = second_factor.pending_secret(tx, step)
        if not second_factor.enable_totp(tx, who.account_id, secret, form.get("code", "")):
            steps.fail(tx, step)
            return False, ()
        steps.end(tx, step)
        return True, tuple(recovery.renew(tx, who.account_id)) if first else ()

    try:
        done, codes = await request.app[SERVICES].database.write(settle)
    except steps.StepOverError:
        raise web.HTTPSeeOther("/security/totp") from None
    if not done:
        return await _totp(request, status=403, said="wrong")
    return await _added(request, "factor:totp", codes)


async def _added(request: web.Request, target: str, codes: tuple[str, ...]) -> web.Response:
    """Write a new factor down, and show the recovery codes that came with the first one."""
    await note(request, AuditAction.FACTOR_ADDED, target=target)
    if not codes:
        raise web.HTTPSeeOther("/security")
    await note(request, AuditAction.RECOVERY_CODES_MADE)
    return codes_page(request, codes, "/security")


async def remove_totp(request: web.Request) -> web.Response:
    """Forget the authenticator, unless it is the last second factor and one is required."""
    await require_confirmed(request, "/security")
    who = signed_in(request)
    required = _required(request, who)
    await note(request, AuditAction.FACTOR_REMOVED, target="factor:totp")
    try:
        await request.app[SERVICES].database.write(
            lambda tx: second_factor.disable_totp(tx, who.account_id, required=required)
        )
    except IllegalTransitionError:
        return await page(request, status=409, said="last_factor")
    raise web.HTTPSeeOther("/security")


async def key_page(request: web.Request) -> web.Response:
    """Show the form of a new security key."""
    await require_confirmed(request)
    return await _key(request)


async def _key(request: web.Request, *, status: int = 200, said: str = "") -> web.Response:
    who, party = signed_in(request), party_of(request)

    def look(tx: Transaction) -> object:
        if party is None:
            return None
        step = steps.of_session(tx, who.session_hash, Kind.NEW_KEY, who.account_id)
        return json.loads(
            security_keys.creation_options(
                party,
                account_id=who.account_id,
                login=accounts.login_of(tx, who.account_id),
                challenge=step.challenge,
                existing=security_keys.keys_of(tx, who.account_id),
            )
        )

    return request.app[PAGES].render(
        request,
        "security_key.html",
        signed_in=who,
        now_ms=now_ms(request),
        status=status,
        said=said,
        data=await request.app[SERVICES].database.write(look),
    )


async def add_key(request: web.Request) -> web.Response:
    """Take in a new security key."""
    await require_confirmed(request, "/security/keys/new")
    who, form, party = signed_in(request), await fields(request), party_of(request)
    if party is None:
        raise RefusedError("answer", "a server with a name", "an address")

    def settle(tx: Transaction) -> tuple[str, ...]:
        name = steps.name_in_session(who.session_hash, Kind.NEW_KEY)
        step = steps.require(tx, name, Kind.NEW_KEY)
        first = not second_factor.factors(tx, who.account_id).any
        security_keys.register(
            tx, who.account_id, name=form.get("name", ""), answer=form.get("answer", ""),
            challenge=step.challenge, party=party,
        )  # fmt: skip
        steps.end(tx, step)
        return tuple(recovery.renew(tx, who.account_id)) if first else ()

    try:
        codes = await request.app[SERVICES].database.write(settle)
    except steps.StepOverError:
        raise web.HTTPSeeOther("/security/keys/new") from None
    except (KeyRefusedError, RefusedError) as error:
        return await _key_refused(request, who, error)
    return await _added(request, "factor:key", codes)


async def _key_refused(request: web.Request, who: SignedIn, error: Exception) -> web.Response:
    """Say so; the challenge is spent, the next try has another."""

    def spend(tx: Transaction) -> None:
        step = steps.find(tx, steps.name_in_session(who.session_hash, Kind.NEW_KEY))
        if step is not None:
            steps.fail(tx, step)

    await request.app[SERVICES].database.write(spend)
    if isinstance(error, RefusedError):
        return await _key(request, status=422, said=error.field)
    return await _key(request, status=403, said="key")


async def remove_key(request: web.Request) -> web.Response:
    """Take a security key away, unless it is the last second factor and one is required."""
    await require_confirmed(request, "/security")
    who, key_id = signed_in(request), request.match_info["key_id"]
    required = _required(request, who)
    await note(request, AuditAction.FACTOR_REMOVED, target=f"factor:{key_id[:16]}")
    try:
        await request.app[SERVICES].database.write(
            lambda tx: second_factor.remove_key(tx, who.account_id, key_id, required=required)
        )
    except IllegalTransitionError:
        return await page(request, status=409, said="last_factor")
    raise web.HTTPSeeOther("/security")


async def new_recovery_codes(request: web.Request) -> web.Response:
    """Make ten new recovery codes in place of the old ones, and show them once."""
    await require_confirmed(request, "/security")
    who = signed_in(request)

    def renew(tx: Transaction) -> tuple[str, ...]:
        if not second_factor.factors(tx, who.account_id).any:
            return ()
        return tuple(recovery.renew(tx, who.account_id))

    codes = await request.app[SERVICES].database.write(renew)
    if not codes:
        return await page(request, status=409, said="no_factor")
    await note(request, AuditAction.RECOVERY_CODES_MADE)
    return codes_page(request, codes, "/security")
