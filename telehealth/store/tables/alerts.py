"""Alerts, what happened to them, the clocks that drive them, and what waits to be sent."""

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from telehealth.store.tables.columns import big, blob, ms, ms_or_none, row_id

_OPEN = "status IN ('raised', 'notified', 'accepted', 'acting')"


class AlertRow(SQLModel, table=True):
    """One alert; at most one is open for a person and cause (life cycle: docs/rules.md)."""

    __tablename__ = "alert"

    alert_id: str = Field(primary_key=True)
    subject_id: str
    """The person; or the device where the reading is nobody's, for the station's desk."""
    person_id: str | None = Field(default=None, foreign_key="person.person_id", index=True)
    device_id: str | None = None
    cause: str
    kind: str
    """physiological or technical."""
    priority: str
    level: int
    status: str
    step: int = 0
    """Escalation step, a number; not a state."""
    owner_id: str | None = Field(default=None, foreign_key="account.account_id")
    reasons: bytes = blob()
    rule_pack: str = ""
    level_table: str = ""
    awaiting_repeat: bool = False
    late: bool = False
    time_uncertain: bool = False
    measured_ms: int = ms()
    raised_ms: int = ms()
    clock_ms: int = ms()
    """When the escalation clock last started."""
    accepted_ms: int | None = ms_or_none()
    accepted_by: str | None = None
    accept_reason: str | None = None
    review_ms: int | None = ms_or_none()
    closed_ms: int | None = ms_or_none()
    closed_by: str | None = None
    close_reason: str | None = None
    merged_into: str | None = None
    version: int = big()
    changed_in: int = big()

    __table_args__ = (
        Index(
            "ux_alert_open",
            "subject_id",
            "cause",
            unique=True,
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
        CheckConstraint("kind IN ('physiological', 'technical')", name="kind"),
        CheckConstraint("priority IN ('high', 'medium', 'low')", name="priority"),
        CheckConstraint(
            "status IN ('raised', 'notified', 'accepted', 'acting', 'resolved', 'noise', 'merged')",
            name="status",
        ),
    )


class AlertEventRow(SQLModel, table=True):
    """One step in an alert's life: who, when, why; written with it, never changed."""

    __tablename__ = "alert_event"

    event_id: int | None = row_id()
    alert_id: str = Field(foreign_key="alert.alert_id", index=True)
    at_ms: int = ms()
    actor_id: str | None = None
    """None: the engine itself."""
    action: str
    before: str
    after: str
    level: int
    step: int
    reason: str | None = None
    note: str | None = None


class Timer(SQLModel, table=True):
    """Something that must happen at a time; taken and advanced in one transaction."""

    timer_id: int | None = row_id()
    kind: str
    subject_id: str
    due_ms: int = ms(index=True)
    payload: bytes = Field(default=b"", sa_type=LargeBinary)

    __table_args__ = (Index("ux_timer_subject", "kind", "subject_id", unique=True),)


class Outbox(SQLModel, table=True):
    """What has to be sent, at least once, under one idempotency key."""

    outbox_id: int | None = row_id()
    idempotency_key: str = Field(unique=True)
    channel: str
    recipient_id: str
    subject_id: str
    payload: bytes = blob()
    created_ms: int = ms()
    due_ms: int = ms()
    attempts: int = 0
    sent_ms: int | None = ms_or_none()
    seen_ms: int | None = ms_or_none()

    __table_args__ = (
        Index(
            "ix_outbox_due",
            "due_ms",
            sqlite_where=text("sent_ms IS NULL"),
            postgresql_where=text("sent_ms IS NULL"),
        ),
    )
