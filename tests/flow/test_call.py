"""A whole call over a real server: two log-ins, two WebRTC peers on loopback, real signalling.

The peers are aiortc; `tests/browser/test_call.py` holds the same call in Chromium.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aioice.ice
import pytest
from aiohttp import ClientSession, CookieJar, WSMsgType, WSServerHandshakeError

from devices.simulator.call_answerer import CallAnswerer
from devices.simulator.call_peer import CallPeer
from protocols import signalling as wire_messages
from protocols.signalling import MAX_MESSAGE_BYTES, Ended, Join, PeerLeft
from telehealth import serving
from telehealth.clock import now_ms
from telehealth.serving import Listening, listening
from telehealth.settings import Settings
from tests import databases, world
from tests.flow import wire
from tests.world import World

ENOUGH_FRAMES = 10


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Aioice leaves 127.0.0.1 out of its host candidates; here it is the only one."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])


@pytest.fixture
async def made(server: Listening) -> World:
    return await world.make(server.services.database)


@dataclass
class Person:
    """Somebody with a log-in and no screen."""

    http: ClientSession
    origin: str

    async def log_in(self, login: str) -> None:
        await self.form("/login", login=login, password=world.PASSWORD)

    @property
    def said(self) -> dict[str, str]:
        return {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"}

    async def post(self, path: str, **body: str) -> tuple[int, dict[str, Any]]:
        async with self.http.post(self.origin + path, json=body, headers=self.said) as answer:
            return answer.status, await answer.json()

    async def form(self, path: str, **fields: str) -> None:
        """Send a form that leads on."""
        async with self.http.post(
            self.origin + path, data=fields, headers=self.said, allow_redirects=False
        ) as answer:
            assert answer.status == 303

    async def get(self, path: str) -> tuple[int, dict[str, Any]]:
        async with self.http.get(self.origin + path) as answer:
            return answer.status, await answer.json()

    async def until_state(self, room_id: str, state: str) -> None:
        """Ask until the book says so: a hang-up is written a moment after it was said."""
        async with asyncio.timeout(5):
            while True:
                _, call = await self.get(f"/api/v1/calls/{room_id}")
                if call["state"] == state:
                    return

    def socket_url(self, room_id: str) -> str:
        return f"{self.origin}/api/v1/calls/{room_id}/socket".replace("http", "ws", 1)

    @property
    def cookies(self) -> dict[str, str]:
        return {morsel.key: morsel.value for morsel in self.http.cookie_jar}

    def peer(self, room_id: str) -> CallPeer:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": cookie, "Origin": self.origin}
        return CallPeer(self.socket_url(room_id), headers=headers)


@asynccontextmanager
async def logged_in(server: Listening, login: str) -> AsyncIterator[Person]:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        person = Person(http, server.origin)
        await person.log_in(login)
        yield person


@asynccontextmanager
async def both(server: Listening) -> AsyncIterator[tuple[Person, Person]]:
    async with logged_in(server, "doctor") as doctor, logged_in(server, "patient") as patient:
        yield doctor, patient


@asynccontextmanager
async def running(*peers: CallPeer) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(peer.run()) for peer in peers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def sees_and_hears(peer: CallPeer) -> bool:
    return peer.video_frames >= ENOUGH_FRAMES and peer.audio_frames >= ENOUGH_FRAMES


def more_than(frames: int) -> Any:
    return lambda peer: peer.video_frames > frames + ENOUGH_FRAMES


async def test_doctor_and_patient_see_and_hear_each_other_until_one_hangs_up(
    server: Listening, made: World
) -> None:
    async with both(server) as (doctor, patient):
        status, offered = await doctor.post("/api/v1/calls", person_id=made.person_id)
        assert (status, offered["state"]) == (201, "offered")
        _, ringing = await patient.get("/api/v1/calls/current")
        assert [(c["room_id"], c["rings"], c["name"]) for c in ringing["calls"]] == [
            (offered["room_id"], True, "Doctor")
        ]
        room_id = offered["room_id"]
        here = doctor.peer(room_id)
        async with running(here):
            await here.until(lambda p: p.sockets == 1)
            status, answered = await patient.post(f"/api/v1/calls/{room_id}/answer")
            assert (status, answered["state"]) == (200, "accepted")
            there = patient.peer(room_id)
            async with running(there):
                await here.until(sees_and_hears)
                await there.until(sees_and_hears)
                assert (await doctor.get(f"/api/v1/calls/{room_id}"))[1]["state"] == "in_session"
                await there.hang_up()
                for peer in (here, there):
                    await peer.until(lambda p: p.ended is not None)
                    assert peer.ended is not None
                    assert (peer.ended.state, peer.ended.by) == ("concluded", made.patient_id)
        await doctor.until_state(room_id, "concluded")
        assert (await patient.get("/api/v1/calls/current"))[1] == {"calls": []}


@asynccontextmanager
async def in_session(
    server: Listening, made: World
) -> AsyncIterator[tuple[Person, Person, CallPeer, CallPeer]]:
    async with both(server) as (doctor, patient):
        _, call = await doctor.post("/api/v1/calls", person_id=made.person_id)
        await patient.post(f"/api/v1/calls/{call['room_id']}/answer")
        here, there = doctor.peer(call["room_id"]), patient.peer(call["room_id"])
        async with running(here, there):
            await here.until(sees_and_hears)
            await there.until(sees_and_hears)
            yield doctor, patient, here, there


async def test_the_call_goes_on_when_a_signalling_socket_is_cut(
    server: Listening, made: World
) -> None:
    async with in_session(server, made) as (_, _, here, there):
        connection, frames = here.connection, here.video_frames
        there.cut()
        await there.until(lambda p: p.sockets == 2)
        await here.until(more_than(frames))
        assert here.connection is connection, "the same media connection all along"
        assert not [m for m in here.told if isinstance(m, PeerLeft)]
        here.cut()
        await here.until(lambda p: p.sockets == 2)
        await here.switch(microphone=False, camera=True)
        await there.until(
            lambda p: any(isinstance(m, wire_messages.Media) and not m.microphone for m in p.told)
        )
        await here.hang_up()
        await there.until(lambda p: p.ended is not None)


@pytest.mark.asvs("7.2.4")
async def test_the_call_goes_on_over_a_new_token_of_the_session_and_is_cut_when_that_ends(
    server: Listening, made: World
) -> None:
    async with in_session(server, made) as (doctor, _, here, _):
        before = doctor.cookies["session"]
        await doctor.form("/confirm", password=world.PASSWORD)
        after = doctor.cookies["session"]
        assert after != before
        await here.until(more_than(here.video_frames))
        assert (here.sockets, here.connected) == (1, True)
        await doctor.form("/logout")
        await here.until(lambda p: not p.connected)


async def test_what_is_said_while_the_socket_is_gone_arrives_when_it_is_back(
    server: Listening, made: World
) -> None:
    async with in_session(server, made) as (_, _, here, there):
        there.cut()
        await there.until(lambda p: not p.connected)
        await there.switch(microphone=False, camera=False)
        await here.switch(microphone=True, camera=False)
        for peer in (here, there):
            await peer.until(lambda p: any(isinstance(m, wire_messages.Media) for m in p.told))


async def test_a_page_that_cannot_restart_ice_is_connected_to_anew(
    server: Listening, made: World
) -> None:
    """Aiortc does nothing on an ICE restart, so it comes back as a new page (docs/calls.md)."""
    async with in_session(server, made) as (_, _, here, there):
        frames = here.video_frames, there.video_frames
        await there.join_anew()
        await here.until(more_than(frames[0]))
        await there.until(more_than(frames[1]))
        assert [m.reason for m in here.told if isinstance(m, PeerLeft)] == ["left"]


async def test_the_call_goes_on_over_a_restart_of_the_server(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new server knows only the row; the pages come back with the connection they had."""
    monkeypatch.setattr(serving, "_SHUTDOWN_S", 0.1)
    async with databases.address(engine, tmp_path) as url, AsyncExitStack() as first:
        server = await first.enter_async_context(
            listening(Settings(database=url, port=0, second_factor="offered"))
        )
        made = await world.make(server.services.database)
        port = int(server.origin.rpartition(":")[2])
        async with in_session(server, made) as (_, patient, here, there):
            connection = here.connection
            await first.aclose()
            await here.until(lambda p: not p.connected)
            async with listening(Settings(database=url, port=port, second_factor="offered")):
                for peer in (here, there):
                    await peer.until(lambda p: p.connected)
                    await peer.until(more_than(peer.video_frames))
                assert here.connection is connection
                room_id = here.url.split("/")[-2]
                await patient.until_state(room_id, "in_session")
                await there.hang_up()
                await here.until(lambda p: p.ended is not None)


