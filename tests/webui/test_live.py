"""The socket `/live` as a page uses it."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from telehealth.store.database import Transaction
from tests.webui import people
from tests.webui.conftest import Site, Visitor, Visitors
from webui.keys import LIVE


async def watching(
    site: Site, visitor: Visitor, **watch: Any
) -> tuple[ClientWebSocketResponse, dict[str, Any]]:
    socket = await visitor.http.ws_connect(site.origin + "/live", headers={"Origin": site.origin})
    await socket.send_json({"type": "watch", **watch})
    return socket, await changes(socket)


async def changes(socket: ClientWebSocketResponse) -> dict[str, Any]:
    """Return the next frame that is no beat."""
    async with asyncio.timeout(5):
        while True:
            frame: dict[str, Any] = await socket.receive_json()
            if frame["type"] != "beat":
                return frame


def touch(person_id: str) -> Any:
    def write(tx: Transaction) -> None:
        tx.execute(
            "UPDATE person_state SET changed_in = ? WHERE person_id = ?", (tx.number, person_id)
        )

    return write


async def test_a_list_is_shown_whole_and_then_what_changes(site: Site, visitors: Visitors) -> None:
    socket, first = await watching(site, await visitors.doctor())
    assert first["whole"]
    assert len(first["rows"]) == 4
    await site.database.write(touch("p-linh"))
    site.services.bus.publish("person:p-linh", {"kind": "state"})
    second = await changes(socket)
    assert [row["person_id"] for row in second["rows"]] == ["p-linh"]
    assert second["cursor"] > first["cursor"]
    await socket.close()


async def test_a_notice_of_the_account_comes_through(site: Site, visitors: Visitors) -> None:
    socket, _ = await watching(site, await visitors.patient(), person_id="p-hoa")
    site.services.bus.publish("account:ac-hoa", {"kind": "ring", "room_id": "r-1"})
    frame = await changes(socket)
    assert frame == {"type": "notice", "message": {"kind": "ring", "room_id": "r-1"}}
    await socket.close()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", 1007),
        ('{"type":"other"}', 1007),
        ('{"type":"watch","cursor":-1}', 1007),
        ('{"type":"watch","person_id":""}', 1007),
        ('{"type":"watch","person_id":"p-far"}', 4403),
        ('{"type":"watch","person_id":"' + "x" * 2_000 + '"}', 1009),
    ],
)
async def test_what_is_wrong_or_forbidden_closes_the_socket_with_its_code(
    site: Site, visitors: Visitors, message: str, code: int
) -> None:
    doctor = await visitors.doctor()
    socket = await doctor.http.ws_connect(site.origin + "/live", headers={"Origin": site.origin})
    await socket.send_str(message)
    async with asyncio.timeout(5):
        while (frame := await socket.receive()).type is WSMsgType.TEXT:
            assert '"rows"' not in frame.data
    assert socket.close_code == code


async def test_logging_out_closes_the_socket(site: Site, visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    socket, _ = await watching(site, doctor)
    await doctor.post("/logout")
    async with asyncio.timeout(5):
        while (await socket.receive()).type is WSMsgType.TEXT:
            continue
    assert socket.close_code == 4401


@pytest.mark.asvs("7.2.4")
async def test_proving_again_keeps_the_socket_which_then_closes_with_the_session(
    site: Site, visitors: Visitors
) -> None:
    doctor = await visitors.doctor()
    socket, _ = await watching(site, doctor)
    assert (await doctor.post("/confirm", {"password": people.PASSWORD})).status == 303
    await site.app[LIVE].repair()
    await site.database.write(touch("p-linh"))
    site.services.bus.publish("person:p-linh", {"kind": "state"})
    assert [row["person_id"] for row in (await changes(socket))["rows"]] == ["p-linh"]
    await doctor.post("/logout")
    async with asyncio.timeout(5):
        while (await socket.receive()).type is WSMsgType.TEXT:
            continue
    assert socket.close_code == 4401


async def test_accepting_an_alert_shows_on_the_colleagues_list(
    site: Site, visitors: Visitors
) -> None:
    socket, _ = await watching(site, await visitors.doctor("ac-cover"))
    mai = await visitors.doctor()
    await mai.post("/doctor/alerts/al-hoa", {"action": "accept", "reason": "calling"})
    frame = await changes(socket)
    (row,) = (row for row in frame["rows"] if row["person_id"] == "p-hoa")
    assert (row["alerts"][0]["status"], row["alerts"][0]["accepted_by"]) == (
        "accepted",
        "BS. Mai",
    )
    await socket.close()


async def test_a_server_that_stops_says_good_bye(site: Site, visitors: Visitors) -> None:
    socket, _ = await watching(site, await visitors.doctor())
    closing = asyncio.create_task(site.server.close())
    async with asyncio.timeout(5):
        while (await socket.receive()).type is WSMsgType.TEXT:
            continue
    assert socket.close_code == 1001
    await closing
