"""A place as rows of the database tell it, and some places with everything above them.

What every look-up of places is made of (`places`, `places_succession`, `places_search`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from telehealth.errors import NotFoundError
from telehealth.people.places_store import day_in_vietnam
from telehealth.people.places_tree import Node, Tree
from telehealth.store.database import Reader, Row

FIELDS: Final = (
    "p.place_id, p.code, p.name, p.level, p.kind, p.parent_id, p.valid_from, p.valid_to,"
    " p.latitude, p.longitude, p.source"
)
"""Of `place p`, in the order of `place_of`."""
_ABOVE: Final = (
    "SELECT DISTINCT p.place_id, p.level, p.code, p.valid_from, p.valid_to, p.parent_id, p.name,"
    " p.folded FROM place_ancestor a JOIN place p ON p.place_id = a.ancestor_id"
    " WHERE a.place_id IN (…)"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A place as it is, or was."""

    place_id: str
    code: str
    name: str
    level: str
    kind: str
    parent_id: str | None
    valid_from: date
    valid_to: date | None
    """The first day on which it is no more."""
    latitude: float | None
    longitude: float | None
    source: str

    def is_valid(self, on: date) -> bool:
        """Say whether it is there on a day."""
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)


def place_of(row: Row) -> Place:
    """Return the place of a row of `FIELDS`."""
    place_id, code, name, level, kind, parent_id, valid_from, valid_to, *rest = row
    latitude, longitude, source = rest
    return Place(
        place_id, code, name, level, kind, parent_id, date.fromisoformat(valid_from),
        date.fromisoformat(valid_to) if valid_to is not None else None,
        latitude, longitude, source,
    )  # fmt: skip


def place(reader: Reader, place_id: str) -> Place:
    """Return one place.

    Raises:
        NotFoundError: there is none of this id.
    """
    sql = f"SELECT {FIELDS} FROM place p WHERE p.place_id = ?"  # noqa: S608 - our own names
    rows = reader.rows(sql, (place_id,)) if place_id.isprintable() else []
    if not rows:
        raise NotFoundError(f"no place {place_id[:64]!r}")
    return place_of(rows[0])


class Above:
    """Some places with everything above them, in memory."""

    def __init__(self, reader: Reader, place_ids: Sequence[str], on: date | None = None) -> None:
        rows = reader.rows_in(_ABOVE, list(dict.fromkeys(place_ids)))
        self.names: dict[str, str] = {row[0]: row[6] for row in rows}
        self.folded: dict[str, str] = {row[0]: row[7] for row in rows}
        following = reader.rows_in(
            "SELECT place_id, successor_id FROM place_successor WHERE is_default"
            " AND place_id IN (…)",
            list(self.names),
        )
        day = (on or day_in_vietnam(reader.now)).isoformat()
        self.tree = Tree([Node(*row[:6]) for row in rows], dict(map(tuple, following)), day)
