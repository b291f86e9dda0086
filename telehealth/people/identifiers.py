"""The numbers of a person: each dated, sealed, and hashed to be found (docs/people.md).

Nothing is overwritten: a number that two people bear is stored with both, and the pair goes to
the conflict desk. A 15-character insurance code stands a second time with its last ten digits,
by which two cards of one person are the same.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from protocols.errors import DecodeError
from protocols.identifiers import (
    Identifier,
    IdentifierKind,
    citizen_facts,
    social_insurance_number,
)
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.people import duplicates, standing
from telehealth.people.phones import read_identifier
from telehealth.people.places_store import day_in_vietnam
from telehealth.people.records import open_personal
from telehealth.sealed import identifier_purpose, open_identifier
from telehealth.store.database import Reader, Transaction
from telehealth.vault import Vault

SOURCES: Final = ("card", "personal_qr", "insurance_qr", "typed", "import")
DERIVED: Final = "derived"
"""The source of the ten digits of a longer code; they come and go with it."""
_EARLIEST: Final = date(1900, 1, 1)
_LATEST: Final = date(2200, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIdentifier:
    """A number as it was typed, scanned or imported."""

    kind: IdentifierKind
    text: str
    source: str = "typed"
    valid_from: date | None = None
    valid_to: date | None = None
    """The first day on which it holds no more."""


@dataclass(frozen=True, slots=True)
class AddedIdentifier:
    """What became of a number."""

    identifier_id: str
    warnings: tuple[str, ...]
    """`citizen_id_birth_year`, `citizen_id_sex`: the number says otherwise than the record."""
    pairs: tuple[str, ...]
    """Pairs for the conflict desk."""


@dataclass(frozen=True, slots=True)
class IdentifierShown:
    """A number of a person's page."""

    identifier_id: str
    kind: IdentifierKind
    value: str
    valid_from: str | None
    valid_to: str | None
    source: str
    added_ms: int
    ended_ms: int | None


def check(new: NewIdentifier, today: date) -> Identifier:
    """Return the number in its one form.

    Raises:
        RefusedError: the field is the kind, or `valid_from` or `valid_to`; never the number itself.
    """
    try:
        number = read_identifier(new.kind, new.text)
    except DecodeError as error:
        raise RefusedError(
            new.kind.value, str(error).partition(", got")[0], len(new.text)
        ) from None
    if (
        new.kind is IdentifierKind.CITIZEN_ID
        and citizen_facts(number.value).birth_year > today.year
    ):
        raise RefusedError(new.kind.value, "born this year at the latest", len(new.text))
    if new.source not in SOURCES:
        raise RefusedError("source", f"one of {', '.join(SOURCES)}", new.source[:20])
    if new.valid_from is not None and not _EARLIEST <= new.valid_from <= today:
        raise RefusedError("valid_from", "1900-01-01 to today", "another day")
    first = new.valid_from or _EARLIEST
    if new.valid_to is not None and not first < new.valid_to < _LATEST:
        raise RefusedError("valid_to", "after its first day", "another day")
    return number


def add(
    tx: Transaction, person_id: str, new: NewIdentifier, added_by: str, *, look: bool = True
) -> AddedIdentifier:
    """Write a number down with a person; one that they bear already is left as it is.

    Args:
        tx: the transaction.
        person_id: whose it is.
        new: the number.
        added_by: account or import.
        look: look for others who bear it; off where the caller looks once for several.

    Raises:
        RefusedError: the number cannot be one, or its dates.
        NotFoundError: no such person.
        IllegalTransitionError: the record is merged or erased.
    """
    number = check(new, day_in_vietnam(tx.now))
    standing.lock(tx, person_id)
    identifier_id = _held(tx, person_id, number)
    if identifier_id is None:
        identifier_id = _store(tx, person_id, number, new, new.source, added_by)
        short = _last_ten(number)
        if short is not None and _held(tx, person_id, short) is None:
            _store(tx, person_id, short, new, DERIVED, added_by)
    pairs = duplicates.note(tx, person_id) if look else []
    return AddedIdentifier(identifier_id, _doubts(tx, person_id, number), tuple(pairs))


def _last_ten(number: Identifier) -> Identifier | None:
    if number.kind is not IdentifierKind.INSURANCE:
        return None
    short = social_insurance_number(number.value)
    return None if short in (None, number.value) else Identifier(number.kind, str(short))


def _held(reader: Reader, person_id: str, number: Identifier) -> str | None:
    rows = reader.rows_in(
        "SELECT identifier_id FROM person_identifier WHERE person_id = ? AND kind = ?"
        " AND ended_ms IS NULL AND value_hash IN (…)",
        hashes(reader.vault, number),
        (person_id, number.kind.value),
    )
    return rows[0][0] if rows else None


