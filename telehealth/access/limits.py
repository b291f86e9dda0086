"""How often something may be tried: token buckets that are stored, so a restart opens nothing.

Guesses are counted by account and by browser first, because a whole commune may sit behind one
address; the wide bucket of an address is only for browsers that nobody has signed in from before
(OWASP ASVS 5.0 §6.3.1; docs/login.md has the table). A bucket that is full drains with time, one
try each `refill_ms`; a clock that jumps back drains nothing and fills nothing. Keys are hashed:
whoever reads the table learns no names, although people type passwords into the wrong field.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from telehealth.errors import NotAllowedError
from telehealth.store.database import Transaction

_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 24 * 60 * _MINUTE_MS
SWEPT_AFTER_MS: Final = 2 * _DAY_MS
"""A bucket that nobody touched for so long has drained, whatever its rate."""


_ROUNDING: Final = 1e-9
"""What draining in floating point may leave behind: no try waits for it."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, then one more each `refill_ms`."""

    burst: int
    refill_ms: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """How much of a bucket is used, as of an instant."""

    used: float
    updated_ms: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What came of one try."""

    bucket: Bucket
    allowed: bool
    retry_after_ms: int
    """When the next try would be allowed; 0: this one is."""


GUESSES: Final = (Rate(5, _MINUTE_MS), Rate(50, _DAY_MS // 50))
"""Of a secret that a person types: five, then one a minute, and fifty a day."""
RATES: Final[dict[str, tuple[Rate, ...]]] = {
    "login": GUESSES,
    "login_device": GUESSES,
    "second_factor": GUESSES,
    "confirm": GUESSES,
    "entry": (Rate(4, _DAY_MS),),
    "entry_everywhere": (Rate(1_000, 2_000),),
    "lookup": (Rate(20, 180_000),),
    "address": (Rate(300, 12_000),),
    "refusal": (Rate(1, _MINUTE_MS),),
    "refusal_everywhere": (Rate(1_000, 1_000),),
}
"""By what is tried: `login` counts by name, `login_device` by name in a browser known for it,
`entry` wrong years of birth with one code (the fifth ends it), `entry_everywhere` all typed entry
codes of the server, `lookup` exact numbers of people out of reach; `refusal` and
`refusal_everywhere` how often the audit log is told of the same refusal (`webui/refusals.py`)."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing that is counted: what is tried, and by or of whom."""

    kind: str
    subject: str


class TooManyAttemptsError(NotAllowedError):
    """Too often of late; trying again after `retry_after_ms` may help."""

    code = "too_many_attempts"

    def __init__(self, kind: str, retry_after_ms: int) -> None:
        super().__init__(f"too many tries: {kind}, again in {retry_after_ms} ms")
        self.kind = kind
        self.retry_after_ms = retry_after_ms
        self.account_id = ""
        """Whose secret was guessed, for the audit log; empty: nobody's. No answer may tell it."""


def spend(bucket: Bucket | None, now_ms: int, rate: Rate) -> Spent:
    """Take one try out of a bucket; one that is refused costs nothing.

    Args:
        bucket: as it was left; None: never used.
        now_ms: the database's clock. Before `updated_ms` (a clock set back), nothing has drained.
        rate: how much it holds and how fast it drains.
    """
    elapsed_ms = max(0, now_ms - bucket.updated_ms) if bucket else 0
    used = max(0.0, (bucket.used if bucket else 0.0) - elapsed_ms / rate.refill_ms)
    if used + 1 <= rate.burst + _ROUNDING:
        return Spent(Bucket(used + 1, now_ms), True, 0)
    wait_ms = max(1, round((used + 1 - rate.burst) * rate.refill_ms))
    return Spent(Bucket(used, now_ms), False, wait_ms)


def take(tx: Transaction, *limits: Limit) -> None:
    """Count one try against all limits, or against none if one of them is reached.

    Raises:
        TooManyAttemptsError: with the longest wait of those that are reached.
    """
    buckets = _locked(tx, limits)
    spent = [(key, kind, spend(old, tx.now_ms, rate)) for key, kind, rate, old in buckets]
    refused = [(one.retry_after_ms, kind) for _, kind, one in spent if not one.allowed]
    if refused:
        wait_ms, kind = max(refused)
        raise TooManyAttemptsError(kind, wait_ms)
    for key, _, one in spent:
        _write(tx, key, one.bucket)


def give_back(tx: Transaction, *limits: Limit) -> None:
    """Return one try: it succeeded, and successes are not counted."""
    for key, _, _, old in _locked(tx, limits):
        if old is not None:
            _write(tx, key, Bucket(max(0.0, old.used - 1), old.updated_ms))


def forget(tx: Transaction, *limits: Limit) -> None:
    """Empty the buckets: who knows the secret has guessed nothing."""
    for limit in limits:
        for number in range(len(RATES[limit.kind])):
            tx.execute("DELETE FROM attempts WHERE key = ?", (_key(tx, limit, number),))


def _key(tx: Transaction, limit: Limit, number: int) -> bytes:
    return tx.vault.hash("limit", f"{limit.kind}\0{number}\0{limit.subject}")


def _locked(
    tx: Transaction, limits: Iterable[Limit]
) -> Sequence[tuple[bytes, str, Rate, Bucket | None]]:
    """Return the buckets, locked in the order of their keys; the table is swept meanwhile."""
    wanted = sorted(
        (_key(tx, limit, number), limit.kind, rate)
        for limit in limits
        for number, rate in enumerate(RATES[limit.kind])
    )
    return [(key, kind, rate, _lock(tx, key)) for key, kind, rate in wanted]


def _lock(tx: Transaction, key: bytes) -> Bucket | None:
    made = tx.execute(
        "INSERT INTO attempts (key, used, updated_ms) VALUES (?, 0, ?) ON CONFLICT DO NOTHING",
        (key, tx.now_ms),
    )
    if made:
        tx.execute("DELETE FROM attempts WHERE updated_ms < ?", (tx.now_ms - SWEPT_AFTER_MS,))
        return None
    sql = "SELECT used, updated_ms FROM attempts WHERE key = ?"
    used, updated_ms = tx.rows(sql if tx.is_sqlite else f"{sql} FOR UPDATE", (key,))[0]
    return Bucket(used, updated_ms)


def _write(tx: Transaction, key: bytes, bucket: Bucket) -> None:
    tx.execute(
        "UPDATE attempts SET used = ?, updated_ms = ? WHERE key = ?",
        (bucket.used, bucket.updated_ms, key),
    )
