"""The shape of a person's copy: what `data.json` holds, and the JSON Schema beside it. No I/O.

Instants are RFC 3339 UTC. A field that is null says that nothing is known. The shape has a version;
fields are only ever added (docs/consent.md, "The copy").
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

SCHEMA: Final = "telehealth-person-copy/1"


class Person(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who the person is."""

    person_id: str
    name: str
    birth_date: str | None
    sex: str
    address: str | None
    place: str | None
    locale: str
    registered_at: datetime
    restricted_since: datetime | None


class Identifier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number under which somebody knows the person."""

    kind: str
    value: str
    valid_from: str | None
    valid_to: str | None
    source: str


class Proxy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That somebody may act for the person; who it is stays with them."""

    kind: str
    basis: str
    from_at: datetime
    to_at: datetime | None


class Case(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case: programme, state, dates."""

    case_id: str
    programme: str
    state: str
    onset_date: str | None
    opened_at: datetime
    closed_at: datetime | None


class Loan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device that was lent."""

    device_id: str
    model: str
    from_at: datetime
    to_at: datetime | None


class Reading(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reading with what the rules said of it."""

    measured_at: datetime
    received_at: datetime
    device_id: str
    kind: str
    spo2_percent: float | None
    spo2_min_percent: float | None
    pulse_per_min: float | None
    perfusion_index_percent: float | None
    respiration_per_min: float | None
    temperature_celsius: float | None
    systolic_mmhg: float | None
    diastolic_mmhg: float | None
    oxygen: str | None
    consciousness: str | None
    quality_share: float | None
    gate: str
    gate_reasons: str | None
    level: int | None
    news2_lower: int | None
    news2_upper: int | None
    rule_pack: str | None
    level_table: str | None
    late: bool
    time_uncertain: bool


class AlertStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step in an alert's life."""

    at: datetime
    action: str
    after: str
    reason: str | None
    note: str | None


class Alert(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One alert with why it was raised and what became of it."""

    alert_id: str
    cause: str
    kind: str
    priority: str
    level: int
    status: str
    measured_at: datetime
    raised_at: datetime
    accepted_at: datetime | None
    closed_at: datetime | None
    close_reason: str | None
    reasons: Any
    steps: list[AlertStep]


class Call(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One video call."""

    state: str
    requested_at: datetime
    connected_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None


class OnPhone(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something a phone showed about a reading, or that was pressed there."""

    at: datetime
    code: str
    measured_at: datetime
    rules: str


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A doctor asked for a new reading."""

    at: datetime


class Consent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One consent with the words that were shown."""

    item: str
    version: str
    locale: str
    text: str
    text_sha256: str
    channel: str
    note: str
    given_at: datetime
    withdrawn_at: datetime | None


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request about the data."""

    kind: str
    state: str
    details: str
    outcome: str
    opened_at: datetime
    closed_at: datetime | None


class ExportLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data that left, to whom and on what basis."""

    kind: str
    basis: str
    reference: str
    recipient: str
    made_at: datetime


class Look(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody looked at or changed the person's data."""

    at: datetime
    action: str
    decision: str
    role: str
    who: str
    """The name of a member of staff; empty for the person and their carers."""


class Copy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of `data.json`."""

    schema: str
    made_at: datetime
    person: Person
    identifiers: list[Identifier]
    proxies: list[Proxy]
    cases: list[Case]
    loans: list[Loan]
    readings: list[Reading]
    alerts: list[Alert]
    calls: list[Call]
    on_phone: list[OnPhone]
    asked_to_measure: list[Asked]
    consents: list[Consent]
    requests: list[Request]
    exports: list[ExportLine]
    looks: list[Look]


def json_schema() -> bytes:
    """Return the JSON Schema (2020-12) of `data.json`."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Copy), order="sorted"))
