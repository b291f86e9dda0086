"""Finds people by name, number or phone, among those of the searcher's scope (docs/people.md).

Nobody outside the scope is shown, counted or hinted at. A name is found without accents, by its
words in any order, the last of which may be the beginning of one. Names are opened only of people
of the scope who stand under the tokens that were asked for, at most `LOOKED_AT` of them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from protocols.errors import DecodeError
from protocols.identifiers import IdentifierKind, guess_kinds
from telehealth.access.scope import Scope
from telehealth.people import search_tokens
from telehealth.people.names import fold, matches, query_terms, sort_key, whole_term
from telehealth.people.phones import read_identifier
from telehealth.people.records import unseal
from telehealth.people.search_index import index_people, index_person, reindex
from telehealth.people.search_reach import reach_of
from telehealth.people.search_tokens import Group
from telehealth.sealed import identifier_purpose, tokens
from telehealth.store.database import Reader, Row
from telehealth.vault import Vault

__all__ = [
    "Found",
    "FoundBy",
    "FoundPerson",
    "find_exact",
    "index_people",
    "index_person",
    "reindex",
    "search",
]

LONGEST_TEXT: Final = 200
LIMIT_MOST: Final = 100
LOOKED_AT: Final = 300
"""Names opened for one search."""
_SORTED: Final = 60
"""So many are gathered, so that those shown are the first by given name, not the first found."""

FoundBy = str
"""`name`, or the kind of the number that was typed."""


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """Somebody who was found, with what tells them from others of the same name."""

    person_id: str
    name: str
    birth_date: str
    """ISO date, or empty."""
    sex: str
    place_id: str | None
    found_by: FoundBy


@dataclass(frozen=True, slots=True)
class Found:
    """The people found, the same whole name first, then by given name."""

    people: tuple[FoundPerson, ...]
    more: bool
    """There may be others: more of the name must be typed."""


def search(reader: Reader, scope: Scope, text: str, limit: int = 20) -> Found:
    """Return the people of the scope whom a text can mean.

    Args:
        reader: the transaction.
        scope: whom the searcher may find.
        text: a name or the beginning of one, or a number of any kind; 200 characters count.
        limit: how many are shown at most, 1 to 100.
    """
    text = text[:LONGEST_TEXT].replace("\0", " ")
    limit = max(1, min(limit, LIMIT_MOST))
    by_number = _by_number(reader, scope, text)
    if by_number:
        return _shown(by_number, text, limit, complete=True)
    return _by_name(reader, scope, text, limit)


def find_exact(reader: Reader, kind: IdentifierKind, value: str) -> list[str]:
    """Return the records that bear a number, in nobody's scope: for break-glass alone.

    A phone that the person has given up finds nobody; any other number finds for ever. A family
    shares one phone, so there may be several.

    Raises:
        DecodeError: the text is no number of that kind.
    """
    number = read_identifier(kind, value)
    holders = sorted(_holders(reader, number.kind, number.value))
    rows = reader.rows_in(
        "SELECT person_id FROM person WHERE merged_into IS NULL AND erased_ms IS NULL"
        " AND person_id IN (…)",
        holders,
    )
    return sorted(row[0] for row in rows)


def _by_number(reader: Reader, scope: Scope, text: str) -> list[FoundPerson]:
    found: dict[str, FoundPerson] = {}
    for kind in guess_kinds(text):
        try:
            number = read_identifier(kind, text)
        except DecodeError:
            continue
        holders = _holders(reader, kind, number.value)
        for row in search_tokens.in_scope(reader, scope, sorted(holders)):
            found.setdefault(row[0], _person(reader.vault, row, kind.value))
    return list(found.values())


def _holders(reader: Reader, kind: IdentifierKind, value: str) -> set[str]:
    hashes = reader.vault.hashes(identifier_purpose(kind), value)
    still = " AND ended_ms IS NULL" if kind is IdentifierKind.PHONE else ""
    rows = reader.rows_in(
        f"SELECT person_id FROM person_identifier WHERE kind = ?{still} AND value_hash IN (…)",  # noqa: S608
        hashes,
        (kind.value,),
    )
    return {row[0] for row in rows}


def _by_name(reader: Reader, scope: Scope, text: str, limit: int) -> Found:
    """Look for the whole name, then for all words as whole ones, then for the last as beginning."""
    vault, reach = reader.vault, reach_of(reader, scope)
    same = _groups(vault, [[whole_term(text)]])
    whole = _groups(vault, query_terms(f"{text} "))
    beginning = _groups(vault, query_terms(text))
    if not whole:
        return Found((), more=False)
    every = {token for group in (*same, *whole, *beginning) for token in group}
    few = search_tokens.carried(reader, reach.person_ids, every)
    found: dict[str, FoundPerson] = {}
    complete = True

    def look(groups: Sequence[Group], accepts: Callable[[str], bool], want: int) -> None:
        nonlocal complete
        got = search_tokens.gather(
            reader,
            scope,
            reach,
            few,
            groups,
            lambda row: row[0] not in found and accepts(unseal(vault, row[0], row[1]).name),
            want,
            look_at=LOOKED_AT,
        )
        found.update((row[0], _person(vault, row, "name")) for row in got.rows)
        complete = got.complete

    folded = fold(text)
    look(same, lambda name: fold(name) == folded, limit + 1)
    if len(found) <= limit:
        look(whole, lambda name: matches(f"{text} ", name), _SORTED)
    if len(found) <= limit and beginning != whole:
        look(beginning, lambda name: matches(text, name), _SORTED)
    return _shown(list(found.values()), text, limit, complete=complete)


def _groups(vault: Vault, terms: Iterable[Iterable[str]]) -> list[Group]:
    return [tuple(t for term in group for t in tokens(vault, term)) for group in terms]


def _shown(people: Sequence[FoundPerson], text: str, limit: int, *, complete: bool) -> Found:
    same = fold(text)
    ordered = sorted(
        people,
        key=lambda one: (fold(one.name) != same, sort_key(one.name), one.birth_date, one.person_id),
    )
    return Found(tuple(ordered[:limit]), more=not complete or len(ordered) > limit)


def _person(vault: Vault, row: Row, found_by: FoundBy) -> FoundPerson:
    person_id, personal, sex, place_id = row
    known = unseal(vault, person_id, personal)
    return FoundPerson(person_id, known.name, known.birth_date, sex, place_id, found_by)
