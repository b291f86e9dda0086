"""Video consultations: one row a call, its states as docs/calls.md lists them."""

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from telehealth.store.tables.columns import big, ms, ms_or_none


class Call(SQLModel, table=True):
    """One consultation between a doctor and a person."""

    room_id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.person_id", index=True)
    doctor_id: str | None = Field(default=None, foreign_key="account.account_id", index=True)
    alert_id: str | None = None
    requested_by: str
    state: str
    requested_ms: int = ms()
    accepted_ms: int | None = ms_or_none()
    accepted_by: str | None = None
    connected_ms: int | None = ms_or_none()
    ended_ms: int | None = ms_or_none()
    end_reason: str | None = None
    ended_by: str | None = None
    changed_in: int = big()

    __table_args__ = (
        CheckConstraint(
            "state IN ('requested', 'offered', 'accepted', 'in_session', 'interrupted',"
            " 'concluded', 'declined', 'no_show', 'cancelled')",
            name="state",
        ),
        Index(
            "ux_call_open_person",
            "person_id",
            unique=True,
            sqlite_where=text("ended_ms IS NULL"),
            postgresql_where=text("ended_ms IS NULL"),
        ),
    )
