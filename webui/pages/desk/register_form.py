"""The form by which a person is registered: its texts read into one value, or named problems.

What needs the database, place and housemate, is chosen in `choosing`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from protocols.errors import DecodeError
from protocols.identifiers import Identifier, IdentifierKind, Sex
from protocols.qr import fields as card_fields
from protocols.qr.fields import BirthDate
from telehealth.errors import RefusedError
from telehealth.people.identifiers import NewIdentifier
from telehealth.people.phones import read_identifier
from telehealth.people.registering import Registration, Who
from webui.pages.desk.typed import LONGEST_ADDRESS, Problem, typed_birth, typed_day, typed_name

NUMBERS: Final = (
    IdentifierKind.CITIZEN_ID,
    IdentifierKind.INSURANCE,
    IdentifierKind.PHONE,
    IdentifierKind.OLD_CITIZEN_ID,
    IdentifierKind.PASSPORT,
    IdentifierKind.STATION_CODE,
)
"""The form has a field of each kind, called as the kind is."""
_LONGEST_DEVICE: Final = 64
_SOURCES: Final = {
    "citizen_card": "card",
    "personal": "personal_qr",
    "insurance": "insurance_qr",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed, as far as it could be read."""

    name: str = ""
    born: BirthDate | None = None
    sex: Sex | None = None
    pregnant: bool = False
    numbers: tuple[Identifier, ...] = ()
    address: str = ""
    onset: date | None = None
    programme_id: str = ""
    doctor_id: str = ""
    device_id: str = ""
    entry: bool = False
    source: str = "typed"
    problems: dict[str, Problem] = field(default_factory=dict)


def read_form(form: Mapping[str, str], today: date) -> Typed:
    """Read the form; every field that cannot be is among the problems, the others are read."""
    problems: dict[str, Problem] = {}
    name = typed_name(form.get("name", ""))
    if isinstance(name, Problem):
        problems["name"], name = name, ""
    born = typed_birth(form.get("born", ""), today)
    if isinstance(born, Problem):
        problems["born"], born = born, None
    numbers = _numbers(form, problems)
    if len(form.get("address", "")) > LONGEST_ADDRESS:
        problems["address"] = Problem.TOO_LONG
    device_id = form.get("device_id", "")
    if device_id and not is_device(device_id):
        problems["device_id"] = Problem.DEVICE
    onset = _onset(form.get("onset", ""), today, problems)
    if not form.get("programme_id"):
        for needing in ("doctor_id", "device_id", "onset"):
            if form.get(needing):
                problems.setdefault(needing, Problem.WITH_PROGRAMME)
    sex = Sex(form["sex"]) if form.get("sex") in set(Sex) else None
    return Typed(
        name=name,
        born=born,
        sex=sex,
        pregnant=sex is Sex.FEMALE and bool(form.get("pregnant")),
        numbers=numbers,
        address=" ".join(form.get("address", "").split()),
        onset=onset,
        programme_id=form.get("programme_id", ""),
        doctor_id=form.get("doctor_id", ""),
        device_id=device_id,
        entry=bool(form.get("entry")),
        source=_SOURCES.get(form.get("source", ""), "typed"),
        problems=problems,
    )


def _numbers(form: Mapping[str, str], problems: dict[str, Problem]) -> tuple[Identifier, ...]:
    found = []
    for kind in NUMBERS:
        text = form.get(kind.value, "")
        if not text:
            continue
        try:
            found.append(read_identifier(kind, text))
        except DecodeError:
            is_phone = kind is IdentifierKind.PHONE
            problems[kind.value] = Problem.PHONE if is_phone else Problem.NUMBER
    return tuple(found)


def _onset(text: str, today: date, problems: dict[str, Problem]) -> date | None:
    if not text:
        return None
    day = typed_day(text)
    if day is None or day > today:
        problems["onset"] = Problem.DAY_PAST
        return None
    return day


def is_device(text: str) -> bool:
    """Say whether a text can be a device's number."""
    return (
        0 < len(text) <= _LONGEST_DEVICE
        and text.isascii()
        and text.isprintable()
        and (" " not in text and "/" not in text)
    )


def doubts(
    numbers: Iterable[Identifier], born: BirthDate | None, sex: Sex | None
) -> tuple[str, ...]:
    """Return in what a citizen id disagrees with what is written beside it; mostly nothing."""
    found = [one.value for one in numbers if one.kind is IdentifierKind.CITIZEN_ID]
    if born is None:
        return ()
    return tuple(sorted({code for value in found for code in card_fields.doubts(value, born, sex)}))


_ON_CARD: Final = {
    "card": frozenset({IdentifierKind.CITIZEN_ID, IdentifierKind.OLD_CITIZEN_ID}),
    "personal_qr": frozenset(IdentifierKind) - {IdentifierKind.STATION_CODE},
    "insurance_qr": frozenset({IdentifierKind.INSURANCE}),
}


def registration(typed: Typed, place_id: str | None, by: str) -> Registration:
    """Return what is written down of a form without problems."""
    born = typed.born.earliest.isoformat() if typed.born else ""
    on_card = _ON_CARD.get(typed.source, frozenset())
    return Registration(
        who=Who(
            name=typed.name,
            birth_date=born,
            sex=typed.sex.value if typed.sex else "unknown",
            pregnant=typed.pregnant,
            address=typed.address,
            place=place_id or "",
        ),
        registered_by=by,
        identifiers=tuple(
            NewIdentifier(
                kind=one.kind,
                text=one.value,
                source=typed.source if one.kind in on_card else "typed",
            )
            for one in typed.numbers
        ),
        programme_id=typed.programme_id,
        doctor_id=typed.doctor_id,
        onset_date=typed.onset.isoformat() if typed.onset else "",
        device_id=typed.device_id,
    )


_FIELDS: Final = {"birth_date": "born", "onset_date": "onset", "household_id": "household"}
_PROBLEMS: Final = {
    "name": Problem.NAME,
    "birth_date": Problem.DATE,
    "onset_date": Problem.DAY_PAST,
    "programme_id": Problem.PROGRAMME,
    "doctor_id": Problem.DOCTOR,
    "device_id": Problem.DEVICE_LENT,
    "address": Problem.TOO_LONG,
    "phone": Problem.PHONE,
}


def problems_of(refused: Iterable[RefusedError]) -> dict[str, Problem]:
    """Return the problems of fields that only the database could refuse."""
    return {
        _FIELDS.get(one.field, one.field): _PROBLEMS.get(one.field, Problem.NUMBER)
        for one in refused
    }
