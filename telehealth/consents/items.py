"""What a person is asked, item by item, in words that are versioned and never edited. Pure.

A consent names one purpose, is ticked by the person, and nothing is ticked beforehand (Law 91/2025
art. 9; Decree 356/2025). What was shown is proven by the SHA-256 of the words: a change of a text
is a new version in `telehealth.consents.texts`, and the old one stays readable there.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from telehealth.errors import NotFoundError

LOCALES: Final = ("vi", "en")


class Item(StrEnum):
    """One purpose; each is given and withdrawn by itself."""

    MONITORING = "monitoring"
    VIDEO_CALL = "video_call"
    RECORDING = "recording"
    POSITION = "position"
    SHARE_HOSPITAL = "share_hospital"
    SHARE_AUTHORITY = "share_authority"
    """A duty by law, told and not asked: it is no consent, so it cannot be ticked or withdrawn."""
    RESEARCH_STATISTICS = "research_statistics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One item in one language."""

    title: str
    what: str
    who: str
    kept: str
    refusing: str
    """What happens, and what does not, when the person says no."""

    @property
    def shown(self) -> str:
        """Return the whole text as it is shown, one line each: what the proof is made of."""
        return "\n".join((self.title, self.what, self.who, self.kept, self.refusing))


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemText:
    """One version of an item."""

    item: Item
    version: str
    effective: date
    """The first day on which it is shown."""
    vi: Words
    en: Words
    asked: bool = True
    """False: it is told, because the law says so, and nobody is asked."""

    def words(self, locale: str) -> Words:
        """Return the words in a language; an unknown one is Vietnamese."""
        return self.en if locale == "en" else self.vi

    def sha256(self, locale: str) -> bytes:
        """Return what proves which words were shown."""
        return hashlib.sha256(self.words(locale).shown.encode()).digest()


def current(texts: Sequence[ItemText], on: date) -> list[ItemText]:
    """Return the version of each item that holds on a day, in the order of `Item`."""
    found: dict[Item, ItemText] = {}
    for text in sorted(texts, key=lambda text: text.effective):
        if text.effective <= on:
            found[text.item] = text
    return [found[item] for item in Item if item in found]


def version_of(texts: Sequence[ItemText], item: Item, version: str) -> ItemText:
    """Return a text by its version, however old.

    Raises:
        NotFoundError: no such version.
    """
    for text in texts:
        if (text.item, text.version) == (item, version):
            return text
    raise NotFoundError(f"no version {version} of {item}")
