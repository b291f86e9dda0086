"""What the station's desk sees at a glance: who was registered, who waits, which devices are where.

Queries gather within one `Scope`; what is silent follows from `telehealth.vitals.silence`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from protocols.uplink import instant
from telehealth.access.policy import Actor
from telehealth.access.scope import CASE_JOIN, Scope
from telehealth.people.names import sort_key
from telehealth.people.records import Personal, names_of, unseal
from telehealth.store.database import Reader
from telehealth.vitals.silence import silence

MAX_LISTED: Final = 100
_BENEATH: Final = "(SELECT place_id FROM place_ancestor WHERE ancestor_id = ?)"
_ABOVE: Final = "(SELECT ancestor_id FROM place_ancestor WHERE place_id = ?)"


@dataclass(frozen=True, slots=True)
class PersonLine:
    """Somebody in a list of the desk: who it is and how the case stands, nothing of health."""

    person_id: str
    name: str
    birth_date: str
    sex: str
    place_id: str | None
    place_given: str | None
    created_ms: int
    programme_id: str | None
    programme: str | None
    doctor_id: str | None
    doctor: str | None


@dataclass(frozen=True, slots=True)
class StationDevice:
    """A device of the station, or one that somebody of it has, with the loan that runs."""

    device_id: str
    model: str
    serial: str
    place_id: str | None
    battery_percent: int | None
    connected: bool | None
    seen_ms: int | None
    loan_id: str | None
    person_id: str | None
    person: str | None
    from_ms: int | None
    is_silent: bool
    """Lent, and not heard for longer than readings are expected of the borrower."""
    is_due_back: bool
    """Lent to somebody whose case is closed."""


@dataclass(frozen=True, slots=True)
class ProgrammeChoice:
    """A programme that a person may be put in."""

    programme_id: str
    name: str
    place_id: str | None
    mode: str


@dataclass(frozen=True, slots=True)
class DoctorChoice:
    """A doctor who reaches a place."""

    account_id: str
    name: str


_LINE: Final = (
    "SELECT p.person_id, p.personal, p.sex, p.place_id, p.place_given, p.created_ms,"  # noqa: S608
    " g.programme_id, g.name, c.assigned_doctor_id, d.display_name"
    f" FROM person p {CASE_JOIN} LEFT JOIN account d ON d.account_id = c.assigned_doctor_id"
)


def _lines(reader: Reader, sql: str, values: Sequence[object]) -> list[PersonLine]:
    found = []
    for person_id, sealed, *rest in reader.rows(sql, values):
        personal: Personal = unseal(reader.vault, person_id, sealed)
        found.append(PersonLine(person_id, personal.name, personal.birth_date, *rest))
    return sorted(found, key=lambda line: sort_key(line.name))


def registered_since(reader: Reader, scope: Scope, since_ms: int) -> list[PersonLine]:
    """Return who was registered since then and is no record of another, by given name."""
    condition, values = scope.condition()
    sql = f"{_LINE} WHERE {condition} AND p.created_ms >= ? ORDER BY p.created_ms DESC LIMIT ?"
    return _lines(reader, sql, [*values, since_ms, MAX_LISTED])


def without_doctor(reader: Reader, scope: Scope) -> list[PersonLine]:
    """Return whose case is open and nobody's, by given name."""
    condition, values = scope.condition()
    sql = (
        f"{_LINE} WHERE {condition} AND c.case_id IS NOT NULL AND c.assigned_doctor_id IS NULL"
        " ORDER BY c.opened_ms LIMIT ?"
    )
    return _lines(reader, sql, [*values, MAX_LISTED])


def lines_of(reader: Reader, scope: Scope, person_ids: Sequence[str]) -> list[PersonLine]:
    """Return these people as far as the scope holds, by given name."""
    condition, values = scope.condition()
    rows = reader.rows_in(f"{_LINE} WHERE {condition} AND p.person_id IN (…)", person_ids, values)
    found = []
    for person_id, sealed, *rest in rows:
        personal = unseal(reader.vault, person_id, sealed)
        found.append(PersonLine(person_id, personal.name, personal.birth_date, *rest))
    return sorted(found, key=lambda line: sort_key(line.name))


_DEVICE: Final = (
    "SELECT d.device_id, d.model, d.serial, d.place_id, d.battery_percent, d.connected,"  # noqa: S608
    " d.seen_ms, l.loan_id, l.person_id, l.from_ms, g.cadence_s FROM device d"
    " LEFT JOIN device_loan l ON l.device_id = d.device_id AND l.from_ms <= ?"
    " AND (l.to_ms IS NULL OR l.to_ms > ?)"
    " LEFT JOIN person p ON p.person_id = l.person_id"
    f" {CASE_JOIN}"
)


def devices(reader: Reader, scope: Scope, now_ms: int) -> list[StationDevice]:
    """Return the devices beneath the role's place, and those that its people have.

    Lent ones first; whose they are is told of people within the scope only.
    """
    condition, values = scope.condition()
    place_id = scope.actor.place_id
    own, own_values = ("1 = 1", list[object]())
    if place_id is not None:
        own, own_values = f"d.place_id IN {_BENEATH}", [place_id]
    rows = reader.rows(
        f"{_DEVICE} WHERE {own} OR (l.loan_id IS NOT NULL AND {condition})"
        " ORDER BY CASE WHEN l.loan_id IS NULL THEN 1 ELSE 0 END, d.device_id",
        [now_ms, now_ms, *own_values, *values],
    )
    seen = names_of(reader, within(reader, scope, [row[8] for row in rows if row[8]]))
    return [_device(row, seen, now_ms) for row in rows]


