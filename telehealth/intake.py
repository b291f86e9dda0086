"""The reading pipeline, top to bottom: stored, scored, alerts decided, routed, outbox, then ack.

Theory of operation. Connections hand in uploads; whatever has gathered while the last transaction
ran becomes the next group. A group is one transaction: the uploads as they were sent, their
readings, score states, alerts, timers and outbox, or nothing. Only after its commit are its numbers
acknowledged. A group that fails is tried again in halves until the bad upload stands alone, is kept
aside and acknowledged as refused; a database that cannot serve acknowledges nothing.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from protocols.reading import Reading
from protocols.uplink import Batch, Gap, Refusal, Sample, content_key, encode, to_reading
from telehealth import choices, judging
from telehealth.bus import Bus
from telehealth.choices import Choice
from telehealth.consents import stopping
from telehealth.errors import UnavailableError
from telehealth.store.database import Database, Transaction
from telehealth.store.queries import uploads as kept

log = logging.getLogger(__name__)


class Sender(Protocol):
    """The connection an upload came by; told on the event loop what became of it."""

    def committed(self, stream: str, seq: int, refused: Sequence[Refusal], count: int) -> None:
        """`count` uploads are durable: every number of the stream up to and with `seq`."""

    def refused(self, error: UnavailableError, count: int) -> None:
        """`count` uploads were not taken and must be sent again."""

    def revoked(self, count: int) -> None:
        """`count` uploads were not taken: the gateway's key has been revoked."""

    def rewound(self, stream: str, acked: int, count: int) -> None:
        """`count` uploads came out of turn: the database holds numbers only up to `acked`."""


@dataclass(slots=True)
class Upload:
    """One frame of a gateway, decoded, with the bytes it came in."""

    sender: Sender
    gateway_id: str
    stream_id: int
    stream: str
    seq: int
    raw: bytes
    message: Batch | Gap | None
    """None: set aside, because it cannot be processed."""
    refusals: list[Refusal] = field(default_factory=list)
    choice: Choice | None = None
    """Whose its readings are, where somebody said so; None: whose the device was."""


@dataclass(slots=True)
class StreamEnd:
    """What a group did to one stream: acknowledged up to `acked`, or found out of turn."""

    sender: Sender
    stream: str
    acked: int
    uploads: int
    refusals: list[Refusal]
    rewound: bool = False
    revoked: bool = False


@dataclass(slots=True)
class Taken:
    """What a committed group means for those who wait for it."""

    number: int
    ends: list[StreamEnd]
    person_ids: set[str]
    samples: list[Batch]
    queued: bool
    """Whether something waits in the outbox."""


def take_in(tx: Transaction, group: Sequence[Upload]) -> Taken:
    """Store a group of uploads and everything that follows from them, or nothing."""
    fresh, ends = _advance_streams(tx, group)
    _leave_out_withheld(tx, fresh)
    batches = [(u, u.message) for u in fresh if isinstance(u.message, Batch)]
    kept.add_uploads(tx, [(u.stream_id, u.seq, u.raw) for u, _ in batches])
    kept.add_refused(
        tx, [(u.gateway_id, u.stream_id, u.seq, u.refusals, u.raw) for u in fresh if u.refusals]
    )
    devices = [(u.gateway_id, batch) for u, batch in batches if u.choice is None]
    kept.add_device_events(tx, devices)
    readings = _not_yet_known(tx, batches)
    chosen = choices.by_content((upload.choice, batch) for upload, batch in batches)
    belonging, probes = judging.attribute(tx, readings, [b for _, b in devices], chosen)
    judged = judging.judge(tx, belonging, probes)
    judging.keep(tx, judged)
    shown_to = _keep_choices(tx, fresh, chosen, readings)
    return Taken(
        number=tx.number,
        ends=ends,
        person_ids=judged.person_ids | shown_to,
        samples=[batch for upload, batch in batches if _is_present(upload, batch)],
        queued=judged.queued,
    )


