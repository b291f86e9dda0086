"""Jumper, EMAY, Contec, Beurer PO60, ChoiceMMed: frames out and in again, streams of any kind."""

import contextlib
from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.oximeters import emay
from protocols.oximeters.beurer_po60 import BeurerParser, BeurerRecord, next_request
from protocols.oximeters.choicemmed import ChoiceMMedFrame, ChoiceMMedParser
from protocols.oximeters.emay import EmayFrame, EmayParser
from protocols.oximeters.jumper import JumperFrame, JumperParser
from protocols.oximeters.said import Oximetry
from protocols.oximeters.stream import StreamParser
from tests.protocols.oximeters.cutting import assert_cutting_says_the_same, places, streams
from tests.protocols.oximeters.vectors import said_of

spo2 = st.none() | st.integers(1, 100)
pulse = st.none() | st.integers(1, 254).filter(lambda n: n != 127)
index = st.none() | st.integers(1, 255).map(lambda n: n / 10)
jumper_frames = st.builds(JumperFrame, spo2_percent=spo2, pulse_per_min=pulse)
emay_frames = st.builds(EmayFrame, spo2_percent=spo2, pulse_per_min=pulse, level=st.integers(0, 15))
choicemmed_frames = st.builds(
    ChoiceMMedFrame,
    spo2_percent=st.integers(1, 100),
    pulse_per_min=pulse,
    perfusion_index_percent=index,
)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2127, 12, 31)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=0)
)
records = st.builds(
    BeurerRecord,
    started_at=moments,
    ended_at=moments,
    spo2_percent=spo2,
    pulse_per_min=st.none() | st.integers(1, 126),
    spo2_min_percent=spo2,
    count=st.integers(0, 127),
)
Frame = JumperFrame | EmayFrame | ChoiceMMedFrame | BeurerRecord
FAMILIES: list[tuple[type[Frame], Callable[[], StreamParser], st.SearchStrategy[Frame]]] = [
    (JumperFrame, JumperParser, jumper_frames),
    (EmayFrame, EmayParser, emay_frames),
    (ChoiceMMedFrame, ChoiceMMedParser, choicemmed_frames),
    (BeurerRecord, BeurerParser, records),
]


@pytest.mark.parametrize(("kind", "parser", "frames"), FAMILIES, ids=lambda x: str(x)[:40])
@given(data=st.data())
def test_a_frame_comes_back_from_its_bytes(
    kind: type[Frame],
    parser: Callable[[], StreamParser],
    frames: st.SearchStrategy[Frame],
    data: st.DataObject,
) -> None:
    frame = data.draw(frames)
    back = kind.from_bytes(frame.to_bytes())
    assert (back.spo2_percent, back.pulse_per_min, back.quality) == (
        frame.spo2_percent, frame.pulse_per_min, frame.quality,
    )  # fmt: skip
    assert back.to_bytes() == frame.to_bytes()


@pytest.mark.parametrize(("kind", "parser", "frames"), FAMILIES, ids=lambda x: str(x)[:40])
@given(data=st.data(), where=places)
def test_what_is_said_does_not_depend_on_how_a_stream_is_cut(
    kind: type[Frame],
    parser: Callable[[], StreamParser],
    frames: st.SearchStrategy[Frame],
    data: st.DataObject,
    where: list[int],
) -> None:
    stream = data.draw(streams(frames.map(lambda frame: frame.to_bytes())))
    assert_cutting_says_the_same(parser, stream, where)


@pytest.mark.parametrize(("kind", "parser", "frames"), FAMILIES, ids=lambda x: str(x)[:40])
@given(raw=st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(
    kind: type[Frame],
    parser: Callable[[], StreamParser],
    frames: st.SearchStrategy[Frame],
    raw: bytes,
) -> None:
    with contextlib.suppress(DecodeError):
        kind.from_bytes(raw)
    said_of(parser(), [raw])


@given(garbage=st.binary(max_size=30), frame=emay_frames)
def test_a_frame_with_a_sum_is_found_after_garbage(garbage: bytes, frame: EmayFrame) -> None:
    said = said_of(EmayParser(), [garbage + frame.to_bytes() * 2])
    assert isinstance(said[-1], Oximetry)
    assert said[-1].spo2_percent == frame.spo2_percent


def test_requests_are_as_published() -> None:
    assert emay.start_request() == bytes.fromhex("9b011c")
    assert emay.keep_alive() == bytes.fromhex("9a1a")
    assert emay.stop_request() == bytes.fromhex("9b7f1a")
    assert next_request() == bytes.fromhex("99011a")
    assert emay.checksum(next_request()[:-1]) == next_request()[-1]
