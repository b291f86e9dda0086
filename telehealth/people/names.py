"""Vietnamese names: compared without accents, sorted by given name, found by their words.

Pure. The order is that of Vietnamese dictionaries (Vũ Xuân Lương, "Quy tắc sắp xếp đơn vị từ
vựng trong từ điển tiếng Việt", rules 1, 2 and 4): the letters of a word first, then its tones.
The search terms are what is hashed into the index: they narrow, `matches` decides.
"""

import unicodedata
from collections import Counter
from enum import StrEnum
from itertools import combinations
from typing import Final

MAX_WORDS: Final = 12
"""Words beyond are not indexed; a name of 12 words makes 66 pairs."""
PREFIX_CHARS: Final = 2

_ALPHABET: Final = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_LETTER_RANK: Final = {letter: rank for rank, letter in enumerate(_ALPHABET)}
_TONES: Final = ("\N{COMBINING GRAVE ACCENT}", "\N{COMBINING HOOK ABOVE}", "\N{COMBINING TILDE}",
                 "\N{COMBINING ACUTE ACCENT}", "\N{COMBINING DOT BELOW}")  # fmt: skip
"""Huyền, hỏi, ngã, sắc, nặng; no mark, ngang, comes before them all."""
_TONE_RANK: Final = {mark: rank for rank, mark in enumerate(_TONES, start=1)}
_D_WITH_STROKE: Final = str.maketrans("đð", "dd")
_APOSTROPHES: Final = str.maketrans("", "", "'’‘ʼ`´")
"""Inside a word, as in H'Hen: typed with, without, or as another of them."""

WordKey = tuple[tuple[int, ...], tuple[int, ...]]
SortKey = tuple[WordKey, tuple[WordKey, ...], WordKey]


class Similarity(StrEnum):
    """How near two names are, for the coordinator who looks at possible duplicates."""

    SAME_WORDS = "same_words"
    """The same words without accents, in whatever order."""
    ONE_EDIT = "one_edit"
    """One word differs by one letter: added, missing, changed, or swapped with its neighbour."""
    DIFFERENT = "different"


def fold(text: str) -> str:
    """Return text as it is compared: small letters without accents, đ as d, single spaces.

    Apostrophes vanish and every other sign separates, so a folded name is words of letters and
    digits. Folding twice changes nothing.
    """
    marked = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES))
    small = unicodedata.normalize("NFKD", _bare(marked).casefold())
    folded = _bare(small).translate(_D_WITH_STROKE).translate(_APOSTROPHES)
    return " ".join("".join(c if c.isalnum() else " " for c in folded).split())


def _bare(text: str) -> str:
    return "".join(c for c in text if not unicodedata.category(c).startswith("M"))


def words(name: str) -> tuple[str, ...]:
    """Return the folded words of a name in their order; empty when it has none."""
    return tuple(fold(name).split())


def given_name(name: str) -> str:
    """Return the last word as it is written, by which Vietnamese people are called."""
    parts = name.split()
    return parts[-1] if parts else ""


def sort_key(name: str) -> SortKey:
    """Return the key of Vietnamese order: the given name, then the middle, then the family name."""
    parts = [_word_key(part) for part in name.split()]
    nothing: WordKey = ((), ())
    given = parts[-1] if parts else nothing
    family = parts[0] if len(parts) > 1 else nothing
    return given, tuple(parts[1:-1]), family


def _word_key(word: str) -> WordKey:
    """Return ranks of the letters, then of its tones: `hang` < `hàng` < `hanh`.

    Where in the word a tone stands does not matter: `hòa` and `hoà` are one word.
    """
    letters: list[int] = []
    tones: list[int] = []
    for character in unicodedata.normalize("NFC", word).casefold():
        marks = unicodedata.normalize("NFD", character)
        tone = next((mark for mark in marks[1:] if mark in _TONE_RANK), "")
        letter = unicodedata.normalize("NFC", marks.replace(tone, "", 1) if tone else marks)
        if letter not in _LETTER_RANK:
            letter = marks[0]
        if letter.isalnum():
            letters.append(_LETTER_RANK.get(letter, len(_ALPHABET) + ord(letter)))
        if tone:
            tones.append(_TONE_RANK[tone])
    return tuple(letters), tuple(tones)


