"""What is known of who somebody is: sealed as one value, opened only where a page shows it."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

import msgspec

from telehealth.errors import NotFoundError
from telehealth.store.database import Reader
from telehealth.vault import Vault

TABLE: Final = "person"
COLUMN: Final = "personal"


class Personal(msgspec.Struct, frozen=True, kw_only=True):
    """The personal fields of a human."""

    name: str
    birth_date: str = ""
    """ISO date; empty: not known."""
    address: str = ""

    @property
    def born(self) -> date | None:
        """The birth date, if it is known."""
        return date.fromisoformat(self.birth_date) if self.birth_date else None


NOBODY: Final = Personal(name="")
"""Of an erased record."""
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Personal).decode


def seal_personal(vault: Vault, person_id: str, personal: Personal) -> bytes:
    """Return the sealed field of the person's row."""
    return vault.seal(_encode(personal), TABLE, COLUMN, person_id)


def unseal(vault: Vault, person_id: str, sealed: bytes | None) -> Personal:
    """Return what a person's row holds; an erased one holds nothing."""
    if sealed is None:
        return NOBODY
    return _decode(vault.open(sealed, TABLE, COLUMN, person_id))


def open_personal(reader: Reader, person_id: str) -> Personal:
    """Return a person's own fields.

    Raises:
        NotFoundError: no such person.
    """
    found = personal_of(reader, [person_id])
    if person_id not in found:
        raise NotFoundError(f"no person {person_id}")
    return found[person_id]


def personal_of(reader: Reader, person_ids: Sequence[str]) -> dict[str, Personal]:
    """Return the personal fields of many."""
    rows = reader.rows_in(
        "SELECT person_id, personal FROM person WHERE person_id IN (…)", person_ids
    )
    return {key: unseal(reader.vault, key, sealed) for key, sealed in rows}


def names_of(reader: Reader, person_ids: Iterable[str | None]) -> dict[str, str]:
    """Return the names of many; whoever is unknown is missing."""
    wanted = sorted({key for key in person_ids if key})
    return {key: personal.name for key, personal in personal_of(reader, wanted).items()}
