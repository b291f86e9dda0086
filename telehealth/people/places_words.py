"""How places are called: kinds of unit, how they are shortened, and when two names are the same.

Pure. Kinds are those of the Law on Organisation of Local Government (Luật 72/2025/QH15 art. 1,
and before it Luật 77/2015/QH13 art. 2). Everything here is folded text (`names.fold`).
"""

import re
from collections.abc import Sequence
from typing import Final

from telehealth.people.names import fold

KINDS: Final = (
    "tỉnh", "thành phố", "quận", "huyện", "thị xã", "thị trấn", "phường", "xã", "đặc khu",
)  # fmt: skip
_FOLDED_KINDS: Final = tuple(fold(kind) for kind in KINDS)
_SHORT: Final = {
    "tp": "thanh pho",
    "tx": "thi xa",
    "tt": "thi tran",
    "p": "phuong",
    "q": "quan",
    "h": "huyen",
    "x": "xa",
    "t": "tinh",
    "dk": "dac khu",
}
_SPOKEN: Final = {"hcm": "ho chi minh", "hn": "ha noi", "brvt": "ba ria vung tau"}
_NUMBERED: Final = re.compile(r"(tp|p|q)(hcm|hn|[0-9]{1,2})")
"""P12, Q1, TPHCM: short kind and name without a space."""
_ZEROS: Final = re.compile(r"\b0(?=[1-9]\b)")
"""Phường 05 is Phường 5; the zeros of a code stay."""
_DIGITS: Final = re.compile(r"([0-9]+)")


def kind_of(name: str) -> str:
    """Return the kind that a name begins with, or nothing."""
    small = name.casefold()
    return next((kind for kind in KINDS if small.startswith(kind + " ")), "")


def spoken(text: str) -> str:
    """Return text as a folded name would stand: short kinds and well-known short names in full."""
    words = fold(text).split()
    if words and (fused := _NUMBERED.fullmatch(words[0])):
        words[:1] = fused.groups()
    if len(words) > 1:
        words[0] = _SHORT.get(words[0], words[0])
    return _ZEROS.sub("", " ".join(_SPOKEN.get(word, word) for word in words))


def bare(folded: str) -> str:
    """Return a folded name without the word of its kind."""
    for kind in _FOLDED_KINDS:
        if folded.startswith(kind + " "):
            return folded[len(kind) + 1 :]
    return folded


def full_names(text: str) -> list[str]:
    """Return the folded names that a text names in full, whether or not it says the kind."""
    named = spoken(text)
    return [named, *(f"{kind} {named}" for kind in _FOLDED_KINDS)] if named else []


def loose_names(text: str) -> list[str]:
    """Return the folded names that it may mean if the kind has changed since: a xã now a phường."""
    named = bare(spoken(text))
    return [named, *(f"{kind} {named}" for kind in _FOLDED_KINDS)] if named else []


def lies_in(chain: Sequence[str], names: Sequence[str]) -> bool:
    """Say whether folded names, from the smallest place up, answer larger places as people say.

    Args:
        chain: the folded names of the places above, the nearest first.
        names: what was said of them, the nearest first; some may be left out.
    """
    above = iter(chain)
    wanted = [{*full_names(name), *loose_names(name)} for name in names]
    return all(any(folded in one for folded in above) for one in wanted)


def sort_key(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return the key by which places are listed: without their kind, numbers by their size."""
    parts = _DIGITS.split(bare(fold(name)))
    return tuple(int(p) if i % 2 else p for i, p in enumerate(parts)), name
