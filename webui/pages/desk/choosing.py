"""Fields in which somebody names a place or a person: by words, or by what was chosen from a list.

A page script looks up while one types and fills the hidden `…_id`; without it the server answers
with what the words may mean, to choose from. Of people only those within the scope are offered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from telehealth.access.scope import Scope, may
from telehealth.people import places
from telehealth.people.search import FoundPerson, search
from telehealth.store.database import Reader
from webui.pages.desk.typed import Problem

MOST: Final = 20


@dataclass(frozen=True, slots=True)
class PlaceChosen:
    """What a field about a place says."""

    place_id: str | None = None
    given: str | None = None
    """Words that name no place we know; kept, with a warning."""
    path: str = ""
    candidates: tuple[tuple[str, str], ...] = ()
    """(id, path) to choose from."""
    problem: Problem | None = None


def choose_place(
    reader: Reader, form: Mapping[str, str], own: str | None, today: date
) -> PlaceChosen:
    """Return the place of the fields `place` and `place_id`; nothing typed is the own place.

    An old place gives what it is today. Words that name no place keep the person at the own place.

    Args:
        reader: the transaction.
        form: the form as posted.
        own: the place beneath which the role is held; None: everywhere.
        today: the local date.
    """
    chosen, typed = form.get("place_id", ""), form.get("place", "").strip()
    if chosen:
        return _within(reader, places.place(reader, chosen).place_id, own, today)
    if not typed:
        return PlaceChosen(own)
    found = places.find_places(reader, typed, within=own, limit=MOST)
    exact = [one for one in found if one.code.casefold() == typed.casefold()]
    named = exact or found
    if not named:
        if places.find_places(reader, typed, limit=1):
            return PlaceChosen(problem=Problem.PLACE_OUTSIDE)
        return PlaceChosen(own, given=typed[:MOST_GIVEN])
    if len({today_s for one in named for today_s in _today(reader, one.place_id, today)}) == 1:
        return _within(reader, named[0].place_id, own, today)
    paths = places.path_names(reader, [one.place_id for one in named])
    candidates = tuple((one.place_id, paths[one.place_id]) for one in named)
    return PlaceChosen(candidates=candidates, problem=Problem.WHICH_PLACE)


MOST_GIVEN: Final = 80


def _today(reader: Reader, place_id: str, today: date) -> list[str]:
    return [one.place_id for one in places.today_of(reader, place_id, today)]


def _within(reader: Reader, place_id: str, own: str | None, today: date) -> PlaceChosen:
    now = _today(reader, place_id, today)
    key = now[0] if now else place_id
    if own is not None and own not in _above(reader, key):
        return PlaceChosen(problem=Problem.PLACE_OUTSIDE)
    return PlaceChosen(key, path=places.path_names(reader, [key]).get(key, ""))


def _above(reader: Reader, place_id: str) -> set[str]:
    rows = reader.rows("SELECT ancestor_id FROM place_ancestor WHERE place_id = ?", (place_id,))
    return {row[0] for row in rows}


@dataclass(frozen=True, slots=True)
class PersonChosen:
    """What a field about a person says."""

    person_id: str | None = None
    candidates: tuple[FoundPerson, ...] = field(default=())
    problem: Problem | None = None


def choose_person(reader: Reader, form: Mapping[str, str], name: str, scope: Scope) -> PersonChosen:
    """Return the person of the fields `name` and `name_id`; nothing typed is nobody."""
    chosen, typed = form.get(f"{name}_id", ""), form.get(name, "")
    if chosen:
        if may(reader, scope.actor, chosen, scope.action):
            return PersonChosen(chosen)
        return PersonChosen(problem=Problem.NO_PERSON)
    if not typed.strip():
        return PersonChosen()
    found = search(reader, scope, typed, MOST)
    if not found.people:
        return PersonChosen(problem=Problem.NO_PERSON)
    if len(found.people) == 1 and not found.more:
        return PersonChosen(found.people[0].person_id)
    return PersonChosen(candidates=found.people, problem=Problem.WHICH_PERSON)
