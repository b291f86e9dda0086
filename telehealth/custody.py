"""Splits the keyring between two custodians, so that neither alone can open anything. Pure.

A random 256-bit key seals the keyring with AES-256-GCM (NIST SP 800-38D); the key itself is split
in two by exclusive or with as many random bits, a one-time pad, so that one half is independent of
the key (C. Shannon, "Communication Theory of Secrecy Systems", 1949, §10; the (2, 2) case of
A. Shamir, "How to Share a Secret", 1979). Both custodians hold the sealed keyring and one half;
how that looks on paper is `telehealth/custody_files.py`.
"""

import base64
import secrets
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from telehealth.errors import KeysError
from telehealth.keys import KEY_BYTES, Keyring

FORMAT: Final = "telehealth-custody-1"
NUMBER_BYTES: Final = 5
_NONCE_BYTES: Final = 12
_KEYRING_MAX: Final = 1 << 20
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TO_PEOPLE: Final = str.maketrans(_ALPHABET, _CROCKFORD)
_FROM_PEOPLE: Final = str.maketrans(_CROCKFORD + "OILU", _ALPHABET + "ABB!", " \t-")


@dataclass(frozen=True, slots=True, repr=False)
class Share:
    """What one custodian holds."""

    number: bytes
    """Of the export, random: both files have the same."""
    made: datetime
    file: int
    """1 or 2."""
    half: bytes
    sealed: bytes
    """A nonce, then the compressed keyring with its tag."""

    def __repr__(self) -> str:
        """Name the share, never what it holds."""
        return f"Share({self.export_text}, {self.file} of 2)"

    @property
    def export_text(self) -> str:
        """The export's number as it is printed."""
        return grouped(to_people(self.number))

    @property
    def made_text(self) -> str:
        """The date as it is printed."""
        return self.made.strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def bound(self) -> bytes:
        """What the seal is bound to, beside the keyring: the same for both files."""
        return f"{FORMAT}\0{self.number.hex()}\0{self.made_text}\0".encode()


def export(keyring: Keyring, now: datetime) -> tuple[Share, Share]:
    """Seal the keyring and split its key.

    Args:
        keyring: what the custodians are to hold.
        now: the date that both files carry, to the second.
    """
    number = secrets.token_bytes(NUMBER_BYTES)
    made = now.astimezone(UTC).replace(microsecond=0)
    key = secrets.token_bytes(KEY_BYTES)
    first = secrets.token_bytes(KEY_BYTES)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    plain = zlib.compress(keyring.to_json().encode(), 9)
    bare = Share(number, made, 1, first, b"")
    one = replace(bare, sealed=nonce + AESGCM(key).encrypt(nonce, plain, bare.bound))
    return one, replace(one, file=2, half=_xor(key, first))


def join(one: Share, other: Share) -> Keyring:
    """Put the keyring together.

    Raises:
        KeysError: the same half twice, halves of two exports, or one was altered.
    """
    if one.number != other.number or one.made != other.made:
        raise KeysError(
            f"the files are of two exports: {one.export_text} of {one.made_text} and"
            f" {other.export_text} of {other.made_text}"
        )
    if one.file == other.file:
        raise KeysError(f"both files are number {one.file} of the export {one.export_text}")
    if one.sealed != other.sealed:
        raise KeysError(f"the files of the export {one.export_text} hold different keyrings")
    nonce, ciphertext = one.sealed[:_NONCE_BYTES], one.sealed[_NONCE_BYTES:]
    try:
        cipher = AESGCM(_xor(one.half, other.half))
        plain = cipher.decrypt(nonce, ciphertext, one.bound)
    except (InvalidTag, ValueError):
        raise KeysError(f"a file of the export {one.export_text} was altered") from None
    opener = zlib.decompressobj()
    try:
        return Keyring.from_json(opener.decompress(plain, _KEYRING_MAX).decode())
    except (zlib.error, ValueError):
        raise KeysError(f"the export {one.export_text} holds no keyring") from None


def to_people(data: bytes) -> str:
    """Return bytes in Crockford's base32: no I, L, O or U."""
    return base64.b32encode(data).decode().rstrip("=").translate(_TO_PEOPLE)


def from_people(typed: str, where: str) -> bytes:
    """Return the bytes of what was typed; case, spaces and O I L for 0 1 1 do not matter.

    Raises:
        KeysError: other characters, or no whole number of bytes; names `where`.
    """
    plain = typed.upper().translate(_FROM_PEOPLE)
    try:
        return base64.b32decode(plain + "=" * (-len(plain) % 8))
    except ValueError:
        raise KeysError(f"{where}: not groups of 0-9 and A-Z without U") from None


def grouped(text: str) -> str:
    """Return text in groups of four, as people read it out."""
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
