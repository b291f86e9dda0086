"""Proving again who one is before something grave: second factors, exports, break-glass.

A session remembers when its person last proved themselves, at log-in or by `confirm`; ten minutes
later that is no longer fresh (OWASP ASVS 5.0 §7.5). A patient who has no password proves it by
entering anew with a code from the station.
"""

from dataclasses import dataclass
from typing import Final

from telehealth.access import limits, second_factor, sessions, steps
from telehealth.access.limits import Limit
from telehealth.access.passwords import Passwords
from telehealth.access.security_keys import Party
from telehealth.access.steps import Kind
from telehealth.errors import NotAllowedError
from telehealth.store.database import Database, Reader, Transaction

FRESH_MS: Final = 10 * 60_000
_PASSWORD_PROVED: Final = b"password"
"""What a step carries whose second factor is waited for."""


class NotConfirmedError(NotAllowedError):
    """What was given again does not prove who this is."""

    code = "not_confirmed"


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody gives again: one of the three."""

    password: str = ""
    code: str = ""
    assertion: str = ""
    """A security key's answer, as the browser's JSON."""

    @property
    def kind(self) -> str:
        """What it claims to be, right or wrong, for the audit log."""
        if self.password:
            return "password"
        return "webauthn" if self.assertion else second_factor.kind_of(self.code)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Everything was proved."""

    token: str
    """The session's from now on."""
    by: str
    """By what, for the audit log: `password`, `password+totp` and so on."""


def is_fresh(confirmed_ms: int | None, now_ms: int) -> bool:
    """Say whether a proof still counts; one from the future (a clock set back) does not."""
    return confirmed_ms is not None and 0 <= now_ms - confirmed_ms < FRESH_MS


def confirmed(reader: Reader, session_hash: bytes) -> bool:
    """Say whether the person behind a session has proved themselves of late."""
    rows = reader.rows(
        "SELECT confirmed_ms FROM login_session WHERE token_hash = ?", (session_hash,)
    )
    return bool(rows) and is_fresh(rows[0][0], reader.now_ms)


def half_way(reader: Reader, account_id: str, session_hash: bytes) -> bool:
    """Say whether a session is to prove a second factor next: the password is there, or is none."""
    if not second_factor.factors(reader, account_id).any:
        return False
    step = steps.find(reader, steps.name_in_session(session_hash, Kind.CONFIRM))
    has_password = bool(password_of(reader, account_id))
    return not has_password or (step is not None and step.payload == _PASSWORD_PROVED)


async def confirm(
    database: Database,
    passwords: Passwords,
    *,
    account_id: str,
    session_hash: bytes,
    proof: Proof,
    party: Party | None = None,
) -> Confirmed | None:
    """Take a proof: the password first, then a second factor if the account has one.

    Returns:
        None: the password is right, and the second factor is asked for.

    Raises:
        TooManyAttemptsError: too many wrong ones of late.
        NotConfirmedError: wrong, not its turn yet, or nothing of the kind belongs to this account.
        NotFoundError: the session has ended meanwhile.
    """
    if proof.password:
        return await _password(database, passwords, account_id, session_hash, proof.password)
    return await _factor(database, account_id, session_hash, proof, party)


async def _password(
    database: Database, passwords: Passwords, account_id: str, session_hash: bytes, password: str
) -> Confirmed | None:
    tries = Limit("confirm", account_id)
    await database.write(lambda tx: limits.take(tx, tries))
    known = await database.read(lambda reader: password_of(reader, account_id))
    if not await passwords.matches(known or None, password):
        raise NotConfirmedError(f"account {account_id} was not confirmed")

    def settle(tx: Transaction) -> Confirmed | None:
        limits.forget(tx, tries)
        if not second_factor.factors(tx, account_id).any:
            return Confirmed(_renew(tx, session_hash, None), "password")
        step = steps.of_session(tx, session_hash, Kind.CONFIRM, account_id)
        steps.carry(tx, step, _PASSWORD_PROVED)
        return None

    return await database.write(settle)


async def _factor(
    database: Database, account_id: str, session_hash: bytes, proof: Proof, party: Party | None
) -> Confirmed:
    tries = Limit("second_factor", f"{account_id}\0confirm")
    await database.write(lambda tx: limits.take(tx, tries))

    def settle(tx: Transaction) -> Confirmed | None:
        if not half_way(tx, account_id, session_hash):
            return None
        step = steps.of_session(tx, session_hash, Kind.CONFIRM, account_id)
        factor = second_factor.prove(tx, step, code=proof.code, answer=proof.assertion, party=party)
        if factor is None:
            steps.fail(tx, step)
            return None
        limits.forget(tx, tries)
        steps.end(tx, step)
        by = f"password+{factor}" if password_of(tx, account_id) else factor
        return Confirmed(_renew(tx, session_hash, factor), by)

    confirmed = await database.write(settle)
    if confirmed is None:
        raise NotConfirmedError(f"account {account_id} was not confirmed")
    return confirmed


def _renew(tx: Transaction, session_hash: bytes, factor: str | None) -> str:
    token = sessions.renew(tx, session_hash, second_factor=factor)
    second_factor.keep_pending(tx, session_hash, sessions.token_hash(token))
    return token


def password_of(reader: Reader, account_id: str) -> str | None:
    """Return an account's encoded password; None or empty: it has none."""
    rows = reader.rows("SELECT password_hash FROM account WHERE account_id = ?", (account_id,))
    return str(rows[0][0]) if rows else None
