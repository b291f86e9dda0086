"""One page registers a person: who, where, with whom, in whose care, with which device."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from protocols.qr import QrError
from telehealth import assigning, station
from telehealth.access.policy import Action, Actor
from telehealth.audit.actions import AuditAction
from telehealth.errors import NotAllowedError
from telehealth.people import places, registering_here
from telehealth.people.alike import Alike, Draft, alike
from telehealth.people.registering import FieldsRefusedError, Registered
from telehealth.people.registering_here import HereRegistration
from telehealth.store.database import Reader
from webui.api.body import body_as
from webui.forms import fields
from webui.keys import SERVICES, now_ms, signed_in
from webui.pages.desk.cards import read_card
from webui.pages.desk.choosing import PersonChosen, PlaceChosen, choose_person, choose_place
from webui.pages.desk.register_form import Typed, problems_of, read_form, registration
from webui.pages.desk.shown import draw, scope_of
from webui.pages.desk.typed import Problem, day_text
from webui.pages.places import today_of
from webui.permit import entry_of, note, note_many
from webui.render import language_of

REASONS: Final = {
    "same_citizen_id": "the same citizen id",
    "same_old_citizen_id": "the same old identity card",
    "same_passport": "the same passport",
    "same_insurance": "the same health insurance",
    "same_name_birth": "the same name and date of birth",
    "same_phone_like_name": "the same telephone and a like name",
    "same_station_code_like_name": "the same number at the station and a like name",
    "like_name_birth_place": "a like name, born the same day, in the same place",
}


async def page(request: web.Request) -> web.Response:
    """Show the form, empty."""
    return await _page(request)


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    form: dict[str, str] | None = None,
    problems: dict[str, Problem] | None = None,
    refusal: str = "",
    doubts: Sequence[str] = (),
    place: PlaceChosen | None = None,
    household: PersonChosen | None = None,
    found: Sequence[Alike] = (),
) -> web.Response:
    who, now, form = signed_in(request), now_ms(request), form or {}

    def look(reader: Reader) -> dict[str, Any]:
        running = station.programmes_for(reader, who.actor, now)
        chosen = form.get("programme_id") or (running[0].programme_id if running else None)
        own = places.path_names(reader, [who.place_id]) if who.place_id else {}
        return {
            "programmes": running,
            "doctors": station.doctors_for(reader, chosen, who.place_id),
            "devices": station.free_devices(reader, who.actor, now),
            "own": own.get(who.place_id or "", ""),
            "evaluation": any(one.mode == "evaluation" for one in running[:1]),
        }

    looked = await request.app[SERVICES].database.read(look)
    await _note_alike(request, found)
    return draw(
        request,
        "station_register.html",
        status=status,
        form=form,
        problems=problems or {},
        refusal=refusal,
        doubts=doubts,
        places=place.candidates if place else (),
        candidates=household.candidates if household else (),
        alike=found,
        reasons=REASONS,
        bound=who.programme_id is not None,
        **looked,
    )


async def register(request: web.Request) -> web.Response:
    """Fill the form from a card, or register whom it describes."""
    form = await fields(request)
    if form.get("scan") or form.get("do") == "read":
        return await _fill(request, form)
    return await _save(request, form)


async def _fill(request: web.Request, form: dict[str, str]) -> web.Response:
    text = form.pop("scan", "")
    if not text:
        return await _page(request, form=form)
    try:
        card = read_card(text, today_of(request))
    except QrError as error:
        return await _page(request, status=422, form=form, refusal=error.refusal.value)
    filled = form | card.form | {"source": card.kind}
    return await _page(request, form=filled, doubts=card.doubts)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What of a form the database had to say."""

    place: PlaceChosen
    household: PersonChosen
    alike: list[Alike]
    elsewhere: bool


