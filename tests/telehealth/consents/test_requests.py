"""Requests of the person: tickets with the law's clocks and a life that is a table."""

import itertools
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from protocols.uplink import instant
from telehealth.access.policy import Actor, Role
from telehealth.consents import requests
from telehealth.consents.deadlines import DONE_DAYS, Kind, answer_due, done_due
from telehealth.consents.requests import TRANSITIONS, Action, State, Ticket
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.store.database import Database, Transaction
from tests import rows, world

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
OFFICER = Actor("ac-officer", Role.PRIVACY_OFFICER)
STEPS = {
    State.OPEN: (),
    State.ANSWERED: (Action.ANSWER,),
    State.DONE: (Action.ANSWER, Action.DO),
    State.REFUSED: (Action.ANSWER, Action.REFUSE),
}


async def asked(database: Database, kind: Kind = Kind.COPY, details: str = "") -> str:
    """Return a new ticket of the world's person."""
    made = await world.make(database)
    return await database.write(lambda tx: ask(tx, made.person_id, kind, details))


def ask(tx: Transaction, person_id: str, kind: str, details: str = "") -> str:
    return requests.ask(tx, person_id, kind, details=details, opened_by="ac-patient", zone=ZONE)


def walk(tx: Transaction, request_id: str, *steps: Action) -> Ticket:
    for step in steps:
        requests.move(tx, request_id, step, by="ac-officer", outcome=f"said at {step}")
    return requests.load(tx, request_id)


async def test_the_clocks_are_set_by_the_law_when_the_ticket_opens(database: Database) -> None:
    for kind in Kind:
        assert kind in DONE_DAYS
    key = await asked(database, Kind.DELETE, "xin xoá")
    ticket = await database.read(lambda r: requests.load(r, key))
    opened_at = instant(ticket.opened_ms)
    assert instant(ticket.answer_due_ms) == answer_due(opened_at, ZONE)
    assert instant(ticket.done_due_ms) == done_due(opened_at, DONE_DAYS[Kind.DELETE], ZONE)
    assert (ticket.state, ticket.person) == (State.OPEN, "Người Thử Nghiệm")


@pytest.mark.parametrize(("state", "action"), list(itertools.product(State, Action)))
async def test_what_is_not_in_the_table_cannot_happen(
    database: Database, state: State, action: Action
) -> None:
    key = await asked(database)
    await database.write(lambda tx: walk(tx, key, *STEPS[state]))
    if (state, action) in TRANSITIONS:
        after = await database.write(lambda tx: walk(tx, key, action))
        assert after.state is TRANSITIONS[state, action]
        assert after.outcome == f"said at {action}"
        return
    with pytest.raises(IllegalTransitionError):
        await database.write(lambda tx: walk(tx, key, action))
    assert (await database.read(lambda r: requests.load(r, key))).state is state


@pytest.mark.parametrize(
    ("kind", "details", "field"),
    [
        ("everything", "", "kind"),
        (Kind.CORRECT, "  ", "details"),
        (Kind.COPY, "x" * 2_001, "details"),
    ],
)
async def test_what_is_no_request_is_refused(
    database: Database, kind: str, details: str, field: str
) -> None:
    made = await world.make(database)
    with pytest.raises(RefusedError) as refused:
        await database.write(lambda tx: ask(tx, made.person_id, kind, details))
    assert refused.value.field == field


@pytest.mark.asvs("2.3.2")
async def test_one_request_of_a_kind_is_open_at_a_time(database: Database) -> None:
    made = await world.make(database)
    key = await database.write(lambda tx: ask(tx, made.person_id, Kind.COPY))
    with pytest.raises(IllegalTransitionError):
        await database.write(lambda tx: ask(tx, made.person_id, Kind.COPY))
    await database.write(lambda tx: ask(tx, made.person_id, Kind.RESTRICT))
    await database.write(lambda tx: walk(tx, key, Action.ANSWER, Action.DO))
    again = await database.write(lambda tx: ask(tx, made.person_id, Kind.COPY))
    assert again != key


