"""Browser and server: the messages of a video call, JSON text frames (docs/calls.md).

Theory of operation. Each side numbers what it says from 1 and keeps the last of it. The browser
opens with `join`, naming its page (`client`) and the last number it saw; the server answers
`joined` with the last number it took, and sends again what the page missed; the page does the
same. So a lost socket loses nothing. `ready` ends the device check: from then on the others are
told of this peer, and session descriptions (RFC 8829) and candidates (RFC 8838) may pass. The
server never reads inside a description: it checks sizes and ranges, and who may speak to whom.
Nothing here does I/O; `decode_*` raise `DecodeError` only.
"""

from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from protocols.errors import DecodeError

PROTOCOL: Final = 1
MAX_MESSAGE_BYTES: Final = 64 * 1024
"""The largest frame the server accepts."""
MAX_SDP_CHARS: Final = 48 * 1024
MAX_CANDIDATE_CHARS: Final = 2_048

Seq = Annotated[int, Meta(ge=1, le=2**53)]
LastSeq = Annotated[int, Meta(ge=0, le=2**53)]
ClientId = Annotated[str, Meta(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9-]+\Z")]
PeerId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+\Z")]
Sdp = Annotated[str, Meta(min_length=1, max_length=MAX_SDP_CHARS, pattern=r"^v=0\r?\n")]
EpochMs = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]
Role = Literal["doctor", "patient"]
CallState = Literal[
    "requested",
    "offered",
    "accepted",
    "in_session",
    "interrupted",
    "concluded",
    "declined",
    "no_show",
    "cancelled",
]

LeftReason = Literal["lost", "left"]
FailureCode = Literal[
    "malformed",
    "not_joined",
    "not_ready",
    "out_of_turn",
    "too_fast",
    "replaced",
    "not_allowed",
    "unavailable",
    "ended",
]


class IceServer(Struct, frozen=True, omit_defaults=True):
    """An `RTCIceServer` dictionary (WebRTC 1.0 §4.2.4)."""

    urls: Annotated[list[Annotated[str, Meta(max_length=512)]], Meta(min_length=1, max_length=8)]
    username: Annotated[str, Meta(max_length=512)] | None = None
    credential: Annotated[str, Meta(max_length=512)] | None = None


class Join(Struct, frozen=True, tag="join", tag_field="type"):
    """First word of a page, and again after each lost socket; idempotent.

    `client` is random and lives as long as the page; `last_seq` is the last number it saw.
    """

    client: ClientId
    last_seq: LastSeq = 0
    protocol: Annotated[int, Meta(ge=1, le=255)] = PROTOCOL


class Ready(Struct, frozen=True, tag="ready", tag_field="type"):
    """The device check is over; this peer enters with what it has."""

    seq: Seq
    microphone: bool = True
    camera: bool = True


class Offer(Struct, frozen=True, tag="offer", tag_field="type"):
    """A session description of type offer (RFC 8829 §5.2)."""

    seq: Seq
    sdp: Sdp
    peer: PeerId | None = None
    """Who said it; filled by the server, whatever the browser wrote."""


class Answer(Struct, frozen=True, tag="answer", tag_field="type"):
    """A session description of type answer (RFC 8829 §5.3)."""

    seq: Seq
    sdp: Sdp
    peer: PeerId | None = None


class IceCandidate(Struct, frozen=True, tag="ice_candidate", tag_field="type"):
    """One trickled candidate; an empty `candidate` ends the candidates (RFC 8838 §13)."""

    seq: Seq
    candidate: Annotated[str, Meta(max_length=MAX_CANDIDATE_CHARS)] = ""
    sdp_mid: Annotated[str, Meta(max_length=64)] | None = None
    sdp_m_line_index: Annotated[int, Meta(ge=0, le=255)] | None = None
    username_fragment: Annotated[str, Meta(max_length=256)] | None = None
    peer: PeerId | None = None


class Media(Struct, frozen=True, tag="media", tag_field="type"):
    """Microphone and camera of a peer were switched."""

    seq: Seq
    microphone: bool
    camera: bool
    peer: PeerId | None = None


class HangUp(Struct, frozen=True, tag="hang_up", tag_field="type"):
    """End the call, for everybody in it."""

    seq: Seq


class Peer(Struct, frozen=True):
    """Somebody else in the room. The same `client` as before: the same connection goes on."""

    peer: PeerId
    client: ClientId
    role: Role
    name: Annotated[str, Meta(max_length=200)] = ""
    microphone: bool = True
    camera: bool = True


