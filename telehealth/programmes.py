"""Programmes: a place and dates with one rule pack; a person is in one at a time."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from telehealth import subjects
from telehealth.errors import RefusedError
from telehealth.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProgramme:
    """What a programme is made of."""

    programme_id: str
    name: str
    place: str
    """As pages call it."""
    place_id: str | None = None
    """Beneath which its people are; None: not said, and so only roles held everywhere reach it."""
    rule_pack: str = subjects.DEFAULT_PACK
    mode: str = "evaluation"
    levels_signed_by: str | None = None
    levels_signed_on: str | None = None
    cadence: timedelta = timedelta(hours=12)
    station_phone: str | None = None
    """Whom people call when something is wrong, as it is dialled."""
    sms_number: str | None = None
    """Where readings may be sent by SMS; None: to the station."""


_DIALLED: Final = re.compile(r"\+?[0-9 ().-]{3,24}")


def may_be_dialled(number: str) -> bool:
    """Say whether a telephone could dial this: a short number of an emergency line counts."""
    digits = sum(character.isdigit() for character in number)
    return bool(_DIALLED.fullmatch(number)) and 3 <= digits <= 20


def create(tx: Transaction, new: NewProgramme) -> None:
    """Make a programme that begins now.

    Raises:
        RefusedError: its rules may not be used in its mode, its cadence is none, or a number cannot
            be dialled.
    """
    subjects.rules_of(new.rule_pack, new.mode, new.levels_signed_by, new.levels_signed_on)
    if not timedelta(minutes=1) <= new.cadence <= timedelta(days=7):
        raise RefusedError("cadence", "one minute to seven days", str(new.cadence))
    for name in ("station_phone", "sms_number"):
        if (number := getattr(new, name)) is not None and not may_be_dialled(number):
            raise RefusedError(name, "3 to 20 digits, spaces, + and brackets", number[:30])
    tx.insert(
        "programme",
        (
            "programme_id", "name", "place", "place_id", "time_zone", "rule_pack", "mode",
            "levels_signed_by", "levels_signed_on", "cadence_s", "valid_from_ms", "station_phone",
            "sms_number",
        ),
        [
            (
                new.programme_id, new.name, new.place, new.place_id, "Asia/Ho_Chi_Minh",
                new.rule_pack, new.mode, new.levels_signed_by, new.levels_signed_on,
                int(new.cadence.total_seconds()), tx.now_ms, new.station_phone, new.sms_number,
            )
        ],
    )  # fmt: skip
