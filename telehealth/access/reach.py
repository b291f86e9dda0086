"""Who of the staff reaches a person: whom an alert or a call can go to.

Until there is a duty rota every doctor whose role reaches the person is on duty. Readings of nobody
are the nurses' and doctors' of the station where the device belongs. Coordinators of the place are
the dispatchers; where there is none, the administrators are.
"""

from collections.abc import Sequence
from typing import Final

from telehealth.access.policy import Role
from telehealth.store.database import Reader

_REACHING: Final = (
    "SELECT DISTINCT r.account_id FROM role_grant r JOIN account a ON a.account_id = r.account_id"
    " WHERE r.role IN ({roles}) AND a.disabled_ms IS NULL"
    " AND r.from_ms <= ? AND (r.to_ms IS NULL OR r.to_ms > ?)"
    " AND (r.programme_id IS NULL OR r.programme_id = ?)"
    " AND (r.place_id IS NULL OR r.place_id IN"
    " (SELECT ancestor_id FROM place_ancestor WHERE place_id = ?)) ORDER BY r.account_id"
)


def reaching(
    reader: Reader, roles: Sequence[Role], *, programme_id: str | None, place_id: str | None
) -> list[str]:
    """Return the enabled accounts that hold one of the roles there and then, in order."""
    marks = ", ".join("?" for _ in roles)
    now = reader.now_ms
    rows = reader.rows(
        _REACHING.format(roles=marks), (*roles, now, now, programme_id or "", place_id or "")
    )
    return [row[0] for row in rows]


def doctors_of(reader: Reader, person_id: str) -> list[str]:
    """Return the doctors who answer for a person with an open case."""
    programme_id, place_id = _where(reader, person_id)
    if programme_id is None:
        return []
    return reaching(reader, [Role.DOCTOR], programme_id=programme_id, place_id=place_id)


def doctors_at(reader: Reader, programme_id: str, place_id: str | None) -> list[str]:
    """Return the doctors of a programme at a place; without one, where the programme runs."""
    if place_id is None:
        rows = reader.rows("SELECT place_id FROM programme WHERE programme_id = ?", (programme_id,))
        place_id = rows[0][0] if rows else None
    return reaching(reader, [Role.DOCTOR], programme_id=programme_id, place_id=place_id)


def station_of(reader: Reader, device_id: str) -> list[str]:
    """Return the nurses and doctors who answer for what a device of nobody measures."""
    rows = reader.rows("SELECT place_id FROM device WHERE device_id = ?", (device_id,))
    place_id = rows[0][0] if rows else None
    return reaching(reader, [Role.NURSE, Role.DOCTOR], programme_id=None, place_id=place_id)


def dispatchers_of(reader: Reader, person_id: str | None) -> list[str]:
    """Return the last ones to be told of anything."""
    programme_id, place_id = (None, None) if person_id is None else _where(reader, person_id)
    where = {"programme_id": programme_id, "place_id": place_id}
    return reaching(reader, [Role.COORDINATOR], **where) or administrators(reader)


def reaching_person(reader: Reader, roles: Sequence[Role], person_id: str) -> list[str]:
    """Return the enabled accounts that hold one of the roles where the person is."""
    programme_id, place_id = _where(reader, person_id)
    return reaching(reader, roles, programme_id=programme_id, place_id=place_id)


def administrators(reader: Reader) -> list[str]:
    """Return every administrator, wherever they administer."""
    now = reader.now_ms
    rows = reader.rows(
        "SELECT DISTINCT r.account_id FROM role_grant r"
        " JOIN account a ON a.account_id = r.account_id WHERE r.role = 'administrator'"
        " AND a.disabled_ms IS NULL AND r.from_ms <= ? AND (r.to_ms IS NULL OR r.to_ms > ?)"
        " ORDER BY r.account_id",
        (now, now),
    )
    return [row[0] for row in rows]


def _where(reader: Reader, person_id: str) -> tuple[str | None, str | None]:
    rows = reader.rows(
        "SELECT c.programme_id, COALESCE(p.place_id, g.place_id) FROM person p"
        " LEFT JOIN f0_case c ON c.person_id = p.person_id AND c.closed_ms IS NULL"
        " LEFT JOIN programme g ON g.programme_id = c.programme_id WHERE p.person_id = ?",
        (person_id,),
    )
    programme_id, place_id = rows[0] if rows else (None, None)
    return programme_id, place_id
