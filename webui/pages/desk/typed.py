"""What people type into the desk's forms, brought to values; what cannot be is named a problem.

Pure: texts and the local date in, values and problems out. A problem is a code that the page puts
into words beside its field; the words typed stay in the field.
"""

import re
from datetime import date
from enum import StrEnum
from typing import Final

from protocols.qr.fields import BirthDate, QrError, Refusal, birth_date, person_name

LONGEST_ADDRESS: Final = 300
_PARTS: Final = re.compile(r"(\d{1,2})[./\- ](\d{1,2})[./\- ](\d{4})")
_DIGITS: Final = re.compile(r"(\d{2})(\d{2})(\d{4})")
_ISO: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_YEAR: Final = re.compile(r"\d{4}")


class Problem(StrEnum):
    """Why a field was not taken."""

    NAME = "name"
    DATE = "date"
    """No date, or none in this form."""
    FUTURE = "future"
    DAY_PAST = "day_past"
    """A day up to today is needed."""
    NUMBER = "number"
    PHONE = "phone"
    TOO_LONG = "too_long"
    CHOOSE = "choose"
    WHICH_PLACE = "which_place"
    NO_PLACE = "no_place"
    PLACE_OUTSIDE = "place_outside"
    WHICH_PERSON = "which_person"
    NO_PERSON = "no_person"
    PROGRAMME = "programme"
    DOCTOR = "doctor"
    DEVICE = "device"
    DEVICE_LENT = "device_lent"
    DEVICE_ELSEWHERE = "device_elsewhere"
    NEEDS_CASE = "needs_case"
    WITH_PROGRAMME = "with_programme"
    """Only together with a programme."""
    REASON = "reason"
    SELF = "self"
    SAME_HOUSEHOLD = "same_household"
    ACTS_ALREADY = "acts_already"
    NOT_A_CHILD = "not_a_child"
    NO_BIRTH = "no_birth"
    NOT_NOW = "not_now"
    NO_UNDO = "no_undo"
    PACK = "pack"
    SIGNATURE = "signature"


def typed_day(text: str) -> date | None:
    """Return the day that was typed as 5/3/2026, 05032026 or 2026-03-05; None: it is no day."""
    day, month, year = _day_parts(text)
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _day_parts(text: str) -> tuple[str, str, str]:
    plain = text.strip()
    found = _PARTS.fullmatch(plain) or _DIGITS.fullmatch(plain)
    if found:
        return found[1], found[2], found[3]
    iso = _ISO.fullmatch(plain)
    return (iso[3], iso[2], iso[1]) if iso else ("", "", "")


def typed_birth(text: str, today: date) -> BirthDate | Problem | None:
    """Return a birth date typed as a day or a year alone; None: nothing was typed."""
    plain = text.strip()
    if not plain:
        return None
    day, month, year = ("", "", plain) if _YEAR.fullmatch(plain) else _day_parts(plain)
    if not year:
        return Problem.DATE
    try:
        return birth_date(year, month, day, today=today)
    except QrError as error:
        return Problem.FUTURE if error.refusal is Refusal.FUTURE_DATE else Problem.DATE


def typed_name(text: str) -> str | Problem:
    """Return a name with single spaces."""
    try:
        return person_name(text)
    except QrError:
        return Problem.NAME


def day_text(iso: str) -> str:
    """Return an ISO date, or a year alone, as people here write it: 5/3/1951."""
    parts = iso.split("-")
    return "/".join(str(int(part)) for part in reversed(parts)) if all(parts) else ""


def masked(value: str, shown: int = 4) -> str:
    """Return a number with only its last characters to be seen."""
    return "•" * max(0, len(value) - shown) + value[-shown:]
