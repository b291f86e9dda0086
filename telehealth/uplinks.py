"""The server's side of one gateway's connection, without the socket (docs/uplink.md).

Theory of operation. `Uplink` is given frames and tells what to answer: it keeps each stream's next
number, hands what is in turn to intake, and answers again what it has already seen. Intake tells it
on the event loop what was committed. Answers gather in `take_answers`, acknowledgements cumulative:
the newest replaces one that has not gone out yet.
"""

import asyncio
import base64
import binascii
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocols.errors import DecodeError
from protocols.reading import NOT_A_PATIENTS
from protocols.uplink import (
    SIGNATURE_CONTEXT,
    Ack,
    Batch,
    Challenge,
    Command,
    CommandKind,
    Done,
    Failure,
    Gap,
    Hello,
    Refusal,
    Resume,
    Welcome,
    WireReading,
    decode_from_gateway,
    salvage,
)
from telehealth.errors import NotAllowedError, UnavailableError
from telehealth.intake import Intake, Upload
from telehealth.store.database import Transaction
from telehealth.store.queries import uploads

Answer = Ack | Resume | Failure | Command


class RevokedError(NotAllowedError):
    """This gateway is not, or no longer, enrolled: trying again cannot help."""

    code = "revoked"

    def __init__(self) -> None:
        super().__init__("this gateway is not enrolled here any more; enrol it with a new code")


def new_challenge(*, now_ms: int) -> tuple[bytes, Challenge]:
    """Return 32 fresh random bytes and the message that carries them."""
    nonce = secrets.token_bytes(32)
    return nonce, Challenge(base64.b64encode(nonce).decode(), now_ms)


@dataclass(frozen=True, slots=True)
class OpenStream:
    """A stream of this connection: its row, and the last number committed when it opened."""

    stream_id: int
    acked: int


def admit(tx: Transaction, hello: Hello, nonce: bytes) -> dict[str, OpenStream]:
    """Check the signature of a gateway we know and open its streams.

    Raises:
        RevokedError: unknown or revoked.
        NotAllowedError: a signature that is not its own.
    """
    found = tx.rows(
        "SELECT public_key, revoked_ms FROM gateway WHERE gateway_id = ? AND account_id IS NULL",
        (hello.gateway,),
    )
    if not found:
        raise RevokedError
    public_key, revoked_ms = found[0]
    if revoked_ms is not None:
        raise RevokedError
    signed = SIGNATURE_CONTEXT + nonce + hello.gateway.encode()
    try:
        signature = base64.b64decode(hello.signature, validate=True)
        Ed25519PublicKey.from_public_bytes(bytes(public_key)).verify(signature, signed)
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise NotAllowedError("the signature does not match the challenge") from error
    tx.execute(
        "UPDATE gateway SET seen_ms = ?, software = ?, model = ?, abilities = ?"
        " WHERE gateway_id = ?",
        (tx.now_ms, hello.software, hello.model, _known(hello.abilities), hello.gateway),
    )
    return {
        s.stream: OpenStream(*uploads.open_stream(tx, hello.gateway, s.stream, s.epoch))
        for s in hello.streams
    }


def _known(abilities: Sequence[str]) -> str:
    """Return those that this edition has commands for."""
    return " ".join(kind for kind in get_args(CommandKind) if kind in abilities)


def welcome(streams: dict[str, OpenStream], *, now_ms: int, retry_after_s: float) -> Welcome:
    """Return the answer to an admitted `hello`."""
    acked = {name: stream.acked for name, stream in streams.items()}
    return Welcome(acked, now_ms, retry_after_s=retry_after_s)


_NOT_A_PATIENTS = int(NOT_A_PATIENTS)
"""As a plain number: flags are slow, and this is asked of every reading."""


def _has_demonstrations(batch: Batch) -> bool:
    return any(reading.quality & _NOT_A_PATIENTS for reading in batch.readings)


def without_demonstrations(batch: Batch) -> tuple[Batch, list[Refusal]]:
    """Set demonstration and test data aside: they are kept, and never a patient's reading."""
    kept: list[WireReading] = []
    refusals: list[Refusal] = []
    for number, reading in enumerate(batch.readings):
        if reading.quality & _NOT_A_PATIENTS:
            why = f"demonstration or test data, quality {reading.quality}: never a patient's"
            refusals.append(Refusal(batch.seq, f"readings[{number}]", why))
        else:
            kept.append(reading)
    return msgspec.structs.replace(batch, readings=kept), refusals


