"""Records that may be one human: which are found, why, and what a decision does to them."""

from datetime import date

import pytest

from protocols.identifiers import IdentifierKind
from telehealth.access.policy import Action, Role
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.people import duplicates, identifiers
from telehealth.people.duplicates import Grade, Reason
from telehealth.people.identifiers import NewIdentifier
from telehealth.store.database import Database, Transaction
from tests.telehealth.people import folk

K = IdentifierKind
OTHER_DAY = date(1951, 1, 2)


def _number(tx: Transaction, person: str, kind: IdentifierKind, text: str) -> None:
    identifiers.add(tx, person, NewIdentifier(kind=kind, text=text), "me", look=False)


def _between(tx: Transaction, one: str, other: str) -> tuple[Reason, ...]:
    """Return the reasons for a pair, the same from both sides."""
    there = {found.person_id: found.reasons for found in duplicates.find(tx, one)}
    back = {found.person_id: found.reasons for found in duplicates.find(tx, other)}
    assert there.get(other) == back.get(one)
    return there.get(other, ())


@pytest.mark.parametrize(
    ("kind", "one", "other", "reason"),
    [
        (K.CITIZEN_ID, "001150000017", "001150000017", Reason.SAME_CITIZEN_ID),
        (K.OLD_CITIZEN_ID, "123456789", "123456789", Reason.SAME_OLD_CITIZEN_ID),
        (K.PASSPORT, "C1234567", "c1234567", Reason.SAME_PASSPORT),
        (K.INSURANCE, "DN4013123456789", "DN4013123456789", Reason.SAME_INSURANCE),
        (K.INSURANCE, "DN4013123456789", "GD4793123456789", Reason.SAME_INSURANCE),
        (K.INSURANCE, "DN4013123456789", "3123456789", Reason.SAME_INSURANCE),
    ],
)
async def test_one_number_of_two_records_is_exact_whatever_their_names(
    database: Database, kind: IdentifierKind, one: str, other: str, reason: Reason
) -> None:
    def act(tx: Transaction) -> None:
        a, b = folk.person(tx, "Nguyễn Thị An"), folk.person(tx, "Trần Văn Bình", OTHER_DAY)
        _number(tx, a, kind, one)
        assert _between(tx, a, b) == ()
        _number(tx, b, kind, other)
        assert _between(tx, a, b) == (reason,)
        assert duplicates.find(tx, a)[0].grade is Grade.EXACT

    await database.write(act)


async def test_a_citizen_id_as_insurance_code_is_the_same_number(database: Database) -> None:
    def act(tx: Transaction) -> None:
        a, b = folk.person(tx, "Nguyễn Thị An"), folk.person(tx, "Trần Văn Bình", OTHER_DAY)
        _number(tx, a, K.CITIZEN_ID, "001150000017")
        _number(tx, b, K.INSURANCE, "001150000017")
        assert [found.grade for found in duplicates.find(tx, a)] == [Grade.EXACT]
        assert [found.grade for found in duplicates.find(tx, b)] == [Grade.EXACT]

    await database.write(act)


async def test_a_number_that_ended_says_nothing(database: Database) -> None:
    def act(tx: Transaction) -> None:
        a, b = folk.person(tx, "Nguyễn Thị An"), folk.person(tx, "Trần Văn Bình", OTHER_DAY)
        _number(tx, a, K.CITIZEN_ID, "001150000017")
        _number(tx, b, K.CITIZEN_ID, "001150000017")
        identifiers.end(tx, identifiers.of(tx, b)[0].identifier_id)
        assert _between(tx, a, b) == ()

    await database.write(act)


@pytest.mark.parametrize(
    ("name", "born", "found"),
    [
        ("nguyen thi an", folk.BORN, True),
        ("Nguyễn Thị Ân", folk.BORN, True),
        ("An Nguyễn Thị", folk.BORN, False),
        ("Nguyễn Thị An", OTHER_DAY, False),
        ("Nguyễn Thị An", None, False),
        ("Nguyễn Thị Anh", folk.BORN, False),
    ],
)
async def test_the_same_name_and_day_of_birth_are_probable_wherever_they_live(
    database: Database, name: str, born: date | None, found: bool
) -> None:
    def act(tx: Transaction) -> None:
        places = folk.country(tx)
        a = folk.person(tx, "Nguyễn Thị An", place_id=places["001"])
        b = folk.person(tx, name, born, place_id=places["003"])
        assert _between(tx, a, b) == ((Reason.SAME_NAME_BIRTH,) if found else ())

    await database.write(act)


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (K.PHONE, "0912345678", Reason.SAME_PHONE_LIKE_NAME),
        (K.STATION_CODE, "TYT-12", Reason.SAME_STATION_CODE_LIKE_NAME),
    ],
)
@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("Nguyễn Thị An", True),
        ("An Nguyễn Thị", True),
        ("Nguyễn Thị Anh", True),
        ("Nguyễn Thị Bình", False),
        ("Nguyễn Văn An", False),
    ],
)
async def test_a_shared_number_counts_only_with_a_like_name(
    database: Database, kind: IdentifierKind, text: str, reason: Reason, name: str, like: bool
) -> None:
    def act(tx: Transaction) -> None:
        a, b = folk.person(tx, "Nguyễn Thị An", None), folk.person(tx, name, None)
        for person in (a, b):
            _number(tx, person, kind, text)
        assert _between(tx, a, b) == ((reason,) if like else ())
        assert all(found.grade is Grade.PROBABLE for found in duplicates.find(tx, a))

    await database.write(act)


