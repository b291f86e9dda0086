"""Noise without state."""

from hypothesis import given
from hypothesis import strategies as st

from devices.simulator.noise import smooth_step, uniform, wander

seeds = st.integers(0, 2**63)
moments = st.floats(-1e6, 1e7)


@given(seeds, st.integers(0, 20), st.integers(-(2**40), 2**40))
def test_a_uniform_number_is_from_0_to_below_1(seed: int, channel: int, index: int) -> None:
    assert 0 <= uniform(seed, channel, index) < 1


def test_uniform_numbers_are_spread_evenly_and_differ_by_seed_and_channel() -> None:
    numbers = [uniform(7, 1, index) for index in range(4000)]
    tenths = [sum(n // 0.1 == tenth for n in numbers) for tenth in range(10)]
    assert all(320 < count < 480 for count in tenths)
    assert uniform(7, 1, 5) != uniform(8, 1, 5)
    assert uniform(7, 1, 5) != uniform(7, 2, 5)


@given(seeds, moments)
def test_wandering_stays_within_bounds_and_never_jumps(seed: int, seconds: float) -> None:
    here, next_to_it = wander(seed, 0, seconds, 60), wander(seed, 0, seconds + 0.1, 60)
    assert -1 <= here <= 1
    assert abs(here - next_to_it) < 0.01


def test_wandering_forgets_itself() -> None:
    pairs = [(wander(3, 0, t, 10), wander(3, 0, t + 40, 10)) for t in range(0, 20_000, 10)]
    correlation = sum(a * b for a, b in pairs) / sum(a * a for a, _ in pairs)
    assert abs(correlation) < 0.1


@given(st.floats(-2, 3))
def test_a_smooth_step_stays_between_0_and_1(x: float) -> None:
    assert 0 <= smooth_step(x) <= 1
    assert smooth_step(-0.1) == 0
    assert smooth_step(1.1) == 1
