"""Consent given and withdrawn: proof kept, collection ended at once, nobody left untold."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from protocols.uplink import instant
from telehealth import judging, loans, subjects
from telehealth.access.policy import Role
from telehealth.consents import giving, stopping
from telehealth.consents.deadlines import done_due
from telehealth.consents.giving import Given
from telehealth.consents.items import Item, version_of
from telehealth.consents.texts import TEXTS
from telehealth.errors import (
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from telehealth.store.database import Database, Transaction
from telehealth.vitals.decisions import TimerKind
from tests import rows, world
from tests.world import World

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def of(person_id: str, *items: Item, **more: Any) -> Given:
    """Return a consent of a grown-up who ticked these on the page."""
    ticked = Given(person_id=person_id, items=frozenset(items), locale="vi", given_by="ac-patient")
    return replace(ticked, **more)


async def given(database: Database, *items: Item) -> tuple[World, dict[Item, str]]:
    """Return a world whose person has agreed to these, with the consents."""
    made = await world.make(database)

    def give(tx: Transaction) -> dict[Item, str]:
        giving.give(tx, of(made.person_id, *items), ZONE)
        return {item: giving.require(tx, made.person_id, item) for item in items}

    return made, await database.write(give)


async def test_nothing_is_agreed_to_until_somebody_ticks_it(database: Database) -> None:
    made = await world.make(database)
    shown = await database.read(lambda r: giving.standing(r, made.person_id, ZONE))
    assert [held.is_given for held in shown] == [False] * len(Item)
    assert not await database.read(lambda r: giving.may(r, made.person_id, Item.MONITORING))
    with pytest.raises(NotAllowedError):
        await database.read(lambda r: giving.require(r, made.person_id, Item.POSITION))


async def test_what_was_shown_is_proven_and_only_what_was_ticked_stands(
    database: Database,
) -> None:
    made, _ = await given(database, Item.MONITORING)
    found = await database.read(
        lambda r: r.rows("SELECT item, version, locale, text_sha256, channel FROM consent")
    )
    text = version_of(TEXTS, Item.MONITORING, "2026-1")
    assert [(*row[:3], bytes(row[3]), row[4]) for row in found] == [
        ("monitoring", "2026-1", "vi", text.sha256("vi"), "page")
    ]
    assert await database.read(lambda r: giving.may(r, made.person_id, Item.MONITORING))
    assert not await database.read(lambda r: giving.may(r, made.person_id, Item.RECORDING))


async def test_a_second_yes_changes_nothing(database: Database) -> None:
    made, ids = await given(database, Item.MONITORING)
    again = await database.write(
        lambda tx: giving.give(tx, of(made.person_id, Item.MONITORING, Item.RECORDING), ZONE)
    )
    assert len(again) == 1
    assert (
        await database.read(lambda r: giving.require(r, made.person_id, Item.MONITORING))
        == ids[Item.MONITORING]
    )


async def test_newer_words_take_the_place_of_older_ones_without_a_deadline(
    database: Database,
) -> None:
    made, ids = await given(database, Item.RECORDING)
    key = ids[Item.RECORDING]
    await database.write(
        lambda tx: tx.execute("UPDATE consent SET version = '2020-1' WHERE consent_id = ?", (key,))
    )
    shown = await database.read(lambda r: giving.standing(r, made.person_id, ZONE))
    assert [held.text.item for held in shown if held.is_outdated] == [Item.RECORDING]
    fresh = await database.write(
        lambda tx: giving.give(tx, of(made.person_id, Item.RECORDING), ZONE)
    )
    assert (
        await database.read(lambda r: giving.require(r, made.person_id, Item.RECORDING))
        == (fresh[0])
    )
    old = await database.read(
        lambda r: r.rows("SELECT withdrawn_ms, due_ms FROM consent WHERE consent_id = ?", (key,))
    )
    assert old[0][0] is not None
    assert old[0][1] is None
    assert not await database.read(
        lambda r: giving.has_withdrawn(r, made.person_id, Item.RECORDING)
    )


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"items": frozenset()}, "items"),
        ({"items": frozenset({Item.MONITORING, Item.SHARE_AUTHORITY})}, "items"),
        ({"locale": "fr"}, "locale"),
        ({"channel": "email"}, "channel"),
        ({"channel": "paper"}, "note"),
        ({"channel": "spoken", "note": "  "}, "note"),
        ({"channel": "paper", "note": "x" * 401}, "note"),
        ({"guardian_person_id": "pe-nobody"}, "guardian"),
    ],
)
async def test_what_is_no_consent_is_refused(
    database: Database, more: dict[str, Any], field: str
) -> None:
    made = await world.make(database)
    with pytest.raises(RefusedError) as refused:
        await database.write(
            lambda tx: giving.give(tx, of(made.person_id, Item.MONITORING, **more), ZONE)
        )
    assert refused.value.field == field


async def test_a_witness_keeps_the_note_sealed(database: Database) -> None:
    made = await world.make(database)
    note = "Phiếu số 12/2026"
    await database.write(
        lambda tx: giving.give(
            tx, of(made.person_id, Item.MONITORING, channel="paper", note=note), ZONE
        )
    )
    key, proof = (await database.read(lambda r: r.rows("SELECT consent_id, proof FROM consent")))[0]
    assert note.encode() not in bytes(proof)
    opened = await database.read(lambda r: r.vault.open(bytes(proof), "consent", "proof", key))
    assert msgspec.json.decode(opened) == {"note": note, "child_agrees": False}


async def test_a_child_is_spoken_for_by_a_guardian_and_asked_from_seven(
    database: Database,
) -> None:
    def settle(tx: Transaction) -> None:
        nine = (tx.now - timedelta(days=9 * 366)).date().isoformat()
        rows.person(tx, "pe-child", "Bé An", nine)
        rows.person(tx, "pe-mother", "Mẹ An", "1990-01-01")
        rows.person(tx, "pe-aunt", "Dì An", "1990-01-01")
        for person, kind in (("pe-mother", "guardian"), ("pe-aunt", "carer")):
            tx.execute(
                "INSERT INTO person_proxy (proxy_id, person_id, proxy_person_id, kind, basis,"
                " granted_by, from_ms) VALUES (?, 'pe-child', ?, ?, 'birth', 'test', 0)",
                (f"px-{person}", person, kind),
            )

    await database.write(settle)

    async def refused(**more: Any) -> str:
        with pytest.raises(RefusedError) as error:
            await database.write(
                lambda tx: giving.give(tx, of("pe-child", Item.MONITORING, **more), ZONE)
            )
        return error.value.field

    assert await refused(child_agrees=True) == "guardian"
    assert await refused(guardian_person_id="pe-aunt", child_agrees=True) == "guardian"
    assert await refused(guardian_person_id="pe-mother") == "child_agrees"
    await database.write(
        lambda tx: giving.give(
            tx,
            of("pe-child", Item.MONITORING, guardian_person_id="pe-mother", child_agrees=True),
            ZONE,
        )
    )
    found = await database.read(lambda r: r.rows("SELECT guardian_person_id FROM consent"))
    assert found == [("pe-mother",)]


async def test_withdrawing_monitoring_ends_collection_at_once(database: Database) -> None:
    made, ids = await given(database, Item.MONITORING)
    await database.write(lambda tx: judging.begin_watch(tx, made.person_id))
    key = ids[Item.MONITORING]
    ended = await database.write(lambda tx: giving.withdraw(tx, key, "ac-patient", ZONE))
    assert ended.device_ids == (made.device_id,)
    kinds = [kind.value for kind in TimerKind]

    def after(tx: Transaction) -> tuple[object, ...]:
        open_loans = tx.rows("SELECT 1 FROM device_loan WHERE to_ms IS NULL")
        timers = tx.rows("SELECT kind FROM timer WHERE subject_id = ?", (made.person_id,))
        state = subjects.lock_states(tx, [made.person_id])[made.person_id]
        return open_loans, [t for t in timers if t[0] in kinds], state.watched_from_ms

    assert await database.write(after) == ([], [], 0)
    held = await database.read(lambda r: stopping.withheld(r, [made.device_id, "ox-other"]))
    assert list(held) == [made.device_id]
    assert await database.read(lambda r: giving.has_withdrawn(r, made.person_id))
    assert not await database.read(lambda r: giving.may(r, made.person_id, Item.MONITORING))


async def test_a_device_lent_to_somebody_who_agreed_is_kept_again(database: Database) -> None:
    made, ids = await given(database, Item.MONITORING)
    key = ids[Item.MONITORING]
    await database.write(lambda tx: giving.withdraw(tx, key, "ac-patient", ZONE))
    await database.write(lambda tx: stopping.release(tx, made.device_id))
    assert await database.read(lambda r: stopping.withheld(r, [made.device_id])) == {}
    await database.write(lambda tx: giving.give(tx, of(made.person_id, Item.MONITORING), ZONE))
    assert not await database.read(lambda r: giving.has_withdrawn(r, made.person_id))
    await database.write(lambda tx: loans.lend(tx, made.device_id, made.person_id, "test"))


async def test_withdrawing_something_else_leaves_the_loan_and_the_watch(
    database: Database,
) -> None:
    made, ids = await given(database, Item.MONITORING, Item.RECORDING)
    key = ids[Item.RECORDING]
    ended = await database.write(lambda tx: giving.withdraw(tx, key, "ac-patient", ZONE))
    assert ended.device_ids == ()
    assert made.doctor_id in ended.told
    open_loans = await database.read(
        lambda r: r.rows("SELECT device_id FROM device_loan WHERE to_ms IS NULL")
    )
    assert open_loans == [(made.device_id,)]
    assert await database.read(lambda r: giving.may(r, made.person_id, Item.MONITORING))
    assert not await database.read(lambda r: giving.has_withdrawn(r, made.person_id))


async def test_an_open_alert_stays_open_when_monitoring_is_withdrawn(database: Database) -> None:
    made, ids = await given(database, Item.MONITORING)

    def raise_alert(tx: Transaction) -> None:
        tx.execute(
            "INSERT INTO alert (alert_id, subject_id, person_id, cause, kind, priority, level,"
            " status, step, reasons, rule_pack, level_table, awaiting_repeat, late,"
            " time_uncertain, measured_ms, raised_ms, clock_ms, version, changed_in)"
            " VALUES ('al-1', ?, ?, 'vitals', 'physiological', 'high', 3, 'notified', 0, ?, '',"
            " '', ?, ?, ?, 1, 1, 1, 0, 1)",
            (made.person_id, made.person_id, b"[]", False, False, False),
        )

    await database.write(raise_alert)
    key = ids[Item.MONITORING]
    await database.write(lambda tx: giving.withdraw(tx, key, "ac-patient", ZONE))
    assert await database.read(lambda r: r.rows("SELECT status FROM alert")) == [("notified",)]


async def test_the_doctor_and_the_station_are_told_once(database: Database) -> None:
    made, ids = await given(database, Item.MONITORING)

    def station(tx: Transaction) -> None:
        rows.account(tx, "ac-nurse", Role.NURSE.value)

    await database.write(station)
    key = ids[Item.MONITORING]
    ended = await database.write(lambda tx: giving.withdraw(tx, key, "ac-patient", ZONE))
    sent = await database.read(
        lambda r: r.rows("SELECT recipient_id, payload FROM outbox ORDER BY outbox_id")
    )
    assert set(ended.told) == {row[0] for row in sent}
    assert {made.doctor_id, "ac-nurse"} <= set(ended.told)
    payload = msgspec.json.decode(bytes(sent[0][1]))
    assert (payload["kind"], payload["item"]) == ("consent_withdrawn", "monitoring")
    assert ended.topics == ["outbox", f"person:{made.person_id}"]


async def test_research_is_withdrawn_without_troubling_the_doctor(database: Database) -> None:
    _, ids = await given(database, Item.RESEARCH_STATISTICS)
    key = ids[Item.RESEARCH_STATISTICS]
    ended = await database.write(lambda tx: giving.withdraw(tx, key, "ac-patient", ZONE))
    assert ended.told == ()


async def test_what_rests_on_it_is_due_within_15_days_and_done_once(database: Database) -> None:
    _, ids = await given(database, Item.POSITION)
    key = ids[Item.POSITION]
    with pytest.raises(IllegalTransitionError):
        await database.write(lambda tx: giving.finish_withdrawal(tx, key))

    def end(tx: Transaction) -> tuple[int, bool]:
        ended = giving.withdraw(tx, key, "ac-patient", ZONE)
        return ended.due_ms, instant(ended.due_ms) == done_due(tx.now, 15, ZONE)

    _, is_right = await database.write(end)
    assert is_right
    with pytest.raises(IllegalTransitionError):
        await database.write(lambda tx: giving.withdraw(tx, key, "ac-patient", ZONE))
    await database.write(lambda tx: giving.finish_withdrawal(tx, key))
    with pytest.raises(IllegalTransitionError):
        await database.write(lambda tx: giving.finish_withdrawal(tx, key))


async def test_what_nobody_knows_is_not_found(database: Database) -> None:
    await world.make(database)
    acts: tuple[Callable[[Transaction], object], ...] = (
        lambda tx: giving.give(tx, of("pe-nobody", Item.MONITORING), ZONE),
        lambda tx: giving.withdraw(tx, "co-nothing", "ac-patient", ZONE),
        lambda tx: giving.person_of(tx, "co-nothing"),
    )
    for act in acts:
        with pytest.raises(NotFoundError):
            await database.write(act)
