"""Proving again who one is before something grave: second factors, exports, break-glass.

A session remembers when its person last proved themselves, at log-in or by `confirm`; ten minutes
later that is no longer fresh (OWASP ASVS 5.0 §7.5). A patient who has no password proves it by
entering anew with a code from the station.
"""

from dataclasses import dataclass
from typing import Final

from telehealth.access import limits, second_factor, steps
from telehealth.access.limits import Limit
from telehealth.access.passwords import MAX_LENGTH, Passwords
from telehealth.access.security_keys import Party, use_key
from telehealth.access.steps import Kind
from telehealth.errors import NotAllowedError
from telehealth.store.database import Database, Reader, Transaction

FRESH_MS: Final = 10 * 60_000


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


def is_fresh(confirmed_ms: int | None, now_ms: int) -> bool:
    """Say whether a proof still counts; one from the future (a clock set back) does not."""
    return confirmed_ms is not None and 0 <= now_ms - confirmed_ms < FRESH_MS


def confirmed(reader: Reader, session_hash: bytes) -> bool:
    """Say whether the person behind a session has proved themselves of late."""
    rows = reader.rows(
        "SELECT confirmed_ms FROM login_session WHERE token_hash = ?", (session_hash,)
    )
    return bool(rows) and is_fresh(rows[0][0], reader.now_ms)


async def confirm(
    database: Database,
    passwords: Passwords,
    *,
    account_id: str,
    session_hash: bytes,
    proof: Proof,
    party: Party | None = None,
) -> None:
    """Take a proof and note it with the session.

    Raises:
        TooManyAttemptsError: too many wrong ones of late.
        NotConfirmedError: wrong, or nothing of the kind belongs to this account.
    """
    tries = Limit("confirm", account_id)
    await database.write(lambda tx: limits.take(tx, tries))
    known = await database.read(lambda reader: password_of(reader, account_id))
    matched = bool(proof.password) and await passwords.matches(
        known or None, proof.password[:MAX_LENGTH]
    )

    def settle(tx: Transaction) -> bool:
        proved = matched
        if not proved and proof.code:
            proved = second_factor.use_code(tx, account_id, proof.code) is not None
        if not proved and proof.assertion and party is not None:
            proved = _signed(tx, account_id, session_hash, proof.assertion, party)
        if proved:
            limits.forget(tx, tries)
            tx.execute(
                "UPDATE login_session SET confirmed_ms = ? WHERE token_hash = ?",
                (tx.now_ms, session_hash),
            )
        return proved

    if not await database.write(settle):
        raise NotConfirmedError(f"account {account_id} was not confirmed")


def _signed(
    tx: Transaction, account_id: str, session_hash: bytes, assertion: str, party: Party
) -> bool:
    """Say whether a key signed the session's challenge, which is spent either way."""
    step = steps.find(tx, steps.name_in_session(session_hash, Kind.CONFIRM))
    if step is None or step.account_id != account_id:
        return False
    steps.end(tx, step)
    return use_key(tx, account_id, answer=assertion, challenge=step.challenge, party=party)


def password_of(reader: Reader, account_id: str) -> str | None:
    """Return an account's encoded password; None or empty: it has none."""
    rows = reader.rows("SELECT password_hash FROM account WHERE account_id = ?", (account_id,))
    return str(rows[0][0]) if rows else None