def within(reader: Reader, scope: Scope, person_ids: Sequence[str]) -> list[str]:
    """Return those of these people for whom the scope holds."""
    condition, values = scope.condition()
    sql = (
        f"SELECT p.person_id FROM person p {CASE_JOIN}"  # noqa: S608
        f" WHERE {condition} AND p.person_id IN (…)"
    )
    return [row[0] for row in reader.rows_in(sql, person_ids, values)]


def _device(row: Sequence[object], names: dict[str, str], now_ms: int) -> StationDevice:
    device_id, model, serial, place_id, battery, connected, seen_ms = row[:7]
    loan_id, person_id, from_ms, cadence_s = row[7:]
    return StationDevice(
        device_id=str(device_id),
        model=str(model or ""),
        serial=str(serial or ""),
        place_id=None if place_id is None else str(place_id),
        battery_percent=battery if isinstance(battery, int) else None,
        connected=None if connected is None else bool(connected),
        seen_ms=seen_ms if isinstance(seen_ms, int) else None,
        loan_id=None if loan_id is None else str(loan_id),
        person_id=str(person_id) if person_id in names else None,
        person=names.get(str(person_id)) if person_id is not None else None,
        from_ms=from_ms if isinstance(from_ms, int) else None,
        is_silent=_is_silent(seen_ms, from_ms, cadence_s, now_ms),
        is_due_back=loan_id is not None and cadence_s is None,
    )


def _is_silent(seen_ms: object, from_ms: object, cadence_s: object, now_ms: int) -> bool:
    """A lent device is silent as its borrower is: docs/rules.md, "Levels"."""
    if not isinstance(cadence_s, int) or not isinstance(from_ms, int):
        return False
    last_ms = max(seen_ms, from_ms) if isinstance(seen_ms, int) else from_ms
    return silence(instant(last_ms), timedelta(seconds=cadence_s), instant(now_ms)).silent


def programmes_for(reader: Reader, actor: Actor, now_ms: int) -> list[ProgrammeChoice]:
    """Return the programmes that run where the actor answers; the nearest place's first.

    A role held within one programme puts people in that one only.
    """
    running = "valid_from_ms <= ? AND (valid_to_ms IS NULL OR valid_to_ms > ?)"
    sql = f"SELECT programme_id, name, place_id, mode FROM programme WHERE {running}"  # noqa: S608
    values: list[object] = [now_ms, now_ms]
    if actor.programme_id is not None:
        sql, values = f"{sql} AND programme_id = ?", [*values, actor.programme_id]
    elif actor.place_id is not None:
        sql = f"{sql} AND (place_id IS NULL OR place_id IN {_BENEATH} OR place_id IN {_ABOVE})"
        values += [actor.place_id, actor.place_id]
    found = [ProgrammeChoice(*row) for row in reader.rows(f"{sql} ORDER BY name", values)]
    near = _distances(reader, actor.place_id)
    far = len(near) + 1
    return sorted(found, key=lambda one: near.get(one.place_id or "", far))


def _distances(reader: Reader, place_id: str | None) -> dict[str, int]:
    if place_id is None:
        return {}
    sql = "SELECT ancestor_id, depth FROM place_ancestor WHERE place_id = ?"
    return {row[0]: int(row[1]) for row in reader.rows(sql, (place_id,))}


def doctors_for(
    reader: Reader, programme_id: str | None, place_id: str | None
) -> list[DoctorChoice]:
    """Return the doctors who reach this place or one beneath it, by given name.

    Whether one reaches the person in question is checked when the choice is made.
    """
    now = reader.now_ms
    where, values = "1 = 1", list[object]()
    if place_id is not None:
        where = f"(r.place_id IS NULL OR r.place_id IN {_BENEATH} OR r.place_id IN {_ABOVE})"
        values = [place_id, place_id]
    rows = reader.rows(
        "SELECT DISTINCT a.account_id, a.display_name FROM role_grant r"  # noqa: S608
        " JOIN account a ON a.account_id = r.account_id WHERE r.role = 'doctor'"
        " AND a.disabled_ms IS NULL AND r.from_ms <= ? AND (r.to_ms IS NULL OR r.to_ms > ?)"
        f" AND (r.programme_id IS NULL OR r.programme_id = ?) AND {where}",
        [now, now, programme_id or "", *values],
    )
    return sorted((DoctorChoice(*row) for row in rows), key=lambda one: sort_key(one.name))


def free_devices(reader: Reader, actor: Actor, now_ms: int) -> list[str]:
    """Return the ids of devices of the role's place that nobody has."""
    free = (
        "SELECT d.device_id FROM device d WHERE NOT EXISTS (SELECT 1 FROM device_loan l"
        " WHERE l.device_id = d.device_id AND (l.to_ms IS NULL OR l.to_ms > ?))"
    )
    if actor.place_id is None:
        return [row[0] for row in reader.rows(f"{free} ORDER BY d.device_id", (now_ms,))]
    sql = f"{free} AND d.place_id IN {_BENEATH} ORDER BY d.device_id"
    return [row[0] for row in reader.rows(sql, (now_ms, actor.place_id))]


def is_mode_evaluation(reader: Reader, actor: Actor, now_ms: int) -> bool:
    """Say whether a programme that runs where the actor answers is no clinical one."""
    return any(one.mode == "evaluation" for one in programmes_for(reader, actor, now_ms))
