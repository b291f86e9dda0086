"""Gateways that send as fast as they may and keep a book of what they were promised.

What a number holds follows from the gateway and the number alone, so a batch sent again after a
crash is the same batch, and the database can be compared with what was sent, byte by byte.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from protocols.uplink import (
    Ack,
    Batch,
    Challenge,
    Failure,
    Resume,
    Sample,
    StreamName,
    Welcome,
    WireReading,
    decode_from_server,
    encode,
)
from telehealth import cases, loans
from telehealth.clock import now_ms
from telehealth.store.database import Database, Reader, Transaction
from tests import world
from tests.flow import wire

STREAMS: Final[tuple[StreamName, ...]] = ("live", "backlog")
_BATCH_MS: Final = 40
_SAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class Tally:
    """What was acknowledged, and what of it the database holds."""

    acked: int = 0
    found: int = 0
    doubled: int = 0
    again: int = 0
    """Sent, not acknowledged before a crash, and sent again."""

    @property
    def whole(self) -> bool:
        """Whether nothing acknowledged is missing and nothing is there twice."""
        return self.found == self.acked and not self.doubled

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.acked + other.acked,
            self.found + other.found,
            self.doubled + other.doubled,
            self.again + other.again,
        )

    def __str__(self) -> str:
        again = f", sent again {self.again}" if self.again else ""
        return f"acked {self.acked}, found {self.found}, doubled {self.doubled}{again}"


@dataclass(slots=True)
class Book:
    """One stream of one gateway: its highest number sent, and acknowledged."""

    sent: int = 0
    acked: int = 0
    cursor: int = 0
    """The number sent last on this connection."""


@dataclass(slots=True)
class LoadGateway:
    """One gateway, over any number of connections."""

    keys: wire.Keys
    device: str
    base_ms: int
    window: int = 64
    books: dict[StreamName, Book] = field(default_factory=lambda: {s: Book() for s in STREAMS})
    again: int = 0
    failures: list[Failure] = field(default_factory=list)
    port: int = 0
    """The local port of its newest connection."""
    on_ack: Callable[[], None] = lambda: None

    def batch(self, stream: StreamName, seq: int) -> Batch:
        """Return what this number holds: three samples, one to three readings, some of them red.

        A reading's `record` is its device and its time: the mark by which a trace finds it.
        """
        half = _BATCH_MS // 2 if stream == "backlog" else 0
        at = self.base_ms + seq * _BATCH_MS + half
        percent = 88.0 if seq % 97 == 0 else 95.0 + seq % 4
        readings = [
            WireReading(
                kind="minute", at=at + i, spo2_percent=percent, pulse_per_min=70.0 + seq % 20,
                quality_share=1.0, record=f"{self.device}.{at + i}",
            )
            for i in range(1 + seq % 3)
        ]  # fmt: skip
        samples = [Sample(10 * i, percent, 72.0, 3.0) for i in range(_SAMPLES)]
        return Batch(stream, seq, self.device, at, samples=samples, readings=readings)

    async def talk(self, origin: str, *, upto: int | None = None) -> None:
        """Send until the connection ends, or until both streams are acknowledged `upto`."""
        with suppress(OSError, WebSocketException):
            async with _socket(origin) as socket:
                self.port = socket.local_address[1]
                await self._greet(socket)
                await self._stream(socket, upto)

    async def _greet(self, socket: ClientConnection) -> None:
        challenge = decode_from_server(await socket.recv())
        assert isinstance(challenge, Challenge)
        await socket.send(encode(wire.hello(self.keys, challenge)).decode())
        welcome = decode_from_server(await socket.recv())
        if isinstance(welcome, Failure):
            self.failures.append(welcome)
            await socket.wait_closed()
            raise ConnectionError(welcome.code)
        assert isinstance(welcome, Welcome)
        for stream, book in self.books.items():
            held = welcome.acked[stream]
            assert held >= book.acked, f"{stream}: {book.acked} were promised, {held} are held"
            assert held <= book.sent, f"{stream}: {held} are held of {book.sent} sent"
            self.again += book.sent - held
            book.acked = book.cursor = held

    async def _stream(self, socket: ClientConnection, upto: int | None) -> None:
        room = asyncio.Event()
        listening = asyncio.create_task(self._listen(socket, room))
        try:
            while not listening.done() and not self.reached(upto):
                room.clear()
                await self._send_what_fits(socket, upto)
                if not self.reached(upto):
                    await room.wait()
        except ConnectionClosed:
            await listening  # what the server said before it closed
        finally:
            listening.cancel()
            [outcome] = await asyncio.gather(listening, return_exceptions=True)
            if isinstance(outcome, AssertionError):
                raise outcome

    async def _send_what_fits(self, socket: ClientConnection, upto: int | None) -> None:
        for stream, book in self.books.items():
            while book.cursor - book.acked < self.window and book.cursor != upto:
                book.cursor += 1
                book.sent = max(book.sent, book.cursor)
                await socket.send(encode(self.batch(stream, book.cursor)).decode())

    def reached(self, upto: int | None) -> bool:
        """Whether both streams are acknowledged up to this number."""
        return upto is not None and all(book.acked >= upto for book in self.books.values())

    async def _listen(self, socket: ClientConnection, room: asyncio.Event) -> None:
        try:
            async for frame in socket:
                message = decode_from_server(frame)
                if isinstance(message, Ack):
                    book = self.books[message.stream]
                    assert not message.refused, message
                    book.acked = max(book.acked, message.seq)
                    self.on_ack()
                elif isinstance(message, Resume):
                    self.books[message.stream].cursor = message.acked
                elif isinstance(message, Failure):
                    self.failures.append(message)
                room.set()
        finally:
            room.set()


@asynccontextmanager
async def _socket(origin: str) -> AsyncIterator[ClientConnection]:
    """Connect without compression, so that a trace shows the words."""
    address = f"{origin.replace('http', 'ws', 1)}/gateway/v1"
    async with connect(address, compression=None, close_timeout=1.0, open_timeout=60) as socket:
        yield socket


class Fleet:
    """Several gateways that share a fate."""

    def __init__(self, gateways: Sequence[LoadGateway], *, rng: random.Random) -> None:
        self.gateways = gateways
        self._rng = rng

    async def until_killed(self, origin: str, kill: Callable[[], None], *, acks: int) -> None:
        """Load the server, and kill it at some moment after so many acknowledgements."""
        heard = 0
        enough = asyncio.Event()

        def count() -> None:
            nonlocal heard
            heard += 1
            if heard >= acks:
                enough.set()

        for gateway in self.gateways:
            gateway.on_ack = count
        async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
            for gateway in self.gateways:
                tasks.create_task(gateway.talk(origin))
            await enough.wait()
            await asyncio.sleep(self._rng.uniform(0, 0.02))  # where in a commit it strikes
            kill()

    async def finish(self, origin: str, *, more: int = 5) -> None:
        """Have everything that was ever sent, and a little more, acknowledged."""
        async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
            for gateway in self.gateways:
                last = max(book.sent for book in gateway.books.values()) + more
                tasks.create_task(gateway.talk(origin, upto=last))

    def tally(self, reader: Reader) -> Tally:
        """Compare books and database: every upload, and every reading of every upload."""
        payloads: dict[tuple[str, str, int], list[bytes]] = {}
        for gateway_id, stream, seq, payload in reader.rows(
            "SELECT s.gateway_id, s.name, u.seq, u.payload FROM upload u"
            " JOIN stream s ON s.stream_id = u.stream_id"
        ):
            payloads.setdefault((gateway_id, stream, seq), []).append(bytes(payload))
        readings = Counter(reader.rows("SELECT device_id, measured_ms FROM reading"))
        total = Tally()
        for gateway in self.gateways:
            for stream, book in gateway.books.items():
                numbers = range(1, book.acked + 1)
                total += _compare(gateway, stream, numbers, payloads, readings)
            total = replace(total, again=total.again + gateway.again)
        for table in ("stream_gap", "refused", "reading_copy"):
            assert reader.rows(f"SELECT * FROM {table}") == []  # noqa: S608 - three constants
        return total


def _compare(
    gateway: LoadGateway,
    stream: StreamName,
    numbers: range,
    payloads: dict[tuple[str, str, int], list[bytes]],
    readings: Counter[tuple[object, ...]],
) -> Tally:
    found = doubled = 0
    for seq in numbers:
        batch = gateway.batch(stream, seq)
        kept = payloads.get((gateway.keys.gateway_id, stream, seq), [])
        times = [readings[gateway.device, reading.at] for reading in batch.readings]
        found += encode(batch) in kept and all(times)
        doubled += len(kept) > 1 or any(n > 1 for n in times)
    return Tally(len(numbers), found, doubled)


async def fleet(database: Database, count: int, *, rng: random.Random, window: int = 64) -> Fleet:
    """Make a world of `count` patients, each with a device and a gateway of its own."""
    made = await world.make(database)
    base_ms = now_ms() - int(timedelta(hours=1) / timedelta(milliseconds=1))
    devices = [made.device_id, *(f"ox-f0f0000001{n:02}" for n in range(1, count))]

    def lend(tx: Transaction) -> None:
        for number, device in enumerate(devices[1:], start=1):
            new = cases.NewPerson(display_name=f"Người Thử {number}", birth_date=date(1960, 1, 2))
            person_id = cases.add_person(tx, new)
            cases.open_case(tx, person_id, "pr-test", doctor_id=made.doctor_id)
            loans.lend(tx, device, person_id, "test")
        tx.execute("UPDATE device_loan SET from_ms = 0")

    await database.write(lend)
    gateways = [
        LoadGateway(await wire.enrolled(database), device, base_ms, window) for device in devices
    ]
    return Fleet(gateways, rng=rng)
