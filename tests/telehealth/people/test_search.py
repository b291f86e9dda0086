"""Search finds exactly those whom the scope holds and the text can mean, on both ways to look."""

import random
from dataclasses import replace
from typing import Final

import pytest

from protocols.errors import DecodeError
from protocols.identifiers import IdentifierKind
from telehealth import cases, rotating
from telehealth.access.policy import Action, Actor, Role
from telehealth.access.scope import Scope
from telehealth.keys import Keyring
from telehealth.people import identifiers, search, search_reach, search_tokens
from telehealth.people.identifiers import NewIdentifier
from telehealth.people.names import matches
from telehealth.people.records import names_of
from telehealth.store import tables
from telehealth.store.database import Database, Transaction
from tests import rows
from tests.telehealth.people import folk

NAMES: Final = (
    "Nguyễn Văn An", "Nguyễn Văn Ân", "Nguyễn Thị An", "Trần Văn An", "Nguyễn Hữu Văn",
    "Nguyễn An", "Lê Thị Hương", "Lê Thị Hường", "Lê Hương Thị Lan", "Đỗ Thị Hương", "Đặng Hùng",
    "Hồ Văn Hùng", "Hồ Hùng", "Nguyễn Văn Hùng", "Nguyễn Văn Hưng", "Lò A Sáng", "H'Hen Niê",
)  # fmt: skip
TEXTS: Final = (
    "nguyen van an", "Nguyễn Văn An", "an nguyen van", "nguyen an", "nguyen an ", "nguyen", "an",
    "a", "ng", "van hu", "huong le", "le thi hu", "ho hung", "do thi huong", "hhen", "nie h'hen",
    "xuan", "", " ", "van van", "an an", "ho ho", "x" * 300, "a " * 20, "nguyen\0van",
)  # fmt: skip


def _found(tx: Transaction, who: Actor, text: str, limit: int = 100) -> list[str]:
    found = search.search(tx, folk.sees(tx, who), text, limit)
    return [one.person_id for one in found.people]


def _population(tx: Transaction, dice: random.Random) -> dict[str, str]:
    """A random country: people in places or in none, cases, restrictions, merged and erased."""
    places = folk.country(tx)
    for key, code in (("pr-1", "001"), ("pr-2", "02")):
        folk.programme(tx, places[code], key)
    for doctor in ("d0", "d1"):
        rows.account(tx, doctor, "doctor")
    people: list[str] = []
    for name in NAMES * 2:
        person = folk.person(tx, name, place_id=dice.choice([None, *places.values()]))
        if dice.random() < 0.5:
            key = dice.choice(["pr-1", "pr-2"])
            cases.open_case(tx, person, key, doctor_id=dice.choice([None, "d0", "d1"]))
        if dice.random() < 0.1:
            tx.execute("UPDATE person SET restricted_ms = 1 WHERE person_id = ?", (person,))
        if people and dice.random() < 0.1:
            into = (dice.choice(people), person)
            tx.execute("UPDATE person SET merged_into = ? WHERE person_id = ?", into)
        if dice.random() < 0.2:
            tx.session.add(
                tables.BreakGlass(
                    break_glass_id=f"bg-{person}",
                    account_id="d0",
                    person_id=person,
                    reason="test",
                    started_ms=tx.now_ms - 1,
                    ends_ms=tx.now_ms + dice.choice([-1, 60_000]),
                )
            )
            tx.session.flush()
        people.append(person)
    return places


@pytest.mark.parametrize("few", [search_reach.FEW, 0], ids=["one by one", "by ranges"])
@pytest.mark.parametrize("seed", range(4))
async def test_search_finds_exactly_whom_the_scope_holds_and_the_text_can_mean(
    database: Database, seed: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_reach, "FEW", few)

    def act(tx: Transaction) -> None:
        dice = random.Random(seed)  # noqa: S311 - a test's people
        places = _population(tx, dice)
        programme = dice.choice([None, "pr-1"])
        for role in (Role.NURSE, Role.DOCTOR, Role.COORDINATOR, Role.MANAGER):
            for place in (None, *places.values()):
                who = Actor("d0", role, None, programme, place)
                names = names_of(tx, folk.sees(tx, who).persons(tx))
                for text in TEXTS:
                    wanted = {key for key, name in names.items() if matches(text, name)}
                    assert set(_found(tx, who, text)) == wanted, (role, place, text)

    await database.write(act)


