"""All tables of the product, one file an area; importing this fills `SQLModel.metadata`.

Instants are epoch milliseconds UTC in BIGINT columns named `…_ms`: the same on both engines and
free in driver-level SQL (docs/adr/0003). Table models do not validate: values are checked at the
edge, and CHECK constraints hold in the database.
"""

from sqlmodel import SQLModel

from telehealth.store.tables.access import (
    Account,
    Attempts,
    BreakGlass,
    EntryCode,
    LoginFailure,
    LoginSession,
    LoginStep,
    RecoveryCode,
    RoleGrant,
    SecurityKey,
)
from telehealth.store.tables.alerts import AlertEventRow, AlertRow, Outbox, Timer
from telehealth.store.tables.audit import AuditEntry
from telehealth.store.tables.calls import Call
from telehealth.store.tables.consent import (
    Consent,
    Export,
    RetentionRule,
    RetentionRun,
    SubjectRequest,
)
from telehealth.store.tables.gateways import (
    DeviceEvent,
    Enrolment,
    Gateway,
    GatewayCommand,
    MeasureRequest,
    PhoneShown,
    Refused,
    Stream,
    StreamGap,
    Upload,
)
from telehealth.store.tables.limits import PersonLimit
from telehealth.store.tables.people import (
    Household,
    HouseholdMember,
    Person,
    PersonIdentifier,
    PersonMerge,
    PersonPair,
    PersonProxy,
    PersonToken,
    ReadingAttribution,
)
from telehealth.store.tables.places import Place, PlaceAncestor, PlaceSuccessor
from telehealth.store.tables.programmes import Case, Device, DeviceLoan, Programme
from telehealth.store.tables.vitals import PersonStateRow, ReadingCopy, ReadingRow, Sequence

metadata = SQLModel.metadata

__all__ = [
    "Account",
    "AlertEventRow",
    "AlertRow",
    "Attempts",
    "AuditEntry",
    "BreakGlass",
    "Call",
    "Case",
    "Consent",
    "Device",
    "DeviceEvent",
    "DeviceLoan",
    "Enrolment",
    "EntryCode",
    "Export",
    "Gateway",
    "GatewayCommand",
    "Household",
    "HouseholdMember",
    "LoginFailure",
    "LoginSession",
    "LoginStep",
    "MeasureRequest",
    "Outbox",
    "Person",
    "PersonIdentifier",
    "PersonLimit",
    "PersonMerge",
    "PersonPair",
    "PersonProxy",
    "PersonStateRow",
    "PersonToken",
    "PhoneShown",
    "Place",
    "PlaceAncestor",
    "PlaceSuccessor",
    "Programme",
    "ReadingAttribution",
    "ReadingCopy",
    "ReadingRow",
    "RecoveryCode",
    "Refused",
    "RetentionRule",
    "RetentionRun",
    "RoleGrant",
    "SecurityKey",
    "Sequence",
    "Stream",
    "StreamGap",
    "SubjectRequest",
    "Timer",
    "Upload",
    "metadata",
]
