"""The administrator's programmes: which run where, under which rules, for care or for trial."""

import secrets
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from aiohttp import web

from telehealth import programme_book, programmes
from telehealth.access import grants
from telehealth.audit.actions import AuditAction
from telehealth.errors import IllegalTransitionError, NotAllowedError, RefusedError
from telehealth.people import places
from telehealth.people.places import Place
from telehealth.programmes import NewProgramme
from telehealth.store.database import Reader, Transaction
from telehealth.vitals.packs import Mode
from webui.forms import fields
from webui.keys import PAGES, SERVICES, now_ms, signed_in
from webui.pages.desk.typed import Problem, day_text, typed_day
from webui.pages.places import today_of
from webui.permit import note

CADENCES_S: Final = (300, 3_600, 7_200, 14_400, 21_600, 28_800, 43_200, 86_400)
"""How often a reading may be expected: from continuous to once a day."""
_LONGEST_NAME: Final = 80
_MODES: Final = frozenset(mode.value for mode in Mode)


async def page(request: web.Request) -> web.Response:
    """List the programmes and ask for a new one."""
    return await _page(request)


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    form: dict[str, str] | None = None,
    problems: dict[str, Problem] | None = None,
    found: Sequence[Place] = (),
    refused: str = "",
    refused_number: str = "",
) -> web.Response:
    who = signed_in(request)

    def look(reader: Reader) -> dict[str, Any]:
        shown = programme_book.shown(reader, who.actor)
        ids = [one.place_id for one in shown if one.place_id]
        ids += [place.place_id for place in found]
        return {"programmes": shown, "paths": places.path_names(reader, ids)}

    looked = await request.app[SERVICES].database.read(look)
    return request.app[PAGES].render(
        request,
        "programmes.html",
        signed_in=who,
        now_ms=now_ms(request),
        status=status,
        form=form or {},
        problems=problems or {},
        found=found,
        refused=refused,
        refused_number=refused_number,
        cadences=CADENCES_S,
        day_text=day_text,
        packs=[(pack, programme_book.may_be_clinical(pack)) for pack in programme_book.packs()],
        **looked,
    )


async def create(request: web.Request) -> web.Response:
    """Make a programme that begins now; what cannot be is said beside its field."""
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    today = today_of(request)
    found = await services.database.read(lambda reader: _places(reader, form, today))
    problems = _problems(form, today)
    if len(found) != 1:
        problems["place"] = Problem.WHICH_PLACE if found else Problem.NO_PLACE
    if problems:
        return await _page(request, status=422, form=form, problems=problems, found=found)
    new = _new(form, found[0], today)

    def act(tx: Transaction) -> None:
        grants.require_within(tx, who.place_id, new.place_id)
        programmes.create(tx, new)

    try:
        await services.database.read(
            lambda reader: grants.require_within(reader, who.place_id, new.place_id)
        )
        await note(request, AuditAction.PROGRAMME_CHANGED, target=f"programme:{new.programme_id}")
        await services.database.write(act)
    except NotAllowedError:
        problems["place"] = Problem.PLACE_OUTSIDE
    except RefusedError:
        problems["rule_pack"] = Problem.PACK
    if problems:
        return await _page(request, status=422, form=form, problems=problems)
    raise web.HTTPSeeOther("/admin/programmes")


def _places(reader: Reader, form: dict[str, str], today: date) -> list[Place]:
    """Return the places that the form may mean."""
    if form.get("place_id"):
        return [places.place(reader, form["place_id"])]
    found = places.find_places(reader, form.get("place", ""), on=today, limit=20)
    exact = [one for one in found if one.code == form.get("place")]
    return exact or found


def _problems(form: dict[str, str], today: date) -> dict[str, Problem]:
    problems: dict[str, Problem] = {}
    if not 0 < len(form.get("name", "")) <= _LONGEST_NAME:
        problems["name"] = Problem.NAME
    if form.get("rule_pack") not in {pack.pack_id for pack in programme_book.packs()}:
        problems["rule_pack"] = Problem.PACK
    if form.get("cadence_s") not in {str(cadence) for cadence in CADENCES_S}:
        problems["cadence_s"] = Problem.CHOOSE
    if form.get("mode") not in _MODES:
        problems["mode"] = Problem.CHOOSE
    problems |= _wrong_numbers(form)
    if form.get("mode") == Mode.CLINICAL.value:
        signed_on = typed_day(form.get("signed_on", ""))
        if not form.get("signed_by"):
            problems["signed_by"] = Problem.SIGNATURE
        if signed_on is None or signed_on > today:
            problems["signed_on"] = Problem.DAY_PAST
    return problems


def _wrong_numbers(form: dict[str, str]) -> dict[str, Problem]:
    return {
        name: Problem.PHONE
        for name in ("station_phone", "sms_number")
        if form.get(name) and not programmes.may_be_dialled(form[name])
    }


def _new(form: dict[str, str], place: Place, today: date) -> NewProgramme:
    is_clinical = form["mode"] == Mode.CLINICAL.value
    signed_on = typed_day(form.get("signed_on", "")) or today
    return NewProgramme(
        programme_id=f"pr-{secrets.token_hex(8)}",
        name=form["name"],
        place=place.name,
        place_id=place.place_id,
        rule_pack=form["rule_pack"],
        mode=form["mode"],
        levels_signed_by=form["signed_by"] if is_clinical else None,
        levels_signed_on=signed_on.isoformat() if is_clinical else None,
        cadence=timedelta(seconds=int(form["cadence_s"])),
        station_phone=form.get("station_phone") or None,
        sms_number=form.get("sms_number") or None,
    )


async def change_numbers(request: web.Request) -> web.Response:
    """Change whom a programme's people call, and where their SMS go."""
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    key = request.match_info["programme_id"]

    def check(reader: Reader) -> None:
        grants.require_within(reader, who.place_id, programme_book.one(reader, key).place_id)

    await services.database.read(check)
    if _wrong_numbers(form):
        return await _page(request, status=422, refused_number=key)
    await note(request, AuditAction.PROGRAMME_CHANGED, target=f"programme:{key} numbers")
    await services.database.write(
        lambda tx: programme_book.change_numbers(
            tx,
            key,
            station_phone=form.get("station_phone") or None,
            sms_number=form.get("sms_number") or None,
        )
    )
    raise web.HTTPSeeOther("/admin/programmes")


async def end(request: web.Request) -> web.Response:
    """End a programme in which nobody's case is open any more."""
    services, who = request.app[SERVICES], signed_in(request)
    key = request.match_info["programme_id"]

    def check(reader: Reader) -> None:
        grants.require_within(reader, who.place_id, programme_book.one(reader, key).place_id)

    await services.database.read(check)
    await note(request, AuditAction.PROGRAMME_CHANGED, target=f"programme:{key} end")
    try:
        await services.database.write(lambda tx: programme_book.end(tx, key))
    except IllegalTransitionError:
        return await _page(request, status=409, refused=key)
    raise web.HTTPSeeOther("/admin/programmes")
