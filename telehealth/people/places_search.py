"""Places found by what people type, and by an address on an old paper (docs/places.md)."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from telehealth.people import places_words
from telehealth.people.places_rows import FIELDS, Above, Place, place_of
from telehealth.people.places_succession import today_of
from telehealth.store.database import Reader, Row

MAX_FOUND: Final = 200
_LONGEST_TEXT: Final = 200
_ESCAPED: Final = re.compile("[!%_]")


@dataclass(frozen=True, slots=True)
class Located:
    """A place that an address names, and what it is today, the default first."""

    place: Place
    today: tuple[Place, ...]


def find_places(
    reader: Reader, text: str, *, within: str | None = None, on: date | None = None, limit: int = 20
) -> list[Place]:
    """Find places as people type them: without accents, by the beginnings of words, or by code.

    After a comma follow the places above: "tan tien, ha giang". The whole name comes first, then
    names that begin with the text, then the rest; within these, places that are still there, then
    those with the accents that were typed.

    Args:
        reader: the transaction.
        text: at most 200 characters count.
        within: only beneath this place, or those whose successor is.
        on: only those that are there on this day.
        limit: how many at most, up to 200.
    """
    head, *above = [part.strip() for part in text[:_LONGEST_TEXT].split(",")]
    named = places_words.spoken(head)
    code = head.casefold()
    as_typed = unicodedata.normalize("NFC", code)
    if not named and (not code.isprintable() or " " in code or not code):
        return []
    where, params = _like(named, code)
    if within is not None:
        where += (
            " AND EXISTS (SELECT 1 FROM place_ancestor a"
            " WHERE a.place_id = p.place_id AND a.ancestor_id = ?)"
        )
        params.append(within)
    if on is not None:
        where += " AND p.valid_from <= ? AND (p.valid_to IS NULL OR p.valid_to > ?)"
        params += [on.isoformat()] * 2
    rows = reader.rows(f"SELECT {FIELDS}, p.folded FROM place p WHERE {where}", params)  # noqa: S608
    if any(above):
        rows = _inside(reader, rows, [part for part in above if part])
    rows.sort(key=lambda row: _rank(row, named, code, as_typed))
    return [place_of(row[:-1]) for row in rows[: max(0, min(limit, MAX_FOUND))]]


def _like(named: str, code: str) -> tuple[str, list[object]]:
    """Return the condition: every word begins a word of the name, or the code begins so."""
    words = named.split()
    clauses = " AND ".join(["(' ' || p.folded) LIKE ?"] * len(words))
    params: list[object] = [f"% {word}%" for word in words]
    if " " in code or not code.isprintable():
        return f"({clauses})", params
    by_code = "lower(p.code) LIKE ? ESCAPE '!'"
    both = [*params, _ESCAPED.sub(r"!\g<0>", code) + "%"]
    return (f"(({clauses}) OR ({by_code}))" if words else f"({by_code})"), both


def _rank(row: Row, named: str, code: str, as_typed: str) -> tuple[object, ...]:
    folded, name, valid_to = row[-1], row[2], row[7]
    if row[1].casefold() == code:
        how = 0
    elif named in (folded, places_words.bare(folded)):
        how = 1
    elif folded.startswith(named) or places_words.bare(folded).startswith(named):
        how = 2
    else:
        how = 3
    accents = as_typed not in unicodedata.normalize("NFC", name).casefold()
    return how, valid_to is not None, accents, places_words.sort_key(name), row[0]


def _inside(reader: Reader, rows: list[Row], names: Sequence[str]) -> list[Row]:
    """Keep the places whose parents, as they were, bear these names, the nearest first."""
    above = Above(reader, [row[0] for row in rows])
    return [row for row in rows if _is_inside(above, row[0], names)]


def _is_inside(above: Above, place_id: str, names: Sequence[str]) -> bool:
    chain = [above.folded[node.place_id] for node in above.tree.chain(place_id)[1:]]
    return places_words.lies_in(chain, names)


def find_by_path(reader: Reader, names: Sequence[str], on: date) -> list[Located]:
    """Find an address written from the largest place down, and what its place is on a day.

    Kinds may be left out, shortened ("TP", "P.5") or outdated, and places between may be left
    out. Past places are found too: the address on an old paper leads to today's commune.

    Args:
        reader: the transaction.
        names: such as ["tỉnh Hà Giang", "huyện Vị Xuyên", "xã Việt Lâm"].
        on: the day whose places are wanted.

    Returns:
        Empty when nothing bears these names; several when they are not enough to tell, those
        still there before past ones.
    """
    wanted = [name[:_LONGEST_TEXT] for name in reversed(names) if name.strip()]
    if not wanted:
        return []
    for variants in (places_words.full_names, places_words.loose_names):
        rows = reader.rows_in(
            f"SELECT {FIELDS}, p.folded FROM place p WHERE p.folded IN (…)",  # noqa: S608
            variants(wanted[0]),
        )
        rows = _inside(reader, rows, wanted[1:])
        if rows:
            found = sorted(
                (place_of(row[:-1]) for row in rows), key=lambda p: p.valid_to is not None
            )
            return [Located(one, tuple(today_of(reader, one.place_id, on))) for one in found]
    return []
