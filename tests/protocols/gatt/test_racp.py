"""Record Access Control Point (PLXS 1.0.1, 3.5) and Current Time (CTS 1.1)."""

import contextlib
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.gatt.current_time import CurrentTime
from protocols.gatt.racp import NumberOfRecords, OpCode, Response, ResponseCode, decode_answer


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        ("05000300", NumberOfRecords(3)),
        ("0500ffff", NumberOfRecords(65_535)),
        ("06000101", Response(OpCode.REPORT, ResponseCode.SUCCESS)),
        ("06000106", Response(OpCode.REPORT, ResponseCode.NO_RECORDS_FOUND)),
        ("06000202", Response(OpCode.DELETE, ResponseCode.OP_CODE_NOT_SUPPORTED)),
        ("060063ff", Response(0x63, 0xFF)),
        ("0600010100", Response(OpCode.REPORT, ResponseCode.SUCCESS)),
    ],
)
def test_answers_are_read(data: str, answer: NumberOfRecords | Response) -> None:
    assert decode_answer(bytes.fromhex(data)) == answer
    assert bytes.fromhex(data).startswith(answer.to_bytes())


@pytest.mark.parametrize("data", ["", "05", "050003", "05010300", "07000101", "01010000"])
def test_what_is_no_answer_is_refused(data: str) -> None:
    with pytest.raises(DecodeError, match="RACP"):
        decode_answer(bytes.fromhex(data))


@given(st.binary(max_size=8))
def test_any_bytes_are_an_answer_or_refused(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        assert decode_answer(decode_answer(data).to_bytes()) == decode_answer(data)


def test_a_devices_clock_is_read() -> None:
    shown = CurrentTime.from_bytes(bytes.fromhex("ea070b17080509" + "01" + "80" + "00"))
    assert shown.at == datetime(2026, 11, 23, 8, 5, 9, 500_000)  # noqa: DTZ001


def test_a_clock_that_was_never_set_shows_nothing() -> None:
    assert CurrentTime.from_bytes(bytes(10)) == CurrentTime(None)
    assert CurrentTime(None).to_bytes() == bytes(10)


@pytest.mark.parametrize("octets", range(10))
def test_a_clock_that_is_cut_off_is_refused(octets: int) -> None:
    with pytest.raises(DecodeError):
        CurrentTime.from_bytes(bytes.fromhex("ea070b17080509018000")[:octets])


@given(
    st.datetimes(datetime(1582, 1, 1), datetime(9999, 12, 31)),  # noqa: DTZ001
    st.integers(min_value=0, max_value=255),
)
def test_a_time_comes_back_from_its_bytes(at: datetime, fraction: int) -> None:
    at = at.replace(microsecond=fraction * 1_000_000 // 256)
    back = CurrentTime.from_bytes(CurrentTime(at).to_bytes()).at
    assert back is not None
    assert abs(back - at) < timedelta(milliseconds=4)
