"""A doctor asks for a new reading, an administrator for other things: through the real uplink."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession

from protocols.uplink import Ack, Command, Done
from telehealth import gateway_commands, gateways, remeasuring
from telehealth.clock import now_ms
from telehealth.consents import copy_rows
from telehealth.errors import IllegalTransitionError
from telehealth.gateway_commands import Wish
from telehealth.serving import Listening
from telehealth.store.database import Transaction
from tests import rows, world
from tests.flow import wire

ABLE = {"model": "Raspberry Pi 4", "software": "telehealth-gateway/0.0.9"}
ALL = ["measure", "locate", "configure", "update_notice"]


@pytest.fixture
async def made(server: Listening) -> world.World:
    return await world.make(server.services.database)


@asynccontextmanager
async def signed_in(server: Listening, account_id: str) -> AsyncIterator[ClientSession]:
    token = await server.services.database.write(lambda tx: rows.session(tx, account_id))
    headers = {"Origin": server.origin, "Sec-Fetch-Site": "same-origin"}
    async with ClientSession(cookies={"session": token}, headers=headers) as http:
        yield http


async def heard(server: Listening, keys: wire.Keys, made: world.World) -> None:
    """Let the person's device be heard by this gateway."""
    async with wire.connected(server.origin, keys, abilities=ALL, **ABLE) as gateway:
        await gateway.send(wire.minute(1, now_ms(), 97.0, device=made.device_id))
        assert await gateway.receive(Ack) == Ack("live", 1)


async def standing(server: Listening, made: world.World) -> remeasuring.Request:
    found = await server.services.database.read(lambda r: remeasuring.standing(r, made.person_id))
    assert found is not None
    return found


async def press(server: Listening, made: world.World, *, status: int = 303) -> None:
    async with (
        signed_in(server, made.doctor_id) as http,
        http.post(
            f"{server.origin}/doctor/persons/{made.person_id}/remeasure", allow_redirects=False
        ) as answer,
    ):
        assert answer.status == status


async def test_a_gateway_that_can_show_it_is_asked_and_its_answer_stands_on_the_page(
    server: Listening, made: world.World
) -> None:
    keys = await wire.enrolled(server.services.database)
    await heard(server, keys, made)
    async with wire.connected(server.origin, keys, abilities=ALL, **ABLE) as gateway:
        await press(server, made)
        command = await gateway.receive(Command)
        assert (command.kind, command.device) == ("measure", made.device_id)
        assert (await standing(server, made)).state == "sending"
        await gateway.send(Done(command.id, "done"))
        await until(lambda: standing(server, made), lambda found: found.state == "shown")
        await gateway.send(wire.minute(2, now_ms() + 1000, 96.0, device=made.device_id))
        await gateway.acked(2)
    assert (await standing(server, made)).measured_ms is not None


async def until(look: Any, holds: Any) -> None:
    async with asyncio.timeout(5):
        while not holds(await look()):  # noqa: ASYNC110 - rows change, and nothing says so
            await asyncio.sleep(0.01)


async def notices(server: Listening) -> list[str]:
    sql = "SELECT recipient_id FROM outbox WHERE idempotency_key LIKE ? ORDER BY 1"
    found = await server.services.database.read(lambda r: r.rows(sql, ("measure_please:%",)))
    return [row[0] for row in found]


async def test_without_a_gateway_that_can_the_person_and_those_who_care_are_told(
    server: Listening, made: world.World
) -> None:
    await press(server, made)
    assert await notices(server) == [made.patient_id]
    assert (await standing(server, made)).state == "told"
    copied = await server.services.database.read(
        lambda r: list(copy_rows.asked_to_measure(r, made.person_id))
    )
    assert len(copied) == 1, "the person's own copy tells it"
    wanted = await server.services.database.read(lambda r: remeasuring.wanted(r, made.person_id))
    assert wanted is not None


async def test_a_gateway_that_could_not_show_it_leaves_it_to_a_notice(
    server: Listening, made: world.World
) -> None:
    keys = await wire.enrolled(server.services.database)
    await heard(server, keys, made)
    async with wire.connected(server.origin, keys, abilities=ALL, **ABLE) as gateway:
        await press(server, made)
        command = await gateway.receive(Command)
        assert await notices(server) == []
        await gateway.send(Done(command.id, "failed"))
        await until(lambda: standing(server, made), lambda found: found.state == "told")
    assert await notices(server) == [made.patient_id]


async def test_a_gateway_that_never_answers_leaves_it_to_a_notice(
    server: Listening, made: world.World
) -> None:
    keys = await wire.enrolled(server.services.database)
    await heard(server, keys, made)
    await press(server, made)
    assert await notices(server) == []
    database = server.services.database
    await database.write(
        lambda tx: tx.execute("UPDATE timer SET due_ms = 0 WHERE kind = ?", (remeasuring.TIMER,))
    )
    await until(lambda: notices(server), lambda found: found == [made.patient_id])


async def test_where_nobody_can_be_told_the_page_says_so(
    server: Listening, made: world.World
) -> None:
    await server.services.database.write(
        lambda tx: tx.execute(
            "UPDATE account SET disabled_ms = 1 WHERE account_id = ?", (made.patient_id,)
        )
    )
    await press(server, made)
    assert (await standing(server, made)).state == "nobody"
    async with (
        signed_in(server, made.doctor_id) as http,
        http.get(f"{server.origin}/doctor/persons/{made.person_id}") as page,
    ):
        assert page.status == 200
        assert "chưa gửi được cho ai" in words_of(await page.text())


