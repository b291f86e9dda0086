"""Battery Service (BAS 1.1)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.gatt.battery import BatteryLevel


@pytest.mark.parametrize("percent", [0, 57, 100])
def test_a_level_and_its_byte(percent: int) -> None:
    assert BatteryLevel.from_bytes(bytes((percent,))) == BatteryLevel(percent)
    assert BatteryLevel(percent).to_bytes() == bytes((percent,))


def test_octets_of_a_later_edition_are_ignored() -> None:
    assert BatteryLevel.from_bytes(b"\x39\xff") == BatteryLevel(57)


@pytest.mark.parametrize("data", [b"", b"\x65", b"\xff"])
def test_an_empty_or_reserved_level_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError, match="Battery Level"):
        BatteryLevel.from_bytes(data)


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_level_that_cannot_be_is_not_written(percent: int) -> None:
    with pytest.raises(ValueError, match="Battery Level"):
        BatteryLevel(percent).to_bytes()


@given(st.binary(max_size=4))
def test_any_bytes_whatever_raise_decode_error_only(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        assert BatteryLevel.from_bytes(data).to_bytes() == data[:1]
