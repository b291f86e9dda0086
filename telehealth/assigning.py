"""What the desk decides of a case and a device: which programme and doctor, whose station's it is.

Who may do so to a person is asked before (`telehealth.access.scope`); here stands what must hold.
"""

from typing import Final

from telehealth import cases, judging, loans
from telehealth.access.policy import Actor
from telehealth.access.reach import doctors_at
from telehealth.errors import IllegalTransitionError, NotAllowedError, NotFoundError, RefusedError
from telehealth.store.database import Reader, Transaction

_BENEATH: Final = "SELECT 1 FROM place_ancestor WHERE place_id = ? AND ancestor_id = ?"
_RUNNING: Final = (
    "SELECT 1 FROM programme WHERE programme_id = ? AND valid_from_ms <= ?"
    " AND (valid_to_ms IS NULL OR valid_to_ms > ?)"
)


def assign(tx: Transaction, person_id: str, programme_id: str, doctor_id: str | None) -> str:
    """Put a person in a programme under a doctor, opening a case where none is; returns the case.

    Raises:
        RefusedError: the programme does not run now, or the doctor does not reach the person.
        NotFoundError: no such person.
    """
    if not tx.rows(_RUNNING, (programme_id, tx.now_ms, tx.now_ms)):
        raise RefusedError("programme_id", "a programme that runs now", programme_id[:64])
    if doctor_id is not None and doctor_id not in _doctors(tx, person_id, programme_id):
        raise RefusedError("doctor_id", "a doctor who reaches the person", doctor_id[:64])
    rows = tx.rows(
        "SELECT case_id, programme_id FROM f0_case WHERE person_id = ? AND closed_ms IS NULL",
        (person_id,),
    )
    if not rows:
        return cases.open_case(tx, person_id, programme_id, doctor_id=doctor_id)
    case_id, before = rows[0]
    tx.execute(
        "UPDATE f0_case SET programme_id = ?, assigned_doctor_id = ? WHERE case_id = ?",
        (programme_id, doctor_id, case_id),
    )
    if before != programme_id:
        judging.begin_watch(tx, person_id)
    return str(case_id)


def _doctors(reader: Reader, person_id: str, programme_id: str) -> list[str]:
    rows = reader.rows("SELECT place_id FROM person WHERE person_id = ?", (person_id,))
    if not rows:
        raise NotFoundError(f"no person {person_id}")
    return doctors_at(reader, programme_id, rows[0][0])


def lend(tx: Transaction, actor: Actor, device_id: str, person_id: str) -> str:
    """Lend a device of the own station, which a device of no station becomes; returns the loan.

    Raises:
        NotAllowedError: the device belongs to another place's station.
        RefusedError, NotFoundError, IllegalTransitionError: as `telehealth.loans.lend`.
    """
    require_own(tx, actor, device_id)
    loan_id = loans.lend(tx, device_id, person_id, actor.account_id)
    adopt(tx, actor, device_id)
    return loan_id


def adopt(tx: Transaction, actor: Actor, device_id: str) -> None:
    """Put a device of no station in the list of the actor's."""
    if actor.place_id is None:
        return
    tx.execute(
        "UPDATE device SET place_id = ? WHERE device_id = ? AND place_id IS NULL",
        (actor.place_id, device_id),
    )


def move_device(tx: Transaction, actor: Actor, device_id: str, place_id: str) -> None:
    """Give a device to another station; while it is lent it stays where it is.

    Raises:
        NotFoundError: no such device or place.
        NotAllowedError: it belongs to another place's station.
        IllegalTransitionError: it is lent.
    """
    if not tx.rows("SELECT 1 FROM device WHERE device_id = ?", (device_id,)):
        raise NotFoundError(f"no device {device_id}")
    require_own(tx, actor, device_id)
    if not tx.rows("SELECT 1 FROM place WHERE place_id = ?", (place_id,)):
        raise NotFoundError(f"no place {place_id}")
    lent = "SELECT 1 FROM device_loan WHERE device_id = ? AND (to_ms IS NULL OR to_ms > ?)"
    if tx.rows(lent, (device_id, tx.now_ms)):
        raise IllegalTransitionError("lent", "move", "it must come back first")
    tx.execute("UPDATE device SET place_id = ? WHERE device_id = ?", (place_id, device_id))


def require_own(reader: Reader, actor: Actor, device_id: str) -> None:
    """Refuse a device that stands in another place's list; one of nobody's may be taken."""
    rows = reader.rows("SELECT place_id FROM device WHERE device_id = ?", (device_id,))
    place_id = rows[0][0] if rows else None
    if place_id is None or actor.place_id is None:
        return
    if not reader.rows(_BENEATH, (place_id, actor.place_id)):
        raise NotAllowedError(f"device {device_id} is not of {actor.place_id}")
