"""Readings, the second copies of them, and one score state a person."""

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from telehealth.store.tables.columns import big, blob, ms, ms_or_none, row_id


class ReadingRow(SQLModel, table=True):
    """One reading, whose it was at the time it was measured, and what the rules said of it."""

    __tablename__ = "reading"

    reading_id: int | None = row_id()
    device_id: str
    person_id: str | None = None
    """None: nobody had the device then; it waits on the station's desk."""
    kind: str
    measured_ms: int = ms()
    received_ms: int = ms()
    spo2_percent: float | None = None
    spo2_min_percent: float | None = None
    pulse_per_min: float | None = None
    perfusion_index_percent: float | None = None
    respiration_per_min: float | None = None
    temperature_celsius: float | None = None
    systolic_mmhg: float | None = None
    diastolic_mmhg: float | None = None
    oxygen: str | None = None
    consciousness: str | None = None
    quality: int = 0
    quality_share: float | None = None
    gate: str = "accepted"
    """accepted, low_confidence or rejected, by the quality gate."""
    gate_reasons: str | None = None
    """Codes of the gate's reasons, comma between; None: accepted without a word."""
    level: int | None = None
    """0 green, 1 yellow, 2 orange, 3 red; None: not scored."""
    news2_lower: int | None = None
    news2_upper: int | None = None
    rule_pack: str | None = None
    level_table: str | None = None
    reasons: bytes | None = Field(default=None, sa_type=LargeBinary)
    """JSON list of {code, parameter, value, limit, source}; None: none."""
    trend: float | None = None
    """The trend score with this reading in it, 0 to 10; None: it took no part, or too early."""
    compared_level: int | None = None
    """The level under the pack that runs beside the one that decides."""
    compared_pack: str | None = None
    late: bool = False
    time_uncertain: bool = False
    content_key: bytes = blob()
    changed_in: int = big()
    """Number of the transaction that wrote it: the screens' cursor."""

    __table_args__ = (
        Index("ix_reading_person", "person_id", "measured_ms"),
        Index("ix_reading_content", "content_key"),
    )


class ReadingCopy(SQLModel, table=True):
    """A measurement that came again another way: linked, not scored again."""

    __tablename__ = "reading_copy"

    copy_id: int | None = row_id()
    content_key: bytes = blob()
    stream_id: int = big()
    seq: int = big()
    received_ms: int = ms()


class PersonStateRow(SQLModel, table=True):
    """The score state of one person; a writer locks it, and counts `version` up."""

    __tablename__ = "person_state"

    person_id: str = Field(primary_key=True, foreign_key="person.person_id")
    version: int = big()
    state: bytes = blob()
    """msgpack of `telehealth.vitals.state.PersonState`."""
    level: int | None = None
    """0 green to 3 red as last scored; grey is read off `last_reading_ms` and the cadence."""
    last_reading_ms: int | None = ms_or_none()
    changed_in: int = big()


class Sequence(SQLModel, table=True):
    """SQLite's count of writing transactions; PostgreSQL numbers its own."""

    name: str = Field(primary_key=True)
    value: int = big()
