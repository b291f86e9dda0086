"""The operator's keys: one file that never lies beside the data, nor in a backup of it.

A keyring holds, newest first, the keys that seal personal fields, those that hash what is searched,
those that bind the audit log, and the server's own Ed25519 identities. The file is JSON, readable
by its owner alone; a container may hand the same JSON over in `TELEHEALTH_KEYRING` instead.
"""

import base64
import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from telehealth.errors import KeysError

KEY_BYTES: Final = 32
_ID_BYTES: Final = 4
_PARTS: Final = ("data", "index", "audit", "identity")
ROTATED: Final = ("data", "index", "audit")
"""The parts of which the first key makes everything new; an identity is rotated in its own way."""
_PINNED: Final = 2
"""Identities that gateways know: the one in use and the next."""
_TEXT_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """256 bits with a name; never shown."""

    key_id: bytes
    """Four bytes, written before whatever was sealed."""
    secret: bytes
    made_ms: int

    @classmethod
    def new(cls, now_ms: int) -> Self:
        """Make a random key."""
        return cls(secrets.token_bytes(_ID_BYTES), secrets.token_bytes(KEY_BYTES), now_ms)

    def __repr__(self) -> str:
        """Name the key, never its secret."""
        return f"Key({self.key_id.hex()})"


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys, the newest of each part first; only the newest makes anything new."""

    data: tuple[Key, ...]
    index: tuple[Key, ...]
    audit: tuple[Key, ...]
    identity: tuple[Key, ...]
    """Seeds of Ed25519 keys (RFC 8032 §5.1.5): the one in use, then the one that comes next."""

    @classmethod
    def new(cls, now_ms: int) -> Self:
        """Make a keyring for a new server, with two identities so that one can be rotated."""
        data, index, audit, first, second = (Key.new(now_ms) for _ in range(5))
        return cls((data,), (index,), (audit,), (first, second))

    def with_new(self, part: str, now_ms: int) -> Self:
        """Return the keyring with a new newest key of a part; the old ones still open."""
        fresh = self._fresh(part, now_ms)
        return replace(self, **{part: (fresh, *getattr(self, part))})

    def with_waiting(self, part: str, now_ms: int) -> Self:
        """Return the keyring with a new key that every process learns before one of them uses it.

        It stands behind the newest until `promoted`. One that waits already is left waiting.
        """
        if self.waiting(part) is not None:
            return self
        first, *rest = getattr(self, part)
        return replace(self, **{part: (first, self._fresh(part, now_ms), *rest)})

    def waiting(self, part: str) -> Key | None:
        """Return the key that is known but not used yet: the second, if it is the younger."""
        keys: tuple[Key, ...] = getattr(self, part)
        return keys[1] if len(keys) > 1 and keys[1].made_ms > keys[0].made_ms else None

    def promoted(self, part: str) -> Self:
        """Return the keyring with the waiting key as the newest; without one, unchanged."""
        if self.waiting(part) is None:
            return self
        first, second, *rest = getattr(self, part)
        return replace(self, **{part: (second, first, *rest)})

    def _fresh(self, part: str, now_ms: int) -> Key:
        """Return a key younger than the newest and named like none of the part."""
        keys: tuple[Key, ...] = getattr(self, part)
        taken = {key.key_id for key in keys}
        while True:
            fresh = Key.new(max(now_ms, keys[0].made_ms + 1))
            if fresh.key_id not in taken:
                return fresh

    def without(self, part: str, key_id: bytes) -> Self:
        """Return the keyring without an old key that nothing is sealed with any more.

        Raises:
            KeysError: it is in use, or no such key.
        """
        keys: tuple[Key, ...] = getattr(self, part)
        in_use = keys[:_PINNED] if part == "identity" else keys[:1]
        if key_id in {key.key_id for key in in_use}:
            raise KeysError(f"the {part} key {key_id.hex()} is in use and cannot be taken away")
        kept = tuple(key for key in keys if key.key_id != key_id)
        if len(kept) == len(keys):
            raise KeysError(f"no {part} key {key_id.hex()} in the keyring")
        return replace(self, **{part: kept})

    def part_of(self, key_id: bytes) -> str:
        """Return the part that a key belongs to.

        Raises:
            KeysError: no such key, or two parts have one of that name.
        """
        found = [part for part in _PARTS if key_id in {k.key_id for k in getattr(self, part)}]
        if len(found) != 1:
            raise KeysError(f"{len(found)} keys {key_id.hex()} in the keyring, wanted 1")
        return found[0]

    def is_older_than(self, other: Self) -> bool:
        """Whether any part's newest key was made before the other's: an old file came back."""
        return any(
            getattr(self, part)[0].made_ms < getattr(other, part)[0].made_ms for part in _PARTS
        )

    def to_json(self) -> str:
        """Return the file's text."""
        return json.dumps({part: [_to_json(key) for key in getattr(self, part)] for part in _PARTS})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the file's text.

        Raises:
            KeysError: not a keyring; says which part, never what was in it.
        """
        try:
            found = json.loads(text)
            parts = {part: tuple(_from_json(key) for key in found[part]) for part in _PARTS}
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise KeysError(f"keys cannot be read: {type(error).__name__}") from None
        for part, keys in parts.items():
            if len(keys) < (_PINNED if part == "identity" else 1):
                raise KeysError(f"keys of {part} are missing")
            if len({key.key_id for key in keys}) < len(keys):
                raise KeysError(f"two keys of {part} have one name")
        return cls(**parts)


def _to_json(key: Key) -> dict[str, Any]:
    secret = base64.b64encode(key.secret).decode()
    return {"id": key.key_id.hex(), "secret": secret, "made_ms": key.made_ms}


def _from_json(value: Mapping[str, Any]) -> Key:
    key_id = bytes.fromhex(value["id"])
    secret = base64.b64decode(value["secret"], validate=True)
    if len(key_id) != _ID_BYTES or len(secret) != KEY_BYTES:
        raise ValueError(len(secret))
    return Key(key_id, secret, int(value["made_ms"]))


def load(path: Path, given: str = "") -> Keyring:
    """Return the keyring that was handed over, or the file's.

    Args:
        path: `TELEHEALTH_KEYS`.
        given: `TELEHEALTH_KEYRING`, the same JSON; it wins.

    Raises:
        KeysError: no such file, others can read it, or it is no keyring.
    """
    if given:
        return Keyring.from_json(given)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = b"" if mode & 0o077 else file.read(_TEXT_MAX)
    except FileNotFoundError:
        raise KeysError(f"no keys at {path}: `telehealth init` makes them") from None
    except OSError as error:
        raise KeysError(f"keys at {path} cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise KeysError(f"keys at {path} can be read by others: chmod 600 {path}")
    return Keyring.from_json(content.decode(errors="replace"))


def save(path: Path, keyring: Keyring) -> None:
    """Write the file whole or not at all, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".keys-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(keyring.to_json())
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def change(path: Path, how: Callable[[Keyring], Keyring]) -> Keyring:
    """Change the file under a lock, so that of two commands neither loses the other's key.

    Returns:
        The keyring as it now stands.

    Raises:
        KeysError: as `load`, or `how` refuses.
    """
    with locked(path, "change", wait=True):
        before = load(path)
        after = how(before)
        if after != before:
            save(path, after)
        return after


@contextmanager
def locked(path: Path, what: str, *, wait: bool) -> Iterator[None]:
    """Hold a lock beside the keys while the block runs; it ends with the process at the latest.

    Raises:
        KeysError: somebody else holds it and we do not wait, or it cannot be taken here.
    """
    try:
        handle = os.open(
            path.with_name(f".{path.name}.{what}.lock"),
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
            0o600,
        )
    except OSError as error:
        raise KeysError(f"keys at {path} cannot be changed: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise KeysError(f"another {what} of the keys at {path} is under way") from None
        yield
    finally:
        os.close(handle)
