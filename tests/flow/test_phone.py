"""A patient's phone hands in what it measured: over HTTP, into the same intake as a gateway's."""

import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from aiohttp import ClientSession

from telehealth.access import sessions
from telehealth.clock import now_ms
from telehealth.consents import copy_rows, giving
from telehealth.consents.items import Item
from telehealth.people import merging, proxies
from telehealth.serving import Listening
from telehealth.store.database import Transaction
from tests import rows, world

URL = "/api/v1/patient/uploads"
HOUR = 3_600_000
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


class Phone:
    """A browser that uploads: what the page's script sends, without the page."""

    def __init__(self, server: Listening, http: ClientSession) -> None:
        self.server, self.http = server, http
        self.epoch, self.device = str(uuid.uuid4()), f"ph:{uuid.uuid4()}"
        self.account = ""

    def typed(self, seq: int, person_id: str, spo2: float, **more: Any) -> dict[str, Any]:
        """Return a batch with one typed reading; `at` is now unless it is said."""
        reading: dict[str, Any] = {
            "kind": more.get("kind", "typed"),
            "at": more.get("at", now_ms()),
            "spo2_percent": spo2,
            "record": more.get("record", str(uuid.uuid4())),
        }
        shown = more.get("shown", [])
        return {
            "seq": seq, "person": person_id, "device": more.get("device", self.device),
            "readings": [reading | more.get("reading", {})], "shown": shown, "rules": "test@1",
        }  # fmt: skip

    async def post(self, *batches: Any, ahead_ms: int = 0) -> dict[str, Any]:
        """Post batches; returns the answer, with its status."""
        body = {
            "epoch": self.epoch, "now": now_ms() + ahead_ms, "batches": list(batches),
            "account": self.account,
        }  # fmt: skip
        async with self.http.post(
            self.server.origin + URL, json=body, headers={"Sec-Fetch-Site": "same-origin"}
        ) as answer:
            return {"status": answer.status, **await answer.json()}

    async def stored(self, what: str, table: str = "reading") -> list[tuple[Any, ...]]:
        """Return rows of the database behind it."""
        sql = f"SELECT {what} FROM {table} ORDER BY 1"  # noqa: S608 - of this test
        return [
            tuple(row) for row in await self.server.services.database.read(lambda r: r.rows(sql))
        ]


@asynccontextmanager
async def phone_of(server: Listening, account_id: str) -> AsyncIterator[Phone]:
    """Yield a phone on which this account has signed in."""
    token = await server.services.database.write(lambda tx: rows.session(tx, account_id))
    async with ClientSession(cookies={"session": token}) as http:
        yield Phone(server, http)


@pytest.fixture
async def made(server: Listening) -> world.World:
    return await world.make(server.services.database)


async def test_a_typed_reading_is_stored_scored_and_alerts_the_doctor(
    server: Listening, made: world.World
) -> None:
    async with phone_of(server, made.patient_id) as phone:
        answer = await phone.post(phone.typed(1, made.person_id, 88))
        assert (answer["status"], answer["acked"], answer["refused"]) == (200, 1, [])
        assert await phone.stored("person_id, kind, spo2_percent, level") == [
            (made.person_id, "typed", 88.0, 3)
        ]
        assert await phone.stored("owner_id", "alert") == [(made.doctor_id,)]


async def test_who_decided_whose_it_is_stands_beside_it(
    server: Listening, made: world.World
) -> None:
    async with phone_of(server, made.patient_id) as phone:
        await phone.post(phone.typed(1, made.person_id, 97))
        assert await phone.stored("after, reason, decided_by", "reading_attribution") == [
            (made.person_id, "own_choice", made.patient_id)
        ]
        assert await phone.stored(
            "person_id, decision", "audit WHERE action='reading_entered'"
        ) == [(made.person_id, "allow")]


