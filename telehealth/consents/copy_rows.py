"""Reads everything of one person for their copy, in order, large tables in chunks."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from protocols.uplink import instant
from telehealth.access.policy import Role
from telehealth.consents import basis, copy_schema, requests
from telehealth.consents.items import Item, version_of
from telehealth.consents.texts import TEXTS
from telehealth.errors import NotFoundError
from telehealth.people.records import unseal
from telehealth.store.database import Reader

CHUNK_ROWS: Final = 2_000
_READING: Final = copy_schema.Reading.__struct_fields__
_READING_COLUMNS: Final = (
    "measured_ms", "received_ms", *_READING[2:]
)  # fmt: skip


def person(reader: Reader, person_id: str) -> copy_schema.Person:
    """Return who the person is.

    Raises:
        NotFoundError: no such person.
    """
    rows = reader.rows(
        "SELECT p.personal, p.sex, p.locale, p.created_ms, p.restricted_ms,"
        " COALESCE(l.name, p.place_given) FROM person p LEFT JOIN place l"
        " ON l.place_id = p.place_id WHERE p.person_id = ?",
        (person_id,),
    )
    if not rows:
        raise NotFoundError(f"no person {person_id}")
    sealed, sex, locale, created_ms, restricted_ms, place = rows[0]
    own = unseal(reader.vault, person_id, sealed)
    return copy_schema.Person(
        person_id=person_id,
        name=own.name,
        birth_date=own.birth_date or None,
        sex=sex,
        address=own.address or None,
        place=place,
        locale=locale,
        registered_at=instant(created_ms),
        restricted_since=_at(restricted_ms),
    )


def identifiers(reader: Reader, person_id: str) -> Iterator[copy_schema.Identifier]:
    """Yield the numbers under which the person is known."""
    rows = reader.rows(
        "SELECT identifier_id, kind, sealed, valid_from, valid_to, source FROM person_identifier"
        " WHERE person_id = ? ORDER BY kind, identifier_id",
        (person_id,),
    )
    for identifier_id, kind, sealed, valid_from, valid_to, source in rows:
        value = reader.vault.open(bytes(sealed), "person_identifier", "sealed", identifier_id)
        yield copy_schema.Identifier(
            kind=kind,
            value=value.decode(),
            valid_from=valid_from,
            valid_to=valid_to,
            source=source,
        )


def proxies(reader: Reader, person_id: str) -> Iterator[copy_schema.Proxy]:
    """Yield who may act for the person, without naming them."""
    rows = reader.rows(
        "SELECT kind, basis, from_ms, to_ms FROM person_proxy WHERE person_id = ?"
        " ORDER BY from_ms, proxy_id",
        (person_id,),
    )
    for kind, why, from_ms, to_ms in rows:
        yield copy_schema.Proxy(kind=kind, basis=why, from_at=instant(from_ms), to_at=_at(to_ms))


def cases(reader: Reader, person_id: str) -> Iterator[copy_schema.Case]:
    """Yield the cases."""
    rows = reader.rows(
        "SELECT c.case_id, g.name, c.state, c.onset_date, c.opened_ms, c.closed_ms FROM f0_case c"
        " JOIN programme g ON g.programme_id = c.programme_id WHERE c.person_id = ?"
        " ORDER BY c.opened_ms, c.case_id",
        (person_id,),
    )
    for case_id, programme, state, onset, opened_ms, closed_ms in rows:
        yield copy_schema.Case(
            case_id=case_id,
            programme=programme,
            state=state,
            onset_date=onset,
            opened_at=instant(opened_ms),
            closed_at=_at(closed_ms),
        )


def loans(reader: Reader, person_id: str) -> Iterator[copy_schema.Loan]:
    """Yield the devices that were lent."""
    rows = reader.rows(
        "SELECT l.device_id, d.model, l.from_ms, l.to_ms FROM device_loan l"
        " JOIN device d ON d.device_id = l.device_id WHERE l.person_id = ?"
        " ORDER BY l.from_ms, l.loan_id",
        (person_id,),
    )
    for device_id, model, from_ms, to_ms in rows:
        yield copy_schema.Loan(
            device_id=device_id, model=model, from_at=instant(from_ms), to_at=_at(to_ms)
        )


def readings(reader: Reader, person_id: str) -> Iterator[copy_schema.Reading]:
    """Yield the readings by the time they were measured, a chunk in memory at a time."""
    sql = (
        f"SELECT reading_id, {', '.join(_READING_COLUMNS)} FROM reading"  # noqa: S608 - ours
        " WHERE person_id = ? AND (measured_ms > ? OR (measured_ms = ? AND reading_id > ?))"
        " ORDER BY measured_ms, reading_id LIMIT ?"
    )
    last_ms, last_id = -(2**62), -1
    while rows := reader.rows(sql, (person_id, last_ms, last_ms, last_id, CHUNK_ROWS)):
        for row in rows:
            yield _reading(row[1:])
        last_id, last_ms = rows[-1][:2]


def _reading(row: tuple[Any, ...]) -> copy_schema.Reading:
    values = dict(zip(_READING, row, strict=True))
    return copy_schema.Reading(
        **values
        | {
            "measured_at": instant(row[0]),
            "received_at": instant(row[1]),
            "late": bool(values["late"]),
            "time_uncertain": bool(values["time_uncertain"]),
        }
    )


def alerts(reader: Reader, person_id: str) -> Iterator[copy_schema.Alert]:
    """Yield the alerts, each with its steps."""
    rows = reader.rows(
        "SELECT alert_id, cause, kind, priority, level, status, measured_ms, raised_ms,"
        " accepted_ms, closed_ms, close_reason, reasons FROM alert WHERE person_id = ?"
        " ORDER BY raised_ms, alert_id",
        (person_id,),
    )
    for row in rows:
        alert_id, cause, kind, priority, level, status, measured_ms, raised_ms = row[:8]
        yield copy_schema.Alert(
            alert_id=alert_id,
            cause=cause,
            kind=kind,
            priority=priority,
            level=level,
            status=status,
            measured_at=instant(measured_ms),
            raised_at=instant(raised_ms),
            accepted_at=_at(row[8]),
            closed_at=_at(row[9]),
            close_reason=row[10],
            reasons=msgspec.json.decode(bytes(row[11])),
            steps=_steps(reader, alert_id),
        )


def _steps(reader: Reader, alert_id: str) -> list[copy_schema.AlertStep]:
    rows = reader.rows(
        "SELECT at_ms, action, after, reason, note FROM alert_event WHERE alert_id = ?"
        " ORDER BY event_id",
        (alert_id,),
    )
    return [
        copy_schema.AlertStep(at=instant(r[0]), action=r[1], after=r[2], reason=r[3], note=r[4])
        for r in rows
    ]


def calls(reader: Reader, person_id: str) -> Iterator[copy_schema.Call]:
    """Yield the calls."""
    rows = reader.rows(
        "SELECT state, requested_ms, connected_ms, ended_ms, end_reason FROM call"
        " WHERE person_id = ? ORDER BY requested_ms, room_id",
        (person_id,),
    )
    for state, requested_ms, connected_ms, ended_ms, why in rows:
        yield copy_schema.Call(
            state=state,
            requested_at=instant(requested_ms),
            connected_at=_at(connected_ms),
            ended_at=_at(ended_ms),
            end_reason=why,
        )


def on_phone(reader: Reader, person_id: str) -> Iterator[copy_schema.OnPhone]:
    """Yield what phones showed about the person's readings."""
    rows = reader.rows(
        "SELECT at_ms, code, measured_ms, rules FROM phone_shown WHERE person_id = ?"
        " ORDER BY at_ms, shown_id",
        (person_id,),
    )
    for at_ms, code, measured_ms, rules in rows:
        yield copy_schema.OnPhone(
            at=instant(at_ms), code=code, measured_at=instant(measured_ms), rules=rules
        )