async def test_a_form_that_comes_second_is_answered_with_a_page(
    server: Listening, made: World
) -> None:
    async with both(server) as (doctor, _), logged_in(server, "other") as other:
        form = {"person_id": made.person_id}
        url = f"{server.origin}/api/v1/calls"
        for person, status in ((doctor, 303), (doctor, 303), (other, 409)):
            async with person.http.post(
                url, data=form, headers=person.said, allow_redirects=False
            ) as answer:
                assert answer.status == status
                assert answer.content_type in ("text/html", "text/plain")
                if status == 303:
                    assert answer.headers["Location"].startswith("/consult/ca-")


async def test_the_doctors_side_is_told_vitals_and_the_patients_side_none(
    server: Listening, made: World
) -> None:
    keys = await wire.enrolled(server.services.database)
    async with in_session(server, made) as (_, _, here, there):
        async with wire.connected(server.origin, keys) as gateway:
            await gateway.send(wire.minute(1, now_ms(), 93.0, device=made.device_id))
            await gateway.acked(1)
            await here.until(lambda p: bool(p.vitals) and p.vitals[-1].spo2_percent == 93.0)
            await gateway.send(wire.minute(2, now_ms() + 1_000, 95.0, device=made.device_id))
            await gateway.acked(2)
            await here.until(lambda p: p.vitals[-1].spo2_percent == 95.0)
        newest = here.vitals[-1]
        assert newest.spo2_at is not None
        assert 0 <= newest.at + 1_000 - newest.spo2_at < 60_000
        assert not there.vitals


