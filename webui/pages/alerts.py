"""What a doctor does to an alert, from a form or as JSON: translated, and left to the desk."""

from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from protocols.errors import DecodeError
from telehealth.access.policy import Action
from telehealth.access.scope import require
from telehealth.alerts import desk
from telehealth.audit.actions import AuditAction
from telehealth.errors import RefusedError
from telehealth.store.database import Transaction
from telehealth.store.queries import screens
from webui.api.body import body_as
from webui.api.schemas import LONGEST_REVIEW_MIN, AlertMoved, AlertStep
from webui.forms import fields
from webui.keys import SERVICES, now_ms, signed_in
from webui.permit import before, note

_MINUTE_MS: Final = 60_000


class Act(msgspec.Struct, frozen=True):
    """What is wanted: the step, its coded reason, a note, and when to look again."""

    action: Annotated[str, Meta(min_length=1, max_length=20)]
    reason: Annotated[str, Meta(max_length=40)] | None = None
    note: Annotated[str, Meta(max_length=500)] | None = None
    review_minutes: Annotated[int, Meta(ge=1, le=LONGEST_REVIEW_MIN)] | None = None


async def act_form(request: web.Request) -> web.Response:
    """Do it and go back to the person's page."""
    form = await fields(request)
    try:
        wanted = msgspec.convert(
            {k: v for k, v in form.items() if k in Act.__struct_fields__ and v}, Act, strict=False
        )
    except msgspec.ValidationError as error:
        raise DecodeError(str(error)) from error
    person_id = await _act(request, wanted)
    back = f"/doctor/persons/{person_id}" if person_id else "/doctor/desk"
    raise web.HTTPSeeOther(f"{back}#alert-{request.match_info['alert_id']}")


async def act_json(request: web.Request) -> web.Response:
    """Do it and say so."""
    step: AlertStep = await body_as(request, AlertStep)  # type: ignore[arg-type] # a union
    person_id = await _act(request, msgspec.convert(msgspec.to_builtins(step), Act, strict=False))
    moved = AlertMoved(request.match_info["alert_id"], person_id)
    return web.json_response(msgspec.to_builtins(moved))


async def _act(request: web.Request, wanted: Act) -> str | None:
    """Check that this doctor may, move the alert, and tell the screens after the commit."""
    services, who = request.app[SERVICES], signed_in(request)
    alert_id, now = request.match_info["alert_id"], now_ms(request)
    if wanted.action not in ("accept", "act", "resolve", "noise"):
        raise RefusedError("action", "accept, act, resolve or noise", wanted.action)
    review_ms = None
    if wanted.action == "accept" and wanted.review_minutes is not None:
        review_ms = now + wanted.review_minutes * _MINUTE_MS

    person_id = await services.database.read(lambda reader: screens.alert_person(reader, alert_id))
    target = f"alert:{alert_id}"
    if person_id is not None:
        noted = AuditAction.ALERT_ACTED_ON
        await before(request, person_id, Action.ACT_ON_ALERT, noted, target=target)
    else:
        await note(request, AuditAction.ALERT_ACTED_ON, target=target)

    def move(tx: Transaction) -> str | None:
        person_id = screens.alert_person(tx, alert_id)
        if person_id is not None:
            require(tx, who.actor, person_id, Action.ACT_ON_ALERT)
        desk.act(
            tx,
            alert_id,
            action=wanted.action,
            actor_id=who.account_id,
            reason=wanted.reason,
            note=wanted.note,
            review_ms=review_ms,
        )
        return person_id

    person_id = await services.database.write(move)
    if person_id is not None:
        services.bus.publish(f"person:{person_id}", {"kind": "state"})
    return person_id
