"""Consent, the requests people make about their data, exports, and how long things are kept."""

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from telehealth.store.tables.columns import blob, ms, ms_or_none


class Consent(SQLModel, table=True):
    """One item that a person agreed to, with the proof; withdrawn, it stays as a record."""

    consent_id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.person_id", index=True)
    item: str
    version: str
    locale: str
    text_sha256: bytes = blob()
    """Of the words that were shown."""
    given_ms: int = ms()
    given_by: str
    """The account that ticked the box."""
    guardian_person_id: str | None = Field(default=None, foreign_key="person.person_id")
    channel: str
    """page, paper or spoken: how the person said so, or the witness's form."""
    proof: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed: the witness's note or the number of the signed paper."""
    withdrawn_ms: int | None = ms_or_none()
    withdrawn_by: str | None = None
    due_ms: int | None = ms_or_none()
    """By when what rests on it must have ended (Decree 356/2025)."""
    done_ms: int | None = ms_or_none()

    __table_args__ = (
        CheckConstraint("channel IN ('page', 'paper', 'spoken')", name="channel"),
        Index(
            "ux_consent_open",
            "person_id",
            "item",
            unique=True,
            sqlite_where=text("withdrawn_ms IS NULL"),
            postgresql_where=text("withdrawn_ms IS NULL"),
        ),
    )


class SubjectRequest(SQLModel, table=True):
    """A person's request about their data: a ticket with the law's clocks."""

    __tablename__ = "subject_request"

    request_id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.person_id", index=True)
    kind: str
    details: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed."""
    state: str = "open"
    opened_ms: int = ms()
    opened_by: str
    answer_due_ms: int = ms()
    done_due_ms: int = ms()
    answered_ms: int | None = ms_or_none()
    answered_by: str | None = None
    closed_ms: int | None = ms_or_none()
    closed_by: str | None = None
    outcome: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed: what was done, or why not."""

    __table_args__ = (
        CheckConstraint("kind IN ('copy', 'correct', 'delete', 'restrict')", name="kind"),
        CheckConstraint("state IN ('open', 'answered', 'done', 'refused')", name="state"),
    )


class Export(SQLModel, table=True):
    """Data that left: which, whose, to whom, and on what legal basis."""

    export_id: str = Field(primary_key=True)
    kind: str
    person_id: str | None = Field(default=None, foreign_key="person.person_id", index=True)
    basis: str
    """A `telehealth.consents.basis.LegalBasis`."""
    reference: str = ""
    """The written request, order or consent."""
    recipient: str
    made_by: str
    made_ms: int = ms()
    rows_count: int = 0
    sha256: bytes = blob()


class RetentionRule(SQLModel, table=True):
    """How long a table's rows are kept here, where it is not as the product's own table says."""

    __tablename__ = "retention_rule"

    subject: str = Field(primary_key=True)
    days: int
    reason: str
    changed_by: str
    changed_ms: int = ms()


class RetentionRun(SQLModel, table=True):
    """What one run of the retention job took away."""

    __tablename__ = "retention_run"

    run_id: str = Field(primary_key=True)
    at_ms: int = ms(index=True)
    removed: bytes = blob()
    """JSON: subject to rows."""
