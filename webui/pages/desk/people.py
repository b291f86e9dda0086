"""One person on the station's desk: who it is, with whom, in whose care, with which device."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from protocols.identifiers import Identifier, IdentifierKind, Sex
from protocols.qr.fields import BirthDate
from telehealth import assigning, station
from telehealth.access import break_glass, sessions
from telehealth.access.policy import Action
from telehealth.access.scope import may
from telehealth.audit.actions import AuditAction
from telehealth.errors import (
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from telehealth.people import households, identifiers, living, places, proxies, unmerging
from telehealth.people.identifiers import NewIdentifier
from telehealth.people.proxies import Basis, NewProxy, ProxyKind
from telehealth.store.database import Reader
from telehealth.store.queries import screens, station_person
from telehealth.store.queries.station_person import StationPerson
from webui.forms import fields
from webui.keys import SERVICES, now_ms, signed_in
from webui.pages.desk.choosing import PersonChosen, PlaceChosen, choose_person
from webui.pages.desk.loans import hand_out, problem_of
from webui.pages.desk.register_form import NUMBERS, doubts
from webui.pages.desk.shown import draw, must, scope_of
from webui.pages.desk.typed import Problem
from webui.pages.places import today_of
from webui.permit import before, look_at

LONGEST_REASON: Final = 200
WARNINGS: Final = frozenset({"alike", "year_only", "consents", "not_restored"})
"""What an act may have to say on the person's page."""
_DONE: Final = (
    Action.REGISTER,
    Action.ASSIGN,
    Action.LEND_DEVICE,
    Action.HAND_OVER_ENTRY,
    Action.WITNESS_CONSENT,
    Action.MERGE,
)


async def page(request: web.Request) -> web.Response:
    """Show a person; the record into which this one was merged instead of it."""
    person_id = person_of(request)
    survivor = await request.app[SERVICES].database.read(
        lambda reader: station_person.survivor_of(reader, person_id)
    )
    if survivor != person_id:
        raise web.HTTPSeeOther(f"/station/persons/{survivor}")
    return await show(request)


def person_of(request: web.Request) -> str:
    """Return whose page it is."""
    return request.match_info["person_id"]


async def show(
    request: web.Request,
    *,
    status: int = 200,
    form: dict[str, str] | None = None,
    problems: dict[str, Problem] | None = None,
    candidates: PersonChosen | None = None,
    place: PlaceChosen | None = None,
    whole: str = "",
    noted: AuditAction = AuditAction.VIEW_OPENED,
) -> web.Response:
    """Draw the person's page, perhaps with a form that was not taken, or with one number whole."""
    who, now, person_id = signed_in(request), now_ms(request), person_of(request)
    seen = scope_of(request, Action.SEE_IDENTITY)

    def look(reader: Reader) -> dict[str, Any]:
        shown = station_person.shown(reader, seen, person_id, now)
        allowed = {one.value for one in _DONE if may(reader, who.actor, person_id, one)}
        vitals = None
        if shown.case and may(reader, who.actor, person_id, Action.SEE_VITALS):
            vitals = next(iter(screens.person_rows(reader, [person_id], now)), None)
        programme_id = shown.case.programme_id if shown.case else who.programme_id
        where = shown.place_id or who.place_id
        return {
            "one": shown,
            "may": allowed,
            "vitals": vitals,
            "glass": break_glass.active(reader, who.account_id, person_id),
            "place_path": places.path_names(reader, [where]).get(where, "") if where else "",
            "programmes": station.programmes_for(reader, who.actor, now),
            "doctors": station.doctors_for(reader, programme_id, where),
            "devices": station.free_devices(reader, who.actor, now),
            "signed_in_at": sessions.of_person(reader, person_id),
        }

    target = f"identifier:{whole}" if whole else ""
    found = await look_at(request, person_id, Action.SEE_IDENTITY, noted, look, target=target)
    warned = [code for code in request.query.get("warn", "").split("-") if code in WARNINGS]
    warned += _doubts(found["one"])
    return draw(
        request,
        "station_person.html",
        status=status,
        form=form or {},
        problems=problems or {},
        candidates=candidates.candidates if candidates else (),
        places=place.candidates if place else (),
        whole=whole,
        warned=warned,
        kinds=[kind.value for kind in NUMBERS],
        **found,
    )


def _doubts(one: StationPerson) -> tuple[str, ...]:
    """Return in what the record disagrees with the person's own citizen id."""
    numbers = [Identifier(held.kind, held.value) for held in one.numbers if held.ended_ms is None]
    born = one.birth_date.split("-")
    known = BirthDate(*(int(part) for part in born)) if all(born) else None
    return doubts(numbers, known, Sex(one.sex) if one.sex in set(Sex) else None)