async def test_a_declined_call_ends_for_the_waiting_doctor(server: Listening, made: World) -> None:
    async with both(server) as (doctor, patient):
        _, call = await doctor.post("/api/v1/calls", person_id=made.person_id)
        here = doctor.peer(call["room_id"])
        async with running(here):
            await here.until(lambda p: p.connected)
            status, declined = await patient.post(f"/api/v1/calls/{call['room_id']}/decline")
            assert (status, declined["state"]) == (200, "declined")
            await here.until(lambda p: p.ended is not None)
            assert here.ended == Ended(1, "declined", made.patient_id)


async def test_a_patient_asks_and_the_assigned_doctor_rings_back(
    server: Listening, made: World
) -> None:
    async with both(server) as (doctor, patient):
        status, asked = await patient.post("/api/v1/calls")
        assert (status, asked["state"]) == (201, "requested")
        _, ringing = await doctor.get("/api/v1/calls/current")
        assert [(c["name"], c["rings"]) for c in ringing["calls"]] == [("Người Thử Nghiệm", True)]
        room = f"/api/v1/calls/{asked['room_id']}"
        assert (await doctor.post(f"{room}/answer"))[1]["state"] == "offered"
        assert (await patient.post(f"{room}/answer"))[1]["state"] == "accepted"


