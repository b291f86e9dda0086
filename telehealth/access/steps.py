"""What waits for its second half: a log-in after the password, a second factor being set up.

A step lives some minutes by the database's clock, dies of five failures, and carries one challenge
for a security key (WebAuthn level 2 §13.4.3), which changes with every try. A step of a log-in is
named by a random token in a cookie; a step of somebody who is signed in is named by their session,
so it needs no cookie and ends with nothing but itself.
"""

import hashlib
import secrets
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from telehealth.errors import NotAllowedError
from telehealth.store.database import Reader, Transaction

MOST_FAILURES: Final = 5
_CHALLENGE_BYTES: Final = 32
_MINUTE_MS: Final = 60_000


class Kind(StrEnum):
    """What is waited for."""

    SECOND_FACTOR = "second_factor"
    NEW_PASSWORD = "new_password"  # noqa: S105 - a name, not a password # nosec B105
    SET_UP = "set_up"
    """A second factor, before the first session."""
    NEW_TOTP = "new_totp"
    NEW_KEY = "new_key"
    CONFIRM = "confirm"


LIFE_MS: Final = {
    Kind.SECOND_FACTOR: 5 * _MINUTE_MS,
    Kind.NEW_PASSWORD: 5 * _MINUTE_MS,
    Kind.SET_UP: 20 * _MINUTE_MS,
    Kind.NEW_TOTP: 20 * _MINUTE_MS,
    Kind.NEW_KEY: 5 * _MINUTE_MS,
    Kind.CONFIRM: 5 * _MINUTE_MS,
}
"""Setting up is longer: somebody may have to install an authenticator over a slow network."""


class StepOverError(NotAllowedError):
    """The step is unknown, over, or died of its failures: begin again."""

    code = "step_over"

    def __init__(self, reason: str, account_id: str = "") -> None:
        super().__init__(reason)
        self.account_id = account_id
        """Whose log-in its last failure ended, for the audit log; empty: nobody's."""


@dataclass(frozen=True, slots=True)
class Step:
    """A first half."""

    step_hash: bytes
    kind: Kind
    account_id: str
    challenge: bytes
    payload: bytes
    failures: int
    expires_ms: int


def is_alive(step: Step, now_ms: int) -> bool:
    """Say whether a step still counts.

    One that would live longer than its kind does was made by a clock that has been set back since,
    and does not.
    """
    left_ms = step.expires_ms - now_ms
    return 0 < left_ms <= LIFE_MS[step.kind] and step.failures < MOST_FAILURES


def name_of(token: str) -> bytes:
    """Return what is kept of the cookie's token."""
    return hashlib.sha256(b"step\0" + token.encode()).digest()


def name_in_session(session_hash: bytes, kind: Kind) -> bytes:
    """Return the name of a session's own step of a kind."""
    return hashlib.sha256(kind.value.encode() + b"\0" + session_hash).digest()


def begin(tx: Transaction, kind: Kind, account_id: str, payload: bytes = b"") -> str:
    """Begin a step of a log-in; returns its token, which exists nowhere else."""
    token = secrets.token_urlsafe(32)
    _insert(tx, name_of(token), kind, account_id, payload)
    return token


def of_session(tx: Transaction, session_hash: bytes, kind: Kind, account_id: str) -> Step:
    """Return the session's step of a kind; it begins if there is none alive."""
    name = name_in_session(session_hash, kind)
    found = find(tx, name)
    if found is not None and found.account_id == account_id:
        return found
    tx.execute("DELETE FROM login_step WHERE step_hash = ?", (name,))
    return _insert(tx, name, kind, account_id, b"")


def _insert(tx: Transaction, name: bytes, kind: Kind, account_id: str, payload: bytes) -> Step:
    tx.execute("DELETE FROM login_step WHERE expires_ms <= ?", (tx.now_ms,))
    expires_ms = tx.now_ms + LIFE_MS[kind]
    step = Step(name, kind, account_id, _new_challenge(), payload, 0, expires_ms)
    tx.execute(
        "INSERT INTO login_step (step_hash, kind, account_id, challenge, payload, failures,"
        " expires_ms) VALUES (?, ?, ?, ?, ?, 0, ?)",
        (name, kind.value, account_id, step.challenge, payload, expires_ms),
    )
    return step


def find(reader: Reader, name: bytes) -> Step | None:
    """Return a step that is alive; a writing transaction locks it."""
    sql = (
        "SELECT kind, account_id, challenge, payload, failures, expires_ms FROM login_step"
        " WHERE step_hash = ?"
    )
    lock = isinstance(reader, Transaction) and not reader.is_sqlite
    rows = reader.rows(f"{sql} FOR UPDATE" if lock else sql, (name,))
    if not rows:
        return None
    kind, account_id, challenge, payload, failures, expires_ms = rows[0]
    step = Step(
        name, Kind(kind), account_id, bytes(challenge), bytes(payload or b""), failures, expires_ms
    )
    return step if is_alive(step, reader.now_ms) else None


def require(reader: Reader, name: bytes, *kinds: Kind) -> Step:
    """Return a step that is alive and of one of these kinds.

    Raises:
        StepOverError: there is none.
    """
    found = find(reader, name)
    if found is None or found.kind not in kinds:
        raise StepOverError("no such step, or it is over")
    return found


def fail(tx: Transaction, step: Step) -> Step | None:
    """Count a failure, with a new challenge; None: that was the last one."""
    after = replace(step, failures=step.failures + 1, challenge=_new_challenge())
    if after.failures >= MOST_FAILURES:
        end(tx, step)
        return None
    tx.execute(
        "UPDATE login_step SET failures = ?, challenge = ? WHERE step_hash = ?",
        (after.failures, after.challenge, step.step_hash),
    )
    return after


def carry(tx: Transaction, step: Step, payload: bytes) -> Step:
    """Keep something with the step until it ends."""
    tx.execute("UPDATE login_step SET payload = ? WHERE step_hash = ?", (payload, step.step_hash))
    return replace(step, payload=payload)


def end(tx: Transaction, step: Step) -> None:
    """End a step: it was used, or given up."""
    tx.execute("DELETE FROM login_step WHERE step_hash = ?", (step.step_hash,))


def end_of_account(tx: Transaction, account_id: str) -> None:
    """End every step of an account: its password or its factors were changed."""
    tx.execute("DELETE FROM login_step WHERE account_id = ?", (account_id,))


def _new_challenge() -> bytes:
    return secrets.token_bytes(_CHALLENGE_BYTES)
