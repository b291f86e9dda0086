"""The citizen card's QR text: fields in their order, and each wrong one refused by name."""

from datetime import date

import pytest

from protocols.identifiers import Identifier, IdentifierKind, Sex
from protocols.qr import BirthDate, CitizenCardQr, QrError, Refusal, read_qr

TODAY = date(2026, 3, 5)
FIELDS = [
    "079150012345",
    "023456789",
    "Trần Thị Bưởi",
    "09021950",
    "Nữ",
    "12 Lê Lợi, Phường Bến Nghé, Quận 1, TP. Hồ Chí Minh",
    "15042021",
]


def _with(at: int, value: str) -> str:
    return "|".join([*FIELDS[:at], value, *FIELDS[at + 1 :]])


def _card(text: str) -> CitizenCardQr:
    card = read_qr(text, today=TODAY)
    assert isinstance(card, CitizenCardQr)
    return card


def test_a_card_is_read_whole() -> None:
    """Circular 06/2021/TT-BCA: number, old number, name, birth, sex, residence, issue."""
    assert _card("|".join(FIELDS)) == CitizenCardQr(
        citizen_id=Identifier(IdentifierKind.CITIZEN_ID, "079150012345"),
        old_id=Identifier(IdentifierKind.OLD_CITIZEN_ID, "023456789"),
        name="Trần Thị Bưởi",
        birth=BirthDate(1950, 2, 9),
        sex=Sex.FEMALE,
        address="12 Lê Lợi, Phường Bến Nghé, Quận 1, TP. Hồ Chí Minh",
        issued_on=date(2021, 4, 15),
        doubts=frozenset(),
    )


def test_relatives_on_the_card_of_2024_are_not_kept() -> None:
    assert _card("|".join([*FIELDS, "", "Trần Văn Cha", "Lê Thị Mẹ", ""])) == _card(
        "|".join(FIELDS)
    )


def test_what_a_card_may_lack_is_none() -> None:
    card = _card(f"{FIELDS[0]}||{FIELDS[2]}|{FIELDS[3]}|||")
    assert (card.old_id, card.sex, card.address, card.issued_on) == (None, None, None, None)


def test_an_old_number_of_twelve_digits_is_a_cancelled_citizen_id() -> None:
    assert _card(_with(1, "079150099999")).old_id == Identifier(
        IdentifierKind.CITIZEN_ID, "079150099999"
    )


@pytest.mark.parametrize(
    ("text", "birth"),
    [
        ("1950", BirthDate(1950)),
        ("00001950", BirthDate(1950)),
        ("00021950", BirthDate(1950, 2)),
        ("29022000", BirthDate(2000, 2, 29)),
        ("01011900", BirthDate(1900, 1, 1)),
        ("05032026", BirthDate(2026, 3, 5)),
        ("00032026", BirthDate(2026, 3)),
    ],
)
def test_a_birth_is_as_precise_as_the_card_knows(text: str, birth: BirthDate) -> None:
    assert _card(_with(3, text)).birth == birth


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("31021950", Refusal.IMPOSSIBLE_DATE),
        ("29021900", Refusal.IMPOSSIBLE_DATE),
        ("01131950", Refusal.IMPOSSIBLE_DATE),
        ("01001950", Refusal.IMPOSSIBLE_DATE),
        ("00000000", Refusal.IMPOSSIBLE_DATE),
        ("31121899", Refusal.IMPOSSIBLE_DATE),
        ("06032026", Refusal.FUTURE_DATE),
        ("00042026", Refusal.FUTURE_DATE),
        ("2027", Refusal.FUTURE_DATE),
        ("0902195", Refusal.BAD_FIELD),
    ],
)
def test_an_impossible_or_future_birth_is_refused(text: str, refusal: Refusal) -> None:
    with pytest.raises(QrError, match="date of birth") as refused:
        read_qr(_with(3, text), today=TODAY)
    assert refused.value.refusal is refusal


@pytest.mark.parametrize(
    ("at", "value", "refusal", "message"),
    [
        (0, "000150012345", Refusal.BAD_NUMBER, "place"),
        (1, "02345678", Refusal.BAD_NUMBER, "old citizen id"),
        (1, "000150012345", Refusal.BAD_NUMBER, "citizen id"),
        (2, "", Refusal.BAD_FIELD, "name"),
        (2, "...", Refusal.BAD_FIELD, "name"),
        (2, "Tran 2", Refusal.BAD_FIELD, "name"),
        (2, "<b>Tran</b>", Refusal.BAD_FIELD, "name"),
        (2, "a" * 121, Refusal.BAD_FIELD, "name"),
        (4, "X", Refusal.BAD_FIELD, "sex"),
        (5, "a" * 401, Refusal.BAD_FIELD, "address"),
        (6, "15/04/2021", Refusal.BAD_FIELD, "date of issue"),
        (6, "31042021", Refusal.IMPOSSIBLE_DATE, "date of issue"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(
    at: int, value: str, refusal: Refusal, message: str
) -> None:
    with pytest.raises(QrError, match=message) as refused:
        read_qr(_with(at, value), today=TODAY)
    assert refused.value.refusal is refusal
    assert FIELDS[0] not in str(refused.value)


def test_the_longest_name_and_address_are_taken() -> None:
    assert _card(_with(2, "a" * 120)).name == "a" * 120
    assert _card(_with(5, "a" * 400)).address == "a" * 400


@pytest.mark.parametrize("count", [7, 24])
def test_the_fewest_and_the_most_fields_are_taken(count: int) -> None:
    assert _card("|".join((FIELDS + [""] * 20)[:count])) == _card("|".join(FIELDS))


@pytest.mark.parametrize("count", [5, 6, 25])
def test_too_few_and_too_many_fields_are_refused(count: int) -> None:
    with pytest.raises(QrError, match="7 to 24 fields"):
        read_qr("|".join((FIELDS + [""] * 20)[:count]), today=TODAY)


@pytest.mark.parametrize(
    ("word", "sex"), [("Nam", Sex.MALE), ("NỮ", Sex.FEMALE), ("nu", Sex.FEMALE)]
)
def test_a_sex_is_read_with_and_without_its_accent(word: str, sex: Sex) -> None:
    assert _card(_with(4, word)).sex is sex


@pytest.mark.asvs("2.2.3")
def test_a_card_that_disagrees_with_its_number_is_taken_and_doubted() -> None:
    assert _card(_with(3, "09021951")).doubts == {"birth_year"}
    assert _card(_with(4, "Nam")).doubts == {"sex"}
    assert _card(_with(4, "")).doubts == frozenset()