async def test_what_is_sent_again_is_stored_once(server: Listening, made: world.World) -> None:
    async with phone_of(server, made.patient_id) as phone:
        batch = phone.typed(1, made.person_id, 96, shown=[shown("advice_green")])
        for _ in range(3):
            assert (await phone.post(batch))["acked"] == 1
        assert len(await phone.stored("reading_id")) == 1
        assert len(await phone.stored("shown_id", "phone_shown")) == 1


async def test_the_same_reading_from_a_new_stream_is_linked_and_not_scored_again(
    server: Listening, made: world.World
) -> None:
    """A phone that finds the server restored begins a new stream with what it still has."""
    async with phone_of(server, made.patient_id) as phone:
        batch = phone.typed(1, made.person_id, 90)
        await phone.post(batch)
        phone.epoch = str(uuid.uuid4())
        assert (await phone.post(batch, ahead_ms=5 * HOUR))["acked"] == 1
        assert len(await phone.stored("reading_id")) == 1
        assert len(await phone.stored("copy_id", "reading_copy")) == 1


async def test_a_number_out_of_turn_is_answered_with_what_is_held(
    server: Listening, made: world.World
) -> None:
    async with phone_of(server, made.patient_id) as phone:
        answer = await phone.post(phone.typed(5, made.person_id, 96))
        assert (answer["status"], answer["acked"]) == (200, 0)
        assert await phone.stored("reading_id") == []


async def test_a_post_with_nothing_asks_how_far_the_server_is(
    server: Listening, made: world.World
) -> None:
    async with phone_of(server, made.patient_id) as phone:
        assert (await phone.post())["acked"] == 0
        await phone.post(phone.typed(1, made.person_id, 97))
        assert (await phone.post())["acked"] == 1


async def test_a_carer_enters_for_the_person_and_a_stranger_does_not(
    server: Listening, made: world.World
) -> None:
    def others(tx: Transaction) -> None:
        rows.person(tx, "p-daughter", "Con Gái", "1980-01-01")
        rows.account(tx, "ac-daughter", "patient", person_id="p-daughter")
        rows.person(tx, "p-stranger", "Người Lạ", "1980-01-01")
        rows.account(tx, "ac-stranger", "patient", person_id="p-stranger")
        carer = proxies.NewProxy(
            person_id=made.person_id,
            proxy_person_id="p-daughter",
            kind=proxies.ProxyKind.CARER,
            basis=proxies.Basis.WISH,
            reference="asked on the phone",
        )
        proxies.grant(tx, carer, made.doctor_id)

    await server.services.database.write(others)
    async with phone_of(server, "ac-daughter") as phone:
        assert (await phone.post(phone.typed(1, made.person_id, 95)))["refused"] == []
    async with phone_of(server, "ac-stranger") as phone:
        answer = await phone.post(phone.typed(1, made.person_id, 95))
        assert answer["acked"] == 1
        assert "may not enter" in answer["refused"][0]["reason"]
        assert len(await phone.stored("reading_id")) == 1
        kept = await phone.stored("part, payload", "refused")
        assert msgspec.json.decode(bytes(kept[0][1]))["readings"][0]["spo2_percent"] == 95
        denied = "audit WHERE action='reading_entered' AND decision='deny'"
        assert await phone.stored("person_id", denied) == [(made.person_id,)]


async def test_a_reading_of_a_merged_record_is_the_survivors(
    server: Listening, made: world.World
) -> None:
    def twice(tx: Transaction) -> None:
        rows.person(tx, "p-twice", "Người Thử", "1950-01-02")
        merging.merge(tx, "p-twice", made.person_id, made.doctor_id, "the same human")

    await server.services.database.write(twice)
    async with phone_of(server, made.patient_id) as phone:
        assert (await phone.post(phone.typed(1, "p-twice", 96)))["refused"] == []
        assert await phone.stored("person_id") == [(made.person_id,)]


