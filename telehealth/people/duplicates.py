"""Records that may be one human: looked for when somebody is written down or changed.

*Exact*: the same citizen id, passport or insurance number. *Probable*: the same name and day of
birth; the same phone, or station's number, and a like name; a like name and the same day of birth
in the same place. A phone alone says nothing: a household shares one. What is looked up are hashes
and tokens, so the cost does not grow with the table (docs/people.md).
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from protocols.identifiers import Identifier, IdentifierKind
from telehealth.access.scope import Scope
from telehealth.errors import IllegalTransitionError, NotFoundError
from telehealth.people import standing
from telehealth.people.names import Similarity, search_terms, similarity, whole_term, words
from telehealth.people.records import Personal, unseal
from telehealth.people.search_index import buckets_of
from telehealth.people.search_tokens import in_scope
from telehealth.sealed import identifier_purpose, open_identifier, tokens
from telehealth.store.database import Reader, Transaction

NAMESAKES_MOST: Final = 2_000
"""People of the same whole name whose day of birth is compared; those of the province first."""
_SHOWN_MOST: Final = 5_000
_CITIZEN_DIGITS: Final = 12


class Grade(StrEnum):
    """How sure it looks."""

    EXACT = "exact"
    PROBABLE = "probable"


class Reason(StrEnum):
    """Why two records may be one human; the page's words come from the catalogue by this code."""

    SAME_CITIZEN_ID = "same_citizen_id"
    SAME_OLD_CITIZEN_ID = "same_old_citizen_id"
    SAME_PASSPORT = "same_passport"
    SAME_INSURANCE = "same_insurance"
    SAME_NAME_BIRTH = "same_name_birth"
    SAME_PHONE_LIKE_NAME = "same_phone_like_name"
    SAME_STATION_CODE_LIKE_NAME = "same_station_code_like_name"
    LIKE_NAME_BIRTH_PLACE = "like_name_birth_place"


_OF_NUMBER: Final = {
    IdentifierKind.CITIZEN_ID: Reason.SAME_CITIZEN_ID,
    IdentifierKind.OLD_CITIZEN_ID: Reason.SAME_OLD_CITIZEN_ID,
    IdentifierKind.PASSPORT: Reason.SAME_PASSPORT,
    IdentifierKind.INSURANCE: Reason.SAME_INSURANCE,
}
_OF_SHARED: Final = {
    IdentifierKind.PHONE: Reason.SAME_PHONE_LIKE_NAME,
    IdentifierKind.STATION_CODE: Reason.SAME_STATION_CODE_LIKE_NAME,
}
"""Numbers that several people may bear: they count only with a like name."""
_EXACT: Final = frozenset(_OF_NUMBER.values())


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another record of perhaps the same human."""

    person_id: str
    reasons: tuple[Reason, ...]

    @property
    def grade(self) -> Grade:
        """The surest of its reasons decides."""
        return grade_of(self.reasons)


def grade_of(reasons: Iterable[Reason]) -> Grade:
    """Return the grade of reasons taken together."""
    return Grade.EXACT if _EXACT.intersection(reasons) else Grade.PROBABLE


@dataclass(frozen=True, slots=True)
class _Known:
    """What is compared of a record."""

    personal: Personal
    place_id: str | None


def find(reader: Reader, person_id: str) -> list[Candidate]:
    """Return the other records that may be this human, the exact ones first.

    Raises:
        NotFoundError: no such person, or one who is merged or erased.
    """
    known = _known(reader, [person_id])
    if person_id not in known:
        raise NotFoundError(f"no person {person_id}")
    me = known[person_id]
    reasons, shared = _same_numbers(reader, person_id)
    likely = {*shared, *_namesakes(reader, me), *_neighbours(reader, me)} - {person_id}
    others = _known(reader, sorted({*reasons, *likely}))
    for other_id, other in others.items():
        reasons[other_id] |= _alike(me, other, shared.get(other_id, set()))
    found = [
        Candidate(other_id, tuple(sorted(reasons[other_id])))
        for other_id in sorted(others)
        if reasons[other_id]
    ]
    return sorted(found, key=lambda one: one.grade)


def _known(reader: Reader, person_ids: Sequence[str]) -> dict[str, _Known]:
    rows = reader.rows_in(
        "SELECT person_id, personal, place_id FROM person WHERE merged_into IS NULL"
        " AND erased_ms IS NULL AND person_id IN (…)",
        person_ids,
    )
    return {key: _Known(unseal(reader.vault, key, sealed), at) for key, sealed, at in rows}


def _same_numbers(
    reader: Reader, person_id: str
) -> tuple[defaultdict[str, set[Reason]], dict[str, set[Reason]]]:
    """Return who bears a number of this person: one that is one human's, and one that is shared."""
    vault = reader.vault
    wanted: dict[bytes, IdentifierKind] = {}
    for identifier_id, kind, sealed in reader.rows(
        "SELECT identifier_id, kind, sealed FROM person_identifier"
        " WHERE person_id = ? AND ended_ms IS NULL",
        (person_id,),
    ):
        value = open_identifier(vault, identifier_id, sealed)
        for number in same_number(Identifier(IdentifierKind(kind), value)):
            for hashed in vault.hashes(identifier_purpose(number.kind), number.value):
                wanted[hashed] = IdentifierKind(kind)
    sure: defaultdict[str, set[Reason]] = defaultdict(set)
    shared: defaultdict[str, set[Reason]] = defaultdict(set)
    for other_id, hashed in reader.rows_in(
        "SELECT person_id, value_hash FROM person_identifier WHERE ended_ms IS NULL"
        " AND person_id <> ? AND value_hash IN (…)",
        list(wanted),
        (person_id,),
    ):
        kind = wanted[bytes(hashed)]
        if kind in _OF_NUMBER:
            sure[other_id].add(_OF_NUMBER[kind])
        else:
            shared[other_id].add(_OF_SHARED[kind])
    return sure, shared


