"""IEEE 11073-20601 SFLOAT (16 bit) and FLOAT (32 bit), the numbers of Bluetooth health devices.

A number is mantissa * 10**exponent, both two's complement, the exponent in the high bits (4 of 16,
8 of 32). Five patterns with exponent 0 are no numbers: NaN, NRes ("not at this resolution") and
the reserved one decode to `None`, because all three say that the device does not know; +INF and
-INF decode to infinities, because they say on which side of its range the value lies.
"""

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from protocols.errors import DecodeError


@dataclass(frozen=True, slots=True)
class _Format:
    """Widths of one of the two formats, and the special values that follow from them."""

    name: str
    mantissa_bits: int
    exponent_bits: int

    @property
    def nan(self) -> int:
        return (1 << (self.mantissa_bits - 1)) - 1

    @property
    def largest(self) -> int:
        """The largest mantissa that is no special value under any reading of the standard."""
        return self.nan - 2

    @property
    def exponents(self) -> range:
        half = 1 << (self.exponent_bits - 1)
        return range(-half, half)

    def raw(self, mantissa: int, exponent: int) -> int:
        low = mantissa & ((1 << self.mantissa_bits) - 1)
        return (exponent & ((1 << self.exponent_bits) - 1)) << self.mantissa_bits | low


_SFLOAT: Final = _Format("SFLOAT", mantissa_bits=12, exponent_bits=4)
_FLOAT: Final = _Format("FLOAT", mantissa_bits=24, exponent_bits=8)


def _special(form: _Format) -> dict[int, float | None]:
    nan = form.nan
    return {nan: None, nan + 1: None, nan + 2: None, nan - 1: math.inf, nan + 3: -math.inf}


_SFLOAT_SPECIAL: Final = _special(_SFLOAT)
_FLOAT_SPECIAL: Final = _special(_FLOAT)
_POWERS: Final[tuple[int, ...]] = tuple(10**n for n in range(129))

SFLOAT_NAN: Final = _SFLOAT.nan
FLOAT_NAN: Final = _FLOAT.nan


def decode_sfloat(raw: int) -> float | None:
    """Return the value of a 16-bit SFLOAT (IEEE 11073-20601, SFLOAT-Type).

    Returns:
        The nearest float; `None` for NaN, NRes and the reserved value; an infinity for +/-INF.

    Raises:
        DecodeError: `raw` is not an unsigned 16-bit number.
    """
    if not 0 <= raw <= 0xFFFF:
        raise DecodeError(f"SFLOAT needs 0 to 65535, got {raw}")
    if raw in _SFLOAT_SPECIAL:
        return _SFLOAT_SPECIAL[raw]
    mantissa = ((raw & 0xFFF) ^ 0x800) - 0x800
    exponent = ((raw >> 12) ^ 0x8) - 0x8
    return _scaled(mantissa, exponent)


def decode_float(raw: int) -> float | None:
    """Return the value of a 32-bit FLOAT (IEEE 11073-20601, FLOAT-Type); see `decode_sfloat`.

    Raises:
        DecodeError: `raw` is not an unsigned 32-bit number.
    """
    if not 0 <= raw <= 0xFFFF_FFFF:
        raise DecodeError(f"FLOAT needs 0 to 4294967295, got {raw}")
    if raw in _FLOAT_SPECIAL:
        return _FLOAT_SPECIAL[raw]
    mantissa = ((raw & 0xFF_FFFF) ^ 0x80_0000) - 0x80_0000
    exponent = ((raw >> 24) ^ 0x80) - 0x80
    return _scaled(mantissa, exponent)


def _scaled(mantissa: int, exponent: int) -> float:
    """Integer division rounds once, so 364 and -1 are 36.4 and not its neighbour."""
    if exponent < 0:
        return mantissa / _POWERS[-exponent]
    return float(mantissa * _POWERS[exponent])


def encode_sfloat(value: float | None, *, exponent: int | None = None) -> int:
    """Return the 16-bit SFLOAT of `value`.

    Args:
        value: `None` becomes NaN, an infinity +/-INF. A value with an exact pattern gets the one
            whose exponent is nearest 0; any other is rounded half to even to the most digits
            that fit (3, and a fourth up to 2045), so a value below 0.5e-8 becomes 0.
        exponent: -8 to 7, to force a resolution; the value is rounded half to even to it.

    Raises:
        ValueError: NaN, a value beyond +/-2.045e10, or one that `exponent` cannot hold.
    """
    return _encoded(_SFLOAT, value, exponent)


def encode_float(value: float | None, *, exponent: int | None = None) -> int:
    """Return the 32-bit FLOAT of `value`; as `encode_sfloat`, with 6 digits and a seventh.

    Raises:
        ValueError: NaN, a value beyond +/-8.388605e133, or one that `exponent` cannot hold.
    """
    return _encoded(_FLOAT, value, exponent)


def _encoded(form: _Format, value: float | None, exponent: int | None) -> int:
    if value is None:
        return form.nan
    if math.isinf(value):
        return form.nan - 1 if value > 0 else form.nan + 3
    if math.isnan(value):
        raise ValueError(f"{form.name}: NaN is written as None")
    if exponent is not None:
        return _at(form, value, exponent)
    exact = _exact(form, Decimal(repr(value)))
    return _rounded(form, value) if exact is None else exact


def _at(form: _Format, value: float, exponent: int) -> int:
    if exponent not in form.exponents:
        raise ValueError(f"{form.name} exponent {exponent} is outside {form.exponents}")
    mantissa = _mantissa(Decimal(repr(value)), exponent)
    if abs(mantissa) > form.largest:
        raise ValueError(f"{form.name} cannot hold {value} at a resolution of 1e{exponent}")
    return form.raw(mantissa, exponent)


def _mantissa(number: Decimal, exponent: int) -> int:
    return int(number.scaleb(-exponent).to_integral_value(ROUND_HALF_EVEN))


def _exact(form: _Format, number: Decimal) -> int | None:
    """Return the pattern that is exactly `number`, or None; safe mantissas are preferred."""
    number = number.normalize()
    shift = number.adjusted() - len(number.as_tuple().digits) + 1
    mantissa = int(number.scaleb(-shift))
    while mantissa and (shift > form.exponents[-1] or (shift > 0 and _room(form, mantissa))):
        mantissa, shift = mantissa * 10, shift - 1
    if not mantissa:
        return 0
    if shift not in form.exponents or not -form.nan - 1 <= mantissa <= form.nan:
        return None
    raw = form.raw(mantissa, shift)
    return None if raw in _special(form) else raw


def _room(form: _Format, mantissa: int) -> bool:
    return abs(mantissa) * 10 <= form.largest


def _rounded(form: _Format, value: float) -> int:
    number = Decimal(repr(value))
    first = number.adjusted() - len(str(form.largest)) + 1
    for exponent in range(max(first, form.exponents[0]), form.exponents[-1] + 1):
        mantissa = _mantissa(number, exponent)
        if abs(mantissa) <= form.largest:
            return form.raw(mantissa, exponent)
    raise ValueError(f"{form.name} cannot hold {value}")
