"""Our own QR texts: check characters that find mistakes, and addresses without surprises."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.qr import (
    GatewayEnrolQr,
    PatientEnrolQr,
    PersonCardQr,
    QrError,
    Refusal,
    own,
    read_qr,
)

TODAY = date(2026, 3, 5)
REFERENCE = "MFRGGZDFMZTWQ2LK"
CODE = "4F7K-0000-AAAA-ZZZZ"
references = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=32)


@pytest.mark.parametrize(
    ("text", "check"), [("G123498654321", "H"), ("", "1"), ("A", "I"), ("1", "*")]
)
def test_the_check_character_is_that_of_iso_7064(text: str, check: str) -> None:
    """ISO 7064 MOD 37-2; the first is the worked example of ISBT 128."""
    assert own.check_character(text) == check


def test_a_person_card_is_read() -> None:
    text = PersonCardQr(REFERENCE).to_text()
    assert text.startswith(f"TH1|{REFERENCE}|")
    assert read_qr(text, today=TODAY) == PersonCardQr(REFERENCE)
    assert read_qr(text.lower() + "\r\n", today=TODAY) == PersonCardQr(REFERENCE)


@given(references, st.data())
def test_one_wrong_character_on_a_card_is_found(reference: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(reference) - 1))
    wrong = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
    changed = reference[:at] + wrong + reference[at + 1 :]
    text = f"TH1|{changed}|{own.check_character(reference)}"
    if changed == reference:
        assert read_qr(text, today=TODAY) == PersonCardQr(reference)
        return
    with pytest.raises(QrError) as refused:
        read_qr(text, today=TODAY)
    assert refused.value.refusal is Refusal.WRONG_CHECK


@given(references, st.data())
def test_two_swapped_neighbours_on_a_card_are_found(reference: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(reference) - 2))
    swapped = reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :]
    same = own.check_character(swapped) == own.check_character(reference)
    assert same == (swapped == reference)


@pytest.mark.parametrize(
    "text",
    [
        "TH1|",
        f"TH1|{REFERENCE}",
        f"TH1|{REFERENCE}|A|B",
        f"TH1|{REFERENCE[:15]}|{own.check_character(REFERENCE[:15])}",
        f"TH1|{REFERENCE * 2}A|{own.check_character(REFERENCE * 2 + 'A')}",
        f"TH1|{REFERENCE[:15]}0|{own.check_character(REFERENCE[:15] + '0')}",
    ],
)
def test_a_card_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(QrError) as refused:
        read_qr(text, today=TODAY)
    assert refused.value.refusal is Refusal.BAD_FIELD


@pytest.mark.parametrize(
    "origin",
    [
        "https://f0.example.vn",
        "https://f0.example.vn:8443",
        "http://127.0.0.1:8080",
        "https://[::1]:65535",
        "http://localhost",
    ],
)
def test_both_enrolments_are_read_and_told_apart(origin: str) -> None:
    assert read_qr(f"{origin}/enrol#{CODE}", today=TODAY) == PatientEnrolQr(origin, CODE)
    gateway = f"telehealth-enrol:{origin}#{CODE}"
    assert read_qr(gateway, today=TODAY) == GatewayEnrolQr(origin, CODE)
    assert PatientEnrolQr(origin, CODE).to_text() == f"{origin}/enrol#{CODE}"
    assert GatewayEnrolQr(origin, CODE).to_text() == gateway


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "f0.example.vn",
        "javascript://f0.example.vn",
        "https://",
        "https://f0.example.vn/",
        "https://f0.example.vn/a",
        "https://user@f0.example.vn",
        "https://user:word@f0.example.vn",
        "https://f0.example.vn?x",
        "https://f0.example.vn:0",
        "https://f0.example.vn:65536",
        "https://f0_.example.vn",
        "https://-f0.example.vn",
        "https://f0..example.vn",
        "https://фо.example.vn",
        "https://" + "a" * 64 + ".vn",
    ],
)
@pytest.mark.parametrize("form", ["telehealth-enrol:{}#{}", "{}/enrol#{}"])
def test_an_origin_is_scheme_host_and_port_only(form: str, origin: str) -> None:
    with pytest.raises(QrError) as refused:
        read_qr(form.format(origin, CODE), today=TODAY)
    assert refused.value.refusal in {Refusal.BAD_FIELD, Refusal.UNKNOWN}


@pytest.mark.parametrize(
    "code", ["", "abc", "a" * 129, "-abcd", "abcd-", "ab cd", "ab#cd", "ab/cd"]
)
@pytest.mark.parametrize("form", ["telehealth-enrol:{}#{}", "{}/enrol#{}"])
def test_a_code_of_another_shape_is_refused(form: str, code: str) -> None:
    with pytest.raises(QrError):
        read_qr(form.format("https://f0.example.vn", code), today=TODAY)


@pytest.mark.parametrize("code", ["abcd", "a" * 128])
def test_the_shortest_and_the_longest_code_are_taken(code: str) -> None:
    text = f"https://f0.example.vn/enrol#{code}"
    assert read_qr(text, today=TODAY) == PatientEnrolQr("https://f0.example.vn", code)


def test_each_parser_refuses_the_text_of_another() -> None:
    with pytest.raises(QrError, match="telehealth-enrol:"):
        GatewayEnrolQr.parse(f"https://f0.example.vn/enrol#{CODE}")
    with pytest.raises(QrError, match="origin"):
        PatientEnrolQr.parse(f"telehealth-enrol:https://f0.example.vn#{CODE}")
    with pytest.raises(QrError, match="person card"):
        PersonCardQr.parse(f"TH2|{REFERENCE}|{own.check_character(REFERENCE)}")
