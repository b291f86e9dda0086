"""Signed-in browsers: a random token in a cookie, its SHA-256 in the database (OWASP ASVS 5.0 §7).

A session ends by itself after the role's idle limit and, however busy, after its absolute one:
staff work in shifts at shared desks; a patient's own telephone stays signed in.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from telehealth.access.policy import Actor, Role
from telehealth.store.database import Reader, Row, Transaction

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
TOUCH_AFTER_MS: Final = 60_000
"""A session's last use is written at most once a minute."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session may lie idle, and live at all."""

    idle_ms: int
    absolute_ms: int


LIMITS: Final = {
    Role.DOCTOR: Limits(8 * _HOUR_MS, 12 * _HOUR_MS),
    Role.ADMINISTRATOR: Limits(_HOUR_MS, 8 * _HOUR_MS),
    Role.PATIENT: Limits(30 * _DAY_MS, 90 * _DAY_MS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """An account with the session that a request came with."""

    account_id: str
    login: str
    display_name: str
    role: Role
    person_id: str | None
    programme_id: str | None
    locale: str
    session_hash: bytes
    used_ms: int
    ends_ms: int
    """When it ends if it is not used again."""

    @property
    def actor(self) -> Actor:
        """This account as the policy sees it."""
        return Actor(self.account_id, self.role, self.person_id, self.programme_id)

    @property
    def topic(self) -> str:
        """Where the bus tells that this session has ended."""
        return session_topic(self.session_hash)


@dataclass(frozen=True, slots=True)
class SessionShown:
    """One of a person's own sessions, as the page lists it."""

    session_id: str
    created_ms: int
    used_ms: int
    user_agent: str
    is_this: bool


def session_topic(session_hash: bytes) -> str:
    """Return the bus topic of one session."""
    return f"session:{session_hash.hex()}"


def token_hash(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def open_session(tx: Transaction, account_id: str, role: Role, user_agent: str) -> str:
    """Start a session and return its token, which exists nowhere else; old ones are swept."""
    token = secrets.token_urlsafe(32)
    now = tx.now_ms
    tx.execute("DELETE FROM login_session WHERE expires_ms <= ?", (now,))
    tx.execute(
        "INSERT INTO login_session"
        " (token_hash, account_id, created_ms, used_ms, expires_ms, user_agent)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            token_hash(token), account_id, now, now,
            now + LIMITS[role].absolute_ms, user_agent[:200],
        ),
    )  # fmt: skip
    return token


_FIND = (
    "SELECT a.account_id, a.login, a.display_name, a.role, a.person_id, a.programme_id, a.locale,"
    " s.used_ms, s.expires_ms FROM login_session s JOIN account a ON a.account_id = s.account_id"
    " WHERE s.token_hash = ? AND a.disabled_ms IS NULL"
)


def find(reader: Reader, session_hash: bytes, now_ms: int) -> SignedIn | None:
    """Return who this session belongs to; None when unknown, over, idle too long or disabled."""
    rows = reader.rows(_FIND, (session_hash,))
    if not rows:
        return None
    signed_in = _signed_in(rows[0], session_hash)
    return signed_in if now_ms < signed_in.ends_ms else None


def _signed_in(row: Row, session_hash: bytes) -> SignedIn:
    account_id, login, name, role, person_id, programme_id, locale, used_ms, expires_ms = row
    return SignedIn(
        account_id=account_id,
        login=login,
        display_name=name,
        role=Role(role),
        person_id=person_id,
        programme_id=programme_id,
        locale=locale,
        session_hash=session_hash,
        used_ms=used_ms,
        ends_ms=min(expires_ms, used_ms + LIMITS[Role(role)].idle_ms),
    )


def touch(tx: Transaction, session_hash: bytes) -> None:
    """Note that the session was used now."""
    tx.execute(
        "UPDATE login_session SET used_ms = ? WHERE token_hash = ?", (tx.now_ms, session_hash)
    )


def end(tx: Transaction, session_hash: bytes) -> None:
    """End one session; ending it twice is no error."""
    tx.execute("DELETE FROM login_session WHERE token_hash = ?", (session_hash,))


def end_all(tx: Transaction, account_id: str, *, but: bytes | None = None) -> list[bytes]:
    """End an account's sessions, perhaps but one; returns which, for their topics."""
    rows = tx.rows("SELECT token_hash FROM login_session WHERE account_id = ?", (account_id,))
    ended = [bytes(row[0]) for row in rows if bytes(row[0]) != but]
    for session_hash in ended:
        end(tx, session_hash)
    return ended


def own_sessions(reader: Reader, signed_in: SignedIn) -> list[SessionShown]:
    """Return a person's own sessions, last used first."""
    rows = reader.rows(
        "SELECT token_hash, created_ms, used_ms, user_agent FROM login_session"
        " WHERE account_id = ? ORDER BY used_ms DESC",
        (signed_in.account_id,),
    )
    return [
        SessionShown(
            bytes(key).hex()[:16], created, used, agent, bytes(key) == signed_in.session_hash
        )
        for key, created, used, agent in rows
    ]


def end_own(tx: Transaction, signed_in: SignedIn, session_id: str) -> list[bytes]:
    """End the own session that the page called `session_id`; returns which, for its topic."""
    rows = tx.rows(
        "SELECT token_hash FROM login_session WHERE account_id = ?", (signed_in.account_id,)
    )
    ended = [bytes(row[0]) for row in rows if bytes(row[0]).hex()[:16] == session_id]
    for session_hash in ended:
        end(tx, session_hash)
    return ended
