"""Places looked up (docs/places.md): the one module to import, whatever is asked of them.

Reads only, but for `add_places` and `rebuild_closure`. What a place has become follows its
successors as of a day that the caller gives. Paths and branches rest on the closure
(`place_ancestor`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from telehealth.people import places_words
from telehealth.people.places_rows import FIELDS, Above, Place, place, place_of
from telehealth.people.places_search import MAX_FOUND, Located, find_by_path, find_places
from telehealth.people.places_store import (
    Counts,
    add_places,
    closure_is_due,
    day_in_vietnam,
    rebuild_closure,
)
from telehealth.people.places_succession import (
    Successor,
    branch_of,
    predecessors_of,
    successors_of,
    today_of,
)
from telehealth.people.places_tree import COUNTRY, RANK
from telehealth.store.database import Reader

__all__ = [
    "MAX_FOUND",
    "Counts",
    "LevelCount",
    "Located",
    "Place",
    "Successor",
    "add_places",
    "branch_of",
    "by_name",
    "child_counts",
    "children",
    "closure_is_due",
    "counts_by_level",
    "day_in_vietnam",
    "find_by_path",
    "find_places",
    "has_boundary",
    "parents",
    "path_names",
    "place",
    "predecessors_of",
    "rebuild_closure",
    "successors_of",
    "today_of",
]


@dataclass(frozen=True, slots=True)
class LevelCount:
    """How many places of a level there are on a day, and were before."""

    level: str
    now: int
    past: int
    with_boundary: int
    source: str


def children(reader: Reader, place_id: str | None, on: date | None = None) -> list[Place]:
    """Return the places directly beneath one, by name; those without a parent for `None`.

    Args:
        reader: the transaction.
        place_id: the place above.
        on: only those that are there on this day; otherwise all that ever were.
    """
    above = "p.parent_id = ?" if place_id is not None else "p.parent_id IS NULL"
    rows = reader.rows(
        f"SELECT {FIELDS} FROM place p WHERE {above}",  # noqa: S608
        () if place_id is None else (place_id,),
    )
    found = [place_of(row) for row in rows]
    return by_name(one for one in found if on is None or one.is_valid(on))


def by_name(found: Iterable[Place]) -> list[Place]:
    """Return places as lists show them: by name without kind, Phường 2 before Phường 10."""
    return sorted(found, key=lambda one: (places_words.sort_key(one.name), one.valid_from))


def child_counts(reader: Reader, place_ids: Sequence[str], on: date) -> dict[str, int]:
    """Return how many places are directly beneath each on a day; those with none are left out."""
    day = on.isoformat()
    rows = reader.rows_in(
        "SELECT parent_id, count(*) FROM place WHERE valid_from <= ?"
        " AND (valid_to IS NULL OR valid_to > ?) AND parent_id IN (…) GROUP BY parent_id",
        place_ids,
        (day, day),
    )
    return {row[0]: int(row[1]) for row in rows}


def parents(reader: Reader, place_id: str) -> list[tuple[str, str]]:
    """Return (id, name) of the places above one, as they were, the topmost first."""
    above = Above(reader, [place_id])
    chain = above.tree.chain(place_id)[:0:-1]
    return [(node.place_id, above.names[node.place_id]) for node in chain]


def has_boundary(reader: Reader, place_id: str) -> bool:
    """Say whether the boundary of a place is known."""
    sql = "SELECT 1 FROM place WHERE place_id = ? AND boundary IS NOT NULL"
    return bool(reader.rows(sql, (place_id,)))


def path_names(reader: Reader, place_ids: Sequence[str]) -> dict[str, str]:
    """Return "Xã X, Tỉnh Y" of each place, by its own parents, as they were; without the country.

    A place of no such id is left out.
    """
    above = Above(reader, place_ids)
    return {one: _path(above, one) for one in place_ids if one in above.names}


def _path(above: Above, place_id: str) -> str:
    chain = above.tree.chain(place_id)
    shown = [node for node in chain if node.level != COUNTRY] or chain
    return ", ".join(above.names[node.place_id] for node in shown)


def counts_by_level(reader: Reader, on: date) -> list[LevelCount]:
    """Return how many places of each level and source there are on a day, and were before."""
    day = on.isoformat()
    rows = reader.rows(
        "SELECT level, source, sum(CASE WHEN valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)"
        " THEN 1 ELSE 0 END), sum(CASE WHEN valid_to <= ? THEN 1 ELSE 0 END), count(boundary)"
        " FROM place GROUP BY level, source",
        (day, day, day),
    )
    found = [LevelCount(row[0], int(row[2]), int(row[3]), int(row[4]), row[1]) for row in rows]
    return sorted(found, key=lambda one: (RANK[one.level], one.source))
