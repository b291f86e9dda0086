"""argon2id off the event loop (RFC 9106; parameters as OWASP's password storage cheat sheet)."""

import asyncio
import secrets
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH: Final = 10
MAX_LENGTH: Final = 200
_AT_ONCE: Final = 2
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class Passwords:
    """Hashes and checks passwords, two at a time, so that memory stays bounded."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        """Return the encoded hash."""
        async with self._slots:
            return await asyncio.to_thread(_hasher.hash, password)

    async def matches(self, encoded: str | None, password: str) -> bool:
        """Say whether it matches, just as it was typed (OWASP ASVS 5.0 §6.2.8).

        Without a hash, or with more characters than any password has, the same work is done and
        nothing matches.
        """
        async with self._slots:
            return await asyncio.to_thread(_matches, encoded, password)


def hash_now(password: str) -> str:
    """Return the encoded hash, here and now: for the command line and the demo's seeding."""
    return _hasher.hash(password)


def new_password() -> str:
    """Return a random password that can be read over a telephone: 4 groups, 79 bits."""
    return random_groups(4)


def random_groups(groups: int) -> str:
    """Return groups of four random characters that nobody takes for another: 19.8 bits each."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(groups))


@cache
def _nobodys_hash() -> str:
    """What an unknown log-in is checked against, so that it takes as long as a known one."""
    return _hasher.hash(secrets.token_urlsafe(24))


def _matches(encoded: str | None, password: str) -> bool:
    if encoded is None or len(password) > MAX_LENGTH:
        _verifies(_nobodys_hash(), password[:MAX_LENGTH])
        return False
    return _verifies(encoded, password)


def _verifies(encoded: str, password: str) -> bool:
    try:
        return _hasher.verify(encoded, password)
    except (VerificationError, InvalidHashError):
        return False