class Uplink:
    """One admitted connection: frames in, uploads to intake, answers out."""

    def __init__(
        self,
        gateway_id: str,
        streams: dict[str, OpenStream],
        intake: Intake,
        *,
        window: int,
        wake: Callable[[], None],
    ) -> None:
        self.gateway_id = gateway_id
        self.in_flight = 0
        self.room = asyncio.Event()
        """Set while the window is not full."""
        self.room.set()
        self.close_code: int | None = None
        """Set when the connection must end after its answers have gone out."""
        self._streams = streams
        self._next = {name: stream.acked + 1 for name, stream in streams.items()}
        self._acked = {name: stream.acked for name, stream in streams.items()}
        self._intake = intake
        self._window = window
        self._wake = wake
        self.done: list[Done] = []
        """Answers to commands that are not kept yet."""
        self._given: set[str] = set()
        self._acks: dict[str, Ack] = {}
        self._answers: list[Answer] = []

    def command(self, commands: Sequence[Command]) -> None:
        """Give what waits for this gateway, once a connection."""
        for one in commands:
            if one.id not in self._given:
                self._given.add(one.id)
                self._answer(one)

    @property
    def full(self) -> bool:
        """Whether reading must stop until something has been committed."""
        return self.in_flight >= self._window

    def receive(self, raw: bytes) -> str | None:
        """Take one frame; returns the reason when the frame must be kept as unreadable."""
        refusals: list[Refusal] = []
        try:
            message = decode_from_gateway(raw)
        except DecodeError as wrong:
            try:
                message, refusals = salvage(raw)
            except DecodeError:
                self.end(1007, "malformed", str(wrong))
                return str(wrong)
        if isinstance(message, Hello):
            self.end(1002, "unexpected", "hello was said already")
        elif isinstance(message, Done):
            self.done.append(message)
        else:
            self._take(message, raw, refusals)
        return None

    def _take(self, message: Batch | Gap, raw: bytes, refusals: list[Refusal]) -> None:
        name, seq = message.stream, message.seq
        stream = self._streams.get(name)
        if stream is None:
            self.end(1002, "unknown_stream", f"hello did not name the stream {name}")
            return
        if isinstance(message, Batch) and message.readings and _has_demonstrations(message):
            message, not_theirs = without_demonstrations(message)
            refusals = [*refusals, *not_theirs]
        expected = self._next[name]
        if seq < expected:
            if seq <= self._acked[name]:
                self._ack(name, self._acked[name], [])
        elif seq == expected or isinstance(message, Gap):
            self._next[name] = seq + 1
            self._count(1)
            self._intake.submit(
                Upload(self, self.gateway_id, stream.stream_id, name, seq, raw, message, refusals)
            )
        else:
            self._answer(Resume(name, self._acked[name]))

    def committed(self, stream: str, seq: int, refused: Sequence[Refusal], count: int) -> None:
        """Intake's word: durable up to and with `seq`."""
        self._count(-count)
        self._acked[stream] = max(seq, self._acked[stream])
        self._ack(stream, self._acked[stream], refused)

    def rewound(self, stream: str, acked: int, count: int) -> None:
        """Intake's word: the database holds only up to `acked`; ask for the rest again."""
        self._count(-count)
        self._acked[stream] = acked
        self._next[stream] = acked + 1
        self._answer(Resume(stream, acked))  # type: ignore[arg-type]

    def refused(self, error: UnavailableError, count: int) -> None:
        """Intake's word: nothing of it was stored, and nothing is acknowledged."""
        self._count(-count)
        self.end(1013, error.code, str(error), retry_after_s=5.0)

    def revoked(self, count: int = 0) -> None:
        """Intake's or the administrator's word: this gateway is out."""
        self._count(-count)
        gone = RevokedError()
        self.end(4003, gone.code, str(gone))

    def end(
        self, close_code: int, code: str, message: str, *, retry_after_s: float | None = None
    ) -> None:
        """Say why, then close; the gateway keeps whatever was not acknowledged."""
        if self.close_code is None:
            self.close_code = close_code
            self.room.set()
            self._answer(Failure(code, message, retry_after_s))

    def _count(self, change: int) -> None:
        self.in_flight += change
        if self.full:
            self.room.clear()
        elif not self.room.is_set():
            self.room.set()

    def take_answers(self) -> list[Answer]:
        """Return what must go out now, acknowledgements first."""
        answers: list[Answer] = [*self._acks.values(), *self._answers]
        self._acks.clear()
        self._answers.clear()
        return answers

    def _ack(self, name: str, seq: int, refused: Sequence[Refusal]) -> None:
        waiting = self._acks.get(name)
        kept = [*waiting.refused, *refused] if waiting else list(refused)
        self._acks[name] = Ack(name, seq, kept)  # type: ignore[arg-type]
        self._wake()

    def _answer(self, answer: Answer) -> None:
        self._answers.append(answer)
        self._wake()
