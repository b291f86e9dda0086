"""Registers somebody in one transaction: who they are, where, with whom, in whose care, with what.

Every field is looked at before anything is written, and all that cannot be taken are named at once,
so that a page can mark them all. What is only doubtful is written and comes back as a warning.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Final, ParamSpec, TypeVar

from protocols.errors import TelehealthError
from telehealth import cases, loans
from telehealth.access import reach
from telehealth.consents.agreement import age_in_years
from telehealth.errors import RefusedError
from telehealth.people import duplicates, households, identifiers, standing
from telehealth.people.identifiers import NewIdentifier
from telehealth.people.names import MAX_WORDS, words
from telehealth.people.places_store import day_in_vietnam
from telehealth.people.places_succession import today_of
from telehealth.people.records import Personal, seal_personal
from telehealth.people.search_index import index_person
from telehealth.store.database import Reader, Transaction

LONGEST_NAME: Final = 120
OLDEST_YEARS: Final = 130
MOST_IDENTIFIERS: Final = 20
SEXES: Final = ("female", "male", "unknown")
LOCALES: Final = ("vi", "en")
_LONGEST_CODE: Final = 64
_LONGEST_DEVICE: Final = 64
P = ParamSpec("P")
T = TypeVar("T")


class FieldsRefusedError(TelehealthError):
    """Fields of one form that cannot be taken, each with its limit; none holds what was typed."""

    code: ClassVar[str] = "refused"

    def __init__(self, fields: Iterable[RefusedError]) -> None:
        self.fields = tuple(fields)
        super().__init__("; ".join(str(one) for one in self.fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who somebody is, as typed or scanned."""

    name: str
    birth_date: str = ""
    """`YYYY-MM-DD` or `DD/MM/YYYY`; empty: not known."""
    sex: str = "unknown"
    pregnant: bool = False
    locale: str = "vi"
    address: str = ""
    place: str = ""
    """A place's id or code; one that nobody knows is kept as given, with a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Everything that one page takes down."""

    who: Who
    registered_by: str
    identifiers: tuple[NewIdentifier, ...] = ()
    household_id: str = ""
    """With whom they live; empty: in none that is written down."""
    new_household: bool = False
    """Make one at the address given."""
    is_head: bool = False
    programme_id: str = ""
    doctor_id: str = ""
    onset_date: str = ""
    device_id: str = ""


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of it."""

    person_id: str
    case_id: str | None
    loan_id: str | None
    household_id: str | None
    warnings: tuple[str, ...]
    """`place_unknown`, `place_ambiguous`, `citizen_id_birth_year`, `citizen_id_sex`."""
    pairs: tuple[str, ...]
    """Pairs with other records for the conflict desk."""


class _Fields:
    """Gathers what is refused, field by field."""

    def __init__(self) -> None:
        self.refused: list[RefusedError] = []

    def take(self, read: Callable[P, T], *args: P.args, **more: P.kwargs) -> T | None:
        """Return what `read` makes of a field; None where it refused."""
        try:
            return read(*args, **more)
        except RefusedError as error:
            self.refused.append(error)
            return None

    def check(self) -> None:
        """Raise everything that was refused together."""
        if self.refused:
            raise FieldsRefusedError(self.refused)


@dataclass(frozen=True, slots=True)
class _Read:
    """Who somebody is, every field read."""

    personal: Personal
    born: date | None
    place_id: str | None
    place_given: str | None
    warnings: tuple[str, ...]


def register(tx: Transaction, new: Registration) -> Registered:
    """Write somebody down with everything given, or nothing.

    Raises:
        FieldsRefusedError: with every field that cannot be taken.
    """
    today = day_in_vietnam(tx.now)
    fields = _Fields()
    read = _read(tx, fields, new.who, today)
    onset = fields.take(parse_day, "onset_date", new.onset_date)
    numbers = _numbers(fields, new.identifiers, today)
    place_id = None if read is None else read.place_id
    fields.take(_check_household, tx, new)
    fields.take(_check_programme, tx, new.programme_id, place_id)
    fields.take(_check_doctor, tx, new, place_id)
    fields.take(_check_onset, new, onset, None if read is None else read.born, today)
    fields.take(_check_device, tx, new)
    fields.check()
    assert read is not None  # noqa: S101 - whatever was refused has been raised
    return _write(tx, new, read, numbers, onset)


def _write(
    tx: Transaction,
    new: Registration,
    read: _Read,
    numbers: Iterable[NewIdentifier],
    onset: date | None,
) -> Registered:
    by, who = new.registered_by, new.who
    person_id = cases.add_person(
        tx,
        cases.NewPerson(
            display_name=read.personal.name,
            birth_date=read.born,
            sex=who.sex,
            pregnant=who.pregnant,
            locale=who.locale,
            address=read.personal.address,
            place_id=read.place_id,
            place_given=read.place_given,
            created_by=by,
        ),
    )
    warnings = [*read.warnings]
    for number in numbers:
        warnings += identifiers.add(tx, person_id, number, by, look=False).warnings
    household_id = new.household_id or None
    if new.new_household:
        household_id = households.create(
            tx, place_id=read.place_id, address=read.personal.address, created_by=by
        )
    if household_id is not None:
        households.move_in(tx, household_id, person_id, is_head=new.is_head)
    case_id = loan_id = None
    if new.programme_id:
        doctor_id = new.doctor_id or None
        case_id = cases.open_case(tx, person_id, new.programme_id, doctor_id=doctor_id, onset=onset)
    if new.device_id:
        loan_id = loans.lend(tx, new.device_id, person_id, by)
    pairs = duplicates.note(tx, person_id)
    return Registered(
        person_id, case_id, loan_id, household_id, tuple(dict.fromkeys(warnings)), tuple(pairs)
    )


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a correction brought up."""

    warnings: tuple[str, ...] = ()
    pairs: tuple[str, ...] = field(default=())


