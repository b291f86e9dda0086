"""Roles that accounts hold: each beneath one place, perhaps within one programme, for a time."""

import secrets
from dataclasses import dataclass
from typing import Final

from telehealth.access import sessions
from telehealth.access.policy import Role
from telehealth.errors import (
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from telehealth.store.database import Reader, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGrant:
    """A role for an account."""

    account_id: str
    role: Role
    place_id: str | None = None
    """Beneath which place; None: everywhere."""
    programme_id: str | None = None
    to_ms: int | None = None


@dataclass(frozen=True, slots=True)
class GrantShown:
    """A role as pages list it."""

    grant_id: str
    account_id: str
    role: Role
    place_id: str | None
    place: str | None
    programme_id: str | None
    programme: str | None
    from_ms: int
    to_ms: int | None


def require_within(reader: Reader, own: str | None, place_id: str | None) -> None:
    """Refuse to give or take a role outside the own place.

    Args:
        reader: a transaction.
        own: the place beneath which the administrator acts; None: everywhere.
        place_id: the place of the role; None: everywhere.

    Raises:
        NotAllowedError: it is not beneath the own place.
    """
    if own is None:
        return
    sql = "SELECT 1 FROM place_ancestor WHERE place_id = ? AND ancestor_id = ?"
    if place_id is None or not reader.rows(sql, (place_id, own)):
        raise NotAllowedError(f"{place_id or 'everywhere'} is not beneath {own}")


def give(tx: Transaction, new: NewGrant, granted_by: str) -> str:
    """Give a role from now on; returns the grant's id.

    Raises:
        RefusedError: the role is no staff's, or it ends before it begins.
        NotFoundError: no such account, place or programme.
        IllegalTransitionError: the account holds just this role already.
    """
    if new.role is Role.PATIENT:
        raise RefusedError("role", "a role of staff", new.role.value)
    if new.to_ms is not None and new.to_ms <= tx.now_ms:
        raise RefusedError("to_ms", "after now", new.to_ms)
    _must_exist(tx, "account", "account_id", new.account_id)
    _must_exist(tx, "place", "place_id", new.place_id)
    _must_exist(tx, "programme", "programme_id", new.programme_id)
    held = (new.role, new.place_id, new.programme_id)
    if any((g.role, g.place_id, g.programme_id) == held for g in of(tx, new.account_id)):
        raise IllegalTransitionError("held", "give", "the account holds this role already")
    grant_id = f"gr-{secrets.token_hex(8)}"
    tx.execute(
        "INSERT INTO role_grant (grant_id, account_id, role, place_id, programme_id, from_ms,"
        " to_ms, granted_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            grant_id, new.account_id, new.role.value, new.place_id, new.programme_id, tx.now_ms,
            new.to_ms, granted_by,
        ),
    )  # fmt: skip
    return grant_id


def end(tx: Transaction, grant_id: str, ended_by: str) -> list[bytes]:
    """Take a role away now, and end the sessions that act in it; returns which.

    Raises:
        NotFoundError: no such grant.
        IllegalTransitionError: it has ended, or it is the last administrator's everywhere.
    """
    rows = tx.rows("SELECT role, place_id, to_ms FROM role_grant WHERE grant_id = ?", (grant_id,))
    if not rows:
        raise NotFoundError(f"no grant {grant_id}")
    role, place_id, to_ms = rows[0]
    if to_ms is not None and to_ms <= tx.now_ms:
        raise IllegalTransitionError("ended", "end")
    if role == Role.ADMINISTRATOR and place_id is None and administrators(tx, but=grant_id) == 0:
        raise IllegalTransitionError("held", "end", "the last administrator everywhere")
    tx.execute(
        "UPDATE role_grant SET to_ms = ?, ended_by = ? WHERE grant_id = ?",
        (tx.now_ms, ended_by, grant_id),
    )
    return sessions.end_of_grant(tx, grant_id)


def administrators(reader: Reader, *, but: str) -> int:
    """Return how many administrators there are everywhere, without one grant."""
    rows = reader.rows(
        "SELECT count(*) FROM role_grant r JOIN account a ON a.account_id = r.account_id"
        " WHERE r.role = 'administrator' AND r.place_id IS NULL AND r.grant_id <> ?"
        " AND a.disabled_ms IS NULL AND (r.to_ms IS NULL OR r.to_ms > ?)",
        (but, reader.now_ms),
    )
    return int(rows[0][0])


_COLUMNS: Final = (
    "SELECT r.grant_id, r.account_id, r.role, r.place_id, l.name, r.programme_id, g.name,"
    " r.from_ms, r.to_ms FROM role_grant r LEFT JOIN place l ON l.place_id = r.place_id"
    " LEFT JOIN programme g ON g.programme_id = r.programme_id"
    " WHERE r.from_ms <= ? AND (r.to_ms IS NULL OR r.to_ms > ?)"
)
_HELD: Final = f"{_COLUMNS} ORDER BY r.from_ms, r.grant_id"
_HELD_BY_ONE: Final = f"{_COLUMNS} AND r.account_id = ? ORDER BY r.from_ms, r.grant_id"


def is_last_administrator(reader: Reader, account_id: str) -> bool:
    """Say whether nobody else administers everywhere."""
    own = [
        grant
        for grant in of(reader, account_id)
        if grant.role is Role.ADMINISTRATOR and grant.place_id is None
    ]
    return bool(own) and all(administrators(reader, but=g.grant_id) == 0 for g in own)


def of(reader: Reader, account_id: str | None = None) -> list[GrantShown]:
    """Return the roles that an account, or any, holds now; the oldest first."""
    now, own = reader.now_ms, () if account_id is None else (account_id,)
    rows = reader.rows(_HELD_BY_ONE if own else _HELD, (now, now, *own))
    return [GrantShown(row[0], row[1], Role(row[2]), *row[3:]) for row in rows]


def first_of(reader: Reader, account_id: str) -> GrantShown | None:
    """Return the role that a new session begins in: the account's own, else the oldest."""
    rows = reader.rows("SELECT role FROM account WHERE account_id = ?", (account_id,))
    held = of(reader, account_id)
    own = [grant for grant in held if rows and grant.role == rows[0][0]]
    return next(iter(own or held), None)


def begin_session(
    tx: Transaction, account_id: str, *, second_factor: str | None, user_agent: str
) -> str:
    """Start a session in the account's first role and return its token.

    Raises:
        NotAllowedError: an account of staff that holds no role now.
    """
    rows = tx.rows("SELECT role FROM account WHERE account_id = ?", (account_id,))
    grant = first_of(tx, account_id)
    if grant is None and rows[0][0] != Role.PATIENT:
        raise NotAllowedError(f"{account_id} holds no role now")
    return sessions.open_session(
        tx,
        account_id,
        grant_id=None if grant is None else grant.grant_id,
        second_factor=second_factor,
        user_agent=user_agent,
    )


def _must_exist(reader: Reader, table: str, key: str, value: str | None) -> None:
    sql = f"SELECT 1 FROM {table} WHERE {key} = ?"  # noqa: S608 - constants of this module
    if value is not None and not reader.rows(sql, (value,)):
        raise NotFoundError(f"no {table} {value}")
