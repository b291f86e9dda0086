"""Who is there and who is not: the loudest of a minute, silence, a strap that two frames show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.presence import CONFIRM_MS, Presence
from protocols.beacons.tamper import Strap
from protocols.uplink import Event

T = 600_000
SECOND = 1000


def presence() -> Presence:
    return Presence("band-1", unseen_after_ms=T, began_ms=0)


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


def test_the_first_advertisement_is_said_at_once() -> None:
    assert presence().heard(5 * SECOND, -70) == [Event("seen", 0, -70.0)]


def test_then_the_loudest_of_each_minute() -> None:
    one = presence()
    one.heard(0, -80)
    assert one.heard(10 * SECOND, -60) == []
    assert one.heard(20 * SECOND, -90) == []
    assert one.tick(59_999, deaf=False) == []
    assert one.tick(60_000, deaf=False) == [Event("seen", 0, -60.0)]
    assert one.tick(120_000, deaf=False) == [], "nothing was heard in this one"


@pytest.mark.parametrize(("at_ms", "said"), [(T - 1, []), (T, ["unseen"])])
def test_what_is_not_heard_for_the_time_is_said_from_the_start_of_listening(
    at_ms: int, said: list[str]
) -> None:
    assert kinds(presence().tick(at_ms, deaf=False)) == said


def test_it_is_said_again_each_time_with_how_long_it_is() -> None:
    one = presence()
    one.heard(0, -70)
    found = [event for s in range(0, 2_000_000, SECOND) for event in one.tick(s, deaf=False)]
    unseen = [event.value for event in found if event.kind == "unseen"]
    assert unseen == [600.0, 1200.0, 1800.0]


def test_who_comes_back_is_said_at_once_and_silence_begins_anew() -> None:
    one = presence()
    one.heard(0, -70)
    assert kinds(one.tick(T, deaf=False))[-1] == "unseen"
    assert one.heard(T + 1, -75) == [Event("seen", 0, -75.0)]
    assert "unseen" not in kinds(one.tick(2 * T, deaf=False))
    assert "unseen" in kinds(one.tick(2 * T + 1, deaf=False))


def test_a_deaf_radio_accuses_nobody() -> None:
    one = presence()
    one.heard(0, -70)
    said = [event for s in range(0, 10 * T, SECOND) for event in one.tick(s, deaf=True)]
    assert "unseen" not in kinds(said)
    assert kinds(one.tick(10 * T + T - 2 * SECOND, deaf=False)) == []
    assert kinds(one.tick(10 * T + T, deaf=False)) == ["unseen"]


@given(st.lists(st.integers(1, T - 1), min_size=1, max_size=30))
def test_who_is_heard_often_enough_is_never_unseen(gaps: list[int]) -> None:
    one, at = presence(), 0
    for gap in gaps:
        at += gap
        assert "unseen" not in kinds(one.tick(at, deaf=False))
        one.heard(at, -70)


@given(st.integers(T, 20 * T), st.integers(1, 120))
def test_silence_is_always_said(length: int, step_s: int) -> None:
    one = presence()
    said = [e for s in range(0, length + 1, step_s * SECOND) for e in one.tick(s, deaf=False)]
    said += one.tick(length, deaf=False)
    assert "unseen" in kinds(said)


@pytest.mark.parametrize(("apart_ms", "said"), [(CONFIRM_MS, ["tamper"]), (CONFIRM_MS + 1, [])])
def test_an_open_strap_needs_two_frames_close_together(apart_ms: int, said: list[str]) -> None:
    one = presence()
    assert one.strap(0, Strap.OPEN) == []
    assert kinds(one.strap(apart_ms, Strap.OPEN)) == said


def test_one_bad_frame_among_good_ones_says_nothing() -> None:
    one = presence()
    for at in (0, SECOND):
        one.strap(at, Strap.CLOSED)
    for at in range(2, 60, 2):
        assert one.strap(at * SECOND, Strap.OPEN) == []
        assert one.strap((at + 1) * SECOND, Strap.CLOSED) == []


def test_a_strap_that_is_closed_again_is_said_and_one_that_always_was_is_not() -> None:
    one = presence()
    assert [one.strap(at, Strap.CLOSED) for at in (0, 1)] == [[], []]
    assert [kinds(one.strap(at, Strap.OPEN)) for at in (2, 3, 4)] == [[], ["tamper"], []]
    assert [kinds(one.strap(at, Strap.CLOSED)) for at in (5, 6)] == [[], ["tamper_cleared"]]


def test_a_battery_is_said_when_it_has_changed_by_five_percent() -> None:
    one = presence()
    assert [kinds(one.battery(p)) for p in (80, 76, 75, 71, 70)] == [
        ["battery"], [], ["battery"], [], ["battery"],
    ]  # fmt: skip


def test_how_it_stands_is_shown() -> None:
    one = presence()
    assert (one.shown(9).heard_s_ago, one.shown(9).is_open) == (None, None)
    one.heard(1000, -61)
    one.strap(1000, Strap.OPEN)
    one.strap(1001, Strap.OPEN)
    shown = one.shown(4000)
    assert (shown.heard_s_ago, shown.rssi_dbm, shown.is_open) == (3, -61, True)
