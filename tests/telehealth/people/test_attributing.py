"""Readings of nobody: who sees them, whose they become, and what the alerts do."""

from typing import Any

import pytest

from telehealth import cases, loans
from telehealth.access.policy import Role
from telehealth.alerts import desk
from telehealth.errors import (
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from telehealth.people import attributing
from telehealth.people.attributing import Attributed
from telehealth.store.database import Database, Row, Transaction
from tests import rows
from tests.telehealth.people import folk
from tests.telehealth.people.test_merging import MINUTE, NOW, _state, measure


def _begin(tx: Transaction) -> dict[str, str]:
    tx.now_ms = NOW
    places = folk.country(tx)
    folk.programme(tx)
    rows.account(tx, "d0", "doctor", programme_id="pr-test")
    rows.account(tx, "n0", "nurse")
    return places


def _device(tx: Transaction, device_id: str, place_id: str | None) -> None:
    tx.execute(
        "INSERT INTO device (device_id, kind, model, serial, place_id, registered_ms)"
        " VALUES (?, 'oximeter', '', 'S1', ?, 0)",
        (device_id, place_id),
    )


def _nobodys(tx: Transaction, spo2: float, minute: int = 1, device: str = "ox") -> int:
    measure(tx, None, spo2, NOW - minute * MINUTE, device)
    return int(tx.rows("SELECT max(reading_id) FROM reading")[0][0])


def _patient(tx: Transaction, name: str = "Nguyễn Thị An", **more: Any) -> str:
    person = folk.person(tx, name, **more)
    cases.open_case(tx, person, "pr-test", doctor_id="d0")
    return person


def _decide(tx: Transaction, person: str | None, *reading_ids: int) -> Attributed:
    return attributing.attribute(tx, reading_ids, person, "n0", "người nhà xác nhận")


def _alerts(tx: Transaction) -> list[Row]:
    return tx.rows(
        "SELECT subject_id, person_id, level, status FROM alert ORDER BY raised_ms, status"
    )


async def test_a_reading_waits_on_the_desk_of_the_devices_station(database: Database) -> None:
    def act(tx: Transaction) -> None:
        places = _begin(tx)
        for device, code in (("ox-1", "001"), ("ox-3", "003"), ("ox-0", None)):
            _device(tx, device, places.get(code or ""))
            _nobodys(tx, 97.0, device=device)
        _nobodys(tx, 97.0, device="ox-unknown")

        def waiting(role: Role, code: str | None) -> list[str]:
            who = folk.actor(role, places[code] if code else None)
            return sorted(one.device_id for one in attributing.waiting(tx, who))

        assert waiting(Role.NURSE, "001") == ["ox-1"]
        assert waiting(Role.NURSE, "002") == []
        assert waiting(Role.COORDINATOR, "VN") == ["ox-1", "ox-3"]
        assert waiting(Role.NURSE, None) == ["ox-0", "ox-1", "ox-3", "ox-unknown"]
        assert waiting(Role.DOCTOR, None) == waiting(Role.PATIENT, None) == []

    await database.write(act)


async def test_the_desk_shows_the_newest_first_and_who_had_the_device(database: Database) -> None:
    def act(tx: Transaction) -> None:
        places = _begin(tx)
        _device(tx, "ox", places["001"])
        person = _patient(tx, place_id=places["001"])
        far = _patient(tx, "Trần Văn Bình", place_id=places["003"])
        for borrower in (far, person):
            loan = loans.lend(tx, "ox", borrower, "t")
            tx.now_ms += 1
            loans.give_back(tx, loan)
            tx.now_ms += 1
        for minute in (3, 1, 2):
            _nobodys(tx, 97.0, minute)
        [device] = attributing.waiting(tx, folk.actor(place_id=places["001"]))
        measured = [reading.measured_ms for reading in device.readings]
        assert measured == [NOW - minute * MINUTE for minute in (1, 2, 3)]
        assert [one.person_id for one in device.borrowers] == [person]
        assert (device.serial, device.readings[0].spo2_percent) == ("S1", 97.0)

    await database.write(act)


async def test_a_decision_moves_the_reading_and_both_states(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        one, other = _patient(tx), _patient(tx, "Trần Văn Bình")
        reading = _nobodys(tx, 97.0)
        done = _decide(tx, one, reading)
        assert (done.reading_ids, done.before, done.after) == ((reading,), (), one)
        assert attributing.waiting(tx, folk.actor()) == []
        assert (_state(tx, one).newest_ms, _state(tx, one).level) == (NOW - MINUTE, 0)
        done = _decide(tx, other, reading)
        assert done.before == (one,)
        assert _state(tx, one).newest_ms == 0
        assert _state(tx, other).newest_ms == NOW - MINUTE
        assert tx.rows(
            "SELECT level, last_reading_ms FROM person_state WHERE person_id = ?", (one,)
        ) == [(-1, None)]
        decided = tx.rows("SELECT before, after, reason, decided_by FROM reading_attribution")
        why = ("người nhà xác nhận", "n0")
        assert sorted(decided, key=str) == sorted([(None, one, *why), (one, other, *why)], key=str)

    await database.write(act)


async def test_a_reading_that_is_theirs_already_is_not_decided_again(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        person, reading = _patient(tx), _nobodys(tx, 97.0)
        _decide(tx, person, reading)
        assert _decide(tx, person, reading).reading_ids == ()
        assert len(tx.rows("SELECT 1 FROM reading_attribution")) == 1

    await database.write(act)


async def test_a_reading_is_scored_anew_under_the_rules_of_its_person(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        reading = _nobodys(tx, 97.0)
        sql = "SELECT level, news2_lower FROM reading"
        as_nobodys = tx.rows(sql)
        assert as_nobodys == [(0, None)], "of unknown age there is no NEWS2"
        _decide(tx, _patient(tx), reading)
        assert tx.rows(sql) == [(0, 0)]
        _decide(tx, None, reading)
        assert tx.rows(sql) == as_nobodys

    await database.write(act)


async def test_a_red_alert_of_nobody_goes_with_its_reading_and_tells_the_doctor(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        person, reading = _patient(tx), _nobodys(tx, 85.0)
        assert _alerts(tx) == [("ox", None, 3, "notified")]
        done = _decide(tx, person, reading)
        assert sorted(_alerts(tx)) == sorted(
            [("ox", None, 3, "merged"), (person, person, 3, "notified")]
        )
        assert len(done.alert_ids) == 2
        assert done.queued
        told = tx.rows("SELECT recipient_id FROM outbox")
        assert ("d0",) in told
        clocks = tx.rows(
            "SELECT a.person_id FROM timer t JOIN alert a ON a.alert_id = t.subject_id"
            " WHERE t.kind = ?",
            (desk.ESCALATE,),
        )
        assert clocks == [(person,)]
        assert _state(tx, person).alerted == 3

    await database.write(act)


async def test_the_alert_stays_on_the_desk_while_another_red_reading_waits(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        person = _patient(tx)
        first, second = _nobodys(tx, 85.0, 5), _nobodys(tx, 84.0, 1)
        _decide(tx, person, first)
        assert {row[0]: row[3] for row in _alerts(tx)} == {"ox": "notified", person: "notified"}
        _decide(tx, person, second)
        assert {row[0]: row[3] for row in _alerts(tx)} == {"ox": "merged", person: "notified"}

    await database.write(act)


async def test_a_calm_reading_leaves_the_alert_of_nobody_where_it_is(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        person = _patient(tx)
        _nobodys(tx, 85.0, 5)
        calm = _nobodys(tx, 97.0, 1)
        assert _decide(tx, person, calm).alert_ids == ()
        assert _alerts(tx) == [("ox", None, 3, "notified")]

    await database.write(act)


async def test_an_alert_joins_the_one_that_the_person_has_and_worsens_it(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        person = _patient(tx)
        for minute in (9, 8):
            measure(tx, person, 93.0, NOW - minute * MINUTE, "ox-2")
        reading = _nobodys(tx, 85.0)
        _decide(tx, person, reading)
        assert {row[0]: row[2:] for row in _alerts(tx)} == {
            "ox": (3, "merged"),
            person: (3, "notified"),
        }

    await database.write(act)


async def test_throwing_the_reading_out_closes_the_alert_as_noise(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        reading = _nobodys(tx, 85.0)
        _decide(tx, None, reading)
        assert _alerts(tx) == [("ox", None, 3, "noise")]
        assert attributing.waiting(tx, folk.actor()) == []
        assert tx.rows("SELECT after FROM reading_attribution") == [(None,)]
        assert tx.rows("SELECT person_id FROM reading") == [(None,)]
        assert tx.rows("SELECT closed_by, close_reason FROM alert") == [("n0", "wrong_person")]

    await database.write(act)


async def test_a_red_reading_of_the_wrong_person_alerts_with_the_right_one_too(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        wrong, right = _patient(tx), _patient(tx, "Trần Văn Bình")
        measure(tx, wrong, 85.0, NOW - MINUTE)
        [[reading]] = tx.rows("SELECT reading_id FROM reading")
        _decide(tx, right, reading)
        assert {row[0]: row[2:] for row in _alerts(tx)} == {
            wrong: (3, "notified"),
            right: (3, "notified"),
        }

    await database.write(act)


async def test_what_cannot_be_attributed_is_refused(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        person, reading = _patient(tx), _nobodys(tx, 97.0)
        with pytest.raises(RefusedError, match="reading_ids"):
            _decide(tx, person)
        with pytest.raises(RefusedError, match="reading_ids"):
            _decide(tx, person, *range(attributing.MOST + 1))
        with pytest.raises(RefusedError, match="reason"):
            attributing.attribute(tx, [reading], person, "n0", "")
        with pytest.raises(NotFoundError, match="reading"):
            _decide(tx, person, reading, reading + 1)
        with pytest.raises(NotFoundError, match="person"):
            _decide(tx, "pe-none", reading)
        tx.execute("UPDATE person SET erased_ms = 1 WHERE person_id = ?", (person,))
        with pytest.raises(IllegalTransitionError):
            _decide(tx, person, reading)

    await database.write(act)


async def test_who_may_decide_is_who_has_the_reading_on_their_desk_and_reaches_the_person(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        places = _begin(tx)
        _device(tx, "ox", places["001"])
        near = _patient(tx, place_id=places["001"])
        far = _patient(tx, "Trần Văn Bình", place_id=places["003"])
        reading = _nobodys(tx, 97.0)
        nurse = folk.actor(place_id=places["001"])
        attributing.require(tx, nurse, [reading], near)
        attributing.require(tx, nurse, [reading], None)
        for who, readings, person in (
            (nurse, [reading], far),
            (nurse, [reading, reading + 1], near),
            (folk.actor(place_id=places["003"]), [reading], far),
            (folk.actor(Role.DOCTOR, places["001"]), [reading], near),
        ):
            with pytest.raises(NotAllowedError):
                attributing.require(tx, who, readings, person)
        _decide(tx, far, reading)
        with pytest.raises(NotAllowedError):
            attributing.require(tx, nurse, [reading], near)
        attributing.require(tx, folk.actor(place_id=places["VN"]), [reading], near)

    await database.write(act)
