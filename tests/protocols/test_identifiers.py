"""Identifiers: one form for each kind, both sides of every limit, and no number in a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.identifiers import (
    CitizenFacts,
    Identifier,
    IdentifierKind,
    Sex,
    citizen_facts,
    guess_kinds,
    parse_identifier,
    social_insurance_number,
)

CITIZEN, OLD = IdentifierKind.CITIZEN_ID, IdentifierKind.OLD_CITIZEN_ID
PASSPORT, INSURANCE = IdentifierKind.PASSPORT, IdentifierKind.INSURANCE
PHONE, STATION = IdentifierKind.PHONE, IdentifierKind.STATION_CODE


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (CITIZEN, "001099012345", "001099012345"),
        (CITIZEN, " 001 099 012-345\n", "001099012345"),
        (CITIZEN, "００１０９９０１２３４５", "001099012345"),
        (OLD, "012.345.678", "012345678"),
        (PASSPORT, "b1234567", "B1234567"),
        (PASSPORT, "X12345", "X12345"),
        (PASSPORT, "L01X00T47", "L01X00T47"),
        (INSURANCE, "gd 4 79 3456789012", "GD4793456789012"),
        (INSURANCE, "0120878811", "0120878811"),
        (INSURANCE, "001099012345", "001099012345"),
        (PHONE, "+84 912-345-678", "+84912345678"),
        (STATION, "tyt-07/123", "TYT-07/123"),
        (STATION, "7", "7"),
        (STATION, "A" * 32, "A" * 32),
    ],
)
def test_a_number_comes_to_its_one_form(kind: IdentifierKind, text: str, value: str) -> None:
    assert parse_identifier(kind, text) == Identifier(kind, value)


@pytest.mark.asvs("2.2.1")
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (CITIZEN, "00109901234"),
        (CITIZEN, "0010990123456"),
        (CITIZEN, "00109901234A"),
        (CITIZEN, "٠٠١٠٩٩٠١٢٣٤٥"),
        (OLD, "01234567"),
        (OLD, "0123456789"),
        (PASSPORT, "B1234"),
        (PASSPORT, "B123456789"),
        (PASSPORT, "NGUYEN"),
        (PASSPORT, "B12345Đ"),
        (INSURANCE, "GD0793456789012"),
        (INSURANCE, "GD6793456789012"),
        (INSURANCE, "G14793456789012"),
        (INSURANCE, "GD479345678901"),
        (INSURANCE, "GD47934567890123"),
        (INSURANCE, "012087881"),
        (INSURANCE, "01208788111"),
        (PHONE, "0912345678"),
        (PHONE, "+0912345678"),
        (PHONE, "+123456"),
        (PHONE, "+1234567890123456"),
        (STATION, "A" * 33),
        (STATION, "-7"),
        (STATION, "7/"),
        (STATION, "A 7"),
        (STATION, "A7;"),
    ],
)
def test_a_wrong_shape_is_refused(kind: IdentifierKind, text: str) -> None:
    with pytest.raises(DecodeError, match=kind.value.replace("_", " ")) as refused:
        parse_identifier(kind, text)
    assert text not in str(refused.value)


@pytest.mark.parametrize("kind", IdentifierKind)
@pytest.mark.parametrize("text", ["", " \t", "00109\x00012345", "0010990\u202e12345", "\ud800"])
def test_nothing_and_control_characters_are_refused(kind: IdentifierKind, text: str) -> None:
    with pytest.raises(DecodeError):
        parse_identifier(kind, text)


def test_the_length_is_limited_before_separators_are_dropped() -> None:
    padding = " " * (64 - 12)
    assert parse_identifier(CITIZEN, "001099012345" + padding).value == "001099012345"
    with pytest.raises(DecodeError, match="at most 64 characters, got 65"):
        parse_identifier(CITIZEN, "001099012345 " + padding)


@pytest.mark.parametrize(
    ("place", "taken"),
    [
        ("000", False),
        ("001", True),
        ("096", True),
        ("097", False),
        ("099", False),
        ("100", True),
        ("999", True),
    ],
)
def test_the_place_of_a_citizen_id_is_a_province_or_a_country(place: str, taken: bool) -> None:
    """Circular 07/2016/TT-BCA art. 7."""
    if taken:
        assert citizen_facts(f"{place}099012345").province_code == place
    else:
        with pytest.raises(DecodeError, match=r"place \(digits 1-3\)"):
            parse_identifier(CITIZEN, f"{place}099012345")


def test_only_a_country_is_abroad() -> None:
    assert not citizen_facts("096099012345").registered_abroad
    assert citizen_facts("100099012345").registered_abroad


@pytest.mark.parametrize(
    ("digits", "sex", "birth_year"),
    [
        ("000", Sex.MALE, 1900),
        ("099", Sex.MALE, 1999),
        ("150", Sex.FEMALE, 1950),
        ("200", Sex.MALE, 2000),
        ("321", Sex.FEMALE, 2021),
    ],
)
def test_the_fourth_digit_tells_century_and_sex(digits: str, sex: Sex, birth_year: int) -> None:
    """Circular 07/2016/TT-BCA art. 7 and its annex III."""
    assert citizen_facts(f"079{digits}012345") == CitizenFacts("079", sex, birth_year)


def test_nobody_is_born_in_the_next_century() -> None:
    assert citizen_facts("079399012345").birth_year == 2099
    with pytest.raises(DecodeError, match="century and sex"):
        citizen_facts("079400012345")


def test_two_insurance_cards_of_one_person_share_the_social_insurance_number() -> None:
    assert social_insurance_number("GD4790120878811") == "0120878811"
    assert social_insurance_number("HS4010120878811") == "0120878811"
    assert social_insurance_number("0120878811") == "0120878811"
    assert social_insurance_number("001099012345") is None


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("001099012345", (CITIZEN, INSURANCE, PHONE, STATION)),
        ("999999999999", (INSURANCE, PHONE, STATION)),
        ("012 345 678", (OLD, PASSPORT, PHONE)),
        ("B1234567", (PASSPORT, STATION)),
        ("0912345678", (INSURANCE, PHONE, STATION)),
        ("(+84) 912 345 678", (PHONE,)),
        ("GD4793456789012", (INSURANCE, STATION)),
        ("7", (STATION,)),
        ("NGUYEN", ()),
        ("Nguyễn Văn 2", ()),
        ("", ()),
    ],
)
def test_a_typed_text_is_everything_it_could_be(
    text: str, kinds: tuple[IdentifierKind, ...]
) -> None:
    assert guess_kinds(text) == kinds


@given(st.sampled_from(IdentifierKind), st.text() | st.text("0123456789ABCĐ+-. "))
def test_any_text_is_a_value_or_a_decode_error(kind: IdentifierKind, text: str) -> None:
    try:
        identifier = parse_identifier(kind, text)
    except DecodeError:
        return
    assert parse_identifier(kind, identifier.value) == identifier


@given(st.text() | st.text("0123456789ABCĐ+-. ()", max_size=20))
def test_what_parses_as_a_kind_is_guessed_as_it(text: str) -> None:
    guessed = guess_kinds(text)
    for kind in set(IdentifierKind) - {PHONE}:
        try:
            parse_identifier(kind, text)
        except DecodeError:
            assert kind not in guessed
        else:
            assert (kind in guessed) == any(c.isdigit() for c in text)


@given(
    st.sampled_from([CITIZEN, OLD, PASSPORT, INSURANCE, PHONE]),
    st.from_regex(r"[0-9]{13,20}", fullmatch=True),
)
def test_no_message_holds_the_number(kind: IdentifierKind, text: str) -> None:
    with pytest.raises(DecodeError) as refused:
        parse_identifier(kind, text)
    assert text not in str(refused.value)
    assert f"got {len(text)} characters" in str(refused.value)
