"""Bad input on the uplink: a clear error, nothing lost, nobody disturbed (docs/uplink.md §5)."""

import asyncio
import logging
import select
import zlib
from dataclasses import replace

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.exceptions import ConnectionClosed

from protocols.reading import Quality
from protocols.uplink import (
    MAX_MESSAGE_BYTES,
    Ack,
    Challenge,
    Gap,
    Resume,
    Welcome,
    decode_from_server,
    encode,
)
from telehealth import gateways
from telehealth.clock import now_ms
from telehealth.serving import Listening
from telehealth.store.database import Row
from tests import world
from tests.flow import wire

DEVICE = world.DEVICE


async def _rows(server: Listening, sql: str) -> list[Row]:
    return await server.services.database.read(lambda r: r.rows(sql))


GOOD = '{"kind":"spot","at":1795458833000,"spo2_percent":97,"pulse_per_min":72}'
BAD_READINGS = [
    '{"kind":"spot","at":1795458833000,"spo2_percent":101}',
    '{"kind":"spot","at":1795458833000,"spo2_percent":-1}',
    '{"kind":"spot","at":1795458833000,"spo2_percent":"97"}',
    '{"kind":"spot","spo2_percent":97}',
    '{"at":1795458833000,"spo2_percent":97}',
    '{"kind":"guess","at":1795458833000}',
    '{"kind":"spot","at":-1}',
    '{"kind":"spot","at":1795458833000,"quality":65536}',
    '{"kind":"spot","at":1795458833000,"temperature_celsius":51}',
    '{"kind":"spot","at":1795458833000,"consciousness":"X"}',
    '{"kind":"spot","at":1795458833000,"record":"' + "9" * 65 + '"}',
    "17",
    "null",
]


@pytest.mark.parametrize("bad", BAD_READINGS)
async def test_a_bad_reading_is_kept_aside_and_named_and_the_good_one_beside_it_counts(
    sqlite_server: Listening, bad: str
) -> None:
    await world.make(sqlite_server.services.database)
    keys = await wire.enrolled(sqlite_server.services.database)
    frame = (
        f'{{"type":"batch","stream":"live","seq":1,"device":"{DEVICE}","readings":[{bad},{GOOD}]}}'
    )
    async with wire.connected(sqlite_server.origin, keys) as gateway:
        await gateway.send_raw(frame)
        ack = await gateway.receive(Ack)
    assert (ack.seq, [r.part for r in ack.refused]) == (1, ["readings[0]"])
    assert await _rows(sqlite_server, "SELECT spo2_percent FROM reading") == [(97.0,)]
    kept = await _rows(sqlite_server, "SELECT seq, part, payload FROM refused")
    assert [(seq, part, bytes(raw)) for seq, part, raw in kept] == [
        (1, "readings[0]", frame.encode())
    ]


@pytest.mark.parametrize(
    ("parts", "refused"),
    [
        ('"samples":[[0,97,72,3.1,0],[1000,170,72]]', "samples[1]"),
        ('"samples":[["x"]]', "samples[0]"),
        ('"samples":7', "samples"),
        ('"events":[{"kind":"exploded","at":1}]', "events[0]"),
        ('"at":"yesterday"', "at"),
        ('"samples":[' + ",".join(["[0,97]"] * 601) + "]", "samples[600:]"),
        ('"readings":[' + ",".join(['{"kind":"spot","at":1}'] * 121) + "]", "readings[120:]"),
    ],
)
async def test_any_other_bad_part_is_kept_aside_and_named(
    sqlite_server: Listening, parts: str, refused: str
) -> None:
    keys = await wire.enrolled(sqlite_server.services.database)
    async with wire.connected(sqlite_server.origin, keys) as gateway:
        await gateway.send_raw(
            f'{{"type":"batch","stream":"live","seq":1,"device":"{DEVICE}",{parts}}}'
        )
        ack = await gateway.receive(Ack)
    assert (ack.seq, [r.part for r in ack.refused]) == (1, [refused])
    assert len(await _rows(sqlite_server, "SELECT 1 FROM refused")) == 1


@pytest.mark.parametrize("device", ['""', '"a b"', '"Bà Mẫu"', "7", '"' + "x" * 65 + '"'])
async def test_a_device_that_is_no_id_refuses_the_batch_and_the_stream_goes_on(
    sqlite_server: Listening, device: str
) -> None:
    keys = await wire.enrolled(sqlite_server.services.database)
    async with wire.connected(sqlite_server.origin, keys) as gateway:
        await gateway.send_raw(f'{{"type":"batch","stream":"live","seq":1,"device":{device}}}')
        ack = await gateway.receive(Ack)
        await gateway.send(wire.minute(2, now_ms(), 97, device=DEVICE))
        assert await gateway.acked(2) == Ack("live", 2)
    assert [r.part for r in ack.refused] == ["device"]


