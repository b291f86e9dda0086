"""Logging in, with a lock-out by log-in name, known or not, that is stored (ASVS 5.0 §6.3).

A whole commune may sit behind one address, so an address is never locked out.
"""

from dataclasses import dataclass
from typing import Final

from telehealth.access import sessions
from telehealth.access.accounts import normal_login
from telehealth.access.passwords import MAX_LENGTH, Passwords
from telehealth.access.policy import Role
from telehealth.errors import NotAllowedError
from telehealth.store.database import Database, Reader, Transaction

FREE_FAILURES: Final = 5
FIRST_LOCK_MS: Final = 60_000
LONGEST_LOCK_MS: Final = 15 * 60_000
FORGET_AFTER_MS: Final = 24 * 3_600_000


class LogInRefusedError(NotAllowedError):
    """The name and password do not go together, or the name is locked until a time."""

    code = "log_in_refused"

    def __init__(self, locked_until_ms: int | None = None) -> None:
        super().__init__("log-in refused")
        self.locked_until_ms = locked_until_ms


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A new session: its token goes into the cookie and nowhere else."""

    token: str
    account_id: str
    role: Role
    locale: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    account_id: str
    role: Role
    locale: str
    password_hash: str


def lock_ms(failures: int) -> int:
    """Return how long a name is locked after that many failures: doubling, bounded."""
    if failures < FREE_FAILURES:
        return 0
    doublings = min(failures - FREE_FAILURES, 10)
    return int(min(FIRST_LOCK_MS * 2**doublings, LONGEST_LOCK_MS))


async def log_in(
    database: Database,
    passwords: Passwords,
    *,
    login: str,
    password: str,
    user_agent: str,
    replaced: bytes | None = None,
) -> LoggedIn:
    """Check the password, and open a session in place of the `replaced` one.

    Raises:
        LogInRefusedError: wrong, unknown, disabled, or locked; only a lock is told apart.
    """
    name = normal_login(login)
    candidate = await database.read(lambda reader: _candidate(reader, name))
    matched = await passwords.matches(
        candidate.password_hash if candidate else None, password[:MAX_LENGTH]
    )

    def settle(tx: Transaction) -> LoggedIn | LogInRefusedError:
        locked_until = _locked_until(tx, name)
        if locked_until is not None:
            return LogInRefusedError(locked_until)
        if candidate is None or not matched:
            return LogInRefusedError(_count_failure(tx, name))
        tx.execute("DELETE FROM login_failure WHERE login = ?", (name,))
        if replaced is not None:
            sessions.end(tx, replaced)
        token = sessions.open_session(tx, candidate.account_id, candidate.role, user_agent)
        return LoggedIn(token, candidate.account_id, candidate.role, candidate.locale)

    settled = await database.write(settle)
    if isinstance(settled, LogInRefusedError):
        raise settled
    return settled


def _candidate(reader: Reader, login: str) -> _Candidate | None:
    rows = reader.rows(
        "SELECT account_id, role, locale, password_hash FROM account"
        " WHERE login = ? AND disabled_ms IS NULL",
        (login,),
    )
    if not rows:
        return None
    account_id, role, locale, password_hash = rows[0]
    return _Candidate(account_id, Role(role), locale, password_hash)


def password_of(reader: Reader, account_id: str) -> str | None:
    """Return an account's encoded password, to check it again before something grave."""
    rows = reader.rows("SELECT password_hash FROM account WHERE account_id = ?", (account_id,))
    return str(rows[0][0]) if rows else None


def _locked_until(tx: Transaction, login: str) -> int | None:
    rows = tx.rows("SELECT locked_until_ms FROM login_failure WHERE login = ?", (login,))
    until = rows[0][0] if rows else None
    return int(until) if until is not None and until > tx.now_ms else None


def _count_failure(tx: Transaction, login: str) -> int | None:
    """Note one more failure; returns until when the name is locked now, if it is."""
    now = tx.now_ms
    tx.execute("DELETE FROM login_failure WHERE last_ms < ?", (now - FORGET_AFTER_MS,))
    found = tx.rows("SELECT failures FROM login_failure WHERE login = ?", (login,))
    failures = (found[0][0] if found else 0) + 1
    locked_until = now + lock_ms(failures) if lock_ms(failures) else None
    tx.execute("DELETE FROM login_failure WHERE login = ?", (login,))
    tx.execute(
        "INSERT INTO login_failure (login, failures, locked_until_ms, last_ms) VALUES (?, ?, ?, ?)",
        (login, failures, locked_until, now),
    )
    return locked_until
