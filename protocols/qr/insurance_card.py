"""The QR text of the health insurance card, and an insurance code alone.

`code|name|DD/MM/YYYY|sex|address|place|DD/MM/YYYY|DD/MM/YYYY|…`: name and address are the UTF-8
octets in hexadecimal, sex is 1 or 2, place is where care is registered, then valid from and to.
The issuer publishes no description: this is what scanners in use read (confidence medium), so
only the first four fields must be right and whatever follows the address may be missing or other.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from protocols.identifiers import Identifier, IdentifierKind, Sex
from protocols.qr import fields
from protocols.qr.fields import BirthDate

MIN_FIELDS: Final = 4
MAX_FIELDS: Final = 24
_CODE: Final = re.compile(r"\s*(?:[A-Za-z]{2}[0-9]{13}|[0-9]{10}|[0-9]{12})\s*")
_LOOKS_LIKE: Final = re.compile(r"[^|]*\|[^|]*\|\s*(?:[0-9]{2}/[0-9]{2}/)?[0-9]{4}\s*\|")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})*")
_BIRTH: Final = re.compile(r"(?:(?P<day>[0-9]{2})/(?P<month>[0-9]{2})/)?(?P<year>[0-9]{4})")
_DATE: Final = re.compile(r"(?P<day>[0-9]{2})/(?P<month>[0-9]{2})/(?P<year>[0-9]{4})")
_PLACE: Final = re.compile(r"([0-9]{2})\s*-?\s*([0-9A-Z]{3})")
_SEXES: Final = {"1": Sex.MALE, "2": Sex.FEMALE, "": None, "0": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class InsuranceCardQr:
    """What an insurance card says; a code alone has nothing else."""

    code: Identifier
    name: str | None = None
    birth: BirthDate | None = None
    sex: Sex | None = None
    address: str | None = None
    facility_code: str | None = None
    """Where care is registered: five characters, province and facility."""
    valid_from: date | None = None
    valid_to: date | None = None

    @classmethod
    def parse(cls, text: str, *, today: date) -> Self:
        """Read the text of a card, or a code alone.

        Args:
            text: as `protocols.qr.fields.clean` returns it.
            today: the local date; a date of birth after it is refused.

        Raises:
            QrError: one of the first four fields is not what it should be, the address is no
                hexadecimal UTF-8, or a date does not exist.
        """
        parts = [part.strip() for part in text.split("|")]
        code = fields.number(IdentifierKind.INSURANCE, parts[0])
        if len(parts) == 1:
            return cls(code=code)
        if not MIN_FIELDS <= len(parts) <= MAX_FIELDS:
            raise fields.bad_field("insurance card", f"1 or {MIN_FIELDS} to {MAX_FIELDS} fields")
        name, birth, sex, address, place, valid_from, valid_to = (parts[1:] + [""] * 4)[:7]
        if sex not in _SEXES:
            raise fields.bad_field("sex", "1 or 2")
        return cls(
            code=code,
            name=fields.person_name(_from_hex("name", name)),
            birth=_birth(birth, today),
            sex=_SEXES[sex],
            address=fields.address(_from_hex("address", address)) if address != "-" else None,
            facility_code=_facility(place),
            valid_from=_date("valid from", valid_from),
            valid_to=_date("valid to", valid_to),
        )


def looks_like(text: str) -> bool:
    """Say whether a text means to be a card or a code: DD/MM/YYYY third, or a code alone."""
    return _CODE.fullmatch(text) is not None or _LOOKS_LIKE.match(text) is not None


def _from_hex(field: str, text: str) -> str:
    if not _HEX.fullmatch(text):
        raise fields.bad_field(field, "hexadecimal digits in pairs")
    try:
        plain = unicodedata.normalize("NFC", bytes.fromhex(text).decode())
    except UnicodeDecodeError:
        raise fields.bad_field(field, "UTF-8 in hexadecimal") from None
    return fields.without_controls(field, plain)


def _birth(text: str, today: date) -> BirthDate:
    found = _BIRTH.fullmatch(text)
    if found is None:
        raise fields.bad_field("date of birth", "DD/MM/YYYY or YYYY")
    return fields.birth_date(found["year"], found["month"] or "", found["day"] or "", today=today)


def _date(field: str, text: str) -> date | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    return fields.calendar_date(field, found["year"], found["month"], found["day"])


def _facility(text: str) -> str | None:
    found = _PLACE.fullmatch(text.upper())
    return None if found is None else found[1] + found[2]