async def test_words_lie_sealed_and_an_answer_needs_some(database: Database) -> None:
    key = await asked(database, Kind.CORRECT, "Tên tôi là Hoà")
    raw = await database.read(lambda r: r.rows("SELECT details FROM subject_request"))
    assert "Hoà".encode() not in bytes(raw[0][0])
    with pytest.raises(RefusedError):
        await database.write(
            lambda tx: requests.move(tx, key, Action.ANSWER, by="ac-officer", outcome=" ")
        )
    ticket = await database.read(lambda r: requests.load(r, key))
    assert (ticket.details, ticket.outcome) == ("Tên tôi là Hoà", "")


def test_the_next_deadline_is_the_answers_and_then_the_doings() -> None:
    ticket = Ticket(
        request_id="rq-1", person_id="pe-1", person="", kind=Kind.COPY, state=State.OPEN,
        details="", opened_ms=0, answer_due_ms=10, done_due_ms=20, answered_ms=None,
        closed_ms=None, outcome="",
    )  # fmt: skip
    assert (ticket.due_ms, ticket.is_late(10), ticket.is_late(11)) == (10, False, True)
    answered = replace(ticket, state=State.ANSWERED)
    assert (answered.due_ms, answered.is_late(20), answered.is_late(21)) == (20, False, True)
    assert not replace(ticket, state=State.DONE).is_late(99)


async def test_the_officer_sees_the_nearest_deadline_first_and_then_what_is_closed(
    database: Database,
) -> None:
    made = await world.make(database)

    def fill(tx: Transaction) -> list[str]:
        keys = [ask(tx, made.person_id, kind) for kind in (Kind.DELETE, Kind.COPY, Kind.RESTRICT)]
        walk(tx, keys[0], Action.ANSWER)
        walk(tx, keys[2], Action.ANSWER, Action.REFUSE)
        return keys

    keys = await database.write(fill)
    found = await database.read(lambda r: requests.to_do(r, OFFICER))
    assert [ticket.request_id for ticket in found] == [keys[1], keys[0], keys[2]]


async def test_an_officer_sees_only_the_people_of_their_place(database: Database) -> None:
    made = await world.make(database)

    def fill(tx: Transaction) -> None:
        for place in ("pl-a", "pl-b"):
            tx.execute(
                "INSERT INTO place (place_id, code, name, folded, level, kind, valid_from, source)"
                " VALUES (?, ?, ?, ?, 'commune', '', '2025-07-01', '')",
                (place, place, place, place),
            )
            tx.execute("INSERT INTO place_ancestor VALUES (?, ?, 0)", (place, place))
        tx.execute("UPDATE person SET place_id = 'pl-a'")
        ask(tx, made.person_id, Kind.COPY)
        rows.person(tx, "pe-b", "Người Nơi Khác", "1960-01-01", place_id="pl-b")
        ask(tx, "pe-b", Kind.COPY)

    await database.write(fill)

    def seen_at(place_id: str | None) -> Actor:
        return Actor("ac-officer", Role.PRIVACY_OFFICER, place_id=place_id)

    async def whose(actor: Actor) -> set[str]:
        found = await database.read(lambda r: requests.to_do(r, actor))
        return {ticket.person_id for ticket in found}

    assert await whose(seen_at("pl-a")) == {made.person_id}
    assert await whose(seen_at("pl-b")) == {"pe-b"}
    assert await whose(seen_at(None)) == {made.person_id, "pe-b"}
    assert await whose(Actor("ac-nurse", Role.NURSE)) == set()


async def test_a_request_that_is_not_there_is_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError):
        await database.read(lambda r: requests.load(r, "rq-none"))
    with pytest.raises(NotFoundError):
        await database.write(lambda tx: ask(tx, "pe-none", Kind.COPY))
