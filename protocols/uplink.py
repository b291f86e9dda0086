"""Gateway and server: the messages of `/gateway/v1`, JSON text frames (docs/uplink.md).

Theory of operation. The server opens with a `challenge`; the gateway answers `hello` with its
signature and names the epoch of each of its two streams; where it carries a nonce, the server first
answers `proof` that it is the server the gateway knows; then `welcome` with the last number it
holds of each stream. Then the gateway sends `batch` after `batch`, each the next number
of its stream, and the server answers `ack`, cumulative, only after its database has committed.
A gateway that named abilities may be given a `command` meanwhile, and answers `done`.
A number the gateway no longer has is declared with `gap`. A number out of turn is answered with
`resume`. Anything wrong is answered with `error`, and closes the connection only where no number
can be read from it. Nothing here does I/O; `decode_*` raise `DecodeError` only.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct

from protocols.errors import DecodeError
from protocols.reading import Consciousness, Oxygen, Quality, Reading, ReadingKind, Vitals

PROTOCOL: Final = 1
MAX_MESSAGE_BYTES: Final = 64 * 1024
"""The largest frame the server accepts, after decompression."""
MAX_SAMPLES: Final = 600
MAX_READINGS: Final = 120
MAX_EVENTS: Final = 60
SIGNATURE_CONTEXT: Final = b"telehealth-uplink-1\n"

UNREADABLE_DEVICE: Final = "unreadable"
T = TypeVar("T")

StreamName = Literal["live", "backlog"]
LossKind = Literal["spool_loss", "spool_loss_minutes", "spool_loss_spots"]
"""What a full spool gave up: samples, minutes, or whole messages with dearer readings."""
Identifier = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")]
EpochMs = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]
Seq = Annotated[int, Meta(ge=1, le=2**53)]
Spo2 = Annotated[float, Meta(ge=0, le=100)]
Pulse = Annotated[float, Meta(ge=0, le=350)]
Perfusion = Annotated[float, Meta(ge=0, le=100)]
Signature = Annotated[str, Meta(min_length=64, max_length=128)]
QualityBits = Annotated[int, Meta(ge=0, le=2**16 - 1)]


class Sample(Struct, frozen=True, array_like=True, gc=False):
    """One value of a continuous stream, `[offset_ms, spo2, pulse, perfusion, quality]`."""

    offset_ms: Annotated[int, Meta(ge=0, le=3_600_000)]
    spo2_percent: Spo2 | None = None
    pulse_per_min: Pulse | None = None
    perfusion_index_percent: Perfusion | None = None
    quality: QualityBits = 0


class WireReading(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One reading as it travels; `to_reading` turns it into the value used inside."""

    kind: Literal["minute", "spot", "stored", "typed", "nurse"]
    at: EpochMs
    spo2_percent: Spo2 | None = None
    pulse_per_min: Pulse | None = None
    perfusion_index_percent: Perfusion | None = None
    respiration_per_min: Annotated[float, Meta(ge=0, le=150)] | None = None
    temperature_celsius: Annotated[float, Meta(ge=20, le=50)] | None = None
    systolic_mmhg: Annotated[float, Meta(ge=0, le=400)] | None = None
    diastolic_mmhg: Annotated[float, Meta(ge=0, le=400)] | None = None
    oxygen: Literal["air", "oxygen"] | None = None
    consciousness: Literal["A", "C", "V", "P", "U"] | None = None
    quality: QualityBits = 0
    spo2_min_percent: Spo2 | None = None
    quality_share: Annotated[float, Meta(ge=0, le=1)] | None = None
    record: Annotated[str, Meta(max_length=64)] | None = None
    time_uncertain: bool = False
    clock_offset_s: Annotated[float, Meta(ge=-315_360_000, le=315_360_000)] | None = None
    """How far ahead of the gateway's the device's own clock was, where `at` was corrected by it."""


class Event(Struct, frozen=True, omit_defaults=True, gc=False):
    """Something that happened to a device, for its status: never a reading, never scored."""

    kind: Literal[
        "connected",
        "disconnected",
        "finger_off",
        "finger_on",
        "battery",
        "battery_low",
        "clock_offset",
        "seen",
        "unseen",
        "tamper",
        "tamper_cleared",
        "spool_loss",
        "spool_loss_minutes",
        "spool_loss_spots",
    ]
    at: EpochMs
    value: Annotated[float, Meta(ge=-1e12, le=1e12)] | None = None


