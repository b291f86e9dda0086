"""Names: folded, in Vietnamese order, found by their words, compared for duplicates."""

import random
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from telehealth.people.names import (
    Similarity,
    fold,
    given_name,
    matches,
    query_terms,
    search_terms,
    similarity,
    sort_key,
    whole_term,
    within_one_edit,
    words,
)

SYLLABLES = st.sampled_from(
    ["Nguyễn", "Trần", "Lê", "Đỗ", "Văn", "Thị", "Ngọc", "An", "Ân", "Anh", "Bưởi", "Hòa", "Ê", "Y"]
)
NAMES = st.lists(SYLLABLES, min_size=1, max_size=5).map(" ".join)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Nguyễn Văn Đông", "nguyen van dong"),
        ("  TRẦN\tTHỊ  BƯỞI ", "tran thi buoi"),
        ("ÐẶNG", "dang"),
        ("H'Hen Niê", "hhen nie"),
        ("H’Hen Niê", "hhen nie"),
        ("Y-Moan Ênuôl", "y moan enuol"),
        ("Lê (Tư)", "le tu"),
        ("ＡＮ", "an"),
        ("ắằẳẵặ ớờởỡợ ứừửữự", "aaaaa ooooo uuuuu"),
        ("...", ""),
        ("", ""),
    ],
)
def test_a_name_is_folded_to_plain_small_words(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(unicodedata.normalize("NFD", text)) == folded
    assert words(text) == tuple(folded.split())


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert all(c.isalnum() or c == " " for c in once)


def test_the_given_name_is_the_last_word_as_written() -> None:
    assert given_name("Nguyễn Văn Đông ") == "Đông"
    assert given_name("Bưởi") == "Bưởi"
    assert given_name(" ") == ""


DICTIONARY = """
    a à ả ã á ạ an àn anh ánh ăn ắn ân ấn ba bà bả bã bá bạ ca da đa đà e ê ế ga ha hai hài hải hại
    hang hàng hanh i la ma na o ô ố ơ ớ pa qua ra sa ta u ư ứ va xa y ý
"""


def test_words_stand_as_in_a_vietnamese_dictionary() -> None:
    """Vũ Xuân Lương, rules 1, 2, 4.1 and 4.2: letters first, then tones."""
    entries = DICTIONARY.split()
    shuffled = random.Random(7).sample(entries, len(entries))  # noqa: S311 - no secret
    assert sorted(shuffled, key=sort_key) == entries


def test_names_stand_by_given_then_middle_then_family_name() -> None:
    ordered = [
        "An",
        "Lê An",
        "Trần An",
        "Lê Bảo An",
        "Trần Bảo An",
        "Lê Bảo Ngọc An",
        "Lê Thị An",
        "Nguyễn Thị An",
        "Lê Văn Anh",
        "Lê Văn Ân",
        "Bảo",
        "An Bảo",
        "Vũ Đình Dũng",
        "Bùi Văn Đông",
        "Đỗ Văn Đông",
    ]
    backwards = ordered[::-1]
    assert sorted(backwards, key=sort_key) == ordered


def test_where_a_tone_is_written_does_not_change_the_order() -> None:
    assert sort_key("Hòa") == sort_key("Hoà")
    assert sorted(["Hoá", "Hoả", "Hòa", "Hoa"], key=sort_key) == ["Hoa", "Hòa", "Hoả", "Hoá"]


def test_case_composition_and_signs_do_not_change_the_order() -> None:
    assert sort_key("ĐỖ VĂN ÂN") == sort_key(unicodedata.normalize("NFD", "Đỗ Văn Ân"))
    assert sort_key("H'Hen") == sort_key("HHen")


def test_foreign_letters_have_a_place() -> None:
    assert sorted(["Żak", "Zoe", "Wu", "Иван", "Fay", "Ève", "Nuñez", "Nup"], key=sort_key) == [
        "Ève",
        "Fay",
        "Nuñez",
        "Nup",
        "Wu",
        "Żak",
        "Zoe",
        "Иван",
    ]


@given(st.lists(st.text(max_size=20), max_size=6))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    ordered = sorted(names, key=sort_key)
    assert [sort_key(name) for name in ordered] == sorted(sort_key(name) for name in names)


def test_a_name_stands_under_words_beginnings_pairs_and_its_whole() -> None:
    assert search_terms("Nguyễn Văn Á") == {
        "nguyen", "van", "a", "^ng", "^va", "nguyen van", "a nguyen", "a van", "=nguyen van a",
    }  # fmt: skip


def test_a_word_of_two_letters_is_its_own_beginning() -> None:
    assert search_terms("An") == {"an", "^an", "=an"}
    assert search_terms("Y") == {"y", "=y"}


def test_a_word_that_comes_twice_makes_a_pair_with_itself() -> None:
    assert search_terms("Lan Lan") == {"lan", "^la", "lan lan", "=lan lan"}


def test_a_name_without_a_letter_stands_nowhere() -> None:
    assert search_terms(" .- ") == frozenset()


def test_a_very_long_name_has_bounded_terms() -> None:
    long = " ".join(f"w{i:02}x" for i in range(40))
    terms = search_terms(long)
    assert len(terms) == 12 + 2 + 66 + 1
    assert "w11x" in terms
    assert "w12x" not in terms
    assert whole_term(long) in terms


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("", []),
        ("-", []),
        ("a", [{"a"}]),
        ("an", [{"^an"}]),
        ("an ", [{"an"}]),
        ("Ngữ", [{"^ng"}]),
        ("nguyen a", [{"a nguyen"}]),
        ("nguyen va", [{"nguyen"}, {"^va"}]),
        ("van nguyen ", [{"nguyen van"}]),
        ("nguyen van an", [{"nguyen van"}, {"^an"}]),
        ("nguyen van an ", [{"an nguyen"}, {"an van"}, {"nguyen van"}]),
        ("a " * 12, [{"a a"}]),
        ("a " * 13, []),
        ("a " * 11 + "an", [{"a a"}, {"^an"}]),
        ("a " * 12 + "an", []),
    ],
)
def test_a_query_is_its_whole_words_and_perhaps_a_beginning(
    text: str, groups: list[set[str]]
) -> None:
    assert query_terms(text) == groups


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("an", True),
        ("nguyen an", True),
        ("NGUYỄN VĂN AN", True),
        ("an nguyễn", True),
        ("nguyen v", False),
        ("nguyen va", True),
        ("ngu", True),
        ("ngu ", False),
        ("ngx", False),
        ("van van", False),
        ("nguyen van anh", False),
        ("nguyen van an binh", False),
        ("", False),
        (".", False),
    ],
)
def test_a_name_answers_whole_words_in_any_order_and_one_beginning(text: str, found: bool) -> None:
    assert matches(text, "Nguyễn Văn An") is found


