"""A doctor asks for a new reading: the gateway shows it, or whoever looks after the person is told.

Theory of operation. Where the gateway that last heard the person's device is in contact and can
show a prompt, it is given a `measure` command. Where it cannot, where it says that it could not, or
where the command's time passes unanswered, a notice goes to the person and those who act for them
(kind `measure_please`; the channels of `telehealth.outbox` deliver it, and the patient's page shows
it). What became of it stands on the doctor's page; that nobody could be told stands there too.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from telehealth import gateway_commands, outbox, timers
from telehealth.errors import IllegalTransitionError
from telehealth.gateway_commands import LIFETIME, Answered, Wish
from telehealth.gateways import SILENT_AFTER_MS
from telehealth.store.database import Reader, Transaction
from telehealth.timers import Due

NOTICE: Final = "measure_please"
TIMER: Final = "measure_unanswered"
SHOWN_FOR_MS: Final = 12 * 3_600_000
"""How long the doctor's page says what became of it."""
OPEN_FOR_MS: Final = 2 * 3_600_000
"""How long the patient's page asks for it, unless a reading comes."""
AGAIN_AFTER_MS: Final = 60_000
"""Pressing twice is one request."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request did."""

    request_id: str
    gateway_id: str | None
    """Which gateway was given a command."""
    told: int
    """How many accounts were sent a notice."""


def ask(tx: Transaction, person_id: str, by: str) -> Asked:
    """Ask for a new reading of a person.

    Raises:
        IllegalTransitionError: it was asked for less than a minute ago.
    """
    before = _newest(tx, person_id)
    if before is not None and tx.now_ms - before[1] < AGAIN_AFTER_MS:
        raise IllegalTransitionError("asked", "ask", "it was asked for a moment ago")
    request_id = f"mr-{secrets.token_hex(8)}"
    found = _gateway_of(tx, person_id)
    command_id = None
    if found is not None:
        gateway_id, device_id = found
        wish = Wish(kind="measure", person_id=person_id, device_id=device_id)
        command_id = gateway_commands.give(tx, gateway_id, wish, by)
        lifetime_ms = int(LIFETIME["measure"].total_seconds() * 1000)
        timers.set_timer(tx, TIMER, request_id, tx.now_ms + lifetime_ms)
    columns = ("request_id", "person_id", "asked_by", "asked_ms", "command_id", "told")
    tx.insert("measure_request", columns, [(request_id, person_id, by, tx.now_ms, command_id, 0)])
    told = 0 if found is not None else _tell(tx, request_id, person_id)
    return Asked(request_id, found[0] if found else None, told)


def _newest(reader: Reader, person_id: str) -> tuple[str, int] | None:
    rows = reader.rows(
        "SELECT request_id, asked_ms FROM measure_request WHERE person_id = ?"
        " ORDER BY asked_ms DESC, request_id LIMIT 1",
        (person_id,),
    )
    return (rows[0][0], rows[0][1]) if rows else None


def _gateway_of(reader: Reader, person_id: str) -> tuple[str, str] | None:
    """Return the gateway that last heard the person's device, if it is there and can show it."""
    rows = reader.rows(
        "SELECT d.gateway_id, d.device_id, g.abilities, g.seen_ms FROM device_loan l"
        " JOIN device d ON d.device_id = l.device_id JOIN gateway g"
        " ON g.gateway_id = d.gateway_id WHERE l.person_id = ? AND l.from_ms <= ?"
        " AND (l.to_ms IS NULL OR l.to_ms > ?) AND g.revoked_ms IS NULL"
        " ORDER BY d.seen_ms DESC",
        (person_id, reader.now_ms, reader.now_ms),
    )
    for gateway_id, device_id, abilities, seen_ms in rows:
        in_contact = seen_ms is not None and reader.now_ms - seen_ms <= SILENT_AFTER_MS
        if in_contact and "measure" in abilities.split():
            return gateway_id, device_id
    return None


