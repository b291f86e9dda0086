"""Who may log in, as what, and where they are logged in now."""

from sqlalchemy import CheckConstraint, LargeBinary
from sqlmodel import Field, SQLModel

from telehealth.store.tables.columns import ms, ms_or_none


class Account(SQLModel, table=True):
    """A log-in; a patient's belongs to a person."""

    account_id: str = Field(primary_key=True)
    login: str = Field(unique=True)
    display_name: str
    role: str
    password_hash: str
    """argon2id, in its own encoded form."""
    person_id: str | None = Field(default=None, foreign_key="person.person_id")
    programme_id: str | None = Field(default=None, foreign_key="programme.programme_id")
    locale: str = "vi"
    created_ms: int = ms()
    disabled_ms: int | None = ms_or_none()

    __table_args__ = (
        CheckConstraint("role IN ('doctor', 'patient', 'administrator')", name="role"),
    )


class LoginSession(SQLModel, table=True):
    """A signed-in browser; only the SHA-256 of its token is kept."""

    __tablename__ = "login_session"

    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    account_id: str = Field(foreign_key="account.account_id", index=True)
    created_ms: int = ms()
    used_ms: int = ms()
    expires_ms: int = ms()
    user_agent: str = ""


class LoginFailure(SQLModel, table=True):
    """Failed log-ins of one name, known or not; lock-out survives a restart."""

    __tablename__ = "login_failure"

    login: str = Field(primary_key=True)
    failures: int = 0
    locked_until_ms: int | None = ms_or_none()
    last_ms: int = ms()
