"""Recovery codes: ten, shown once, each good once, for whoever lost the second factor.

A code is worth 118 bits, so its SHA-256 bound to the account is enough to keep: only below 112 bits
does OWASP ASVS 5.0 §6.5.2 ask for a salted slow hash.
"""

import hashlib
from typing import Final

from telehealth.access.passwords import random_groups
from telehealth.store.database import Reader, Transaction

CODES: Final = 10
_GROUPS: Final = 6
_LENGTH: Final = 4 * _GROUPS


def normal_code(code: str) -> str:
    """Return a code as it was made, without the dashes and spaces between its groups."""
    return "".join(code.casefold().replace("-", "").split())


def looks_like_one(code: str) -> bool:
    """Say whether something typed has the length of a recovery code."""
    return len(normal_code(code)) == _LENGTH


def renew(tx: Transaction, account_id: str) -> list[str]:
    """Make ten new codes in place of all old ones; they exist nowhere else."""
    forget(tx, account_id)
    codes = [random_groups(_GROUPS) for _ in range(CODES)]
    rows = [(_hash(account_id, code), account_id, tx.now_ms) for code in codes]
    tx.insert("recovery_code", ("code_hash", "account_id", "created_ms"), rows)
    return codes


def use(tx: Transaction, account_id: str, code: str) -> bool:
    """Use a code up; says whether it was one."""
    used = tx.execute(
        "UPDATE recovery_code SET used_ms = ?"
        " WHERE code_hash = ? AND account_id = ? AND used_ms IS NULL",
        (tx.now_ms, _hash(account_id, code), account_id),
    )
    return used == 1


def left(reader: Reader, account_id: str) -> int:
    """Return how many codes are left."""
    rows = reader.rows(
        "SELECT count(*) FROM recovery_code WHERE account_id = ? AND used_ms IS NULL",
        (account_id,),
    )
    return int(rows[0][0])


def forget(tx: Transaction, account_id: str) -> None:
    """Take all codes away."""
    tx.execute("DELETE FROM recovery_code WHERE account_id = ?", (account_id,))


def _hash(account_id: str, code: str) -> bytes:
    return hashlib.sha256(f"recovery\0{account_id}\0{normal_code(code)}".encode()).digest()
