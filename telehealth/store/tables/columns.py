"""Column kinds that mean the same on SQLite and PostgreSQL."""

from typing import Any

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
).naming_convention

BigInt = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits on both: SQLite's INTEGER is 64 bits and, as a primary key, the row id itself."""


def row_id() -> Any:
    """A number given by the database."""
    return Field(default=None, primary_key=True, sa_type=BigInt)


def ms(*, index: bool = False) -> Any:
    """An instant in epoch milliseconds UTC that must be there."""
    return Field(sa_type=BigInt, index=index)


def ms_or_none(*, index: bool = False) -> Any:
    """An instant in epoch milliseconds UTC, or not yet."""
    return Field(default=None, sa_type=BigInt, index=index, nullable=True)


def big(default: int | None = 0) -> Any:
    """A 64-bit number."""
    return Field(default=default, sa_type=BigInt, nullable=default is None)


def blob() -> Any:
    """Bytes as they are."""
    return Field(sa_type=LargeBinary)
