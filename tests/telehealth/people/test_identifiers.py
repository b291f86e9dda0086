"""The numbers of a person: brought to one form, dated, sealed, and never overwritten."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.identifiers import IdentifierKind
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.people import identifiers, search
from telehealth.people.identifiers import NewIdentifier
from telehealth.store.database import Database, Transaction
from tests.telehealth.people import folk

CITIZEN, PHONE, INSURANCE = (
    IdentifierKind.CITIZEN_ID,
    IdentifierKind.PHONE,
    IdentifierKind.INSURANCE,
)
CARD = "001150000017"
"""Of a woman born in 1950 in the first province."""
CODE = "DN4013123456789"
TODAY = date(2026, 3, 1)


def _new(kind: IdentifierKind, text: str, **more: object) -> NewIdentifier:
    return NewIdentifier(kind=kind, text=text, **more)  # type: ignore[arg-type]


async def test_a_number_is_stored_in_one_form_sealed_and_found_again(database: Database) -> None:
    def act(tx: Transaction) -> None:
        person = folk.person(tx, "Nguyễn Thị An", sex="female")
        added = identifiers.add(tx, person, _new(PHONE, "0912 345 678"), "me")
        assert (added.warnings, added.pairs) == ((), ())
        [shown] = identifiers.of(tx, person)
        assert (shown.kind, shown.value, shown.source) == (PHONE, "+84912345678", "typed")
        [(sealed, hashed)] = tx.rows("SELECT sealed, value_hash FROM person_identifier")
        assert b"912345678" not in bytes(sealed) + bytes(hashed)
        assert search.find_exact(tx, PHONE, "+84 912 345 678") == [person]
        assert identifiers.phones_of(tx, [person]) == {person: ["+84912345678"]}

    await database.write(act)


async def test_the_same_number_twice_is_one_row(database: Database) -> None:
    def act(tx: Transaction) -> None:
        person = folk.person(tx, "Nguyễn Thị An")
        first = identifiers.add(tx, person, _new(CITIZEN, CARD), "me")
        again = identifiers.add(tx, person, _new(CITIZEN, "001 150 000 017"), "me")
        assert again.identifier_id == first.identifier_id
        assert len(identifiers.of(tx, person)) == 1

    await database.write(act)


async def test_a_number_of_two_people_stays_with_both_and_goes_to_the_conflict_desk(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        one, other = folk.person(tx, "Nguyễn Thị An"), folk.person(tx, "Trần Văn Bình", None)
        identifiers.add(tx, one, _new(CITIZEN, CARD), "me")
        added = identifiers.add(tx, other, _new(CITIZEN, CARD), "me")
        assert len(added.pairs) == 1
        assert search.find_exact(tx, CITIZEN, CARD) == sorted((one, other))
        assert tx.rows("SELECT grade, reasons, state FROM person_pair") == [
            ("exact", "same_citizen_id", "open")
        ]

    await database.write(act)


async def test_an_insurance_code_is_found_by_its_last_ten_digits_until_it_ends(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        person = folk.person(tx, "Nguyễn Thị An")
        code = identifiers.add(tx, person, _new(INSURANCE, CODE), "me")
        other = identifiers.add(tx, person, _new(INSURANCE, "GD" + CODE[2:]), "me")
        assert search.find_exact(tx, INSURANCE, CODE[-10:]) == [person]
        assert [one.value for one in identifiers.of(tx, person)].count(CODE[-10:]) == 0
        open_ = "SELECT count(*) FROM person_identifier WHERE ended_ms IS NULL"
        assert tx.rows(open_) == [(3,)]
        assert identifiers.end(tx, code.identifier_id) == person
        assert tx.rows(open_) == [(2,)]
        identifiers.end(tx, other.identifier_id)
        assert tx.rows(open_) == [(0,)]

    await database.write(act)


async def test_a_phone_that_was_given_up_finds_nobody_and_an_old_card_finds_for_ever(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        person = folk.person(tx, "Nguyễn Thị An")
        for kind, text in ((PHONE, "0912345678"), (CITIZEN, CARD)):
            added = identifiers.add(tx, person, _new(kind, text), "me")
            identifiers.end(tx, added.identifier_id)
        assert search.find_exact(tx, PHONE, "0912345678") == []
        assert search.find_exact(tx, CITIZEN, CARD) == [person]
        assert [one.ended_ms is None for one in identifiers.of(tx, person)] == [False, False]

    await database.write(act)


async def test_a_number_ends_once(database: Database) -> None:
    def act(tx: Transaction) -> None:
        person = folk.person(tx, "Nguyễn Thị An")
        added = identifiers.add(tx, person, _new(CITIZEN, CARD), "me")
        identifiers.end(tx, added.identifier_id, date(2025, 12, 31))
        assert identifiers.of(tx, person)[0].valid_to == "2025-12-31"
        with pytest.raises(IllegalTransitionError):
            identifiers.end(tx, added.identifier_id)
        for unknown in ("id-none", "\0"):
            with pytest.raises(NotFoundError):
                identifiers.end(tx, unknown)

    await database.write(act)


async def test_a_number_that_disagrees_with_the_record_is_kept_with_a_warning(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        man = folk.person(tx, "Trần Văn Bình", date(1951, 1, 2), sex="male")
        added = identifiers.add(tx, man, _new(CITIZEN, CARD), "me")
        assert added.warnings == ("citizen_id_birth_year", "citizen_id_sex")
        woman = folk.person(tx, "Nguyễn Thị An", sex="female")
        assert identifiers.add(tx, woman, _new(CITIZEN, CARD), "me").warnings == ()

    await database.write(act)


async def test_nothing_is_added_to_nobody_or_to_an_erased_record(database: Database) -> None:
    def act(tx: Transaction) -> None:
        with pytest.raises(NotFoundError):
            identifiers.add(tx, "pe-none", _new(CITIZEN, CARD), "me")
        person = folk.person(tx, "Nguyễn Thị An")
        tx.execute("UPDATE person SET erased_ms = 1 WHERE person_id = ?", (person,))
        with pytest.raises(IllegalTransitionError, match="erased"):
            identifiers.add(tx, person, _new(CITIZEN, CARD), "me")

    await database.write(act)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (CITIZEN, "00115000001"),
        (CITIZEN, "0011500000171"),
        (CITIZEN, "001350000017"),
        (CITIZEN, "097150000017"),
        (IdentifierKind.OLD_CITIZEN_ID, "12345678"),
        (IdentifierKind.PASSPORT, "C12"),
        (INSURANCE, "12345678901"),
        (PHONE, "0912"),
        (PHONE, "không có"),
        (IdentifierKind.STATION_CODE, "-"),
    ],
)
def test_what_is_no_number_is_refused_with_its_kind_and_without_itself(
    kind: IdentifierKind, text: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        identifiers.check(_new(kind, text), TODAY)
    assert refused.value.field == kind.value
    assert refused.value.value == len(text)
    assert text not in str(refused.value) or text == "-"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (CITIZEN, "001150000017"),
        (CITIZEN, "001326000017"),
        (IdentifierKind.OLD_CITIZEN_ID, "123456789"),
        (IdentifierKind.PASSPORT, "C1234567"),
        (INSURANCE, "1234567890"),
        (IdentifierKind.STATION_CODE, "tyt-0012/26"),
    ],
)
def test_what_is_a_number_is_taken(kind: IdentifierKind, text: str) -> None:
    assert identifiers.check(_new(kind, text), TODAY).value == text.upper()


def test_a_card_of_somebody_not_yet_born_is_refused() -> None:
    with pytest.raises(RefusedError, match="citizen_id"):
        identifiers.check(_new(CITIZEN, "001327000017"), TODAY)


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "field"),
    [
        (date(2026, 3, 2), None, "valid_from"),
        (date(1899, 12, 31), None, "valid_from"),
        (date(2025, 1, 1), date(2025, 1, 1), "valid_to"),
        (None, date(1900, 1, 1), "valid_to"),
        (None, date(2200, 1, 1), "valid_to"),
    ],
)
def test_impossible_dates_are_refused(
    valid_from: date | None, valid_to: date | None, field: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        identifiers.check(_new(CITIZEN, CARD, valid_from=valid_from, valid_to=valid_to), TODAY)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("valid_from", "valid_to"),
    [
        (TODAY, None),
        (date(1900, 1, 1), date(1900, 1, 2)),
        (TODAY, date(2199, 12, 31)),
        (None, date(1900, 1, 2)),
    ],
)
def test_possible_dates_are_taken(valid_from: date | None, valid_to: date | None) -> None:
    new = _new(CITIZEN, CARD, valid_from=valid_from, valid_to=valid_to)
    assert identifiers.check(new, TODAY).value == CARD


def test_a_source_that_is_none_is_refused() -> None:
    with pytest.raises(RefusedError, match="source"):
        identifiers.check(_new(CITIZEN, CARD, source="derived"), TODAY)


@given(st.sampled_from(IdentifierKind), st.text(max_size=70))
def test_any_text_is_a_number_or_a_refusal(kind: IdentifierKind, text: str) -> None:
    refused: RefusedError | None = None
    try:
        number = identifiers.check(_new(kind, text), TODAY)
    except RefusedError as error:
        refused = error
    if refused is None:
        assert identifiers.check(_new(kind, number.value), TODAY) == number
    else:
        assert (refused.field, refused.value) == (kind.value, len(text))
