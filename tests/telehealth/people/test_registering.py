"""Registration in one transaction: everything or nothing, every wrong field named at once."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.identifiers import IdentifierKind
from protocols.uplink import epoch_ms
from telehealth import loans
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError, code_of
from telehealth.people import households, identifiers, registering, search
from telehealth.people.identifiers import NewIdentifier
from telehealth.people.places import add_places
from telehealth.people.places_check import PlaceRow, Ref, SuccessorRow
from telehealth.people.records import open_personal
from telehealth.people.registering import FieldsRefusedError, Registration, Who
from telehealth.store.database import Database, Transaction
from tests import rows
from tests.telehealth.people import folk

NOW = epoch_ms(datetime(2026, 3, 1, 5, tzinfo=UTC))
CARD = NewIdentifier(kind=IdentifierKind.CITIZEN_ID, text="001150000017", source="card")
PHONE = NewIdentifier(kind=IdentifierKind.PHONE, text="0912 345 678")
WHO = Who(
    name="  nguyễn  thị An ", birth_date="02/01/1950", sex="female", address="Số 1", place="001"
)


def _begin(tx: Transaction) -> dict[str, str]:
    tx.now_ms = NOW
    places = folk.country(tx)
    folk.programme(tx, places["01"])
    rows.account(tx, "d0", "doctor", programme_id="pr-test", place_id=places["01"])
    rows.account(tx, "d9", "doctor", place_id=places["02"])
    return places


def _all(**more: Any) -> Registration:
    whole = Registration(
        who=WHO,
        registered_by="n0",
        identifiers=(CARD, PHONE),
        new_household=True,
        is_head=True,
        programme_id="pr-test",
        doctor_id="d0",
        onset_date="2026-02-27",
        device_id="ox-1",
    )
    return replace(whole, **more)


def _refused(tx: Transaction, new: Registration) -> set[str]:
    with pytest.raises(FieldsRefusedError) as refused:
        registering.register(tx, new)
    assert code_of(refused.value) == "refused"
    return {one.field for one in refused.value.fields}


async def test_one_call_registers_person_numbers_home_case_and_device(database: Database) -> None:
    def act(tx: Transaction) -> None:
        places = _begin(tx)
        done = registering.register(tx, _all())
        assert (done.warnings, done.pairs) == ((), ())
        personal = open_personal(tx, done.person_id)
        assert (personal.name, personal.birth_date) == ("nguyễn thị An", "1950-01-02")
        shown = {one.kind: one.value for one in identifiers.of(tx, done.person_id)}
        assert shown == {
            IdentifierKind.CITIZEN_ID: "001150000017",
            IdentifierKind.PHONE: "+84912345678",
        }
        home = households.of(tx, done.person_id)
        assert home is not None
        assert (home.address, home.place_id) == ("Số 1", places["001"])
        assert [one.is_head for one in home.members] == [True]
        sql = "SELECT case_id, programme_id, assigned_doctor_id, onset_date FROM f0_case"
        assert tx.rows(sql) == [(done.case_id, "pr-test", "d0", "2026-02-27")]
        assert tx.rows("SELECT loan_id, device_id, person_id, decided_by FROM device_loan") == [
            (done.loan_id, "ox-1", done.person_id, "n0")
        ]
        assert tx.rows("SELECT sex, place_id, place_given, created_by FROM person") == [
            ("female", places["001"], None, "n0")
        ]
        [found] = search.search(tx, folk.sees(tx, folk.actor()), "an nguyen").people
        assert found.person_id == done.person_id

    await database.write(act)


async def test_a_name_alone_is_enough(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        done = registering.register(tx, Registration(who=Who(name="Lò A"), registered_by="n0"))
        assert (done.case_id, done.loan_id, done.household_id) == (None, None, None)
        assert open_personal(tx, done.person_id).born is None

    await database.write(act)


async def test_every_wrong_field_is_named_at_once_and_nothing_is_written(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        wrong = Who(
            name=" ",
            birth_date="31/02/1950",
            sex="x",
            pregnant=False,
            locale="fr",
            address="a" * 301,
            place="\0",
        )
        fields = _refused(
            tx,
            _all(
                who=wrong,
                identifiers=(replace(CARD, text="1"), replace(PHONE, text="1")),
                household_id="hh-none",
                new_household=False,
                programme_id="pr-none",
                onset_date="2026-03-02",
                device_id="ox 1",
            ),
        )
        assert fields == {
            "name", "birth_date", "sex", "locale", "address", "place", "citizen_id", "phone",
            "household_id", "programme_id", "doctor_id", "onset_date", "device_id",
        }  # fmt: skip
        for table in ("person", "person_identifier", "household", "f0_case", "device_loan"):
            assert tx.rows(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608 - ours

    await database.write(act)


async def test_no_refusal_holds_what_was_typed_of_the_person(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        wrong = Who(name="Tênquádài" * 20, birth_date="77/77/1977", address="ĐịachỉX" * 50)
        new = Registration(
            who=wrong,
            registered_by="n0",
            identifiers=(replace(CARD, text="00115000001"), replace(PHONE, text="0912345")),
        )
        with pytest.raises(FieldsRefusedError) as refused:
            registering.register(tx, new)
        words = str(refused.value)
        for secret in ("Tênquádài", "77/77", "ĐịachỉX", "00115", "0912345"):
            assert secret not in words

    await database.write(act)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"doctor_id": "d9"}, "doctor_id"),
        ({"doctor_id": "nobody"}, "doctor_id"),
        ({"programme_id": ""}, "doctor_id"),
        ({"programme_id": "", "doctor_id": "", "onset_date": ""}, "device_id"),
        ({"programme_id": "", "doctor_id": "", "device_id": ""}, "onset_date"),
        ({"onset_date": "1949-01-01"}, "onset_date"),
        ({"who": replace(WHO, place="003")}, "programme_id"),
        ({"who": replace(WHO, sex="male", pregnant=True)}, "pregnant"),
        ({"household_id": "hh-1", "new_household": True}, "household_id"),
        ({"device_id": "x" * 65}, "device_id"),
        ({"device_id": "ox\0"}, "device_id"),
        ({"programme_id": "pr\0"}, "programme_id"),
        ({"doctor_id": "d0\0"}, "doctor_id"),
        ({"household_id": "hh\0", "new_household": False}, "household_id"),
        ({"identifiers": tuple(replace(PHONE, text=f"09123456{n}") for n in range(10, 31))},
         "identifiers"),
    ],
)  # fmt: skip
async def test_fields_that_do_not_fit_together_are_refused(
    database: Database, more: dict[str, Any], field: str
) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        assert field in _refused(tx, _all(**more))

    await database.write(act)


async def test_a_device_that_is_lent_is_refused_and_one_that_came_back_is_not(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        first = registering.register(tx, _all())
        other = _all(who=replace(WHO, name="Trần Thị Bình"), identifiers=())
        assert _refused(tx, other) == {"device_id"}
        assert first.loan_id is not None
        loans.give_back(tx, first.loan_id)
        tx.now_ms = NOW + 1
        assert registering.register(tx, other).loan_id is not None

    await database.write(act)


async def test_a_programme_that_has_ended_is_refused(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        tx.execute("UPDATE programme SET valid_to_ms = ?", (NOW,))
        assert "programme_id" in _refused(tx, _all())
        tx.execute("UPDATE programme SET valid_to_ms = ?", (NOW + 1,))
        assert registering.register(tx, _all()).case_id is not None

    await database.write(act)


async def test_an_unknown_place_is_a_warning_and_is_kept_as_given(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        done = registering.register(tx, _all(who=replace(WHO, place=" 99999 ")))
        assert done.warnings == ("place_unknown",)
        assert tx.rows("SELECT place_id, place_given FROM person") == [(None, "99999")]

    await database.write(act)


async def test_a_code_of_two_places_is_ambiguous_and_an_id_is_not(database: Database) -> None:
    def act(tx: Transaction) -> None:
        places = _begin(tx)
        vn = Ref("VN", "country")
        add_places(tx, [PlaceRow("001", "Tỉnh 001", "province", "tỉnh", vn, "1900-01-01")])
        today = date(2026, 3, 1)
        assert registering.find_place(tx, "001", today) == (None, "001", ("place_ambiguous",))
        assert registering.find_place(tx, places["001"], today) == (places["001"], None, ())

    await database.write(act)


async def test_an_old_code_leads_to_todays_place(database: Database) -> None:
    def act(tx: Transaction) -> None:
        places = _begin(tx)
        old = PlaceRow(
            "00777", "Xã Cũ", "commune", "xã", Ref("01", "province"), "1900-01-01", "2025-07-01"
        )
        new = SuccessorRow(old.key, Ref("001", "commune"), is_default=True)
        add_places(tx, [old], [new])
        found = registering.find_place(tx, "00777", date(2026, 3, 1))
        assert found == (places["001"], None, ())

    await database.write(act)


async def test_the_same_number_twice_on_one_form_is_one(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        again = replace(PHONE, text="+84912345678")
        done = registering.register(tx, _all(identifiers=(PHONE, again)))
        assert len(identifiers.of(tx, done.person_id)) == 1

    await database.write(act)


async def test_somebody_who_may_be_there_already_goes_to_the_conflict_desk(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        registering.register(tx, _all())
        again = registering.register(tx, _all(device_id="", new_household=False))
        assert len(again.pairs) == 1
        assert tx.rows("SELECT grade, reasons FROM person_pair") == [
            ("exact", "same_citizen_id same_name_birth same_phone_like_name")
        ]

    await database.write(act)


async def test_a_card_that_disagrees_is_a_warning(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        who = replace(WHO, sex="male", birth_date="1951-01-02")
        done = registering.register(tx, _all(who=who))
        assert done.warnings == ("citizen_id_birth_year", "citizen_id_sex")

    await database.write(act)


async def test_a_correction_is_found_under_the_new_name_and_not_the_old(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        places = _begin(tx)
        person = registering.register(tx, _all()).person_id
        twin = folk.person(tx, "Lê Thị Bình", date(1950, 1, 3), place_id=places["003"])
        who = Who(name="Lê Thị Bình", birth_date="1950-01-03", sex="female", place="003")
        assert len(registering.correct(tx, person, who).pairs) == 1
        everyone = folk.sees(tx, folk.actor())
        found = search.search(tx, everyone, "le thi binh").people
        assert {one.person_id for one in found} == {person, twin}
        assert search.search(tx, everyone, "nguyen thi an").people == ()
        assert open_personal(tx, person).address == ""
        assert len(identifiers.of(tx, person)) == 2

    await database.write(act)


async def test_a_correction_of_nobody_or_with_wrong_fields_is_refused(database: Database) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        with pytest.raises(NotFoundError):
            registering.correct(tx, "pe-none", WHO)
        person = registering.register(tx, _all()).person_id
        with pytest.raises(FieldsRefusedError) as refused:
            registering.correct(tx, person, replace(WHO, name="", birth_date="x"))
        assert {one.field for one in refused.value.fields} == {"name", "birth_date"}
        tx.execute("UPDATE person SET erased_ms = 1 WHERE person_id = ?", (person,))
        with pytest.raises(IllegalTransitionError):
            registering.correct(tx, person, WHO)

    await database.write(act)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-31", date(2026, 3, 31)),
        ("31/03/2026", date(2026, 3, 31)),
        ("1/3/2026", date(2026, 3, 1)),
        ("29/02/2024", date(2024, 2, 29)),
        (" ", None),
    ],
)
def test_a_day_is_read_as_it_is_typed(text: str, day: date | None) -> None:
    assert registering.parse_day("birth_date", text) == day


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29", "29/02/2025", "00/01/2026", "1/13/2026", "1950", "31/03/26", "0000-01-01",
        "2026-03-31-01", "2026/03/31", "٣١/03/2026", "a/b/cdef", "31-03-2026", "+1/01/2026",
    ],
)  # fmt: skip
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="birth_date") as refused:
        registering.parse_day("birth_date", text)
    assert text not in str(refused.value)


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_day_is_read_back_from_either_form(day: date) -> None:
    assert registering.parse_day("d", day.isoformat()) == day
    assert registering.parse_day("d", day.strftime("%d/%m/%Y")) == day


@given(st.text(max_size=20))
def test_any_text_is_a_day_nothing_or_a_refusal(text: str) -> None:
    try:
        found = registering.parse_day("d", text)
    except RefusedError:
        return
    assert (found is None) is (not text.strip())


@pytest.mark.parametrize(("birth", "taken"), [
    ("2026-03-01", True), ("2026-03-02", False), ("1896-03-01", True), ("1895-02-28", False),
])  # fmt: skip
async def test_a_birth_is_today_at_the_latest_and_130_years_ago_at_the_earliest(
    database: Database, birth: str, taken: bool
) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        new = Registration(who=Who(name="Lò A", birth_date=birth), registered_by="n0")
        if taken:
            registering.register(tx, new)
        else:
            assert _refused(tx, new) == {"birth_date"}

    await database.write(act)


@pytest.mark.parametrize(("name", "taken"), [
    ("A", True), ("a" * 120, True), ("a" * 121, False), (" ".join("a" * 12), True),
    (" ".join("a" * 13), False), ("...", False), ("a\0b", False), ("", False),
])  # fmt: skip
async def test_a_name_has_letters_and_an_end(database: Database, name: str, taken: bool) -> None:
    def act(tx: Transaction) -> None:
        _begin(tx)
        new = Registration(who=Who(name=name), registered_by="n0")
        if taken:
            registering.register(tx, new)
        else:
            assert _refused(tx, new) == {"name"}

    await database.write(act)
