"""The re-measure rule: when one abnormal reading counts, and what a repeat does to it.

Theory of operation (docs/rules.md, "The repeat"). A reading that is worse than what counts now
opens a wait of at most three minutes:

- red alerts at once, marked "awaiting repeat"; a repeat may lower it; none in time confirms it;
- orange and yellow are held; a repeat decides, or none in time and the first value counts;
- a continuous minute that is red was held 15 s or more and counts at once (the gateway closes a
  minute early when 15 s lie below the line; the median of a full minute lies there longer still),
  and so does a danger sign: no repeat of a number takes it back;
- a low-confidence red is held, not alerted; better readings may clear it, but not past the wait.

Of two readings within 4 points of SpO2 the better counts; where they differ by more, a third is
needed, meanwhile the worse stands, and of three the middle level counts; a third that is worse than
both confirms the worse of them and opens a wait of its own. A low-confidence reading
lowers nothing and confirms nothing. The wait runs on the time of measurement, so a replay decides
as the live run did; `until_ms` is also what the timer row must be set to.
"""

from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from telehealth.vitals.levels import Level

REPEAT_WITHIN_MS: Final = 180_000
"""Three minutes: the longest that anything waits for a repeat."""
DIFFER_POINTS: Final = 4.0
"""Two readings further apart than this need a third."""


class Pending(Struct, frozen=True, array_like=True, gc=False):
    """A level that waits for a repeat until `until_ms`; `level` is what stands if none comes."""

    level: int
    at_ms: int
    until_ms: int
    spo2_percent: float | None = None
    alerted: bool = False
    """It was raised already, marked as awaiting a repeat."""
    other_level: int | None = None
    """The better one of two readings that differ too much: a third is awaited."""
    doubtful: bool = False
    """It rests on a low-confidence reading: one good reading decides, however far apart."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One scored reading, as this rule sees it."""

    level: Level
    at_ms: int
    spo2_percent: float | None
    low_confidence: bool = False
    held: bool = False
    """A continuous minute, which stood at least 15 s, or a danger sign: red needs no repeat."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing to wait for: this level counts now (or went on counting)."""

    level: Level


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing counts yet; set a timer for `until_ms`."""

    level: Level
    until_ms: int


@dataclass(frozen=True, slots=True)
class Raise:
    """This worse level counts now; `awaiting_until_ms` where a repeat may still lower it."""

    level: Level
    awaiting_until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Confirm:
    """What was awaited is confirmed by a repeat, or by three minutes without one."""

    level: Level


@dataclass(frozen=True, slots=True)
class Lower:
    """A repeat was better: this level counts, and the first reading was not confirmed."""

    level: Level


Decision = Keep | Hold | Raise | Confirm | Lower


def settle(pending: Pending | None, at_ms: int) -> Confirm | None:
    """Return the confirmation of a wait that has run out at `at_ms`; None while it runs."""
    if pending is None or at_ms < pending.until_ms:
        return None
    return Confirm(Level(pending.level))


def weigh(
    pending: Pending | None, counted: Level, seen: Seen
) -> tuple[Pending | None, tuple[Decision, ...]]:
    """Decide on one reading, newer than all before it, after any overdue wait was settled.

    Args:
        pending: the wait that runs, if any.
        counted: the level that counts now; GREY when nothing does.
        seen: the reading.

    Returns:
        The wait that runs from now on, and the decisions in their order, at least one.
    """
    if seen.held and seen.level is Level.RED and not seen.low_confidence:
        return None, (_at_once(pending, counted),)
    if pending is None:
        return _first(counted, seen)
    if seen.low_confidence:
        return _doubtful_repeat(pending, counted, seen)
    if pending.other_level is not None and seen.level <= pending.level:
        middle = Level(sorted((pending.level, pending.other_level, seen.level))[1])
        return None, (_agreed(pending, middle, counted),)
    if pending.other_level is None and not pending.doubtful and _too_far_apart(pending, seen):
        return _ask_for_third(pending, counted, seen)
    if seen.level > pending.level:
        return _confirmed_and_worse(pending, seen)
    return None, (_agreed(pending, seen.level, counted),)


def _at_once(pending: Pending | None, counted: Level) -> Decision:
    if pending is not None and pending.level == Level.RED:
        return Confirm(Level.RED)
    return Keep(Level.RED) if counted is Level.RED else Raise(Level.RED)


def _first(counted: Level, seen: Seen) -> tuple[Pending | None, tuple[Decision, ...]]:
    floor = max(counted, Level.GREEN)
    if seen.level <= floor:
        lowers = seen.level < counted and seen.low_confidence
        return None, (Keep(counted if lowers else seen.level),)
    until_ms = seen.at_ms + REPEAT_WITHIN_MS
    alerts = seen.level is Level.RED and not seen.low_confidence
    pending = Pending(
        seen.level,
        seen.at_ms,
        until_ms,
        seen.spo2_percent,
        alerted=alerts,
        doubtful=seen.low_confidence,
    )
    if alerts:
        return pending, (Raise(Level.RED, until_ms),)
    return pending, (Hold(seen.level, until_ms),)


def _doubtful_repeat(
    pending: Pending, counted: Level, seen: Seen
) -> tuple[Pending, tuple[Decision, ...]]:
    """It confirms and lowers nothing; a worse one stands instead, without a longer wait."""
    if seen.level <= pending.level:
        return pending, (Keep(counted),)
    worse = Pending(seen.level, seen.at_ms, pending.until_ms, seen.spo2_percent, doubtful=True)
    return worse, (Hold(seen.level, pending.until_ms),)


def _too_far_apart(pending: Pending, seen: Seen) -> bool:
    if pending.spo2_percent is None or seen.spo2_percent is None:
        return False
    return abs(pending.spo2_percent - seen.spo2_percent) > DIFFER_POINTS


def _ask_for_third(
    pending: Pending, counted: Level, seen: Seen
) -> tuple[Pending | None, tuple[Decision, ...]]:
    worse = Level(max(pending.level, seen.level))
    better = min(pending.level, seen.level)
    if worse == better:
        return None, (_agreed(pending, worse, counted),)
    until_ms = seen.at_ms + REPEAT_WITHIN_MS
    third = Pending(worse, seen.at_ms, until_ms, seen.spo2_percent, True, better)
    return third, (Raise(worse, until_ms),)


def _confirmed_and_worse(
    pending: Pending, seen: Seen
) -> tuple[Pending | None, tuple[Decision, ...]]:
    """Two readings reach the first level, and the second opens a wait of its own."""
    first = Level(pending.level)
    opened, decisions = _first(first, seen)
    return opened, (Confirm(first), *decisions)


def _agreed(pending: Pending, level: Level, counted: Level) -> Decision:
    """Return what the repeat makes of the wait: the level now counts."""
    if level >= pending.level:
        return Confirm(level)
    if pending.alerted:
        return Lower(level)
    return Raise(level) if level > max(counted, Level.GREEN) else Keep(level)