def same_number(number: Identifier) -> list[Identifier]:
    """Return a number as every kind it may stand under: an insurance code may be a citizen id."""
    citizen, insurance = IdentifierKind.CITIZEN_ID, IdentifierKind.INSURANCE
    if number.kind is citizen:
        return [number, Identifier(insurance, number.value)]
    if number.kind is insurance and len(number.value) == _CITIZEN_DIGITS:
        return [number, Identifier(citizen, number.value)]
    return [number]


def _namesakes(reader: Reader, me: _Known) -> set[str]:
    """Return people of the same whole name, if a day of birth is there to be compared."""
    if me.personal.born is None or not words(me.personal.name):
        return set()
    bucket = buckets_of(reader, [me.place_id])[me.place_id]
    found: set[str] = set()
    for token in tokens(reader.vault, whole_term(me.personal.name)):
        for where, params in ((" AND bucket = ?", (token, bucket)), ("", (token,))):
            sql = f"SELECT person_id FROM person_token WHERE token = ?{where} LIMIT ?"  # noqa: S608
            found.update(row[0] for row in reader.rows(sql, (*params, NAMESAKES_MOST - len(found))))
    return found


def _neighbours(reader: Reader, me: _Known) -> set[str]:
    """Return people of the same place who share enough words to bear a like name.

    Of two names that differ in one word, those of three words or more share a pair of words, those
    of two share one.
    """
    found = words(me.personal.name)
    if me.personal.born is None or me.place_id is None or not found:
        return set()
    shared = 1 if len(found) <= 2 else 2
    terms = [
        term
        for term in search_terms(me.personal.name)
        if term[0].isalnum() and len(term.split()) == shared
    ]
    rows = reader.rows_in(
        "SELECT DISTINCT t.person_id FROM person p CROSS JOIN person_token t"
        " WHERE p.place_id = ? AND t.person_id = p.person_id AND t.token IN (…)",
        [token for term in sorted(terms) for token in tokens(reader.vault, term)],
        (me.place_id,),
    )
    return {row[0] for row in rows}


def _alike(me: _Known, other: _Known, shared: set[Reason]) -> set[Reason]:
    """Return the reasons that rest on names."""
    mine, theirs = me.personal, other.personal
    like = similarity(mine.name, theirs.name) is not Similarity.DIFFERENT
    found = set(shared) if like else set()
    if mine.born is None or mine.born != theirs.born:
        return found
    if words(mine.name) and words(mine.name) == words(theirs.name):
        found.add(Reason.SAME_NAME_BIRTH)
    elif like and me.place_id is not None and me.place_id == other.place_id:
        found.add(Reason.LIKE_NAME_BIRTH_PLACE)
    return found


