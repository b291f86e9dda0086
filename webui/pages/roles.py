"""Roles of an account, given and taken by administrators; and acting in another of one's own."""

from datetime import date
from typing import Any

from aiohttp import web

from telehealth.access import accounts, grants, sessions
from telehealth.access.grants import GrantShown, NewGrant
from telehealth.access.policy import STAFF, Role
from telehealth.audit.actions import AuditAction
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.people import places
from telehealth.people.places import Place
from telehealth.store.database import Reader
from webui.arriving import home_of
from webui.forms import fields
from webui.keys import PAGES, SERVICES, now_ms, signed_in
from webui.notices import sessions_ended
from webui.pages.security import require_confirmed
from webui.permit import note


async def page(request: web.Request) -> web.Response:
    """Show an account with the roles it holds."""
    return await _page(request)


async def _page(
    request: web.Request, *, status: int = 200, wrong: str = "", found: list[Place] | None = None
) -> web.Response:
    who, account_id = signed_in(request), request.match_info["account_id"]

    def look(reader: Reader) -> dict[str, Any]:
        account = next((a for a in accounts.shown(reader) if a.account_id == account_id), None)
        if account is None or account.role is Role.PATIENT:
            raise NotFoundError(f"no account of staff {account_id}")
        held = grants.of(reader, account_id)
        ids = [grant.place_id for grant in held if grant.place_id]
        ids += [place.place_id for place in found or []]
        return {
            "account": account,
            "held": held,
            "paths": places.path_names(reader, ids),
            "programmes": reader.rows("SELECT programme_id, name FROM programme ORDER BY name"),
        }

    shown = await request.app[SERVICES].database.read(look)
    return request.app[PAGES].render(
        request,
        "roles.html",
        signed_in=who,
        now_ms=now_ms(request),
        status=status,
        roles=sorted(STAFF),
        wrong=wrong,
        found=found or [],
        **shown,
    )


async def give(request: web.Request) -> web.Response:
    """Give a role beneath a place that was named or chosen."""
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    account_id = request.match_info["account_id"]
    if form.get("role") not in STAFF:
        raise RefusedError("role", "a role of staff", form.get("role", "")[:20])
    await require_confirmed(request, f"/admin/accounts/{account_id}")
    candidates = await services.database.read(
        lambda reader: _candidates(reader, form, places.day_in_vietnam(services.clock()))
    )
    if candidates is not None and len(candidates) != 1:
        return await _page(request, status=422, wrong="place", found=candidates)
    place_id = candidates[0].place_id if candidates else who.place_id
    new = NewGrant(
        account_id=account_id,
        role=Role(form["role"]),
        place_id=place_id,
        programme_id=form.get("programme_id") or None,
    )

    def act(tx: Any) -> str:
        grants.require_within(tx, who.place_id, place_id)
        return grants.give(tx, new, who.account_id)

    try:
        await services.database.read(
            lambda reader: grants.require_within(reader, who.place_id, place_id)
        )
        target = f"account:{account_id} role:{new.role}"
        await note(request, AuditAction.ROLE_GRANTED, target=target)
        await services.database.write(act)
    except IllegalTransitionError:
        return await _page(request, status=409, wrong="held")
    raise web.HTTPSeeOther(f"/admin/accounts/{account_id}")


def _candidates(reader: Reader, form: dict[str, str], today: date) -> list[Place] | None:
    """Return the places that the form may mean; None: it names none."""
    chosen, typed = form.get("place_id", ""), form.get("place", "")
    if chosen:
        found = places.place(reader, chosen)
        return [] if found is None else [found]
    if not typed:
        return None
    found_by_name = places.find_places(reader, typed, on=today, limit=20)
    exact = [place for place in found_by_name if place.code == typed]
    return exact or found_by_name


async def end(request: web.Request) -> web.Response:
    """Take a role away; what is open in it closes at once."""
    services, who = request.app[SERVICES], signed_in(request)
    grant_id = request.match_info["grant_id"]
    grant = await services.database.read(lambda reader: _held(reader, grant_id))
    await services.database.read(
        lambda reader: grants.require_within(reader, who.place_id, grant.place_id)
    )
    await note(request, AuditAction.ROLE_ENDED, target=f"account:{grant.account_id} {grant_id}")
    ended = await services.database.write(lambda tx: grants.end(tx, grant_id, who.account_id))
    sessions_ended(request, ended)
    raise web.HTTPSeeOther(f"/admin/accounts/{grant.account_id}")


def _held(reader: Reader, grant_id: str) -> GrantShown:
    found = next((grant for grant in grants.of(reader) if grant.grant_id == grant_id), None)
    if found is None:
        raise NotFoundError(f"no grant {grant_id}")
    return found


async def own_page(request: web.Request) -> web.Response:
    """Show the own roles, and which of them this browser acts in."""
    who = signed_in(request)

    def look(reader: Reader) -> dict[str, Any]:
        held = grants.of(reader, who.account_id)
        ids = [grant.place_id for grant in held if grant.place_id]
        return {"held": held, "paths": places.path_names(reader, ids)}

    shown = await request.app[SERVICES].database.read(look)
    return request.app[PAGES].render(
        request, "roles_own.html", signed_in=who, now_ms=now_ms(request), **shown
    )


async def act_as(request: web.Request) -> web.Response:
    """Act in another of the own roles from now on, in this browser."""
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    grant_id = form.get("grant_id", "")
    await note(request, AuditAction.ROLE_TAKEN, target=grant_id[:64])
    await services.database.write(lambda tx: sessions.act_as(tx, who, grant_id))
    services.bus.publish(who.topic, {"kind": "role"})
    role = (await services.database.read(lambda reader: _held(reader, grant_id))).role
    raise web.HTTPSeeOther(home_of(role))
