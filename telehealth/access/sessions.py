"""Signed-in browsers: a random token in a cookie, its SHA-256 in the database (OWASP ASVS 5.0 §7).

A session ends by itself after the role's idle limit and, however busy, after its absolute one:
staff work in shifts at shared desks; a patient's own telephone stays signed in.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from telehealth.access.policy import STAFF, Actor, Role
from telehealth.errors import NotFoundError
from telehealth.people.records import unseal
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


_SHIFT: Final = Limits(8 * _HOUR_MS, 12 * _HOUR_MS)
_OFFICE: Final = Limits(_HOUR_MS, 8 * _HOUR_MS)
_OWN_TELEPHONE: Final = Limits(30 * _DAY_MS, 90 * _DAY_MS)
LIMITS: Final = dict.fromkeys(STAFF, _SHIFT) | {
    Role.ADMINISTRATOR: _OFFICE,
    Role.PRIVACY_OFFICER: _OFFICE,
    Role.PATIENT: _OWN_TELEPHONE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """An account with the session that a request came with."""

    account_id: str
    login: str
    display_name: str
    role: Role
    person_id: str | None
    grant_id: str | None
    """The role's grant; None: a patient's, who needs none."""
    place_id: str | None
    programme_id: str | None
    locale: str
    second_factor: str | None
    confirmed_ms: int | None
    """When they last proved who they are."""
    session_hash: bytes
    used_ms: int
    ends_ms: int
    """When it ends if it is not used again."""

    @property
    def actor(self) -> Actor:
        """This account as the policy sees it."""
        return Actor(
            self.account_id,
            self.role,
            self.person_id,
            self.programme_id,
            self.place_id,
            self.grant_id,
        )

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


def open_session(
    tx: Transaction,
    account_id: str,
    *,
    grant_id: str | None,
    second_factor: str | None,
    user_agent: str,
) -> str:
    """Start a session and return its token, which exists nowhere else; old ones are swept.

    Args:
        tx: the writing transaction.
        account_id: whose.
        grant_id: the role it acts in (`grants.first_of`); None: a patient.
        second_factor: how the person proved more than a password, if they did.
        user_agent: as the browser names itself.
    """
    token = secrets.token_urlsafe(32)
    now = tx.now_ms
    role = _role_of(tx, grant_id)
    tx.execute("DELETE FROM login_session WHERE expires_ms <= ?", (now,))
    tx.execute(
        "INSERT INTO login_session (token_hash, account_id, grant_id, second_factor, confirmed_ms,"
        " created_ms, used_ms, expires_ms, user_agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            token_hash(token), account_id, grant_id, second_factor, now, now, now,
            now + LIMITS[role].absolute_ms, user_agent[:200],
        ),
    )  # fmt: skip
    return token


def _role_of(reader: Reader, grant_id: str | None) -> Role:
    if grant_id is None:
        return Role.PATIENT
    return Role(reader.rows("SELECT role FROM role_grant WHERE grant_id = ?", (grant_id,))[0][0])


_FIND = (
    "SELECT a.account_id, a.login, a.display_name, a.role, r.role, a.person_id, s.grant_id,"
    " r.place_id, r.programme_id, a.locale, s.second_factor, s.confirmed_ms, s.used_ms,"
    " s.expires_ms, p.personal FROM login_session s JOIN account a ON a.account_id = s.account_id"
    " LEFT JOIN role_grant r ON r.grant_id = s.grant_id"
    " LEFT JOIN person p ON p.person_id = a.person_id"
    " WHERE s.token_hash = ? AND a.disabled_ms IS NULL"
    " AND (s.grant_id IS NULL OR (r.from_ms <= ? AND (r.to_ms IS NULL OR r.to_ms > ?)))"
)


def find(reader: Reader, session_hash: bytes, now_ms: int) -> SignedIn | None:
    """Return who this session belongs to, in which role.

    None when it is unknown, over, idle too long, the account disabled or the role ended.
    """
    rows = reader.rows(_FIND, (session_hash, now_ms, now_ms))
    if not rows or (rows[0][6] is None and rows[0][3] != Role.PATIENT):
        return None
    signed_in = _signed_in(reader, rows[0], session_hash)
    return signed_in if now_ms < signed_in.ends_ms else None


def _signed_in(reader: Reader, row: Row, session_hash: bytes) -> SignedIn:
    account_id, login, name, own_role, role, person_id, grant_id, place_id, programme_id = row[:9]
    locale, second_factor, confirmed_ms, used_ms, expires_ms, personal = row[9:]
    acting = Role(role or own_role)
    if person_id is not None:
        name = unseal(reader.vault, person_id, personal).name
    return SignedIn(
        account_id=account_id,
        login=login,
        display_name=name,
        role=acting,
        person_id=person_id,
        grant_id=grant_id,
        place_id=place_id,
        programme_id=programme_id,
        locale=locale,
        second_factor=second_factor,
        confirmed_ms=confirmed_ms,
        session_hash=session_hash,
        used_ms=used_ms,
        ends_ms=min(expires_ms, used_ms + LIMITS[acting].idle_ms),
    )


def act_as(tx: Transaction, signed_in: SignedIn, grant_id: str) -> None:
    """Let the session act in another of the account's roles from now on.

    Raises:
        NotFoundError: the account does not hold it now.
    """
    rows = tx.rows(
        "SELECT 1 FROM role_grant WHERE grant_id = ? AND account_id = ? AND from_ms <= ?"
        " AND (to_ms IS NULL OR to_ms > ?)",
        (grant_id, signed_in.account_id, tx.now_ms, tx.now_ms),
    )
    if not rows:
        raise NotFoundError(f"no grant {grant_id}")
    expires_ms = tx.now_ms + LIMITS[_role_of(tx, grant_id)].absolute_ms
    tx.execute(
        "UPDATE login_session SET grant_id = ?,"
        " expires_ms = CASE WHEN expires_ms < ? THEN expires_ms ELSE ? END WHERE token_hash = ?",
        (grant_id, expires_ms, expires_ms, signed_in.session_hash),
    )


def end_of_grant(tx: Transaction, grant_id: str) -> list[bytes]:
    """End the sessions that act in a role; returns which, for their topics."""
    rows = tx.rows("SELECT token_hash FROM login_session WHERE grant_id = ?", (grant_id,))
    ended = [bytes(row[0]) for row in rows]
    for session_hash in ended:
        end(tx, session_hash)
    return ended


def renew(tx: Transaction, session_hash: bytes, *, second_factor: str | None) -> str:
    """Give a session whose person has proved themselves again a new token, and return it.

    It stays the same session: its role, its age and its limits; the old token opens nothing from
    now on (OWASP ASVS 5.0 §7.2.4).

    Args:
        tx: the writing transaction.
        session_hash: the session as it was.
        second_factor: which one was proved just now; None: none was asked for.

    Raises:
        NotFoundError: the session has ended meanwhile.
    """
    token = secrets.token_urlsafe(32)
    renewed = tx.execute(
        "UPDATE login_session SET token_hash = ?, confirmed_ms = ?,"
        " second_factor = COALESCE(?, second_factor) WHERE token_hash = ?",
        (token_hash(token), tx.now_ms, second_factor, session_hash),
    )
    if not renewed:
        raise NotFoundError("the session has ended")
    return token


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


def of_person(reader: Reader, person_id: str) -> list[int]:
    """Return when each living session of a person's own account was last used, newest first."""
    rows = reader.rows(
        "SELECT s.used_ms FROM login_session s JOIN account a ON a.account_id = s.account_id"
        " WHERE a.person_id = ? AND a.disabled_ms IS NULL AND s.expires_ms > ? AND s.used_ms > ?"
        " ORDER BY s.used_ms DESC",
        (person_id, reader.now_ms, reader.now_ms - LIMITS[Role.PATIENT].idle_ms),
    )
    return [int(row[0]) for row in rows]


def end_of_person(tx: Transaction, person_id: str) -> list[bytes]:
    """End the sessions of a person's own account; returns which, for their topics."""
    rows = tx.rows("SELECT account_id FROM account WHERE person_id = ?", (person_id,))
    return [ended for row in rows for ended in end_all(tx, row[0])]


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