def test_a_beginning_needs_a_word_of_its_own() -> None:
    assert matches("an an", "Lê An Anh")
    assert not matches("an an", "Lê An")


@given(NAMES, st.data())
def test_whoever_answers_a_query_stands_under_each_of_its_groups(
    name: str, data: st.DataObject
) -> None:
    typed = data.draw(NAMES | st.permutations(name.split()).map(" ".join))
    text = typed[: data.draw(st.integers(0, len(typed)))] + data.draw(st.sampled_from(["", " "]))
    if matches(text, name):
        terms = search_terms(name)
        assert query_terms(text)
        assert all(group & terms for group in query_terms(text))


@given(NAMES, st.data())
def test_a_name_is_found_by_any_of_its_words_and_any_beginning_of_two_letters(
    name: str, data: st.DataObject
) -> None:
    word = data.draw(st.sampled_from(name.split()))
    assert matches(f"{word} ", name)
    assume(len(word) >= 2)
    assert matches(word[: data.draw(st.integers(2, len(word)))], name)


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        ("Nguyễn Văn An", "NGUYEN VAN AN", Similarity.SAME_WORDS),
        ("Nguyễn Văn An", "An Nguyễn Văn", Similarity.SAME_WORDS),
        ("Nguyễn Văn Hùng", "Nguyễn Văn Hưng", Similarity.SAME_WORDS),
        ("Nguyễn Văn An", "Nguyễn Văn Anh", Similarity.ONE_EDIT),
        ("Nguyễn Văn An", "Nguyễn Văn Ấm", Similarity.ONE_EDIT),
        ("Nguyễn Văn An", "Nugyễn Văn An", Similarity.ONE_EDIT),
        ("Nguyễn Văn An", "Nguyễn An", Similarity.DIFFERENT),
        ("Nguyễn Văn An", "Nguyễn Văn Ánhh", Similarity.DIFFERENT),
        ("Nguyễn Văn An", "Nguyễm Văm An", Similarity.DIFFERENT),
        ("Lan Lan", "Lan", Similarity.DIFFERENT),
        ("Lan Lan", "Lan Lam", Similarity.ONE_EDIT),
        ("", "", Similarity.DIFFERENT),
        ("An", "", Similarity.DIFFERENT),
    ],
)
def test_two_names_are_alike_by_their_words_or_one_letter(
    one: str, other: str, how: Similarity
) -> None:
    assert similarity(one, other) is how
    assert similarity(other, one) is how


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("abcd", "abcd", True),
        ("abcd", "bacd", True),
        ("abcd", "abdc", True),
        ("abcd", "bace", False),
        ("abcd", "badc", False),
        ("abcd", "acd", True),
        ("abcd", "abc", True),
        ("abcd", "cd", False),
        ("abcd", "xbcd", True),
        ("abcd", "abcx", True),
        ("a", "", True),
        ("ab", "", False),
    ],
)
def test_one_letter_added_missing_changed_or_swapped_is_near(
    one: str, other: str, near: bool
) -> None:
    assert within_one_edit(one, other) is near
    assert within_one_edit(other, one) is near


def _damerau(one: str, other: str) -> int:
    """Return the distance by the textbook's table, to check the short way against."""
    row: dict[tuple[int, int], int] = {}
    for i in range(len(one) + 1):
        for j in range(len(other) + 1):
            if i == 0 or j == 0:
                row[i, j] = i + j
                continue
            change = row[i - 1, j - 1] + (one[i - 1] != other[j - 1])
            row[i, j] = min(row[i - 1, j] + 1, row[i, j - 1] + 1, change)
            if i > 1 and j > 1 and one[i - 2 : i] == other[j - 2 : j][::-1]:
                row[i, j] = min(row[i, j], row[i - 2, j - 2] + 1)
    return row[len(one), len(other)]


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_one_edit_is_a_damerau_distance_of_at_most_one(one: str, other: str) -> None:
    assert within_one_edit(one, other) == (_damerau(one, other) <= 1)
