"""A page of a call without a browser: our signalling over a real WebSocket, media by aiortc.

The flow tests use it on both sides; the demo uses it as the virtual person who answers. aiortc
1.16 does nothing on an ICE restart, so a peer that is offered one leaves and joins as a new page,
and is connected to anew (docs/calls.md, "A page that cannot restart").
"""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Origin

from protocols import signalling as wire

if TYPE_CHECKING:
    from aiortc import RTCPeerConnection

log = logging.getLogger(__name__)
_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 5.0
_KEPT: Final = 256


class Line:
    """One page's side of the numbering: what it said and was told, over any number of sockets."""

    def __init__(self) -> None:
        self.client = f"peer-{uuid.uuid4()}"
        self._said: deque[wire.Said] = deque(maxlen=_KEPT)
        self._seq = 0
        self._seen = 0

    def join(self) -> wire.Join:
        """Return the first word on a socket."""
        return wire.Join(self.client, self._seen)

    def number(self, message: wire.Said) -> wire.Said:
        """Number a message and keep it."""
        self._seq += 1
        numbered = msgspec.structs.replace(message, seq=self._seq)
        self._said.append(numbered)
        return numbered

    def joined(self, message: wire.Joined) -> list[wire.Said]:
        """Take the server's answer; returns what must be said again."""
        if message.resumed:
            return [said for said in self._said if said.seq > message.received]
        self._said.clear()
        self._seq = self._seen = 0
        return []

    def is_new(self, message: wire.Numbered) -> bool:
        """Note a number; False when it came before."""
        if message.seq <= self._seen:
            return False
        self._seen = message.seq
        return True


