"""The policy applied to the database: may this account do this to this person, and whose list."""

from telehealth.access.policy import Action, Actor, Role, Subject, allowed, relation
from telehealth.errors import NotAllowedError
from telehealth.store.database import Reader

_OPEN_CASE = (
    "SELECT programme_id, assigned_doctor_id FROM f0_case WHERE person_id = ? AND closed_ms IS NULL"
)


def subject_of(reader: Reader, person_id: str) -> Subject:
    """Return the person with the open case; an unknown person has none."""
    found = reader.rows(_OPEN_CASE, (person_id,))
    programme_id, doctor_id = found[0] if found else (None, None)
    return Subject(person_id, programme_id, doctor_id)


def require(reader: Reader, actor: Actor, person_id: str, action: Action) -> Subject:
    """Return the subject, or refuse; an unknown person is refused in the same words.

    Raises:
        NotAllowedError: the table does not allow it.
    """
    subject = subject_of(reader, person_id)
    if not allowed(actor.role, relation(actor, subject), action):
        raise NotAllowedError(f"{actor.role} {actor.account_id} may not {action} of {person_id}")
    return subject


def persons_seen_by(reader: Reader, actor: Actor) -> list[str]:
    """Return whose vitals this account may see, in no order."""
    if actor.role is Role.PATIENT:
        return [actor.person_id] if actor.person_id else []
    if actor.role is not Role.DOCTOR:
        return []
    rows = reader.rows(
        "SELECT person_id FROM f0_case"
        " WHERE closed_ms IS NULL AND (assigned_doctor_id = ? OR programme_id = ?)",
        (actor.account_id, actor.programme_id),
    )
    return [row[0] for row in rows]
