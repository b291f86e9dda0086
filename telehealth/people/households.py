"""Households: who lives with whom, from when to when; at most one at a time (docs/people.md)."""

import secrets
from dataclasses import dataclass
from typing import Final

from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.people import standing
from telehealth.people.names import sort_key
from telehealth.people.records import unseal
from telehealth.store.database import Reader, Transaction

_LONGEST_ADDRESS: Final = 300


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody's time in a household."""

    membership_id: str
    person_id: str
    name: str
    is_head: bool
    from_ms: int
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class HouseholdShown:
    """A household, its head first, then by given name."""

    household_id: str
    place_id: str | None
    address: str
    members: tuple[Member, ...]
    """Those who live there now."""
    past: tuple[Member, ...]


def check_address(address: str) -> str:
    """Return an address without white space around it.

    Raises:
        RefusedError: too long, or it holds what does not print.
    """
    plain = " ".join(address.split())
    if len(plain) > _LONGEST_ADDRESS or not plain.isprintable():
        raise RefusedError("address", f"at most {_LONGEST_ADDRESS} characters", len(plain))
    return plain


def create(tx: Transaction, *, place_id: str | None, address: str, created_by: str) -> str:
    """Make a household with nobody in it; returns its id.

    Raises:
        RefusedError: an address too long.
        NotFoundError: no such place.
    """
    plain = check_address(address)
    if place_id and not tx.rows("SELECT 1 FROM place WHERE place_id = ?", (place_id,)):
        raise NotFoundError(f"no place {place_id[:64]!r}")
    household_id = f"hh-{secrets.token_hex(8)}"
    tx.execute(
        "INSERT INTO household (household_id, place_id, address, created_by, created_ms)"
        " VALUES (?, ?, ?, ?, ?)",
        (household_id, place_id, _seal(tx, household_id, plain), created_by, tx.now_ms),
    )
    return household_id


def correct(tx: Transaction, household_id: str, *, place_id: str | None, address: str) -> None:
    """Write down anew where a household is.

    Raises:
        RefusedError: an address too long.
        NotFoundError: no such household or place.
    """
    plain = check_address(address)
    if place_id and not tx.rows("SELECT 1 FROM place WHERE place_id = ?", (place_id,)):
        raise NotFoundError(f"no place {place_id[:64]!r}")
    changed = tx.execute(
        "UPDATE household SET place_id = ?, address = ? WHERE household_id = ?",
        (place_id, _seal(tx, household_id, plain), household_id),
    )
    if not changed:
        raise NotFoundError(f"no household {household_id[:64]!r}")


def _seal(tx: Transaction, household_id: str, address: str) -> bytes | None:
    if not address:
        return None
    return tx.vault.seal(address.encode(), "household", "address", household_id)


def move_in(tx: Transaction, household_id: str, person_id: str, *, is_head: bool = False) -> str:
    """Let somebody live in a household from now on, and no more in another; returns the membership.

    A new head takes the place of the one before.

    Raises:
        NotFoundError: no such household or person.
        IllegalTransitionError: they live there, or the record is merged or erased.
    """
    standing.lock(tx, person_id)
    known = (standing.key(household_id, "household"),)
    if not tx.rows("SELECT 1 FROM household WHERE household_id = ?", known):
        raise NotFoundError(f"no household {household_id[:64]!r}")
    for membership_id, there in _open(tx, person_id):
        if there == household_id:
            raise IllegalTransitionError("member", "move in", "lives there already")
        _end(tx, membership_id)
    if is_head:
        _no_head(tx, household_id)
    membership_id = f"hm-{secrets.token_hex(8)}"
    tx.execute(
        "INSERT INTO household_member (membership_id, household_id, person_id, is_head, from_ms)"
        " VALUES (?, ?, ?, ?, ?)",
        (membership_id, household_id, person_id, is_head, tx.now_ms),
    )
    return membership_id


def move_out(tx: Transaction, person_id: str) -> str:
    """End somebody's time in their household; returns which it was.

    Raises:
        NotFoundError: no such person, or one who lives in none.
        IllegalTransitionError: the record is merged or erased.
    """
    found = _homes(tx, person_id)
    for membership_id, _ in found:
        _end(tx, membership_id)
    return found[0][1]


def make_head(tx: Transaction, person_id: str) -> str:
    """Make a member the head of the household they live in; returns which it is.

    Raises:
        NotFoundError: no such person, or one who lives in none.
        IllegalTransitionError: the record is merged or erased.
    """
    membership_id, household_id = _homes(tx, person_id)[0]
    _no_head(tx, household_id)
    tx.execute(
        "UPDATE household_member SET is_head = ? WHERE membership_id = ?", (True, membership_id)
    )
    return household_id


def _homes(tx: Transaction, person_id: str) -> list[tuple[str, str]]:
    standing.lock(tx, person_id)
    found = _open(tx, person_id)
    if not found:
        raise NotFoundError(f"no household of {person_id}")
    return found


def _open(reader: Reader, person_id: str) -> list[tuple[str, str]]:
    rows = reader.rows(
        "SELECT membership_id, household_id FROM household_member"
        " WHERE person_id = ? AND to_ms IS NULL ORDER BY from_ms DESC",
        (person_id,),
    )
    return [(row[0], row[1]) for row in rows]


def _end(tx: Transaction, membership_id: str) -> None:
    tx.execute(
        "UPDATE household_member SET to_ms = ? WHERE membership_id = ?", (tx.now_ms, membership_id)
    )


def _no_head(tx: Transaction, household_id: str) -> None:
    tx.execute(
        "UPDATE household_member SET is_head = ? WHERE household_id = ? AND to_ms IS NULL",
        (False, household_id),
    )


def of(reader: Reader, person_id: str) -> HouseholdShown | None:
    """Return the household that somebody lives in now; None: in none that is written down."""
    found = _open(reader, person_id)
    return shown(reader, found[0][1]) if found else None


def shown(reader: Reader, household_id: str) -> HouseholdShown:
    """Return a household with its members.

    Raises:
        NotFoundError: no such household.
    """
    rows = reader.rows(
        "SELECT place_id, address FROM household WHERE household_id = ?",
        (standing.key(household_id, "household"),),
    )
    if not rows:
        raise NotFoundError(f"no household {household_id[:64]!r}")
    place_id, sealed = rows[0]
    address = ""
    if sealed is not None:
        address = reader.vault.open(sealed, "household", "address", household_id).decode()
    members = [
        Member(row[0], row[1], unseal(reader.vault, row[1], row[2]).name, bool(row[3]), *row[4:])
        for row in reader.rows(
            "SELECT m.membership_id, m.person_id, p.personal, m.is_head, m.from_ms, m.to_ms"
            " FROM household_member m JOIN person p ON p.person_id = m.person_id"
            " WHERE m.household_id = ? ORDER BY m.from_ms, m.membership_id",
            (household_id,),
        )
    ]
    now = [one for one in members if one.to_ms is None]
    now.sort(key=lambda one: (not one.is_head, sort_key(one.name)))
    past = [one for one in members if one.to_ms is not None]
    return HouseholdShown(household_id, place_id, address, tuple(now), tuple(past))