def search_terms(name: str) -> frozenset[str]:
    """Return every term under which a name stands in the index.

    Four sorts that cannot be confused, since folded words hold letters and digits only: a word
    `van`; the first two letters of a word `^va`; two words in alphabetical order `nguyen van`;
    the whole folded name `=nguyen van a`. Empty for a name without a letter.
    """
    found = words(name)[:MAX_WORDS]
    if not found:
        return frozenset()
    prefixes = {_prefix(word) for word in found if len(word) >= PREFIX_CHARS}
    return frozenset({*found, *prefixes, *_pairs(found), whole_term(name)})


def whole_term(name: str) -> str:
    """Return the term of the whole name, the rarest of all."""
    return f"={fold(name)}"


def query_terms(text: str) -> list[frozenset[str]]:
    """Return groups of terms: a name that answers the text stands under one of each group.

    Each word is meant whole, in any order; the last may be the beginning of a word when it has
    two letters or more and no space follows it. Two whole words or more are looked up by their
    pairs, which are rarer. The groups narrow and may let others through: ask `matches`.

    Returns:
        An empty list when the text has no letter or digit, or more words than are indexed.
    """
    whole, beginning = _read(text)
    if len(whole) + bool(beginning) > MAX_WORDS:
        return []
    groups = [frozenset({pair}) for pair in sorted(_pairs(whole))]
    if len(whole) == 1:
        groups.append(frozenset(whole))
    if beginning:
        groups.append(frozenset({_prefix(beginning)}))
    return groups


def matches(text: str, name: str) -> bool:
    """Say whether a name answers what was typed; see `query_terms`."""
    whole, beginning = _read(text)
    left = Counter(words(name)[:MAX_WORDS])
    if not (whole or beginning) or Counter(whole) - left:
        return False
    return any(word.startswith(beginning) for word in left - Counter(whole)) if beginning else True


def _read(text: str) -> tuple[tuple[str, ...], str]:
    """Return the whole words typed, and what may be the beginning of one more."""
    found = words(text)
    ended = text[-1:].isspace()
    if not found or ended or len(found[-1]) < PREFIX_CHARS:
        return found, ""
    return found[:-1], found[-1]


def _prefix(word: str) -> str:
    return f"^{word[:PREFIX_CHARS]}"


def _pairs(found: tuple[str, ...]) -> set[str]:
    return {" ".join(sorted(pair)) for pair in combinations(found, 2)}


def similarity(one: str, other: str) -> Similarity:
    """Compare two names for being one person's, without accents and in any order of words.

    A name without a letter is like no other.
    """
    mine, theirs = Counter(words(one)), Counter(words(other))
    if not mine or not theirs:
        return Similarity.DIFFERENT
    only_mine, only_theirs = list((mine - theirs).elements()), list((theirs - mine).elements())
    if not only_mine and not only_theirs:
        return Similarity.SAME_WORDS
    if len(only_mine) == len(only_theirs) == 1 and within_one_edit(only_mine[0], only_theirs[0]):
        return Similarity.ONE_EDIT
    return Similarity.DIFFERENT


def within_one_edit(one: str, other: str) -> bool:
    """Say whether one insertion, deletion, change or swap of neighbours makes them equal.

    That is a Damerau distance of at most 1.
    """
    short, long = sorted((one, other), key=len)
    at = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) != len(long):
        return len(long) == len(short) + 1 and short[at:] == long[at + 1 :]
    swapped = long[at : at + 2][::-1] == short[at : at + 2]
    return short[at + 1 :] == long[at + 1 :] or (swapped and short[at + 2 :] == long[at + 2 :])
