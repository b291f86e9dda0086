"""Phones: what the patient's page posts, taken in as a gateway's uploads are (docs/phone.md).

Theory of operation. An account that posts is a gateway to the tables (`ph-<account>`, without a
key, never admitted on the gateways' socket), and each phone of it one stream, named by the UUID the
phone made. So numbers, acknowledgement after commit, refusals and content identity are those of
gateways. What differs: the session says who posts, each batch names its person, and the phone's
clock is corrected by the difference that the post shows.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from protocols.phone import PhoneBatch, PhonePost, decode_batch, to_batch
from protocols.reading import Quality
from protocols.uplink import Batch, Refusal, WireReading, encode
from telehealth.access.policy import Action, Actor
from telehealth.access.scope import may
from telehealth.choices import Choice
from telehealth.consents import giving
from telehealth.errors import NotAllowedError, UnavailableError
from telehealth.intake import Intake, Upload
from telehealth.store.database import Reader, Transaction
from telehealth.store.queries import uploads
from telehealth.uplinks import OpenStream, without_demonstrations

CLOCK_WRONG_MS: Final = 60_000
"""A phone's clock that differs more than this is corrected, and its readings say so."""
PATIENCE_S: Final = 25.0
"""A post that is not durable by then is answered so; the phone sends it again, at no harm."""
OLDEST_MS: Final = 30 * 24 * 3_600_000
"""Phones keep a week; what is older than this was dated by a clock that knew nothing."""


def gateway_id_of(account_id: str) -> str:
    """Return the id under which an account's phones upload."""
    return f"ph-{account_id}"


def open_stream(tx: Transaction, account_id: str, epoch: str) -> OpenStream:
    """Return the stream of one phone of an account; a new UUID begins at 0."""
    gateway_id = gateway_id_of(account_id)
    tx.execute(
        "INSERT INTO gateway (gateway_id, name, public_key, software, enrolled_ms, account_id)"
        " VALUES (?, '', ?, '', ?, ?) ON CONFLICT (gateway_id) DO NOTHING",
        (gateway_id, b"", tx.now_ms, account_id),
    )
    return OpenStream(*uploads.open_stream(tx, gateway_id, "live", epoch))


@dataclass(frozen=True, slots=True)
class Named:
    """One batch of a post: its number, its bytes, and what could be read of it."""

    seq: int
    raw: bytes
    batch: PhoneBatch | None
    refused: list[Refusal]


def read(post: PhonePost) -> list[Named]:
    """Decode the batches of a post one by one.

    Raises:
        DecodeError: one has not even a number.
    """
    named = []
    for part in post.batches:
        raw = bytes(part)
        named.append(Named(*_numbered(raw)))
    return named


def _numbered(raw: bytes) -> tuple[int, bytes, PhoneBatch | None, list[Refusal]]:
    seq, batch, refused = decode_batch(raw)
    return seq, raw, batch, refused


@dataclass(frozen=True, slots=True)
class Standing:
    """A person as a post may name them."""

    person_id: str
    """The record that stands for them today: records are merged while phones are out of reach."""
    may_enter: bool
    withdrawn: bool
    """They took back their consent: nothing of them is kept."""


def standings(reader: Reader, actor: Actor, person_ids: Sequence[str]) -> dict[str, Standing]:
    """Return how each person a post names stands to who posts."""
    found = {}
    for named in person_ids:
        today = _today(reader, named)
        found[named] = Standing(
            today,
            may(reader, actor, today, Action.ENTER_READING),
            giving.has_withdrawn(reader, today),
        )
    return found


def _today(reader: Reader, person_id: str) -> str:
    """Follow merges to the record that is left; a ring of them cannot be made."""
    while True:
        rows = reader.rows("SELECT merged_into FROM person WHERE person_id = ?", (person_id,))
        if not rows or rows[0][0] is None:
            return person_id
        person_id = rows[0][0]


