"""Seals personal fields and hashes what is searched, with the operator's keys. No I/O.

A sealed field is a version octet, the key's id, a nonce of 96 bits and the AES-256-GCM ciphertext
with its tag (NIST SP 800-38D §5.2.1); table, column and row are associated data, so that a
ciphertext moved to another row does not open. What is searched is HMAC-SHA-256 under the index key,
with the purpose in front: equal values show as equal, nothing else (docs/threats.md).
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from telehealth.errors import KeysError
from telehealth.keys import Key, Keyring

_VERSION: Final = 1
_HEAD: Final = 5
"""Octets before the nonce: the version and the key's id."""
_NONCE: Final = 12
_OPENED_MAX: Final = 50_000
"""Fields kept open in memory: a district's list is shown again and again."""
TOKEN_BYTES: Final = 12
"""Of a name's search token: at a billion tokens two collide once in 10^11 databases."""


@dataclass(frozen=True, slots=True)
class _AtWork:
    keyring: Keyring
    ciphers: Mapping[bytes, AESGCM]


class Vault:
    """The keys at work; `adopt` changes them while the server runs."""

    def __init__(self, keyring: Keyring) -> None:
        self._opened = lru_cache(maxsize=_OPENED_MAX)(self._open)
        self.adopt(keyring)

    def adopt(self, keyring: Keyring) -> None:
        """Use these keys from now on: what was sealed with any of them opens.

        One assignment, because other threads are sealing: a name must never meet another's key.
        """
        ciphers = {key.key_id: AESGCM(key.secret) for key in keyring.data}
        self._at_work = _AtWork(keyring, ciphers)
        self._opened.cache_clear()

    @property
    def keyring(self) -> Keyring:
        """The keys at work."""
        return self._at_work.keyring

    def seal(self, plain: bytes, table: str, column: str, row: str) -> bytes:
        """Return the sealed field of one row."""
        work = self._at_work
        newest = work.keyring.data[0].key_id
        nonce = secrets.token_bytes(_NONCE)
        cipher = work.ciphers[newest]
        return _head(newest) + nonce + cipher.encrypt(nonce, plain, _bound(table, column, row))

    def open(self, sealed: bytes, table: str, column: str, row: str) -> bytes:
        """Return what was sealed.

        Raises:
            KeysError: sealed with a key that is not here, altered, or moved from another row.
        """
        return self._opened(bytes(sealed), _bound(table, column, row))

    def _open(self, sealed: bytes, bound: bytes) -> bytes:
        if len(sealed) < _HEAD + _NONCE or sealed[0] != _VERSION:
            raise KeysError(f"not a sealed field: {len(sealed)} bytes")
        cipher = self._at_work.ciphers.get(sealed[1:_HEAD])
        if cipher is None:
            raise KeysError(f"the key {sealed[1:_HEAD].hex()} is not in the keyring")
        nonce = sealed[_HEAD : _HEAD + _NONCE]
        try:
            return cipher.decrypt(nonce, sealed[_HEAD + _NONCE :], bound)
        except InvalidTag:
            where = bound.decode().replace("\0", ".")
            raise KeysError(f"the sealed field {where} was altered or moved") from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether a field is sealed with the newest key."""
        return sealed[:_HEAD] == self.current_head

    @property
    def current_head(self) -> bytes:
        """What every field sealed with the newest key begins with."""
        return _head(self.keyring.data[0].key_id)

    def hash(self, purpose: str, value: str) -> bytes:
        """Return the keyed hash under which a value is stored to be found."""
        return _hash(self.keyring.index[0], purpose, value)

    def hashes(self, purpose: str, value: str) -> list[bytes]:
        """Return the keyed hashes to look for: under every index key, the newest first."""
        return [_hash(key, purpose, value) for key in self.keyring.index]

    def audit_mac(self, key_id: bytes, data: bytes) -> bytes:
        """Return HMAC-SHA-256 under an audit key.

        Raises:
            KeysError: no such key.
        """
        for key in self.keyring.audit:
            if key.key_id == key_id:
                return hmac.digest(key.secret, data, hashlib.sha256)
        raise KeysError(f"the audit key {key_id.hex()} is not in the keyring")


def _head(key_id: bytes) -> bytes:
    return bytes([_VERSION]) + key_id


def _bound(table: str, column: str, row: str) -> bytes:
    return f"{table}\0{column}\0{row}".encode()


def _hash(key: Key, purpose: str, value: str) -> bytes:
    return hmac.digest(key.secret, f"{purpose}\0{value}".encode(), hashlib.sha256)
