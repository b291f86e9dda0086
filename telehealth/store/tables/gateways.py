"""Gateways, their streams, and the uploads as they were sent."""

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from telehealth.store.tables.columns import big, blob, ms, ms_or_none, row_id


class Gateway(SQLModel, table=True):
    """A gateway that holds an Ed25519 key we know, or an account whose phones upload."""

    gateway_id: str = Field(primary_key=True)
    name: str
    place_id: str | None = Field(default=None, foreign_key="place.place_id", index=True)
    """Where it stands; unowned readings of its devices wait on that station's desk."""
    public_key: bytes = blob()
    software: str = ""
    enrolled_ms: int = ms()
    revoked_ms: int | None = ms_or_none()
    seen_ms: int | None = ms_or_none()
    model: str = ""
    """The machine it runs on, as it says."""
    abilities: str = ""
    """The kinds of command it can carry out, a space between."""
    account_id: str | None = Field(default=None, foreign_key="account.account_id")
    """Whose phones; the key is empty then. None: a gateway."""


class Enrolment(SQLModel, table=True):
    """A one-use code; only its SHA-256 is kept."""

    code_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    created_by: str
    place_id: str | None = None
    expires_ms: int = ms()
    used_ms: int | None = ms_or_none()
    gateway_id: str | None = None


class Stream(SQLModel, table=True):
    """One numbering of one gateway; `acked` is the last number committed."""

    stream_id: int | None = row_id()
    gateway_id: str = Field(foreign_key="gateway.gateway_id")
    name: str
    epoch: str
    acked: int = big()
    created_ms: int = ms()

    __table_args__ = (
        UniqueConstraint("gateway_id", "name", "epoch"),
        CheckConstraint("name IN ('live', 'backlog')", name="name"),
    )


class StreamGap(SQLModel, table=True):
    """Numbers that nobody has any more."""

    __tablename__ = "stream_gap"

    gap_id: int | None = row_id()
    stream_id: int = big()
    first_seq: int = big()
    last_seq: int = big()
    reason: str = ""
    noticed_ms: int = ms()


class Upload(SQLModel, table=True):
    """A batch as it was sent: the durable unit. No index: the stream row carries uniqueness."""

    upload_id: int | None = row_id()
    stream_id: int = big()
    seq: int = big()
    received_ms: int = ms()
    payload: bytes = blob()


class Refused(SQLModel, table=True):
    """What was not taken, whole, with the reason that the gateway was told."""

    refused_id: int | None = row_id()
    gateway_id: str = Field(index=True)
    stream_id: int | None = big(None)
    seq: int | None = big(None)
    part: str = ""
    reason: str
    received_ms: int = ms()
    payload: bytes = blob()


class DeviceEvent(SQLModel, table=True):
    """What happened to a device: connected, finger off, battery."""

    __tablename__ = "device_event"

    event_id: int | None = row_id()
    device_id: str = Field(index=True)
    kind: str
    at_ms: int = ms()
    received_ms: int = ms()
    value: float | None = None


class GatewayCommand(SQLModel, table=True):
    """What a gateway is asked to do, and what became of it."""

    __tablename__ = "gateway_command"

    command_id: str = Field(primary_key=True)
    gateway_id: str = Field(foreign_key="gateway.gateway_id", index=True)
    kind: str
    person_id: str | None = Field(default=None, foreign_key="person.person_id")
    """Whom it is about: a new reading is asked for."""
    payload: bytes = blob()
    """The message as it is given."""
    given_by: str
    given_ms: int = ms()
    until_ms: int = ms()
    done_ms: int | None = ms_or_none()
    outcome: str | None = None
    note: str | None = None


class MeasureRequest(SQLModel, table=True):
    """A doctor asked for a new reading."""

    __tablename__ = "measure_request"

    request_id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.person_id", index=True)
    asked_by: str
    asked_ms: int = ms()
    command_id: str | None = None
    """What the gateway was given; None: there was none that could."""
    told: int = 0
    """How many accounts were sent a notice."""


class PhoneShown(SQLModel, table=True):
    """What a phone showed about a reading, or what was pressed there, before or after we knew."""

    __tablename__ = "phone_shown"

    shown_id: int | None = row_id()
    person_id: str = Field(foreign_key="person.person_id")
    account_id: str
    code: str
    at_ms: int = ms()
    measured_ms: int = ms()
    """Of the reading it is about."""
    rules: str = ""
    """By which the phone chose."""
    received_ms: int = ms()

    __table_args__ = (Index("ix_phone_shown_person", "person_id", "measured_ms"),)
