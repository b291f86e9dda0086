"""Readings that came without a person: whose they are is decided here, with a reason."""

from typing import Final

from aiohttp import web

from telehealth.access.policy import Action, Role
from telehealth.alerts.desk import DESK_TOPIC
from telehealth.audit.actions import AuditAction
from telehealth.errors import RefusedError
from telehealth.people import attributing, places
from telehealth.people.attributing import WaitingDevice
from telehealth.store.database import Reader, Transaction
from webui.forms import fields
from webui.keys import SERVICES, signed_in
from webui.pages.desk.choosing import PersonChosen, choose_person
from webui.pages.desk.shown import draw, scope_of
from webui.pages.desk.typed import Problem
from webui.permit import before, note, note_many

TICKED: Final = "reading_"
SHOWN_MOST: Final = 40
"""Readings of one device on the page, each with its tick; one more tick means all older ones."""


async def page(request: web.Request) -> web.Response:
    """List the readings of nobody that were measured with devices of the station."""
    return await _page(request)


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    form: dict[str, str] | None = None,
    problems: dict[str, Problem] | None = None,
    candidates: PersonChosen | None = None,
) -> web.Response:
    who = signed_in(request)

    def look(reader: Reader) -> tuple[list[WaitingDevice], dict[str, str]]:
        found = attributing.waiting(reader, who.actor)
        return found, places.path_names(reader, [one.place_id for one in found if one.place_id])

    found, paths = await request.app[SERVICES].database.read(look)
    borrowers = {one.person_id for device in found for one in device.borrowers}
    await note_many(request, AuditAction.LIST_SEEN, sorted(borrowers), target="station readings")
    form = form or {}
    return draw(
        request,
        "station_readings.html",
        status=status,
        found=found,
        paths=paths,
        most=SHOWN_MOST,
        with_values=who.role is Role.NURSE,
        form=form,
        ticked={name.removeprefix(TICKED) for name in form if name.startswith(TICKED)},
        problems=problems or {},
        candidates=candidates.candidates if candidates else (),
    )


def _meant(form: dict[str, str], found: list[WaitingDevice]) -> list[int]:
    """Return the readings of its device that the form means."""
    device = next((one for one in found if one.device_id == form.get("device_id")), None)
    if device is None:
        return []
    older = device.readings[SHOWN_MOST:] if form.get("rest") else ()
    ticked = [one for one in device.readings if f"{TICKED}{one.reading_id}" in form]
    return list(dict.fromkeys(one.reading_id for one in (*ticked, *older)))


async def attribute(request: web.Request) -> web.Response:
    """Give readings of one device to a person, or say that they are nobody's."""
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    scope, nobodys = scope_of(request, Action.ATTRIBUTE), form.get("do") == "nobody"
    form["person_id"] = form.get("person_id") or form.get("borrower", "")

    def look(reader: Reader) -> tuple[PersonChosen, list[int]]:
        chosen = PersonChosen() if nobodys else choose_person(reader, form, "person", scope)
        return chosen, _meant(form, attributing.waiting(reader, who.actor))

    chosen, ids = await services.database.read(look)
    problems: dict[str, Problem] = {}
    if not ids:
        problems["readings"] = Problem.CHOOSE
    if not nobodys and chosen.person_id is None:
        problems["person"] = chosen.problem or Problem.NO_PERSON
    if not form.get("reason"):
        problems["reason"] = Problem.REASON
    if problems:
        return await _page(request, status=422, form=form, problems=problems, candidates=chosen)
    target = f"readings:{len(ids)} first:{ids[-1]}"
    if chosen.person_id is None:
        await note(request, AuditAction.READING_ATTRIBUTED, target=f"{target} nobody")
    else:
        noted = AuditAction.READING_ATTRIBUTED
        await before(request, chosen.person_id, Action.ATTRIBUTE, noted, target=target)

    def decide(tx: Transaction) -> attributing.Attributed:
        attributing.require(tx, who.actor, ids, chosen.person_id)
        return attributing.attribute(tx, ids, chosen.person_id, who.account_id, form["reason"])

    try:
        done = await services.database.write(decide)
    except RefusedError:
        problems = {"reason": Problem.REASON}
        return await _page(request, status=422, form=form, problems=problems, candidates=chosen)
    for person_id in {*done.before, *([done.after] if done.after else [])}:
        services.bus.publish(f"person:{person_id}", {"kind": "state"})
    services.bus.publish(DESK_TOPIC, {"kind": "desk"})
    if done.queued:
        services.bus.publish("outbox", {})
    raise web.HTTPSeeOther("/station/readings")
