"""All tables of the product, one file an area; importing this fills `SQLModel.metadata`.

Instants are epoch milliseconds UTC in BIGINT columns named `…_ms`: the same on both engines and
free in driver-level SQL (docs/adr/0003). Table models do not validate: values are checked at the
edge, and CHECK constraints hold in the database.
"""

from sqlmodel import SQLModel

from telehealth.store.tables.access import Account, LoginFailure, LoginSession
from telehealth.store.tables.alerts import AlertEventRow, AlertRow, Outbox, Timer
from telehealth.store.tables.calls import Call
from telehealth.store.tables.gateways import (
    DeviceEvent,
    Enrolment,
    Gateway,
    Refused,
    Stream,
    StreamGap,
    Upload,
)
from telehealth.store.tables.people import Case, Device, DeviceLoan, Person, Programme
from telehealth.store.tables.vitals import PersonStateRow, ReadingCopy, ReadingRow, Sequence

metadata = SQLModel.metadata

__all__ = [
    "Account",
    "AlertEventRow",
    "AlertRow",
    "Call",
    "Case",
    "Device",
    "DeviceEvent",
    "DeviceLoan",
    "Enrolment",
    "Gateway",
    "LoginFailure",
    "LoginSession",
    "Outbox",
    "Person",
    "PersonStateRow",
    "Programme",
    "ReadingCopy",
    "ReadingRow",
    "Refused",
    "Sequence",
    "Stream",
    "StreamGap",
    "Timer",
    "Upload",
    "metadata",
]
