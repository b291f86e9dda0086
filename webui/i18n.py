"""Texts in two languages, Vietnamese first, from gettext catalogues compiled in memory at start.

A message id is either a dotted key (`level.red`), shared with the page scripts, or plain English.
`{name}` in a text is replaced by the value of that name. A missing text is the id itself, and a
test finds it (tests/webui/test_texts.py).
"""

import json
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent / "locale"
LOCALES = ("vi", "en")
DEFAULT = "vi"


class Texts:
    """One language."""

    def __init__(self, locale: str, messages: dict[str, str]) -> None:
        self.locale = locale
        self._messages = messages
        self.for_scripts = json.dumps(
            {key: text for key, text in messages.items() if is_key(key)},
            ensure_ascii=False,
            separators=(",", ":"),
        ).replace("<", "\\u003c")
        """JSON of all texts with a dotted key, safe inside a script element."""

    def t(self, message_id: str, **values: object) -> str:
        """Return the text with its values."""
        text = self._messages.get(message_id, message_id)
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def has(self, message_id: str) -> bool:
        """Whether the catalogue knows this id."""
        return message_id in self._messages

    def all(self) -> frozenset[str]:
        """Return every message id of the catalogue."""
        return frozenset(self._messages)

    def time(self, at_ms: int, zone: tzinfo) -> str:
        """Return the 24-hour local time."""
        return local(at_ms, zone).strftime("%H:%M")

    def day(self, at_ms: int, zone: tzinfo) -> str:
        """Return day and month in words of the language."""
        return format_date(
            local(at_ms, zone).date(), "d/M" if self.locale == "vi" else "d MMM", self.locale
        )

    def moment(self, at_ms: int, zone: tzinfo) -> str:
        """Return time and day."""
        return f"{self.time(at_ms, zone)} · {self.day(at_ms, zone)}"

    def age(self, at_ms: int | None, now_ms: int) -> str:
        """Return how long ago that was, in the largest unit that says enough."""
        if at_ms is None:
            return self.t("age.never")
        seconds = max(0, (now_ms - at_ms) // 1000)
        if seconds < 60:
            return self.t("age.now")
        if seconds < 3_600:
            return self.t("age.minutes", n=seconds // 60)
        if seconds < 172_800:
            return self.t("age.hours", n=seconds // 3_600)
        return self.t("age.days", n=seconds // 86_400)


def is_key(message_id: str) -> bool:
    """Whether an id is a dotted key, and so shared with the page scripts."""
    return "." in message_id and " " not in message_id and message_id == message_id.lower()


def local(at_ms: int, zone: tzinfo) -> datetime:
    """Return an instant on the place's clock."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)


@cache
def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of a place."""
    return ZoneInfo(name)


@cache
def texts(locale: str) -> Texts:
    """Return a language; an unknown one is Vietnamese."""
    if locale not in LOCALES:
        locale = DEFAULT
    messages: dict[str, str] = {}
    for path in sorted((FOLDER / locale / "LC_MESSAGES").glob("*.po")):
        with path.open("rb") as file:
            catalogue = read_po(file, locale=locale, abort_invalid=True)
        messages |= {str(e.id): str(e.string) for e in catalogue if e.id and e.string}
    return Texts(locale, messages)
