"""Parcels: what the spool keeps of a device before it has a number and a date.

A parcel's times count from its own start, a `Moment`; `freeze` gives it stream, number and date
and makes the frame that is sent, the same bytes however often. Pure.
"""

from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

from devices.clock import Moment
from protocols.errors import DecodeError
from protocols.uplink import Batch, Event, Sample, StreamName, WireReading, encode


class Content(Struct, frozen=True, array_like=True):
    """One device's words; `at` of readings and events counts from the parcel's start.

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


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Content)
_batches: Final = msgspec.json.Decoder(Batch)


def encode_content(content: Content) -> bytes:
    """Return the bytes that the spool keeps."""
    return _encoder.encode(content)


def decode_content(data: bytes) -> Content:
    """Read what `encode_content` wrote; raises `DecodeError` for anything else."""
    try:
        return _decoder.decode(data)
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
            events=[Event(event.kind, start_ms, event.value) for event in content.events],
            time_uncertain=uncertain,
        )
    )


def renumber(frame: bytes, seq: int) -> bytes:
    """Return a frozen frame under another number; its words stay."""
    return encode(msgspec.structs.replace(_batches.decode(frame), seq=seq))
