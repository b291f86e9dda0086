"""What the QR texts of people share: limits, refusals, dates that may lack a day, names, sex.

Pure. Every refusal is a `QrError` with a reason that a screen can put into words; a message
names the field and the limit, never what stood there.
"""

import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from protocols.errors import DecodeError
from protocols.identifiers import Identifier, IdentifierKind, Sex, citizen_facts, parse_identifier

MAX_CHARS: Final = 2_048
"""The longest text taken; the longest card seen holds about 500 characters."""
MAX_NAME_CHARS: Final = 120
MAX_ADDRESS_CHARS: Final = 400
FIRST_YEAR: Final = 1900
"""Nobody alive was born before; a citizen id cannot say so either."""

_NAME_MARKS: Final = frozenset(" '’.-,()·")
_MALE_WORDS: Final = frozenset({"NAM", "MALE"})
_FEMALE_WORDS: Final = frozenset({"NỮ", "NU", "FEMALE"})
_NEVER: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Refusal(StrEnum):
    """Why a QR text was not taken."""

    TOO_LONG = "too_long"
    NOT_TEXT = "not_text"
    """Not UTF-8, or it holds control, format or unassigned characters."""
    UNKNOWN = "unknown"
    """No shape that we know."""
    BAD_FIELD = "bad_field"
    """The shape is known, but a field cannot be what it should."""
    BAD_NUMBER = "bad_number"
    IMPOSSIBLE_DATE = "impossible_date"
    FUTURE_DATE = "future_date"
    WRONG_CHECK = "wrong_check"
    """The check character says that a character was changed or two were swapped."""


class QrError(DecodeError):
    """A QR text that is not taken, and why."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


@dataclass(frozen=True, slots=True, order=True)
class BirthDate:
    """A date of birth as documents give it: of some people only the year is known."""

    year: int
    month: int | None = None
    day: int | None = None

    def __str__(self) -> str:
        """Return ISO 8601, as precise as it is known: 1950, 1950-02 or 1950-02-03."""
        parts = [f"{self.year:04}"]
        parts += [f"{part:02}" for part in (self.month, self.day) if part is not None]
        return "-".join(parts)

    @property
    def earliest(self) -> date:
        """The first day that it can have been."""
        return date(self.year, self.month or 1, self.day or 1)


def clean(text: str | bytes) -> str:
    """Return the text of a QR code in NFC, without the line ends that scanners add.

    Raises:
        QrError: longer than 2,048 characters, not UTF-8, or control characters in it.
    """
    if len(text) > (MAX_CHARS if isinstance(text, str) else 4 * MAX_CHARS):
        raise _too_long(len(text))
    try:
        plain = text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError as error:
        raise QrError(Refusal.NOT_TEXT, f"not UTF-8 from octet {error.start}") from None
    plain = unicodedata.normalize("NFC", plain.rstrip("\r\n"))
    if len(plain) > MAX_CHARS:
        raise _too_long(len(plain))
    return without_controls("text", plain)


def without_controls(field: str, text: str) -> str:
    """Return the text; refuse control, format and unassigned characters and line separators."""
    for at, character in enumerate(text):
        if unicodedata.category(character) in _NEVER:
            raise QrError(Refusal.NOT_TEXT, f"{field}: control character at {at} of {len(text)}")
    return text


def _too_long(length: int) -> QrError:
    return QrError(Refusal.TOO_LONG, f"at most {MAX_CHARS} characters, got {length}")


def unknown(length: int) -> QrError:
    """Return the refusal of a text of no known shape."""
    return QrError(Refusal.UNKNOWN, f"no QR text that is known here, got {length} characters")


def bad_field(field: str, needs: str) -> QrError:
    """Return the refusal of a field that cannot be what it should."""
    return QrError(Refusal.BAD_FIELD, f"{field} needs {needs}")


def number(kind: IdentifierKind, text: str) -> Identifier:
    """Read a number as `protocols.identifiers` does; a refusal is a `QrError`."""
    try:
        return parse_identifier(kind, text)
    except DecodeError as error:
        raise QrError(Refusal.BAD_NUMBER, str(error)) from None


def birth_date(year: str, month: str, day: str, *, today: date) -> BirthDate:
    """Return a date of birth from its digits; `00` or nothing for a month or day not known.

    Raises:
        QrError: no such date, before 1900, or after today.
    """
    born = BirthDate(int(year), int(month or "0") or None, int(day or "0") or None)
    if born.month is None and born.day is not None:
        raise QrError(Refusal.IMPOSSIBLE_DATE, "date of birth has a day without a month")
    try:
        first_day = born.earliest
    except ValueError:
        raise QrError(Refusal.IMPOSSIBLE_DATE, "date of birth is no date") from None
    if born.year < FIRST_YEAR:
        raise QrError(Refusal.IMPOSSIBLE_DATE, f"date of birth is before {FIRST_YEAR}")
    if first_day > today:
        raise QrError(Refusal.FUTURE_DATE, "date of birth is after today")
    return born


def calendar_date(field: str, year: str, month: str, day: str) -> date:
    """Return the date of these digits.

    Raises:
        QrError: there is no such date.
    """
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise QrError(Refusal.IMPOSSIBLE_DATE, f"{field} is no date") from None


def person_name(text: str) -> str:
    """Return a name with single spaces: letters of any script, and the marks that names have.

    Raises:
        QrError: empty, longer than 120 characters, no letter, or digits and signs in it.
    """
    name = " ".join(text.split())
    if len(name) > MAX_NAME_CHARS:
        raise bad_field("name", f"at most {MAX_NAME_CHARS} characters, got {len(name)}")
    if not any(c.isalpha() for c in name) or not all(_of_a_name(c) for c in name):
        raise bad_field("name", "letters, spaces and ' . - , ( )")
    return name


def _of_a_name(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM" or character in _NAME_MARKS


def address(text: str) -> str | None:
    """Return an address with single spaces, `None` for an empty one.

    Raises:
        QrError: longer than 400 characters.
    """
    plain = " ".join(text.split())
    if len(plain) > MAX_ADDRESS_CHARS:
        raise bad_field("address", f"at most {MAX_ADDRESS_CHARS} characters, got {len(plain)}")
    return plain or None


def sex_word(text: str) -> Sex | None:
    """Return the sex of `Nam` or `Nữ`, with or without its accent; `None` when empty.

    Raises:
        QrError: any other word.
    """
    word = text.strip().upper()
    if not word:
        return None
    if word in _MALE_WORDS:
        return Sex.MALE
    if word in _FEMALE_WORDS:
        return Sex.FEMALE
    raise bad_field("sex", "Nam or Nữ")


def doubts(citizen_id: str, born: BirthDate, sex: Sex | None) -> frozenset[str]:
    """Return in what a document disagrees with its own citizen id: `birth_year`, `sex`.

    Not a refusal: registers hold such errors, and a person who changed sex keeps the number.
    """
    facts = citizen_facts(citizen_id)
    found = {"birth_year"} if facts.birth_year != born.year else set()
    if sex is not None and facts.sex is not sex:
        found.add("sex")
    return frozenset(found)
