"""The parser of streams, on a family of frames so plain that all is the parser's doing.

A frame is F0, one digit that says its length, and so many bytes; EE in it is refused.
"""

from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.oximeters.said import Battery, Garbage, Said
from protocols.oximeters.stream import MOST_GARBAGE, StreamParser
from tests.protocols.oximeters.cutting import assert_cutting_says_the_same, places, streams
from tests.protocols.oximeters.vectors import said_of

START = 0xF0


class PlainParser(StreamParser):
    """Says of each frame how long it was, and remembers the frame."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[bytes] = []

    def cut(self, data: bytes) -> int:
        if data[0] != START:
            return -1
        if len(data) < 2:
            return 0
        length = 2 + data[1]
        if data[1] > 9:
            return -1
        return length if len(data) >= length else 0

    def decode(self, frame: bytes) -> list[Said]:
        if 0xEE in frame:
            raise DecodeError("EE")
        self.frames.append(frame)
        return [Battery(percent=frame[1])] if frame[1] else []


def frame(content: bytes) -> bytes:
    return bytes((START, len(content))) + content


ONE, THREE = frame(b"a"), frame(b"abc")
frames = st.binary(max_size=9).map(frame)


def test_a_frame_says_what_it_says() -> None:
    parser = PlainParser()
    parser.receive_data(THREE)
    assert parser.events() == [Battery(percent=3)]


def test_what_was_said_is_said_once() -> None:
    parser = PlainParser()
    parser.receive_data(THREE)
    parser.events()
    assert parser.events() == []
    assert parser.finish() == []


def test_a_frame_cut_in_two_says_the_same() -> None:
    parser = PlainParser()
    parser.receive_data(THREE[:3])
    assert parser.events() == []
    parser.receive_data(THREE[3:])
    assert parser.events() == [Battery(percent=3)]


def test_glued_frames_are_said_in_their_order() -> None:
    assert said_of(PlainParser(), [ONE + THREE]) == [Battery(percent=1), Battery(percent=3)]


def test_a_frame_of_no_use_says_nothing_and_is_no_garbage() -> None:
    parser = PlainParser()
    assert said_of(parser, [frame(b"")]) == []
    assert parser.frames == [frame(b"")]


def test_garbage_waits_for_the_frame_that_ends_it() -> None:
    parser = PlainParser()
    parser.receive_data(b"\x01\x02")
    parser.receive_data(b"\x03")
    assert parser.events() == []
    parser.receive_data(ONE)
    assert parser.events() == [
        Garbage(raw=b"\x01\x02\x03", reason="not a frame"),
        Battery(percent=1),
    ]


def test_garbage_is_let_go_at_its_most() -> None:
    parser = PlainParser()
    parser.receive_data(b"\x01" * (MOST_GARBAGE - 1))
    assert parser.events() == []
    parser.receive_data(b"\x02\x03")
    full = Garbage(raw=b"\x01" * (MOST_GARBAGE - 1) + b"\x02", reason="not a frame")
    assert parser.events() == [full]
    assert parser.finish() == [Garbage(raw=b"\x03", reason="not a frame")]


def test_a_frame_that_cannot_be_decoded_is_kept_with_the_reason() -> None:
    wrong = frame(b"\xee")
    assert said_of(PlainParser(), [b"\x01" + wrong + ONE]) == [
        Garbage(raw=b"\x01", reason="not a frame"),
        Garbage(raw=wrong, reason="EE"),
        Battery(percent=1),
    ]


def test_the_end_of_the_link_keeps_garbage_and_the_rest_of_a_frame_apart() -> None:
    assert said_of(PlainParser(), [b"\x01" + THREE[:4]]) == [
        Garbage(raw=b"\x01", reason="not a frame"),
        Garbage(raw=THREE[:4], reason="the rest of a frame"),
    ]


def test_after_the_end_the_parser_begins_anew() -> None:
    parser = PlainParser()
    said_of(parser, [THREE[:4]])
    assert said_of(parser, [ONE]) == [Battery(percent=1)]


def test_nothing_says_nothing() -> None:
    assert said_of(PlainParser(), []) == []
    assert said_of(PlainParser(), [b"", b""]) == []


@given(streams(frames), places)
def test_what_is_said_does_not_depend_on_how_the_stream_is_cut(
    stream: bytes, where: list[int]
) -> None:
    assert_cutting_says_the_same(PlainParser, stream, where)


@given(streams(frames))
def test_every_byte_is_in_a_frame_or_in_the_garbage(stream: bytes) -> None:
    parser = PlainParser()
    garbage = [one.raw for one in said_of(parser, [stream]) if isinstance(one, Garbage)]
    assert sorted(b"".join(parser.frames + garbage)) == sorted(stream)
    assert all(len(raw) <= MOST_GARBAGE for raw in garbage)
