"""The server's own Ed25519 identities: proved to gateways, which pin them, and rotated.

Two keys of the keyring (`telehealth.keys`): one in use, one that comes next. Gateways know both, so
that one can go while nobody enrols again; what is signed is in `protocols.server_identity`.
"""

import base64
from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.server_identity import (
    NONCE_BYTES,
    Identities,
    fingerprint,
    from_base64,
    proof_words,
)
from protocols.uplink import Proof
from telehealth.errors import RefusedError
from telehealth.keys import Key, Keyring
from telehealth.store.database import Reader

_SHOWN: Final = 5


def public_keys(keyring: Keyring) -> Identities:
    """Return the raw public keys: in use, and next (RFC 8032 §5.1.5)."""
    first, second = (key.public_key().public_bytes_raw() for key in _private(keyring))
    return first, second


def public_texts(keyring: Keyring) -> list[str]:
    """Return the public keys in base64, as enrolment hands them over."""
    return [base64.b64encode(key).decode() for key in public_keys(keyring)]


def own_fingerprint(keyring: Keyring) -> str:
    """Return the fingerprint that people compare, of the identity in use."""
    return fingerprint(public_keys(keyring)[0])


def prove(keyring: Keyring, *, challenge: bytes, nonce: str, gateway_id: str) -> Proof:
    """Sign a gateway's nonce with both identities.

    Args:
        keyring: the operator's keys.
        challenge: this server's own nonce in the conversation.
        nonce: base64 of the gateway's.
        gateway_id: to whom it is proved.

    Raises:
        DecodeError: the gateway's nonce is not base64 of 32 bytes.
    """
    words = proof_words(
        challenge=challenge,
        nonce=from_base64(nonce, NONCE_BYTES, "nonce"),
        identities=public_keys(keyring),
        gateway_id=gateway_id,
    )
    signatures = [base64.b64encode(key.sign(words)).decode() for key in _private(keyring)]
    return Proof(public_texts(keyring), signatures)


def rotated(keyring: Keyring, now_ms: int) -> Keyring:
    """Return the keyring with the second identity in use and a new second.

    The first steps back: gateways no longer believe it, but it still vouches for the checkpoints
    that it signed, until `telehealth keys drop` takes it away.
    """
    first, second, *old = keyring.identity
    return replace(keyring, identity=(second, Key.new(now_ms), first, *old))


def check_rotation(reader: Reader, keyring: Keyring) -> None:
    """Refuse a rotation that would lock gateways out.

    Raises:
        RefusedError: a gateway has not connected since the next identity was made, and would know
            no identity that is left.
    """
    made_ms = keyring.identity[1].made_ms
    rows = reader.rows(
        "SELECT gateway_id FROM gateway WHERE revoked_ms IS NULL AND account_id IS NULL"
        " AND enrolled_ms < ?"
        " AND COALESCE(seen_ms, 0) < ? ORDER BY gateway_id",
        (made_ms, made_ms),
    )
    if rows:
        next_one = fingerprint(public_keys(keyring)[1])
        limit = f"every gateway in use has connected since {next_one} was made, or --force"
        shown = ", ".join(str(gateway_id) for (gateway_id,) in rows[:_SHOWN])
        raise RefusedError("rotation", limit, shown + (" …" if len(rows) > _SHOWN else ""))


def _private(keyring: Keyring) -> list[Ed25519PrivateKey]:
    return [Ed25519PrivateKey.from_private_bytes(key.secret) for key in keyring.identity[:2]]
