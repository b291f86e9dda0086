"""Carries out deletion and restriction, as far as the duty to keep medical records lets us.

A deletion takes away who somebody is, and keeps what was measured and done under an id that names
nobody: the law on examination and treatment has medical records kept for years (Law 15/2023/QH15
art. 69; Circular 13/2025 for electronic ones), and an audit log that forgets proves nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from telehealth.consents import stopping
from telehealth.errors import IllegalTransitionError, NotFoundError
from telehealth.store.database import Reader, Transaction


class Kept(StrEnum):
    """What a deletion leaves, each with its reason."""

    MEDICAL_RECORD = "medical_record"
    AUDIT = "audit"
    EXPORTS = "exports"
    BACKUPS = "backups"
    """Until the last backup that holds them is overwritten."""


KEPT: Final = tuple(Kept)
_OF_PERSON: Final = (
    "person_identifier", "person_token", "household_member", "entry_code",
)  # fmt: skip
_OF_ACCOUNT: Final = (
    "login_session", "login_step", "security_key", "recovery_code", "role_grant",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Erased:
    """What a deletion took away."""

    person_ids: tuple[str, ...]
    """The record, and those that were merged into it."""
    session_hashes: tuple[bytes, ...]
    """Sessions that ended; their sockets are to be told."""


def refusal(reader: Reader, person_id: str) -> str | None:
    """Return why nothing can be erased now: `open_case` while somebody answers for the person."""
    rows = reader.rows(
        "SELECT 1 FROM f0_case WHERE person_id = ? AND closed_ms IS NULL", (person_id,)
    )
    return "open_case" if rows else None


def erase_person(tx: Transaction, person_id: str) -> Erased:
    """Erase who somebody is and how they log in; their medical record stays, naming nobody.

    Raises:
        NotFoundError: no such person.
        IllegalTransitionError: a case is open: nobody could find the person in an emergency.
    """
    if not tx.rows("SELECT 1 FROM person WHERE person_id = ?", (person_id,)):
        raise NotFoundError(f"no person {person_id}")
    why = refusal(tx, person_id)
    if why is not None:
        raise IllegalTransitionError(why, "erase", "the case must be closed first")
    records = _with_merged(tx, person_id)
    ended: list[bytes] = []
    for record in records:
        stopping.stop_collection(tx, record)
        _end_consents(tx, record)
        households = [
            row[0]
            for row in tx.rows(
                "SELECT household_id FROM household_member WHERE person_id = ?", (record,)
            )
        ]
        for table in _OF_PERSON:
            tx.execute(f"DELETE FROM {table} WHERE person_id = ?", (record,))  # noqa: S608 - ours
        _empty(tx, households)
        tx.execute(
            "DELETE FROM person_proxy WHERE person_id = ? OR proxy_person_id = ?", (record, record)
        )
        ended += _close_accounts(tx, record)
        _blank(tx, record)
    return Erased(tuple(records), tuple(ended))


def _with_merged(reader: Reader, person_id: str) -> list[str]:
    """Return the record and every record that was merged into it, however deep."""
    found = [person_id]
    for record in found:
        rows = reader.rows(
            "SELECT person_id FROM person WHERE merged_into = ? ORDER BY person_id", (record,)
        )
        found += [row[0] for row in rows if row[0] not in found]
    return found


def _end_consents(tx: Transaction, person_id: str) -> None:
    """Nothing rests on a consent any more; that there was one stays, without the proof."""
    tx.execute(
        "UPDATE consent SET withdrawn_ms = COALESCE(withdrawn_ms, ?), done_ms ="
        " COALESCE(done_ms, ?), proof = NULL, guardian_person_id = NULL WHERE person_id = ?",
        (tx.now_ms, tx.now_ms, person_id),
    )
    tx.execute(
        "UPDATE consent SET guardian_person_id = NULL WHERE guardian_person_id = ?", (person_id,)
    )


def _empty(tx: Transaction, household_ids: list[str]) -> None:
    """A household in which nobody lives has no address."""
    for household_id in household_ids:
        tx.execute(
            "UPDATE household SET address = NULL WHERE household_id = ? AND NOT EXISTS"
            " (SELECT 1 FROM household_member m WHERE m.household_id = household.household_id)",
            (household_id,),
        )


def _close_accounts(tx: Transaction, person_id: str) -> list[bytes]:
    ended: list[bytes] = []
    accounts = tx.rows("SELECT account_id, login FROM account WHERE person_id = ?", (person_id,))
    for account_id, login in accounts:
        rows = tx.rows("SELECT token_hash FROM login_session WHERE account_id = ?", (account_id,))
        ended += [bytes(row[0]) for row in rows]
        for table in _OF_ACCOUNT:
            tx.execute(f"DELETE FROM {table} WHERE account_id = ?", (account_id,))  # noqa: S608
        tx.execute("DELETE FROM login_failure WHERE login = ?", (login,))
        tx.execute("DELETE FROM outbox WHERE recipient_id = ?", (account_id,))
        tx.execute("DELETE FROM account WHERE account_id = ?", (account_id,))
    return ended


def _blank(tx: Transaction, person_id: str) -> None:
    tx.execute(
        "UPDATE person SET personal = NULL, display_name = '', birth_date = '', place_given = NULL,"
        " erased_ms = ? WHERE person_id = ?",
        (tx.now_ms, person_id),
    )
    tx.execute("UPDATE subject_request SET details = NULL WHERE person_id = ?", (person_id,))


def restrict(tx: Transaction, person_id: str) -> None:
    """Restrict processing from now on: an area alone no longer reaches the person.

    Raises:
        NotFoundError: no such person.
    """
    touched = tx.execute(
        "UPDATE person SET restricted_ms = COALESCE(restricted_ms, ?) WHERE person_id = ?",
        (tx.now_ms, person_id),
    )
    if not touched:
        raise NotFoundError(f"no person {person_id}")


def lift_restriction(tx: Transaction, person_id: str) -> None:
    """End a restriction at the person's own wish.

    Raises:
        IllegalTransitionError: processing is not restricted.
    """
    touched = tx.execute(
        "UPDATE person SET restricted_ms = NULL WHERE person_id = ? AND restricted_ms IS NOT NULL",
        (person_id,),
    )
    if not touched:
        raise IllegalTransitionError("unrestricted", "lift")


def restricted_since_ms(reader: Reader, person_id: str) -> int | None:
    """Return since when processing is restricted; None: it is not."""
    rows = reader.rows("SELECT restricted_ms FROM person WHERE person_id = ?", (person_id,))
    return rows[0][0] if rows else None