def note(tx: Transaction, person_id: str) -> list[str]:
    """Put the pairs that a person makes on the conflict desk; returns those that are open.

    A pair that was decided to be two humans comes back only for a reason that was not known then.
    """
    pairs = []
    for candidate in find(tx, person_id):
        first, second = sorted((person_id, candidate.person_id))
        pair_id = _put(tx, first, second, set(candidate.reasons))
        if pair_id is not None:
            pairs.append(pair_id)
    return pairs


def _put(tx: Transaction, person_a: str, person_b: str, reasons: set[Reason]) -> str | None:
    rows = tx.rows(
        "SELECT pair_id, state, reasons FROM person_pair WHERE person_a = ? AND person_b = ?",
        (person_a, person_b),
    )
    if not rows:
        pair_id = f"pp-{secrets.token_hex(8)}"
        tx.execute(
            "INSERT INTO person_pair (pair_id, person_a, person_b, grade, reasons, state, found_ms)"
            " VALUES (?, ?, ?, ?, ?, 'open', ?) ON CONFLICT DO NOTHING",
            (pair_id, person_a, person_b, grade_of(reasons), _joined(reasons), tx.now_ms),
        )
        return pair_id
    pair_id, state, before = rows[0]
    known = {Reason(code) for code in before.split()}
    if reasons <= known:
        return str(pair_id) if state == "open" else None
    every = known | reasons
    tx.execute(
        "UPDATE person_pair SET grade = ?, reasons = ?, state = 'open', found_ms = ?,"
        " decided_by = NULL, decided_ms = NULL, decision_reason = NULL WHERE pair_id = ?",
        (grade_of(every), _joined(every), tx.now_ms, pair_id),
    )
    return str(pair_id)


def _joined(reasons: Iterable[Reason]) -> str:
    return " ".join(sorted(reasons))


@dataclass(frozen=True, slots=True)
class Side:
    """One record of a pair."""

    person_id: str
    name: str
    birth_date: str
    sex: str
    place_id: str | None


@dataclass(frozen=True, slots=True)
class PairShown:
    """A pair on the conflict desk."""

    pair_id: str
    one: Side
    other: Side
    grade: Grade
    reasons: tuple[Reason, ...]
    found_ms: int


def open_pairs(reader: Reader, scope: Scope) -> list[PairShown]:
    """Return the pairs whose both sides the scope holds, exact ones first, then the newest.

    A record that was merged meanwhile is shown as the one that stands for it.
    """
    rows = reader.rows(
        "SELECT pair_id, person_a, person_b, grade, reasons, found_ms FROM person_pair"
        " WHERE state = 'open' ORDER BY grade, found_ms DESC, pair_id LIMIT ?",
        (_SHOWN_MOST,),
    )
    stands = standing.standing_for(reader, [key for row in rows for key in row[1:3]])
    sides = {
        row[0]: _side(reader, row) for row in in_scope(reader, scope, sorted({*stands.values()}))
    }
    found = []
    for pair_id, a, b, grade, reasons, found_ms in rows:
        one, other = sides.get(stands[a]), sides.get(stands[b])
        if one is None or other is None or one == other:
            continue
        codes = tuple(Reason(code) for code in reasons.split())
        found.append(PairShown(pair_id, one, other, Grade(grade), codes, found_ms))
    return found


def _side(reader: Reader, row: tuple[str, bytes, str, str | None]) -> Side:
    person_id, sealed, sex, place_id = row
    personal = unseal(reader.vault, person_id, sealed)
    return Side(person_id, personal.name, personal.birth_date, sex, place_id)


def decide_distinct(tx: Transaction, pair_id: str, by: str, reason: str) -> tuple[str, str]:
    """Say that the two of a pair are two humans; returns whom it is about.

    Raises:
        NotFoundError: no such pair.
        IllegalTransitionError: it is decided already.
        RefusedError: no reason.
    """
    why = standing.reason(reason)
    rows = tx.rows(
        "SELECT state, person_a, person_b FROM person_pair WHERE pair_id = ?",
        (standing.key(pair_id, "pair"),),
    )
    if not rows:
        raise NotFoundError(f"no pair {pair_id[:64]!r}")
    state, person_a, person_b = rows[0]
    if state != "open":
        raise IllegalTransitionError(state, "decide")
    tx.execute(
        "UPDATE person_pair SET state = 'distinct', decided_by = ?, decided_ms = ?,"
        " decision_reason = ? WHERE pair_id = ?",
        (by, tx.now_ms, why, pair_id),
    )
    return person_a, person_b