class Joined(Struct, frozen=True, tag="joined", tag_field="type"):
    """Server's answer to `join`; not numbered itself.

    `resumed`: what was missed follows, and the page sends again what comes after `received`.
    Otherwise the numbering starts anew on both sides.
    """

    peer: PeerId
    role: Role
    polite: bool
    """Perfect negotiation: the polite peer yields when two offers cross; the other one calls."""
    state: CallState
    resumed: bool
    received: LastSeq = 0
    seq: LastSeq = 0
    """The last number the server has given out to this page."""
    peers: Annotated[list[Peer], Meta(max_length=64)] = []
    ice_servers: Annotated[list[IceServer], Meta(max_length=16)] = []
    """As the operator set them; empty: no third party is asked."""


class PeerJoined(Struct, frozen=True, tag="peer_joined", tag_field="type"):
    """A peer is ready; the impolite side now makes the offer."""

    seq: Seq
    peer: Peer


class PeerLeft(Struct, frozen=True, tag="peer_left", tag_field="type"):
    """A peer is gone. `lost`: only its signalling; media that still flows is kept."""

    seq: Seq
    peer: PeerId
    reason: LeftReason


class State(Struct, frozen=True, tag="state", tag_field="type"):
    """The call moved on: ringing, accepted, in session, interrupted."""

    seq: Seq
    state: CallState


class Ended(Struct, frozen=True, tag="ended", tag_field="type"):
    """The call is over, how, and by whom; the last numbered message."""

    seq: Seq
    state: CallState
    by: PeerId | None = None


class VitalsNow(Struct, frozen=True, omit_defaults=True, tag="vitals", tag_field="type"):
    """Newest values of the person, to the doctor's side only; not numbered: the next replaces it.

    Every value has its own time, because no number is shown without its age.
    """

    at: EpochMs
    """The server's time now, so that ages do not rest on the browser's clock."""
    spo2_percent: Annotated[float, Meta(ge=0, le=100)] | None = None
    spo2_at: EpochMs | None = None
    pulse_per_min: Annotated[float, Meta(ge=0, le=350)] | None = None
    pulse_at: EpochMs | None = None
    perfusion_index_percent: Annotated[float, Meta(ge=0, le=100)] | None = None
    perfusion_at: EpochMs | None = None
    level: Annotated[int, Meta(ge=0, le=3)] | None = None
    """Level of the newest scored reading: 0 green to 3 red."""


class Failure(Struct, frozen=True, tag="error", tag_field="type"):
    """What was refused; `fatal`: the socket closes and coming back does not help."""

    code: FailureCode
    message: Annotated[str, Meta(max_length=300)] = ""
    fatal: bool = False


Relayed = Offer | Answer | IceCandidate | Media
"""What passes from peer to peer."""
Numbered = Relayed | PeerJoined | PeerLeft | State | Ended
"""What the server numbers and keeps for a page that lost its socket."""
Said = Ready | Offer | Answer | IceCandidate | Media | HangUp
"""What a page numbers."""
FromBrowser = Join | Said
FromServer = Joined | Numbered | VitalsNow | Failure

T = TypeVar("T")
_from_browser: Final[msgspec.json.Decoder[FromBrowser]] = msgspec.json.Decoder(FromBrowser)
_from_server: Final[msgspec.json.Decoder[FromServer]] = msgspec.json.Decoder(FromServer)
_encoder: Final = msgspec.json.Encoder()


def encode(message: FromBrowser | FromServer) -> str:
    """Return the message as the text of one frame."""
    return _encoder.encode(message).decode()


def decode_from_browser(data: bytes | str) -> FromBrowser:
    """Decode and range-check one frame of a browser.

    Raises:
        DecodeError: too large, not JSON, of unknown type, or a field is missing or out of range.
    """
    return _decode(_from_browser, data)


def decode_from_server(data: bytes | str) -> FromServer:
    """Decode one frame of the server; raises `DecodeError` as `decode_from_browser` does."""
    return _decode(_from_server, data)


def _decode(decoder: msgspec.json.Decoder[T], data: bytes | str) -> T:
    if len(data) > MAX_MESSAGE_BYTES:
        raise DecodeError(f"message of {len(data)} exceeds {MAX_MESSAGE_BYTES}")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error
