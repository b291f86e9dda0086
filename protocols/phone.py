"""A phone and the server: what `POST …/patient/uploads` takes (docs/phone.md).

Theory of operation. A phone is a gateway without a socket: it numbers what it has measured from 1
in a stream that it names with a random UUID, posts what is not acknowledged yet, and deletes only
what the answer acknowledges. The session says who posts; each batch names the person it is about.
A batch that cannot be read is kept as it came, with the reason, and its number acknowledged, so
that one bad batch never holds up the others. Nothing here does I/O.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from protocols.errors import DecodeError
from protocols.uplink import Batch, EpochMs, Identifier, Refusal, Seq, WireReading

MAX_BATCHES: Final = 40
"""Of one post; the body's own limit is the server's."""
MAX_READINGS: Final = 10
"""Of one batch: a phone makes one at a time."""
UUID_PATTERN: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
PHONE_KINDS: Final = frozenset({"spot", "typed"})
"""A phone measures at one moment, or somebody typed; it closes no minutes."""

Uuid = Annotated[str, Meta(pattern=UUID_PATTERN)]
ClockMs = Annotated[float, Meta(ge=0, le=4_102_444_800_000)]
"""Milliseconds since 1970; some clocks tell fractions."""
PhoneDevice = Annotated[str, Meta(pattern=f"^ph:{UUID_PATTERN[1:-1]}(:[a-z0-9_]{{1,20}})?$")]
"""`ph:` and a UUID the phone made for itself; after it the family of the sensor, if one was read.
So no phone can speak in the name of a device that somebody else reads."""
ShownCode = Literal[
    "advice_red",
    "advice_orange",
    "advice_yellow",
    "advice_green",
    "called_115",
    "called_station",
    "sms_opened",
    "read_aloud",
    "understood",
]


class Shown(Struct, frozen=True):
    """What the phone showed about a reading, or what was pressed there."""

    code: ShownCode
    at: EpochMs
    reading_at: EpochMs
    """`at` of the reading it is about: this may be sent long after it."""


class PhoneBatch(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One number of a phone's stream; every reading carries its own UUID as `record`."""

    seq: Seq
    person: Identifier
    device: PhoneDevice
    readings: Annotated[list[WireReading], Meta(max_length=MAX_READINGS)] = []
    shown: Annotated[list[Shown], Meta(max_length=20)] = []
    rules: Annotated[str, Meta(max_length=120)] = ""
    """The rules by which the phone chose its advice: pack and level table."""


class PhonePost(Struct, frozen=True):
    """What one post holds; `now` is the phone's clock when it was sent."""

    epoch: Uuid
    now: ClockMs
    batches: Annotated[list[msgspec.Raw], Meta(max_length=MAX_BATCHES)]
    account: Annotated[str, Meta(max_length=64)] = ""
    """Whose queue it is; in another account's session it is refused whole, and waits."""


class PhoneUpload(Struct, frozen=True):
    """A `PhonePost` as a phone should make it: what the interface's document shows."""

    epoch: Uuid
    now: ClockMs
    batches: Annotated[list[PhoneBatch], Meta(max_length=MAX_BATCHES)]
    account: Annotated[str, Meta(max_length=64)] = ""


class PhoneAck(Struct, frozen=True):
    """All numbers up to and with `acked` are committed; refused parts are kept with a reason."""

    acked: int
    refused: list[Refusal]
    now: EpochMs


class _Numbered(Struct):
    seq: Annotated[float, Meta(ge=1, le=2**53, multiple_of=1)]


_batch: Final = msgspec.json.Decoder(PhoneBatch)
_numbered: Final = msgspec.json.Decoder(_Numbered)


def decode_batch(raw: bytes) -> tuple[int, PhoneBatch | None, list[Refusal]]:
    """Decode one batch of a post, whole or not at all.

    Returns:
        Its number, the batch with the readings a phone may send, and a refusal for the rest. None:
        nothing of it can be read.

    Raises:
        DecodeError: not even its number can be read, so it cannot be acknowledged.
    """
    try:
        batch = _batch.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as wrong:
        try:
            seq = int(_numbered.decode(raw).seq)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise DecodeError(str(error)) from error
        return seq, None, [Refusal(seq, "batch", str(wrong))]
    kept, refused = [], []
    for number, reading in enumerate(batch.readings):
        why = _refusal(reading)
        if why:
            refused.append(Refusal(batch.seq, f"readings[{number}]", why))
        else:
            kept.append(reading)
    return batch.seq, msgspec.structs.replace(batch, readings=kept), refused


def _refusal(reading: WireReading) -> str:
    """Return why a phone may not send this reading; empty: it may."""
    if reading.kind not in PHONE_KINDS:
        return f"kind {reading.kind}: a phone sends {' or '.join(sorted(PHONE_KINDS))}"
    if reading.record is None:
        return "no record: a phone names each of its readings with a UUID"
    return ""


def to_batch(batch: PhoneBatch) -> Batch:
    """Return the batch in the uplink's words: on the stream `live`, with the person left out."""
    return Batch("live", batch.seq, batch.device, readings=batch.readings)
