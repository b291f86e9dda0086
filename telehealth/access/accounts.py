"""Accounts: made, disabled and given a new password by an administrator or the command line."""

import re
import secrets
from dataclasses import dataclass
from typing import Final

from telehealth.access import sessions
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
    person_id: str | None
    programme_id: str | None
    created_ms: int
    disabled_ms: int | None
    last_used_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What an account is made of; checked when it is made, not before."""

    login: str
    display_name: str
    role: Role
    password_hash: str
    person_id: str | None = None
    programme_id: str | None = None
    locale: str = "vi"


def normal_login(login: str) -> str:
    """Return the one spelling of a log-in name, bounded in length."""
    return login.strip().casefold()[:64]


def create(tx: Transaction, new: NewAccount) -> str:
    """Make an account and return its id.

    Raises:
        RefusedError: the log-in is none or is taken, or a field does not fit the role.
    """
    login = normal_login(new.login)
    if not _LOGIN.fullmatch(login):
        raise RefusedError("login", "2 to 48 of a-z, 0-9, dot, dash, underscore", login)
    if not 0 < len(new.display_name.strip()) <= _LONGEST_NAME:
        length = len(new.display_name.strip())
        raise RefusedError("display_name", f"1 to {_LONGEST_NAME} characters", length)
    if (new.role is Role.PATIENT) != (new.person_id is not None):
        raise RefusedError("person_id", "a patient's account has one, no other does", new.role)
    if new.locale not in LOCALES:
        raise RefusedError("locale", f"one of {LOCALES}", new.locale)
    if tx.rows("SELECT 1 FROM account WHERE login = ?", (login,)):
        raise RefusedError("login", "not taken yet", login)
    account_id = f"ac-{secrets.token_hex(8)}"
    tx.execute(
        "INSERT INTO account (account_id, login, display_name, role, password_hash, person_id,"
        " programme_id, locale, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            account_id, login, new.display_name.strip(), new.role.value, new.password_hash,
            new.person_id, new.programme_id, new.locale, tx.now_ms,
        ),
    )  # fmt: skip
    return account_id


def disable(tx: Transaction, account_id: str) -> list[bytes]:
    """Close an account and all its sessions; returns which, for their topics.

    Raises:
        NotFoundError: no such account.
    """
    login_of(tx, account_id)
    tx.execute("UPDATE account SET disabled_ms = ? WHERE account_id = ?", (tx.now_ms, account_id))
    return sessions.end_all(tx, account_id)


def set_password(tx: Transaction, account_id: str, password_hash: str) -> list[bytes]:
    """Give a new password; ends all sessions and any lock. Returns the sessions ended.

    Raises:
        NotFoundError: no such account.
    """
    login = login_of(tx, account_id)
    tx.execute(
        "UPDATE account SET password_hash = ? WHERE account_id = ?", (password_hash, account_id)
    )
    tx.execute("DELETE FROM login_failure WHERE login = ?", (login,))
    return sessions.end_all(tx, account_id)


def set_locale(tx: Transaction, account_id: str, locale: str) -> None:
    """Remember the language that somebody chose."""
    if locale in LOCALES:
        tx.execute("UPDATE account SET locale = ? WHERE account_id = ?", (locale, account_id))


def shown(reader: Reader) -> list[AccountShown]:
    """Return all accounts by role and log-in, with when each was last used."""
    rows = reader.rows(
        "SELECT a.account_id, a.login, a.display_name, a.role, a.person_id, a.programme_id,"
        " a.created_ms, a.disabled_ms, MAX(s.used_ms) FROM account a"
        " LEFT JOIN login_session s ON s.account_id = a.account_id"
        " GROUP BY a.account_id, a.login, a.display_name, a.role, a.person_id, a.programme_id,"
        " a.created_ms, a.disabled_ms ORDER BY a.role, a.login"
    )
    return [AccountShown(row[0], row[1], row[2], Role(row[3]), *row[4:]) for row in rows]


def login_of(reader: Reader, account_id: str) -> str:
    """Return an account's log-in.

    Raises:
        NotFoundError: no such account.
    """
    rows = reader.rows("SELECT login FROM account WHERE account_id = ?", (account_id,))
    if not rows:
        raise NotFoundError(f"no account {account_id}")
    return str(rows[0][0])
