"""The desk of calls: carries out what rooms and the book decide.

Acts. Rooms live here while somebody is in them; sockets hand in what pages say. What a room wants
recorded is written in order by one task, and tried again while the database cannot serve, because
a call goes on without it. A change made elsewhere (answered, declined, rang out) comes by the bus
topic `room:ID`: the desk then reads the row and tells its room.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final, Protocol

from protocols import signalling as wire
from telehealth.access.policy import Actor
from telehealth.bus import Bus, Message
from telehealth.calls import book
from telehealth.calls.book import Call
from telehealth.calls.room import Close, Effect, Heard, Lost, Moved, Record, Room, Send, Tick
from telehealth.calls.seat import Member
from telehealth.calls.states import WITH_MEDIA, CallState, answering, ending
from telehealth.errors import NotFoundError, TelehealthError, UnavailableError
from telehealth.store.database import Database, Reader, Transaction

log = logging.getLogger(__name__)
_TICK_S: Final = 1.0
_RENEW_S: Final = 60.0
_AGAIN_S: Final = 1.0


class Socket(Protocol):
    """A page's connection."""

    def send(self, frame: str) -> None:
        """Queue a frame; never waits."""

    def close(self) -> None:
        """Close after what is queued."""


@dataclass(frozen=True, slots=True)
class _Entered:
    room_id: str
    account_id: str
    socket: Socket


