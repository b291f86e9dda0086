"""What a doctor has set for one person: target ranges, and NEWS2's SpO2 scale 2."""

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from telehealth.store.tables.columns import ms, ms_or_none


class PersonLimit(SQLModel, table=True):
    """One decision about one person, with who, why, and from when to when."""

    __tablename__ = "person_limit"

    limit_id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.person_id", index=True)
    kind: str
    lowest_percent: float | None = None
    highest_percent: float | None = None
    red_at_most_percent: float | None = None
    """Holds only once a second doctor has signed it."""
    reason: str
    set_by: str = Field(foreign_key="account.account_id")
    set_ms: int = ms()
    until_ms: int | None = ms_or_none()
    """A target range ends by itself."""
    signed_by: str | None = Field(default=None, foreign_key="account.account_id")
    signed_ms: int | None = ms_or_none()
    ended_by: str | None = None
    ended_ms: int | None = ms_or_none()

    __table_args__ = (
        CheckConstraint("kind IN ('target_range', 'scale_2')", name="kind"),
        CheckConstraint(
            "kind <> 'target_range' OR (lowest_percent < highest_percent AND until_ms > set_ms)",
            name="range",
        ),
        CheckConstraint("signed_by IS NULL OR signed_by <> set_by", name="second"),
    )
