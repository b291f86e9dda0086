"""Messages of a call: what is taken, what is refused, and that nothing but DecodeError escapes."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import signalling as wire
from protocols.errors import DecodeError

SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"
PEER = wire.Peer("ac-1", "page-0001", "doctor", "BS. Lan", camera=False)

FROM_BROWSER: list[wire.FromBrowser] = [
    wire.Join("page-0001"),
    wire.Join("page-0001", 17),
    wire.Ready(1, microphone=True, camera=False),
    wire.Offer(2, SDP),
    wire.Answer(3, SDP),
    wire.IceCandidate(4, "candidate:1 1 UDP 1 127.0.0.1 9 typ host", "0", 0, "abcd"),
    wire.IceCandidate(5),
    wire.Media(6, microphone=False, camera=True),
    wire.HangUp(7),
]
FROM_SERVER: list[wire.FromServer] = [
    wire.Joined(
        "ac-1", "doctor", False, "offered", True, 3, 9, [PEER], [wire.IceServer(["stun:x"])]
    ),
    wire.PeerJoined(1, PEER),
    wire.PeerLeft(2, "ac-2", "lost"),
    wire.State(3, "accepted"),
    wire.Ended(4, "concluded", "ac-1"),
    wire.VitalsNow(1_700_000_000_000, 93.0, 1_699_999_999_000, level=2),
    wire.VitalsNow(1_700_000_000_000),
    wire.Failure("out_of_turn", "expected 3, got 9", fatal=True),
    wire.Offer(5, SDP, "ac-2"),
]


@pytest.mark.parametrize("message", FROM_BROWSER, ids=lambda m: m.__struct_config__.tag)
def test_what_a_page_says_comes_back_whole(message: wire.FromBrowser) -> None:
    assert wire.decode_from_browser(wire.encode(message)) == message
    assert wire.decode_from_browser(wire.encode(message).encode()) == message


@pytest.mark.parametrize("message", FROM_SERVER, ids=lambda m: m.__struct_config__.tag)
def test_what_the_server_says_comes_back_whole(message: wire.FromServer) -> None:
    assert wire.decode_from_server(wire.encode(message)) == message


def test_the_words_on_the_wire_are_those_of_the_document() -> None:
    assert json.loads(wire.encode(wire.Join("page-0001", 4))) == {
        "type": "join",
        "client": "page-0001",
        "last_seq": 4,
        "protocol": 1,
    }


def test_an_empty_candidate_ends_the_candidates() -> None:
    """RFC 8838 §13: the end-of-candidates indication."""
    end = wire.decode_from_browser('{"type": "ice_candidate", "seq": 9}')
    assert end == wire.IceCandidate(9, "")


def _with(message: wire.FromBrowser, **changes: Any) -> str:
    return json.dumps(json.loads(wire.encode(message)) | changes)


@pytest.mark.asvs("1.4.2")
@pytest.mark.parametrize(
    "frame",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"type": "sing"}',
        '{"type": "joined"}',
        '{"type": "vitals", "at": 1}',
        _with(wire.Join("page-0001"), client="short"),
        _with(wire.Join("page-0001"), client="x" * 65),
        _with(wire.Join("page-0001"), client="page 0001"),
        _with(wire.Join("page-0001"), client="page-0001\n"),
        _with(wire.Join("page-0001"), last_seq=-1),
        _with(wire.Join("page-0001"), last_seq=2**53 + 1),
        _with(wire.Ready(1), seq=0),
        _with(wire.Ready(1), microphone="yes"),
        _with(wire.Offer(1, SDP), sdp=""),
        _with(wire.Offer(1, SDP), sdp="hello"),
        _with(wire.Offer(1, SDP), sdp="v=0\r\n" + "a" * wire.MAX_SDP_CHARS),
        _with(wire.IceCandidate(1), candidate="c" * (wire.MAX_CANDIDATE_CHARS + 1)),
        _with(wire.IceCandidate(1), sdp_m_line_index=256),
        _with(wire.IceCandidate(1), sdp_m_line_index=-1),
        '{"type": "media", "seq": 1, "microphone": true}',
        "[" * 3_000,
    ],
)
def test_what_is_out_of_range_or_missing_is_refused(frame: str) -> None:
    with pytest.raises(DecodeError):
        wire.decode_from_browser(frame)


@pytest.mark.parametrize(
    ("message", "field", "longest"),
    [
        (wire.Join("page-0001"), "client", 64),
        (wire.IceCandidate(1), "candidate", wire.MAX_CANDIDATE_CHARS),
        (wire.IceCandidate(1), "sdp_mid", 64),
        (wire.IceCandidate(1), "username_fragment", 256),
    ],
)
def test_a_field_of_the_longest_length_is_taken_and_one_more_is_not(
    message: wire.FromBrowser, field: str, longest: int
) -> None:
    wire.decode_from_browser(_with(message, **{field: "x" * longest}))
    with pytest.raises(DecodeError):
        wire.decode_from_browser(_with(message, **{field: "x" * (longest + 1)}))


def test_a_frame_of_the_largest_size_is_read_and_one_more_is_not() -> None:
    frame = wire.encode(wire.HangUp(1))
    padded = frame + " " * (wire.MAX_MESSAGE_BYTES - len(frame))
    assert wire.decode_from_browser(padded) == wire.HangUp(1)
    with pytest.raises(DecodeError, match="exceeds"):
        wire.decode_from_browser(padded + " ")


def test_a_level_beyond_red_is_no_level() -> None:
    wire.decode_from_server('{"type": "vitals", "at": 1, "level": 3}')
    with pytest.raises(DecodeError):
        wire.decode_from_server('{"type": "vitals", "at": 1, "level": 4}')


@pytest.mark.asvs("17.3.2")
@given(st.binary(max_size=300) | st.text(max_size=300))
def test_any_bytes_whatever_are_a_message_or_a_decode_error(data: bytes | str) -> None:
    for decode in (wire.decode_from_browser, wire.decode_from_server):
        try:
            message = decode(data)
        except DecodeError:
            continue
        assert isinstance(message, msgspec.Struct)


_SCALAR = st.sampled_from([None, True, -1, 0, 2**60, 1.5, "", "x" * 70, SDP, "ac-1"])
_JSON = _SCALAR | st.lists(_SCALAR, max_size=3) | st.just({"peer": 1}) | st.text(max_size=12)
_TYPES = sorted({str(m.__struct_config__.tag) for m in [*FROM_BROWSER, *FROM_SERVER]})


@pytest.mark.asvs("15.3.5")
@given(
    st.sampled_from(_TYPES),
    st.dictionaries(
        st.sampled_from(["seq", "sdp", "client", "last_seq", "candidate", "peer", "peers", "at"]),
        _JSON,
    ),
)
def test_any_fields_whatever_are_a_message_or_a_decode_error(
    kind: str, fields: dict[str, Any]
) -> None:
    frame = json.dumps({"type": kind} | fields)
    for decode in (wire.decode_from_browser, wire.decode_from_server):
        try:
            message = decode(frame)
        except DecodeError:
            continue
        assert msgspec.json.decode(wire.encode(message))["type"] == kind
