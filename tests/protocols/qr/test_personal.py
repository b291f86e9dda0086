"""The national personal QR: EXT told apart by shape, masks understood, print and read again."""

from datetime import date
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.identifiers import Identifier, IdentifierKind, Sex
from protocols.qr import BirthDate, PersonalQr, QrError, Refusal, read_qr

TODAY = date(2026, 3, 5)
HEAD = "079150012345|TRAN THI BUOI|1950-02-09|0|QID0001a"
FIELDS = HEAD.split("|")


def _with(at: int, value: str) -> str:
    return "|".join([*FIELDS[:at], value, *FIELDS[at + 1 :]])


def _qr(text: str) -> PersonalQr:
    value = read_qr(text, today=TODAY)
    assert isinstance(value, PersonalQr)
    return value


def test_a_personal_qr_is_read_whole() -> None:
    """Decision 1405/QĐ-BTTTT: SoGiayTo|HoTen|NgaySinh|LoaiDinhDanh|QID|EXT."""
    text = f"{_with(3, '1')}|HELPER-QID-1<2<GD4790120878811<0943123456"
    assert _qr(text) == PersonalQr(
        document=Identifier(IdentifierKind.CITIZEN_ID, "079150012345"),
        name="TRAN THI BUOI",
        birth=BirthDate(1950, 2, 9),
        declared_by_other=True,
        qid="QID0001a",
        sex=Sex.FEMALE,
        insurance=Identifier(IdentifierKind.INSURANCE, "GD4790120878811"),
        phone="0943123456",
        declarer_qid="HELPER-QID-1",
    )


@pytest.mark.parametrize(
    "order", list(permutations(["HELPER-QID-1", "2", "GD4790120878811", "0943123456"]))
)
def test_the_order_inside_ext_does_not_matter(order: tuple[str, ...]) -> None:
    value = _qr(f"{_with(3, '1')}|{'<'.join(order)}")
    assert value.insurance is not None
    assert (value.sex, value.insurance.value) == (Sex.FEMALE, "GD4790120878811")
    assert (value.phone, value.declarer_qid) == ("0943123456", "HELPER-QID-1")


@pytest.mark.parametrize("text", [HEAD, f"{HEAD}|", f"{HEAD}|<<<", f"{HEAD}|0"])
def test_an_ext_that_says_nothing_is_none_throughout(text: str) -> None:
    value = _qr(text)
    assert (value.sex, value.insurance, value.phone, value.declarer_qid) == (None,) * 4


def test_what_could_be_two_things_is_left_out() -> None:
    assert _qr(f"{HEAD}|1<2").sex is None
    assert _qr(f"{HEAD}|0943123456<0912345678").phone is None
    assert _qr(f"{HEAD}|0120878811<0120878812").insurance is None


def test_the_same_value_twice_is_that_value() -> None:
    assert _qr(f"{HEAD}|1<1").sex is Sex.MALE


@pytest.mark.parametrize(
    ("part", "phone", "insurance"),
    [
        ("0943123456", "0943123456", None),
        ("0243123456", None, "0243123456"),
        ("02438251234", "02438251234", None),
        ("84943123456", "84943123456", None),
        ("+84943123456", "+84943123456", None),
        ("0120878811", None, "0120878811"),
        ("079150012345", None, "079150012345"),
        ("GD4790120878811", None, "GD4790120878811"),
        ("GD9790120878811", None, None),
        ("0943******", None, None),
    ],
)
def test_ten_digits_are_a_phone_or_an_insurance_number_by_how_they_begin(
    part: str, phone: str | None, insurance: str | None
) -> None:
    value = _qr(f"{HEAD}|{part}")
    assert value.phone == phone
    assert (value.insurance.value if value.insurance else None) == insurance


def test_a_declarer_is_only_read_where_somebody_else_declared() -> None:
    assert _qr(f"{_with(3, '1')}|HELPER-QID-1").declarer_qid == "HELPER-QID-1"
    assert _qr(f"{HEAD}|HELPER-QID-1").declarer_qid is None


def test_a_signature_is_not_taken_for_a_declarer() -> None:
    assert _qr(f"{_with(3, '1')}|{'A' * 65}").declarer_qid is None


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ("079150012345", IdentifierKind.CITIZEN_ID),
        ("023456789", IdentifierKind.OLD_CITIZEN_ID),
        ("B1234567", IdentifierKind.PASSPORT),
        ("L01X00T47", IdentifierKind.PASSPORT),
        ("12345678", IdentifierKind.PASSPORT),
    ],
)
def test_a_document_is_told_by_its_shape(document: str, kind: IdentifierKind) -> None:
    assert _qr(_with(0, document)).document == Identifier(kind, document)