def correct(
    tx: Transaction, person_id: str, who: Who, *, place_given: str | None = None
) -> Corrected:
    """Write down anew who somebody is; their numbers, household and case stay.

    Args:
        tx: the transaction.
        person_id: whom.
        who: as they are to stand.
        place_given: what was written for the place beside a place that is known.

    Raises:
        FieldsRefusedError: with every field that cannot be taken.
        NotFoundError: no such person.
        IllegalTransitionError: the record is merged or erased.
    """
    fields = _Fields()
    read = _read(tx, fields, who, day_in_vietnam(tx.now))
    fields.check()
    assert read is not None  # noqa: S101 - whatever was refused has been raised
    standing.lock(tx, person_id)
    tx.execute(
        "UPDATE person SET personal = ?, sex = ?, pregnant = ?, locale = ?, place_id = ?,"
        " place_given = ? WHERE person_id = ?",
        (
            seal_personal(tx.vault, person_id, read.personal), who.sex, who.pregnant, who.locale,
            read.place_id, read.place_given or place_given, person_id,
        ),
    )  # fmt: skip
    index_person(tx, person_id)
    return Corrected(read.warnings, tuple(duplicates.note(tx, person_id)))


def _read(reader: Reader, fields: _Fields, who: Who, today: date) -> _Read | None:
    name = fields.take(_name, who.name)
    born = fields.take(_birth_date, who.birth_date, today)
    address = fields.take(households.check_address, who.address)
    fields.take(_one_of, "sex", who.sex, SEXES)
    fields.take(_one_of, "locale", who.locale, LOCALES)
    fields.take(_check_pregnant, who)
    place = fields.take(find_place, reader, who.place, today)
    if name is None or address is None or place is None:
        return None
    place_id, place_given, warnings = place
    iso = "" if born is None else born.isoformat()
    personal = Personal(name=name, birth_date=iso, address=address)
    return _Read(personal, born, place_id, place_given, warnings)


def _name(text: str) -> str:
    plain = " ".join(text.split())
    if not 0 < len(plain) <= LONGEST_NAME or not plain.isprintable():
        raise RefusedError("name", f"1 to {LONGEST_NAME} characters", len(plain))
    if not 0 < len(words(plain)) <= MAX_WORDS:
        raise RefusedError("name", f"1 to {MAX_WORDS} words of letters", len(words(plain)))
    return plain


def parse_day(name: str, text: str) -> date | None:
    """Return a day typed as `YYYY-MM-DD` or `DD/MM/YYYY`; None for an empty field.

    Raises:
        RefusedError: of another form, or no day of the calendar.
    """
    plain = text.strip()
    if not plain:
        return None
    parts = plain.split("/") if "/" in plain else plain.split("-")[::-1]
    form = "a day such as 2026-03-31 or 31/03/2026"
    digits = [part for part in parts if part.isascii() and part.isdigit()]
    if len(digits) != 3 or len(parts) != 3 or len(parts[2]) != 4 or max(map(len, parts)) > 4:
        raise RefusedError(name, form, len(plain))
    day, month, year = (int(part) for part in parts)
    try:
        return date(year, month, day)
    except ValueError:
        raise RefusedError(name, "a day of the calendar", len(plain)) from None


def _birth_date(text: str, today: date) -> date | None:
    born = parse_day("birth_date", text)
    if born is None:
        return None
    if born > today or age_in_years(born, today) > OLDEST_YEARS:
        raise RefusedError(
            "birth_date", f"today or before, at most {OLDEST_YEARS} years", "another"
        )
    return born


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise RefusedError(name, f"one of {', '.join(allowed)}", value[:20])
    return value


