"""The whole path, once: a reading crosses the wire and stands as an alert before its doctor."""

import asyncio

from protocols.uplink import Ack
from telehealth.clock import now_ms
from telehealth.serving import Listening
from tests import world
from tests.flow import wire


async def test_a_red_minute_becomes_an_alert_owned_by_the_assigned_doctor(
    server: Listening,
) -> None:
    database, bus = server.services.database, server.services.bus
    made = await world.make(database)
    keys = await wire.enrolled(database)
    told: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
    bus.subscribe(f"account:{made.doctor_id}", lambda _topic, message: told.set_result(message))
    async with wire.connected(server.origin, keys) as gateway:
        await gateway.send(wire.minute(1, now_ms(), 88.0, device=made.device_id))
        assert await gateway.receive(Ack) == Ack("live", 1)
        notice = await asyncio.wait_for(told, 5)
    alerts = await database.read(
        lambda r: r.rows("SELECT alert_id, status, priority, owner_id, person_id FROM alert")
    )
    assert alerts == [(notice["alert_id"], "notified", "high", made.doctor_id, made.person_id)]


async def test_a_healthy_minute_is_stored_and_scored_and_alerts_nobody(server: Listening) -> None:
    database = server.services.database
    made = await world.make(database)
    keys = await wire.enrolled(database)
    async with wire.connected(server.origin, keys) as gateway:
        await gateway.send(wire.minute(1, now_ms(), 98.0, device=made.device_id))
        await gateway.acked(1)
    rows = await database.read(
        lambda r: r.rows("SELECT person_id, spo2_percent, level, rule_pack FROM reading")
    )
    assert rows == [(made.person_id, 98.0, 0, "moh-vn-261@2022-01-31")]
    assert await database.read(lambda r: r.rows("SELECT alert_id FROM alert")) == []
