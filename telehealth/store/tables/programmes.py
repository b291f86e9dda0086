"""Programmes, cases, and which device is lent to whom, when."""

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from telehealth.store.tables.columns import ms, ms_or_none


class Programme(SQLModel, table=True):
    """A place and dates with one rule pack; a person is in one at a time (docs/architecture.md)."""

    programme_id: str = Field(primary_key=True)
    name: str
    place: str
    """As it is called on pages."""
    place_id: str | None = Field(default=None, foreign_key="place.place_id", index=True)
    """Where it runs: nobody outside this place's subtree is in it."""
    time_zone: str = "Asia/Ho_Chi_Minh"
    rule_pack: str
    """Name and edition, `moh-vn-261@2022-01-31`."""
    compared_pack: str | None = None
    """A pack that runs beside, to be compared; it decides nothing."""
    mode: str = "evaluation"
    """`clinical` loads no entry of low confidence and no level table without a signature."""
    levels_signed_by: str | None = None
    """The clinician of the operator who answers for the level table."""
    levels_signed_on: str | None = None
    cadence_s: int = 43_200
    """A reading is expected this often; a person is grey after 1.5 times as long."""
    station_phone: str | None = None
    """Whom people call when something is wrong, as it is dialled."""
    sms_number: str | None = None
    """Where readings may be sent by SMS; None: to the station."""
    valid_from_ms: int = ms()
    valid_to_ms: int | None = ms_or_none()

    __table_args__ = (CheckConstraint("mode IN ('clinical', 'evaluation')", name="mode"),)


class Case(SQLModel, table=True):
    """A minimal F0 case: who answers for the person, and under which programme."""

    __tablename__ = "f0_case"

    case_id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.person_id", index=True)
    programme_id: str = Field(foreign_key="programme.programme_id")
    state: str = "home_care"
    assigned_doctor_id: str | None = Field(
        default=None, foreign_key="account.account_id", index=True
    )
    onset_date: str | None = None
    opened_ms: int = ms()
    closed_ms: int | None = ms_or_none()

    __table_args__ = (
        Index(
            "ux_case_open_person",
            "person_id",
            unique=True,
            sqlite_where=text("closed_ms IS NULL"),
            postgresql_where=text("closed_ms IS NULL"),
        ),
    )


class Device(SQLModel, table=True):
    """A sensor that a gateway reads."""

    device_id: str = Field(primary_key=True)
    kind: str = "oximeter"
    model: str = ""
    serial: str = ""
    place_id: str | None = Field(default=None, foreign_key="place.place_id", index=True)
    """The station that owns it."""
    withheld_from_ms: int | None = ms_or_none()
    """Its last borrower withdrew consent then: what it measures since is not kept."""
    gateway_id: str | None = None
    """Which gateway heard it last."""
    battery_percent: int | None = None
    battery_low: bool = False
    clock_offset_s: float | None = None
    """How far ahead its own clock was when the gateway last corrected by it."""
    connected: bool | None = None
    seen_ms: int | None = ms_or_none()
    registered_ms: int = ms()


class DeviceLoan(SQLModel, table=True):
    """A device lent to a person from one instant to another; attribution rests on it."""

    __tablename__ = "device_loan"

    loan_id: str = Field(primary_key=True)
    device_id: str = Field(foreign_key="device.device_id", index=True)
    person_id: str = Field(foreign_key="person.person_id", index=True)
    from_ms: int = ms()
    to_ms: int | None = ms_or_none()
    decided_by: str = ""
    """Account or rule that said so."""

    __table_args__ = (CheckConstraint("to_ms IS NULL OR to_ms > from_ms", name="dates"),)
