"""The QR text of the citizen card with a chip (Circular 06/2021/TT-BCA) and of its successor.

Fields between bars: `id|old id|name|DDMMYYYY|sex|address|DDMMYYYY`, seven or more. Cards since
2024 add names of relatives; nothing after the seventh field is kept. The text is not signed.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from protocols.identifiers import Identifier, IdentifierKind, Sex
from protocols.qr import fields
from protocols.qr.fields import BirthDate

MIN_FIELDS: Final = 7
MAX_FIELDS: Final = 24
_DATE: Final = re.compile(r"(?P<day>[0-9]{2})(?P<month>[0-9]{2})(?P<year>[0-9]{4})")
_ONLY_YEAR: Final = re.compile(r"[0-9]{4}")
_CANCELLED_ID: Final = re.compile(r"[0-9]{12}")
_LOOKS_LIKE: Final = re.compile(r"\s*[0-9]{12}\s*\|[^|]*\|[^|]*\|\s*[0-9]{4,8}\s*\|")


@dataclass(frozen=True, slots=True, kw_only=True)
class CitizenCardQr:
    """What a citizen card says about who carries it."""

    citizen_id: Identifier
    old_id: Identifier | None
    """The nine digits before, or a citizen id of twelve that was cancelled."""
    name: str
    birth: BirthDate
    sex: Sex | None
    address: str | None
    issued_on: date | None
    doubts: frozenset[str]
    """In what the card disagrees with its own number: `birth_year`, `sex`; mostly empty."""

    @classmethod
    def parse(cls, text: str, *, today: date) -> Self:
        """Read the text of a card.

        Args:
            text: as `protocols.qr.fields.clean` returns it.
            today: the local date; a date of birth after it is refused.

        Raises:
            QrError: any field of the first seven is not what it should be.
        """
        parts = [part.strip() for part in text.split("|")]
        if not MIN_FIELDS <= len(parts) <= MAX_FIELDS:
            raise fields.bad_field("citizen card", f"{MIN_FIELDS} to {MAX_FIELDS} fields")
        citizen_id, old_id, name, birth, sex_word, address, issued = parts[:MIN_FIELDS]
        identifier = fields.number(IdentifierKind.CITIZEN_ID, citizen_id)
        born = _birth(birth, today)
        sex = fields.sex_word(sex_word)
        return cls(
            citizen_id=identifier,
            old_id=_old_id(old_id),
            name=fields.person_name(name),
            birth=born,
            sex=sex,
            address=fields.address(address),
            issued_on=_issued_on(issued),
            doubts=fields.doubts(identifier.value, born, sex),
        )


def looks_like(text: str) -> bool:
    """Say whether a text means to be a citizen card: twelve digits first, bare digits fourth."""
    return _LOOKS_LIKE.match(text) is not None


def _birth(text: str, today: date) -> BirthDate:
    if _ONLY_YEAR.fullmatch(text):
        return fields.birth_date(text, "", "", today=today)
    found = _DATE.fullmatch(text)
    if found is None:
        raise fields.bad_field("date of birth", "DDMMYYYY or YYYY")
    return fields.birth_date(found["year"], found["month"], found["day"], today=today)


def _issued_on(text: str) -> date | None:
    if not text:
        return None
    found = _DATE.fullmatch(text)
    if found is None:
        raise fields.bad_field("date of issue", "DDMMYYYY")
    return fields.calendar_date("date of issue", found["year"], found["month"], found["day"])


def _old_id(text: str) -> Identifier | None:
    if not text:
        return None
    if _CANCELLED_ID.fullmatch(text):
        return fields.number(IdentifierKind.CITIZEN_ID, text)
    return fields.number(IdentifierKind.OLD_CITIZEN_ID, text)
