"""BCI Protocol 1.2: five bytes at 100 Hz."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.oximeters.berrymed import (
    SAY_EVERY_FRAMES,
    BerryMedFrame,
    BerryMedParser,
    BerryMedStatus,
)
from protocols.oximeters.said import Garbage, Oximetry
from protocols.reading import Quality
from tests.protocols.oximeters.cutting import (
    assert_cutting_says_the_same,
    last_oximetry,
    places,
    streams,
)
from tests.protocols.oximeters.vectors import said_of

RAW = bytes.fromhex("8732054861")
FRAME = BerryMedFrame(spo2_percent=97, pulse_per_min=72, strength=7, pleth=50, bar=5)
VALUE = Oximetry(spo2_percent=97, pulse_per_min=72)
UNWORN = BerryMedStatus.NO_FINGER | BerryMedStatus.PROBE_UNPLUGGED
EVERY_FLAG = BerryMedStatus.NO_SIGNAL | BerryMedStatus.BEEP | BerryMedStatus.SEARCHING | UNWORN

numbers = st.builds(
    BerryMedFrame,
    spo2_percent=st.none() | st.integers(1, 100),
    pulse_per_min=st.none() | st.integers(1, 254),
    status=st.integers(0, 0xFFFF).map(lambda bits: BerryMedStatus(bits & EVERY_FLAG)),
    strength=st.integers(0, 15),
    pleth=st.integers(0, 127),
    bar=st.integers(0, 15),
)
raw_frames = numbers.map(BerryMedFrame.to_bytes)


def test_a_frame_and_its_bytes() -> None:
    assert BerryMedFrame.from_bytes(RAW) == FRAME
    assert FRAME.to_bytes() == RAW
    assert FRAME.quality == Quality.GOOD


@pytest.mark.parametrize("pulse", [1, 127, 128, 254])
def test_the_pulse_has_its_highest_bit_in_another_byte(pulse: int) -> None:
    raw = replace(FRAME, pulse_per_min=pulse).to_bytes()
    assert raw[2] & 0x40 == (0x40 if pulse > 127 else 0)
    assert raw[3] == pulse % 128
    assert BerryMedFrame.from_bytes(raw).pulse_per_min == pulse


@pytest.mark.parametrize(("raw", "known"), [(0, None), (1, 1), (100, 100), (127, None)])
def test_spo2_at_its_edges(raw: int, known: int | None) -> None:
    assert BerryMedFrame.from_bytes(RAW[:4] + bytes((raw,))).spo2_percent == known


@pytest.mark.parametrize("raw", [101, 126])
def test_spo2_that_cannot_be_is_refused_not_clipped(raw: int) -> None:
    with pytest.raises(DecodeError, match=f"SpO2 needs 0 to 100, got {raw}"):
        BerryMedFrame.from_bytes(RAW[:4] + bytes((raw,)))


@pytest.mark.parametrize("raw", ["8732050061", "873245 7f61"])
def test_a_pulse_of_0_and_of_255_is_not_known(raw: str) -> None:
    frame = BerryMedFrame.from_bytes(bytes.fromhex(raw))
    assert frame.pulse_per_min is None
    assert frame.quality == Quality.INVALID


@pytest.mark.parametrize(
    "raw", [b"", RAW[:4], RAW + b"\0", b"\x07" + RAW[1:], RAW[:3] + b"\x80" + RAW[4:]]
)
def test_what_is_not_five_bytes_with_one_sync_bit_is_refused(raw: bytes) -> None:
    with pytest.raises(DecodeError, match="BCI"):
        BerryMedFrame.from_bytes(raw)


@pytest.mark.parametrize(
    ("status", "quality", "known"),
    [
        (BerryMedStatus.CLEAR, Quality.GOOD, True),
        (BerryMedStatus.BEEP, Quality.GOOD, True),
        (BerryMedStatus.NO_SIGNAL, Quality.WEAK_SIGNAL, True),
        (BerryMedStatus.SEARCHING, Quality.SEARCHING, True),
        (BerryMedStatus.NO_FINGER, Quality.FINGER_OFF, False),
        (BerryMedStatus.PROBE_UNPLUGGED, Quality.EQUIPMENT_FAULT, False),
    ],
)
def test_each_flag_and_what_it_costs(
    status: BerryMedStatus, quality: Quality, *, known: bool
) -> None:
    frame = BerryMedFrame.from_bytes(replace(FRAME, status=status).to_bytes())
    assert frame.status == status
    assert frame.quality == quality
    assert (frame.spo2_percent is not None) is known
    assert (frame.pulse_per_min is not None) is known


@pytest.mark.parametrize(
    "frame",
    [
        replace(FRAME, spo2_percent=0),
        replace(FRAME, spo2_percent=101),
        replace(FRAME, pulse_per_min=0),
        replace(FRAME, pulse_per_min=255),
    ],
)
def test_a_value_that_cannot_be_is_not_written(frame: BerryMedFrame) -> None:
    with pytest.raises(ValueError, match="on the wire"):
        frame.to_bytes()


@pytest.mark.parametrize(
    ("frames", "times"),
    [(1, 1), (SAY_EVERY_FRAMES, 1), (SAY_EVERY_FRAMES + 1, 2), (2 * SAY_EVERY_FRAMES + 1, 3)],
)
def test_an_unchanged_value_is_said_once_a_second(frames: int, times: int) -> None:
    assert said_of(BerryMedParser(), [RAW] * frames) == [VALUE] * times


@pytest.mark.parametrize(
    "changed",
    [
        replace(FRAME, spo2_percent=96),
        replace(FRAME, pulse_per_min=73),
        replace(FRAME, pulse_per_min=200),
        replace(FRAME, status=BerryMedStatus.SEARCHING),
        replace(FRAME, status=BerryMedStatus.NO_SIGNAL),
        replace(FRAME, status=BerryMedStatus.PROBE_UNPLUGGED),
        replace(FRAME, status=BerryMedStatus.NO_FINGER),
    ],
)
def test_a_change_of_value_or_quality_is_said_at_once(changed: BerryMedFrame) -> None:
    assert len(said_of(BerryMedParser(), [RAW * 3, changed.to_bytes() * 3])) == 2


@pytest.mark.parametrize(
    "same",
    [
        replace(FRAME, pleth=51),
        replace(FRAME, bar=6),
        replace(FRAME, strength=8),
        replace(FRAME, status=BerryMedStatus.BEEP),
    ],
)
def test_a_change_of_anything_else_is_not_said(same: BerryMedFrame) -> None:
    assert said_of(BerryMedParser(), [RAW * 3, same.to_bytes() * 3]) == [VALUE]


def test_unknown_as_0_and_as_127_is_the_same_and_counts_on() -> None:
    unknown = bytes.fromhex("8732050000"), bytes.fromhex("873205007f")
    said = said_of(BerryMedParser(), [b"".join(unknown)] * 50 + [unknown[0]])
    assert said == [Oximetry(spo2_percent=None, pulse_per_min=None, quality=Quality.INVALID)] * 2


def test_a_value_that_comes_back_is_said_again() -> None:
    other = replace(FRAME, spo2_percent=96).to_bytes()
    said = said_of(BerryMedParser(), [RAW, other, RAW])
    assert said == [VALUE, replace(VALUE, spo2_percent=96), VALUE]


def test_wrong_frames_are_kept_and_do_not_count() -> None:
    wrong = RAW[:4] + b"\x65"
    said = said_of(BerryMedParser(), [RAW * 99, wrong * 5, RAW])
    assert [one for one in said if isinstance(one, Oximetry)] == [VALUE]
    assert [one.raw for one in said if isinstance(one, Garbage)] == [wrong] * 5


@given(numbers)
def test_a_frame_survives_its_bytes(frame: BerryMedFrame) -> None:
    if frame.status & UNWORN:
        frame = replace(frame, spo2_percent=None, pulse_per_min=None)
    assert BerryMedFrame.from_bytes(frame.to_bytes()) == frame


@given(
    st.binary(max_size=7) | st.tuples(st.integers(128, 255), *[st.integers(0, 127)] * 4).map(bytes)
)
def test_any_bytes_whatever_raise_decode_error_only(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        frame = BerryMedFrame.from_bytes(data)
        assert BerryMedFrame.from_bytes(frame.to_bytes()) == frame


@given(streams(raw_frames), places)
def test_what_is_said_does_not_depend_on_how_the_stream_is_cut(
    stream: bytes, where: list[int]
) -> None:
    assert_cutting_says_the_same(BerryMedParser, stream, where)


@given(st.binary(max_size=40))
def test_the_first_frame_after_garbage_is_found(garbage: bytes) -> None:
    parser = BerryMedParser()
    parser.receive_data(garbage + RAW)
    then = replace(FRAME, spo2_percent=91).to_bytes()
    assert said_of(parser, [then])[-1] == replace(VALUE, spo2_percent=91)
    assert last_oximetry(said_of(BerryMedParser(), [garbage + RAW])) == VALUE
