"""How places are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telehealth.people import places_words as words


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Xã Việt Lâm", "xã"),
        ("Thị trấn Vị Xuyên", "thị trấn"),
        ("Đặc khu Phú Quốc", "đặc khu"),
        ("Thành phố Huế", "thành phố"),
        ("Xãm", ""),
        ("Việt Nam", ""),
    ],
)
def test_the_kind_is_the_first_word_of_the_name(name: str, kind: str) -> None:
    assert words.kind_of(name) == kind


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("TP. HCM", "thanh pho ho chi minh"),
        ("tphcm", "thanh pho ho chi minh"),
        ("P.5", "phuong 5"),
        ("p12", "phuong 12"),
        ("Q1", "quan 1"),
        ("Phường 05", "phuong 5"),
        ("00004", "00004"),
        ("H. Vị Xuyên", "huyen vi xuyen"),
        ("TX Hồng Lĩnh", "thi xa hong linh"),
        ("p", "p"),
        ("H'Leo", "hleo"),
        ("  ", ""),
    ],
)
def test_short_kinds_are_read_in_full(typed: str, meant: str) -> None:
    assert words.spoken(typed) == meant


def test_a_name_is_found_with_its_kind_without_it_and_with_an_outdated_one() -> None:
    assert "xa viet lam" in words.full_names("Việt Lâm")
    assert "xa viet lam" in words.full_names("xã Việt Lâm")
    assert "phuong viet lam" not in words.full_names("xã Việt Lâm")
    assert "phuong viet lam" in words.loose_names("xã Việt Lâm")
    assert words.full_names("") == words.loose_names(" ") == []


def test_only_the_first_kind_is_taken_off() -> None:
    assert words.bare("xa phuong thinh") == "phuong thinh"


@pytest.mark.parametrize(
    ("said", "lies"),
    [
        (["Vị Xuyên", "Hà Giang"], True),
        (["Hà Giang"], True),
        ([], True),
        (["Hà Giang", "Vị Xuyên"], False),
        (["huyện Vị Xuyên", "Tuyên Quang"], False),
        (["Vị Xuyên", "Vị Xuyên"], False),
    ],
)
def test_the_places_above_are_named_in_their_order(said: list[str], lies: bool) -> None:
    assert words.lies_in(["huyen vi xuyen", "tinh ha giang"], said) is lies


def test_numbers_are_listed_by_their_size_and_kinds_do_not_count() -> None:
    listed = sorted(["Phường 10", "Xã An Phú", "Phường 2", "Phường An Phú"], key=words.sort_key)
    assert listed == ["Phường 2", "Phường 10", "Phường An Phú", "Xã An Phú"]


@given(st.lists(st.text(max_size=20), max_size=6, unique=True))
def test_the_order_of_any_names_does_not_depend_on_how_they_came(names: list[str]) -> None:
    backwards = names[::-1]
    assert sorted(names, key=words.sort_key) == sorted(backwards, key=words.sort_key)