def _keep_choices(
    tx: Transaction,
    fresh: Sequence[Upload],
    chosen: Mapping[bytes, Choice],
    readings: Sequence[tuple[bytes, Reading]],
) -> set[str]:
    """Store who decided and what was shown, for uploads of phones; returns whose pages change."""
    told = [upload.choice for upload in fresh if upload.choice is not None]
    if not told:
        return set()
    choices.keep_decisions(tx, {key: chosen[key] for key, _ in readings if key in chosen})
    return choices.keep_shown(tx, told)


def _leave_out_withheld(tx: Transaction, group: Sequence[Upload]) -> None:
    """Keep nothing that a device measured after its borrower withdrew consent.

    What was measured before stays theirs; of a batch that holds both, only that is kept, and only
    as readings: the batch as it was sent would hold the rest too. Numbers are acknowledged as ever.
    """
    devices = sorted({u.message.device for u in group if isinstance(u.message, Batch)})
    limits = stopping.withheld(tx, devices)
    if not limits:
        return
    for upload in group:
        if isinstance(upload.message, Batch) and upload.message.device in limits:
            limit_ms = limits[upload.message.device]
            upload.message = before(upload.message, limit_ms)
            upload.raw = encode(upload.message)
            upload.refusals = []


def before(batch: Batch, limit_ms: int) -> Batch:
    """Return what of a batch was measured before an instant."""
    return msgspec.structs.replace(
        batch,
        readings=[reading for reading in batch.readings if reading.at < limit_ms],
        events=[event for event in batch.events if event.at < limit_ms],
        samples=[one for one in batch.samples if batch.at + one.offset_ms < limit_ms],
    )


def _is_present(upload: Upload, batch: Batch) -> bool:
    """Whether a batch's samples may be shown as what is happening now."""
    return bool(batch.samples) and upload.stream == "live" and not batch.time_uncertain


def _advance_streams(
    tx: Transaction, group: Sequence[Upload]
) -> tuple[list[Upload], list[StreamEnd]]:
    """Move each stream row over its uploads; drop what it already holds, turn back what jumps."""
    held = kept.lock_streams(tx, sorted({u.stream_id for u in group}))
    ends: dict[tuple[int, int], StreamEnd] = {}
    fresh: list[Upload] = []
    moved: dict[int, int] = {}
    for upload in group:
        acked, revoked = held[upload.stream_id]
        acked = moved.get(upload.stream_id, acked)
        key = (upload.stream_id, id(upload.sender))
        end = ends.get(key)
        if end is None:
            end = ends[key] = StreamEnd(upload.sender, upload.stream, acked, 0, [], revoked=revoked)
        end.uploads += 1
        if revoked:
            continue
        in_turn = upload.seq == acked + 1 or isinstance(upload.message, Gap)
        if upload.seq > acked and in_turn:
            fresh.append(upload)
            moved[upload.stream_id] = end.acked = upload.seq
            end.refusals += upload.refusals
            if isinstance(upload.message, Gap):
                kept.add_gap(tx, upload.stream_id, acked + 1, upload.seq, upload.message.reason)
        else:
            end.acked = acked
            end.rewound = end.rewound or upload.seq > acked
    kept.advance_streams(tx, moved)
    return fresh, list(ends.values())


def _not_yet_known(
    tx: Transaction, batches: Sequence[tuple[Upload, Batch]]
) -> list[tuple[bytes, Reading]]:
    """Return the readings whose content nobody sent before; link the second copies."""
    found: dict[bytes, Reading] = {}
    copies: list[tuple[bytes, int, int]] = []
    origin: dict[bytes, tuple[int, int]] = {}
    for upload, batch in batches:
        for wire in batch.readings:
            reading = to_reading(wire, batch.device)
            key = content_key(reading)
            if key in found:
                copies.append((key, upload.stream_id, upload.seq))
            else:
                found[key] = reading
                origin[key] = (upload.stream_id, upload.seq)
    known = kept.known_contents(tx, list(found))
    copies += [(key, *origin[key]) for key in known]
    kept.add_copies(tx, copies)
    return [(key, reading) for key, reading in found.items() if key not in known]


