"""Correlated noise without state: the same seed, channel and time give the same value, always.

Value noise: a hash of (seed, channel, bin) gives each bin's edge a number, and a smooth step
between two edges everything in between. Any moment can be asked for, in any order. Pure.
"""

from typing import Final

_MASK: Final = (1 << 64) - 1


def uniform(seed: int, channel: int, index: int) -> float:
    """Return a number of [0, 1) that depends on nothing but the arguments (SplitMix64)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + channel * 0xD1B54A32D192ED03 + index) & _MASK
    mixed = (mixed + 0x9E3779B97F4A7C15) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return (mixed ^ (mixed >> 31)) / (1 << 64)


def smooth_step(x: float) -> float:
    """Return 0 below 0, 1 above 1, and between them a curve that starts and ends flat."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)


def wander(seed: int, channel: int, seconds: float, bin_s: float) -> float:
    """Return a value of [-1, 1] that forgets itself within about `bin_s` seconds."""
    place = seconds / bin_s
    index = int(place // 1)
    before, after = uniform(seed, channel, index), uniform(seed, channel, index + 1)
    return 2 * (before + (after - before) * smooth_step(place - index)) - 1