def _check_pregnant(who: Who) -> None:
    if who.pregnant and who.sex == "male":
        raise RefusedError("pregnant", "not with the sex male", who.pregnant)


def find_place(
    reader: Reader, text: str, today: date
) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Return the place of an id or code as it is today, what to keep of an unknown one, warnings.

    Raises:
        RefusedError: no code at all.
    """
    plain = text.strip()
    if not plain:
        return None, None, ()
    if len(plain) > _LONGEST_CODE or not plain.isprintable():
        raise RefusedError("place", f"a place or a code of {_LONGEST_CODE} characters", len(plain))
    by_id = reader.rows("SELECT place_id FROM place WHERE place_id = ?", (plain,))
    rows = by_id or reader.rows("SELECT place_id FROM place WHERE code = ?", (plain,))
    found = {today_of(reader, row[0], today)[0].place_id for row in rows}
    if len(found) == 1:
        return found.pop(), None, ()
    return None, plain, ("place_ambiguous" if found else "place_unknown",)


def _numbers(fields: _Fields, given: Iterable[NewIdentifier], today: date) -> list[NewIdentifier]:
    """Return the numbers, each once."""
    found: dict[tuple[str, str], NewIdentifier] = {}
    for new in given:
        number = fields.take(identifiers.check, new, today)
        if number is not None:
            found.setdefault((number.kind.value, number.value), new)
    if len(found) > MOST_IDENTIFIERS:
        fields.refused.append(
            RefusedError("identifiers", f"at most {MOST_IDENTIFIERS}", len(found))
        )
    return list(found.values())


def _is_id(text: str) -> bool:
    """Whether a text can be an id at all; PostgreSQL takes none with a null in it."""
    return text.isprintable() and len(text) <= _LONGEST_CODE


def _check_household(reader: Reader, new: Registration) -> None:
    if not new.household_id:
        return
    if new.new_household:
        raise RefusedError("household_id", "either a known household or a new one", "both")
    sql = "SELECT 1 FROM household WHERE household_id = ?"
    if not _is_id(new.household_id) or not reader.rows(sql, (new.household_id,)):
        raise RefusedError("household_id", "a known household", new.household_id[:64])


def _check_programme(reader: Reader, programme_id: str, place_id: str | None) -> None:
    if not programme_id:
        return
    now = reader.now_ms
    sql = (
        "SELECT place_id FROM programme WHERE programme_id = ? AND valid_from_ms <= ?"
        " AND (valid_to_ms IS NULL OR valid_to_ms > ?)"
    )
    rows = reader.rows(sql, (programme_id, now, now)) if _is_id(programme_id) else []
    if not rows:
        raise RefusedError("programme_id", "a programme that runs", programme_id[:64])
    if place_id is None or rows[0][0] is None:
        return
    sql = "SELECT 1 FROM place_ancestor WHERE place_id = ? AND ancestor_id = ?"
    if not reader.rows(sql, (place_id, rows[0][0])):
        raise RefusedError("programme_id", "one that runs where the person lives", programme_id)


def _check_doctor(reader: Reader, new: Registration, place_id: str | None) -> None:
    if not new.doctor_id:
        return
    if not new.programme_id:
        raise RefusedError("doctor_id", "with a programme", new.doctor_id[:64])
    if not _is_id(new.programme_id):
        return
    if new.doctor_id not in reach.doctors_at(reader, new.programme_id, place_id):
        raise RefusedError("doctor_id", "a doctor of that programme and place", new.doctor_id[:64])


def _check_onset(new: Registration, onset: date | None, born: date | None, today: date) -> None:
    if onset is None:
        return
    if not new.programme_id:
        raise RefusedError("onset_date", "with a programme", "none")
    if onset > today or (born is not None and onset < born):
        raise RefusedError("onset_date", "between birth and today", "another day")


def _check_device(reader: Reader, new: Registration) -> None:
    device_id = new.device_id
    if not device_id:
        return
    if len(device_id) > _LONGEST_DEVICE or not device_id.isascii() or not device_id.isprintable():
        raise RefusedError("device_id", f"1 to {_LONGEST_DEVICE} plain characters", len(device_id))
    if " " in device_id:
        raise RefusedError("device_id", "no space", len(device_id))
    if not new.programme_id:
        raise RefusedError("device_id", "with a programme", device_id)
    lent = reader.rows(
        "SELECT 1 FROM device_loan WHERE device_id = ? AND (to_ms IS NULL OR to_ms > ?)",
        (device_id, reader.now_ms),
    )
    if lent:
        raise RefusedError("device_id", "a device that is not lent", device_id)
