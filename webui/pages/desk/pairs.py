"""Records that may be one human, side by side, for the coordinator to merge or to tell apart."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from telehealth.access.policy import Action
from telehealth.audit.actions import AuditAction
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.people import duplicates, merging, places
from telehealth.people.duplicates import PairShown
from telehealth.store.database import Reader
from telehealth.store.queries import station_person
from telehealth.store.queries.station_person import StationPerson
from webui.forms import fields
from webui.keys import SERVICES, now_ms, signed_in
from webui.pages.desk.register import REASONS
from webui.pages.desk.shown import draw, scope_of
from webui.pages.desk.typed import Problem
from webui.permit import before, note_many

SHOWN_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class PairLine:
    """A pair with everything that tells its records apart."""

    pair: PairShown
    one: StationPerson
    other: StationPerson


async def page(request: web.Request) -> web.Response:
    """Show the pairs that wait, those surely the same first."""
    return await _page(request)


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    form: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> web.Response:
    merging_scope, now = scope_of(request, Action.MERGE), now_ms(request)

    def look(reader: Reader) -> tuple[list[PairLine], int, dict[str, str]]:
        pairs = duplicates.open_pairs(reader, merging_scope)
        found = [
            PairLine(
                pair,
                station_person.shown(reader, merging_scope, pair.one.person_id, now),
                station_person.shown(reader, merging_scope, pair.other.person_id, now),
            )
            for pair in pairs[:SHOWN_MOST]
        ]
        ids = [one.place_id for line in found for one in (line.one, line.other) if one.place_id]
        return found, len(pairs) - len(found), places.path_names(reader, ids)

    lines, left, paths = await request.app[SERVICES].database.read(look)
    ids = {key for line in lines for key in (line.one.person_id, line.other.person_id)}
    await note_many(request, AuditAction.LIST_SEEN, sorted(ids), target="station pairs")
    return draw(
        request,
        "station_pairs.html",
        status=status,
        lines=lines,
        left=left,
        paths=paths,
        form=form or {},
        problem=problem,
        reasons=REASONS,
    )


async def _pair(request: web.Request) -> PairShown:
    """Return the open pair of the address, if both its sides are within reach."""
    scope, key = scope_of(request, Action.MERGE), request.match_info["pair_id"]
    pairs = await request.app[SERVICES].database.read(
        lambda reader: duplicates.open_pairs(reader, scope)
    )
    found = next((pair for pair in pairs if pair.pair_id == key), None)
    if found is None:
        raise NotFoundError(f"no open pair {key[:64]!r}")
    return found


async def merge(request: web.Request) -> web.Response:
    """Make one record of the two; `keep` says which stays."""
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    pair = await _pair(request)
    sides = {pair.one.person_id, pair.other.person_id}
    into = form.get("keep", "")
    if into not in sides:
        form["pair_id"] = pair.pair_id
        return await _page(request, status=422, form=form, problem=Problem.CHOOSE)
    (gone,) = sides - {into}
    if not form.get("reason"):
        form["pair_id"] = pair.pair_id
        return await _page(request, status=422, form=form, problem=Problem.REASON)
    for person_id in (gone, into):
        await before(
            request,
            person_id,
            Action.MERGE,
            AuditAction.PERSONS_MERGED,
            target=f"{gone} into {into}",
        )
    try:
        merged = await services.database.write(
            lambda tx: merging.merge(tx, gone, into, who.account_id, form["reason"])
        )
    except (RefusedError, IllegalTransitionError) as error:
        form["pair_id"] = pair.pair_id
        is_reason = isinstance(error, RefusedError)
        problem = Problem.REASON if is_reason else Problem.NOT_NOW
        return await _page(request, status=409, form=form, problem=problem)
    for person_id in (gone, into):
        services.bus.publish(f"person:{person_id}", {"kind": "state"})
    said = "?warn=consents" if merged.consents_to_check else ""
    raise web.HTTPSeeOther(f"/station/persons/{into}{said}#merges")


async def distinct(request: web.Request) -> web.Response:
    """Say that the two are two humans; they are not shown together again."""
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    pair = await _pair(request)
    reason = form.get("reason", "")
    if not reason:
        form["pair_id"] = pair.pair_id
        return await _page(request, status=422, form=form, problem=Problem.REASON)
    for side in (pair.one, pair.other):
        await before(
            request,
            side.person_id,
            Action.MERGE,
            AuditAction.PAIR_DECIDED,
            target=f"pair:{pair.pair_id}",
        )
    try:
        await services.database.write(
            lambda tx: duplicates.decide_distinct(tx, pair.pair_id, who.account_id, reason)
        )
    except RefusedError:
        form["pair_id"] = pair.pair_id
        return await _page(request, status=422, form=form, problem=Problem.REASON)
    raise web.HTTPSeeOther("/station/pairs")