async def test_the_same_whole_name_comes_first_and_then_the_given_name_decides(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        for name in ("Nguyễn An Bình", "Nguyễn An Đào", "Nguyễn An Chi", "An Nguyễn", "Nguyễn An"):
            folk.person(tx, name)
        found = search.search(tx, folk.sees(tx, folk.actor()), "nguyen an")
        names = [one.name for one in found.people]
        assert names[0] == "Nguyễn An"
        assert names[1:] == ["Nguyễn An Bình", "Nguyễn An Chi", "Nguyễn An Đào", "An Nguyễn"]
        assert not found.more

    await database.write(act)


@pytest.mark.parametrize(("people", "more"), [(20, False), (21, True)])
async def test_more_is_said_when_there_are_more_than_are_shown(
    database: Database, people: int, more: bool
) -> None:
    def act(tx: Transaction) -> None:
        for _ in range(people):
            folk.person(tx, "Nguyễn Văn An")
        for text in ("nguyen van an", "an ngu"):
            found = search.search(tx, folk.sees(tx, folk.actor()), text)
            assert (len(found.people), found.more) == (20, more)

    await database.write(act)


async def test_a_stranger_is_not_hinted_at(database: Database) -> None:
    def act(tx: Transaction) -> None:
        places = folk.country(tx)
        for _ in range(30):
            folk.person(tx, "Nguyễn Văn An", place_id=places["003"])
        there = folk.person(tx, "Trần Văn An", place_id=places["003"])
        phone = NewIdentifier(kind=IdentifierKind.PHONE, text="0912345678")
        identifiers.add(tx, there, phone, "me")
        near, far = folk.actor(place_id=places["003"]), folk.actor(place_id=places["01"])
        for text in ("nguyen van an", "an", "tran van", "0912345678"):
            assert search.search(tx, folk.sees(tx, near), text).people
            assert search.search(tx, folk.sees(tx, far), text) == search.Found((), more=False)

    await database.write(act)


@pytest.mark.parametrize(
    ("kind", "value", "typed"),
    [
        (IdentifierKind.PHONE, "+84912345678", "0912 345 678"),
        (IdentifierKind.CITIZEN_ID, "001150000017", "001 150 000 017"),
        (IdentifierKind.OLD_CITIZEN_ID, "123456789", "123456789"),
        (IdentifierKind.PASSPORT, "C1234567", "c1234567"),
        (IdentifierKind.INSURANCE, "DN4013123456789", "DN 4 01 3123456789"),
        (IdentifierKind.INSURANCE, "DN4013123456789", "3123456789"),
        (IdentifierKind.STATION_CODE, "TYT-0012", "tyt-0012"),
    ],
)
async def test_a_number_of_any_kind_finds_its_person(
    database: Database, kind: IdentifierKind, value: str, typed: str
) -> None:
    def act(tx: Transaction) -> None:
        person = folk.person(tx, "Nguyễn Thị An")
        identifiers.add(tx, person, NewIdentifier(kind=kind, text=value), "me")
        [found] = search.search(tx, folk.sees(tx, folk.actor()), typed).people
        assert (found.person_id, found.found_by) == (person, kind.value)
        assert search.search(tx, folk.sees(tx, folk.actor()), typed[:-1] + "0").people == ()

    await database.write(act)


async def test_who_was_written_down_under_an_older_key_is_still_found(database: Database) -> None:
    def act(tx: Transaction) -> None:
        person = folk.person(tx, "Nguyễn Văn An")
        phone = NewIdentifier(kind=IdentifierKind.PHONE, text="0912345678")
        identifiers.add(tx, person, phone, "me")
        before, fresh = tx.vault.keyring, Keyring.new(1)
        tx.vault.adopt(replace(before, index=(*fresh.index, *before.index)))
        try:
            later = folk.person(tx, "Nguyễn Văn An")
            for text in ("nguyen van an", "an nguyen", "van ng", "nguyen an"):
                assert set(_found(tx, folk.actor(), text)) == {person, later}, text
            assert _found(tx, folk.actor(), "0912345678") == [person]
        finally:
            tx.vault.adopt(before)

    await database.write(act)


async def test_beyond_its_bounds_search_says_that_there_may_be_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_tokens, "DRIVEN_MOST", 64)
    monkeypatch.setattr(search, "LOOKED_AT", 10)

    def act(tx: Transaction) -> None:
        for _ in range(70):
            folk.person(tx, "Nguyễn Văn Hùng")
        hidden = [folk.person(tx, "Nguyễn Thị Huyên") for _ in range(2)]
        found = search.search(tx, folk.sees(tx, folk.actor()), "nguyen huye")
        assert found.more or {one.person_id for one in found.people} == set(hidden)
        exact = search.search(tx, folk.sees(tx, folk.actor()), "nguyen thi huyen")
        assert {one.person_id for one in exact.people} == set(hidden)

    await database.write(act)


