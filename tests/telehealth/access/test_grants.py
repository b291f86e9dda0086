"""Roles: given beneath a place, taken away with what acts in them, and whom they reach."""

import pytest

from telehealth.access import grants, reach, sessions
from telehealth.access.grants import NewGrant
from telehealth.access.policy import Role
from telehealth.errors import (
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from telehealth.store import tables
from telehealth.store.database import Database, Transaction
from tests import rows


@pytest.fixture
async def country(database: Database) -> Database:
    """Return two communes, a programme, a person of the first with a case, and some staff."""

    def fill(tx: Transaction) -> None:
        rows.place(tx, "pl-vn")
        rows.place(tx, "pl-xa", "pl-vn")
        rows.place(tx, "pl-far", "pl-vn")
        tx.session.add(
            tables.Programme(
                programme_id="g1", name="G", place="Xã", place_id="pl-xa",
                rule_pack="moh-vn-261@2022-01-31", valid_from_ms=0,
            )
        )  # fmt: skip
        rows.account(tx, "d-xa", "doctor", place_id="pl-xa")
        rows.account(tx, "d-far", "doctor", place_id="pl-far")
        rows.account(tx, "d-g1", "doctor", programme_id="g1")
        rows.account(tx, "n-xa", "nurse", place_id="pl-xa")
        rows.account(tx, "c-vn", "coordinator", place_id="pl-vn")
        rows.account(tx, "a0", "administrator")
        rows.person(tx, "p1", "N", "1990-01-01", place_id="pl-xa")
        tx.session.add(tables.Case(case_id="c1", person_id="p1", programme_id="g1", opened_ms=0))
        tx.session.flush()

    await database.write(fill)
    return database


async def test_a_role_given_is_held_until_its_day(country: Database) -> None:
    def look(tx: Transaction) -> None:
        began = tx.now_ms
        new = NewGrant(account_id="n-xa", role=Role.DOCTOR, place_id="pl-far", to_ms=began + 1_000)
        grants.give(tx, new, "a0")
        tx.now_ms = began + 999
        assert {g.role for g in grants.of(tx, "n-xa")} == {Role.NURSE, Role.DOCTOR}
        tx.now_ms = began + 1_000
        assert {g.role for g in grants.of(tx, "n-xa")} == {Role.NURSE}

    await country.write(look)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"role": Role.PATIENT}, RefusedError),
        ({"to_ms": 1}, RefusedError),
        ({"account_id": "none"}, NotFoundError),
        ({"place_id": "none"}, NotFoundError),
        ({"programme_id": "none"}, NotFoundError),
        ({"role": Role.NURSE, "place_id": "pl-xa"}, IllegalTransitionError),
    ],
)
async def test_a_role_that_does_not_fit_is_refused(
    country: Database, more: dict[str, object], error: type[Exception]
) -> None:
    given: dict[str, object] = {"account_id": "n-xa", "role": Role.TRACER} | more
    new = NewGrant(**given)  # type: ignore[arg-type]
    with pytest.raises(error):
        await country.write(lambda tx: grants.give(tx, new, "a0"))


async def test_a_role_that_ends_takes_its_sessions_along_and_no_others(country: Database) -> None:
    def look(tx: Transaction) -> None:
        nurse = sessions.token_hash(rows.session(tx, "n-xa"))
        doctor = sessions.token_hash(rows.session(tx, "d-xa"))
        assert grants.end(tx, "gr-n-xa", "a0") == [nurse]
        tx.now_ms += 1
        assert sessions.find(tx, nurse, tx.now_ms) is None
        assert sessions.find(tx, doctor, tx.now_ms) is not None
        with pytest.raises(IllegalTransitionError):
            grants.end(tx, "gr-n-xa", "a0")
        with pytest.raises(NotAllowedError):
            rows.session(tx, "n-xa")

    await country.write(look)


async def test_a_session_whose_role_ran_out_is_over_by_itself(country: Database) -> None:
    def look(tx: Transaction) -> None:
        key = sessions.token_hash(rows.session(tx, "n-xa"))
        later = tx.now_ms + 60_000
        tx.execute("UPDATE role_grant SET to_ms = ? WHERE grant_id = 'gr-n-xa'", (later,))
        assert sessions.find(tx, key, later - 1) is not None
        assert sessions.find(tx, key, later) is None

    await country.write(look)