async def _save(request: web.Request, form: dict[str, str]) -> web.Response:
    """Register, or show the form again with every problem beside its field."""
    services, who, today = request.app[SERVICES], signed_in(request), today_of(request)
    typed = read_form(form, today)
    writing, seen = scope_of(request, Action.REGISTER), scope_of(request, Action.SEE_IDENTITY)

    def choose(reader: Reader) -> _Chosen:
        place = choose_place(reader, form, who.place_id, today)
        household = choose_person(reader, form, "household", writing)
        found = alike(reader, seen, draft_of(typed, place.place_id))
        return _Chosen(place, household, found, _is_elsewhere(reader, who.actor, typed.device_id))

    chosen = await services.database.read(choose)
    problems = dict(typed.problems)
    if chosen.place.problem:
        problems["place"] = chosen.place.problem
    if chosen.household.problem:
        problems["household"] = chosen.household.problem
    if chosen.elsewhere:
        problems["device_id"] = Problem.DEVICE_ELSEWHERE
    if who.programme_id is not None and typed.programme_id != who.programme_id:
        problems["programme_id"] = Problem.CHOOSE
    again = partial(
        _page,
        request,
        form=form,
        place=chosen.place,
        household=chosen.household,
        found=chosen.alike,
    )
    if problems:
        return await again(status=422, problems=problems)
    if chosen.alike and not form.get("another"):
        return await again(status=409)
    here = HereRegistration(
        new=registration(typed, chosen.place.place_id, who.account_id),
        place_given=chosen.place.given,
        lives_with=chosen.household.person_id,
    )
    await note(request, AuditAction.PERSON_REGISTERED, target="begun")
    try:
        done = await services.database.write(
            lambda tx: registering_here.register(tx, who.actor, here)
        )
    except FieldsRefusedError as error:
        return await again(status=422, problems=problems_of(error.fields))
    await _note_done(request, done, here)
    services.bus.publish(f"person:{done.person_id}", {"kind": "state"})
    raise web.HTTPSeeOther(_next(typed, done))


def _is_elsewhere(reader: Reader, actor: Actor, device_id: str) -> bool:
    try:
        assigning.require_own(reader, actor, device_id)
    except NotAllowedError:
        return True
    return False


async def _note_done(request: web.Request, done: Registered, here: HereRegistration) -> None:
    """Say in the log who it was, which is known only now, and what came with it."""
    acts = [AuditAction.PERSON_REGISTERED]
    acts += [AuditAction.CASE_OPENED] if done.case_id else []
    acts += [AuditAction.DEVICE_LENT] if done.loan_id else []
    acts += [AuditAction.HOUSEHOLD_CHANGED] if here.lives_with else []
    entries = [entry_of(request, act, person_id=done.person_id) for act in acts]
    await request.app[SERVICES].audit.record(*entries)


def _next(typed: Typed, done: Registered) -> str:
    """Return where to go on: to the code to log in if that was wanted, else to the person."""
    if typed.entry:
        return f"/desk/persons/{done.person_id}/entry"
    warnings = ["alike"] if done.pairs else []
    if typed.born is not None and typed.born.day is None:
        warnings.append("year_only")
    said = f"?warn={'-'.join(warnings)}" if warnings else ""
    return f"/station/persons/{done.person_id}{said}"


class Asked(msgspec.Struct, frozen=True):
    """What is typed so far; the fields of the form."""

    name: Annotated[str, Meta(max_length=200)] = ""
    born: Annotated[str, Meta(max_length=40)] = ""
    phone: Annotated[str, Meta(max_length=64)] = ""
    citizen_id: Annotated[str, Meta(max_length=64)] = ""
    insurance: Annotated[str, Meta(max_length=64)] = ""
    old_citizen_id: Annotated[str, Meta(max_length=64)] = ""
    passport: Annotated[str, Meta(max_length=64)] = ""


async def alike_json(request: web.Request) -> web.Response:
    """Return who is registered already and may be the one that is being typed."""
    who = signed_in(request)
    asked = await body_as(request, Asked)
    scope = scope_of(request, Action.SEE_IDENTITY)
    draft = draft_of(read_form(msgspec.to_builtins(asked), today_of(request)), who.place_id)
    found = await request.app[SERVICES].database.read(lambda reader: alike(reader, scope, draft))
    await _note_alike(request, found)
    words = language_of(request, who)
    people = [
        {
            "person_id": one.person.person_id,
            "name": one.person.name,
            "born": day_text(one.person.birth_date),
            "grade": one.grade.value,
            "why": ", ".join(words.t(REASONS[reason.value]) for reason in one.reasons),
        }
        for one in found
    ]
    return web.json_response({"people": people}, headers={"Cache-Control": "no-store"})


def draft_of(typed: Typed, place_id: str | None) -> Draft:
    """Return what can be compared of what was typed."""
    born = typed.born.earliest if typed.born else None
    return Draft(name=typed.name, born=born, place_id=place_id, numbers=typed.numbers)


async def _note_alike(request: web.Request, found: Sequence[Alike]) -> None:
    ids = [one.person.person_id for one in found]
    if ids:
        await note_many(request, AuditAction.SEARCH_FOUND, ids, target="station alike")
