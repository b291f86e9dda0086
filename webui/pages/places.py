"""The administrator's tree of places, and the look-up of places for every form of the staff."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import msgspec
from aiohttp import web
from babel.dates import format_date

from telehealth.errors import RefusedError
from telehealth.people import places
from telehealth.people.places import Place
from telehealth.people.places_tree import EARLIEST
from telehealth.store.database import Reader
from webui.api.schemas import PlaceFound, PlacesFound, PlaceToday
from webui.keys import PAGES, SERVICES, signed_in
from webui.keys import now_ms as now_ms_of
from webui.render import language_of

MAX_LOOKED_UP: Final = 20
_MAX_FOUND: Final = 50
_MAX_LISTED: Final = 500
_EARLIEST: Final = date.fromisoformat(EARLIEST)


@dataclass(frozen=True, slots=True)
class Line:
    """A place as a list shows it."""

    place: Place
    path: str
    is_valid: bool
    beneath: int
    """How many places are directly beneath it today."""
    today: tuple[tuple[str, str], ...]
    """(id, path) of what a past place is today, the default first."""

    @property
    def first(self) -> date | None:
        """The first day, if the source knows one."""
        return None if self.place.valid_from == _EARLIEST else self.place.valid_from

    @property
    def last(self) -> date | None:
        """The last day on which it was there."""
        ended = self.place.valid_to
        return None if ended is None else ended - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Shown:
    """One place with what is around it."""

    line: Line
    parents: list[tuple[str, str]]
    children: list[Line]
    children_left: int
    past_children: int
    after: list[tuple[Line, bool]]
    before: list[tuple[Line, bool]]
    has_boundary: bool


def today_of(request: web.Request) -> date:
    """Return the day it is in Vietnam."""
    return places.day_in_vietnam(request.app[SERVICES].clock())


def lines(reader: Reader, found: Sequence[Place], today: date) -> list[Line]:
    """Return places with their paths, and what the past ones are today."""
    heirs = {
        one.place_id: places.today_of(reader, one.place_id, today)
        for one in found
        if one.valid_to is not None and one.valid_to <= today
    }
    ids = [one.place_id for one in found]
    paths = places.path_names(
        reader, [*ids, *(heir.place_id for group in heirs.values() for heir in group)]
    )
    beneath = places.child_counts(reader, ids, today)
    return [
        Line(
            one,
            paths.get(one.place_id, one.name),
            one.is_valid(today),
            beneath.get(one.place_id, 0),
            tuple((h.place_id, paths[h.place_id]) for h in heirs.get(one.place_id, ())),
        )
        for one in found
    ]


async def overview(request: web.Request) -> web.Response:
    """Show the topmost places and what has been imported, or what a search finds."""
    today, text = today_of(request), request.query.get("q", "").strip()[:200]

    def look(reader: Reader) -> tuple[list[Line], list[places.LevelCount]]:
        if text:
            return lines(reader, places.find_places(reader, text, limit=_MAX_FOUND), today), []
        top = places.children(reader, None, today)
        beneath = [one for above in top for one in _beneath_country(reader, above, today)]
        shown = lines(reader, (beneath or top)[:_MAX_LISTED], today)
        return shown, places.counts_by_level(reader, today)

    found, counts = await request.app[SERVICES].database.read(look)
    return _page(
        request, "places.html", text=text, found=found, counts=counts, most=_MAX_FOUND, today=today
    )


def _beneath_country(reader: Reader, one: Place, today: date) -> list[Place]:
    """A country alone at the top says nothing: show what is beneath it."""
    return places.children(reader, one.place_id, today) if one.level == "country" else [one]


async def one_page(request: web.Request) -> web.Response:
    """Show a place: when it was there, beneath what, what became of it, what lies beneath."""
    place_id, today = request.match_info["place_id"], today_of(request)
    with_past = request.query.get("past") == "1"

    def look(reader: Reader) -> Shown:
        one = places.place(reader, place_id)
        everything = places.children(reader, place_id)
        then = today if one.is_valid(today) else one.valid_from
        now = [child for child in everything if child.is_valid(then)]
        wanted = everything if with_past else now
        return Shown(
            lines(reader, [one], today)[0],
            places.parents(reader, place_id),
            lines(reader, wanted[:_MAX_LISTED], today),
            max(0, len(wanted) - _MAX_LISTED),
            len(everything) - len(now),
            _succession(reader, places.successors_of(reader, place_id), today),
            _succession(reader, places.predecessors_of(reader, place_id), today),
            places.has_boundary(reader, place_id),
        )

    shown = await request.app[SERVICES].database.read(look)
    return _page(request, "places_one.html", one=shown, with_past=with_past, today=today)


def _succession(
    reader: Reader, found: Sequence[places.Successor], today: date
) -> list[tuple[Line, bool]]:
    shown = lines(reader, [one.place for one in found], today)
    return [(line, one.is_default) for line, one in zip(shown, found, strict=True)]


def _page(request: web.Request, template: str, **context: Any) -> web.Response:
    who = signed_in(request)
    return request.app[PAGES].render(
        request,
        template,
        signed_in=who,
        now_ms=now_ms_of(request),
        calendar_day=_day_writer(language_of(request, who).locale),
        **context,
    )


def _day_writer(locale: str) -> Callable[[date], str]:
    """Return how a day of the calendar is written: 1/7/2025, or 1 Jul 2025."""
    pattern = "d/M/y" if locale == "vi" else "d MMM y"
    return lambda day: format_date(day, pattern, locale)


async def look_up(request: web.Request) -> web.Response:
    """Return up to 20 places for a form's field: `?q=` as typed, `?within=` a place's id.

    Past places come too, with what each is today, so that an old address can be typed as it
    stands on the paper; `?valid=1` leaves them out.
    """
    today, text = today_of(request), request.query.get("q", "")
    within = request.query.get("within") or None
    valid = request.query.get("valid", "0")
    if valid not in ("0", "1"):
        raise RefusedError("valid", "0 or 1", valid[:20])
    on = today if valid == "1" else None

    def look(reader: Reader) -> list[Line]:
        inside = places.place(reader, within).place_id if within else None
        found = places.find_places(reader, text, within=inside, on=on, limit=MAX_LOOKED_UP)
        return lines(reader, found, today)

    found = await request.app[SERVICES].database.read(look)
    answer = PlacesFound([_found(line) for line in found])
    return web.json_response(msgspec.to_builtins(answer), headers={"Cache-Control": "no-store"})


def _found(line: Line) -> PlaceFound:
    one = line.place
    return PlaceFound(
        place_id=one.place_id,
        name=one.name,
        path=line.path,
        level=one.level,
        code=one.code,
        valid=line.is_valid,
        valid_from=one.valid_from,
        valid_to=one.valid_to,
        today=[PlaceToday(place_id, path) for place_id, path in line.today],
    )