async def test_the_last_administrator_everywhere_stays(country: Database) -> None:
    def look(tx: Transaction) -> None:
        assert grants.is_last_administrator(tx, "a0")
        with pytest.raises(IllegalTransitionError):
            grants.end(tx, "gr-a0", "a0")
        rows.account(tx, "a1", "administrator")
        assert not grants.is_last_administrator(tx, "a0")
        grants.end(tx, "gr-a0", "a1")

    await country.write(look)


@pytest.mark.parametrize(
    ("own", "place_id", "within"),
    [
        (None, None, True),
        (None, "pl-far", True),
        ("pl-vn", "pl-xa", True),
        ("pl-xa", "pl-xa", True),
        ("pl-xa", "pl-vn", False),
        ("pl-xa", "pl-far", False),
        ("pl-vn", None, False),
    ],
)
async def test_nobody_gives_a_role_outside_their_own_place(
    country: Database, own: str | None, place_id: str | None, within: bool
) -> None:
    def look(tx: Transaction) -> bool:
        try:
            grants.require_within(tx, own, place_id)
        except NotAllowedError:
            return False
        return True

    assert await country.write(look) is within


async def test_a_session_acts_in_another_own_role_and_in_no_others(country: Database) -> None:
    def look(tx: Transaction) -> None:
        new = NewGrant(account_id="n-xa", role=Role.ADMINISTRATOR, place_id="pl-xa")
        other = grants.give(tx, new, "a0")
        key = sessions.token_hash(rows.session(tx, "n-xa"))
        nurse = sessions.find(tx, key, tx.now_ms)
        assert nurse is not None
        assert nurse.role is Role.NURSE
        sessions.act_as(tx, nurse, other)
        acting = sessions.find(tx, key, tx.now_ms)
        assert acting is not None
        assert (acting.role, acting.place_id) == (Role.ADMINISTRATOR, "pl-xa")
        with pytest.raises(NotFoundError):
            sessions.act_as(tx, nurse, "gr-d-xa")

    await country.write(look)


async def test_acting_in_a_shorter_lived_role_shortens_the_session_and_never_lengthens_it(
    country: Database,
) -> None:
    def look(tx: Transaction) -> None:
        new = NewGrant(account_id="n-xa", role=Role.ADMINISTRATOR, place_id="pl-xa")
        other = grants.give(tx, new, "a0")
        key = sessions.token_hash(rows.session(tx, "n-xa"))

        def ends_ms() -> int:
            return int(tx.rows("SELECT expires_ms FROM login_session")[0][0])

        shift = ends_ms()
        who = sessions.find(tx, key, tx.now_ms)
        assert who is not None
        sessions.act_as(tx, who, other)
        office = ends_ms()
        assert office < shift
        sessions.act_as(tx, who, "gr-n-xa")
        assert ends_ms() == office

    await country.write(look)


async def test_a_persons_doctors_are_those_whose_role_reaches_place_and_programme(
    country: Database,
) -> None:
    assert await country.read(lambda r: reach.doctors_of(r, "p1")) == ["d-g1", "d-xa"]


async def test_a_person_without_a_case_has_no_doctor_on_duty(country: Database) -> None:
    await country.write(lambda tx: tx.execute("UPDATE f0_case SET closed_ms = 1"))
    assert await country.read(lambda r: reach.doctors_of(r, "p1")) == []


async def test_what_a_device_of_nobody_measures_is_its_stations(country: Database) -> None:
    def look(tx: Transaction) -> None:
        for device_id, place_id in (("ox-xa", "pl-xa"), ("ox-lost", None)):
            tx.session.add(tables.Device(device_id=device_id, place_id=place_id, registered_ms=0))
        tx.session.flush()
        assert reach.station_of(tx, "ox-xa") == ["d-xa", "n-xa"]
        assert reach.station_of(tx, "ox-lost") == []
        assert reach.station_of(tx, "ox-unknown") == []

    await country.write(look)


async def test_the_dispatchers_are_the_places_coordinators_else_the_administrators(
    country: Database,
) -> None:
    def look(tx: Transaction) -> None:
        assert reach.dispatchers_of(tx, "p1") == ["c-vn"]
        assert reach.dispatchers_of(tx, None) == ["a0"]
        tx.execute("UPDATE account SET disabled_ms = 1 WHERE account_id = 'c-vn'")
        assert reach.dispatchers_of(tx, "p1") == ["a0"]

    await country.write(look)
