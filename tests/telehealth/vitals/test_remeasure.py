"""The re-measure rule: red at once, orange and yellow held, thirds, and doubtful readings."""

import pytest

from telehealth.vitals.levels import Level
from telehealth.vitals.remeasure import (
    REPEAT_WITHIN_MS,
    Confirm,
    Decision,
    Hold,
    Keep,
    Lower,
    Pending,
    Raise,
    Seen,
    settle,
    weigh,
)

GREY, GREEN, YELLOW = Level.GREY, Level.GREEN, Level.YELLOW
ORANGE, RED = Level.ORANGE, Level.RED
T0 = 1_000_000
LATER = T0 + 45_000
UNTIL = T0 + REPEAT_WITHIN_MS


def seen(
    level: Level,
    spo2: float | None = None,
    *,
    at_ms: int = T0,
    low: bool = False,
    held: bool = False,
) -> Seen:
    return Seen(level, at_ms, spo2, low_confidence=low, held=held)


def first(counted: Level, reading: Seen) -> tuple[Pending | None, tuple[Decision, ...]]:
    return weigh(None, counted, reading)


def opened(level: Level, spo2: float | None = None, *, low: bool = False) -> Pending:
    pending, _ = first(GREEN, seen(level, spo2, low=low))
    assert pending is not None
    return pending


def test_a_first_red_reading_alerts_at_once_and_awaits_a_repeat() -> None:
    pending, decisions = first(GREEN, seen(RED, 90))
    assert decisions == (Raise(RED, UNTIL),)
    assert pending == Pending(RED, T0, UNTIL, 90, alerted=True)


@pytest.mark.parametrize("level", [YELLOW, ORANGE])
def test_orange_and_yellow_are_held_for_three_minutes(level: Level) -> None:
    pending, decisions = first(GREEN, seen(level, 94))
    assert decisions == (Hold(level, UNTIL),)
    assert pending == Pending(level, T0, UNTIL, 94)


@pytest.mark.parametrize("counted", [GREY, GREEN])
def test_a_green_reading_counts_without_a_wait(counted: Level) -> None:
    assert first(counted, seen(GREEN, 98)) == (None, (Keep(GREEN),))


@pytest.mark.parametrize(("counted", "level"), [(RED, RED), (RED, ORANGE), (ORANGE, GREEN)])
def test_the_same_or_a_better_level_counts_without_a_wait(counted: Level, level: Level) -> None:
    assert first(counted, seen(level)) == (None, (Keep(level),))


def test_a_red_minute_was_held_15_s_and_counts_at_once() -> None:
    assert first(GREEN, seen(RED, 91, held=True)) == (None, (Raise(RED),))
    assert first(RED, seen(RED, 91, held=True)) == (None, (Keep(RED),))


def test_an_orange_minute_still_waits() -> None:
    assert first(GREEN, seen(ORANGE, 93, held=True))[1] == (Hold(ORANGE, UNTIL),)


def test_a_red_minute_confirms_an_awaited_red_and_overrules_a_held_orange() -> None:
    red = seen(RED, 91, at_ms=LATER, held=True)
    assert weigh(opened(RED, 90), RED, red) == (None, (Confirm(RED),))
    assert weigh(opened(ORANGE, 94), GREEN, red) == (None, (Raise(RED),))


@pytest.mark.parametrize("level", [YELLOW, ORANGE, RED])
def test_none_within_three_minutes_confirms(level: Level) -> None:
    pending = opened(level)
    assert settle(pending, UNTIL - 1) is None
    assert settle(pending, UNTIL) == Confirm(level)
    assert settle(None, UNTIL) is None


@pytest.mark.parametrize("level", [YELLOW, ORANGE, RED])
def test_a_repeat_that_agrees_confirms(level: Level) -> None:
    assert weigh(opened(level, 92), GREEN, seen(level, 91, at_ms=LATER)) == (
        None,
        (Confirm(level),),
    )


@pytest.mark.parametrize("level", [GREEN, YELLOW, ORANGE])
def test_a_repeat_may_lower_a_red_that_was_alerted(level: Level) -> None:
    assert weigh(opened(RED, 92), RED, seen(level, 95, at_ms=LATER)) == (None, (Lower(level),))


def test_a_better_repeat_silences_a_held_reading() -> None:
    assert weigh(opened(YELLOW, 96), GREEN, seen(GREEN, 97, at_ms=LATER)) == (None, (Keep(GREEN),))


def test_two_readings_that_both_reach_yellow_count_as_yellow() -> None:
    repeat = seen(YELLOW, 95, at_ms=LATER)
    assert weigh(opened(ORANGE, 94), GREEN, repeat) == (None, (Raise(YELLOW),))
    assert weigh(opened(ORANGE, 94), YELLOW, repeat) == (None, (Keep(YELLOW),))


def test_a_worse_repeat_confirms_the_first_level_and_waits_for_its_own() -> None:
    pending, decisions = weigh(opened(YELLOW, 96), GREEN, seen(ORANGE, 94, at_ms=LATER))
    assert decisions == (Confirm(YELLOW), Hold(ORANGE, LATER + REPEAT_WITHIN_MS))
    assert pending == Pending(ORANGE, LATER, LATER + REPEAT_WITHIN_MS, 94)


