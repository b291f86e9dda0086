"""The connection to the server: a thin asyncio shell around `Session`, one connection at a time.

It sends what the spool holds, marks what the server has committed, and comes back after any loss
for as long as it takes. Nothing is decided here: `session.py` decides, `spool.py` keeps.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from devices.backoff import Backoff
from devices.cancellation import stop_if_cancelled
from devices.clock import Clock, Moment
from devices.identity import Identity, IdentityError, tls_context
from devices.pins import Pins, UnprovenServerError
from devices.session import (
    NOT_ALLOWED,
    CarryOut,
    Committed,
    Configure,
    Effect,
    Pin,
    Refused,
    RenewEpoch,
    RevokedError,
    Rewind,
    Say,
    ServerTime,
    Session,
)
from devices.settings import Settings
from devices.spool import RejectedFrame, Spool
from devices.spool_thread import SpoolThread
from protocols.errors import TelehealthError
from protocols.server_identity import NONCE_BYTES
from protocols.uplink import (
    MAX_MESSAGE_BYTES,
    Command,
    Done,
    Refusal,
    StreamName,
    UnknownMessageError,
    decode_from_server,
    encode,
)

logger = logging.getLogger(__name__)

_OPEN_TIMEOUT_S: Final = 20.0
_LOOK_AGAIN_S: Final = 2.0
"""How long acknowledgements may wait to be marked in the spool: one commit for many."""


_NOT_ALLOWED_TIMES: Final = 3
"""Refused so often in a row, a gateway is out for good."""


class _ConnectionOverError(TelehealthError):
    """This connection is of no more use; the reason is in the text."""


class CommandPort(Protocol):
    """What carries out the server's commands, and says which it can."""

    @property
    def model(self) -> str:
        """The machine it runs on."""

    @property
    def abilities(self) -> Sequence[str]:
        """The kinds of command that can be carried out."""

    async def carry_out(self, command: Command, now: Moment) -> Done:
        """Do it once, however often it comes; never fails."""


class _NothingToCommand:
    """A gateway that takes no commands: the server gives it none."""

    model = ""
    abilities: Sequence[str] = ()

    async def carry_out(self, command: Command, now: Moment) -> Done:
        return Done(command.id, "not_able")


