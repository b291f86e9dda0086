"""Corrects who somebody is: name, day of birth, sex, address and place."""

from aiohttp import web

from protocols.identifiers import Sex
from telehealth.access.policy import Action
from telehealth.audit.actions import AuditAction
from telehealth.people import registering_here
from telehealth.people.registering import FieldsRefusedError, Who
from telehealth.store.database import Reader
from webui.forms import fields
from webui.keys import SERVICES, signed_in
from webui.pages.desk.choosing import PlaceChosen, choose_place
from webui.pages.desk.people import back, person_of, show
from webui.pages.desk.register_form import problems_of, read_form
from webui.pages.desk.shown import must
from webui.pages.places import today_of
from webui.permit import before


async def correct(request: web.Request) -> web.Response:
    """Write down anew who somebody is; an empty place leaves the person where they are."""
    services, who, person_id = request.app[SERVICES], signed_in(request), person_of(request)
    await must(request, person_id, Action.REGISTER, AuditAction.PERSON_CORRECTED)
    form, today = await fields(request), today_of(request)
    typed = read_form(
        {name: form.get(name, "") for name in ("name", "born", "sex", "pregnant", "address")},
        today,
    )

    def choose(reader: Reader) -> PlaceChosen:
        return choose_place(reader, form, who.place_id, today)

    place = await services.database.read(choose)
    problems = dict(typed.problems)
    if place.problem is not None:
        problems["place"] = place.problem
    if problems:
        return await show(request, status=422, form=form, problems=problems, place=place)
    named = bool(form.get("place") or form.get("place_id")) and place.given is None
    born = typed.born.earliest.isoformat() if typed.born else ""
    new = Who(
        name=typed.name,
        birth_date=born,
        sex=typed.sex.value if typed.sex in set(Sex) else "unknown",
        pregnant=typed.pregnant,
        address=typed.address,
        place=(place.place_id or "") if named else "",
    )
    await before(request, person_id, Action.REGISTER, AuditAction.PERSON_CORRECTED)
    try:
        done = await services.database.write(
            lambda tx: registering_here.correct(tx, who.actor, person_id, new, place.given)
        )
    except FieldsRefusedError as error:
        refused = problems_of(error.fields)
        return await show(request, status=422, form=form, problems=refused)
    services.bus.publish(f"person:{person_id}", {"kind": "state"})
    warnings = ["alike"] if done.pairs else []
    if typed.born is not None and typed.born.day is None:
        warnings.append("year_only")
    raise back(request, "main", warnings)
