"""A small invented world for tests: a programme, a doctor, patients with lent devices."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from telehealth import cases, loans, programmes
from telehealth.access import accounts
from telehealth.access.passwords import hash_now
from telehealth.access.policy import Role
from telehealth.store.database import Database, Transaction

PASSWORD = "an invented password"  # noqa: S105 - of nobody
DEVICE = "ox-f0f000000001"


@dataclass(frozen=True, slots=True)
class World:
    """The ids of what was made."""

    doctor_id: str
    other_doctor_id: str
    administrator_id: str
    patient_id: str
    person_id: str
    device_id: str


@cache
def _password_hash() -> str:
    return hash_now(PASSWORD)


async def make(database: Database, *, cadence: timedelta = timedelta(minutes=1)) -> World:
    """Make one of everything; log-ins `doctor`, `other`, `administrator`, `patient`."""
    password_hash = _password_hash()

    def account(tx: Transaction, login: str, role: Role, **more: Any) -> str:
        new = accounts.NewAccount(
            login=login, display_name=login.title(), role=role, password_hash=password_hash, **more
        )
        return accounts.create(tx, new)

    def fill(tx: Transaction) -> World:
        programmes.create(
            tx,
            programmes.NewProgramme(
                programme_id="pr-test", name="Test", place="Xã Thử", cadence=cadence
            ),
        )
        doctor = account(tx, "doctor", Role.DOCTOR, programme_id="pr-test")
        other = account(tx, "other", Role.DOCTOR, programme_id="pr-test")
        administrator = account(tx, "administrator", Role.ADMINISTRATOR)
        person = cases.add_person(
            tx, cases.NewPerson(display_name="Người Thử Nghiệm", birth_date=date(1950, 1, 2))
        )
        patient = account(tx, "patient", Role.PATIENT, person_id=person)
        cases.open_case(tx, person, "pr-test", doctor_id=doctor)
        loans.lend(tx, DEVICE, person, "test")
        tx.execute("UPDATE role_grant SET from_ms = 0")
        tx.execute("UPDATE device_loan SET from_ms = 0 WHERE device_id = ?", (DEVICE,))
        return World(doctor, other, administrator, patient, person, DEVICE)

    return await database.write(fill)