@pytest.mark.parametrize(("masked", "tail"), [("******012345", "012345"), ("******789", "789")])
def test_a_masked_document_leaves_its_tail_only(masked: str, tail: str) -> None:
    value = _qr(_with(0, masked))
    assert (value.document, value.document_tail) == (None, tail)


def test_a_masked_birth_leaves_its_year() -> None:
    assert _qr(_with(2, "1950-**-**")).birth == BirthDate(1950)


@pytest.mark.parametrize(
    ("at", "value", "refusal", "message"),
    [
        (0, "", Refusal.BAD_NUMBER, "passport"),
        (0, "000150012345", Refusal.BAD_NUMBER, "citizen id"),
        (0, "0123456789", Refusal.BAD_NUMBER, "citizen id"),
        (1, "", Refusal.BAD_FIELD, "name"),
        (2, "1950-02-30", Refusal.IMPOSSIBLE_DATE, "date of birth"),
        (2, "1950-**-09", Refusal.IMPOSSIBLE_DATE, "without a month"),
        (2, "2026-03-06", Refusal.FUTURE_DATE, "date of birth"),
        (3, "2", Refusal.BAD_FIELD, "kind of declaration"),
        (4, "", Refusal.BAD_FIELD, "QID"),
        (4, "a b", Refusal.BAD_FIELD, "QID"),
        (4, "a" * 65, Refusal.BAD_FIELD, "QID"),
        (4, "a|1|x", Refusal.BAD_FIELD, "5 or 6 fields"),
        (4, "a|" + "<" * 16, Refusal.BAD_FIELD, "at most 16 parts, got 17"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(
    at: int, value: str, refusal: Refusal, message: str
) -> None:
    with pytest.raises(QrError, match=message) as refused:
        read_qr(_with(at, value), today=TODAY)
    assert refused.value.refusal is refusal


def test_sixteen_extensions_are_taken() -> None:
    assert _qr(f"{HEAD}|{'<' * 15}").qid == "QID0001a"


def test_the_parser_alone_refuses_a_birth_of_another_shape() -> None:
    with pytest.raises(QrError, match="YYYY-MM-DD"):
        PersonalQr.parse(_with(2, "09/02/1950"), today=TODAY)


def test_four_fields_are_refused() -> None:
    with pytest.raises(QrError, match="5 or 6 fields"):
        read_qr("|".join(FIELDS[:4]), today=TODAY)


def test_an_insurance_number_that_reads_as_a_phone_is_not_printed() -> None:
    value = _qr(HEAD)
    odd = PersonalQr(
        document=value.document,
        name=value.name,
        birth=value.birth,
        declared_by_other=False,
        qid=value.qid,
        insurance=Identifier(IdentifierKind.INSURANCE, "0812345678"),
    )
    assert _qr(odd.to_text()) == value


@st.composite
def personal(draw: st.DrawFn) -> PersonalQr:
    other = draw(st.booleans())
    masked = draw(st.booleans())
    born = draw(st.dates(date(1900, 1, 1), TODAY))
    known = draw(st.integers(1, 3))
    insurance = draw(
        st.none() | st.from_regex(r"[A-Z]{2}[1-5][0-9]{12}|01[0-9]{8}", fullmatch=True)
    )
    return PersonalQr(
        document=None if masked else Identifier(
            IdentifierKind.OLD_CITIZEN_ID, draw(st.from_regex(r"[0-9]{9}", fullmatch=True))
        ),
        document_tail=draw(st.from_regex(r"[A-Z0-9]{0,6}", fullmatch=True)) if masked else "",
        name=draw(st.from_regex(r"[A-Z]{1,7}( [A-Z]{1,7}){0,5}", fullmatch=True)),
        birth=BirthDate(*(born.year, born.month, born.day)[:known]),
        declared_by_other=other,
        qid=draw(st.from_regex(r"[A-Za-z0-9]{1,64}", fullmatch=True)),
        sex=draw(st.none() | st.sampled_from(Sex)),
        insurance=Identifier(IdentifierKind.INSURANCE, insurance) if insurance else None,
        phone=draw(st.none() | st.from_regex(r"0[35789][0-9]{8}", fullmatch=True)),
        declarer_qid=draw(st.from_regex(r"[a-z]{8,64}", fullmatch=True)) if other else None,
    )  # fmt: skip


@given(personal())
def test_what_is_printed_is_read_again(value: PersonalQr) -> None:
    assert read_qr(value.to_text(), today=TODAY) == value
