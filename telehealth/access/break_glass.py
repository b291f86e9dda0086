"""Access taken in an emergency: asked for with a reason, an hour at most, always reviewed.

The account has proved anew who it is before (`access.confirming`); the privacy officer is told at
once, and judges afterwards. What is seen meanwhile stands in the audit log under the id given here.
"""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from telehealth import outbox
from telehealth.access import reach
from telehealth.access.policy import BREAKABLE, Actor, Relation, Role, relation
from telehealth.access.scope import Permit, subject_of
from telehealth.errors import (
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from telehealth.people.records import names_of
from telehealth.store.database import Reader, Row, Transaction

LONGEST_MINUTES: Final = 60
_MINUTE_MS: Final = 60_000
_LONGEST_NOTE: Final = 500
_SHORTEST_NOTE: Final = 10


class GlassReason(StrEnum):
    """Why somebody takes access."""

    EMERGENCY_CALL = "emergency_call"
    UNCONSCIOUS = "unconscious"
    TRANSFER = "transfer"
    COVER = "cover"
    OTHER = "other"


class Verdict(StrEnum):
    """What the review found."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


@dataclass(frozen=True, slots=True)
class GlassShown:
    """One access as pages show it."""

    break_glass_id: str
    account_id: str
    account: str
    person_id: str
    person: str
    reason: str
    note: str
    started_ms: int
    ends_ms: int
    verdict: str | None
    reviewed_ms: int | None
    reviewer: str | None
    review_note: str


def start(
    tx: Transaction, actor: Actor, person_id: str, *, reason: str, note: str, minutes: int
) -> str:
    """Take access from now on and tell the privacy officer; returns its id.

    Raises:
        RefusedError: no such reason, no words, or longer than an hour.
        NotAllowedError: this role may not, or there is no such person.
        IllegalTransitionError: it reaches the person already.
    """
    if reason not in set(GlassReason):
        raise RefusedError("reason", f"one of {[r.value for r in GlassReason]}", reason[:40])
    if not _SHORTEST_NOTE <= len(note) <= _LONGEST_NOTE:
        raise RefusedError("note", f"{_SHORTEST_NOTE} to {_LONGEST_NOTE} characters", len(note))
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise RefusedError("minutes", f"1 to {LONGEST_MINUTES}", minutes)
    subject = subject_of(tx, actor, person_id)
    if actor.role not in BREAKABLE or not subject.is_record:
        raise NotAllowedError(f"{actor.role} {actor.account_id} may not break_glass of {person_id}")
    if relation(actor, subject) is not Relation.STRANGER:
        raise IllegalTransitionError("reached", "break_glass", "no emergency access is needed")
    key = f"bg-{secrets.token_hex(8)}"
    tx.insert(
        "break_glass",
        ("break_glass_id", "account_id", "person_id", "reason", "note", "started_ms", "ends_ms"),
        [
            (
                key, actor.account_id, person_id, reason,
                tx.vault.seal(note.encode(), "break_glass", "note", key),
                tx.now_ms, tx.now_ms + minutes * _MINUTE_MS,
            )
        ],
    )  # fmt: skip
    for officer in officers_of(tx, person_id):
        _tell(tx, officer, key)
    return key


def officers_of(reader: Reader, person_id: str) -> list[str]:
    """Return the privacy officers who answer for a person; where there is none, administrators."""
    found = reach.reaching_person(reader, [Role.PRIVACY_OFFICER], person_id)
    return found or reach.administrators(reader)


def _tell(tx: Transaction, officer: str, key: str) -> None:
    payload = {"kind": "break_glass", "break_glass_id": key}
    outbox.queue(tx, outbox.Notice(f"break_glass:{key}:{officer}", officer, key, payload))


def end(tx: Transaction, actor: Actor, break_glass_id: str) -> str:
    """Give access back before its time; returns whose record it was.

    Raises:
        NotFoundError: none of this account's.
        IllegalTransitionError: it is over.
    """
    rows = tx.rows(
        "SELECT person_id, ends_ms FROM break_glass WHERE break_glass_id = ? AND account_id = ?",
        (break_glass_id, actor.account_id),
    )
    if not rows:
        raise NotFoundError(f"no emergency access {break_glass_id}")
    person_id, ends_ms = rows[0]
    if ends_ms <= tx.now_ms:
        raise IllegalTransitionError("over", "end")
    tx.execute(
        "UPDATE break_glass SET ends_ms = ?, ended_by = ? WHERE break_glass_id = ?",
        (tx.now_ms, actor.account_id, break_glass_id),
    )
    return str(person_id)


def active(reader: Reader, account_id: str, person_id: str) -> tuple[str, int] | None:
    """Return the running access of an account to a person, and when it ends."""
    rows = reader.rows(
        "SELECT break_glass_id, ends_ms FROM break_glass WHERE account_id = ? AND person_id = ?"
        " AND started_ms <= ? AND ends_ms > ? ORDER BY ends_ms DESC",
        (account_id, person_id, reader.now_ms, reader.now_ms),
    )
    return (rows[0][0], rows[0][1]) if rows else None


def basis_of(reader: Reader, permit: Permit) -> str:
    """Return what a permit rests on beyond the role: the emergency access, if it does."""
    if permit.relation is not Relation.GLASS_BROKEN:
        return permit.relation.value
    found = active(reader, permit.actor.account_id, permit.subject.person_id)
    return found[0] if found else ""


def review(tx: Transaction, actor: Actor, break_glass_id: str, verdict: str, note: str) -> str:
    """Judge an access; returns whose record it was.

    Raises:
        RefusedError: no such verdict, or no words.
        NotFoundError: no such access to a person whom this officer answers for.
        NotAllowedError: nobody judges their own.
        IllegalTransitionError: it has been judged.
    """
    if verdict not in set(Verdict):
        raise RefusedError("verdict", f"one of {[v.value for v in Verdict]}", verdict[:40])
    if not _SHORTEST_NOTE <= len(note) <= _LONGEST_NOTE:
        raise RefusedError("note", f"{_SHORTEST_NOTE} to {_LONGEST_NOTE} characters", len(note))
    rows = tx.rows(
        "SELECT person_id, account_id, reviewed_ms FROM break_glass WHERE break_glass_id = ?",
        (break_glass_id,),
    )
    if not rows or actor.account_id not in officers_of(tx, rows[0][0]):
        raise NotFoundError(f"no emergency access {break_glass_id}")
    person_id, account_id, reviewed_ms = rows[0]
    if account_id == actor.account_id:
        raise NotAllowedError("nobody reviews their own emergency access")
    if reviewed_ms is not None:
        raise IllegalTransitionError("reviewed", "review")
    sealed = tx.vault.seal(note.encode(), "break_glass", "review_note", break_glass_id)
    tx.execute(
        "UPDATE break_glass SET verdict = ?, reviewed_by = ?, reviewed_ms = ?, review_note = ?"
        " WHERE break_glass_id = ?",
        (verdict, actor.account_id, tx.now_ms, sealed, break_glass_id),
    )
    return str(person_id)


_SHOWN: Final = (
    "SELECT b.break_glass_id, b.account_id, w.display_name, b.person_id, b.reason, b.note,"
    " b.started_ms, b.ends_ms, b.verdict, b.reviewed_ms, v.display_name, b.review_note"
    " FROM break_glass b JOIN account w ON w.account_id = b.account_id"
    " LEFT JOIN account v ON v.account_id = b.reviewed_by"
)
_FOR_REVIEW: Final = (
    f"{_SHOWN} ORDER BY CASE WHEN b.reviewed_ms IS NULL THEN 0 ELSE 1 END, b.started_ms DESC"
    " LIMIT 200"
)


def for_review(reader: Reader, actor: Actor) -> list[GlassShown]:
    """Return the accesses this officer answers for: unjudged first, the newest first."""
    rows = [
        row
        for row in reader.rows(_FOR_REVIEW)
        if actor.account_id in officers_of(reader, str(row[3]))
    ]
    names = names_of(reader, [row[3] for row in rows])
    return [_shown(reader, row, names) for row in rows]


def _shown(reader: Reader, row: Row, names: dict[str, str]) -> GlassShown:
    (
        key,
        account_id,
        account,
        person_id,
        reason,
        note,
        started,
        ends,
        verdict,
        reviewed,
        by,
        words,
    ) = row

    def words_of(sealed: bytes | None, column: str) -> str:
        if sealed is None:
            return ""
        return reader.vault.open(sealed, "break_glass", column, key).decode()

    return GlassShown(
        key,
        account_id,
        account,
        person_id,
        names.get(person_id, ""),
        reason,
        words_of(note, "note"),
        started,
        ends,
        verdict,
        reviewed,
        by,
        words_of(words, "review_note"),
    )