class CallPeer:
    """One side of a call.

    Args:
        url: `ws://…/api/v1/calls/{room_id}/socket`.
        headers: what the log-in needs, a `Cookie` and the `Origin`.
    """

    def __init__(self, url: str, *, headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.headers = dict(headers or {})
        self.video_frames = 0
        self.audio_frames = 0
        self.told: list[wire.FromServer] = []
        self.vitals: list[wire.VitalsNow] = []
        self.ended: wire.Ended | None = None
        self.failure: wire.Failure | None = None
        self.sockets = 0
        self._line = Line()
        self._polite = True
        self._ice_servers: list[wire.IceServer] = []
        self._socket: ClientConnection | None = None
        self._answered = False
        self._peer: wire.Peer | None = None
        self._connection: RTCPeerConnection | None = None
        self._remote_fragment: str | None = None
        self._early: list[wire.IceCandidate] = []
        self._sinks: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()

    async def run(self) -> None:
        """Be in the call until it ends, coming back after each lost socket."""
        wait_s = _FIRST_WAIT_S
        try:
            while self.ended is None and self.failure is None:
                try:
                    await self._one_socket()
                    wait_s = _FIRST_WAIT_S
                except InvalidStatus as error:
                    self.failure = wire.Failure("not_allowed", str(error), fatal=True)
                except (OSError, WebSocketException):
                    log.info("signalling lost", extra={"client": self._line.client})
                if self.ended is None and self.failure is None:
                    await asyncio.sleep(wait_s)
                    wait_s = min(_LONGEST_WAIT_S, wait_s * 2)
        finally:
            await self._drop_connection()
            self._move()

    async def until(self, reached: Callable[["CallPeer"], bool], *, timeout_s: float = 20) -> None:
        """Wait until something is true of this peer; it is asked after every change.

        Raises:
            TimeoutError: it did not become true in time.
        """
        async with asyncio.timeout(timeout_s):
            while not reached(self):
                self._moved.clear()
                await self._moved.wait()

    async def hang_up(self) -> None:
        """End the call."""
        await self._say(wire.HangUp(1))

    async def switch(self, *, microphone: bool, camera: bool) -> None:
        """Tell the others that microphone or camera were switched."""
        await self._say(wire.Media(1, microphone, camera))

    async def join_anew(self) -> None:
        """Leave this page and come back as another: aiortc cannot restart ICE."""
        await self._drop_connection()
        self._line, self._peer = Line(), None
        if self._socket is not None:
            await self._socket.send(wire.encode(self._line.join()))

    def cut(self) -> None:
        """Break the socket without a farewell, as a tunnel does."""
        if self._socket is not None:
            self._socket.transport.abort()

    @property
    def connected(self) -> bool:
        """Whether its signalling has been answered on a socket that lives."""
        return self._socket is not None and self._answered

    @property
    def connection(self) -> "RTCPeerConnection | None":
        """The media connection it has now."""
        return self._connection

    async def _one_socket(self) -> None:
        headers = {name: value for name, value in self.headers.items() if name != "Origin"}
        async with connect(
            self.url,
            additional_headers=headers,
            origin=Origin(self.headers["Origin"]) if "Origin" in self.headers else None,
            max_size=wire.MAX_MESSAGE_BYTES * 2,
            proxy=None,
        ) as socket:
            self._socket, self._answered = socket, False
            self.sockets += 1
            try:
                await socket.send(wire.encode(self._line.join()))
                async for frame in socket:
                    await self._take(wire.decode_from_server(frame))
            finally:
                self._socket = None
                self._move()

    async def _say(self, message: wire.Said) -> None:
        """Number and send; without a socket it waits for the next one."""
        numbered = self._line.number(message)
        if self._socket is not None:
            with suppress(WebSocketException):
                await self._socket.send(wire.encode(numbered))

    async def _take(self, message: wire.FromServer) -> None:
        self.told.append(message)
        if isinstance(message, wire.VitalsNow):
            self.vitals.append(message)
        elif isinstance(message, wire.Failure):
            self.failure = message if message.fatal else None
        elif isinstance(message, wire.Joined):
            await self._joined(message)
        elif self._line.is_new(message):
            await self._numbered(message)
        self._move()

    async def _joined(self, message: wire.Joined) -> None:
        self._polite, self._ice_servers = message.polite, message.ice_servers
        self._answered = True
        again = self._line.joined(message)
        for said in again:
            if self._socket is not None:
                await self._socket.send(wire.encode(said))
        if not message.resumed:
            await self._say(wire.Ready(1))

    async def _numbered(self, message: wire.Numbered) -> None:
        match message:
            case wire.PeerJoined(peer=peer):
                await self._meet(peer)
            case wire.PeerLeft(reason="left"):
                await self._drop_connection()
            case wire.Offer():
                await self._take_offer(message)
            case wire.Answer() if self._connection is not None:
                await self._describe(message.sdp, "answer")
            case wire.IceCandidate():
                await self._add_candidate(message)
            case wire.Ended():
                self.ended = message
            case _:
                pass

    async def _meet(self, peer: wire.Peer) -> None:
        """Somebody is there: the same page as before keeps its connection, a new one gets one."""
        known = self._peer is not None and self._peer.client == peer.client
        self._peer = peer
        if known and self._connection is not None:
            return
        await self._drop_connection()
        if not self._polite:
            connection = self._new_connection()
            await connection.setLocalDescription(await connection.createOffer())
            await self._say(wire.Offer(1, connection.localDescription.sdp))
            await self._say(wire.IceCandidate(1))

    async def _take_offer(self, offer: wire.Offer) -> None:
        fragment = _fragment(offer.sdp)
        if self._connection is not None:
            if not self._polite and self._connection.signalingState != "stable":
                return
            if self._remote_fragment not in (None, fragment):
                await self.join_anew()
                return
        connection = self._connection or self._new_connection()
        await self._describe(offer.sdp, "offer")
        await connection.setLocalDescription(await connection.createAnswer())
        await self._say(wire.Answer(1, connection.localDescription.sdp))
        await self._say(wire.IceCandidate(1))

    async def _describe(self, sdp: str, kind: str) -> None:
        from aiortc import RTCSessionDescription  # noqa: PLC0415 - heavy

        connection = self._connection
        if connection is None:
            return
        self._remote_fragment = _fragment(sdp)
        await connection.setRemoteDescription(RTCSessionDescription(sdp, kind))
        early, self._early = self._early, []
        for candidate in early:
            await self._add_candidate(candidate)

    async def _add_candidate(self, message: wire.IceCandidate) -> None:
        from aiortc.sdp import candidate_from_sdp  # noqa: PLC0415 - heavy

        connection = self._connection
        if connection is None or connection.remoteDescription is None:
            self._early.append(message)
            return
        if not message.candidate:
            await connection.addIceCandidate(None)
            return
        candidate = candidate_from_sdp(message.candidate.removeprefix("candidate:"))
        candidate.sdpMid = message.sdp_mid
        candidate.sdpMLineIndex = message.sdp_m_line_index
        await connection.addIceCandidate(candidate)

    def _new_connection(self) -> "RTCPeerConnection":
        from aiortc import (  # noqa: PLC0415 - heavy
            RTCConfiguration,
            RTCIceServer,
            RTCPeerConnection,
        )

        from devices.simulator.call_pattern import PatternTrack, ToneTrack  # noqa: PLC0415 - heavy

        servers = [RTCIceServer(server.urls) for server in self._ice_servers]
        connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        connection.addTrack(ToneTrack())
        connection.addTrack(PatternTrack())
        connection.on("track", self._on_track)
        connection.on("connectionstatechange", self._move)
        self._connection, self._remote_fragment = connection, None
        return connection

    def _on_track(self, track: Any) -> None:
        sink = asyncio.create_task(self._count(track))
        self._sinks.add(sink)
        sink.add_done_callback(self._sinks.discard)

    async def _count(self, track: Any) -> None:
        from aiortc.mediastreams import MediaStreamError  # noqa: PLC0415 - heavy

        with suppress(MediaStreamError):
            while True:
                await track.recv()
                if track.kind == "video":
                    self.video_frames += 1
                else:
                    self.audio_frames += 1
                self._move()

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        self._early.clear()
        if connection is not None:
            for sender in connection.getSenders():
                if sender.track is not None:
                    sender.track.stop()
            await connection.close()
        for sink in tuple(self._sinks):
            sink.cancel()
        await asyncio.gather(*self._sinks, return_exceptions=True)

    def _move(self) -> None:
        self._moved.set()


def _fragment(sdp: str) -> str | None:
    """Return the ICE user name fragment of a description (RFC 8839 §5.4)."""
    for line in sdp.splitlines():
        if line.startswith("a=ice-ufrag:"):
            return line.removeprefix("a=ice-ufrag:")
    return None


def only_loopback() -> None:
    """Make every peer of this process offer 127.0.0.1 alone, which aioice 0.13 would leave out."""
    import aioice.ice  # noqa: PLC0415 - heavy

    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
