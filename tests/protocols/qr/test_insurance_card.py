"""The insurance card's QR text: names in hexadecimal UTF-8, and codes alone."""

from datetime import date

import pytest

from protocols.identifiers import Identifier, IdentifierKind, Sex
from protocols.qr import BirthDate, InsuranceCardQr, QrError, Refusal, read_qr

TODAY = date(2026, 3, 5)
NAME, ADDRESS = "Trần Thị Bưởi".encode().hex(), "Phường Bến Nghé".encode().hex()
FIELDS = [
    "GD4790120878811",
    NAME,
    "09/02/1950",
    "2",
    ADDRESS,
    "79 - 024",
    "01/01/2026",
    "31/12/2026",
    "20/12/2025",
    "79100120878811",
    "-",
    "4",
    "01/01/2021",
    "16c2f0e4b1a3-7102",
    "$",
]


def _with(at: int, value: str) -> str:
    return "|".join([*FIELDS[:at], value, *FIELDS[at + 1 :]])


def _card(text: str) -> InsuranceCardQr:
    card = read_qr(text, today=TODAY)
    assert isinstance(card, InsuranceCardQr)
    return card


def test_a_card_is_read_whole() -> None:
    assert _card("|".join(FIELDS)) == InsuranceCardQr(
        code=Identifier(IdentifierKind.INSURANCE, "GD4790120878811"),
        name="Trần Thị Bưởi",
        birth=BirthDate(1950, 2, 9),
        sex=Sex.FEMALE,
        address="Phường Bến Nghé",
        facility_code="79024",
        valid_from=date(2026, 1, 1),
        valid_to=date(2026, 12, 31),
    )


@pytest.mark.parametrize("code", ["GD4790120878811", "0120878811", "079150012345", " 0120878811 "])
def test_a_code_alone_is_a_card_without_more(code: str) -> None:
    assert _card(code) == InsuranceCardQr(code=Identifier(IdentifierKind.INSURANCE, code.strip()))


def test_only_the_first_four_fields_are_needed() -> None:
    card = _card("|".join(FIELDS[:4]))
    assert (card.name, card.address, card.facility_code) == ("Trần Thị Bưởi", None, None)


def test_what_does_not_look_like_its_field_is_none() -> None:
    card = _card("|".join([*FIELDS[:4], "-", "?", "-", "soon"]))
    assert (card.address, card.facility_code, card.valid_from, card.valid_to) == (None,) * 4


@pytest.mark.parametrize(
    ("text", "birth"),
    [
        ("1950", BirthDate(1950)),
        ("00/00/1950", BirthDate(1950)),
        ("05/03/2026", BirthDate(2026, 3, 5)),
    ],
)
def test_a_birth_is_as_precise_as_the_card_knows(text: str, birth: BirthDate) -> None:
    assert _card(_with(2, text)).birth == birth


@pytest.mark.parametrize(
    ("digit", "sex"), [("1", Sex.MALE), ("2", Sex.FEMALE), ("0", None), ("", None)]
)
def test_a_sex_is_a_digit(digit: str, sex: Sex | None) -> None:
    assert _card(_with(3, digit)).sex is sex


@pytest.mark.parametrize(
    ("at", "value", "refusal", "message"),
    [
        (0, "GD9790120878811", Refusal.BAD_NUMBER, "insurance"),
        (0, "?", Refusal.BAD_NUMBER, "insurance"),
        (1, "", Refusal.BAD_FIELD, "name"),
        (1, NAME[:-1], Refusal.BAD_FIELD, "hexadecimal"),
        (1, "Tran Thi Buoi", Refusal.BAD_FIELD, "hexadecimal"),
        (1, NAME[:-4], Refusal.BAD_FIELD, "UTF-8"),
        (1, "4100", Refusal.NOT_TEXT, "control"),
        (1, "41e280ae", Refusal.NOT_TEXT, "control"),
        (2, "31/02/1950", Refusal.IMPOSSIBLE_DATE, "date of birth"),
        (2, "06/03/2026", Refusal.FUTURE_DATE, "date of birth"),
        (3, "3", Refusal.BAD_FIELD, "sex"),
        (4, "Phường", Refusal.BAD_FIELD, "hexadecimal"),
        (6, "31/02/2026", Refusal.IMPOSSIBLE_DATE, "valid from"),
        (7, "31/11/2026", Refusal.IMPOSSIBLE_DATE, "valid to"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(
    at: int, value: str, refusal: Refusal, message: str
) -> None:
    with pytest.raises(QrError, match=message) as refused:
        read_qr(_with(at, value), today=TODAY)
    assert refused.value.refusal is refusal


def test_too_many_fields_are_refused() -> None:
    assert _card("|".join([*FIELDS, *"123456789"])).name
    with pytest.raises(QrError, match="4 to 24 fields"):
        read_qr("|".join([*FIELDS, *"1234567890"]), today=TODAY)


def test_a_code_of_another_length_is_no_card() -> None:
    with pytest.raises(QrError) as refused:
        read_qr("01208788110", today=TODAY)
    assert refused.value.refusal is Refusal.UNKNOWN


def test_the_parser_alone_refuses_a_birth_of_another_shape() -> None:
    with pytest.raises(QrError, match="DD/MM/YYYY or YYYY"):
        InsuranceCardQr.parse(_with(2, "1950-02-09"), today=TODAY)
