"""Who did or saw what, whose, when, why and from where: append-only, each row bound to the last.

UPDATE and DELETE are refused by triggers on both engines (docs/audit.md).
"""

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from telehealth.store.tables.columns import BigInt, blob, ms


class AuditEntry(SQLModel, table=True):
    """One entry of one chain; PostgreSQL cuts the table by `at_ms`."""

    __tablename__ = "audit"

    chain_id: str = Field(primary_key=True)
    """One chain for each process and start."""
    seq: int = Field(primary_key=True, sa_type=BigInt)
    """From 1, without a gap."""
    at_ms: int = ms()
    action: str
    decision: str
    """allow, deny or break_glass."""
    actor_id: str
    """Account, gateway, or the user of a command."""
    role: str = ""
    grant_id: str = ""
    person_id: str = ""
    target: str = ""
    """What else it was about: `alert:al-…`, `account:ac-…`."""
    purpose: str = ""
    basis: str = ""
    """The reason, order or break-glass it rests on, where there is one: a code or an id."""
    address: str = ""
    session: str = ""
    """The first 16 hex digits of the session's hash."""
    mac: bytes = blob()
    """HMAC-SHA-256 over this entry and the mac before it."""

    __table_args__ = (
        Index("ix_audit_person", "person_id", "at_ms"),
        Index("ix_audit_actor", "actor_id", "at_ms"),
        Index("ix_audit_at", "at_ms"),
    )