def back(request: web.Request, part: str, warnings: Sequence[str] = ()) -> web.HTTPSeeOther:
    """Return to the person's page, at a part of it, with what must be said of what was done."""
    said = f"?warn={'-'.join(warnings)}" if warnings else ""
    return web.HTTPSeeOther(f"/station/persons/{person_of(request)}{said}#{part}")


async def show_number(request: web.Request) -> web.Response:
    """Show one number whole; the log says which."""
    person_id, key = person_of(request), request.match_info["identifier_id"]
    await request.app[SERVICES].database.read(
        lambda reader: station_person.number(reader, person_id, key)
    )
    return await show(request, whole=key)


async def add_number(request: web.Request) -> web.Response:
    """Write down another number of the person."""
    await must(request, person_of(request), Action.REGISTER, AuditAction.IDENTIFIER_ADDED)
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    person_id = person_of(request)
    try:
        new = NewIdentifier(kind=IdentifierKind(form.get("kind", "")), text=form.get("value", ""))
        identifiers.check(new, today_of(request))
    except (RefusedError, ValueError):
        is_phone = form.get("kind") == IdentifierKind.PHONE
        problem = Problem.PHONE if is_phone else Problem.NUMBER
        return await show(request, status=422, form=form, problems={"value": problem})
    await before(
        request,
        person_id,
        Action.REGISTER,
        AuditAction.IDENTIFIER_ADDED,
        target=f"kind:{new.kind.value}",
    )
    added = await services.database.write(
        lambda tx: identifiers.add(tx, person_id, new, who.account_id)
    )
    raise back(request, "numbers", ["alike"] if added.pairs else [])


async def end_number(request: web.Request) -> web.Response:
    """Say that a number no longer holds; it stays with its dates."""
    await must(request, person_of(request), Action.REGISTER, AuditAction.IDENTIFIER_ENDED)
    services = request.app[SERVICES]
    person_id, key = person_of(request), request.match_info["identifier_id"]
    await services.database.read(lambda reader: station_person.number(reader, person_id, key))
    await before(
        request,
        person_id,
        Action.REGISTER,
        AuditAction.IDENTIFIER_ENDED,
        target=f"identifier:{key}",
    )
    await services.database.write(lambda tx: identifiers.end(tx, key))
    raise back(request, "numbers")


async def _chosen(
    request: web.Request, form: dict[str, str], name: str, action: Action
) -> PersonChosen:
    """Return whom a field means, never the person of the page."""
    scope = scope_of(request, action)
    chosen = await request.app[SERVICES].database.read(
        lambda reader: choose_person(reader, form, name, scope)
    )
    if chosen.person_id == person_of(request):
        return PersonChosen(problem=Problem.SELF)
    if chosen.person_id is None and chosen.problem is None:
        return PersonChosen(problem=Problem.NO_PERSON)
    return chosen


async def join_household(request: web.Request) -> web.Response:
    """Put the person in the household of somebody else, making one where there is none."""
    await must(request, person_of(request), Action.REGISTER, AuditAction.HOUSEHOLD_CHANGED)
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    person_id = person_of(request)
    chosen = await _chosen(request, form, "household", Action.REGISTER)
    other = chosen.person_id
    if other is None:
        problems = {"household": chosen.problem or Problem.NO_PERSON}
        return await show(request, status=422, form=form, problems=problems, candidates=chosen)
    for one in (person_id, other):
        await before(request, one, Action.REGISTER, AuditAction.HOUSEHOLD_CHANGED)
    try:
        await services.database.write(
            lambda tx: living.live_with(tx, person_id, other, who.account_id)
        )
    except IllegalTransitionError:
        problems = {"household": Problem.SAME_HOUSEHOLD}
        return await show(request, status=409, form=form, problems=problems)
    raise back(request, "household")


async def leave_household(request: web.Request) -> web.Response:
    """Say that the person lives there no more."""
    services, person_id = request.app[SERVICES], person_of(request)
    await before(request, person_id, Action.REGISTER, AuditAction.HOUSEHOLD_CHANGED)
    await services.database.write(lambda tx: households.move_out(tx, person_id))
    raise back(request, "household")