def to_upload(
    named: Named,
    standings: dict[str, Standing],
    *,
    sender: "Post",
    account_id: str,
    stream: OpenStream,
    ahead_ms: int,
    now_ms: int,
) -> Upload:
    """Return a batch as intake takes it; what may not be stored carries its reason.

    Args:
        named: the batch.
        standings: of every person the post names.
        sender: who is told when it is durable.
        account_id: who posted.
        stream: where it belongs.
        ahead_ms: how far the phone's clock is ahead of ours.
        now_ms: our time.
    """
    gateway_id = gateway_id_of(account_id)
    upload = Upload(
        sender, gateway_id, stream.stream_id, "live", named.seq, named.raw, None, named.refused
    )
    if named.batch is None:
        return upload
    standing = standings[named.batch.person]
    if standing.withdrawn:
        upload.message = Batch("live", named.seq, named.batch.device)
        upload.raw, upload.refusals = encode(upload.message), []
        return upload
    if not standing.may_enter:
        why = f"account {account_id} may not enter readings of {named.batch.person}"
        upload.refusals = [Refusal(named.seq, "batch", why)]
        return upload
    batch, demonstrations = without_demonstrations(
        to_batch(_corrected(named.batch, ahead_ms, now_ms))
    )
    upload.message = batch
    upload.refusals = [*named.refused, *demonstrations]
    upload.choice = Choice(
        standing.person_id,
        account_id,
        named.batch.rules,
        tuple(
            msgspec.structs.replace(
                one,
                at=_moved(one.at, ahead_ms, now_ms),
                reading_at=_moved(one.reading_at, ahead_ms, now_ms),
            )
            for one in named.batch.shown
        ),
    )
    return upload


def _corrected(batch: PhoneBatch, ahead_ms: int, now_ms: int) -> PhoneBatch:
    return msgspec.structs.replace(
        batch, readings=[dated(one, ahead_ms, now_ms) for one in batch.readings]
    )


def dated(reading: WireReading, ahead_ms: int, now_ms: int) -> WireReading:
    """Return a phone's reading on our clock.

    A phone whose clock is wrong by more than a minute is corrected by the difference, which is
    kept. What then lies in the future, or before anything a phone can still hold, cannot be dated:
    it was measured now at the latest.
    """
    at = _moved(reading.at, ahead_ms, now_ms)
    wrong = abs(ahead_ms) > CLOCK_WRONG_MS
    quality = int(Quality(reading.quality) | Quality.DEVICE_CLOCK_WRONG) if wrong else None
    return msgspec.structs.replace(
        reading,
        at=at,
        quality=reading.quality if quality is None else quality,
        clock_offset_s=_seconds(ahead_ms) if wrong else None,
        time_uncertain=reading.time_uncertain or not _datable(reading.at, ahead_ms, now_ms),
    )


def _seconds(ahead_ms: int) -> float:
    """Return seconds within what the wire carries."""
    return max(-315_360_000.0, min(315_360_000.0, ahead_ms / 1000))


def _moved(at_ms: int, ahead_ms: int, now_ms: int) -> int:
    if not _datable(at_ms, ahead_ms, now_ms):
        return now_ms
    moved = at_ms - ahead_ms if abs(ahead_ms) > CLOCK_WRONG_MS else at_ms
    return min(moved, now_ms)


def _datable(at_ms: int, ahead_ms: int, now_ms: int) -> bool:
    moved = at_ms - ahead_ms if abs(ahead_ms) > CLOCK_WRONG_MS else at_ms
    return now_ms - OLDEST_MS <= moved <= now_ms + CLOCK_WRONG_MS


class Post:
    """One post on its way through intake: waits until every batch is durable or turned away."""

    def __init__(self, acked: int) -> None:
        self.acked = acked
        self.refused_parts: list[Refusal] = []
        self._left = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def taken_in(self, intake: Intake, make: Callable[["Post"], Sequence[Upload]]) -> None:
        """Submit the uploads and wait for what becomes of them.

        Raises:
            UnavailableError: they were not stored and must be sent again.
            NotAllowedError: the account's phones have been shut out.
        """
        batches = make(self)
        self._left = len(batches)
        if not batches:
            return
        for upload in batches:
            intake.submit(upload)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._done
        except TimeoutError as error:
            raise UnavailableError(f"not stored within {PATIENCE_S} s; send it again") from error

    def committed(self, stream: str, seq: int, refused: Sequence[Refusal], count: int) -> None:
        """Intake's word: durable up to and with `seq`."""
        self.acked = max(self.acked, seq)
        self.refused_parts += refused
        self._settle(count)

    def rewound(self, stream: str, acked: int, count: int) -> None:
        """Intake's word: the database holds only up to `acked`; the phone sends from there."""
        self.acked = acked
        self._settle(count)

    def refused(self, error: UnavailableError, count: int) -> None:
        """Intake's word: nothing of it was stored, and nothing is acknowledged."""
        self._settle(count, error)

    def revoked(self, count: int) -> None:
        """Intake's word: the account's phones are shut out."""
        self._settle(count, NotAllowedError("this account's phones may not upload any more"))

    def _settle(self, count: int, error: Exception | None = None) -> None:
        self._left -= count
        if self._done.done():
            return
        if error is not None:
            self._done.set_exception(error)
        elif self._left <= 0:
            self._done.set_result(None)