def hashes(vault: Vault, number: Identifier) -> list[bytes]:
    """Return the keyed hashes under which a number may stand, the newest key's first."""
    return vault.hashes(identifier_purpose(number.kind), number.value)


def _store(
    tx: Transaction,
    person_id: str,
    number: Identifier,
    new: NewIdentifier,
    source: str,
    added_by: str,
) -> str:
    identifier_id = f"id-{secrets.token_hex(16)}"
    sealed = tx.vault.seal(number.value.encode(), "person_identifier", "sealed", identifier_id)
    tx.insert(
        "person_identifier",
        (
            "identifier_id", "person_id", "kind", "sealed", "value_hash", "valid_from", "valid_to",
            "source", "added_by", "added_ms",
        ),
        [
            (
                identifier_id, person_id, number.kind.value, sealed, hashes(tx.vault, number)[0],
                _iso(new.valid_from), _iso(new.valid_to), source, added_by, tx.now_ms,
            )
        ],
    )  # fmt: skip
    return identifier_id


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _doubts(reader: Reader, person_id: str, number: Identifier) -> tuple[str, ...]:
    """Registers hold such errors, so they are shown and not refused."""
    if number.kind is not IdentifierKind.CITIZEN_ID:
        return ()
    facts = citizen_facts(number.value)
    born = open_personal(reader, person_id).born
    sex = reader.rows("SELECT sex FROM person WHERE person_id = ?", (person_id,))[0][0]
    found = []
    if born is not None and born.year != facts.birth_year:
        found.append("citizen_id_birth_year")
    if sex not in ("unknown", facts.sex.value):
        found.append("citizen_id_sex")
    return tuple(found)


def end(tx: Transaction, identifier_id: str, valid_to: date | None = None) -> str:
    """Say that a number holds no more; it stays as history. Returns whose it was.

    Raises:
        NotFoundError: no such number.
        IllegalTransitionError: it has ended.
    """
    rows = tx.rows(
        "SELECT person_id, kind, sealed, ended_ms FROM person_identifier"
        " WHERE identifier_id = ? AND source <> ?",
        (standing.key(identifier_id, "identifier"), DERIVED),
    )
    if not rows:
        raise NotFoundError(f"no identifier {identifier_id[:64]!r}")
    person_id, kind, sealed, ended_ms = rows[0]
    if ended_ms is not None:
        raise IllegalTransitionError("ended", "end")
    ended = [identifier_id]
    value = open_identifier(tx.vault, identifier_id, sealed)
    short = _last_ten(Identifier(IdentifierKind(kind), value))
    if short is not None and not _still_needed(tx, person_id, identifier_id, short):
        ended += _derived(tx, person_id, short)
    day = _iso(valid_to or day_in_vietnam(tx.now))
    tx.update(
        "person_identifier",
        "identifier_id",
        ("ended_ms", "valid_to"),
        [(tx.now_ms, day, key) for key in ended],
    )
    return str(person_id)


def _still_needed(reader: Reader, person_id: str, ending: str, short: Identifier) -> bool:
    others = [one for one in of(reader, person_id) if one.identifier_id != ending]
    return any(
        one.ended_ms is None and _last_ten(Identifier(one.kind, one.value)) == short
        for one in others
    )


def _derived(reader: Reader, person_id: str, short: Identifier) -> list[str]:
    rows = reader.rows_in(
        "SELECT identifier_id FROM person_identifier WHERE person_id = ? AND source = ?"
        " AND ended_ms IS NULL AND value_hash IN (…)",
        hashes(reader.vault, short),
        (person_id, DERIVED),
    )
    return [row[0] for row in rows]


def of(reader: Reader, person_id: str) -> list[IdentifierShown]:
    """Return the numbers of a person, those that hold first, then the newest first."""
    rows = reader.rows(
        "SELECT identifier_id, kind, sealed, valid_from, valid_to, source, added_ms, ended_ms"
        " FROM person_identifier WHERE person_id = ? AND source <> ?"
        " ORDER BY CASE WHEN ended_ms IS NULL THEN 0 ELSE 1 END, added_ms DESC, identifier_id",
        (person_id, DERIVED),
    )
    return [
        IdentifierShown(
            row[0], IdentifierKind(row[1]), open_identifier(reader.vault, row[0], row[2]), *row[3:]
        )
        for row in rows
    ]


def phones_of(reader: Reader, person_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the E.164 numbers that hold of many people, the newest first."""
    found: dict[str, list[str]] = {}
    for person_id, identifier_id, sealed, _ in sorted(
        reader.rows_in(
            "SELECT person_id, identifier_id, sealed, added_ms FROM person_identifier"
            " WHERE kind = 'phone' AND ended_ms IS NULL AND person_id IN (…)",
            list(person_ids),
        ),
        key=lambda row: (-row[3], row[1]),
    ):
        value = open_identifier(reader.vault, identifier_id, sealed)
        found.setdefault(person_id, []).append(value)
    return found
