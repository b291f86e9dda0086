"""What somebody proves besides the password: a code of their authenticator, or a recovery code.

Time-based one-time passwords as RFC 6238: thirty seconds, one step of drift either way (§5.2), and
a step that was used, or any before it, never counts again. The secret lies sealed in the account's
row. Security keys are in `security_keys.py`; this module knows which factors an account has.
"""

from dataclasses import dataclass
from typing import Final

import pyotp
from pyotp.exceptions import OTPVerificationError

from telehealth.access import recovery, security_keys, steps
from telehealth.access.security_keys import SERVICE, KeyShown, Party
from telehealth.errors import IllegalTransitionError
from telehealth.store.database import Reader, Transaction

_DIGITS: Final = 6
_DRIFT_STEPS: Final = 1


@dataclass(frozen=True, slots=True)
class Factors:
    """What an account can prove."""

    totp_since_ms: int | None
    keys: list[KeyShown]
    recovery_left: int

    @property
    def any(self) -> bool:
        """Whether there is a second factor; recovery codes alone are none."""
        return self.totp_since_ms is not None or bool(self.keys)


def new_secret() -> str:
    """Return 160 random bits in base 32 (RFC 4226 §4, R6)."""
    return pyotp.random_base32()


def link(secret: str, login: str) -> str:
    """Return what the authenticator's QR code says."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=SERVICE)


def step_of(secret: str, code: str, now_ms: int, last_step: int) -> int | None:
    """Return the time step that a code is of, if it is a fresh one's; else None.

    Args:
        secret: in base 32.
        code: as typed; spaces do not matter.
        now_ms: the server's time.
        last_step: the last step that was used: it and all before are spent.
    """
    digits = "".join(code.split())
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    try:
        step = pyotp.TOTP(secret).verify_and_get_timecode(
            digits, for_time=now_ms // 1000, valid_window=_DRIFT_STEPS
        )
    except OTPVerificationError:
        return None
    return step if step > last_step else None


def factors(reader: Reader, account_id: str) -> Factors:
    """Return what an account can prove."""
    rows = reader.rows("SELECT totp_confirmed_ms FROM account WHERE account_id = ?", (account_id,))
    return Factors(
        rows[0][0] if rows else None,
        security_keys.keys_of(reader, account_id),
        recovery.left(reader, account_id),
    )


def kind_of(code: str) -> str:
    """Return which factor a code claims to be, right or wrong: `totp` or `recovery`."""
    return "recovery" if recovery.looks_like_one(code) else "totp"


def use_code(tx: Transaction, account_id: str, code: str) -> str | None:
    """Take a code of the authenticator or a recovery code; returns `totp`, `recovery` or None."""
    if recovery.looks_like_one(code):
        return "recovery" if recovery.use(tx, account_id, code) else None
    rows = tx.rows(
        "SELECT totp, totp_last_step FROM account"
        " WHERE account_id = ? AND totp_confirmed_ms IS NOT NULL",
        (account_id,),
    )
    if not rows:
        return None
    secret = tx.vault.open(rows[0][0], "account", "totp", account_id).decode()
    step = step_of(secret, code, tx.now_ms, rows[0][1])
    return "totp" if step is not None and _spend(tx, account_id, step) else None


def prove(
    tx: Transaction, step: steps.Step, *, code: str, answer: str, party: Party | None
) -> str | None:
    """Return which factor a code or a security key's answer to the step's challenge proves, if any.

    Args:
        tx: the writing transaction, in which a code is spent and a key's counter noted.
        step: the first half; the caller ends it, or counts a failure.
        code: of the authenticator or of recovery, as typed; empty: none.
        answer: a security key's, as the browser's JSON; empty: none.
        party: this server as security keys know it; None: they cannot be used.
    """
    if code:
        return use_code(tx, step.account_id, code)
    if not answer or party is None:
        return None
    proved = security_keys.use_key(
        tx, step.account_id, answer=answer, challenge=step.challenge, party=party
    )
    return "webauthn" if proved else None


def _spend(tx: Transaction, account_id: str, step: int) -> bool:
    """Note a step as used; of two who bring the same code at once, one is too late."""
    sql = "UPDATE account SET totp_last_step = ? WHERE account_id = ? AND totp_last_step < ?"
    return tx.execute(sql, (step, account_id, step)) == 1


def pending_secret(tx: Transaction, step: steps.Step) -> str:
    """Return the secret that is being set up in a step; the first call makes it."""
    row = step.step_hash.hex()
    if step.payload:
        return tx.vault.open(step.payload, "login_step", "payload", row).decode()
    secret = new_secret()
    steps.carry(tx, step, tx.vault.seal(secret.encode(), "login_step", "payload", row))
    return secret


def keep_pending(tx: Transaction, before: bytes, after: bytes) -> None:
    """Let a session that got a new token go on setting its authenticator up where it was."""
    step = steps.find(tx, steps.name_in_session(before, steps.Kind.NEW_TOTP))
    if step is None or not step.payload:
        return
    secret = pending_secret(tx, step)
    steps.end(tx, step)
    new = steps.of_session(tx, after, steps.Kind.NEW_TOTP, step.account_id)
    row = new.step_hash.hex()
    steps.carry(tx, new, tx.vault.seal(secret.encode(), "login_step", "payload", row))


def enable_totp(tx: Transaction, account_id: str, secret: str, code: str) -> bool:
    """Begin to use a secret, if the code shows that the authenticator knows it."""
    step = step_of(secret, code, tx.now_ms, 0)
    if step is None:
        return False
    sealed = tx.vault.seal(secret.encode(), "account", "totp", account_id)
    tx.execute(
        "UPDATE account SET totp = ?, totp_confirmed_ms = ?, totp_last_step = ?"
        " WHERE account_id = ?",
        (sealed, tx.now_ms, step, account_id),
    )
    return True


def disable_totp(tx: Transaction, account_id: str, *, required: bool) -> None:
    """Forget the authenticator.

    Raises:
        IllegalTransitionError: it is the last second factor, and one is required.
    """
    _keep_one(tx, account_id, required=required, without_totp=True)
    _clear_totp(tx, account_id)
    _tidy(tx, account_id)


def remove_key(tx: Transaction, account_id: str, key_id: str, *, required: bool) -> None:
    """Take a security key away.

    Raises:
        NotFoundError: the account has no such key.
        IllegalTransitionError: it is the last second factor, and one is required.
    """
    security_keys.require(tx, account_id, key_id)
    _keep_one(tx, account_id, required=required, without_key=key_id)
    security_keys.remove(tx, account_id, key_id)
    _tidy(tx, account_id)


def reset(tx: Transaction, account_id: str) -> None:
    """Take every second factor away, for somebody who lost them all: they set up a new one.

    For administrators, who must have seen who asks; the caller ends the account's sessions.
    """
    _clear_totp(tx, account_id)
    tx.execute("DELETE FROM security_key WHERE account_id = ?", (account_id,))
    recovery.forget(tx, account_id)
    steps.end_of_account(tx, account_id)


def _clear_totp(tx: Transaction, account_id: str) -> None:
    tx.execute(
        "UPDATE account SET totp = NULL, totp_confirmed_ms = NULL, totp_last_step = 0"
        " WHERE account_id = ?",
        (account_id,),
    )


def _keep_one(
    tx: Transaction,
    account_id: str,
    *,
    required: bool,
    without_totp: bool = False,
    without_key: str = "",
) -> None:
    have = factors(tx, account_id)
    totp = have.totp_since_ms is not None and not without_totp
    keys = [key for key in have.keys if key.key_id != without_key]
    if required and not (totp or keys):
        raise IllegalTransitionError("last", "remove", "a second factor is required")


def _tidy(tx: Transaction, account_id: str) -> None:
    """Recovery codes stand in for a second factor: without one they open nothing."""
    if not factors(tx, account_id).any:
        recovery.forget(tx, account_id)
