"""Nonin 113142-000-02, Continuous Oximetry Characteristic."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.oximeters.nonin import NoninFrame, NoninParser, NoninStatus
from protocols.oximeters.said import Battery, Garbage, Oximetry
from protocols.reading import Quality
from tests.protocols.oximeters.cutting import (
    assert_cutting_says_the_same,
    last_oximetry,
    places,
    streams,
)
from tests.protocols.oximeters.vectors import said_of

RAW = bytes.fromhex("0a141e02300001610048")
FRAME = NoninFrame(
    spo2_percent=97,
    pulse_per_min=72,
    perfusion_index_percent=5.6,
    status=NoninStatus.SMART_POINT | NoninStatus.FINGER_OK,
    battery_volt=3.0,
    counter=1,
)

statuses = st.integers(0, 255).map(NoninStatus)
numbers = st.builds(
    NoninFrame,
    spo2_percent=st.none() | st.integers(1, 100),
    pulse_per_min=st.none() | st.integers(1, 350),
    perfusion_index_percent=st.none() | st.integers(1, 10_000).map(lambda n: n / 100),
    status=statuses,
    battery_volt=st.integers(0, 255).map(lambda n: n / 10),
    counter=st.integers(0, 0xFFFF),
)
raw_frames = numbers.map(NoninFrame.to_bytes)


def test_a_frame_and_its_bytes() -> None:
    assert NoninFrame.from_bytes(RAW) == FRAME
    assert FRAME.to_bytes() == RAW
    assert FRAME.quality == Quality.GOOD


def test_an_unknown_value_is_written_as_the_device_does() -> None:
    unknown = NoninFrame(spo2_percent=None, pulse_per_min=None)
    assert unknown.to_bytes() == bytes.fromhex("0a101e000000007f01ff")


@pytest.mark.parametrize("raw", [b"", RAW[:9], RAW + b"\0", b"\x09" + RAW[1:], b"\x0b" + RAW[1:]])
def test_what_is_not_ten_bytes_that_say_so_is_refused(raw: bytes) -> None:
    with pytest.raises(DecodeError, match="Nonin"):
        NoninFrame.from_bytes(raw)


@pytest.mark.parametrize(("spo2", "known"), [(0, None), (1, 1), (100, 100), (127, None)])
def test_spo2_at_its_edges(spo2: int, known: int | None) -> None:
    assert NoninFrame.from_bytes(RAW[:7] + bytes((spo2,)) + RAW[8:]).spo2_percent == known


@pytest.mark.parametrize("spo2", [101, 126, 128, 255])
def test_spo2_that_cannot_be_is_refused_not_clipped(spo2: int) -> None:
    with pytest.raises(DecodeError, match=f"SpO2 needs 0 to 100, got {spo2}"):
        NoninFrame.from_bytes(RAW[:7] + bytes((spo2,)) + RAW[8:])


@pytest.mark.parametrize(("pulse", "known"), [(0, None), (1, 1), (350, 350), (511, None)])
def test_the_pulse_at_its_edges(pulse: int, known: int | None) -> None:
    assert NoninFrame.from_bytes(RAW[:8] + pulse.to_bytes(2, "big")).pulse_per_min == known


@pytest.mark.parametrize("pulse", [351, 510, 512, 0xFFFF])
def test_a_pulse_that_cannot_be_is_refused_not_clipped(pulse: int) -> None:
    with pytest.raises(DecodeError, match=f"pulse needs 0 to 350, got {pulse}"):
        NoninFrame.from_bytes(RAW[:8] + pulse.to_bytes(2, "big"))


@pytest.mark.parametrize(
    ("hundredths", "known", "quality"),
    [
        (0, None, Quality.GOOD),
        (1, 0.01, Quality.LOW_PERFUSION),
        (29, 0.29, Quality.LOW_PERFUSION),
        (30, 0.3, Quality.GOOD),
        (10_000, 100.0, Quality.GOOD),
        (10_001, None, Quality.GOOD),
    ],
)
def test_the_pulse_amplitude_index_at_its_edges(
    hundredths: int, known: float | None, quality: Quality
) -> None:
    frame = NoninFrame.from_bytes(RAW[:3] + hundredths.to_bytes(2, "big") + RAW[5:])
    assert frame.perfusion_index_percent == known
    assert frame.quality == quality


@pytest.mark.parametrize(
    ("status", "quality"),
    [
        (NoninStatus.FINGER_OK, Quality.GOOD),
        (NoninStatus(0), Quality.FINGER_OFF),
        (NoninStatus.FINGER_OK | NoninStatus.SEARCHING, Quality.SEARCHING),
        (NoninStatus.FINGER_OK | NoninStatus.WEAK_SIGNAL, Quality.WEAK_SIGNAL),
        (NoninStatus.FINGER_OK | NoninStatus.SMART_POINT, Quality.GOOD),
        (NoninStatus.FINGER_OK | NoninStatus.LOW_BATTERY, Quality.GOOD),
        (NoninStatus.FINGER_OK | NoninStatus.ENCRYPTED, Quality.GOOD),
        (NoninStatus(0x91), Quality.GOOD),
    ],
)
def test_each_status_bit_and_its_flag(status: NoninStatus, quality: Quality) -> None:
    assert replace(FRAME, status=status).quality == quality


def test_a_missing_value_is_invalid_only_while_nothing_else_says_why() -> None:
    missing = replace(FRAME, spo2_percent=None)
    assert missing.quality == Quality.INVALID
    assert replace(missing, status=NoninStatus(0x18)).quality == Quality.SEARCHING


def test_without_a_finger_nothing_is_known() -> None:
    frame = NoninFrame.from_bytes(RAW[:1] + b"\x04" + RAW[2:])
    assert frame.spo2_percent is None
    assert frame.pulse_per_min is None
    assert frame.perfusion_index_percent is None


def test_the_battery_is_said_when_its_flag_changes() -> None:
    low = replace(FRAME, status=FRAME.status | NoninStatus.LOW_BATTERY)
    said = said_of(NoninParser(), [one.to_bytes() for one in (FRAME, low, low, FRAME)])
    assert [one for one in said if isinstance(one, Battery)] == [
        Battery(low=True),
        Battery(low=False),
    ]


@pytest.mark.parametrize(
    "frame",
    [
        replace(FRAME, spo2_percent=0),
        replace(FRAME, spo2_percent=101),
        replace(FRAME, pulse_per_min=0),
        replace(FRAME, pulse_per_min=351),
    ],
)
def test_a_value_that_cannot_be_is_not_written(frame: NoninFrame) -> None:
    with pytest.raises(ValueError, match="on the wire"):
        frame.to_bytes()


@given(numbers)
def test_a_frame_survives_its_bytes(frame: NoninFrame) -> None:
    if NoninStatus.FINGER_OK not in frame.status:
        frame = replace(frame, spo2_percent=None, pulse_per_min=None, perfusion_index_percent=None)
    assert NoninFrame.from_bytes(frame.to_bytes()) == frame


@given(st.binary(max_size=12) | st.binary(min_size=9, max_size=9).map(lambda rest: b"\x0a" + rest))
def test_any_bytes_whatever_raise_decode_error_only(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        frame = NoninFrame.from_bytes(data)
        assert NoninFrame.from_bytes(frame.to_bytes()) == frame


@given(streams(raw_frames), places)
def test_what_is_said_does_not_depend_on_how_the_stream_is_cut(
    stream: bytes, where: list[int]
) -> None:
    assert_cutting_says_the_same(NoninParser, stream, where)


@given(st.binary(max_size=40))
def test_the_second_frame_after_garbage_is_found(garbage: bytes) -> None:
    """Garbage that looks like the beginning of a frame may cost the first."""
    then = replace(FRAME, spo2_percent=91, counter=2)
    said = said_of(NoninParser(), [garbage, FRAME.to_bytes(), then.to_bytes()])
    assert last_oximetry(said) == Oximetry(
        spo2_percent=91, pulse_per_min=72, perfusion_index_percent=5.6
    )


def test_a_wrong_frame_without_a_length_byte_inside_is_kept_whole_with_its_reason() -> None:
    wrong = RAW[:7] + b"\x65" + RAW[8:]
    assert said_of(NoninParser(), [wrong]) == [
        Garbage(raw=wrong, reason="SpO2 needs 0 to 100, got 101")
    ]
