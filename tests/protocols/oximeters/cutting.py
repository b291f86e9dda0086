"""Streams that hypothesis invents: frames and garbage in any order, cut anywhere."""

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from protocols.oximeters.said import Oximetry, Said
from protocols.oximeters.stream import StreamParser
from tests.protocols.oximeters.vectors import said_of


def streams(frames: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Return streams of whole frames, spoilt frames and any bytes."""
    spoilt = st.builds(_spoilt, frames, st.integers(0, 1000), st.integers(0, 255))
    piece = frames | spoilt | st.binary(max_size=24)
    return st.lists(piece, max_size=8).map(b"".join)


def _spoilt(frame: bytes, at: int, octet: int) -> bytes:
    at %= len(frame)
    return frame[:at] + bytes((octet,)) + frame[at + 1 :] if octet % 2 else frame[:at]


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    """Return the stream cut at these places, each taken modulo its length."""
    ends = sorted({place % (len(stream) + 1) for place in places} | {len(stream)})
    return [stream[start:end] for start, end in zip([0, *ends], ends, strict=False)]


places = st.lists(st.integers(0, 4096), max_size=12)


def assert_cutting_says_the_same(
    parser: Callable[[], StreamParser], stream: bytes, where: Sequence[int]
) -> None:
    """Hold that a stream says the same whole, in pieces and byte for byte."""
    whole = said_of(parser(), [stream])
    assert said_of(parser(), cut(stream, where)) == whole
    assert said_of(parser(), [bytes((octet,)) for octet in stream]) == whole


def last_oximetry(said: Sequence[Said]) -> Oximetry | None:
    """Return the last value said."""
    return next((one for one in reversed(said) if isinstance(one, Oximetry)), None)
