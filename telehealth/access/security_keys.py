"""Security keys and passkeys as a second factor (W3C WebAuthn level 2, by py_webauthn).

A key is bound to this server's own name: an answer that was signed for another origin, for another
challenge or by another key is refused, and so is one whose counter does not grow, for that key has
been copied (§6.1.1). The user's verification is preferred, not required: the password came first.
No attestation is asked for.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import (
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from telehealth.errors import NotAllowedError, NotFoundError, RefusedError
from telehealth.store.database import Reader, Transaction

log = logging.getLogger(__name__)

SERVICE: Final = "Telehealth"
LONGEST_NAME: Final = 40
MOST_KEYS: Final = 10
LONGEST_ANSWER: Final = 16_000
_PREFERRED: Final = UserVerificationRequirement.PREFERRED
_MALFORMED: Final = (
    WebAuthnException, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError,
    RecursionError,
)  # fmt: skip
"""What the library raises for answers that no browser sends."""


class KeyRefusedError(NotAllowedError):
    """The security key's answer proves nothing; the reason is for the log."""

    code = "key_refused"


@dataclass(frozen=True, slots=True)
class Party:
    """This server as a relying party."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class KeyShown:
    """A key as its owner's page lists it."""

    key_id: str
    credential_id: bytes
    name: str
    transports: str
    created_ms: int
    used_ms: int | None

    @property
    def descriptor(self) -> PublicKeyCredentialDescriptor:
        """The key as options name it."""
        known = {transport.value for transport in AuthenticatorTransport}
        transports = [AuthenticatorTransport(t) for t in self.transports.split() if t in known]
        return PublicKeyCredentialDescriptor(id=self.credential_id, transports=transports or None)


def party_of(origin: str) -> Party | None:
    """Return the relying party of an origin; None: its host is an address, which cannot be one.

    WebAuthn level 2 §5.1.3 step 7: the effective domain must be a valid domain.
    """
    host = urlsplit(origin).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return Party(host, origin) if host else None
    return None


def creation_options(
    party: Party, *, account_id: str, login: str, challenge: bytes, existing: Sequence[KeyShown]
) -> str:
    """Return what `navigator.credentials.create` is given, as JSON (§5.4)."""
    return webauthn.options_to_json(
        webauthn.generate_registration_options(
            rp_id=party.rp_id,
            rp_name=SERVICE,
            user_id=account_id.encode(),
            user_name=login,
            challenge=challenge,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=_PREFERRED
            ),
            exclude_credentials=[key.descriptor for key in existing],
        )
    )


def request_options(party: Party, *, challenge: bytes, keys: Sequence[KeyShown]) -> str:
    """Return what `navigator.credentials.get` is given, as JSON (§5.5)."""
    return webauthn.options_to_json(
        webauthn.generate_authentication_options(
            rp_id=party.rp_id,
            challenge=challenge,
            allow_credentials=[key.descriptor for key in keys],
            user_verification=_PREFERRED,
        )
    )


def register(
    tx: Transaction, account_id: str, *, name: str, answer: str, challenge: bytes, party: Party
) -> None:
    """Take in a new key (§7.1).

    Raises:
        KeyRefusedError: the answer is malformed, for another origin or challenge, or of a key that
            is here already.
        RefusedError: the name is none, or the account has as many keys as it may.
    """
    shown_name = name.strip()
    if not 0 < len(shown_name) <= LONGEST_NAME:
        raise RefusedError("name", f"1 to {LONGEST_NAME} characters", len(shown_name))
    if len(keys_of(tx, account_id)) >= MOST_KEYS:
        raise RefusedError("keys", f"at most {MOST_KEYS}", MOST_KEYS)
    try:
        credential = parse_registration_credential_json(_bounded(answer))
        verified = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
        )
    except _MALFORMED as error:
        raise KeyRefusedError(f"registration refused: {type(error).__name__}") from error
    transports = " ".join(t.value for t in credential.response.transports or [])
    made = tx.execute(
        "INSERT INTO security_key (credential_id, account_id, name, public_key, sign_count,"
        " transports, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            verified.credential_id, account_id, shown_name, verified.credential_public_key,
            verified.sign_count, transports, tx.now_ms,
        ),
    )  # fmt: skip
    if not made:
        raise KeyRefusedError("the key is registered already")


def use_key(
    tx: Transaction, account_id: str, *, answer: str, challenge: bytes, party: Party
) -> bool:
    """Say whether one of the account's keys signed the challenge for us, and note its counter.

    §7.2; a counter that does not grow means a copy of the key, and is refused (§6.1.1).
    """
    try:
        credential = parse_authentication_credential_json(_bounded(answer))
    except _MALFORMED:
        return False
    sql = "SELECT public_key, sign_count FROM security_key WHERE credential_id = ?"
    rows = tx.rows(
        f"{sql} AND account_id = ?" + ("" if tx.is_sqlite else " FOR UPDATE"),
        (credential.raw_id, account_id),
    )
    if not rows:
        return False
    public_key, sign_count = rows[0]
    try:
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            credential_public_key=bytes(public_key),
            credential_current_sign_count=sign_count,
        )
    except _MALFORMED as error:
        log.warning(
            "security key refused",
            extra={"account_id": account_id, "reason": str(error)[:80].split('"')[0]},
        )
        return False
    tx.execute(
        "UPDATE security_key SET sign_count = ?, used_ms = ? WHERE credential_id = ?",
        (verified.new_sign_count, tx.now_ms, credential.raw_id),
    )
    return True


def keys_of(reader: Reader, account_id: str) -> list[KeyShown]:
    """Return an account's keys, the oldest first."""
    rows = reader.rows(
        "SELECT credential_id, name, transports, created_ms, used_ms FROM security_key"
        " WHERE account_id = ? ORDER BY created_ms, credential_id",
        (account_id,),
    )
    return [KeyShown(_key_id(bytes(row[0])), bytes(row[0]), *row[1:]) for row in rows]


def remove(tx: Transaction, account_id: str, key_id: str) -> None:
    """Take one of the account's keys away.

    Raises:
        NotFoundError: it has no such key.
    """
    key = require(tx, account_id, key_id)
    tx.execute("DELETE FROM security_key WHERE credential_id = ?", (key.credential_id,))


def require(reader: Reader, account_id: str, key_id: str) -> KeyShown:
    """Return one of the account's keys.

    Raises:
        NotFoundError: it has no such key.
    """
    found = [key for key in keys_of(reader, account_id) if key.key_id == key_id]
    if not found:
        raise NotFoundError("no such security key")
    return found[0]


def _bounded(answer: str) -> str:
    if len(answer) > LONGEST_ANSWER:
        raise ValueError(f"an answer of {len(answer)} characters")
    return answer


def _key_id(credential_id: bytes) -> str:
    """Return the opaque name of a key in addresses of pages."""
    return hashlib.sha256(credential_id).hexdigest()[:16]