async def test_a_queue_of_another_account_is_refused_whole_and_waits_for_its_own(
    server: Listening, made: world.World
) -> None:
    def other(tx: Transaction) -> None:
        rows.person(tx, "p-other", "Người Khác", "1980-01-01")
        rows.account(tx, "ac-other", "patient", person_id="p-other")

    await server.services.database.write(other)
    async with phone_of(server, "ac-other") as phone:
        phone.account = made.patient_id
        batch = phone.typed(1, made.person_id, 91)
        assert (await phone.post(batch))["status"] == 401
        assert await phone.stored("payload", "upload") == []
        assert await phone.stored("payload", "refused") == []
    async with phone_of(server, made.patient_id) as phone:
        phone.account = made.patient_id
        answer = await phone.post(batch)
        assert (answer["acked"], answer["refused"]) == (1, [])


async def test_nothing_is_kept_of_somebody_who_withdrew_consent(
    server: Listening, made: world.World
) -> None:
    def withdraw(tx: Transaction) -> None:
        given = giving.Given(
            person_id=made.person_id,
            items=frozenset({Item.MONITORING}),
            locale="vi",
            given_by=made.patient_id,
        )
        [key] = giving.give(tx, given, ZONE)
        giving.withdraw(tx, key, made.patient_id, ZONE)

    await server.services.database.write(withdraw)
    async with phone_of(server, made.patient_id) as phone:
        answer = await phone.post(phone.typed(1, made.person_id, 71.5))
        assert (answer["acked"], answer["refused"]) == (1, [])
        assert await phone.stored("reading_id") == []
        kept = await phone.stored("payload", "upload")
        assert not any(b"71.5" in bytes(row[0]) for row in kept)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"kind": "minute"}, "a phone sends spot or typed"),
        ({"reading": {"record": None}}, "names each of its readings"),
        ({"reading": {"quality": 512}}, "never a patient's"),
        ({"reading": {"spo2_percent": 101}}, "<= 100"),
        ({"device": "ox-f0f000000001"}, "matching regex"),
    ],
)
async def test_what_a_phone_may_not_send_is_kept_with_the_reason_and_acknowledged(
    server: Listening, made: world.World, more: dict[str, Any], reason: str
) -> None:
    async with phone_of(server, made.patient_id) as phone:
        bad = phone.typed(1, made.person_id, 96, **more)
        answer = await phone.post(bad, phone.typed(2, made.person_id, 97))
        assert answer["acked"] == 2
        assert reason in answer["refused"][0]["reason"]
        assert await phone.stored("spo2_percent") == [(97.0,)]
        assert len(await phone.stored("payload", "refused")) == 1


async def test_a_batch_without_a_number_is_refused_whole_and_nothing_is_acknowledged(
    server: Listening, made: world.World
) -> None:
    async with phone_of(server, made.patient_id) as phone:
        answer = await phone.post(phone.typed(1, made.person_id, 96), {"person": "p"})
        assert answer["status"] == 400
        assert await phone.stored("reading_id") == []


@pytest.mark.parametrize(
    ("age_ms", "ahead_ms", "expected_age_ms", "wrong", "uncertain"),
    [
        (HOUR, 0, HOUR, False, False),
        (HOUR, 59_000, HOUR, False, False),
        (HOUR, 61_000, HOUR + 61_000, True, False),
        (HOUR, -61_000, HOUR - 61_000, True, False),
        (HOUR, 24 * HOUR, 25 * HOUR, True, False),
        (-50_000, 0, 0, False, False),
        (-70_000, 0, 0, False, True),
        (6 * 24 * HOUR, 0, 6 * 24 * HOUR, False, False),
        (31 * 24 * HOUR, 0, 0, False, True),
    ],
)
async def test_a_phones_clock_is_corrected_and_what_cannot_be_dated_says_so(
    sqlite_server: Listening,
    *,
    age_ms: int,
    ahead_ms: int,
    expected_age_ms: int,
    wrong: bool,
    uncertain: bool,
) -> None:
    made = await world.make(sqlite_server.services.database)
    async with phone_of(sqlite_server, made.patient_id) as phone:
        now = now_ms()
        await phone.post(phone.typed(1, made.person_id, 96, at=now - age_ms), ahead_ms=ahead_ms)
        [(measured, quality, is_uncertain)] = await phone.stored(
            "measured_ms, quality, time_uncertain"
        )
        assert abs(now - expected_age_ms - measured) < 5_000
        assert bool(quality & 16384) is wrong
        assert bool(is_uncertain) is uncertain


