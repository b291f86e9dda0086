"""Checkpoints: signed lines outside the database that say how long the chains already were. Pure.

A line is JSON: the heads that moved since the line before, that line's SHA-256, and an Ed25519
signature (RFC 8032 §5.1) by the server's identity. Anybody who has the identity's public key can
check the file without any secret. A line vouches for all that stand before it, so signatures are
looked at only where the hashes do not join, and at the end.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from telehealth.audit.chain import Head
from telehealth.keys import Key

_CONTEXT: Final = b"telehealth audit checkpoint 1\0"
_encode: Final = msgspec.json.Encoder().encode


class WireHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chain's head on the wire; the mac in hexadecimal."""

    chain_id: str
    seq: int
    mac: str


class Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the file."""

    at_ms: int
    heads: list[WireHead]
    previous: str
    """SHA-256 of the line before, in hexadecimal; empty: the first."""
    key: str
    """Id of the identity that signs, in hexadecimal."""
    signature: str = ""

    def signed(self) -> bytes:
        """Return what the signature covers."""
        heads = [(head.chain_id, head.seq, head.mac) for head in self.heads]
        return _CONTEXT + msgspec.msgpack.encode((self.at_ms, heads, self.previous, self.key))


_decode: Final = msgspec.json.Decoder(Checkpoint).decode


def line_hash(line: bytes) -> str:
    """Return the SHA-256 by which the next line names this one."""
    return hashlib.sha256(line.rstrip(b"\n")).hexdigest()


def line_of(heads: Sequence[Head], *, previous: str, at_ms: int, identity: Key) -> bytes:
    """Return a signed line, with its newline."""
    bare = Checkpoint(
        at_ms=at_ms,
        heads=[WireHead(head.chain_id, head.seq, head.mac.hex()) for head in heads],
        previous=previous,
        key=identity.key_id.hex(),
    )
    signature = Ed25519PrivateKey.from_private_bytes(identity.secret).sign(bare.signed())
    return _encode(msgspec.structs.replace(bare, signature=signature.hex())) + b"\n"


def is_signed(checkpoint: Checkpoint, identities: Sequence[Key]) -> bool:
    """Whether one of these identities signed the line."""
    for identity in identities:
        if identity.key_id.hex() == checkpoint.key:
            public = Ed25519PrivateKey.from_private_bytes(identity.secret).public_key()
            try:
                public.verify(bytes.fromhex(checkpoint.signature), checkpoint.signed())
            except (InvalidSignature, ValueError):
                return False
            return True
    return False


@dataclass(slots=True)
class Trail:
    """The file as it is read, line by line; keeps the newest head of each chain, and what is wrong.

    A last line without its newline was being written when the power went: it says nothing.
    """

    identities: Sequence[Key]
    heads: dict[str, Head] = field(default_factory=dict)
    altered: list[int] = field(default_factory=list)
    """Numbers of lines, from 1, that nobody signed as they stand."""
    missing: list[int] = field(default_factory=list)
    """Numbers of lines before which at least one was taken out."""
    lines: int = 0
    _pending: Checkpoint | None = None
    """The last line, whose signature nobody has vouched for yet."""
    _previous: str | None = ""
    """What the next line must name; None: unknown, because the last one was no line at all."""

    def add(self, line: bytes) -> None:
        """Take the next line."""
        if not line.endswith(b"\n"):
            return
        self.lines += 1
        checkpoint = _read(line)
        joins = checkpoint is not None and checkpoint.previous == self._previous
        if not joins:
            fits = self._settled(self.lines - 1)
            if fits and checkpoint is not None and self._previous is not None:
                self.missing.append(self.lines)
        self._pending = checkpoint
        self._previous = line_hash(line) if checkpoint is not None else None
        if checkpoint is None:
            self.altered.append(self.lines)
        else:
            self._take(checkpoint)

    def end(self) -> None:
        """Look at the last line's signature."""
        self._settled(self.lines)
        self._pending = None

    def _settled(self, number: int) -> bool:
        """Look at the signature of the line that waits for it; says whether it fits."""
        if self._pending is None or is_signed(self._pending, self.identities):
            return True
        self.altered.append(number)
        return False

    def _take(self, checkpoint: Checkpoint) -> None:
        for wire in checkpoint.heads:
            known = self.heads.get(wire.chain_id)
            if known is None or wire.seq >= known.seq:
                self.heads[wire.chain_id] = Head(wire.chain_id, wire.seq, bytes.fromhex(wire.mac))


def _read(line: bytes) -> Checkpoint | None:
    try:
        found = _decode(line)
        for head in found.heads:
            bytes.fromhex(head.mac)
    except (msgspec.DecodeError, ValueError):
        return None
    return found
