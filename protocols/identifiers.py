"""The numbers people are known by: their shapes, brought to one form (docs/identifiers.md).

An identifier says who somebody claims to be and proves nothing. Pure: text in, a value out or
`DecodeError`, whose message names the limit and never the number itself.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from protocols.errors import DecodeError

MAX_CHARS: Final = 64
"""The longest text that is looked at, before separators are taken away."""


class IdentifierKind(StrEnum):
    """What kind of number it is; the value is stored, so it never changes."""

    CITIZEN_ID = "citizen_id"
    """Personal identification number, 12 digits (Decree 137/2015/NĐ-CP art. 13)."""
    OLD_CITIZEN_ID = "old_citizen_id"
    """The people's identity card before 2016, 9 digits."""
    PASSPORT = "passport"
    INSURANCE = "insurance"
    """Health insurance: 15 characters, the social insurance number in it, or the citizen id."""
    PHONE = "phone"
    """E.164, `+` and digits; national forms are read by `telehealth.people.phones`."""
    STATION_CODE = "station_code"
    """A number the operator gives: a station's file, a ward's list."""


class Sex(StrEnum):
    """Sex as an identity document states it."""

    FEMALE = "female"
    MALE = "male"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One number in its one normal form; make it with `parse_identifier`."""

    kind: IdentifierKind
    value: str


@dataclass(frozen=True, slots=True)
class CitizenFacts:
    """What the first six digits of a citizen id say (Circular 07/2016/TT-BCA art. 7).

    `province_code` is where the birth was registered: 001 to 096 a province as it was numbered
    then, 100 to 999 a country.
    """

    province_code: str
    sex: Sex
    birth_year: int

    @property
    def registered_abroad(self) -> bool:
        """Whether the birth was registered in another country."""
        return int(self.province_code) > _LAST_PROVINCE


_LAST_PROVINCE: Final = 96
_FIRST_COUNTRY: Final = 100
_CENTURY_AND_SEX: Final = {
    "0": (1900, Sex.MALE),
    "1": (1900, Sex.FEMALE),
    "2": (2000, Sex.MALE),
    "3": (2000, Sex.FEMALE),
}
_SEPARATORS: Final = re.compile(r"[\s.\-/]+")
_CITIZEN: Final = re.compile(r"[0-9]{12}")
_OLD_CITIZEN: Final = re.compile(r"[0-9]{9}")
_PASSPORT: Final = re.compile(r"(?=.*[0-9])[A-Z0-9]{6,9}")
_INSURANCE: Final = re.compile(r"[A-Z]{2}[1-5][0-9]{12}|[0-9]{10}|[0-9]{12}")
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_STATION_CODE: Final = re.compile(r"[A-Z0-9](?:[A-Z0-9./_-]{0,30}[A-Z0-9])?")
_TYPED_PHONE: Final = re.compile(r"\+?[0-9]{8,15}")


def parse_identifier(kind: IdentifierKind, text: str) -> Identifier:
    """Read a number as it was typed or scanned and bring it to its one form.

    Args:
        kind: what the text is said to be.
        text: at most 64 characters; spaces, dots, dashes and slashes between the digits do not
            matter, nor do full-width digits or small letters. A station code keeps its dashes.

    Raises:
        DecodeError: the text is not of that kind; the message names the limit, never the text.
    """
    plain = _plain(kind, text)
    if kind is not IdentifierKind.STATION_CODE:
        plain = _SEPARATORS.sub("", plain)
    _READERS[kind](plain)
    return Identifier(kind, plain)


def citizen_facts(value: str) -> CitizenFacts:
    """Return what a citizen id of 12 digits says about birth and sex.

    Raises:
        DecodeError: not 12 digits, or a place or century that does not exist.
    """
    if not _CITIZEN.fullmatch(value):
        raise _refused(IdentifierKind.CITIZEN_ID, "needs 12 digits", value)
    place = int(value[:3])
    if not 1 <= place <= _LAST_PROVINCE and place < _FIRST_COUNTRY:
        raise _refused(IdentifierKind.CITIZEN_ID, "needs a place (digits 1-3) 001-096 or 100-999")
    if value[3] not in _CENTURY_AND_SEX:
        raise _refused(IdentifierKind.CITIZEN_ID, "needs a century and sex (digit 4) of 0-3")
    century, sex = _CENTURY_AND_SEX[value[3]]
    return CitizenFacts(value[:3], sex, century + int(value[4:6]))


def social_insurance_number(insurance: str) -> str | None:
    """Return the ten digits by which two insurance cards of one person are the same.

    Decision 1351/QĐ-BHXH (2015) puts them at the end of the 15 characters. `None` for the 12
    digits, which are a citizen id and hold no such number.
    """
    return None if _CITIZEN.fullmatch(insurance) else insurance[-10:]


def guess_kinds(text: str) -> tuple[IdentifierKind, ...]:
    """Return every kind that a text typed into a search box could be, in the order of the kinds.

    A phone number counts in national form too. A text without any digit is no number, even where
    an operator's codes could be plain letters. Empty when it can be none.
    """
    if not any(c.isdigit() for c in text):
        return ()
    return tuple(kind for kind in IdentifierKind if _could_be(kind, text))


def _could_be(kind: IdentifierKind, text: str) -> bool:
    try:
        if kind is IdentifierKind.PHONE:
            plain = _SEPARATORS.sub("", _plain(kind, text)).replace("(", "").replace(")", "")
            return _TYPED_PHONE.fullmatch(plain) is not None
        parse_identifier(kind, text)
    except DecodeError:
        return False
    return True


def _plain(kind: IdentifierKind, text: str) -> str:
    """Return text in capitals, width folded, without white space around it."""
    if len(text) > MAX_CHARS:
        raise _refused(kind, f"takes at most {MAX_CHARS} characters", text)
    plain = unicodedata.normalize("NFKC", text).strip().upper()
    if not plain:
        raise _refused(kind, "is empty")
    if any(unicodedata.category(c).startswith("C") for c in plain):
        raise _refused(kind, "takes no control characters")
    return plain


def _shape(kind: IdentifierKind, pattern: re.Pattern[str], needs: str) -> Callable[[str], None]:
    def check(plain: str) -> None:
        if not pattern.fullmatch(plain):
            raise _refused(kind, needs, plain)

    return check


def _refused(kind: IdentifierKind, why: str, got: str | None = None) -> DecodeError:
    length = "" if got is None else f", got {len(got)} characters"
    return DecodeError(f"{kind.value.replace('_', ' ')} {why}{length}")


_READERS: Final[dict[IdentifierKind, Callable[[str], object]]] = {
    IdentifierKind.CITIZEN_ID: citizen_facts,
    IdentifierKind.OLD_CITIZEN_ID: _shape(
        IdentifierKind.OLD_CITIZEN_ID, _OLD_CITIZEN, "needs 9 digits"
    ),
    IdentifierKind.PASSPORT: _shape(
        IdentifierKind.PASSPORT, _PASSPORT, "needs 6 to 9 letters and digits, one digit at least"
    ),
    IdentifierKind.INSURANCE: _shape(
        IdentifierKind.INSURANCE,
        _INSURANCE,
        "needs 10 or 12 digits, or two letters, a digit 1-5 and 12 digits",
    ),
    IdentifierKind.PHONE: _shape(
        IdentifierKind.PHONE, _E164, "needs E.164: + and 7 to 15 digits, the first not 0"
    ),
    IdentifierKind.STATION_CODE: _shape(
        IdentifierKind.STATION_CODE,
        _STATION_CODE,
        "takes 1 to 32 letters A-Z, digits, and . / _ - between them",
    ),
}
