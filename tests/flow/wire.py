"""A gateway reduced to what crosses the wire: keys, hello, batches, answers."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import ClientConnection, connect

from protocols.uplink import (
    SIGNATURE_CONTEXT,
    Ack,
    Batch,
    Challenge,
    Done,
    Failure,
    Gap,
    Hello,
    Sample,
    StreamEpoch,
    Welcome,
    WireReading,
    decode_from_server,
    encode,
)
from telehealth import gateways
from telehealth.store.database import Database

M = TypeVar("M")


@dataclass
class Keys:
    """An enrolled gateway and the epochs of its spool."""

    gateway_id: str
    private: Ed25519PrivateKey
    epochs: dict[str, str] = field(
        default_factory=lambda: {"live": "epoch-live-1", "backlog": "epoch-backlog-1"}
    )


async def enrolled(database: Database) -> Keys:
    """Enrol a gateway the short way, on the database."""
    private = Ed25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    code = await database.write(lambda tx: gateways.new_enrolment(tx, "test"))
    gateway_id = await database.write(lambda tx: gateways.enrol(tx, code, public, "test"))
    return Keys(gateway_id, private)


class Wire:
    """One connection of a gateway."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def receive(self, kind: type[M]) -> M:
        """Return the next message, which must be of this kind."""
        message = decode_from_server(await self.socket.recv())
        assert isinstance(message, kind), message
        return message

    async def send(self, message: Batch | Gap | Hello | Done) -> None:
        """Send one message."""
        await self.socket.send(encode(message).decode())

    async def send_raw(self, frame: str | bytes) -> None:
        """Send a frame as it is."""
        await self.socket.send(frame)

    async def acked(self, seq: int, stream: str = "live") -> Ack:
        """Wait until a number is acknowledged; returns that answer."""
        while True:
            ack = await self.receive(Ack)
            if ack.stream == stream and ack.seq >= seq:
                return ack

    async def says_hello(self, keys: Keys, **more: Any) -> Welcome:
        """Answer the challenge with the right signature."""
        await self.send(hello(keys, await self.receive(Challenge), **more))
        return await self.receive(Welcome)

    async def failed(self) -> tuple[Failure, int | None]:
        """Return the error that the server says, skipping acks, and the code it closes with."""
        while True:
            message = decode_from_server(await self.socket.recv())
            if isinstance(message, Failure):
                break
        await self.socket.wait_closed()
        return message, self.socket.close_code


def hello(keys: Keys, challenge: Challenge, **more: Any) -> Hello:
    """Sign a challenge."""
    signed = SIGNATURE_CONTEXT + base64.b64decode(challenge.nonce) + keys.gateway_id.encode()
    signature = base64.b64encode(keys.private.sign(signed)).decode()
    streams: Any = [StreamEpoch(name, epoch) for name, epoch in keys.epochs.items()]  # type: ignore[arg-type]
    return Hello(keys.gateway_id, signature, streams, **more)


@asynccontextmanager
async def connected(origin: str, keys: Keys | None = None, **more: Any) -> AsyncIterator[Wire]:
    """Connect; with keys, say hello too, with what more it says of itself."""
    async with connect(f"{origin.replace('http', 'ws', 1)}/gateway/v1", max_size=None) as socket:
        wire = Wire(socket)
        if keys is not None:
            await wire.says_hello(keys, **more)
        yield wire


def minute(
    seq: int, at_ms: int, spo2: float, *, device: str, pulse: float = 80.0, **more: Any
) -> Batch:
    """Return a batch that closes one minute, with one of its samples."""
    return Batch(
        "live",
        seq,
        device,
        at_ms,
        samples=[Sample(0, spo2, pulse, 3.0)],
        readings=[
            WireReading(
                kind="minute", at=at_ms, spo2_percent=spo2, pulse_per_min=pulse,
                perfusion_index_percent=3.0, quality_share=1.0, **more,
            )
        ],
    )  # fmt: skip
