"""What a server signs to prove to a gateway that it is the one the gateway knows (docs/uplink.md).

A server has two Ed25519 identities (RFC 8032): one in use, one that comes next. A gateway knows
both and believes a server that signs its nonce with either, whatever certificate TLS showed it.
People compare a fingerprint: 120 bits of SHA-256 in base32 without look-alikes. Nothing here
signs, checks or does I/O.
"""

import base64
import binascii
import hashlib
from typing import Final

from protocols.errors import DecodeError
from protocols.uplink import Proof

PROOF_CONTEXT: Final = b"telehealth-server-1\n"
IDENTITY_BYTES: Final = 32
NONCE_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
FINGERPRINT_SEPARATOR: Final = "_"
"""Stands between a one-use code and the fingerprint of the server that made it."""
_FINGERPRINT_BYTES: Final = 15
_GROUP: Final = 4
_TO_PEOPLE: Final = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)
_MISTYPED: Final = str.maketrans("OIL", "011", "- ")

Identities = tuple[bytes, bytes]
"""The raw public keys: in use, and next."""


def proof_words(
    *, challenge: bytes, nonce: bytes, identities: Identities, gateway_id: str
) -> bytes:
    """Return what each identity signs; all but the last part have a fixed length.

    Args:
        challenge: the 32 bytes of the server's own nonce in this conversation.
        nonce: the 32 bytes of the gateway's nonce.
        identities: both public keys, which the gateway then keeps.
        gateway_id: whom it is proved to.
    """
    return PROOF_CONTEXT + challenge + nonce + b"".join(identities) + gateway_id.encode()


def fingerprint(identity: bytes) -> str:
    """Return a public key's fingerprint as people read it: six groups of four characters."""
    digest = hashlib.sha256(b"telehealth-identity\n" + identity).digest()[:_FINGERPRINT_BYTES]
    text = base64.b32encode(digest).decode().translate(_TO_PEOPLE)
    return "-".join(text[i : i + _GROUP] for i in range(0, len(text), _GROUP))


def same_fingerprint(one: str, other: str) -> bool:
    """Whether two fingerprints are the same, however they were typed."""
    return _normal(one) == _normal(other)


def split_code(typed: str) -> tuple[str, str]:
    """Return the one-use code, and the fingerprint behind it or an empty text."""
    code, _, finger = typed.strip().partition(FINGERPRINT_SEPARATOR)
    return code, finger


def join_code(code: str, finger: str) -> str:
    """Return a one-use code that carries its server's fingerprint."""
    return f"{code}{FINGERPRINT_SEPARATOR}{finger}"


def identities_of(proof: Proof) -> Identities:
    """Return the public keys that a proof shows.

    Raises:
        DecodeError: not two of 32 bytes, or twice the same.
    """
    return read_identities(proof.identities)


def read_identities(texts: list[str]) -> Identities:
    """Decode two public keys from base64.

    Raises:
        DecodeError: not two of 32 bytes, or twice the same.
    """
    keys = [from_base64(text, IDENTITY_BYTES, "identity") for text in texts]
    if len(keys) != 2 or keys[0] == keys[1]:
        raise DecodeError(f"a server has two different identities, got {len(set(keys))}")
    return keys[0], keys[1]


def from_base64(text: str, size: int, name: str) -> bytes:
    """Decode base64 of a known size.

    Raises:
        DecodeError: not base64 (RFC 4648 §4), or another size.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DecodeError(f"{name}: not base64") from error
    if len(data) != size:
        raise DecodeError(f"{name}: {size} bytes, got {len(data)}")
    return data


def _normal(finger: str) -> str:
    return finger.upper().translate(_MISTYPED)