def test_a_red_repeat_of_an_orange_alerts_at_once() -> None:
    _, decisions = weigh(opened(ORANGE, 93), GREEN, seen(RED, 91, at_ms=LATER))
    assert decisions == (Confirm(ORANGE), Raise(RED, LATER + REPEAT_WITHIN_MS))


@pytest.mark.parametrize(("repeat", "apart"), [(94.0, False), (94.1, True)])
def test_more_than_four_points_apart_needs_a_third(repeat: float, apart: bool) -> None:
    pending, decisions = weigh(opened(RED, 90), RED, seen(ORANGE, repeat, at_ms=LATER))
    if apart:
        assert decisions == (Raise(RED, LATER + REPEAT_WITHIN_MS),)
        assert pending is not None
        assert pending.other_level == ORANGE
    else:
        assert (pending, decisions) == (None, (Lower(ORANGE),))


def test_meanwhile_the_worse_of_two_that_differ_stands_even_if_it_was_held() -> None:
    pending, decisions = weigh(opened(YELLOW, 96), GREEN, seen(RED, 90, at_ms=LATER))
    assert decisions == (Raise(RED, LATER + REPEAT_WITHIN_MS),)
    assert pending == Pending(
        RED, LATER, LATER + REPEAT_WITHIN_MS, 90, alerted=True, other_level=YELLOW
    )


def test_two_that_differ_but_mean_the_same_agree() -> None:
    assert weigh(opened(RED, 90), RED, seen(RED, 80, at_ms=LATER)) == (None, (Confirm(RED),))


@pytest.mark.parametrize(
    ("third", "decision"),
    [
        (GREEN, Lower(YELLOW)),
        (YELLOW, Lower(YELLOW)),
        (ORANGE, Lower(ORANGE)),
        (RED, Confirm(RED)),
    ],
)
def test_of_three_the_middle_level_counts(third: Level, decision: Decision) -> None:
    pending, _ = weigh(opened(RED, 90), RED, seen(YELLOW, 96, at_ms=LATER))
    assert weigh(pending, RED, seen(third, 93, at_ms=LATER + 1)) == (None, (decision,))


def test_a_third_worse_than_both_confirms_and_waits_itself() -> None:
    pending, _ = weigh(opened(ORANGE, 93), YELLOW, seen(GREEN, 99, at_ms=LATER))
    opened_anew, decisions = weigh(pending, ORANGE, seen(RED, 91, at_ms=LATER + 1))
    assert opened_anew is not None
    assert opened_anew.level == RED
    assert decisions == (Confirm(ORANGE), Raise(RED, opened_anew.until_ms))


def test_without_a_third_the_worse_is_confirmed() -> None:
    pending, _ = weigh(opened(RED, 90), RED, seen(YELLOW, 96, at_ms=LATER))
    assert settle(pending, LATER + REPEAT_WITHIN_MS - 1) is None
    assert settle(pending, LATER + REPEAT_WITHIN_MS) == Confirm(RED)


def test_without_spo2_in_both_there_is_no_third() -> None:
    repeat = seen(GREEN, None, at_ms=LATER)
    assert weigh(opened(RED, 90), RED, repeat) == (None, (Lower(GREEN),))
    assert weigh(opened(RED), RED, seen(GREEN, 98, at_ms=LATER)) == (None, (Lower(GREEN),))


def test_a_doubtful_red_is_held_but_no_longer_than_three_minutes() -> None:
    pending, decisions = first(GREEN, seen(RED, 88, low=True, held=True))
    assert decisions == (Hold(RED, UNTIL),)
    assert settle(pending, UNTIL) == Confirm(RED)


def test_more_doubtful_reds_do_not_extend_the_wait() -> None:
    pending = opened(RED, 88, low=True)
    after, decisions = weigh(pending, GREEN, seen(RED, 87, at_ms=LATER, low=True))
    assert after is pending
    assert decisions == (Keep(GREEN),)


def test_a_worse_doubtful_reading_stands_instead_within_the_same_wait() -> None:
    after, decisions = weigh(opened(ORANGE, 93), GREEN, seen(RED, 88, at_ms=LATER, low=True))
    assert decisions == (Hold(RED, UNTIL),)
    assert after == Pending(RED, LATER, UNTIL, 88, doubtful=True)


def test_a_doubtful_repeat_lowers_and_confirms_nothing() -> None:
    pending = opened(RED, 90)
    assert weigh(pending, RED, seen(GREEN, 98, at_ms=LATER, low=True)) == (pending, (Keep(RED),))


def test_a_doubtful_better_reading_does_not_lower_what_counts() -> None:
    assert first(ORANGE, seen(GREEN, 98, low=True)) == (None, (Keep(ORANGE),))
    assert first(ORANGE, seen(ORANGE, 94, low=True)) == (None, (Keep(ORANGE),))
    assert first(GREY, seen(GREEN, 98, low=True)) == (None, (Keep(GREEN),))


def test_one_good_reading_decides_over_a_doubtful_one_however_far_apart() -> None:
    pending = opened(RED, 80, low=True)
    assert weigh(pending, GREEN, seen(GREEN, 98, at_ms=LATER)) == (None, (Keep(GREEN),))
    assert weigh(pending, GREEN, seen(RED, 90, at_ms=LATER)) == (None, (Confirm(RED),))
