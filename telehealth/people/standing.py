"""Whether a record still stands, and which record stands for one that was merged into another."""

from collections.abc import Iterable

from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.store.database import Reader, Transaction

_LONGEST_REASON = 500


def lock(tx: Transaction, *person_ids: str) -> None:
    """Lock records against other writers until the commit, and refuse those that stand no more.

    Raises:
        NotFoundError: no such person.
        IllegalTransitionError: merged into another record, or erased.
    """
    sql = "SELECT person_id, merged_into, erased_ms FROM person WHERE person_id IN (…)"
    lock_rows = "" if tx.is_sqlite else " ORDER BY person_id FOR NO KEY UPDATE"
    asked = sorted({key(person_id, "person") for person_id in person_ids})
    found = {row[0]: row[1:] for row in tx.rows_in(f"{sql}{lock_rows}", asked)}
    for person_id in person_ids:
        if person_id not in found:
            raise NotFoundError(f"no person {person_id}")
        merged_into, erased_ms = found[person_id]
        if merged_into is not None:
            raise IllegalTransitionError("merged", "change", f"{person_id} is part of another")
        if erased_ms is not None:
            raise IllegalTransitionError("erased", "change", f"{person_id} was erased")


def key(text: str, what: str) -> str:
    """Return an id as it may be asked for; PostgreSQL takes no text with a null in it.

    Raises:
        NotFoundError: nothing can bear such an id.
    """
    if not text.isprintable():
        raise NotFoundError(f"no {what} of this id")
    return text


def standing_for(reader: Reader, person_ids: Iterable[str]) -> dict[str, str]:
    """Return for each record the one that stands for it: itself, or what it was merged into."""
    asked = set(person_ids)
    into: dict[str, str] = {}
    left = asked
    while left:
        rows = reader.rows_in(
            "SELECT person_id, merged_into FROM person WHERE merged_into IS NOT NULL"
            " AND person_id IN (…)",
            sorted(left),
        )
        into.update(dict(map(tuple, rows)))
        left = {above for _, above in rows} - into.keys()
    found: dict[str, str] = {}
    for person_id in asked:
        at = person_id
        while at in into:
            at = into[at]
        found[person_id] = at
    return found


def reason(text: str, field: str = "reason") -> str:
    """Return a reason without white space around it.

    Raises:
        RefusedError: none was given, or it is too long.
    """
    plain = text.strip()
    if not 0 < len(plain) <= _LONGEST_REASON or not plain.isprintable():
        raise RefusedError(field, f"1 to {_LONGEST_REASON} characters, one line", len(plain))
    return plain
