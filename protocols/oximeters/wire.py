"""What the families share on the wire: ranges, values that mean "none", and why there is none."""

from typing import Final

from protocols.errors import DecodeError
from protocols.reading import Quality

SPO2_MAX_PERCENT: Final = 100
PULSE_MAX_PER_MIN: Final = 350
PERFUSION_MAX_PERCENT: Final = 100.0

LOW_PERFUSION_PERCENT: Final = 0.3
"""A perfusion index below this is low: Nonin calls a modulation of 0.3 % and less a weak signal."""


def spo2_of(raw: int, none: frozenset[int]) -> int | None:
    """Return oxygen saturation in percent; `None` for one of the values that mean "none".

    Raises:
        DecodeError: more than 100 %.
    """
    return _known(raw, none, SPO2_MAX_PERCENT, "SpO2")


def pulse_of(raw: int, none: frozenset[int]) -> int | None:
    """Return the pulse a minute; `None` for one of the values that mean "none".

    Raises:
        DecodeError: more than 350 a minute.
    """
    return _known(raw, none, PULSE_MAX_PER_MIN, "pulse")


def perfusion_of(raw: int, steps_a_percent: int) -> float | None:
    """Return the perfusion index in percent; 0 is none, and so is more than 100 %."""
    percent = raw / steps_a_percent
    return percent if 0 < percent <= PERFUSION_MAX_PERCENT else None


def written(value: int | None, unknown: frozenset[int], *, none: int, most: int) -> int:
    """Return what stands for SpO2 or pulse on the wire; `none` where the device does not know.

    Raises:
        ValueError: a value that the other side could not read back.
    """
    if value is None:
        return none
    if not 0 < value <= most or value in unknown:
        raise ValueError(f"a value on the wire needs 1 to {most}, got {value}")
    return value


def quality_of(
    flags: Quality, spo2: int | None, pulse: int | None, perfusion: float | None
) -> Quality:
    """Return the device's own flags and what its numbers add to them.

    A low perfusion index is `LOW_PERFUSION`. A value that is missing while nothing says why is
    `INVALID`.
    """
    if perfusion is not None and perfusion < LOW_PERFUSION_PERCENT:
        flags |= Quality.LOW_PERFUSION
    if not flags and (spo2 is None or pulse is None):
        return Quality.INVALID
    return flags


def next_start(data: bytes, sync: int) -> int:
    """Return, negative, how many bytes to pass over until a frame may begin again."""
    at = data.find(sync, 1)
    return -len(data) if at < 0 else -at


def _known(raw: int, none: frozenset[int], most: int, what: str) -> int | None:
    if raw in none:
        return None
    if raw > most:
        raise DecodeError(f"{what} needs 0 to {most}, got {raw}")
    return raw
