"""Phone numbers: one form for every way of writing, old prefixes moved, nonsense refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.identifiers import Identifier, IdentifierKind
from telehealth.people.phones import (
    MOVED_MOBILE_PREFIXES,
    parse_phone,
    read_identifier,
    shown,
    takes_sms,
)


@pytest.mark.parametrize(
    "text",
    [
        "0912345678",
        "0912 345 678",
        "0912.345.678",
        "0912-345-678",
        "0912\N{EN DASH}345\N{EN DASH}678",
        "(0912) 345678",
        "84912345678",
        "+84 912 345 678",
        "+84 (0) 912 345 678",
        "0084912345678",
        "０９１２３４５６７８",
        " 0912345678\t",
    ],
)
def test_every_way_of_writing_a_number_comes_to_one_form(text: str) -> None:
    assert parse_phone(text) == "+84912345678"


MOVED = {
    "0120": "070", "0121": "079", "0122": "077", "0126": "076", "0128": "078",
    "0123": "083", "0124": "084", "0125": "085", "0127": "081", "0129": "082",
    "0162": "032", "0163": "033", "0164": "034", "0165": "035", "0166": "036", "0167": "037",
    "0168": "038", "0169": "039",
    "0186": "056", "0188": "058",
    "0199": "059",
}  # fmt: skip


@pytest.mark.parametrize(("old", "new"), MOVED.items())
@pytest.mark.parametrize("lead", ["0", "84", "+84", "0084"])
def test_an_old_mobile_number_of_eleven_digits_is_the_one_it_became(
    old: str, new: str, lead: str
) -> None:
    """Plan of the Ministry of Information and Communications, in force from 15 September 2018."""
    assert parse_phone(f"{lead}{old[1:]} 234 5678") == f"+84{new[1:]}2345678"


def test_every_moved_prefix_is_in_the_table_once() -> None:
    assert len(MOVED_MOBILE_PREFIXES) == len(MOVED) == len(set(MOVED_MOBILE_PREFIXES.values()))


@pytest.mark.parametrize("prefix", ["0130", "0161", "0170", "0185", "0187", "0189", "0198"])
def test_eleven_digits_that_were_never_mobile_are_refused(prefix: str) -> None:
    with pytest.raises(DecodeError, match="numbering plan"):
        parse_phone(f"{prefix}2345678")


@pytest.mark.parametrize("text", ["016212345678", "016212345"])
def test_an_old_prefix_with_another_length_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_phone(text)


def test_old_prefixes_are_moved_in_vietnam_only() -> None:
    assert parse_phone("0162 123 4567", region="DE") == "+491621234567"


def test_foreign_numbers_and_landlines_are_taken() -> None:
    assert parse_phone("+1 202-555-0123") == "+12025550123"
    assert parse_phone("028 3829 5723") == "+842838295723"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "113",
        "115",
        "091234567",
        "09123456789",
        "0012345678",
        "+84",
        "+999123456789",
        "0912345678 ext 5",
        "0912345678;ext=5",
        "1800FLOWERS",
        "0912345678a",
        "0912345678/0987654321",
        "0912\x00345678",
        "+" * 40,
        "0" * 41,
    ],
)
def test_what_is_no_number_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(DecodeError) as refused:
        parse_phone(text)
    assert len(re.findall(r"\d", text)) < 7 or text not in str(refused.value)


def test_the_length_is_limited_before_anything_is_read() -> None:
    assert parse_phone("0912345678" + " " * 30) == "+84912345678"
    with pytest.raises(DecodeError, match="at most 40 characters, got 41"):
        parse_phone("0912345678" + " " * 31)


def test_a_number_is_shown_as_people_write_it() -> None:
    assert shown("+84912345678") == "0912 345 678"
    assert shown("+12025550123") == "+1 202-555-0123"


def test_a_landline_takes_no_text_message() -> None:
    assert takes_sms("+84912345678")
    assert takes_sms("+12025550123")
    assert not takes_sms("+842838295723")


def test_any_kind_of_identifier_is_read_in_one_place() -> None:
    assert read_identifier(IdentifierKind.PHONE, "0912 345 678") == Identifier(
        IdentifierKind.PHONE, "+84912345678"
    )
    assert read_identifier(IdentifierKind.OLD_CITIZEN_ID, "012 345 678") == Identifier(
        IdentifierKind.OLD_CITIZEN_ID, "012345678"
    )
    with pytest.raises(DecodeError, match="citizen id"):
        read_identifier(IdentifierKind.CITIZEN_ID, "012345678")


@given(st.text(max_size=45) | st.text("0123456789+-. ()", max_size=20))
def test_any_text_is_a_number_or_a_decode_error(text: str) -> None:
    try:
        number = parse_phone(text)
    except DecodeError:
        return
    assert parse_phone(number) == number
    assert parse_phone(shown(number)) == number
