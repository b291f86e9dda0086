"""Which device is lent to whom, from when to when: whose a reading is follows from this alone."""

import secrets
from dataclasses import dataclass
from typing import Final

from telehealth.access.scope import CASE_JOIN, Scope
from telehealth.consents import stopping
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.people.names import sort_key
from telehealth.people.records import unseal
from telehealth.store.database import Reader, Transaction

_LONGEST_ID: Final = 64


@dataclass(frozen=True, slots=True)
class DeviceShown:
    """A device as the administrator's list shows it, with the loan that runs."""

    device_id: str
    kind: str
    model: str
    serial: str
    battery_percent: int | None
    connected: bool | None
    seen_ms: int | None
    loan_id: str | None
    person_id: str | None
    person: str | None
    from_ms: int | None


@dataclass(frozen=True, slots=True)
class Borrower:
    """Somebody with an open case and no device."""

    person_id: str
    name: str


def lend(tx: Transaction, device_id: str, person_id: str, decided_by: str) -> str:
    """Lend a device from now on, registering one that was never seen; returns the loan.

    A device that belongs to no station yet belongs to the borrower's place from now on.

    Raises:
        RefusedError: not an id.
        NotFoundError: the person has no open case.
        IllegalTransitionError: the device is lent, or the person has one.
    """
    if not 0 < len(device_id) <= _LONGEST_ID or not device_id.isascii() or " " in device_id:
        raise RefusedError("device_id", f"1 to {_LONGEST_ID} characters, no space", len(device_id))
    if not tx.rows("SELECT 1 FROM f0_case WHERE person_id = ? AND closed_ms IS NULL", (person_id,)):
        raise NotFoundError(f"no open case of {person_id}")
    taken = tx.rows(
        "SELECT 1 FROM device_loan WHERE (device_id = ? OR person_id = ?)"
        " AND (to_ms IS NULL OR to_ms > ?)",
        (device_id, person_id, tx.now_ms),
    )
    if taken:
        raise IllegalTransitionError("lent", "lend", "the device is lent or the person has one")
    tx.execute(
        "INSERT INTO device (device_id, kind, model, serial, registered_ms)"
        " VALUES (?, 'oximeter', '', '', ?) ON CONFLICT (device_id) DO NOTHING",
        (device_id, tx.now_ms),
    )
    stopping.release(tx, device_id)
    tx.execute(
        "UPDATE device SET place_id = (SELECT COALESCE(p.place_id, g.place_id) FROM person p"
        " JOIN f0_case c ON c.person_id = p.person_id AND c.closed_ms IS NULL"
        " JOIN programme g ON g.programme_id = c.programme_id WHERE p.person_id = ?)"
        " WHERE device_id = ? AND place_id IS NULL",
        (person_id, device_id),
    )
    loan_id = f"ln-{secrets.token_hex(8)}"
    tx.execute(
        "INSERT INTO device_loan (loan_id, device_id, person_id, from_ms, decided_by)"
        " VALUES (?, ?, ?, ?, ?)",
        (loan_id, device_id, person_id, tx.now_ms, decided_by),
    )
    return loan_id


def give_back(tx: Transaction, loan_id: str) -> str:
    """End a loan now, and return whose it was; readings measured before stay with that person.

    Raises:
        NotFoundError: no such loan.
        IllegalTransitionError: it has ended.
    """
    rows = tx.rows(
        "SELECT person_id, from_ms, to_ms FROM device_loan WHERE loan_id = ?", (loan_id,)
    )
    if not rows:
        raise NotFoundError(f"no loan {loan_id}")
    person_id, from_ms, to_ms = rows[0]
    if to_ms is not None:
        raise IllegalTransitionError("returned", "return")
    tx.execute(
        "UPDATE device_loan SET to_ms = ? WHERE loan_id = ?",
        (max(tx.now_ms, from_ms + 1), loan_id),
    )
    return str(person_id)


_DEVICES: Final = (
    "SELECT d.device_id, d.kind, d.model, d.serial, d.battery_percent, d.connected, d.seen_ms,"
    " l.loan_id, l.person_id, p.personal, l.from_ms FROM device d"
    " LEFT JOIN device_loan l ON l.device_id = d.device_id AND l.from_ms <= ?"
    " AND (l.to_ms IS NULL OR l.to_ms > ?) LEFT JOIN person p ON p.person_id = l.person_id"
    " {joins} WHERE (l.loan_id IS NOT NULL AND ({lent})) OR (l.loan_id IS NULL AND {free})"
    " ORDER BY CASE WHEN l.loan_id IS NULL THEN 1 ELSE 0 END, d.device_id"
)


_BENEATH: Final = "d.place_id IN (SELECT place_id FROM place_ancestor WHERE ancestor_id = ?)"


def devices(reader: Reader, scope: Scope) -> list[DeviceShown]:
    """Return the devices of the scope: lent to its people, or free beneath its place."""
    condition, values = scope.condition()
    place_id = scope.actor.place_id
    beneath = () if place_id is None else (place_id,)
    rows = reader.rows(
        _DEVICES.format(joins=CASE_JOIN, lent=condition, free=_BENEATH if beneath else "1 = 1"),
        (scope.now_ms, scope.now_ms, *values, *beneath),
    )
    return [DeviceShown(*(*row[:9], _name(reader, row[8], row[9]), row[10])) for row in rows]


def _name(reader: Reader, person_id: str | None, sealed: bytes | None) -> str | None:
    return None if person_id is None else unseal(reader.vault, person_id, sealed).name


def borrower_of(reader: Reader, loan_id: str) -> str:
    """Return to whom a loan is, or was.

    Raises:
        NotFoundError: no such loan.
    """
    rows = reader.rows("SELECT person_id FROM device_loan WHERE loan_id = ?", (loan_id,))
    if not rows:
        raise NotFoundError(f"no loan {loan_id}")
    return str(rows[0][0])


def borrowers(reader: Reader, scope: Scope) -> list[Borrower]:
    """Return who of the scope could be lent a device: names only, nothing of their health."""
    condition, values = scope.condition()
    rows = reader.rows(
        "SELECT p.person_id, p.personal FROM person p"  # noqa: S608 - the scope's own words
        " JOIN f0_case c ON c.person_id = p.person_id AND c.closed_ms IS NULL"
        " JOIN programme g ON g.programme_id = c.programme_id"
        " WHERE NOT EXISTS (SELECT 1 FROM device_loan l WHERE l.person_id = p.person_id"
        f" AND (l.to_ms IS NULL OR l.to_ms > ?)) AND {condition}",
        (scope.now_ms, *values),
    )
    found = [Borrower(key, unseal(reader.vault, key, sealed).name) for key, sealed in rows]
    return sorted(found, key=lambda borrower: sort_key(borrower.name))