def asked_to_measure(reader: Reader, person_id: str) -> Iterator[copy_schema.Asked]:
    """Yield when a new reading was asked for."""
    rows = reader.rows(
        "SELECT asked_ms FROM measure_request WHERE person_id = ? ORDER BY asked_ms, request_id",
        (person_id,),
    )
    for (asked_ms,) in rows:
        yield copy_schema.Asked(at=instant(asked_ms))


def consents(reader: Reader, person_id: str) -> Iterator[copy_schema.Consent]:
    """Yield the consents, given and withdrawn, with the words that were shown."""
    rows = reader.rows(
        "SELECT consent_id, item, version, locale, text_sha256, channel, proof, given_ms,"
        " withdrawn_ms FROM consent WHERE person_id = ? ORDER BY given_ms, consent_id",
        (person_id,),
    )
    for consent_id, item, version, locale, digest, channel, proof, given_ms, withdrawn_ms in rows:
        yield copy_schema.Consent(
            item=item,
            version=version,
            locale=locale,
            text=version_of(TEXTS, Item(item), version).words(locale).shown,
            text_sha256=bytes(digest).hex(),
            channel=channel,
            note=_note(reader, consent_id, proof),
            given_at=instant(given_ms),
            withdrawn_at=_at(withdrawn_ms),
        )


def _note(reader: Reader, consent_id: str, proof: bytes | None) -> str:
    if proof is None:
        return ""
    opened: Mapping[str, Any] = msgspec.json.decode(
        reader.vault.open(bytes(proof), "consent", "proof", consent_id)
    )
    return str(opened["note"])


def tickets(reader: Reader, person_id: str) -> Iterator[copy_schema.Request]:
    """Yield the person's requests."""
    for ticket in reversed(requests.of_person(reader, person_id)):
        yield copy_schema.Request(
            kind=ticket.kind.value,
            state=ticket.state.value,
            details=ticket.details,
            outcome=ticket.outcome,
            opened_at=instant(ticket.opened_ms),
            closed_at=_at(ticket.closed_ms),
        )


def exports(reader: Reader, person_id: str) -> Iterator[copy_schema.ExportLine]:
    """Yield what left about the person."""
    for export in reversed(basis.exports_of(reader, person_id)):
        yield copy_schema.ExportLine(
            kind=export.kind,
            basis=export.basis.value,
            reference=export.reference,
            recipient=export.recipient,
            made_at=instant(export.made_ms),
        )


def looks(reader: Reader, person_id: str) -> Iterator[copy_schema.Look]:
    """Yield who did or saw what of the person, a chunk in memory at a time."""
    sql = (
        "SELECT a.chain_id, a.seq, a.at_ms, a.action, a.decision, a.role, c.display_name"
        " FROM audit a LEFT JOIN account c ON c.account_id = a.actor_id AND c.role <> ?"
        " WHERE a.person_id = ? AND (a.at_ms > ? OR (a.at_ms = ? AND (a.chain_id > ?"
        " OR (a.chain_id = ? AND a.seq > ?)))) ORDER BY a.at_ms, a.chain_id, a.seq LIMIT ?"
    )
    at, chain, seq = -(2**62), "", -1
    patient = Role.PATIENT.value
    while rows := reader.rows(sql, (patient, person_id, at, at, chain, chain, seq, CHUNK_ROWS)):
        for row in rows:
            yield copy_schema.Look(
                at=instant(row[2]), action=row[3], decision=row[4], role=row[5], who=row[6] or ""
            )
        chain, seq, at = rows[-1][:3]


def _at(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else instant(at_ms)
