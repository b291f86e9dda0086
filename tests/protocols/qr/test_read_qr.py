"""One reader for every QR text: whatever a scanner gives, a value or a clear refusal."""

import unicodedata
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.qr import BirthDate, CitizenCardQr, PersonCardQr, QrError, Refusal, read_qr

TODAY = date(2026, 3, 5)
CARD = "079150012345|023456789|Trần Thị Bưởi|09021950|Nữ|12 Lê Lợi|15042021"
ALL = [
    CARD,
    "079150012345|TRAN THI BUOI|1950-02-09|0|QID1|1<GD4790120878811<0943123456",
    "GD4790120878811|5472e1baa76e|09/02/1950|2|4e|79 - 024|01/01/2026|31/12/2026|$",
    "0120878811",
    PersonCardQr("MFRGGZDFMZTWQ2LK").to_text(),
    "https://f0.example.vn/enrol#4F7K",
    "telehealth-enrol:https://f0.example.vn#4F7K",
]


def _refusal(text: str | bytes) -> Refusal:
    with pytest.raises(QrError) as refused:
        read_qr(text, today=TODAY)
    return refused.value.refusal


@pytest.mark.parametrize("text", ALL)
@pytest.mark.parametrize("end", ["", "\r", "\n", "\r\n"])
def test_octets_and_line_ends_make_no_difference(text: str, end: str) -> None:
    assert read_qr((text + end).encode(), today=TODAY) == read_qr(text, today=TODAY)


def test_a_name_comes_out_in_nfc() -> None:
    card = read_qr(unicodedata.normalize("NFD", CARD), today=TODAY)
    assert isinstance(card, CitizenCardQr)
    assert card.name == unicodedata.normalize("NFC", "Trần Thị Bưởi")


def test_2048_characters_are_looked_at_and_one_more_is_not() -> None:
    assert _refusal("x" * 2_048) is Refusal.UNKNOWN
    assert _refusal("x" * 2_049) is Refusal.TOO_LONG
    assert _refusal("ễ".encode() * 2_048) is Refusal.UNKNOWN
    assert _refusal("ễ".encode() * 2_049) is Refusal.TOO_LONG


@pytest.mark.asvs("1.1.1")
def test_a_text_that_grows_beyond_the_limit_in_nfc_is_too_long() -> None:
    growing = "\N{MUSICAL SYMBOL HALF NOTE}" * 2_000
    assert len(unicodedata.normalize("NFC", growing)) > 2_048
    assert _refusal(growing) is Refusal.TOO_LONG


@pytest.mark.parametrize("text", ["1" * 10_240, b"1" * 10_240, CARD * 150, b"\xff" * 10_240])
def test_ten_kilobytes_are_too_long(text: str | bytes) -> None:
    assert _refusal(text) is Refusal.TOO_LONG


@pytest.mark.parametrize(
    "character",
    ["\x00", "\x1b", "\x7f", "\t", "\n", "\x85", "\u200b", "\u202e", "\ufeff", "\u2028", "\ue000"],
)
@pytest.mark.parametrize("at", [0, 30])
def test_control_characters_are_refused_anywhere(character: str, at: int) -> None:
    assert _refusal(CARD[:at] + character + CARD[at:]) is Refusal.NOT_TEXT


@pytest.mark.parametrize("text", [b"\xff\xfe1|2", CARD.encode("utf-16"), "\ud800"])
def test_what_is_not_utf_8_is_refused(text: str | bytes) -> None:
    assert _refusal(text) is Refusal.NOT_TEXT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "|",
        "|" * 100,
        "https://example.vn/",
        "https://example.vn/?a=/enrol",
        "WIFI:S:home;T:WPA;P:secret;;",
        "00020101021138570010A00000072701270006970436",
        '{"cccd": "079150012345"}',
        "079150012345|023456789|Trần Thị Bưởi",
        "TH2|MFRGGZDFMZTWQ2LK|A",
        "0943 123 456",
    ],
)
def test_any_other_text_is_unknown(text: str) -> None:
    assert _refusal(text) is Refusal.UNKNOWN


@pytest.mark.parametrize("text", ALL)
def test_no_refusal_repeats_what_stood_there(text: str) -> None:
    messages = []
    for at in range(len(text)):
        try:
            read_qr(text[:at], today=TODAY)
        except QrError as refused:
            messages.append(str(refused))
    told = "\n".join(messages)
    assert told
    assert not [said for said in ("0120878811", "079150012345", "BUOI", "4F7K") if said in told]


@given(st.text() | st.binary() | st.text("0123456789|/-<*ANamTH", max_size=80))
@example("|".join(["1" * 12] * 30))
def test_any_text_and_any_octets_are_a_value_or_a_decode_error(text: str | bytes) -> None:
    try:
        value = read_qr(text, today=TODAY)
    except DecodeError:
        return
    assert value == read_qr(text, today=TODAY)


@given(st.sampled_from(ALL), st.data())
def test_a_damaged_text_is_a_value_or_a_decode_error(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    gone = data.draw(st.integers(0, 8))
    put = data.draw(st.text(max_size=4) | st.text("0123456789|/-<*", max_size=4))
    try:
        read_qr(text[:at] + put + text[at + gone :], today=TODAY)
    except DecodeError:
        return


def test_a_birth_date_is_written_as_far_as_it_is_known() -> None:
    """ISO 8601-1:2019 §5.2.2, reduced precision."""
    assert [str(BirthDate(1950)), str(BirthDate(1950, 2)), str(BirthDate(1950, 2, 9))] == [
        "1950",
        "1950-02",
        "1950-02-09",
    ]
    assert BirthDate(1950).earliest == date(1950, 1, 1)
    assert BirthDate(1950, 2).earliest == date(1950, 2, 1)