UNREADABLE = [
    b"",
    b"{",
    b"[]",
    b"\xff\xfe",
    b'{"type":"batch"}',
    b'{"type":"batch","stream":"live"}',
    b'{"type":"batch","stream":"other","seq":1,"device":"d"}',
    b'{"type":"batch","stream":"live","seq":0,"device":"d"}',
    b'{"type":"batch","stream":"live","seq":"1","device":"d"}',
    b'{"type":"gap","stream":"live"}',
    b'{"type":"gap","stream":"live","seq":-4}',
    b'{"type":"unheard_of","stream":"live","seq":1}',
    b'{"type":"hello","gateway":"x"}',
    b"[" * 5_000,
]


@pytest.mark.parametrize("frame", UNREADABLE)
async def test_a_frame_without_a_number_is_kept_and_closes_its_own_connection_only(
    sqlite_server: Listening, frame: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    keys = await wire.enrolled(sqlite_server.services.database)
    other = await wire.enrolled(sqlite_server.services.database)
    async with wire.connected(sqlite_server.origin, other) as bystander:
        async with wire.connected(sqlite_server.origin, keys) as gateway:
            await gateway.send_raw(frame)
            failure, close_code = await gateway.failed()
        await bystander.send(wire.minute(1, now_ms(), 97, device=DEVICE))
        await bystander.acked(1)
    assert (failure.code, close_code) == ("malformed", 1007)
    kept = await _rows(sqlite_server, "SELECT payload FROM refused")
    assert [bytes(row[0]) for row in kept] == [frame]
    assert not [r for r in caplog.records if r.exc_info]


async def test_a_second_hello_is_refused(server: Listening) -> None:
    keys = await wire.enrolled(server.services.database)
    async with wire.connected(server.origin, keys) as gateway:
        await gateway.send(wire.hello(keys, Challenge("A" * 44, 0)))
        failure, close_code = await gateway.failed()
    assert (failure.code, close_code) == ("unexpected", 1002)


async def test_a_stream_that_hello_did_not_name_is_refused(server: Listening) -> None:
    keys = await wire.enrolled(server.services.database)
    del keys.epochs["backlog"]
    async with wire.connected(server.origin, keys) as gateway:
        await gateway.send(Gap("backlog", 1))
        failure, close_code = await gateway.failed()
    assert (failure.code, close_code) == ("unknown_stream", 1002)


@pytest.mark.parametrize("size", [MAX_MESSAGE_BYTES + 1, 4 * MAX_MESSAGE_BYTES])
async def test_a_frame_over_the_limit_closes_with_the_codes_own_number(
    sqlite_server: Listening, size: int
) -> None:
    keys = await wire.enrolled(sqlite_server.services.database)
    async with wire.connected(sqlite_server.origin, keys) as gateway:
        await gateway.send_raw(" " * size)
        with pytest.raises(ConnectionClosed):
            await gateway.receive(Ack)
        assert gateway.socket.close_code == 1009


async def test_a_frame_just_under_the_limit_is_taken(server: Listening) -> None:
    keys = await wire.enrolled(server.services.database)
    frame = f'{{"type":"batch","stream":"live","seq":1,"device":"{DEVICE}"}}'
    async with wire.connected(server.origin, keys) as gateway:
        await gateway.send_raw(frame + " " * (MAX_MESSAGE_BYTES - len(frame) - 1))
        assert (await gateway.receive(Ack)).seq == 1


@pytest.mark.asvs("15.2.2")
async def test_a_compressed_bomb_closes_its_connection_and_the_server_lives(
    server: Listening,
) -> None:
    keys = await wire.enrolled(server.services.database)
    bomb = "7" * 20_000_000
    assert len(zlib.compress(bomb.encode())) < MAX_MESSAGE_BYTES
    async with wire.connected(server.origin, keys) as gateway:
        await gateway.send_raw(bomb)
        with pytest.raises(ConnectionClosed):
            await gateway.receive(Ack)
        assert gateway.socket.close_code == 1009
    async with wire.connected(server.origin, keys) as gateway:
        await gateway.send(wire.minute(1, now_ms(), 97, device=DEVICE))
        await gateway.acked(1)


async def test_a_number_out_of_turn_is_sent_back_to_the_last_committed_one(
    server: Listening,
) -> None:
    keys = await wire.enrolled(server.services.database)
    async with wire.connected(server.origin, keys) as gateway:
        await gateway.send(wire.minute(1, now_ms(), 97, device=DEVICE))
        await gateway.acked(1)
        await gateway.send(wire.minute(3, now_ms(), 97, device=DEVICE))
        assert await gateway.receive(Resume) == Resume("live", 1)
        await gateway.send(wire.minute(2, now_ms(), 97, device=DEVICE))
        await gateway.acked(2)


async def test_a_replayed_number_is_acknowledged_and_stored_once(server: Listening) -> None:
    keys = await wire.enrolled(server.services.database)
    batch = wire.minute(1, now_ms(), 97, device=DEVICE)
    async with wire.connected(server.origin, keys) as gateway:
        for _ in range(3):
            await gateway.send(batch)
            assert await gateway.receive(Ack) == Ack("live", 1)
    async with wire.connected(server.origin, keys) as gateway:
        await gateway.send(batch)
        assert await gateway.receive(Ack) == Ack("live", 1)
    assert len(await _rows(server, "SELECT 1 FROM upload")) == 1
    assert len(await _rows(server, "SELECT 1 FROM reading")) == 1


async def test_numbers_that_nobody_has_are_a_recorded_gap(server: Listening) -> None:
    keys = await wire.enrolled(server.services.database)
    async with wire.connected(server.origin, keys) as gateway:
        await gateway.send(Gap("live", 40, "disk lost"))
        await gateway.acked(40)
        await gateway.send(wire.minute(41, now_ms(), 97, device=DEVICE))
        await gateway.acked(41)
    gaps = await _rows(server, "SELECT first_seq, last_seq, reason FROM stream_gap")
    assert gaps == [(1, 40, "disk lost")]


async def test_a_new_epoch_begins_at_one(server: Listening) -> None:
    keys = await wire.enrolled(server.services.database)
    async with wire.connected(server.origin, keys) as gateway:
        await gateway.send(wire.minute(1, now_ms(), 97, device=DEVICE))
        await gateway.acked(1)
    keys = replace(keys, epochs={"live": "epoch-live-2"})
    async with wire.connected(server.origin) as gateway:
        welcome = await gateway.says_hello(keys)
    assert welcome.acked == {"live": 0}


async def test_the_same_stored_record_by_two_ways_is_one_reading_and_one_copy(
    server: Listening,
) -> None:
    made = await world.make(server.services.database)
    at = now_ms() - 60_000
    for _ in range(2):
        keys = await wire.enrolled(server.services.database)
        async with wire.connected(server.origin, keys) as gateway:
            await gateway.send(wire.minute(1, at, 97, device=made.device_id, record="17"))
            await gateway.acked(1)
    assert len(await _rows(server, "SELECT 1 FROM reading")) == 1
    assert len(await _rows(server, "SELECT 1 FROM reading_copy")) == 1


@pytest.mark.parametrize("flag", [Quality.DEMO, Quality.TESTING])
async def test_demonstration_and_test_data_are_kept_and_never_a_patients(
    sqlite_server: Listening, flag: Quality
) -> None:
    made = await world.make(sqlite_server.services.database)
    keys = await wire.enrolled(sqlite_server.services.database)
    batch = wire.minute(1, now_ms(), 80, device=made.device_id, quality=int(flag))
    async with wire.connected(sqlite_server.origin, keys) as gateway:
        await gateway.send(batch)
        ack = await gateway.receive(Ack)
    assert [r.part for r in ack.refused] == ["readings[0]"]
    assert await _rows(sqlite_server, "SELECT 1 FROM reading") == []
    assert await _rows(sqlite_server, "SELECT 1 FROM alert") == []
    assert len(await _rows(sqlite_server, "SELECT 1 FROM refused")) == 1


async def test_a_revoked_gateway_is_put_out_at_once_and_not_let_in_again(
    server: Listening,
) -> None:
    database, bus = server.services.database, server.services.bus
    keys = await wire.enrolled(database)
    async with wire.connected(server.origin, keys) as gateway:
        await database.write(lambda tx: gateways.revoke(tx, keys.gateway_id))
        bus.publish(gateways.gateway_topic(keys.gateway_id), {})
        failure, close_code = await gateway.failed()
    assert (failure.code, close_code) == ("revoked", 4003)
    async with wire.connected(server.origin) as gateway:
        await gateway.send(wire.hello(keys, await gateway.receive(Challenge)))
        failure, close_code = await gateway.failed()
    assert (failure.code, close_code) == ("revoked", 4003)


async def test_a_gateway_revoked_elsewhere_has_nothing_acknowledged(server: Listening) -> None:
    database = server.services.database
    keys = await wire.enrolled(database)
    async with wire.connected(server.origin, keys) as gateway:
        await database.write(lambda tx: gateways.revoke(tx, keys.gateway_id))
        await gateway.send(wire.minute(1, now_ms(), 97, device=DEVICE))
        failure, close_code = await gateway.failed()
    assert (failure.code, close_code) == ("revoked", 4003)
    assert await _rows(server, "SELECT 1 FROM upload") == []


@pytest.mark.asvs("4.4.3")
async def test_an_unknown_gateway_and_a_wrong_signature_are_refused(server: Listening) -> None:
    keys = await wire.enrolled(server.services.database)
    strangers = {
        "revoked": replace(keys, gateway_id="gw-unknown"),
        "not_allowed": replace(keys, private=Ed25519PrivateKey.generate()),
    }
    for code, stranger in strangers.items():
        async with wire.connected(server.origin) as gateway:
            await gateway.send(wire.hello(stranger, await gateway.receive(Challenge)))
            failure, close_code = await gateway.failed()
        assert (failure.code, close_code) == (code, 4003)


@pytest.mark.asvs("4.4.3")
async def test_a_signature_of_another_challenge_is_refused(server: Listening) -> None:
    keys = await wire.enrolled(server.services.database)
    async with wire.connected(server.origin) as gateway:
        old = await gateway.receive(Challenge)
    async with wire.connected(server.origin) as gateway:
        await gateway.receive(Challenge)
        await gateway.send(wire.hello(keys, old))
        failure, _ = await gateway.failed()
    assert failure.code == "not_allowed"


@pytest.mark.parametrize("missing", ["gateway", "signature", "streams"])
async def test_a_hello_with_a_field_missing_is_malformed(
    sqlite_server: Listening, missing: str
) -> None:
    keys = await wire.enrolled(sqlite_server.services.database)
    async with wire.connected(sqlite_server.origin) as gateway:
        whole = msgspec.json.decode(encode(wire.hello(keys, await gateway.receive(Challenge))))
        del whole[missing]
        await gateway.send_raw(msgspec.json.encode(whole))
        failure, close_code = await gateway.failed()
    assert (failure.code, close_code) == ("malformed", 1007)
    assert missing in failure.message


async def test_two_sockets_of_one_gateway_the_older_is_told_and_closed(server: Listening) -> None:
    keys = await wire.enrolled(server.services.database)
    async with (
        wire.connected(server.origin, keys) as older,
        wire.connected(server.origin, keys) as newer,
    ):
        failure, close_code = await older.failed()
        await newer.send(wire.minute(1, now_ms(), 97, device=DEVICE))
        await newer.acked(1)
    assert (failure.code, close_code) == ("replaced", 4001)


async def test_one_poisoned_batch_is_set_aside_and_holds_up_no_other(
    server: Listening, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from telehealth import judging  # noqa: PLC0415 - the fault is put in here

    judge = judging.judge
    poison = "ox-poison"

    def poisoned(tx, readings, probes):  # type: ignore[no-untyped-def]
        if any(b.reading.device_id == poison for b in readings):
            raise ZeroDivisionError
        return judge(tx, readings, probes)

    monkeypatch.setattr(judging, "judge", poisoned)
    keys = await wire.enrolled(server.services.database)
    with caplog.at_level(logging.CRITICAL):
        async with wire.connected(server.origin, keys) as gateway:
            for seq in range(1, 21):
                device = poison if seq == 7 else DEVICE
                await gateway.send(wire.minute(seq, now_ms() + seq, 97, device=device))
            refused = []
            while True:
                message = decode_from_server(await gateway.socket.recv())
                assert isinstance(message, Ack)
                refused += message.refused
                if message.seq == 20:
                    break
    assert [r.seq for r in refused] == [7]
    assert await _rows(server, "SELECT seq FROM refused") == [(7,)]
    assert len(await _rows(server, "SELECT 1 FROM upload")) == 19


async def test_the_welcome_says_what_is_committed(server: Listening) -> None:
    keys = await wire.enrolled(server.services.database)
    async with wire.connected(server.origin, keys) as gateway:
        await gateway.send(wire.minute(1, now_ms(), 97, device=DEVICE))
        await gateway.acked(1)
    async with wire.connected(server.origin) as gateway:
        welcome = await gateway.says_hello(keys)
    assert isinstance(welcome, Welcome)
    assert welcome.acked == {"live": 1, "backlog": 0}


async def test_the_last_word_reaches_a_gateway_that_is_just_sending(
    sqlite_server: Listening,
) -> None:
    """What comes in after a socket was closed resets the connection, and the last word with it."""
    await world.make(sqlite_server.services.database)
    keys = await wire.enrolled(sqlite_server.services.database)
    async with wire.connected(sqlite_server.origin, keys) as gateway:
        socket = gateway.socket
        socket.transport.pause_reading()
        sqlite_server.services.uplinks[keys.gateway_id].revoked()
        await asyncio.to_thread(
            select.select, [socket.transport.get_extra_info("socket").fileno()], [], []
        )
        for seq in (1, 2):
            await gateway.send(wire.minute(seq, now_ms(), 97.0, device=DEVICE))
            for _ in range(100):
                await asyncio.sleep(0)
        socket.transport.resume_reading()
        failure, close_code = await gateway.failed()
    assert (failure.code, close_code) == ("revoked", 4003)
