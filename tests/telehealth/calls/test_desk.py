"""The desk on a real database and bus: rooms, records and news, with sockets of lists."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from protocols import signalling as wire
from telehealth.access.policy import Actor
from telehealth.bus import Bus
from telehealth.calls import book
from telehealth.calls.book import Call
from telehealth.calls.desk import CallDesk
from telehealth.calls.room import GRACE_S
from telehealth.errors import IllegalTransitionError, NotFoundError, UnavailableError
from telehealth.store.database import Database
from tests.telehealth.calls.world import BINH, HOA, LAN, MINH, TAM, people


@dataclass
class Wire:
    """A socket that keeps what it is given."""

    told: list[wire.FromServer] = field(default_factory=list)
    closed: bool = False

    def send(self, frame: str) -> None:
        assert not self.closed
        self.told.append(wire.decode_from_server(frame))

    def close(self) -> None:
        self.closed = True


@dataclass
class Page:
    """A page at the desk."""

    desk: CallDesk
    connection: int
    socket: Wire
    seq: int = 0

    def tell(self, kind: type[wire.Said]) -> None:
        self.seq += 1
        self.desk.heard(self.connection, kind(self.seq))  # type: ignore[call-arg]


@pytest.fixture
async def db(database: Database) -> Database:
    await database.write(people)
    return database


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
async def desk(db: Database, bus: Bus) -> AsyncIterator[CallDesk]:
    async with running(db, bus) as found:
        yield found


class running:  # noqa: N801 - reads as a verb
    """A desk with its loop."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self.desk = CallDesk(db, bus)

    async def __aenter__(self) -> CallDesk:
        self.task = asyncio.create_task(self.desk.run())
        return self.desk

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def enter(desk: CallDesk, actor: Actor, call: Call, client: str = "") -> Page:
    socket = Wire()
    connection, person_id = await desk.enter(actor, call.room_id, socket)
    assert person_id == call.person_id
    desk.heard(connection, wire.Join(client or f"{actor.account_id}-page-1"))
    page = Page(desk, connection, socket)
    page.tell(wire.Ready)
    return page


async def reaches(db: Database, call: Call, state: str) -> Call:
    """Wait for the row: the desk writes it a moment later."""
    async with asyncio.timeout(10):
        while True:
            found = await db.read(lambda r: book.find(r, call.room_id))
            if found.state == state:
                return found
            await asyncio.sleep(0)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the desk's own tasks have to run
            await asyncio.sleep(0)


async def in_session(desk: CallDesk, db: Database) -> tuple[Call, Page, Page]:
    call = await desk.offer(LAN, "pe-hoa")
    doctor = await enter(desk, LAN, call)
    await desk.answer(HOA, call.room_id)
    person = await enter(desk, HOA, call)
    await reaches(db, call, "in_session")
    return call, doctor, person


async def test_a_call_rings_for_every_log_in_of_the_person(desk: CallDesk, bus: Bus) -> None:
    told: list[str] = []
    for account in ("hoa", "minh", "lan", "tam"):
        bus.subscribe(f"account:{account}", lambda topic, _m: told.append(topic))
    await desk.offer(LAN, "pe-hoa")
    await until(lambda: len(told) >= 3)
    assert sorted(told) == ["account:hoa", "account:lan", "account:minh"]


async def test_a_request_rings_for_the_assigned_doctor(desk: CallDesk, bus: Bus) -> None:
    told: list[object] = []
    bus.subscribe("account:lan", lambda _t, message: told.append(message["kind"]))
    await desk.request(HOA)
    await until(lambda: told == ["ring"])


async def test_a_call_goes_from_ring_to_session_to_its_end_in_the_book(
    desk: CallDesk, db: Database
) -> None:
    call, doctor, person = await in_session(desk, db)
    doctor.tell(wire.HangUp)
    ended = await reaches(db, call, "concluded")
    assert (ended.end_reason, ended.accepted_by, ended.ended_by) == ("hang_up", "hoa", "lan")
    assert ended.accepted_ms is not None
    assert ended.connected_ms is not None
    assert doctor.socket.closed
    assert person.socket.closed
    assert isinstance(person.socket.told[-1], wire.Ended)


