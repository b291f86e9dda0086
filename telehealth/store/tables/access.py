"""Who may log in, as what, where they are logged in now, and what proves it."""

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from telehealth.store.tables.columns import big, blob, ms, ms_or_none

_ROLES = (
    "'patient', 'nurse', 'doctor', 'coordinator', 'supervisor', 'checker', 'tracer', 'laboratory',"
    " 'vaccinator', 'manager', 'administrator', 'privacy_officer'"
)


class Account(SQLModel, table=True):
    """A log-in; a patient's or carer's belongs to a person."""

    account_id: str = Field(primary_key=True)
    login: str = Field(unique=True)
    display_name: str
    """Of staff; a patient's is the person's, which lies sealed."""
    role: str
    """The role that a new session begins in."""
    password_hash: str
    """argon2id, in its own encoded form; empty: no password, codes alone."""
    person_id: str | None = Field(default=None, foreign_key="person.person_id", index=True)
    programme_id: str | None = Field(default=None, foreign_key="programme.programme_id")
    locale: str = "vi"
    totp: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed secret of RFC 6238."""
    totp_confirmed_ms: int | None = ms_or_none()
    totp_last_step: int = big()
    """The last time step that was used: a code works once (RFC 6238 §5.2)."""
    password_temporary: bool = False
    """Made by somebody else: to be changed at the next log-in."""
    created_ms: int = ms()
    disabled_ms: int | None = ms_or_none()

    __table_args__ = (CheckConstraint(f"role IN ({_ROLES})", name="role"),)


class RoleGrant(SQLModel, table=True):
    """A role that an account holds beneath one place, from one instant to another."""

    __tablename__ = "role_grant"

    grant_id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.account_id", index=True)
    role: str
    place_id: str | None = Field(default=None, foreign_key="place.place_id", index=True)
    """None: everywhere."""
    programme_id: str | None = Field(default=None, foreign_key="programme.programme_id")
    """Only people of this programme; None: of any."""
    from_ms: int = ms()
    to_ms: int | None = ms_or_none()
    granted_by: str
    ended_by: str | None = None

    __table_args__ = (CheckConstraint(f"role IN ({_ROLES})", name="role"),)


class LoginSession(SQLModel, table=True):
    """A signed-in browser; only the SHA-256 of its token is kept."""

    __tablename__ = "login_session"

    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    account_id: str = Field(foreign_key="account.account_id", index=True)
    grant_id: str | None = Field(default=None, foreign_key="role_grant.grant_id")
    """The role this session acts in; None: the person's own."""
    second_factor: str | None = None
    """totp, webauthn or recovery; None: none was asked for."""
    confirmed_ms: int | None = ms_or_none()
    """When the person last proved who they are: at log-in, or again before something grave."""
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


class Attempts(SQLModel, table=True):
    """How often something was tried of late: a stored token bucket under a hashed key."""

    key: bytes = Field(primary_key=True, sa_type=LargeBinary)
    used: float
    updated_ms: int = ms(index=True)


class LoginStep(SQLModel, table=True):
    """A log-in or confirmation that waits for its second half; lives five minutes."""

    __tablename__ = "login_step"

    step_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    kind: str
    account_id: str | None = Field(default=None, foreign_key="account.account_id")
    challenge: bytes | None = Field(default=None, sa_type=LargeBinary)
    """What a security key must sign (WebAuthn level 2 §13.4.3)."""
    payload: bytes | None = Field(default=None, sa_type=LargeBinary)
    failures: int = 0
    expires_ms: int = ms(index=True)


class SecurityKey(SQLModel, table=True):
    """A WebAuthn credential of an account."""

    __tablename__ = "security_key"

    credential_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    account_id: str = Field(foreign_key="account.account_id", index=True)
    name: str
    public_key: bytes = blob()
    sign_count: int = big()
    transports: str = ""
    created_ms: int = ms()
    used_ms: int | None = ms_or_none()


class RecoveryCode(SQLModel, table=True):
    """A one-use code for whoever lost the second factor; only its hash is kept."""

    __tablename__ = "recovery_code"

    code_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    account_id: str = Field(foreign_key="account.account_id", index=True)
    created_ms: int = ms()
    used_ms: int | None = ms_or_none()


class EntryCode(SQLModel, table=True):
    """A one-use code by which a patient or carer enters: read from a QR code, or typed."""

    __tablename__ = "entry_code"

    code_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    person_id: str = Field(foreign_key="person.person_id", index=True)
    kind: str
    """enrolment (a QR code that a nurse hands over) or one_time (told or sent)."""
    created_by: str
    created_ms: int = ms()
    expires_ms: int = ms()
    used_ms: int | None = ms_or_none()
    used_by: str | None = None

    __table_args__ = (CheckConstraint("kind IN ('enrolment', 'one_time')", name="kind"),)


class BreakGlass(SQLModel, table=True):
    """Access taken in an emergency to somebody out of reach; at most an hour, always reviewed."""

    __tablename__ = "break_glass"

    break_glass_id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.account_id", index=True)
    person_id: str = Field(foreign_key="person.person_id", index=True)
    reason: str
    note: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed."""
    started_ms: int = ms()
    ends_ms: int = ms()
    ended_by: str | None = None
    reviewed_by: str | None = None
    reviewed_ms: int | None = ms_or_none()
    verdict: str | None = None
    review_note: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed."""

    __table_args__ = (
        CheckConstraint("verdict IN ('justified', 'not_justified')", name="verdict"),
        Index(
            "ix_break_glass_unreviewed",
            "started_ms",
            sqlite_where=text("reviewed_ms IS NULL"),
            postgresql_where=text("reviewed_ms IS NULL"),
        ),
    )
