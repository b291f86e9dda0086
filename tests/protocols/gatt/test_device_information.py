"""Device Information Service (DIS 1.2)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.gatt.device_information import (
    FIRMWARE_REVISION_UUID,
    MANUFACTURER_NAME_UUID,
    MODEL_NUMBER_UUID,
    SERIAL_NUMBER_UUID,
    DeviceInformation,
    decode_text,
)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"Nonin", "Nonin"),
        ("Công ty Y tế".encode(), "Công ty Y tế"),
        (b"PLX-1\0", "PLX-1"),
        (b"PLX-1\0\xff\xfeleftovers", "PLX-1"),
        (b"  PLX-1 \r\n", "PLX-1"),
        (b"", None),
        (b"\0\0\0\0", None),
        (b"   ", None),
        (b"x" * 512, "x" * 512),
    ],
)
def test_a_string_ends_at_the_first_nul_and_loses_white_space(
    data: bytes, text: str | None
) -> None:
    assert decode_text(data) == text


@pytest.mark.parametrize(
    "data", [b"\xff\xfe", b"Ph\xf2ng", b"\xc3", b"line\nfeed", b"\x1b[31mred", b"x" * 513]
)
def test_a_string_that_is_not_text_is_refused(data: bytes) -> None:
    """Not UTF-8, cut inside a character, a control character, or longer than an attribute."""
    with pytest.raises(DecodeError, match="device information"):
        decode_text(data)


def test_all_four_strings() -> None:
    values = {
        MANUFACTURER_NAME_UUID: b"Nonin",
        MODEL_NUMBER_UUID: b"3230",
        SERIAL_NUMBER_UUID: b"000123",
        FIRMWARE_REVISION_UUID: b"1.0",
    }
    information = DeviceInformation(
        manufacturer_name="Nonin",
        model_number="3230",
        serial_number="000123",
        firmware_revision="1.0",
    )
    assert DeviceInformation.from_characteristics(values) == information
    assert information.to_characteristics() == values


def test_what_is_not_offered_is_not_known_and_other_characteristics_are_ignored() -> None:
    values = {MODEL_NUMBER_UUID: b"3230", "00002a27-0000-1000-8000-00805f9b34fb": b"\xff"}
    information = DeviceInformation.from_characteristics(values)
    assert information == DeviceInformation(model_number="3230")
    assert information.to_characteristics() == {MODEL_NUMBER_UUID: b"3230"}


@given(st.binary(max_size=40))
def test_any_bytes_whatever_raise_decode_error_only(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        text = decode_text(data)
        assert text is None or decode_text(text.encode()) == text
