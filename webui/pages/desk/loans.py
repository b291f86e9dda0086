"""The station's devices: who has which, lent and taken back, and moved to another station."""

from typing import Any

from aiohttp import web

from telehealth import assigning, loans, station
from telehealth.access.policy import Action
from telehealth.audit.actions import AuditAction
from telehealth.errors import (
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    TelehealthError,
)
from telehealth.people import places
from telehealth.store.database import Reader
from webui.forms import fields
from webui.keys import SERVICES, now_ms, signed_in
from webui.pages.desk.choosing import PersonChosen, choose_person, choose_place
from webui.pages.desk.shown import draw, scope_of
from webui.pages.desk.typed import Problem
from webui.pages.places import today_of
from webui.permit import before, note, note_many


async def page(request: web.Request) -> web.Response:
    """List the devices of the place, and those that its people have."""
    return await _page(request)


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    form: dict[str, str] | None = None,
    problems: dict[str, Problem] | None = None,
    candidates: PersonChosen | None = None,
    to_place: tuple[tuple[str, str], ...] = (),
) -> web.Response:
    scope, now = scope_of(request, Action.LEND_DEVICE), now_ms(request)

    def look(reader: Reader) -> dict[str, Any]:
        found = station.devices(reader, scope, now)
        ids = [one.place_id for one in found if one.place_id]
        return {"devices": found, "paths": places.path_names(reader, ids)}

    looked = await request.app[SERVICES].database.read(look)
    seen = [one.person_id for one in looked["devices"] if one.person_id]
    await note_many(request, AuditAction.LIST_SEEN, seen, target="station devices")
    return draw(
        request,
        "station_devices.html",
        status=status,
        form=form or {},
        problems=problems or {},
        candidates=candidates.candidates if candidates else (),
        to_place=to_place,
        **looked,
    )


def problem_of(error: TelehealthError) -> tuple[str, Problem]:
    """Return the field and the problem of a device that was not lent."""
    if isinstance(error, IllegalTransitionError):
        return "device_id", Problem.DEVICE_LENT
    if isinstance(error, NotFoundError):
        return "person", Problem.NEEDS_CASE
    if isinstance(error, NotAllowedError):
        return "device_id", Problem.DEVICE_ELSEWHERE
    return "device_id", Problem.DEVICE


async def hand_out(request: web.Request, device_id: str, person_id: str) -> None:
    """Lend a device to a person whom this account may lend one.

    Raises:
        NotAllowedError: the person or the device is out of reach.
        RefusedError, NotFoundError, IllegalTransitionError: it cannot be lent.
    """
    services, who = request.app[SERVICES], signed_in(request)
    await services.database.read(lambda reader: assigning.require_own(reader, who.actor, device_id))
    await before(
        request,
        person_id,
        Action.LEND_DEVICE,
        AuditAction.DEVICE_LENT,
        target=f"device:{device_id[:64]}",
    )
    await services.database.write(lambda tx: assigning.lend(tx, who.actor, device_id, person_id))
    services.bus.publish(f"person:{person_id}", {"kind": "loan"})


async def lend(request: web.Request) -> web.Response:
    """Lend a device to somebody who was searched for."""
    form, scope = await fields(request), scope_of(request, Action.LEND_DEVICE)
    chosen = await request.app[SERVICES].database.read(
        lambda reader: choose_person(reader, form, "person", scope)
    )
    problems: dict[str, Problem] = {}
    if chosen.person_id is None:
        problems["person"] = chosen.problem or Problem.NO_PERSON
    else:
        try:
            await hand_out(request, form.get("device_id", ""), chosen.person_id)
        except (RefusedError, NotFoundError, IllegalTransitionError, NotAllowedError) as error:
            name, problem = problem_of(error)
            problems[name] = problem
    if problems:
        return await _page(request, status=422, form=form, problems=problems, candidates=chosen)
    raise web.HTTPSeeOther("/station/devices")


async def give_back(request: web.Request) -> web.Response:
    """Take a device back; what it measured before stays with whoever had it."""
    services, loan_id = request.app[SERVICES], request.match_info["loan_id"]
    form = await fields(request)
    person_id = await services.database.read(lambda r: loans.borrower_of(r, loan_id))
    await before(
        request,
        person_id,
        Action.LEND_DEVICE,
        AuditAction.DEVICE_RETURNED,
        target=f"loan:{loan_id}",
    )
    await services.database.write(lambda tx: loans.give_back(tx, loan_id))
    services.bus.publish(f"person:{person_id}", {"kind": "loan"})
    to_person = form.get("back") == "person"
    raise web.HTTPSeeOther(f"/station/persons/{person_id}" if to_person else "/station/devices")


async def move(request: web.Request) -> web.Response:
    """Give a free device to another station beneath the own place."""
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    device_id, today = request.match_info["device_id"], today_of(request)
    chosen = await services.database.read(
        lambda reader: choose_place(reader, form, who.place_id, today)
    )
    problem = chosen.problem
    if chosen.place_id is None or chosen.given is not None:
        problem = problem or Problem.NO_PLACE
    place_id = chosen.place_id or ""
    if problem is None:
        await note(request, AuditAction.DEVICE_LENT, target=f"device:{device_id[:64]} moved")
        try:
            await services.database.write(
                lambda tx: assigning.move_device(tx, who.actor, device_id, place_id)
            )
        except IllegalTransitionError:
            problem = Problem.DEVICE_LENT
    if problem is not None:
        form["moving"] = device_id
        return await _page(
            request,
            status=422,
            form=form,
            problems={"place": problem},
            to_place=chosen.candidates,
        )
    raise web.HTTPSeeOther("/station/devices")