CommandKind = Literal["measure", "locate", "configure", "update_notice"]
Outcome = Literal["done", "not_able", "failed"]


class GatewayConfig(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a server may change of a gateway; what is left out stays as it is."""

    batch_seconds: Annotated[float, Meta(ge=0.1, le=60)] | None = None
    only_devices: Annotated[list[Identifier], Meta(max_length=64)] | None = None
    """Device ids to read; empty for every one in reach."""


class Command(Struct, frozen=True, omit_defaults=True, tag="command", tag_field="type"):
    """Server's wish, given again at each connection until it is answered or `until` is past."""

    id: Identifier
    kind: CommandKind
    until: EpochMs
    device: Identifier | None = None
    config: GatewayConfig | None = None
    version: Annotated[str, Meta(max_length=64)] = ""
    """Of the newer software, for `update_notice`."""


class Done(Struct, frozen=True, omit_defaults=True, tag="done", tag_field="type"):
    """Gateway's answer to a command; a command that comes again is answered alike, done once."""

    id: Identifier
    outcome: Outcome
    note: Annotated[str, Meta(max_length=200)] = ""


class Challenge(Struct, frozen=True, tag="challenge", tag_field="type"):
    """Server's first word: sign `SIGNATURE_CONTEXT + nonce bytes + gateway id`."""

    nonce: Annotated[str, Meta(min_length=32, max_length=128)]
    now: EpochMs
    protocol: int = PROTOCOL


class StreamEpoch(Struct, frozen=True):
    """A stream and the random name of its numbering; a new spool makes a new epoch."""

    stream: StreamName
    epoch: Annotated[str, Meta(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]


class Hello(Struct, frozen=True, omit_defaults=True, tag="hello", tag_field="type"):
    """Gateway's answer; `signature` is base64 of the Ed25519 signature over the challenge."""

    gateway: Identifier
    signature: Signature
    streams: Annotated[list[StreamEpoch], Meta(min_length=1, max_length=2)]
    software: Annotated[str, Meta(max_length=64)] = ""
    clock_synchronised: bool = True
    nonce: Annotated[str, Meta(min_length=44, max_length=44)] | None = None
    """Base64 of 32 fresh random bytes: the server must prove who it is before `welcome`."""
    model: Annotated[str, Meta(max_length=64)] = ""
    """The machine it runs on."""
    abilities: Annotated[list[str], Meta(max_length=16)] = []
    """The kinds of command that it can carry out; a server gives it no other."""


class Proof(Struct, frozen=True, tag="proof", tag_field="type"):
    """Server's proof, one signature an identity over `server_identity.proof_words`."""

    identities: Annotated[list[str], Meta(min_length=2, max_length=2)]
    """Base64 of the public keys: the one in use, the one that comes next."""
    signatures: Annotated[list[Signature], Meta(min_length=2, max_length=2)]


class Welcome(Struct, frozen=True, tag="welcome", tag_field="type"):
    """Server's answer: the last number it has committed of each stream, and its settings."""

    acked: dict[str, int]
    now: EpochMs
    urgent_below_spo2_percent: float = 92.0
    """15 s held at or below this close a minute at once (design: the 15 s rule)."""
    retry_after_s: float = 5.0
    """After a lost connection, wait a random time up to this before coming back."""


class Batch(Struct, frozen=True, omit_defaults=True, tag="batch", tag_field="type"):
    """Everything one device said in a stretch of time; `samples` offsets count from `at`."""

    stream: StreamName
    seq: Seq
    device: Identifier
    at: EpochMs = 0
    samples: Annotated[list[Sample], Meta(max_length=MAX_SAMPLES)] = []
    readings: Annotated[list[WireReading], Meta(max_length=MAX_READINGS)] = []
    events: Annotated[list[Event], Meta(max_length=MAX_EVENTS)] = []
    time_uncertain: bool = False
    """Nobody could date the batch: `at` is the latest that it can have been."""


class Gap(Struct, frozen=True, omit_defaults=True, tag="gap", tag_field="type"):
    """Numbers up to and with `seq` that nobody has any more, from the one after the last ack."""

    stream: StreamName
    seq: Seq
    reason: Annotated[str, Meta(max_length=120)] = ""


class Refusal(Struct, frozen=True):
    """One part of a batch that was kept aside: where it stood, and why."""

    seq: int
    part: str
    reason: str


class Ack(Struct, frozen=True, omit_defaults=True, tag="ack", tag_field="type"):
    """All numbers up to and with `seq` are committed; `refused` parts are kept with a reason."""

    stream: StreamName
    seq: int
    refused: list[Refusal] = []


class Resume(Struct, frozen=True, tag="resume", tag_field="type"):
    """A number came out of turn: send again from the one after `acked`, or declare a gap."""

    stream: StreamName
    acked: int


class Failure(Struct, frozen=True, omit_defaults=True, tag="error", tag_field="type"):
    """What was refused, and whether trying again can help."""

    code: str
    message: str
    retry_after_s: float | None = None


FromGateway = Hello | Batch | Gap | Done
FromServer = Challenge | Proof | Welcome | Ack | Resume | Failure | Command

_from_gateway: Final[msgspec.json.Decoder[FromGateway]] = msgspec.json.Decoder(FromGateway)
_from_server: Final[msgspec.json.Decoder[FromServer]] = msgspec.json.Decoder(FromServer)
_encoder: Final = msgspec.json.Encoder()


def encode(message: FromGateway | FromServer) -> bytes:
    """Return the message as the bytes of one text frame."""
    return _encoder.encode(message)


def decode_from_gateway(data: bytes | str) -> FromGateway:
    """Decode and range-check one frame of a gateway.

    Raises:
        DecodeError: not JSON, an unknown type, or a field missing, of wrong type or out of range.
    """
    try:
        return _from_gateway.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error


class UnknownMessageError(DecodeError):
    """A message of a type that this edition does not know: to be passed over, not a fault."""


_KNOWN: Final = frozenset(kind.__struct_config__.tag for kind in get_args(FromServer))


class _Typed(Struct):
    type: str


_typed: Final = msgspec.json.Decoder(_Typed)


def decode_from_server(data: bytes | str) -> FromServer:
    """Decode one frame of the server.

    Raises:
        UnknownMessageError: a newer server says something that is not for us.
        DecodeError: as `decode_from_gateway` does.
    """
    try:
        return _from_server.decode(data)
    except msgspec.ValidationError as error:
        if _type_of(data) not in _KNOWN:
            raise UnknownMessageError(str(error)) from error
        raise DecodeError(str(error)) from error
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error


def _type_of(data: bytes | str) -> str | None:
    """Return the type that a frame names; one of a known type where it names none."""
    try:
        return _typed.decode(data).type
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Failure.__struct_config__.tag  # type: ignore[return-value]  # a tag of ours is text


class _LooseBatch(Struct, tag="batch", tag_field="type"):
    """A batch whose parts are not yet looked at: its number can be read although a part is bad."""

    stream: StreamName
    seq: Seq
    device: msgspec.Raw = msgspec.Raw()
    at: msgspec.Raw = msgspec.Raw()
    samples: msgspec.Raw = msgspec.Raw()
    readings: msgspec.Raw = msgspec.Raw()
    events: msgspec.Raw = msgspec.Raw()
    time_uncertain: msgspec.Raw = msgspec.Raw()


_loose: Final = msgspec.json.Decoder(_LooseBatch)
_identifier: Final = msgspec.json.Decoder(Identifier)
_epoch_ms: Final = msgspec.json.Decoder(EpochMs)
_raw_list: Final = msgspec.json.Decoder(list[msgspec.Raw])
_sample: Final = msgspec.json.Decoder(Sample)
_reading: Final = msgspec.json.Decoder(WireReading)
_event: Final = msgspec.json.Decoder(Event)
_flag: Final = msgspec.json.Decoder(bool)


def salvage(data: bytes | str) -> tuple[Batch, list[Refusal]]:
    """Read a batch that `decode_from_gateway` refused, part by part.

    Returns:
        The batch with the parts that hold, and a refusal for each that does not. A batch whose
        device or start cannot be read keeps no part, and says so.

    Raises:
        DecodeError: not even the stream and number can be read: it cannot be acknowledged.
    """
    try:
        loose = _loose.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error
    refused: list[Refusal] = []
    device = _part(_identifier, loose.device, "device", loose.seq, refused)
    at = _part(_epoch_ms, loose.at, "at", loose.seq, refused) if bytes(loose.at) else 0
    if device is None or at is None:
        return Batch(loose.stream, loose.seq, device or UNREADABLE_DEVICE), refused
    samples = _parts(_sample, loose.samples, "samples", MAX_SAMPLES, loose.seq, refused)
    readings = _parts(_reading, loose.readings, "readings", MAX_READINGS, loose.seq, refused)
    events = _parts(_event, loose.events, "events", MAX_EVENTS, loose.seq, refused)
    uncertain: bool | None = False
    if bytes(loose.time_uncertain):
        uncertain = _part(_flag, loose.time_uncertain, "time_uncertain", loose.seq, refused)
    return Batch(
        loose.stream, loose.seq, device, at, samples, readings, events, uncertain is not False
    ), refused


def _part(
    decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, name: str, seq: int, refused: list[Refusal]
) -> T | None:
    """Decode one part, or note why not, with the limit and the first bytes of the value."""
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        shown = bytes(raw)[:60].decode(errors="replace")
        refused.append(Refusal(seq, name, f"{error}: {shown}"))
        return None


def _parts(
    decoder: msgspec.json.Decoder[T],
    raw: msgspec.Raw,
    name: str,
    limit: int,
    seq: int,
    refused: list[Refusal],
) -> list[T]:
    if not bytes(raw):
        return []
    rows = _part(_raw_list, raw, name, seq, refused) or []
    if len(rows) > limit:
        refused.append(Refusal(seq, f"{name}[{limit}:]", f"more than {limit} parts: {len(rows)}"))
    found = (
        _part(decoder, row, f"{name}[{i}]", seq, refused) for i, row in enumerate(rows[:limit])
    )
    return [part for part in found if part is not None]


def to_reading(wire: WireReading, device_id: str) -> Reading:
    """Return the value used inside; the only conversion of a wire reading."""
    return Reading(
        device_id=device_id,
        kind=ReadingKind(wire.kind),
        measured_at=instant(wire.at),
        vitals=Vitals(
            spo2_percent=wire.spo2_percent,
            pulse_per_min=wire.pulse_per_min,
            perfusion_index_percent=wire.perfusion_index_percent,
            respiration_per_min=wire.respiration_per_min,
            temperature_celsius=wire.temperature_celsius,
            systolic_mmhg=wire.systolic_mmhg,
            diastolic_mmhg=wire.diastolic_mmhg,
            oxygen=None if wire.oxygen is None else Oxygen(wire.oxygen),
            consciousness=None if wire.consciousness is None else Consciousness(wire.consciousness),
        ),
        quality=Quality(wire.quality),
        spo2_min_percent=wire.spo2_min_percent,
        quality_share=wire.quality_share,
        record=wire.record,
        time_uncertain=wire.time_uncertain,
    )


def content_key(reading: Reading) -> bytes:
    """Return what makes two copies the same measurement: device, its own time or number, values.

    16 bytes of BLAKE2b. A stored record is known by the device's own `record`, another reading by
    the time the device gave it (docs/uplink.md, "The same measurement twice").
    """
    v = reading.vitals
    own = reading.record or str(epoch_ms(reading.measured_at))
    parts = (
        reading.device_id, own, v.spo2_percent, v.pulse_per_min, v.respiration_per_min,
        v.temperature_celsius, v.systolic_mmhg, v.diastolic_mmhg,
    )  # fmt: skip
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def instant(at_ms: int) -> datetime:
    """Return epoch milliseconds as aware UTC."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def epoch_ms(at: datetime) -> int:
    """Return an aware instant as epoch milliseconds, rounded down."""
    since = at - _EPOCH
    return since.days * 86_400_000 + since.seconds * 1_000 + since.microseconds // 1_000
