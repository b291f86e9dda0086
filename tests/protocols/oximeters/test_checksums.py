"""The checksums against the check values of the catalogue of parametrised CRC algorithms."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.oximeters.checksums import crc8_maxim, crc8_smbus

DIGITS = b"123456789"


def test_the_published_check_values() -> None:
    assert crc8_smbus(DIGITS) == 0xF4
    assert crc8_maxim(DIGITS) == 0xA1


@pytest.mark.parametrize("checksum", [crc8_smbus, crc8_maxim])
def test_nothing_has_the_checksum_it_starts_at(checksum: Callable[[bytes], int]) -> None:
    assert checksum(b"") == 0
    assert checksum(bytes(9)) == 0


@pytest.mark.parametrize("checksum", [crc8_smbus, crc8_maxim])
@given(data=st.binary(max_size=40))
def test_data_followed_by_its_checksum_leaves_nothing(
    checksum: Callable[[bytes], int], data: bytes
) -> None:
    assert checksum(data + bytes((checksum(data),))) == 0


@pytest.mark.parametrize("checksum", [crc8_smbus, crc8_maxim])
@given(data=st.binary(min_size=1, max_size=15), place=st.integers(0))
def test_one_bit_turned_is_always_seen(
    checksum: Callable[[bytes], int], data: bytes, place: int
) -> None:
    turned = bytearray(data)
    turned[place // 8 % len(data)] ^= 1 << place % 8
    assert checksum(bytes(turned)) != checksum(data)
