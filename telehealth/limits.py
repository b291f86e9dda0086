"""What a doctor sets for one person: a target range of SpO2, and NEWS2's scale 2.

Each is a row with who, why and when; a new one of its kind ends the one before, and nothing is ever
overwritten, so a decision of any day can be read again. A range's own red line holds only once a
second doctor has signed it. What the rules do with them: `telehealth.vitals.targets` and `news2`.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from protocols.uplink import instant
from telehealth.errors import IllegalTransitionError, NotAllowedError, NotFoundError, RefusedError
from telehealth.store.database import Reader, Transaction
from telehealth.vitals.news2 import Scale2Prescription
from telehealth.vitals.targets import TargetRange

TARGET_RANGE: Final = "target_range"
SCALE_2: Final = "scale_2"
LONGEST: Final = timedelta(days=90)
"""A range is looked at again after this at the latest (ours)."""
LONGEST_REASON: Final = 300
_MS: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """One decision as it is stored."""

    limit_id: str
    person_id: str
    kind: str
    lowest_percent: float | None
    highest_percent: float | None
    red_at_most_percent: float | None
    reason: str
    set_by: str
    set_ms: int
    until_ms: int | None
    signed_by: str | None
    signed_ms: int | None
    ended_by: str | None
    ended_ms: int | None

    def holds_at(self, at_ms: int) -> bool:
        """Whether it held at an instant."""
        ends = [end for end in (self.until_ms, self.ended_ms) if end is not None]
        return self.set_ms <= at_ms and all(at_ms < end for end in ends)

    @property
    def awaits_signature(self) -> bool:
        """Whether it has a red line that no second doctor has signed."""
        return self.red_at_most_percent is not None and self.signed_by is None


_SET: Final = (
    "limit_id", "person_id", "kind", "lowest_percent", "highest_percent", "red_at_most_percent",
    "reason", "set_by", "set_ms", "until_ms",
)  # fmt: skip
_SELECT: Final = (
    "SELECT limit_id, person_id, kind, lowest_percent, highest_percent, red_at_most_percent,"
    " reason, set_by, set_ms, until_ms, signed_by, signed_ms, ended_by, ended_ms FROM person_limit"
)


def of_persons(reader: Reader, person_ids: Sequence[str]) -> dict[str, list[Limit]]:
    """Return every decision about these people, the newest first."""
    rows = reader.rows_in(
        _SELECT + " WHERE person_id IN (…) ORDER BY set_ms DESC, limit_id", person_ids
    )
    found: dict[str, list[Limit]] = {}
    for row in rows:
        found.setdefault(row[1], []).append(Limit(*row))
    return found


def range_at(limits: Iterable[Limit], at_ms: int) -> TargetRange | None:
    """Return the target range that held at an instant, with its red line if that was signed."""
    for limit in limits:
        if limit.kind != TARGET_RANGE or not limit.holds_at(at_ms):
            continue
        if limit.lowest_percent is None or limit.highest_percent is None:
            continue
        signed = limit.signed_ms is not None and limit.signed_ms <= at_ms
        red = limit.red_at_most_percent if signed else None
        return TargetRange(limit.limit_id, limit.lowest_percent, limit.highest_percent, red)
    return None


def scale_2_at(limits: Iterable[Limit], at_ms: int) -> Scale2Prescription | None:
    """Return the prescription of scale 2 that held at an instant."""
    for limit in limits:
        if limit.kind == SCALE_2 and limit.holds_at(at_ms):
            return Scale2Prescription(
                prescribed_by=limit.set_by,
                prescribed_at=instant(limit.set_ms),
                reason=limit.reason,
            )
    return None


def set_range(
    tx: Transaction,
    person_id: str,
    wanted: TargetRange,
    *,
    reason: str,
    lasts: timedelta,
    by: str,
) -> str:
    """Set a person's target range, ending the one before; returns its id.

    Raises:
        RefusedError: no reason, or it would last longer than `LONGEST`.
    """
    if not timedelta(days=1) <= lasts <= LONGEST:
        raise RefusedError("days", f"1 to {LONGEST.days}", lasts.days)
    return _set(tx, person_id, TARGET_RANGE, wanted, reason, tx.now_ms + lasts // _MS, by)


def prescribe_scale_2(tx: Transaction, person_id: str, *, reason: str, by: str) -> str:
    """Prescribe NEWS2's SpO2 scale 2: a clinician has confirmed hypercapnic failure.

    Raises:
        RefusedError: no reason.
    """
    return _set(tx, person_id, SCALE_2, None, reason, None, by)


def _set(
    tx: Transaction,
    person_id: str,
    kind: str,
    wanted: TargetRange | None,
    reason: str,
    until_ms: int | None,
    by: str,
) -> str:
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise RefusedError("reason", f"1 to {LONGEST_REASON} characters", len(reason))
    tx.execute(
        "UPDATE person_limit SET ended_ms = ?, ended_by = ?"
        " WHERE person_id = ? AND kind = ? AND ended_ms IS NULL",
        (tx.now_ms, by, person_id, kind),
    )
    limit_id = f"pl-{secrets.token_hex(8)}"
    numbers: tuple[float | None, ...] = (None, None, None)
    if wanted is not None:
        numbers = (wanted.lowest_percent, wanted.highest_percent, wanted.red_at_most_percent)
    tx.insert(
        "person_limit",
        _SET,
        [(limit_id, person_id, kind, *numbers, reason.strip(), by, tx.now_ms, until_ms)],
    )
    return limit_id


def sign(tx: Transaction, limit_id: str, by: str) -> None:
    """Sign the red line of a range as a second doctor.

    Raises:
        NotFoundError: there is no such decision.
        NotAllowedError: the one who set it cannot be the second.
        IllegalTransitionError: it has no red line, is signed, or holds no more.
    """
    limit = one(tx, limit_id)
    if not limit.awaits_signature or not limit.holds_at(tx.now_ms):
        raise IllegalTransitionError("settled", "sign", "nothing awaits a signature")
    if limit.set_by == by:
        raise NotAllowedError("the second signature is another doctor's")
    tx.execute(
        "UPDATE person_limit SET signed_by = ?, signed_ms = ? WHERE limit_id = ?",
        (by, tx.now_ms, limit_id),
    )


def end(tx: Transaction, limit_id: str, by: str) -> None:
    """End a decision now.

    Raises:
        NotFoundError: there is no such decision.
        IllegalTransitionError: it holds no more.
    """
    if not one(tx, limit_id).holds_at(tx.now_ms):
        raise IllegalTransitionError("ended", "end")
    tx.execute(
        "UPDATE person_limit SET ended_ms = ?, ended_by = ? WHERE limit_id = ?",
        (tx.now_ms, by, limit_id),
    )


def one(reader: Reader, limit_id: str) -> Limit:
    """Return one decision.

    Raises:
        NotFoundError: there is none of this id.
    """
    rows = reader.rows(_SELECT + " WHERE limit_id = ?", (limit_id,))
    if not rows:
        raise NotFoundError(f"no limit {limit_id}")
    return Limit(*rows[0])
