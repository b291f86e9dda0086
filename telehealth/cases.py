"""People and their minimal F0 case: who answers for them, and under which programme."""

import uuid
from dataclasses import dataclass
from datetime import date

from telehealth import judging
from telehealth.errors import RefusedError
from telehealth.people.records import Personal, seal_personal
from telehealth.people.search_index import index_person
from telehealth.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """A human, as first written down."""

    display_name: str
    birth_date: date | None
    sex: str = "unknown"
    pregnant: bool = False
    locale: str = "vi"
    address: str = ""
    place_id: str | None = None
    place_given: str | None = None
    """A place code that nobody knows, as it was given."""
    created_by: str = ""


def add_person(tx: Transaction, new: NewPerson) -> str:
    """Write a person down, to be found by name, and return their id."""
    person_id = f"pe-{uuid.uuid4().hex}"
    born = "" if new.birth_date is None else new.birth_date.isoformat()
    personal = Personal(name=new.display_name, birth_date=born, address=new.address)
    tx.insert(
        "person",
        (
            "person_id", "personal", "display_name", "birth_date", "sex", "pregnant", "locale",
            "place_id", "place_given", "created_by", "created_ms",
        ),
        [
            (
                person_id, seal_personal(tx.vault, person_id, personal), "", "", new.sex,
                new.pregnant, new.locale, new.place_id, new.place_given, new.created_by, tx.now_ms,
            )
        ],
    )  # fmt: skip
    index_person(tx, person_id)
    return person_id


def open_case(
    tx: Transaction,
    person_id: str,
    programme_id: str,
    *,
    doctor_id: str | None,
    onset: date | None = None,
) -> str:
    """Open a person's case and begin to expect readings; returns its id.

    Raises:
        RefusedError: the person has an open case already.
    """
    if tx.rows("SELECT 1 FROM f0_case WHERE person_id = ? AND closed_ms IS NULL", (person_id,)):
        raise RefusedError("person_id", "without an open case", person_id)
    case_id = f"ca-{uuid.uuid4().hex}"
    tx.insert(
        "f0_case",
        (
            "case_id", "person_id", "programme_id", "state", "assigned_doctor_id", "onset_date",
            "opened_ms",
        ),
        [
            (
                case_id, person_id, programme_id, "home_care", doctor_id,
                None if onset is None else onset.isoformat(), tx.now_ms,
            )
        ],
    )  # fmt: skip
    judging.begin_watch(tx, person_id)
    return case_id
