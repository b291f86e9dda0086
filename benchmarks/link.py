"""One gateway's connection in the load: the handshake, then frames that were made beforehand.

WebSocket framing is the library's (sans-I/O); here is only who speaks when, and how much may wait
for its acknowledgement.
"""

import asyncio
import base64
from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import cast

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from benchmarks.figures import CannotMeasureError
from benchmarks.population import private_key
from protocols.uplink import (
    SIGNATURE_CONTEXT,
    Ack,
    Batch,
    Challenge,
    Hello,
    StreamEpoch,
    Welcome,
    decode_from_server,
    encode,
)

_STRIDE = 16
"""Frames handed to the socket at once while it may send."""


class Link(asyncio.Protocol):
    """A gateway with its live stream; `acked` counts from 1 as on the wire."""

    def __init__(self, gateway: str, *, port: int, in_flight: int) -> None:
        self.acked = 0
        self.welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.latencies_s: list[float] = []
        self._gateway = gateway
        self._in_flight = in_flight
        self._socket = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/gateway/v1"))
        self._frames: list[bytes] = []
        self._sent = 0
        self._last = 0
        self._sent_at: dict[int, float] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._socket.send_request(self._socket.connect())
        self._flush()

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Frame and mask what will be sent, before anything is timed."""
        for batch in batches:
            self._socket.send_text(encode(batch))
            self._frames.append(b"".join(self._socket.data_to_send()))

    def send_up_to(self, last: int) -> asyncio.Future[None]:
        """Send the frames up to number `last`; the future ends with their last ack."""
        self._last = last
        self.done = asyncio.get_running_loop().create_future()
        self._push()
        self._finish()
        return self.done

    def send_next(self) -> None:
        """Send one frame now and note when; its latency ends with the ack that covers it."""
        self._sent += 1
        self._last = self._sent
        self._sent_at[self._sent] = perf_counter()
        self._transport.write(self._frames[self._sent - 1])

    def expect(self, last: int) -> asyncio.Future[None]:
        """Return a future that ends when number `last` is acknowledged."""
        self.done = asyncio.get_running_loop().create_future()
        self._last = last
        self._finish()
        return self.done

    def close(self) -> None:
        """Say goodbye; what the server does from now on is no failure."""
        self._last = self.acked
        self._finish()
        self._socket.send_close(1000)
        self._flush()
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._socket.receive_data(data)
        try:
            for event in self._socket.events_received():
                if isinstance(event, Frame):
                    self._frame(event)
        except CannotMeasureError as error:
            self._fail(error)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(CannotMeasureError(f"{self._gateway}: the server closed the connection ({exc})"))

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.TEXT:
            return
        message = decode_from_server(bytes(frame.data))
        if isinstance(message, Ack) and not message.refused:
            self._acknowledged(message.seq)
        elif isinstance(message, Challenge):
            self._hello(message)
        elif isinstance(message, Welcome):
            self.welcomed.set_result(None)
        else:
            raise CannotMeasureError(f"{self._gateway}: the server answered {message}")

    def _hello(self, challenge: Challenge) -> None:
        nonce = base64.b64decode(challenge.nonce)
        signed = SIGNATURE_CONTEXT + nonce + self._gateway.encode()
        signature = base64.b64encode(private_key(self._gateway).sign(signed)).decode()
        epoch = StreamEpoch("live", f"e-{challenge.now}")
        self._socket.send_text(encode(Hello(self._gateway, signature, [epoch], "benchmark")))

    def _acknowledged(self, seq: int) -> None:
        if self._sent_at:
            now = perf_counter()
            for number in range(self.acked + 1, seq + 1):
                self.latencies_s.append(now - self._sent_at.pop(number))
        self.acked = seq
        self._push()
        self._finish()

    def _push(self) -> None:
        """Write the next frames while few enough wait for their ack."""
        while self._sent < self._last:
            upto = min(self._sent + _STRIDE, self._last)
            if upto - self.acked > self._in_flight:
                return
            self._transport.write(b"".join(self._frames[self._sent : upto]))
            self._sent = upto

    def _finish(self) -> None:
        if self.acked >= self._last and not self.done.done():
            self.done.set_result(None)

    def _fail(self, error: CannotMeasureError) -> None:
        for future in (self.welcomed, self.done):
            if not future.done():
                future.set_exception(error)

    def _flush(self) -> None:
        parts: Sequence[bytes] = self._socket.data_to_send()
        if parts:
            self._transport.write(b"".join(parts))