class Uplink:
    """Keeps one gateway in conversation with its server."""

    def __init__(
        self,
        identity: Identity,
        spool: SpoolThread,
        settings: Settings,
        clock: Clock,
        *,
        configure: Callable[[float], Awaitable[None]],
        rng: random.Random,
        commands: CommandPort | None = None,
    ) -> None:
        self._identity = identity
        self._spool = spool
        self._settings = settings
        self._clock = clock
        self._configure = configure
        self._commands = commands or _NothingToCommand()
        self._at_work: set[asyncio.Task[None]] = set()
        self._backoff = Backoff(rng, most_s=settings.retry_max_s)
        self._news = asyncio.Event()
        self._owed_acks: dict[StreamName, int] = {}
        self._retry_after_s: float | None = None
        self._not_allowed = 0
        self.connected = False
        """Whether the server has welcomed us and the connection stands."""
        self.last_contact_ms: int | None = None
        """When the server last said anything, monotonic."""

    def wake(self) -> None:
        """There is something new in the spool."""
        self._news.set()

    async def run(self) -> None:
        """Talk to the server until cancelled.

        Raises:
            RevokedError: the server will not have this gateway any more.
        """
        while True:
            stop_if_cancelled()
            try:
                await self._connect_once()
            except RevokedError:
                raise
            except UnprovenServerError as error:
                await self._come_back(error, "the server is not the one this gateway knows")
            except (OSError, TimeoutError, WebSocketException, TelehealthError) as error:
                await self._come_back(error, "no connection to the server")

    async def _come_back(self, error: Exception, event: str) -> None:
        """Wait before the next attempt; everything stays in the spool meanwhile."""
        wait_s = self._backoff.next_s(self._retry_after_s)
        self._retry_after_s = None
        level = logging.ERROR if isinstance(error, UnprovenServerError) else logging.WARNING
        why = f"{type(error).__name__}: {error}"
        logger.log(level, event, extra={"why": why, "retry_in_s": round(wait_s)})
        await asyncio.sleep(wait_s)

    async def _connect_once(self) -> None:
        url = self._identity.uplink_url
        plain = url.startswith("ws:")
        async with connect(
            url,
            ssl=None if plain else await asyncio.to_thread(tls_context, self._settings.ca_file),
            compression="deflate",
            open_timeout=_OPEN_TIMEOUT_S,
            close_timeout=1.0,
            max_size=MAX_MESSAGE_BYTES,
            proxy=None if plain else True,
        ) as socket:
            session = Session(
                self._identity.gateway_id,
                self._identity.sign,
                epochs=await self._spool.call(Spool.epochs),
                highest=await self._spool.call(Spool.highest),
                clock_synchronised=self._clock.moment().synchronised,
                pins=self._identity.pins,
                nonce=secrets.token_bytes(NONCE_BYTES),
                window=self._settings.window,
                model=self._commands.model,
                abilities=self._commands.abilities,
            )
            listening = asyncio.create_task(self._listen(socket, session))
            try:
                await self._speak(socket, session, listening)
            finally:
                self.connected = False
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
                await self._mark_acknowledged()

    async def _listen(self, socket: ClientConnection, session: Session) -> None:
        async for data in socket:
            try:
                message = decode_from_server(data)
            except UnknownMessageError:
                logger.info("a message of a newer server is passed over")
                continue
            now = self._clock.moment()
            self.last_contact_ms = now.monotonic_ms
            await self._act(session.receive(message, monotonic_ms=now.monotonic_ms), now, socket)
            self._news.set()
        raise _ConnectionOverError("the server closed the connection")

    async def _speak(
        self, socket: ClientConnection, session: Session, listening: asyncio.Task[None]
    ) -> None:
        """Send as the window allows until the connection ends."""
        now_s = asyncio.get_running_loop().time
        look_again_s = min(_LOOK_AGAIN_S, self._settings.ack_timeout_s / 4)
        marked_s = moved_s = now_s()
        reached: tuple[object, ...] = ()
        listening.add_done_callback(lambda _: self._news.set())
        while True:
            stop_if_cancelled()
            self._news.clear()
            if listening.done():
                listening.result()
            try:
                await self._send_what_fits(socket, session)
            except ConnectionClosed:
                await listening  # what the server said before it closed tells why
                raise
            with suppress(TimeoutError):
                async with asyncio.timeout(look_again_s):
                    await self._news.wait()
            if now_s() - marked_s >= look_again_s:
                marked_s = now_s()
                await self._mark_acknowledged()
            reached_now = (*session.acked.values(), session.state)
            if reached_now != reached or session.idle:
                reached, moved_s = reached_now, now_s()
            elif now_s() - moved_s > self._settings.ack_timeout_s:
                raise _ConnectionOverError("the server acknowledges nothing")

    async def _send_what_fits(self, socket: ClientConnection, session: Session) -> None:
        while session.room:
            rewinds = session.rewinds
            frames = await self._spool.call(
                Spool.next_frames,
                dict(session.sent),
                room=session.room,
                backlog_room=session.backlog_room,
                now=self._clock.moment(),
            )
            if session.rewinds != rewinds:
                continue
            if not frames:
                return
            session.frames_sent(frames)
            for frame in frames:
                await socket.send(frame.data, text=True)

    async def _act(self, effects: Iterable[Effect], now: Moment, socket: ClientConnection) -> None:
        for effect in effects:
            match effect:
                case Say(message):
                    await socket.send(encode(message), text=True)
                case Pin(pins):
                    await self._know_the_server_by(pins)
                case ServerTime(server_now_ms, monotonic_ms):
                    at = Moment(now.boot_id, monotonic_ms, now.wall_ms, now.synchronised)
                    await self._spool.call(Spool.contact, at, server_now_ms)
                case Configure(line_percent, retry_after_s):
                    self._not_allowed = 0
                    self._backoff.succeeded(first_s=retry_after_s)
                    await self._configure(line_percent)
                    self.connected = True
                    logger.info("connected to the server", extra={"url": self._identity.server})
                case Committed(stream, seq, refused):
                    self._owed_acks[stream] = max(self._owed_acks.get(stream, 0), seq)
                    if refused:
                        await self._keep_refusals(stream, refused, now)
                case Rewind(stream, acked):
                    self._owed_acks.pop(stream, None)
                    await self._spool.call(Spool.rewind, stream, acked)
                case RenewEpoch(stream):
                    await self._spool.call(Spool.renew_epoch, stream)
                    raise _ConnectionOverError(f"{stream}: the server holds more than this spool")
                case CarryOut(command):
                    task = asyncio.create_task(self._carry_out(command, now, socket))
                    self._at_work.add(task)
                    task.add_done_callback(self._at_work.discard)
                case Refused(code, message, retry_after_s):
                    self._refused(code, message, retry_after_s)

    async def _carry_out(self, command: Command, now: Moment, socket: ClientConnection) -> None:
        """Do it beside everything else; an answer that gets lost is asked for again."""
        done = await self._commands.carry_out(command, now)
        with suppress(ConnectionClosed):
            await socket.send(encode(done), text=True)

    async def _know_the_server_by(self, pins: Pins) -> None:
        """Keep what the server proved; a disk that fails must not keep readings from it."""
        self._identity = replace(self._identity, pins=pins)
        try:
            await asyncio.to_thread(self._identity.keep)
            logger.info("server's identities kept")
        except IdentityError as error:
            logger.error("server's identities not kept", extra={"why": str(error)})

    def _refused(self, code: str, message: str, retry_after_s: float | None) -> None:
        self._retry_after_s = retry_after_s
        logger.error("server refused", extra={"code": code, "why": message})
        if code == NOT_ALLOWED:
            self._not_allowed += 1
            if self._not_allowed >= _NOT_ALLOWED_TIMES:
                raise RevokedError(
                    f"server refuses gateway {self._identity.gateway_id} again and again"
                    f" ({message}): enrol it again"
                )

    async def _keep_refusals(
        self, stream: StreamName, refused: Sequence[Refusal], now: Moment
    ) -> None:
        """Note what the server kept aside; its reason may hold values and stays out of the log."""
        for refusal in refused:
            logger.error(
                "server refused a part",
                extra={"stream": stream, "seq": refusal.seq, "part": refusal.part},
            )
        kept = [
            RejectedFrame("server", f"{stream}/{refusal.seq}", b"", _reason(refusal), now)
            for refusal in refused
        ]
        await self._spool.call(Spool.append, [], rejected=kept)

    async def _mark_acknowledged(self) -> None:
        if self._owed_acks:
            owed, self._owed_acks = self._owed_acks, {}
            await self._spool.call(Spool.acknowledge, owed, self._clock.moment())


def _reason(refusal: Refusal) -> str:
    return f"{refusal.part}: {refusal.reason}"
