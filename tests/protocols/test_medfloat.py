"""IEEE 11073-20601 SFLOAT and FLOAT against the standard, an oracle, and themselves."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labmcp_ble_health import driver as oracle

from protocols.errors import DecodeError
from protocols.medfloat import (
    FLOAT_NAN,
    SFLOAT_NAN,
    decode_float,
    decode_sfloat,
    encode_float,
    encode_sfloat,
)

SFLOAT_SPECIAL = {0x07FF, 0x0800, 0x0801, 0x07FE, 0x0802}


def test_all_65536_sfloat_values_decode_as_the_oracle_says() -> None:
    for raw in range(0x10000):
        if raw not in SFLOAT_SPECIAL:
            assert decode_sfloat(raw) == oracle.decode_sfloat(raw).value, hex(raw)


def test_all_65536_sfloat_values_survive_decoding_and_encoding_exactly() -> None:
    for raw in range(0x10000):
        value = decode_sfloat(raw)
        assert decode_sfloat(encode_sfloat(value)) == value, hex(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (0x0000, 0.0),
        (0x0061, 97.0),
        (0xF00F, 1.5),
        (0xF16C, 36.4),
        (0x0FFF, -1.0),
        (0x07FD, 2045.0),
        (0x0803, -2045.0),
        (0x77FD, 2.045e10),
        (0x8001, 1e-8),
        (0x17FF, 20470.0),
        (0x1800, -20480.0),
    ],
)
def test_sfloat_vectors(raw: int, value: float) -> None:
    assert decode_sfloat(raw) == value


@pytest.mark.parametrize("raw", [SFLOAT_NAN, 0x0800, 0x0801])
def test_nan_nres_and_the_reserved_sfloat_mean_that_the_device_does_not_know(raw: int) -> None:
    assert decode_sfloat(raw) is None


@pytest.mark.parametrize("raw", [FLOAT_NAN, 0x0080_0000, 0x0080_0001])
def test_nan_nres_and_the_reserved_float_mean_that_the_device_does_not_know(raw: int) -> None:
    assert decode_float(raw) is None


def test_infinities_decode_to_infinities_and_back() -> None:
    assert decode_sfloat(0x07FE) == math.inf
    assert decode_sfloat(0x0802) == -math.inf
    assert decode_float(0x007F_FFFE) == math.inf
    assert decode_float(0x0080_0002) == -math.inf
    assert encode_sfloat(math.inf) == 0x07FE
    assert encode_sfloat(-math.inf) == 0x0802
    assert encode_float(math.inf) == 0x007F_FFFE
    assert encode_float(-math.inf) == 0x0080_0002


def test_special_patterns_with_another_exponent_are_ordinary_numbers() -> None:
    assert decode_sfloat(0xF7FF) == 204.7
    assert decode_float(0x017F_FFFF) == 83886070.0


def test_body_temperature_of_the_specification_is_36_point_4() -> None:
    assert decode_float(0xFF00_016C) == 36.4
    assert encode_float(36.4) == 0xFF00_016C


@given(st.integers(0, 0xFFFF_FFFF))
def test_any_float_decodes_as_the_oracle_says_and_survives_encoding(raw: int) -> None:
    value = decode_float(raw)
    if value is not None and math.isfinite(value):
        assert value == oracle.decode_float32(raw).value
    assert decode_float(encode_float(value)) == value


@given(st.integers())
def test_a_number_that_does_not_fit_its_width_raises_decode_error_only(raw: int) -> None:
    for decode, largest in ((decode_sfloat, 0xFFFF), (decode_float, 0xFFFF_FFFF)):
        if 0 <= raw <= largest:
            decode(raw)
        else:
            with pytest.raises(DecodeError):
                decode(raw)


def test_none_encodes_to_nan() -> None:
    assert encode_sfloat(None) == 0x07FF
    assert encode_float(None) == 0x007F_FFFF


def test_an_exact_value_takes_the_exponent_nearest_zero() -> None:
    assert encode_sfloat(97) == 0x0061
    assert encode_sfloat(100.0) == 0x0064
    assert encode_sfloat(-0.0) == 0


@pytest.mark.parametrize(
    ("value", "kept"),
    [(2045.0, 2045.0), (2046.0, 2050.0), (1 / 3, 0.333), (204.56, 205.0), (0.4e-8, 0.0)],
)
def test_a_value_without_a_pattern_is_rounded_to_the_digits_that_fit(
    value: float, kept: float
) -> None:
    assert decode_sfloat(encode_sfloat(value)) == kept


@given(st.floats(1e-5, 2.0e10) | st.floats(-2.0e10, -1e-5))
def test_rounding_an_sfloat_costs_at_most_a_quarter_percent(value: float) -> None:
    decoded = decode_sfloat(encode_sfloat(value))
    assert decoded is not None
    assert abs(decoded - value) <= 0.5 / 204 * abs(value)


@given(st.floats(1e-100, 1e130) | st.floats(-1e130, -1e-100))
def test_rounding_a_float_costs_at_most_a_millionth(value: float) -> None:
    decoded = decode_float(encode_float(value))
    assert decoded is not None
    assert abs(decoded - value) <= 0.5 / 838_860 * abs(value)


def test_a_forced_exponent_sets_the_resolution() -> None:
    assert encode_sfloat(36.44, exponent=-1) == 0xF16C
    assert encode_sfloat(100, exponent=-1) == 0xF3E8
    assert encode_float(36, exponent=-1) == 0xFF00_0168


@pytest.mark.parametrize(
    ("value", "exponent"), [(205, -1), (1, 8), (1, -9), (math.nan, None), (2.2e10, None)]
)
def test_what_an_sfloat_cannot_hold_is_a_mistake_of_the_caller(
    value: float, exponent: int | None
) -> None:
    with pytest.raises(ValueError, match="SFLOAT"):
        encode_sfloat(value, exponent=exponent)


def test_the_largest_value_is_held_and_the_next_refused() -> None:
    assert decode_sfloat(encode_sfloat(2.045e10)) == 2.045e10
    assert decode_sfloat(encode_sfloat(204.5, exponent=-1)) == 204.5
    with pytest.raises(ValueError, match="cannot hold"):
        encode_sfloat(2.06e10)
    with pytest.raises(ValueError, match="cannot hold"):
        encode_float(1e140)