async def test_the_waiting_doctor_hears_that_the_call_was_declined(
    desk: CallDesk, db: Database
) -> None:
    call = await desk.offer(LAN, "pe-hoa")
    doctor = await enter(desk, LAN, call)
    await desk.decline(MINH, call.room_id)
    await until(lambda: doctor.socket.closed)
    assert doctor.socket.told[-1] == wire.Ended(1, "declined", "minh")


async def test_a_doctor_who_was_slower_is_told_so(desk: CallDesk) -> None:
    call = await desk.request(HOA)
    await desk.answer(LAN, call.room_id)
    with pytest.raises(NotFoundError):
        await desk.answer(BINH, call.room_id)
    with pytest.raises(IllegalTransitionError):
        await desk.answer(LAN, call.room_id)


@pytest.mark.parametrize("actor", [BINH, TAM], ids=lambda a: a.account_id)
async def test_a_stranger_does_not_enter(desk: CallDesk, actor: Actor) -> None:
    call = await desk.offer(LAN, "pe-hoa")
    with pytest.raises(NotFoundError):
        await desk.enter(actor, call.room_id, Wire())


async def test_a_doctor_does_not_enter_a_request_before_taking_it(desk: CallDesk) -> None:
    call = await desk.request(HOA)
    with pytest.raises(NotFoundError):
        await desk.enter(LAN, call.room_id, Wire())
    await desk.answer(LAN, call.room_id)
    await desk.enter(LAN, call.room_id, Wire())


async def test_a_lost_socket_interrupts_the_call_only_after_the_grace(
    desk: CallDesk, db: Database
) -> None:
    call, doctor, person = await in_session(desk, db)
    now_s = asyncio.get_running_loop().time()
    desk.lost(person.connection)
    desk.tick(now_s + GRACE_S - 1)
    assert not [m for m in doctor.socket.told if isinstance(m, wire.PeerLeft)]
    desk.tick(now_s + GRACE_S + 5)
    assert [m.reason for m in doctor.socket.told if isinstance(m, wire.PeerLeft)] == ["lost"]
    await reaches(db, call, "interrupted")
    await enter(desk, HOA, call, "hoa-page-2")
    await reaches(db, call, "in_session")


async def test_a_session_goes_on_with_a_new_server(db: Database, bus: Bus) -> None:
    """The first process is gone; the pages come to the second one with the clients they had."""
    async with running(db, bus) as first:
        call, _, _ = await in_session(first, db)
    async with running(db, bus) as second:
        doctor = await enter(second, LAN, call)
        joined = doctor.socket.told[0]
        assert isinstance(joined, wire.Joined)
        assert joined.resumed is False
        await reaches(db, call, "interrupted")
        person = await enter(second, HOA, call)
        await reaches(db, call, "in_session")
        clients = [m.peer.client for m in person.socket.told if isinstance(m, wire.PeerJoined)]
        assert clients == ["lan-page-1"]


@pytest.mark.asvs("16.5.2")
async def test_a_call_ends_for_people_although_the_database_is_away(
    desk: CallDesk, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, doctor, person = await in_session(desk, db)
    write, refused = db.write, asyncio.Event()

    async def away(_fn: object) -> object:
        refused.set()
        raise UnavailableError("database is away")

    monkeypatch.setattr(db, "write", away)
    doctor.tell(wire.HangUp)
    assert person.socket.closed
    await asyncio.wait_for(refused.wait(), 5)
    monkeypatch.setattr(db, "write", write)
    await reaches(db, call, "concluded")


async def test_a_call_that_went_another_way_in_the_book_takes_its_room_along(
    desk: CallDesk, db: Database, bus: Bus
) -> None:
    """Ended by a timer whose news the bus lost; the next thing the room records finds out."""
    call, doctor, person = await in_session(desk, db)
    await db.write(
        lambda tx: tx.execute(
            "UPDATE call SET state = 'concluded', ended_ms = 1 WHERE room_id = ?", (call.room_id,)
        )
    )
    now_s = asyncio.get_running_loop().time()
    desk.lost(person.connection)
    desk.tick(now_s + GRACE_S + 5)
    await until(lambda: doctor.socket.closed)
    ended = doctor.socket.told[-1]
    assert isinstance(ended, wire.Ended)
    assert ended.state == "concluded"
