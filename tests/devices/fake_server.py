"""A small server that speaks `/gateway/v1` for real, over a real socket, and forgets on demand.

It keeps what it was sent in memory, answers as docs/uplink.md says, checks the signature, and can
be told to withhold acknowledgements, to refuse, or to have been restored from an old backup.
"""

import asyncio
import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from protocols.uplink import (
    SIGNATURE_CONTEXT,
    Ack,
    Batch,
    Challenge,
    Command,
    Done,
    Failure,
    FromServer,
    Gap,
    Hello,
    Refusal,
    Resume,
    StreamName,
    Welcome,
    decode_from_gateway,
    encode,
)
from tests.devices.given import NOON_MS, ServerKeys


@dataclass
class FakeServer:
    """What the server holds and how it behaves; start it with `start`, stop it with `stop`."""

    public_key: Ed25519PublicKey
    keys: ServerKeys | None = None
    """What it proves itself with; None: a server of before, which proves nothing."""
    now_ms: int = NOON_MS
    retry_after_s: float = 0.05
    line_percent: float = 92.0
    withhold_acks: bool = False
    refusal: Failure | None = None
    resume_once_at: int | None = None
    refuse_part: Callable[[Batch], str | None] = lambda _: None
    held: dict[tuple[str, str], dict[int, Batch | Gap]] = field(default_factory=dict)
    acked: dict[tuple[str, str], int] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    """Given after each welcome."""
    done: list[Done] = field(default_factory=list)
    hellos: list[Hello] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    out_of_turn: int = 0
    compressed: bool = False
    port: int = 0
    _server: Server | None = None
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await serve(self._serve, "127.0.0.1", self.port, close_timeout=0.2)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def drop_connections(self) -> None:
        """Cut every connection as a lost network does."""
        assert self._server is not None
        for connection in list(self._server.connections):
            connection.transport.abort()

    async def until(self, predicate: Callable[[], bool], timeout_s: float = 15.0) -> None:
        """Wait until something that was sent makes the predicate true."""
        async with asyncio.timeout(timeout_s), self._moved:
            await self._moved.wait_for(predicate)

    def batches(self) -> list[Batch]:
        """Return everything held, in the order of streams and numbers."""
        return [
            message
            for _, numbers in sorted(self.held.items())
            for _, message in sorted(numbers.items())
            if isinstance(message, Batch)
        ]

    def restore_backup(self, acked: int) -> None:
        """Forget everything after a number, in every stream."""
        for key, numbers in self.held.items():
            self.acked[key] = min(self.acked[key], acked)
            for seq in [seq for seq in numbers if seq > acked]:
                del numbers[seq]

    async def _serve(self, socket: ServerConnection) -> None:
        try:
            await self._converse(socket)
        except ConnectionClosed:
            return

    async def _converse(self, socket: ServerConnection) -> None:
        self.compressed = bool(socket.protocol.extensions)
        nonce = secrets.token_bytes(32)
        await self._send(socket, Challenge(base64.b64encode(nonce).decode(), self.now_ms))
        hello = decode_from_gateway(await socket.recv())
        assert isinstance(hello, Hello)
        if self.keys is not None and hello.nonce is not None:
            own = base64.b64decode(hello.nonce)
            proof = self.keys.prove(challenge=nonce, nonce=own, gateway_id=hello.gateway)
            await self._send(socket, proof)
        if not self._genuine(hello, nonce):
            await self._send(socket, Failure("not_allowed", "the signature does not match"))
            return
        if self.refusal is not None:
            await self._send(socket, self.refusal)
            return
        keys = {one.stream: (one.stream, one.epoch) for one in hello.streams}
        for key in keys.values():
            self.held.setdefault(key, {})
            self.acked.setdefault(key, 0)
        await self._send(
            socket,
            Welcome(
                {stream: self.acked[key] for stream, key in keys.items()},
                self.now_ms,
                urgent_below_spo2_percent=self.line_percent,
                retry_after_s=self.retry_after_s,
            ),
        )
        await self._note(lambda: self.hellos.append(hello))
        for command in self.commands:
            await self._send(socket, command)
        expected = {stream: self.acked[key] + 1 for stream, key in keys.items()}
        async for data in socket:
            await self._take(socket, keys, expected, data)

    async def _take(
        self,
        socket: ServerConnection,
        keys: Mapping[StreamName, tuple[str, str]],
        expected_of: dict[StreamName, int],
        data: str | bytes,
    ) -> None:
        assert isinstance(data, str), "messages travel as text frames"
        message = decode_from_gateway(data)
        assert not isinstance(message, Hello)
        if isinstance(message, Done):
            await self._note(lambda: self.done.append(message))
            return
        key = keys[message.stream]
        expected = expected_of[message.stream]
        if self.resume_once_at == message.seq:
            self.resume_once_at = None
            await self._send(socket, Resume(message.stream, self.acked[key]))
            return
        if message.seq > expected and not isinstance(message, Gap):
            self.out_of_turn += 1
            await self._send(socket, Resume(message.stream, self.acked[key]))
            return
        if message.seq < expected:
            await self._send(socket, Ack(message.stream, self.acked[key]))
            return
        expected_of[message.stream] = message.seq + 1
        if self.withhold_acks:
            await self._note(lambda: self.frames.append(data.encode()))
            return
        refused = []
        if isinstance(message, Batch) and (why := self.refuse_part(message)) is not None:
            refused = [Refusal(message.seq, "readings[0]", why)]

        def keep() -> None:
            self.frames.append(data.encode())
            self.held[key][message.seq] = message
            self.acked[key] = message.seq

        await self._note(keep)
        await self._send(socket, Ack(message.stream, message.seq, refused))

    def _genuine(self, hello: Hello, nonce: bytes) -> bool:
        try:
            self.public_key.verify(
                base64.b64decode(hello.signature),
                SIGNATURE_CONTEXT + nonce + hello.gateway.encode(),
            )
        except InvalidSignature:
            return False
        return True

    async def _note(self, change: Callable[[], None]) -> None:
        async with self._moved:
            change()
            self._moved.notify_all()

    async def _send(self, socket: ServerConnection, message: FromServer) -> None:
        await socket.send(encode(message), text=True)
