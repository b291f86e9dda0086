"""The first page of the station's desk: search, and what waits today."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from protocols.qr import QrError
from telehealth import station
from telehealth.access.policy import Action, Role
from telehealth.audit.actions import AuditAction
from telehealth.people import attributing, duplicates, places
from telehealth.people.search import Found, search
from telehealth.station import PersonLine, StationDevice
from telehealth.store.database import Reader
from webui.api.body import body_as
from webui.forms import fields
from webui.keys import SERVICES, now_ms, signed_in
from webui.pages.desk.cards import Card, looks_scanned, read_card
from webui.pages.desk.shown import day_began_ms, draw, scope_of
from webui.pages.desk.typed import day_text
from webui.pages.places import today_of
from webui.permit import note, note_many

MOST_FOUND: Final = 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the desk has to do."""

    registered: list[PersonLine]
    without_doctor: list[PersonLine]
    devices: list[StationDevice]
    """Silent, or to be asked back."""
    pairs: int
    readings: int
    paths: dict[str, str]
    place: str
    evaluation: bool


async def page(request: web.Request) -> web.Response:
    """Show what waits, and whom the station has registered today."""
    who, now, since = signed_in(request), now_ms(request), day_began_ms(request)
    seen, lending = scope_of(request, Action.SEE_IDENTITY), scope_of(request, Action.LEND_DEVICE)
    merging = scope_of(request, Action.MERGE)

    def look(reader: Reader) -> Waiting:
        registered = station.registered_since(reader, seen, since)
        without = station.without_doctor(reader, seen)
        devices = station.devices(reader, lending, now)
        ids = [one.place_id for one in (*registered, *without) if one.place_id]
        may_merge = who.role is Role.COORDINATOR
        return Waiting(
            registered,
            without,
            [one for one in devices if one.is_silent or one.is_due_back],
            len(duplicates.open_pairs(reader, merging)) if may_merge else 0,
            sum(len(one.readings) for one in attributing.waiting(reader, who.actor)),
            places.path_names(reader, ids),
            places.path_names(reader, [who.place_id]).get(who.place_id, "") if who.place_id else "",
            station.is_mode_evaluation(reader, who.actor, now),
        )

    waiting = await request.app[SERVICES].database.read(look)
    ids = {one.person_id for one in (*waiting.registered, *waiting.without_doctor)}
    ids |= {one.person_id for one in waiting.devices if one.person_id}
    await note_many(request, AuditAction.LIST_SEEN, sorted(ids), target="station")
    return draw(request, "station.html", waiting=waiting)


async def find(request: web.Request) -> web.Response:
    """Search by name, number or a scanned card; the words never stand in an address."""
    form = await fields(request)
    text = form.get("text", "")
    card: Card | None = None
    refusal = ""
    if looks_scanned(text):
        try:
            card = read_card(text, today_of(request))
        except QrError as error:
            refusal = error.refusal.value
    wanted = [text] if card is None else [*card.numbers, card.name]
    scope = scope_of(request, Action.SEE_IDENTITY)

    def look(reader: Reader) -> tuple[Found, dict[str, str]]:
        found = Found((), more=False)
        for one in wanted if not refusal else []:
            found = search(reader, scope, one, MOST_FOUND) if one else found
            if found.people:
                break
        ids = [one.place_id for one in found.people if one.place_id]
        return found, places.path_names(reader, ids)

    found, paths = await request.app[SERVICES].database.read(look)
    await _note_found(request, found)
    return draw(
        request,
        "station_found.html",
        found=found,
        paths=paths,
        text="" if card else text,
        scan=text if card else "",
        refusal=refusal,
    )


class Asked(msgspec.Struct, frozen=True):
    """Whom somebody looks for."""

    text: Annotated[str, Meta(min_length=1, max_length=200)]


async def find_json(request: web.Request) -> web.Response:
    """Return who answers to a text, for a field in which a person is chosen."""
    asked = await body_as(request, Asked)
    scope = scope_of(request, Action.SEE_IDENTITY)

    def look(reader: Reader) -> tuple[Found, dict[str, str]]:
        found = search(reader, scope, asked.text, MOST_FOUND)
        ids = [one.place_id for one in found.people if one.place_id]
        return found, places.path_names(reader, ids)

    found, paths = await request.app[SERVICES].database.read(look)
    await _note_found(request, found)
    people: list[dict[str, Any]] = [
        {
            "person_id": one.person_id,
            "name": one.name,
            "born": day_text(one.birth_date),
            "sex": one.sex,
            "place": paths.get(one.place_id or "", ""),
        }
        for one in found.people
    ]
    body = {"people": people, "more": found.more}
    return web.json_response(body, headers={"Cache-Control": "no-store"})


async def _note_found(request: web.Request, found: Found) -> None:
    ids = [one.person_id for one in found.people]
    if ids:
        await note_many(request, AuditAction.SEARCH_FOUND, ids, target="station")
    else:
        await note(request, AuditAction.SEARCH_FOUND, target="station:none")
