"""The book of calls on a real database: who may start, answer and end one, and what timers do."""

from collections.abc import Callable
from datetime import UTC
from typing import TypeVar

import pytest

from telehealth.access.policy import Actor
from telehealth.calls import book
from telehealth.calls.book import LEASE_MS, LEASE_TIMER, REQUEST_MS, RING_MS, RING_TIMER, Call
from telehealth.calls.states import Action, CallState, Party
from telehealth.consents import giving
from telehealth.consents.giving import Given
from telehealth.consents.items import Item
from telehealth.errors import (
    ConsentWithdrawnError,
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from telehealth.store.database import Database, Transaction
from telehealth.timers import Due
from tests.telehealth.calls.world import ADMIN, BINH, FAR, HOA, LAN, MINH, TAM, people

T = TypeVar("T")


@pytest.fixture
async def db(database: Database) -> Database:
    await database.write(people)
    return database


async def offered(db: Database, doctor: Actor = LAN, person_id: str = "pe-hoa") -> Call:
    return await db.write(lambda tx: book.offer(tx, doctor, person_id))


async def step(db: Database, call: Call, action: Action, party: Party, by: str | None) -> Call:
    return await db.write(lambda tx: book.advance(tx, call.room_id, action, party, by))


async def timers(db: Database, call: Call) -> dict[str, int]:
    rows = await db.read(
        lambda r: r.rows("SELECT kind, due_ms FROM timer WHERE subject_id = ?", (call.room_id,))
    )
    return dict(rows)


async def fire(db: Database, kind: str, call: Call, payload: bytes = b"") -> list[str]:
    """Fire a timer as the loop does: taken away first, then acted upon."""

    def act(tx: Transaction) -> list[str]:
        tx.execute("DELETE FROM timer WHERE kind = ? AND subject_id = ?", (kind, call.room_id))
        return book.TIMER_HANDLERS[kind](tx, Due(kind, call.room_id, 0, payload))

    return await db.write(act)


AGREED = Given(person_id="pe-hoa", items=frozenset({Item.VIDEO_CALL}), locale="vi", given_by="hoa")


async def take_back(db: Database) -> None:
    """Let Hoa agree to video calls, and think better of it."""
    [consent_id] = await db.write(lambda tx: giving.give(tx, AGREED, UTC))
    await db.write(lambda tx: giving.withdraw(tx, consent_id, "hoa", UTC))


async def refuse(db: Database, error: type[Exception], act: Callable[[Transaction], T]) -> None:
    with pytest.raises(error):
        await db.write(act)


async def test_a_doctor_rings_a_person_for_a_minute(db: Database) -> None:
    call = await offered(db)
    assert (call.state, call.doctor_id, call.person_id) == ("offered", "lan", "pe-hoa")
    assert call.requested_by == "lan"
    assert (await timers(db, call))[RING_TIMER] == call.requested_ms + RING_MS


async def test_ringing_twice_is_one_call(db: Database) -> None:
    assert (await offered(db)).room_id == (await offered(db)).room_id


async def test_a_doctor_of_the_same_programme_may_call_and_another_may_not(db: Database) -> None:
    assert (await offered(db, BINH)).doctor_id == "binh"
    await refuse(db, NotAllowedError, lambda tx: book.offer(tx, FAR, "pe-tam"))
    await refuse(db, NotAllowedError, lambda tx: book.offer(tx, LAN, "pe-unknown"))
    await refuse(db, NotAllowedError, lambda tx: book.offer(tx, ADMIN, "pe-tam"))


async def test_a_call_about_an_alert_that_is_not_the_persons_is_refused(db: Database) -> None:
    await refuse(db, RefusedError, lambda tx: book.offer(tx, LAN, "pe-hoa", "al-unknown"))


async def test_a_person_who_took_video_calls_back_is_not_rung_until_they_agree_again(
    db: Database,
) -> None:
    await take_back(db)
    await refuse(db, ConsentWithdrawnError, lambda tx: book.offer(tx, LAN, "pe-hoa"))
    assert await offered(db, LAN, "pe-tam")
    await db.write(lambda tx: giving.give(tx, AGREED, UTC))
    assert await offered(db)


async def test_a_person_who_took_video_calls_back_and_asks_for_one_is_answered(
    db: Database,
) -> None:
    await take_back(db)
    asked = await db.write(lambda tx: book.request(tx, HOA))
    assert (await offered(db)).room_id == asked.room_id


@pytest.mark.asvs("2.3.4")
async def test_two_doctors_do_not_ring_one_person_at_once(db: Database) -> None:
    await offered(db)
    await refuse(db, IllegalTransitionError, lambda tx: book.offer(tx, BINH, "pe-hoa"))


async def test_a_person_asks_and_the_assigned_doctor_rings_back(db: Database) -> None:
    asked = await db.write(lambda tx: book.request(tx, HOA))
    assert (asked.state, asked.doctor_id) == ("requested", None)
    rung = await offered(db)
    assert (rung.room_id, rung.state, rung.doctor_id) == (asked.room_id, "offered", "lan")
    assert (await timers(db, rung))[RING_TIMER] >= asked.requested_ms + RING_MS


async def test_asking_twice_is_one_call_and_asking_while_it_rings_changes_nothing(
    db: Database,
) -> None:
    first = await db.write(lambda tx: book.request(tx, HOA))
    again = await db.write(lambda tx: book.request(tx, MINH))
    assert again == first
    await offered(db)
    assert (await db.write(lambda tx: book.request(tx, HOA))).state == "offered"


async def test_a_doctor_or_administrator_cannot_ask_for_a_doctor(db: Database) -> None:
    for actor in (LAN, ADMIN):
        await refuse(db, NotAllowedError, lambda tx, who=actor: book.request(tx, who))  # type: ignore[misc]


async def test_accepting_stops_the_ring_and_starts_the_lease(db: Database) -> None:
    call = await offered(db)
    accepted = await step(db, call, Action.ACCEPT, Party.PATIENT, "hoa")
    assert accepted.state == "accepted"
    assert accepted.accepted_ms is not None
    assert await timers(db, call) == {LEASE_TIMER: accepted.accepted_ms + LEASE_MS}


async def test_the_first_connection_is_kept_over_an_interruption(db: Database) -> None:
    call = await step(db, await offered(db), Action.ACCEPT, Party.PATIENT, "hoa")
    first = await step(db, call, Action.CONNECT, Party.ENGINE, None)
    assert first.connected_ms is not None
    await step(db, call, Action.INTERRUPT, Party.ENGINE, None)
    back = await step(db, call, Action.CONNECT, Party.ENGINE, None)
    assert back.connected_ms == first.connected_ms


@pytest.mark.parametrize(
    ("action", "party", "by", "state", "reason"),
    [
        (Action.DECLINE, Party.PATIENT, "minh", "declined", "decline"),
        (Action.CANCEL, Party.DOCTOR, "lan", "cancelled", "cancel"),
        (Action.RING_OUT, Party.ENGINE, None, "no_show", "ring_out"),
    ],
)
async def test_an_end_is_kept_with_who_and_when_and_leaves_no_timer(
    db: Database, action: Action, party: Party, by: str | None, state: str, reason: str
) -> None:
    call = await step(db, await offered(db), action, party, by)
    assert (call.state, call.end_reason, call.ended_by) == (state, reason, by)
    assert call.ended_ms is not None
    assert await timers(db, call) == {}
    assert (await offered(db)).room_id != call.room_id, "the person can be called again"


async def test_what_the_table_does_not_have_is_refused_and_nothing_is_written(
    db: Database,
) -> None:
    call = await offered(db)
    await refuse(
        db,
        IllegalTransitionError,
        lambda tx: book.advance(tx, call.room_id, Action.CONNECT, Party.ENGINE, None),
    )
    await refuse(
        db,
        NotAllowedError,
        lambda tx: book.advance(tx, call.room_id, Action.ACCEPT, Party.DOCTOR, "lan"),
    )
    assert await db.read(lambda r: book.find(r, call.room_id)) == call


async def test_a_call_that_nobody_answers_is_a_no_show(db: Database) -> None:
    call = await offered(db)
    topics = await fire(db, RING_TIMER, call)
    assert (await db.read(lambda r: book.find(r, call.room_id))).state == "no_show"
    assert topics == [f"room:{call.room_id}", "account:hoa", "account:lan", "account:minh"]


async def test_a_ring_that_was_answered_just_before_stays_answered(db: Database) -> None:
    call = await step(db, await offered(db), Action.ACCEPT, Party.PATIENT, "hoa")
    assert await fire(db, RING_TIMER, call) == []
    assert (await db.read(lambda r: book.find(r, call.room_id))).state == "accepted"


async def test_a_request_goes_to_the_whole_programme_after_a_minute_then_ends(
    db: Database,
) -> None:
    call = await db.write(lambda tx: book.request(tx, HOA))
    assert await db.read(lambda r: [c.room_id for c in book.open_calls(r, LAN)]) == [call.room_id]
    assert await db.read(lambda r: book.open_calls(r, BINH)) == []
    age_one_minute = "UPDATE call SET requested_ms = requested_ms - ? WHERE room_id = ?"
    await db.write(lambda tx: tx.execute(age_one_minute, (RING_MS, call.room_id)))
    topics = await fire(db, RING_TIMER, call)
    assert {"account:lan", "account:binh"} <= set(topics)
    assert "account:far" not in topics
    assert len(await db.read(lambda r: book.open_calls(r, BINH))) == 1
    assert (await timers(db, call))[RING_TIMER] == call.requested_ms - RING_MS + REQUEST_MS
    await fire(db, RING_TIMER, call, b"programme")
    assert (await db.read(lambda r: book.find(r, call.room_id))).state == "no_show"


async def test_a_room_that_nobody_holds_is_concluded_when_its_lease_is_over(db: Database) -> None:
    call = await step(db, await offered(db), Action.ACCEPT, Party.PATIENT, "hoa")
    topics = await fire(db, LEASE_TIMER, call)
    ended = await db.read(lambda r: book.find(r, call.room_id))
    assert (ended.state, ended.end_reason) == ("concluded", "abandon")
    assert f"room:{call.room_id}" in topics


async def test_a_renewed_lease_is_due_later_and_an_ended_call_gets_none(db: Database) -> None:
    call = await step(db, await offered(db), Action.ACCEPT, Party.PATIENT, "hoa")
    await db.write(lambda tx: tx.execute("UPDATE timer SET due_ms = 1"))
    await db.write(lambda tx: book.renew_leases(tx, [call.room_id]))
    assert (await timers(db, call))[LEASE_TIMER] > LEASE_MS
    await step(db, call, Action.HANG_UP, Party.DOCTOR, "lan")
    await db.write(lambda tx: book.renew_leases(tx, [call.room_id]))
    assert await timers(db, call) == {}


async def test_a_timer_whose_call_is_gone_does_nothing(db: Database) -> None:
    for kind, handler in book.TIMER_HANDLERS.items():
        assert await db.write(lambda tx, h=handler, k=kind: h(tx, Due(k, "gone", 0, b""))) == []  # type: ignore[misc]


@pytest.mark.parametrize("actor", [LAN, HOA, MINH], ids=lambda a: a.account_id)
async def test_those_who_take_part_find_the_call(db: Database, actor: Actor) -> None:
    call = await offered(db)
    assert await db.read(lambda r: book.require_part(r, actor, call.room_id)) == call


@pytest.mark.parametrize("actor", [BINH, FAR, TAM], ids=lambda a: a.account_id)
async def test_for_all_others_there_is_no_such_call(db: Database, actor: Actor) -> None:
    call = await offered(db)
    with pytest.raises(NotFoundError):
        await db.read(lambda r: book.require_part(r, actor, call.room_id))
    assert await db.read(lambda r: book.open_calls(r, actor)) == []


async def test_an_administrator_takes_no_part(db: Database) -> None:
    call = await offered(db)
    with pytest.raises(NotAllowedError):
        await db.read(lambda r: book.require_part(r, ADMIN, call.room_id))


async def test_a_request_is_known_to_the_doctors_who_may_call_the_person(db: Database) -> None:
    call = await db.write(lambda tx: book.request(tx, HOA))
    assert (await db.read(lambda r: book.require_part(r, BINH, call.room_id))) == call
    with pytest.raises(NotFoundError):
        await db.read(lambda r: book.require_part(r, FAR, call.room_id))


async def test_each_side_is_shown_the_other_and_whether_it_rings(db: Database) -> None:
    call = await offered(db)
    doctor = await db.read(lambda r: book.shown(r, LAN, call))
    person = await db.read(lambda r: book.shown(r, HOA, call))
    assert (doctor.name, doctor.rings) == ("Nguyễn Thị Hoa", False)
    assert (person.name, person.rings) == ("BS. Lan", True)


async def test_a_disabled_log_in_may_not_enter(db: Database) -> None:
    call = await offered(db)
    await db.write(
        lambda tx: tx.execute("UPDATE account SET disabled_ms = 1 WHERE account_id = 'minh'")
    )
    members = await db.read(lambda r: book.members_of(r, call))
    assert [member.account_id for member in members] == ["hoa", "lan"]
    assert call.state is CallState.OFFERED
