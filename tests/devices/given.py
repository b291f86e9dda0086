"""What the gateway's tests share: a clock that is told the time, an identity, parcels."""

import asyncio
import base64
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.clock import Moment
from devices.identity import Identity
from devices.parcels import Content, Parcel
from devices.pins import Pins
from devices.spool import Spool
from devices.spool_thread import SpoolThread
from devices.status import SpoolStatus, read_status
from protocols.server_identity import Identities, proof_words
from protocols.uplink import Batch, Proof, Sample, WireReading, decode_from_gateway

P = ParamSpec("P")
T = TypeVar("T")
NOON_MS = 1_790_000_000_000
"""An instant in September 2026."""


@dataclass
class GivenClock:
    """A clock that shows what it is told."""

    boot_id: str = "boot-1"
    monotonic_ms: int = 1_000_000
    wall_ms: int = NOON_MS
    synchronised: bool = True

    def moment(self) -> Moment:
        return Moment(self.boot_id, self.monotonic_ms, self.wall_ms, self.synchronised)

    def pass_ms(self, ms: int) -> Moment:
        self.monotonic_ms += ms
        self.wall_ms += ms
        return self.moment()


def identity(server: str = "http://127.0.0.1:1") -> Identity:
    return Identity(server, "gw-0001", Ed25519PrivateKey.generate())


@dataclass(frozen=True)
class ServerKeys:
    """A server's two identities, the next one second."""

    first: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    second: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def identities(self) -> Identities:
        return self.first.public_key().public_bytes_raw(), (
            self.second.public_key().public_bytes_raw()
        )

    @property
    def pins(self) -> Pins:
        return Pins(self.identities)

    def rotated(self) -> "ServerKeys":
        return ServerKeys(self.second)

    def prove(self, *, challenge: bytes, nonce: bytes, gateway_id: str) -> Proof:
        words = proof_words(
            challenge=challenge, nonce=nonce, identities=self.identities, gateway_id=gateway_id
        )
        signatures = [key.sign(words) for key in (self.first, self.second)]
        return Proof(
            [base64.b64encode(key).decode() for key in self.identities],
            [base64.b64encode(signature).decode() for signature in signatures],
        )


def parcel(start: Moment, spo2_percent: float = 97.0, device: str = "ox-f0f000000001") -> Parcel:
    """One sample and one reading, 1 s after the start."""
    content = Content(
        samples=[Sample(1000, spo2_percent, 72.0, 3.1)],
        readings=[(1000, WireReading(kind="spot", at=0, spo2_percent=spo2_percent))],
    )
    return Parcel(device, start, content)


def samples_only(start: Moment, count: int, device: str = "ox-f0f000000001") -> Parcel:
    samples = [Sample(1000 * i, 97.0, 72.0, 3.1) for i in range(count)]
    return Parcel(device, start, Content(samples=samples))


def batch_of(data: bytes) -> Batch:
    message = decode_from_gateway(data)
    assert isinstance(message, Batch)
    return message


def spool_path(folder: Path) -> Path:
    return folder / "spool.db"


def chance(seed: int) -> random.Random:
    """Return chance that is the same each time."""
    return random.Random(seed)  # noqa: S311 (a seed for tests, no secret)


class WatchedSpool(SpoolThread):
    """A spool that says when something was done with it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, max_bytes=10_000_000)
        self.path = path
        self._done = asyncio.Condition()

    async def call(
        self, method: Callable[Concatenate[Spool, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        result = await super().call(method, *args, **kwargs)
        async with self._done:
            self._done.notify_all()
        return result

    async def until(self, predicate: Callable[[SpoolStatus], bool]) -> None:
        """Wait until the spool's state makes the predicate true."""
        async with asyncio.timeout(15), self._done:
            await self._done.wait_for(lambda: predicate(read_status(self.path)))


class Heard(logging.Handler):
    """Waits for an event in the log; use it as a context."""

    def __init__(self, message: str) -> None:
        super().__init__()
        self._message = message
        self._event = asyncio.Event()
        self._level_before = logging.NOTSET
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == self._message:
            self.records.append(record)
            self._event.set()

    def __enter__(self) -> "Heard":
        logger = logging.getLogger("devices")
        self._level_before = logger.level
        logger.addHandler(self)
        logger.setLevel(logging.INFO)
        return self

    def __exit__(self, *_: object) -> None:
        logger = logging.getLogger("devices")
        logger.setLevel(self._level_before)
        logger.removeHandler(self)

    async def once(self) -> logging.LogRecord:
        """Return the first such event."""
        async with asyncio.timeout(15):
            await self._event.wait()
        return self.records[0]