def words_of(page: str) -> str:
    """Return what a page shows, without the texts that its scripts carry."""
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


async def test_pressing_twice_is_one_request(server: Listening, made: world.World) -> None:
    await press(server, made)
    await press(server, made, status=409)
    assert len(await notices(server)) == 1


async def test_what_waits_is_given_at_the_next_connection_until_it_is_answered(
    server: Listening, made: world.World
) -> None:
    keys = await wire.enrolled(server.services.database)
    await heard(server, keys, made)
    database = server.services.database
    key = await database.write(
        lambda tx: gateway_commands.give(tx, keys.gateway_id, Wish(kind="locate"), "test")
    )
    for _ in range(2):
        async with wire.connected(server.origin, keys, abilities=ALL, **ABLE) as gateway:
            assert (await gateway.receive(Command)).id == key
    async with wire.connected(server.origin, keys, abilities=ALL, **ABLE) as gateway:
        await gateway.receive(Command)
        for _ in range(2):
            await gateway.send(Done(key, "done"))
        await gateway.send(wire.minute(2, now_ms(), 97.0, device=made.device_id))
        await gateway.acked(2)
    waiting = await database.read(lambda r: gateway_commands.waiting(r, keys.gateway_id))
    assert waiting == []


async def test_what_is_past_is_given_no_more(server: Listening, made: world.World) -> None:
    keys = await wire.enrolled(server.services.database)
    await heard(server, keys, made)
    database = server.services.database

    def past(tx: Transaction) -> None:
        gateway_commands.give(tx, keys.gateway_id, Wish(kind="locate"), "test")
        tx.execute("UPDATE gateway_command SET until_ms = ?", (tx.now_ms,))

    await database.write(past)
    assert await database.read(lambda r: gateway_commands.waiting(r, keys.gateway_id)) == []


async def test_a_gateway_without_abilities_is_given_nothing(
    server: Listening, made: world.World
) -> None:
    keys = await wire.enrolled(server.services.database)
    async with wire.connected(server.origin, keys) as gateway:
        await gateway.send(wire.minute(1, now_ms(), 97.0, device=made.device_id))
        await gateway.acked(1)
        with pytest.raises(IllegalTransitionError):
            await server.services.database.write(
                lambda tx: gateway_commands.give(tx, keys.gateway_id, Wish(kind="locate"), "test")
            )
        await press(server, made)
    assert await notices(server) == [made.patient_id]


async def test_another_gateway_cannot_answer(server: Listening, made: world.World) -> None:
    database = server.services.database
    keys, other = await wire.enrolled(database), await wire.enrolled(database)
    await heard(server, keys, made)
    key = await database.write(
        lambda tx: gateway_commands.give(tx, keys.gateway_id, Wish(kind="locate"), "test")
    )
    answer = await database.write(
        lambda tx: gateway_commands.answer(tx, other.gateway_id, Done(key, "done"))
    )
    assert answer is None


async def test_an_administrator_locates_and_sets_the_pace_and_the_page_tells(
    server: Listening, made: world.World
) -> None:
    keys = await wire.enrolled(server.services.database)
    url = f"{server.origin}/admin/gateways"
    async with (
        wire.connected(server.origin, keys, abilities=ALL, **ABLE) as gateway,
        signed_in(server, made.administrator_id) as http,
    ):
        forms = [
            ({"kind": "locate"}, 303),
            ({"kind": "configure", "batch_seconds": "30"}, 303),
            ({"kind": "configure", "batch_seconds": "31"}, 422),
            ({"kind": "update_notice"}, 303),
            ({"kind": "measure"}, 422),
        ]
        for form, status in forms:
            async with http.post(
                f"{url}/{keys.gateway_id}/commands", data=form, allow_redirects=False
            ) as answer:
                assert answer.status == status, form
        got = [await gateway.receive(Command) for _ in range(3)]
        assert {command.kind for command in got} == {"locate", "configure", "update_notice"}
        await gateway.send(Done(got[0].id, "done"))
        async with http.get(url) as page:
            text = await page.text()
    shown = words_of(text)
    assert "Raspberry Pi 4" in shown
    assert "phần mềm cũ" in shown
    assert "Tìm thiết bị" in shown


@pytest.mark.parametrize(
    ("software", "outdated"),
    [
        ("telehealth-gateway/0.0.9", True),
        (gateways.SOFTWARE, False),
        ("telehealth-gateway/99.0", False),
        ("telehealth-gateway", True),
        ("", False),
    ],
)
def test_older_software_than_the_servers_is_outdated(software: str, *, outdated: bool) -> None:
    shown = gateways.GatewayShown("gw", "n", software, 0, None, None, "", "", 0)
    assert shown.is_outdated(gateways.SOFTWARE) is outdated


@pytest.mark.parametrize(
    ("age_ms", "state"),
    [(gateways.SILENT_AFTER_MS, "online"), (gateways.SILENT_AFTER_MS + 1, "silent")],
)
def test_a_gateway_is_silent_after_a_quarter_of_an_hour(age_ms: int, state: str) -> None:
    now = 10 * gateways.SILENT_AFTER_MS
    shown = gateways.GatewayShown("gw", "n", "", 0, None, now - age_ms, "", "", 0)
    assert shown.state(now) == state