@pytest.mark.parametrize(
    ("name", "other", "born", "same_place", "found"),
    [
        ("Nguyễn Thị An", "Nguyễn Thị Anh", folk.BORN, True, True),
        ("Nguyễn Thị An", "An Nguyễn Thị", folk.BORN, True, True),
        ("Nguyễn Thị Thu An", "Nguyễn Thi Thư Ann", folk.BORN, True, True),
        ("Lò An", "Lò Ăng", folk.BORN, True, True),
        ("Nguyễn Thị An", "Nguyễn Thị Anh", OTHER_DAY, True, False),
        ("Nguyễn Thị An", "Nguyễn Thị Anh", folk.BORN, False, False),
        ("Nguyễn Thị An", "Nguyễn Thị Bình", folk.BORN, True, False),
        ("Nguyễn Thị An", "Trần Thị Anh", folk.BORN, True, False),
    ],
)
async def test_a_like_name_and_day_of_birth_in_one_place_are_probable(
    database: Database, name: str, other: str, born: date, same_place: bool, found: bool
) -> None:
    def act(tx: Transaction) -> None:
        places = folk.country(tx)
        a = folk.person(tx, name, place_id=places["001"])
        b = folk.person(tx, other, born, place_id=places["001" if same_place else "002"])
        assert _between(tx, a, b) == ((Reason.LIKE_NAME_BIRTH_PLACE,) if found else ())

    await database.write(act)


async def test_merged_and_erased_records_are_nobodys_double(database: Database) -> None:
    def act(tx: Transaction) -> None:
        a, b, c = (folk.person(tx, "Nguyễn Thị An") for _ in range(3))
        tx.execute("UPDATE person SET merged_into = ? WHERE person_id = ?", (a, b))
        tx.execute("UPDATE person SET erased_ms = 1 WHERE person_id = ?", (c,))
        assert duplicates.find(tx, a) == []
        with pytest.raises(NotFoundError):
            duplicates.find(tx, b)

    await database.write(act)


def _pair(tx: Transaction) -> tuple[str, str, str]:
    a, b = folk.person(tx, "Nguyễn Thị An"), folk.person(tx, "Nguyễn Thị An")
    [pair_id] = duplicates.note(tx, a)
    return a, b, pair_id


async def test_a_pair_is_written_once_from_whichever_side(database: Database) -> None:
    def act(tx: Transaction) -> None:
        a, b, pair_id = _pair(tx)
        assert duplicates.note(tx, b) == duplicates.note(tx, a) == [pair_id]
        assert tx.rows("SELECT person_a, person_b, grade, reasons FROM person_pair") == [
            (*sorted((a, b)), "probable", "same_name_birth")
        ]

    await database.write(act)


async def test_a_decided_pair_comes_back_only_for_a_new_reason(database: Database) -> None:
    def act(tx: Transaction) -> None:
        a, b, pair_id = _pair(tx)
        assert set(duplicates.decide_distinct(tx, pair_id, "me", "hai chị em")) == {a, b}
        assert duplicates.note(tx, a) == []
        for person in (a, b):
            _number(tx, person, K.PASSPORT, "C1234567")
        assert duplicates.note(tx, a) == [pair_id]
        assert tx.rows("SELECT grade, reasons, state, decided_by FROM person_pair") == [
            ("exact", "same_name_birth same_passport", "open", None)
        ]

    await database.write(act)


async def test_a_pair_is_decided_once_and_with_a_reason(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _, _, pair_id = _pair(tx)
        with pytest.raises(RefusedError, match="reason"):
            duplicates.decide_distinct(tx, pair_id, "me", " ")
        duplicates.decide_distinct(tx, pair_id, "me", "hai chị em")
        with pytest.raises(IllegalTransitionError):
            duplicates.decide_distinct(tx, pair_id, "me", "hai chị em")
        for unknown in ("pp-none", "\0"):
            with pytest.raises(NotFoundError):
                duplicates.decide_distinct(tx, unknown, "me", "hai chị em")

    await database.write(act)


async def test_the_desk_shows_a_pair_to_whoever_reaches_both_and_to_nobody_else(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        places = folk.country(tx)
        for code in ("001", "002", "003"):
            folk.person(tx, "Nguyễn Thị An", place_id=places[code])
        last = folk.person(tx, "Nguyễn Thị An", place_id=places["001"])
        duplicates.note(tx, last)

        def shown(place: str | None, role: Role = Role.COORDINATOR) -> int:
            who = folk.actor(role, place)
            return len(duplicates.open_pairs(tx, folk.sees(tx, who, Action.MERGE)))

        assert [shown(places[code]) for code in ("001", "002", "01", "02", "VN")] == [1, 0, 2, 0, 3]
        assert shown(None) == 3
        assert shown(None, Role.NURSE) == 0

    await database.write(act)


def _ids(pair: duplicates.PairShown) -> set[str]:
    return {pair.one.person_id, pair.other.person_id}


async def test_exact_pairs_come_first_and_a_merged_record_is_shown_as_the_one_for_it(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        a, b, c = (folk.person(tx, "Nguyễn Thị An") for _ in range(3))
        d = folk.person(tx, "Trần Văn Bình", OTHER_DAY)
        for person in (c, d):
            _number(tx, person, K.PASSPORT, "C1234567")
        for person in (a, c):
            duplicates.note(tx, person)
        everyone = folk.sees(tx, folk.actor(Role.COORDINATOR), Action.MERGE)
        before = duplicates.open_pairs(tx, everyone)
        assert [pair.grade for pair in before] == ["exact", *["probable"] * 3]
        assert _ids(before[0]) == {c, d}
        tx.execute("UPDATE person SET merged_into = ? WHERE person_id = ?", (b, a))
        after = duplicates.open_pairs(tx, everyone)
        assert [_ids(pair) for pair in after] == [{c, d}, {b, c}, {b, c}]

    await database.write(act)