class Intake:
    """Gathers uploads into groups and carries each through `take_in`."""

    def __init__(self, database: Database, bus: Bus, *, group_max: int) -> None:
        self._database = database
        self._bus = bus
        self._group_max = group_max
        self._waiting: deque[Upload] = deque()
        self._arrived = asyncio.Event()

    def submit(self, upload: Upload) -> None:
        """Queue an upload; its sender is told when it is durable."""
        self._waiting.append(upload)
        self._arrived.set()

    async def run(self) -> None:
        """Take in groups until cancelled."""
        while True:
            await self._arrived.wait()
            group = [
                self._waiting.popleft() for _ in range(min(self._group_max, len(self._waiting)))
            ]
            if not self._waiting:
                self._arrived.clear()
            if group:
                try:
                    await self._take(group)
                except Exception:
                    log.exception("a group was not answered", extra={"uploads": len(group)})

    async def _take(self, group: list[Upload]) -> None:
        """Commit a group; on failure in halves, until the bad upload stands alone."""
        try:
            taken = await self._database.write(lambda tx: take_in(tx, group))
        except UnavailableError as error:
            log.error("intake cannot write", extra={"uploads": len(group), "why": str(error)})
            _give_back(group, error)
        except Exception as error:  # noqa: BLE001 - one bad upload must not hold up the others
            if len(group) > 1:
                middle = len(group) // 2
                await self._take(group[:middle])
                await self._take(group[middle:])
            else:
                await self._set_aside(group[0], error)
        else:
            self._tell(taken)

    async def _set_aside(self, upload: Upload, error: Exception) -> None:
        """Keep an upload that cannot be processed, whole, and let its stream go on."""
        log.error(
            "upload set aside",
            exc_info=error,
            extra={"gateway_id": upload.gateway_id, "stream": upload.stream, "seq": upload.seq},
        )
        refusal = Refusal(upload.seq, "batch", f"cannot be processed: {type(error).__name__}")
        upload.message = None
        upload.refusals = [refusal]
        try:
            self._tell(await self._database.write(lambda tx: take_in(tx, [upload])))
        except Exception as again:
            log.error("upload cannot be set aside", exc_info=again)
            _give_back([upload], UnavailableError("the server cannot keep this upload now"))

    def _tell(self, taken: Taken) -> None:
        """After the commit: acknowledge, then tell the screens."""
        for end in taken.ends:
            if end.revoked:
                end.sender.revoked(end.uploads)
            elif end.rewound:
                end.sender.rewound(end.stream, end.acked, end.uploads)
            else:
                end.sender.committed(end.stream, end.acked, end.refusals, end.uploads)
        for person_id in taken.person_ids:
            self._bus.publish(f"person:{person_id}", {"kind": "state", "changed_in": taken.number})
        if taken.queued:
            self._bus.publish("outbox", {})
        for batch in taken.samples:
            topic = f"device:{batch.device}"
            if self._bus.wanted(topic):
                self._bus.publish(topic, _samples_message(batch.at, batch.samples))


def _samples_message(at: int, samples: Sequence[Sample]) -> dict[str, object]:
    return {"kind": "samples", "at": at, "samples": msgspec.to_builtins(samples)}


def _give_back(group: Sequence[Upload], error: UnavailableError) -> None:
    counts: dict[int, tuple[Sender, int]] = {}
    for upload in group:
        sender, count = counts.get(id(upload.sender), (upload.sender, 0))
        counts[id(sender)] = (sender, count + 1)
    for sender, count in counts.values():
        sender.refused(error, count)
