"""Gateways as the server knows them: a one-use code lets one in, revoking puts it out at once.

Only the SHA-256 of a code is kept; it is worth 80 bits, is used once and lives ten minutes.
"""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from telehealth.errors import NotAllowedError, NotFoundError, RefusedError
from telehealth.store.database import Reader, Transaction

ENROLMENT_MS: Final = 10 * 60_000
SILENT_AFTER_MS: Final = 15 * 60_000
"""A gateway that was not in contact for so long is shown as silent."""
HEARD_EVERY_S: Final = 300.0
"""A connected gateway that has nothing to send is noted as heard so often."""
SOFTWARE: Final = f"telehealth-gateway/{version('telehealth-f0')}"
"""The gateways' software that belongs to this server; an older one is shown as outdated."""
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH: Final = 16
_KEY_BYTES: Final = 32
_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class GatewayShown:
    """A gateway as the administrator's list shows it."""

    gateway_id: str
    name: str
    software: str
    enrolled_ms: int
    revoked_ms: int | None
    seen_ms: int | None
    model: str
    abilities: str
    devices: int
    """How many it heard last."""

    def can(self, kind: str) -> bool:
        """Say whether it named this ability."""
        return kind in self.abilities.split()

    def is_outdated(self, current: str) -> bool:
        """Say whether its software is older than the server's; one without a number is."""
        return bool(self.software) and _numbers(self.software) < _numbers(current)

    def state(self, now_ms: int) -> str:
        """Return `revoked`, `never`, `online` or `silent`."""
        if self.revoked_ms is not None:
            return "revoked"
        if self.seen_ms is None:
            return "never"
        return "online" if now_ms - self.seen_ms <= SILENT_AFTER_MS else "silent"


def _numbers(software: str) -> tuple[int, ...]:
    """Return the version at the end of `name/1.2.3` as numbers; none where there is none."""
    found = re.search(r"(?:^|/)(\d+(?:\.\d+)*)", software)
    return tuple(map(int, found[1].split("."))) if found else ()


def heard(tx: Transaction, gateway_id: str) -> None:
    """Note that a gateway is in contact."""
    tx.execute("UPDATE gateway SET seen_ms = ? WHERE gateway_id = ?", (tx.now_ms, gateway_id))


def gateway_topic(gateway_id: str) -> str:
    """Return the bus topic on which a gateway's connection hears what there is for it."""
    return f"gateway:{gateway_id}"


def normal_code(code: str) -> str:
    """Return a code as it was made: no dashes or spaces, and what people mistype put right."""
    kept = "".join(code.upper().replace("-", "").split())
    return kept.replace("O", "0").replace("I", "1").replace("L", "1")


def new_enrolment(tx: Transaction, created_by: str, place_id: str | None = None) -> str:
    """Make a one-use code, good for ten minutes, shown in four groups of four.

    Args:
        tx: the writing transaction.
        created_by: the account.
        place_id: where the gateway will stand; what its devices measure of nobody waits there.
    """
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    tx.execute(
        "INSERT INTO enrolment (code_hash, created_by, place_id, expires_ms) VALUES (?, ?, ?, ?)",
        (_code_hash(code), created_by, place_id, tx.now_ms + ENROLMENT_MS),
    )
    return "-".join(code[i : i + 4] for i in range(0, _CODE_LENGTH, 4))


def enrol(tx: Transaction, code: str, public_key: str, name: str) -> str:
    """Take in a gateway by its code and return its id.

    Args:
        tx: the writing transaction.
        code: as shown to the administrator; case, dashes and spaces do not matter.
        public_key: base64 of the 32 bytes of an Ed25519 key (RFC 8032 §5.1.5).
        name: for people, at most 64 characters; empty: the id itself.

    Raises:
        RefusedError: the key or the name is not one.
        NotAllowedError: the code is unknown, used or too old.
    """
    key = _key(public_key)
    shown_name = name.strip()
    if len(shown_name) > _LONGEST_NAME:
        raise RefusedError("name", f"at most {_LONGEST_NAME} characters", len(shown_name))
    gateway_id = f"gw-{secrets.token_hex(8)}"
    taken = tx.execute(
        "UPDATE enrolment SET used_ms = ?, gateway_id = ?"
        " WHERE code_hash = ? AND used_ms IS NULL AND expires_ms > ?",
        (tx.now_ms, gateway_id, _code_hash(normal_code(code)), tx.now_ms),
    )
    if taken != 1:
        raise NotAllowedError("enrolment code is unknown, used or too old")
    tx.execute(
        "INSERT INTO gateway (gateway_id, name, public_key, software, place_id, enrolled_ms)"
        " SELECT ?, ?, ?, '', place_id, ? FROM enrolment WHERE code_hash = ?",
        (gateway_id, shown_name or gateway_id, key, tx.now_ms, _code_hash(normal_code(code))),
    )
    return gateway_id


def revoke(tx: Transaction, gateway_id: str) -> None:
    """Put a gateway out for good; the caller then publishes on `gateway_topic`.

    Raises:
        NotFoundError: no such gateway.
    """
    touched = tx.execute(
        "UPDATE gateway SET revoked_ms = COALESCE(revoked_ms, ?) WHERE gateway_id = ?"
        " AND account_id IS NULL",
        (tx.now_ms, gateway_id),
    )
    if touched != 1:
        raise NotFoundError(f"no gateway {gateway_id}")


def shown(reader: Reader) -> list[GatewayShown]:
    """Return all gateways, those in use first, by name."""
    rows = reader.rows(
        "SELECT g.gateway_id, g.name, g.software, g.enrolled_ms, g.revoked_ms, g.seen_ms, g.model,"
        " g.abilities, (SELECT count(*) FROM device d WHERE d.gateway_id = g.gateway_id)"
        " FROM gateway g WHERE account_id IS NULL"
        " ORDER BY CASE WHEN revoked_ms IS NULL THEN 0 ELSE 1 END, name, gateway_id"
    )
    return [GatewayShown(*row) for row in rows]


def _key(public_key: str) -> bytes:
    try:
        key = base64.b64decode(public_key, validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise RefusedError("public_key", f"base64 of {_KEY_BYTES} bytes", len(key))
    return key


def _code_hash(code: str) -> bytes:
    return hashlib.sha256(b"telehealth-enrol\n" + code.encode()).digest()
