"""Parcels: what the spool keeps of a device before it has a number and a date.

A parcel's times count from its own start, a `Moment`; `freeze` gives it stream, number and date
and makes the frame that is sent, the same bytes however often. What lies on the disk is deflated;
what an earlier version wrote plainly is read as well. Pure.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

from devices.clock import Moment
from protocols.errors import DecodeError
from protocols.uplink import (
    MAX_EVENTS,
    MAX_READINGS,
    MAX_SAMPLES,
    Batch,
    Event,
    Sample,
    StreamName,
    WireReading,
    encode,
)


class Content(Struct, frozen=True, array_like=True):
    """One device's words; offsets of readings, and `at` of events, count from the parcel's start.

    `dated` readings are from a device's memory and carry the device's own date.
    """

    samples: list[Sample] = []
    readings: list[tuple[int, WireReading]] = []
    dated: list[WireReading] = []
    events: list[Event] = []


class Parcel(Struct, frozen=True):
    """A content, whose it is and when it began."""

    device: str
    start: Moment
    content: Content


STREAMS: Final[tuple[StreamName, ...]] = ("live", "backlog")


@dataclass(frozen=True, slots=True)
class Frame:
    """What is to be sent under a number: a batch, or the declaration of a gap."""

    stream: StreamName
    seq: int
    data: bytes


QUICKLY: Final = 1
WELL: Final = 6
"""How hard zlib tries: as it comes, and later when there is time."""
LONGEST_JOIN_MS: Final = 3_600_000
"""A joined parcel spans no more: a sample's offset reaches no further (docs/uplink.md)."""
_DEFLATED: Final = 0x78
_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Content)
_batches: Final = msgspec.json.Decoder(Batch)


def deflate(data: bytes, effort: int = QUICKLY) -> bytes:
    """Return bytes as they lie on the disk."""
    return zlib.compress(data, effort)


def inflate(data: bytes) -> bytes:
    """Return what was deflated, or an earlier version wrote plainly; raises `DecodeError`."""
    if not data or data[0] != _DEFLATED:
        return data
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise DecodeError(f"spool row: {error}") from error


def encode_content(content: Content, effort: int = QUICKLY) -> bytes:
    """Return the bytes that the spool keeps."""
    return deflate(_encoder.encode(content), effort)


def decode_content(data: bytes) -> Content:
    """Read what `encode_content` wrote; raises `DecodeError` for anything else."""
    try:
        return _decoder.decode(inflate(data))
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise DecodeError(f"spool row: {error}") from error


def freeze(
    content: Content, *, stream: StreamName, seq: int, device: str, start_ms: int, uncertain: bool
) -> bytes:
    """Return the frame of a parcel that now has a number and a date.

    Args:
        content: what the device said.
        stream: which of the two streams it goes by.
        seq: its number there.
        device: whose words they are.
        start_ms: the date of its start, epoch milliseconds.
        uncertain: nobody could date it; `start_ms` is the latest that it can have been.
    """
    readings = [
        msgspec.structs.replace(
            reading,
            at=max(0, start_ms + offset_ms),
            time_uncertain=uncertain or reading.time_uncertain,
        )
        for offset_ms, reading in content.readings
    ]
    return encode(
        Batch(
            stream=stream,
            seq=seq,
            device=device,
            at=start_ms,
            samples=content.samples,
            readings=readings + content.dated,
            events=[
                Event(event.kind, max(0, start_ms + event.at), event.value)
                for event in content.events
            ],
            time_uncertain=uncertain,
        )
    )


def fits(contents: Sequence[Content]) -> bool:
    """Say whether contents can travel as one batch (docs/uplink.md, limits)."""
    return (
        sum(len(content.samples) for content in contents) <= MAX_SAMPLES
        and sum(len(c.readings) + len(c.dated) for c in contents) <= MAX_READINGS // 2
        and sum(len(content.events) for content in contents) <= MAX_EVENTS
    )


def join(parts: Sequence[tuple[int, Content]]) -> Content:
    """Return several contents as one; each is given how much later than the first it began."""
    return Content(
        samples=[
            msgspec.structs.replace(sample, offset_ms=sample.offset_ms + later_ms)
            for later_ms, content in parts
            for sample in content.samples
        ],
        readings=[
            (offset_ms + later_ms, reading)
            for later_ms, content in parts
            for offset_ms, reading in content.readings
        ],
        dated=[reading for _, content in parts for reading in content.dated],
        events=[
            Event(event.kind, event.at + later_ms, event.value)
            for later_ms, content in parts
            for event in content.events
        ],
    )


def renumber(frame: bytes, seq: int) -> bytes:
    """Return a frozen frame under another number; its words stay."""
    return encode(msgspec.structs.replace(_batches.decode(frame), seq=seq))
