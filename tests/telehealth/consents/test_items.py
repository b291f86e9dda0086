"""The texts of consent: plain, in two languages, versioned, never edited (Law 91/2025 art. 9)."""

import hashlib
from dataclasses import replace
from datetime import date

import pytest

from telehealth.consents.items import Item, ItemText, current, version_of
from telehealth.consents.texts import MONITORING, TEXTS
from telehealth.errors import NotFoundError

PUBLISHED = {
    ("monitoring", "2026-1", "vi"): "38d533217e50f9d4",
    ("monitoring", "2026-1", "en"): "02447806329fba96",
    ("video_call", "2026-1", "vi"): "b334a72b05e79f00",
    ("video_call", "2026-1", "en"): "f16e4a5ed582560d",
    ("recording", "2026-1", "vi"): "be1a1d0f8e641f0c",
    ("recording", "2026-1", "en"): "e62260504ceb7662",
    ("position", "2026-1", "vi"): "0fda7f2174837004",
    ("position", "2026-1", "en"): "f46dab61bcfe57e5",
    ("share_hospital", "2026-1", "vi"): "d754b0095f0585af",
    ("share_hospital", "2026-1", "en"): "451fb6f891b1dc4a",
    ("share_authority", "2026-1", "vi"): "156beaf1e8498b3d",
    ("share_authority", "2026-1", "en"): "294464411854ced6",
    ("research_statistics", "2026-1", "vi"): "de03783177847288",
    ("research_statistics", "2026-1", "en"): "3d3ac19359523fb4",
}
"""First 16 hex digits of each published text. A changed one belongs under a new version."""
LONGEST_SENTENCE_WORDS = 45


def test_a_published_text_is_never_edited() -> None:
    found = {
        (text.item.value, text.version, locale): text.sha256(locale).hex()[:16]
        for text in TEXTS
        for locale in ("vi", "en")
    }
    assert found == PUBLISHED


def test_every_item_has_a_text_today_and_each_version_exists_once() -> None:
    assert [text.item for text in current(TEXTS, date(2026, 6, 1))] == list(Item)
    versions = [(text.item, text.version) for text in TEXTS]
    assert len(versions) == len(set(versions))


def test_only_the_report_by_law_is_told_and_not_asked() -> None:
    assert [text.item for text in TEXTS if not text.asked] == [Item.SHARE_AUTHORITY]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.item.value)
def test_every_part_is_said_in_both_languages_in_short_sentences(text: ItemText) -> None:
    for words in (text.vi, text.en):
        parts = words.shown.split("\n")
        assert len(parts) == 5
        assert all(part.strip() for part in parts)
        sentences = words.shown.replace("\n", ". ").split(". ")
        assert max(len(sentence.split()) for sentence in sentences) <= LONGEST_SENTENCE_WORDS
    assert text.vi.shown != text.en.shown


def test_the_proof_is_the_digest_of_what_was_shown() -> None:
    shown = MONITORING.words("en").shown
    assert MONITORING.sha256("en") == hashlib.sha256(shown.encode()).digest()
    assert MONITORING.words("fr") == MONITORING.vi


@pytest.mark.parametrize(
    ("day", "version"), [(date(2027, 1, 31), "2026-1"), (date(2027, 2, 1), "2")]
)
def test_a_new_version_holds_from_its_day_and_the_old_one_stays_readable(
    day: date, version: str
) -> None:
    newer = replace(MONITORING, version="2", effective=date(2027, 2, 1))
    texts = (newer, *TEXTS)
    assert current(texts, day)[0].version == version
    assert version_of(texts, Item.MONITORING, "2026-1") == MONITORING


def test_before_the_first_day_nothing_is_shown_and_an_unknown_version_is_no_text() -> None:
    assert current(TEXTS, date(2025, 12, 31)) == []
    with pytest.raises(NotFoundError):
        version_of(TEXTS, Item.MONITORING, "1999-1")
