"""Waits between attempts: random, doubled, capped, never shorter than the server asked."""

import random

import pytest

from devices.backoff import Backoff
from tests.devices.given import chance


class Highest(random.Random):
    """Chance that always takes the upper end."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_the_longest_wait_doubles_up_to_the_cap() -> None:
    backoff = Backoff(Highest(), most_s=60.0)
    assert [backoff.next_s() for _ in range(6)] == [5, 10, 20, 40, 60, 60]


def test_success_begins_anew_with_what_the_server_said() -> None:
    backoff = Backoff(Highest(), most_s=300.0)
    for _ in range(4):
        backoff.next_s()
    backoff.succeeded(first_s=30.0)
    assert [backoff.next_s() for _ in range(2)] == [30, 60]


def test_the_server_may_ask_for_longer() -> None:
    backoff = Backoff(chance(1), most_s=10.0)
    assert all(120.0 <= backoff.next_s(120.0) <= 130.0 for _ in range(20))


def test_ten_thousand_gateways_spread_over_the_whole_wait() -> None:
    waits = [Backoff(chance(n), most_s=300.0, first_s=60.0).next_s() for n in range(10_000)]
    assert max(waits) <= 60.0
    assert sum(waits) / len(waits) == pytest.approx(30.0, abs=1.0)
    assert all(
        800 < sum(10 * n <= wait < 10 * (n + 1) for wait in waits) * 6 / 10 < 1200 for n in range(6)
    )


def test_years_of_failures_do_not_overflow() -> None:
    backoff = Backoff(Highest(), most_s=300.0)
    assert [backoff.next_s() for _ in range(5000)][-1] == 300.0