def _tell(tx: Transaction, request_id: str, person_id: str) -> int:
    """Queue a notice for the person and those who act for them; returns how many."""
    now = tx.now_ms
    rows = tx.rows(
        "SELECT a.account_id FROM account a WHERE a.disabled_ms IS NULL AND (a.person_id = ?"
        " OR a.person_id IN (SELECT x.proxy_person_id FROM person_proxy x WHERE x.person_id = ?"
        " AND x.from_ms <= ? AND (x.to_ms IS NULL OR x.to_ms > ?))) ORDER BY a.account_id",
        (person_id, person_id, now, now),
    )
    for (account_id,) in rows:
        outbox.queue(
            tx,
            outbox.Notice(
                idempotency_key=f"{NOTICE}:{request_id}:{account_id}",
                recipient_id=account_id,
                subject_id=person_id,
                payload={"kind": NOTICE, "person_id": person_id, "request_id": request_id},
            ),
        )
    tx.execute("UPDATE measure_request SET told = ? WHERE request_id = ?", (len(rows), request_id))
    return len(rows)


def answered(tx: Transaction, answer: Answered) -> list[str]:
    """Take a gateway's answer to a command; returns the bus topics to tell after the commit."""
    rows = tx.rows(
        "SELECT request_id, person_id FROM measure_request WHERE command_id = ?",
        (answer.command_id,),
    )
    if not rows:
        return []
    request_id, person_id = rows[0]
    timers.cancel_timer(tx, TIMER, request_id)
    if answer.outcome == "done":
        return [f"person:{person_id}"]
    _tell(tx, request_id, person_id)
    return ["outbox", f"person:{person_id}"]


def on_due(tx: Transaction, due: Due) -> list[str]:
    """Timer: the gateway did not answer in time."""
    rows = tx.rows("SELECT person_id FROM measure_request WHERE request_id = ?", (due.subject_id,))
    if not rows:
        return []
    _tell(tx, due.subject_id, rows[0][0])
    return ["outbox", f"person:{rows[0][0]}"]


HANDLERS: Final = {TIMER: on_due}


@dataclass(frozen=True, slots=True)
class Request:
    """The newest request as the doctor's page shows it."""

    asked_ms: int
    state: str
    """`shown` by the gateway, `sending` to it, `told` to somebody, or `nobody` could be."""
    shown_ms: int | None
    told: int
    measured_ms: int | None
    """When a reading came since."""


def standing(reader: Reader, person_id: str) -> Request | None:
    """Return what became of the newest request; None: none of the last hours."""
    rows = reader.rows(
        "SELECT m.asked_ms, m.told, c.done_ms, c.outcome, c.until_ms FROM measure_request m"
        " LEFT JOIN gateway_command c ON c.command_id = m.command_id WHERE m.person_id = ?"
        " AND m.asked_ms > ? ORDER BY m.asked_ms DESC, m.request_id LIMIT 1",
        (person_id, reader.now_ms - SHOWN_FOR_MS),
    )
    if not rows:
        return None
    asked_ms, told, done_ms, outcome, until_ms = rows[0]
    if outcome == "done":
        state = "shown"
    elif told:
        state = "told"
    elif outcome is None and until_ms is not None and until_ms > reader.now_ms:
        state = "sending"
    else:
        state = "nobody"
    return Request(
        asked_ms,
        state,
        done_ms if state == "shown" else None,
        told,
        _measured_since(reader, person_id, asked_ms),
    )


def _measured_since(reader: Reader, person_id: str, asked_ms: int) -> int | None:
    rows = reader.rows(
        "SELECT MIN(measured_ms) FROM reading WHERE person_id = ? AND measured_ms > ?"
        " AND gate <> 'rejected'",
        (person_id, asked_ms),
    )
    found: int | None = rows[0][0]
    return found


def wanted(reader: Reader, person_id: str) -> int | None:
    """Return since when a reading is asked for on the patient's page; None: it is not."""
    newest = _newest(reader, person_id)
    if newest is None or reader.now_ms - newest[1] > OPEN_FOR_MS:
        return None
    return None if _measured_since(reader, person_id, newest[1]) else newest[1]
