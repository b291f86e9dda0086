"""Telephone numbers as they are typed, brought to E.164 with the numbering plans of the world.

Pure. A refusal is `DecodeError` and names the limit, never the number.
"""

import re
import unicodedata
from typing import Final

import phonenumbers

from protocols.errors import DecodeError
from protocols.identifiers import Identifier, IdentifierKind, parse_identifier

REGION: Final = "VN"
MAX_CHARS: Final = 40
VIETNAM: Final = 84

MOVED_MOBILE_PREFIXES: Final = {
    "120": "70", "121": "79", "122": "77", "126": "76", "128": "78",
    "123": "83", "124": "84", "125": "85", "127": "81", "129": "82",
    "162": "32", "163": "33", "164": "34", "165": "35", "166": "36", "167": "37", "168": "38",
    "169": "39",
    "186": "56", "188": "58",
    "199": "59",
}  # fmt: skip
"""Mobile numbers of eleven digits became ten; the last seven stayed. Plan of the Ministry of
Information and Communications announced on 29 May 2018, in force from 15 September 2018; a line
each for MobiFone, VinaPhone, Viettel, Vietnamobile and Gmobile. Old papers still hold them."""

_WRITTEN: Final = re.compile(r"\+?[0-9 ().\-/\u2010-\u2013]+")
_MOVED: Final = re.compile(r"(?P<lead>\+?84|0084|0)?(?P<old>1[0-9]{2})(?P<rest>[0-9]{7})")


def parse_phone(text: str, *, region: str = REGION) -> str:
    """Return a number in E.164.

    Args:
        text: at most 40 characters: digits, spaces, dots, dashes, brackets, a leading `+`. An
            old Vietnamese mobile number of eleven digits gets the prefix it has now.
        region: ISO 3166-1 alpha-2; whose numbering plan reads a number without `+`.

    Raises:
        DecodeError: letters or signs, an extension, or no number of the numbering plan.
    """
    if len(text) > MAX_CHARS:
        raise DecodeError(f"phone takes at most {MAX_CHARS} characters, got {len(text)}")
    plain = unicodedata.normalize("NFKC", text).strip()
    if not _WRITTEN.fullmatch(plain):
        raise DecodeError(f"phone takes digits, spaces, . - / ( ) and a leading +, got {len(text)}")
    try:
        number = phonenumbers.parse(_moved(plain) if region == REGION else plain, region)
    except phonenumbers.NumberParseException:
        raise DecodeError(f"phone is no number, got {len(text)} characters") from None
    if not phonenumbers.is_valid_number(number):
        raise DecodeError(f"phone is in no numbering plan, got {len(text)} characters")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def read_identifier(kind: IdentifierKind, text: str) -> Identifier:
    """Read any kind of identifier, a phone number in national form too.

    Raises:
        DecodeError: the text is not of that kind; the message names the limit, never the text.
    """
    if kind is IdentifierKind.PHONE:
        return Identifier(kind, parse_phone(text))
    return parse_identifier(kind, text)


def shown(e164: str) -> str:
    """Return a number as people write it: national form for Vietnam, else international."""
    number = phonenumbers.parse(e164, None)
    style = phonenumbers.PhoneNumberFormat
    ours = number.country_code == VIETNAM
    return phonenumbers.format_number(number, style.NATIONAL if ours else style.INTERNATIONAL)


def takes_sms(e164: str) -> bool:
    """Say whether a number may be a mobile: a text message to a landline reaches nobody."""
    kind = phonenumbers.number_type(phonenumbers.parse(e164, None))
    mobile = phonenumbers.PhoneNumberType
    return kind in {mobile.MOBILE, mobile.FIXED_LINE_OR_MOBILE}


def _moved(text: str) -> str:
    digits = re.sub(r"[^0-9+]", "", text)
    found = _MOVED.fullmatch(digits)
    if found is None or found["old"] not in MOVED_MOBILE_PREFIXES:
        return text
    return f"+{VIETNAM}{MOVED_MOBILE_PREFIXES[found['old']]}{found['rest']}"
