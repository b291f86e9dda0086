"""Who lives with whom: at most one household at a time, one head, an address that lies sealed."""

import pytest

from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.people import households
from telehealth.store.database import Database, Transaction
from tests.telehealth.people import folk

ADDRESS = "Số 12, thôn Đoài"


async def test_a_household_shows_its_head_first_then_by_given_name(database: Database) -> None:
    def act(tx: Transaction) -> None:
        places = folk.country(tx)
        home = households.create(tx, place_id=places["001"], address=ADDRESS, created_by="me")
        names = ("Nguyễn Văn Vinh", "Nguyễn Thị An", "Nguyễn Thị Đào")
        people = [folk.person(tx, name) for name in names]
        households.move_in(tx, home, people[0], is_head=True)
        for person in people[1:]:
            households.move_in(tx, home, person)
        shown = households.of(tx, people[1])
        assert shown is not None
        assert (shown.address, shown.place_id) == (ADDRESS, places["001"])
        assert [one.name for one in shown.members] == list(names)
        assert [one.is_head for one in shown.members] == [True, False, False]
        assert ADDRESS.encode() not in bytes(tx.rows("SELECT address FROM household")[0][0])

    await database.write(act)


async def test_who_moves_in_elsewhere_lives_no_more_where_they_did(database: Database) -> None:
    def act(tx: Transaction) -> None:
        first, second = (
            households.create(tx, place_id=None, address="", created_by="me") for _ in range(2)
        )
        person = folk.person(tx, "Nguyễn Thị An")
        households.move_in(tx, first, person)
        households.move_in(tx, second, person)
        assert households.shown(tx, first).members == ()
        assert [one.person_id for one in households.shown(tx, first).past] == [person]
        assert [one.person_id for one in households.shown(tx, second).members] == [person]
        open_ = "SELECT count(*) FROM household_member WHERE to_ms IS NULL"
        assert tx.rows(open_) == [(1,)]

    await database.write(act)


async def test_a_household_has_one_head(database: Database) -> None:
    def act(tx: Transaction) -> None:
        home = households.create(tx, place_id=None, address="", created_by="me")
        old, new, newest = (folk.person(tx, name) for name in ("An Ông", "An Bà", "An Con"))
        households.move_in(tx, home, old, is_head=True)
        households.move_in(tx, home, new, is_head=True)
        households.move_in(tx, home, newest)
        heads = [one.person_id for one in households.shown(tx, home).members if one.is_head]
        assert heads == [new]
        assert households.make_head(tx, newest) == home
        heads = [one.person_id for one in households.shown(tx, home).members if one.is_head]
        assert heads == [newest]

    await database.write(act)


async def test_nobody_moves_in_twice_or_out_of_nowhere(database: Database) -> None:
    def act(tx: Transaction) -> None:
        home = households.create(tx, place_id=None, address="", created_by="me")
        person = folk.person(tx, "Nguyễn Thị An")
        assert households.of(tx, person) is None
        for nowhere in (households.move_out, households.make_head):
            with pytest.raises(NotFoundError):
                nowhere(tx, person)
        households.move_in(tx, home, person)
        with pytest.raises(IllegalTransitionError):
            households.move_in(tx, home, person)
        assert households.move_out(tx, person) == home
        assert households.of(tx, person) is None

    await database.write(act)


async def test_unknown_households_places_and_people_are_refused(database: Database) -> None:
    def act(tx: Transaction) -> None:
        home = households.create(tx, place_id=None, address="", created_by="me")
        person = folk.person(tx, "Nguyễn Thị An")
        with pytest.raises(NotFoundError, match="household"):
            households.move_in(tx, "hh-none", person)
        with pytest.raises(NotFoundError, match="person"):
            households.move_in(tx, home, "pe-none")
        with pytest.raises(NotFoundError, match="place"):
            households.create(tx, place_id="pl-none", address="", created_by="me")
        with pytest.raises(NotFoundError, match="household"):
            households.correct(tx, "hh-none", place_id=None, address="")
        with pytest.raises(NotFoundError, match="household"):
            households.shown(tx, "hh-none")

    await database.write(act)


async def test_an_address_is_corrected_and_taken_away(database: Database) -> None:
    def act(tx: Transaction) -> None:
        home = households.create(tx, place_id=None, address=ADDRESS, created_by="me")
        households.correct(tx, home, place_id=None, address="Số 13")
        assert households.shown(tx, home).address == "Số 13"
        households.correct(tx, home, place_id=None, address=" ")
        assert households.shown(tx, home).address == ""

    await database.write(act)


@pytest.mark.parametrize("address", ["a" * 301, "a\0b", "a\u202eb"])
def test_an_address_that_does_not_print_or_end_is_refused(address: str) -> None:
    with pytest.raises(RefusedError, match="address"):
        households.check_address(address)


@pytest.mark.parametrize("address", ["", "a" * 300, "Số 1, ngõ 2"])
def test_an_address_is_taken_as_written(address: str) -> None:
    assert households.check_address(f" {address}\n") == address