async def add_proxy(request: web.Request) -> web.Response:
    """Say who acts for the person: a carer by their wish, a guardian by law; and on what basis."""
    await must(request, person_of(request), Action.REGISTER, AuditAction.PROXY_GRANTED)
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    person_id = person_of(request)
    chosen = await _chosen(request, form, "proxy", Action.SEE_IDENTITY)
    problems: dict[str, Problem] = {}
    if chosen.person_id is None:
        problems["proxy"] = chosen.problem or Problem.NO_PERSON
    if form.get("basis") not in set(Basis):
        problems["basis"] = Problem.CHOOSE
    if not 0 < len(form.get("reference", "")) <= LONGEST_REASON:
        problems["reference"] = Problem.REASON
    if problems:
        return await show(request, status=422, form=form, problems=problems, candidates=chosen)
    basis = Basis(form["basis"])
    new = NewProxy(
        person_id=person_id,
        proxy_person_id=chosen.person_id or "",
        kind=ProxyKind.CARER if basis is Basis.WISH else ProxyKind.GUARDIAN,
        basis=basis,
        reference=form["reference"],
    )
    await before(
        request,
        person_id,
        Action.REGISTER,
        AuditAction.PROXY_GRANTED,
        target=f"{new.kind.value}:{new.proxy_person_id}",
    )
    try:
        await services.database.write(lambda tx: proxies.grant(tx, new, who.account_id))
    except RefusedError as error:
        problem = {"reference": Problem.REASON, "birth_date": Problem.NO_BIRTH}.get(
            error.field, Problem.NOT_A_CHILD
        )
        return await show(request, status=422, form=form, problems={"basis": problem})
    except IllegalTransitionError:
        problems = {"proxy": Problem.ACTS_ALREADY}
        return await show(request, status=409, form=form, problems=problems)
    services.bus.publish(f"person:{person_id}", {"kind": "proxy"})
    raise back(request, "proxies")


async def end_proxy(request: web.Request) -> web.Response:
    """Say that somebody acts for the person no more."""
    services = request.app[SERVICES]
    person_id, key = person_of(request), request.match_info["proxy_id"]
    seen, now = scope_of(request, Action.SEE_IDENTITY), now_ms(request)

    def check(reader: Reader) -> None:
        shown = station_person.shown(reader, seen, person_id, now)
        if key not in {one.proxy_id for one in shown.proxies}:
            raise NotFoundError(f"no proxy {key} of {person_id}")

    await before(
        request, person_id, Action.REGISTER, AuditAction.PROXY_ENDED, target=f"proxy:{key}"
    )
    await services.database.read(check)
    await services.database.write(lambda tx: proxies.end(tx, key))
    services.bus.publish(f"person:{person_id}", {"kind": "proxy"})
    raise back(request, "proxies")


async def change_case(request: web.Request) -> web.Response:
    """Choose programme and doctor; where no case is open, one is opened."""
    await must(request, person_of(request), Action.ASSIGN, AuditAction.CASE_CHANGED)
    services, form, person_id = request.app[SERVICES], await fields(request), person_of(request)
    programme_id, doctor_id = form.get("programme_id", ""), form.get("doctor_id") or None
    who = signed_in(request)
    offered = await services.database.read(
        lambda reader: {
            one.programme_id for one in station.programmes_for(reader, who.actor, now_ms(request))
        }
    )
    if programme_id not in offered:
        problems = {"programme_id": Problem.PROGRAMME}
        return await show(request, status=422, form=form, problems=problems)
    await before(request, person_id, Action.ASSIGN, AuditAction.CASE_CHANGED)
    try:
        await services.database.write(
            lambda tx: assigning.assign(tx, person_id, programme_id, doctor_id)
        )
    except RefusedError as error:
        is_doctor = error.field == "doctor_id"
        problem = Problem.DOCTOR if is_doctor else Problem.PROGRAMME
        return await show(request, status=422, form=form, problems={error.field: problem})
    services.bus.publish(f"person:{person_id}", {"kind": "state"})
    raise back(request, "case")


async def lend(request: web.Request) -> web.Response:
    """Lend the person a device."""
    await must(request, person_of(request), Action.LEND_DEVICE, AuditAction.DEVICE_LENT)
    form = await fields(request)
    try:
        await hand_out(request, form.get("device_id", ""), person_of(request))
    except (RefusedError, NotFoundError, IllegalTransitionError, NotAllowedError) as error:
        name, problem = problem_of(error)
        name = "device_id" if name == "person" else name
        return await show(request, status=422, form=form, problems={name: problem})
    raise back(request, "device")


async def undo_merge(request: web.Request) -> web.Response:
    """Take a merge back: both records stand as before, what came since stays with this one."""
    services, who = request.app[SERVICES], signed_in(request)
    person_id, key = person_of(request), request.match_info["merge_id"]
    seen, now = scope_of(request, Action.SEE_IDENTITY), now_ms(request)

    def check(reader: Reader) -> None:
        shown = station_person.shown(reader, seen, person_id, now)
        if key not in {one.merge_id for one in shown.merges}:
            raise NotFoundError(f"no merge {key} into {person_id}")

    await before(request, person_id, Action.MERGE, AuditAction.MERGE_UNDONE, target=f"merge:{key}")
    await services.database.read(check)
    try:
        undone = await services.database.write(
            lambda tx: unmerging.unmerge(tx, key, who.account_id)
        )
    except IllegalTransitionError:
        return await show(request, status=409, problems={"merge": Problem.NO_UNDO})
    for one in (person_id, undone.merged_person_id):
        services.bus.publish(f"person:{one}", {"kind": "state"})
    raise back(request, "merges", ["not_restored"] if undone.not_restored else [])