class CallDesk:
    """Every call of this process."""

    def __init__(
        self, database: Database, bus: Bus, *, ice_servers: Sequence[wire.IceServer] = ()
    ) -> None:
        self._database = database
        self._bus = bus
        self._ice_servers = list(ice_servers)
        self._rooms: dict[str, Room] = {}
        self._ends: dict[str, Callable[[], None]] = {}
        self._entered: dict[int, _Entered] = {}
        self._numbers = count(1)
        self._records: asyncio.Queue[tuple[str, Record]] = asyncio.Queue()
        self._news: asyncio.Queue[tuple[str, str | None]] = asyncio.Queue()

    async def offer(self, actor: Actor, person_id: str, alert_id: str | None = None) -> Call:
        """Ring a person (`book.offer`)."""
        return await self._write(lambda tx: book.offer(tx, actor, person_id, alert_id), actor)

    async def request(self, actor: Actor, person_id: str | None = None) -> Call:
        """Ask for a doctor (`book.request`)."""
        return await self._write(lambda tx: book.request(tx, actor, person_id), actor)

    async def answer(self, actor: Actor, room_id: str) -> Call:
        """Say yes: the person accepts a call, a doctor rings back a request.

        Raises:
            NotFoundError: no such call for this account.
            IllegalTransitionError: nothing rings for it; somebody else was quicker.
        """

        def yes(tx: Transaction) -> Call:
            call, party = book.require_part(tx, actor, room_id), book.party_of(actor)
            action = answering(call.state, party)
            return book.advance(tx, room_id, action, party, actor.account_id)

        return await self._write(yes, actor)

    async def decline(self, actor: Actor, room_id: str) -> Call:
        """Say no, withdraw, or hang up, whichever it means now; raises as `answer` does."""

        def no(tx: Transaction) -> Call:
            call, party = book.require_part(tx, actor, room_id), book.party_of(actor)
            action = ending(call.state, party)
            return book.advance(tx, room_id, action, party, actor.account_id)

        return await self._write(no, actor)

    async def enter(self, actor: Actor, room_id: str, socket: Socket) -> tuple[int, str]:
        """Let a page into the room; returns its connection's number and whose call it is.

        Raises:
            NotFoundError: no such call for this account.
        """

        def look(reader: Reader) -> tuple[Call, list[Member]]:
            call = book.require_part(reader, actor, room_id)
            return call, book.members_of(reader, call)

        call, members = await self._database.read(look)
        if actor.account_id not in {member.account_id for member in members}:
            raise NotFoundError(f"no call {room_id}")
        room = self._rooms.get(room_id) or self._open(call)
        for member in members:
            room.admit(member)
        self._do(room_id, room.receive(Moved(call.state)))
        number = next(self._numbers)
        self._entered[number] = _Entered(room_id, actor.account_id, socket)
        return number, call.person_id

    def heard(self, connection: int, message: wire.FromBrowser) -> None:
        """Hand in what a page said."""
        entered, at_s = self._entered[connection], asyncio.get_running_loop().time()
        room = self._rooms.get(entered.room_id)
        if room is None:
            return entered.socket.close()
        heard = Heard(entered.account_id, connection, message, at_s)
        return self._do(entered.room_id, room.receive(heard))

    def lost(self, connection: int) -> None:
        """A connection is gone."""
        entered = self._entered.pop(connection)
        room = self._rooms.get(entered.room_id)
        if room is not None:
            at_s = asyncio.get_running_loop().time()
            self._do(entered.room_id, room.receive(Lost(connection, at_s)))

    async def run(self) -> None:
        """Record, follow the book and keep time until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._record_all())
            tasks.create_task(self._follow_book())
            tasks.create_task(self._renew())
            while True:
                self.tick(asyncio.get_running_loop().time())
                await asyncio.sleep(_TICK_S)

    def tick(self, at_s: float) -> None:
        """Tell every room the time, and forget those that nobody will come back to."""
        for room_id, room in list(self._rooms.items()):
            self._do(room_id, room.receive(Tick(at_s)))
            if room.empty:
                self._forget(room_id)

    def _open(self, call: Call) -> Room:
        """Make the room of a call; one that was in session lost its server, so both come back."""
        state = call.state
        room = Room((), state, self._ice_servers)
        if state is CallState.IN_SESSION:
            self._do(call.room_id, room.interrupt())
        self._rooms[call.room_id] = room
        self._ends[call.room_id] = self._bus.subscribe(f"room:{call.room_id}", self._on_news)
        return room

    def _forget(self, room_id: str) -> None:
        del self._rooms[room_id]
        self._ends.pop(room_id)()

    def _do(self, room_id: str, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(connection, message):
                    if connection in self._entered:
                        self._entered[connection].socket.send(wire.encode(message))
                case Close(connection):
                    if connection in self._entered:
                        self._entered[connection].socket.close()
                case Record():
                    self._records.put_nowait((room_id, effect))

    def _on_news(self, topic: str, message: Message) -> None:
        by = message.get("by")
        self._news.put_nowait((topic.removeprefix("room:"), by if isinstance(by, str) else None))

    async def _follow_book(self) -> None:
        while True:
            room_id, by = await self._news.get()
            if room_id not in self._rooms:
                continue
            try:
                call = await self._database.read(lambda r, key=room_id: book.find(r, key))  # type: ignore[misc]
            except TelehealthError:
                log.exception("call cannot be read", extra={"room_id": room_id})
                continue
            room = self._rooms.get(room_id)
            if room is not None:
                self._do(room_id, room.receive(Moved(call.state, by)))

    async def _record_all(self) -> None:
        while True:
            room_id, record = await self._records.get()
            while True:
                if await self._record(room_id, record):
                    break
                await asyncio.sleep(_AGAIN_S)

    async def _record(self, room_id: str, record: Record) -> bool:
        """Write one step; False when it must be tried again."""

        def step(tx: Transaction) -> tuple[Call, list[str]]:
            call = book.advance(tx, room_id, record.action, record.party, record.by)
            return call, book.topics(tx, call)

        try:
            call, topics = await self._database.write(step)
        except UnavailableError:
            log.exception("call cannot be recorded now", extra={"room_id": room_id})
            return False
        except TelehealthError as error:
            log.warning("call went another way", extra={"room_id": room_id, "why": str(error)})
            self._news.put_nowait((room_id, None))
            return True
        self._tell(call, topics, record.by)
        return True

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            held = [room_id for room_id, room in self._rooms.items() if room.state in WITH_MEDIA]
            if not held:
                continue
            try:
                await self._database.write(lambda tx, ids=held: book.renew_leases(tx, ids))  # type: ignore[misc]
            except TelehealthError:
                log.exception("leases cannot be renewed now", extra={"rooms": len(held)})

    async def _write(self, step: Callable[[Transaction], Call], actor: Actor) -> Call:
        """Change the book, then tell everyone whom it concerns."""

        def both(tx: Transaction) -> tuple[Call, list[str]]:
            call = step(tx)
            return call, book.topics(tx, call)

        call, topics = await self._database.write(both)
        self._tell(call, topics, actor.account_id)
        return call

    def _tell(self, call: Call, topics: Sequence[str], by: str | None) -> None:
        log.info("call moved", extra={"room_id": call.room_id, "state": call.state.value})
        for topic in topics:
            self._bus.publish(
                topic,
                {"kind": "ring", "room_id": call.room_id, "state": call.state.value, "by": by},
            )
