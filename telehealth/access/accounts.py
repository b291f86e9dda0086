"""Accounts: made, disabled and given a new password by an administrator or the command line."""

import re
import secrets
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from telehealth.access import grants, limits, sessions, steps
from telehealth.access.grants import GrantShown, NewGrant
from telehealth.access.limits import Limit
from telehealth.access.policy import Role
from telehealth.errors import NotFoundError, RefusedError
from telehealth.store.database import Reader, Transaction

_LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,47}")
_LONGEST_NAME: Final = 80
LOCALES: Final = ("vi", "en")


@dataclass(frozen=True, slots=True)
class AccountShown:
    """An account as the administrator's list shows it."""

    account_id: str
    login: str
    display_name: str
    role: Role
    created_ms: int
    disabled_ms: int | None
    last_used_ms: int | None
    roles: tuple[GrantShown, ...] = ()
    """What it holds now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What an account is made of; checked when it is made, not before.

    A patient's account has no name of its own: it shows the person's.
    """

    login: str
    display_name: str
    role: Role
    password_hash: str
    person_id: str | None = None
    programme_id: str | None = None
    place_id: str | None = None
    """Beneath which place the role is held; None: everywhere."""
    password_temporary: bool = False
    locale: str = "vi"


def normal_login(login: str) -> str:
    """Return the one spelling of a log-in name, bounded in length."""
    return login.strip().casefold()[:64]


def create(tx: Transaction, new: NewAccount, made_by: str = "command line") -> str:
    """Make an account that holds its role from now on, and return its id.

    Raises:
        RefusedError: the log-in is none or is taken, or a field does not fit the role.
    """
    login = normal_login(new.login)
    if not _LOGIN.fullmatch(login):
        raise RefusedError("login", "2 to 48 of a-z, 0-9, dot, dash, underscore", login)
    name = "" if new.role is Role.PATIENT else new.display_name.strip()
    if len(name) > _LONGEST_NAME or (not name and new.role is not Role.PATIENT):
        raise RefusedError("display_name", f"1 to {_LONGEST_NAME} characters", len(name))
    if (new.role is Role.PATIENT) != (new.person_id is not None):
        raise RefusedError("person_id", "a patient's account has one, no other does", new.role)
    if new.locale not in LOCALES:
        raise RefusedError("locale", f"one of {LOCALES}", new.locale)
    if tx.rows("SELECT 1 FROM account WHERE login = ?", (login,)):
        raise RefusedError("login", "not taken yet", login)
    account_id = f"ac-{secrets.token_hex(8)}"
    tx.execute(
        "INSERT INTO account (account_id, login, display_name, role, password_hash, person_id,"
        " programme_id, locale, password_temporary, created_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            account_id, login, name, new.role.value, new.password_hash, new.person_id,
            new.programme_id, new.locale, new.password_temporary, tx.now_ms,
        ),
    )  # fmt: skip
    if new.role is not Role.PATIENT:
        grant = NewGrant(
            account_id=account_id,
            role=new.role,
            place_id=new.place_id,
            programme_id=new.programme_id,
        )
        grants.give(tx, grant, made_by)
    return account_id


def disable(tx: Transaction, account_id: str) -> list[bytes]:
    """Close an account and all its sessions; returns which, for their topics.

    Raises:
        NotFoundError: no such account.
    """
    login_of(tx, account_id)
    tx.execute("UPDATE account SET disabled_ms = ? WHERE account_id = ?", (tx.now_ms, account_id))
    return sessions.end_all(tx, account_id)


def set_password(
    tx: Transaction, account_id: str, password_hash: str, *, temporary: bool = False
) -> list[bytes]:
    """Give a new password; ends all sessions and any lock. Returns the sessions ended.

    Args:
        tx: the writing transaction.
        account_id: whose.
        password_hash: argon2id, encoded.
        temporary: somebody else knows it, so it must be changed at the next log-in.

    Raises:
        NotFoundError: no such account.
    """
    login = login_of(tx, account_id)
    tx.execute(
        "UPDATE account SET password_hash = ?, password_temporary = ? WHERE account_id = ?",
        (password_hash, temporary, account_id),
    )
    limits.forget(tx, Limit("login", login))
    steps.end_of_account(tx, account_id)
    return sessions.end_all(tx, account_id)


def set_locale(tx: Transaction, account_id: str, locale: str) -> None:
    """Remember the language that somebody chose."""
    if locale in LOCALES:
        tx.execute("UPDATE account SET locale = ? WHERE account_id = ?", (locale, account_id))


def shown(reader: Reader, within: str | None = None) -> list[AccountShown]:
    """Return the accounts of staff by log-in, with their roles and when each was last used.

    Args:
        reader: the transaction.
        within: only those that hold a role beneath this place; None: all.
    """
    held: defaultdict[str, list[GrantShown]] = defaultdict(list)
    for grant in grants.of(reader):
        held[grant.account_id].append(grant)
    rows = reader.rows(
        "SELECT a.account_id, a.login, a.display_name, a.role, a.created_ms, a.disabled_ms,"
        " MAX(s.used_ms) FROM account a LEFT JOIN login_session s ON s.account_id = a.account_id"
        " WHERE a.role <> 'patient' GROUP BY a.account_id, a.login, a.display_name, a.role,"
        " a.created_ms, a.disabled_ms ORDER BY a.login"
    )
    found = [AccountShown(*(*row[:3], Role(row[3]), *row[4:], tuple(held[row[0]]))) for row in rows]
    if within is None:
        return found
    beneath = {
        row[0]
        for row in reader.rows(
            "SELECT place_id FROM place_ancestor WHERE ancestor_id = ?", (within,)
        )
    }
    return [one for one in found if any(grant.place_id in beneath for grant in one.roles)]


def login_of(reader: Reader, account_id: str) -> str:
    """Return an account's log-in.

    Raises:
        NotFoundError: no such account.
    """
    rows = reader.rows("SELECT login FROM account WHERE account_id = ?", (account_id,))
    if not rows:
        raise NotFoundError(f"no account {account_id}")
    return str(rows[0][0])