async def test_many_people_over_many_pages_are_each_found_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_tokens, "_PAGES", (2, 3, 5))
    monkeypatch.setattr(search_reach, "FEW", 0)

    def act(tx: Transaction) -> None:
        places = folk.country(tx)
        people = {
            folk.person(tx, "Nguyễn Văn An", place_id=places[code])
            for code in ("001", "002", "003") * 6
        }
        for place in (None, places["VN"]):
            found = _found(tx, folk.actor(place_id=place), "van an ng")
            assert sorted(found) == sorted(people)
        here = _found(tx, folk.actor(place_id=places["02"]), "an van")
        assert len(here) == len(set(here)) == 6

    await database.write(act)


async def test_who_moves_to_another_province_is_found_there_and_no_more_here(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_reach, "FEW", 0)

    def act(tx: Transaction) -> None:
        places = folk.country(tx)
        person = folk.person(tx, "Nguyễn Văn An", place_id=places["001"])
        here, there = folk.actor(place_id=places["01"]), folk.actor(place_id=places["02"])
        assert (_found(tx, here, "an"), _found(tx, there, "an")) == ([person], [])
        moved = (places["003"], person)
        tx.execute("UPDATE person SET place_id = ? WHERE person_id = ?", moved)
        assert search.reindex(tx, "").changed == 1
        assert (_found(tx, here, "an"), _found(tx, there, "an")) == ([], [person])
        assert search.reindex(tx, "").changed == 0

    await database.write(act)


async def test_people_written_down_before_there_was_an_index_are_indexed_by_the_job(
    database: Database,
) -> None:
    def fill(tx: Transaction) -> list[str]:
        people = [folk.person(tx, "Nguyễn Văn An") for _ in range(3)]
        tx.execute(
            "UPDATE person SET erased_ms = 1, personal = NULL WHERE person_id = ?", people[:1]
        )
        tx.execute("DELETE FROM person_token")
        return people[1:]

    people = await database.write(fill)
    assert await rotating.run(database, search.reindex) == 2
    assert await rotating.run(database, search.reindex) == 0

    def look(tx: Transaction) -> None:
        assert set(_found(tx, folk.actor(), "an van nguyen")) == set(people)

    await database.write(look)


async def test_a_number_is_found_for_break_glass_outside_every_scope(database: Database) -> None:
    def act(tx: Transaction) -> None:
        person = folk.person(tx, "Nguyễn Thị An")
        new = NewIdentifier(kind=IdentifierKind.CITIZEN_ID, text="001150000017")
        identifiers.add(tx, person, new, "me")
        assert search.find_exact(tx, IdentifierKind.CITIZEN_ID, "001150000017") == [person]
        assert search.find_exact(tx, IdentifierKind.CITIZEN_ID, "001150000018") == []
        with pytest.raises(DecodeError):
            search.find_exact(tx, IdentifierKind.CITIZEN_ID, "0011")

    await database.write(act)


async def test_a_role_that_may_see_nobody_finds_nobody(database: Database) -> None:
    def act(tx: Transaction) -> None:
        folk.person(tx, "Nguyễn Văn An")
        manager = Scope(folk.actor(Role.MANAGER), Action.SEE_IDENTITY, tx.now_ms)
        assert search.search(tx, manager, "nguyen van an") == search.Found((), more=False)

    await database.write(act)
