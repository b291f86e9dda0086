"""What became of places: their successors, and what a place is on a day (docs/places.md)."""

from dataclasses import dataclass
from datetime import date

from telehealth.errors import NotFoundError
from telehealth.people import places_words
from telehealth.people.places_rows import FIELDS, Above, Place, place, place_of
from telehealth.store.database import Reader


@dataclass(frozen=True, slots=True)
class Successor:
    """A place that took over, or that was taken over."""

    place: Place
    is_default: bool


def branch_of(reader: Reader, place_id: str) -> str:
    """Return today's topmost place below the country: the province.

    An old place gives today's, through its default successors.

    Raises:
        NotFoundError: there is no place of this id.
    """
    above = Above(reader, [place_id])
    if place_id not in above.names:
        raise NotFoundError(f"no place {place_id[:64]!r}")
    return above.tree.branch(place_id)


def successors_of(reader: Reader, place_id: str) -> list[Successor]:
    """Return what directly took over a place, the default first."""
    return _succession(reader, "successor_id", "place_id", place_id)


def predecessors_of(reader: Reader, place_id: str) -> list[Successor]:
    """Return what a place directly took over, wholly (default) or in part."""
    return _succession(reader, "place_id", "successor_id", place_id)


def _succession(reader: Reader, other: str, mine: str, place_id: str) -> list[Successor]:
    rows = reader.rows(
        f"SELECT {FIELDS}, s.is_default FROM place_successor s"  # noqa: S608
        f" JOIN place p ON p.place_id = s.{other} WHERE s.{mine} = ?",
        (place_id,),
    )
    found = [Successor(place_of(row[:-1]), bool(row[-1])) for row in rows]
    found.sort(key=lambda one: places_words.sort_key(one.place.name))
    return sorted(found, key=lambda one: not one.is_default)


def today_of(reader: Reader, place_id: str, on: date) -> list[Place]:
    """Return what a place is on a day: itself, or whatever took over, the default first.

    A place that ended without a successor, as the districts did in 2025, is today what the place
    above it is. Successors are followed transitively.

    Raises:
        NotFoundError: there is no place of this id.
    """
    found: dict[str, Place] = {}
    waiting = [place_id]
    seen: set[str] = set()
    while waiting:
        one = place(reader, waiting.pop(0))
        if one.place_id in seen:
            continue
        seen.add(one.place_id)
        if one.valid_to is None or one.valid_to > on:
            found[one.place_id] = one
            continue
        following = [s.place.place_id for s in successors_of(reader, one.place_id)]
        waiting = [*following, *waiting] if following else [*waiting, *_parent_of(one)]
    return list(found.values())


def _parent_of(one: Place) -> list[str]:
    return [one.parent_id] if one.parent_id is not None else []