def shown(code: str, at: int | None = None, reading_at: int | None = None) -> dict[str, Any]:
    at = now_ms() if at is None else at
    return {"code": code, "at": at, "reading_at": at if reading_at is None else reading_at}


async def test_what_was_shown_out_of_reach_is_stored_and_told_with_the_reading(
    server: Listening, made: world.World
) -> None:
    measured = now_ms() - 2 * HOUR
    pressed = shown("called_115", measured + 60_000, measured)
    async with phone_of(server, made.patient_id) as phone:
        told = [shown("advice_red", measured + 500, measured), pressed]
        await phone.post(phone.typed(1, made.person_id, 88, at=measured, shown=told))
        assert await phone.stored(
            "code, at_ms - measured_ms, rules, account_id", "phone_shown"
        ) == [
            ("advice_red", 500, "test@1", made.patient_id),
            ("called_115", 60_000, "test@1", made.patient_id),
        ]
        assert [bool(late) for (late,) in await phone.stored("late")] == [True]
    copied = await server.services.database.read(
        lambda r: [one.code for one in copy_rows.on_phone(r, made.person_id)]
    )
    assert copied == ["advice_red", "called_115"], "the person's own copy tells it"


async def test_phones_of_one_account_are_no_gateways_of_the_administrator(
    server: Listening, made: world.World
) -> None:
    async with phone_of(server, made.patient_id) as phone:
        await phone.post(phone.typed(1, made.person_id, 96))
    token = await server.services.database.write(lambda tx: rows.session(tx, made.administrator_id))
    async with (
        ClientSession(cookies={"session": token}) as http,
        http.get(f"{server.origin}/admin/gateways") as page,
    ):
        assert page.status == 200
        assert "ph-" not in await page.text()


async def test_a_session_that_ended_uploads_nothing(server: Listening, made: world.World) -> None:
    async with phone_of(server, made.patient_id) as phone:
        await server.services.database.write(lambda tx: sessions.end_all(tx, made.patient_id))
        assert (await phone.post(phone.typed(1, made.person_id, 96)))["status"] == 401
        assert await phone.stored("reading_id") == []


async def test_staff_has_no_phone(server: Listening, made: world.World) -> None:
    async with phone_of(server, made.doctor_id) as phone:
        assert (await phone.post(phone.typed(1, made.person_id, 96)))["status"] == 403


async def test_random_cuts_and_repeats_lose_and_double_nothing(
    server: Listening, made: world.World
) -> None:
    """A fixed seed: answers lost, posts sent twice, readings queued meanwhile."""
    chance = random.Random(20_261_124)  # noqa: S311 - a test's
    async with phone_of(server, made.patient_id) as phone:
        queue: list[dict[str, Any]] = []
        numbered = 0
        for _ in range(60):
            for _ in range(chance.randrange(3)):
                numbered += 1
                queue.append(phone.typed(numbered, made.person_id, 90 + numbered % 9))
            sent = queue[: chance.randrange(1, 6)]
            answer = await phone.post(*sent)
            if chance.random() < 0.6:
                queue = [one for one in queue if one["seq"] > answer["acked"]]
        while queue:
            answer = await phone.post(*queue[:40])
            queue = [one for one in queue if one["seq"] > answer["acked"]]
        assert len(await phone.stored("reading_id")) == numbered
        assert await phone.stored("copy_id", "reading_copy") == []
