"""A device is taken by the adapter that hears it clearly louder, and by somebody in any case."""

from dataclasses import replace

import pytest

from devices.louder import CLEARLY_DB, FRESH_MS, WAIT_MS, Elsewhere, is_left_to_another

NOW = 1_000_000
LOUD = Elsewhere(rssi_dbm=-60, heard_ms=NOW, has_room=True, failures=0)


def left(rssi_dbm: int, *others: Elsewhere, left_for_ms: int = 0) -> bool:
    return is_left_to_another(rssi_dbm, left_for_ms=left_for_ms, others=others, now_ms=NOW)


@pytest.mark.parametrize(("difference", "is_left"), [(CLEARLY_DB, True), (CLEARLY_DB - 1, False)])
def test_it_is_left_to_an_adapter_that_is_clearly_louder(difference: int, *, is_left: bool) -> None:
    assert left(-60 - difference, LOUD) is is_left


def test_the_louder_one_itself_takes_it() -> None:
    assert not left(-60, replace(LOUD, rssi_dbm=-80))


def test_with_one_adapter_it_is_taken() -> None:
    assert not left(-95)


def test_it_is_not_left_to_one_without_a_free_slot_or_that_could_not_connect() -> None:
    assert not left(-80, replace(LOUD, has_room=False))
    assert not left(-80, replace(LOUD, failures=1))
    assert left(-80, replace(LOUD, has_room=False), LOUD)


@pytest.mark.parametrize(("age_ms", "is_left"), [(FRESH_MS, True), (FRESH_MS + 1, False)])
def test_an_old_hearing_does_not_count(age_ms: int, *, is_left: bool) -> None:
    assert left(-80, replace(LOUD, heard_ms=NOW - age_ms)) is is_left


@pytest.mark.parametrize(("waited_ms", "is_left"), [(WAIT_MS - 1, True), (WAIT_MS, False)])
def test_nobody_waits_long_for_an_adapter_that_does_not_take_it(
    waited_ms: int, *, is_left: bool
) -> None:
    assert left(-80, LOUD, left_for_ms=waited_ms) is is_left