async def test_a_stranger_finds_no_call_and_no_socket(server: Listening, made: World) -> None:
    async with both(server) as (doctor, _), logged_in(server, "other") as other:
        _, call = await doctor.post("/api/v1/calls", person_id=made.person_id)
        room = f"/api/v1/calls/{call['room_id']}"
        assert (await other.get(room))[0] == 404
        assert (await other.post(f"{room}/answer"))[0] == 404
        assert (await other.post(f"{room}/decline"))[0] == 404
        with pytest.raises(WSServerHandshakeError) as refused:
            await other.http.ws_connect(other.socket_url(call["room_id"]), headers=other.said)
        assert refused.value.status == 404
        assert (await other.post("/api/v1/calls", person_id=made.person_id))[0] == 409


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"person_id": ""}, 400),
        ({"person_id": "x" * 65}, 400),
        ({"person_id": "p"}, 403),
    ],
)
async def test_a_call_to_nobody_is_refused_clearly(
    server: Listening, made: World, body: dict[str, str], status: int
) -> None:
    async with logged_in(server, "doctor") as doctor:
        found, answer = await doctor.post("/api/v1/calls", **body)
        assert found == status
        assert answer["error"]["message"]


@pytest.mark.asvs("17.3.2")
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("not json", "malformed"),
        ('{"type": "join"}', "malformed"),
        ('{"type": "offer", "seq": 1, "sdp": "v=0\\r\\n"}', "not_joined"),
    ],
)
async def test_a_wrong_word_is_answered_and_harms_no_other_connection(
    server: Listening, made: World, frame: str, code: str
) -> None:
    async with both(server) as (doctor, patient):
        _, call = await doctor.post("/api/v1/calls", person_id=made.person_id)
        here = doctor.peer(call["room_id"])
        async with running(here):
            await here.until(lambda p: p.connected)
            url = patient.socket_url(call["room_id"])
            async with patient.http.ws_connect(url, headers=patient.said) as socket:
                await socket.send_str(frame)
                failure = wire_messages.decode_from_server(await socket.receive_str())
                assert isinstance(failure, wire_messages.Failure)
                assert (failure.code, failure.fatal) == (code, True)
                assert (await socket.receive()).type is WSMsgType.CLOSE
            assert here.connected
            assert here.failure is None


async def test_a_frame_beyond_the_largest_closes_its_connection_only(
    server: Listening, made: World
) -> None:
    async with both(server) as (doctor, patient):
        _, call = await doctor.post("/api/v1/calls", person_id=made.person_id)
        here = doctor.peer(call["room_id"])
        async with running(here):
            await here.until(lambda p: p.connected)
            url = patient.socket_url(call["room_id"])
            async with patient.http.ws_connect(url, headers=patient.said) as socket:
                await socket.send_str("x" * (MAX_MESSAGE_BYTES + 1))
                assert (await socket.receive()).type is WSMsgType.CLOSE
                assert socket.close_code == 1009
            assert here.connected


async def test_the_socket_ends_with_the_log_in(server: Listening, made: World) -> None:
    async with both(server) as (doctor, _):
        _, call = await doctor.post("/api/v1/calls", person_id=made.person_id)
        url = doctor.socket_url(call["room_id"])
        async with doctor.http.ws_connect(url, headers=doctor.said) as socket:
            await socket.send_str(wire_messages.encode(Join("doctor-page-1")))
            async with doctor.http.post(f"{doctor.origin}/logout", headers=doctor.said):
                pass
            async with asyncio.timeout(5):
                while (await socket.receive()).type is not WSMsgType.CLOSE:
                    continue


async def test_the_virtual_person_of_the_demo_answers_by_itself(
    server: Listening, made: World
) -> None:
    answerer = CallAnswerer(server.origin, "patient", world.PASSWORD, after_s=0)
    answering = asyncio.create_task(answerer.run())
    try:
        async with logged_in(server, "doctor") as doctor:
            for _ in range(2):
                _, call = await doctor.post("/api/v1/calls", person_id=made.person_id)
                here = doctor.peer(call["room_id"])
                async with running(here):
                    await here.until(sees_and_hears)
                    await here.hang_up()
                    await here.until(lambda p: p.ended is not None)
                await doctor.until_state(call["room_id"], "concluded")
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
