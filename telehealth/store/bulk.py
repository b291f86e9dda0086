"""Many rows in few statements, on either engine.

SQLite gets `VALUES (…), (…), …` in chunks of a few fixed sizes: one step a chunk, so the writer
thread hands the interpreter lock back once a chunk and not once a row, and each size is prepared
once. PostgreSQL gets one statement over `unnest` of column arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from telehealth.store import tables

if TYPE_CHECKING:
    from telehealth.store.database import Reader, Row, Transaction

_SQLITE_MAX_PARAMETERS = 32_000
_SIZES = (512, 128, 32, 8, 2, 1)
"""Fixed chunk sizes keep the number of different statements small."""


@cache
def placeholders(sql: str, is_sqlite: bool) -> str:
    """Turn `?` into PostgreSQL's `$1 …`; SQLite's stay."""
    if is_sqlite:
        return sql
    head, *rest = sql.split("?")
    return head + "".join(f"${i}{part}" for i, part in enumerate(rest, start=1))


def rows_in(reader: Reader, sql: str, keys: Sequence[Any], params: Sequence[Any] = ()) -> list[Row]:
    """Run SQL with one `IN (…)` over any number of keys; other parameters come before it."""
    if not keys:
        return []
    if not reader.is_sqlite:
        return reader.rows(sql.replace("IN (…)", "= ANY(?)"), (*params, list(keys)))
    found: list[Row] = []
    for chunk in _chunks(keys, _SQLITE_MAX_PARAMETERS - len(params)):
        marks = ", ".join("?" * len(chunk))
        found += reader.rows(sql.replace("(…)", f"({marks})"), (*params, *chunk))
    return found


def insert(tx: Transaction, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows of plain values, in their order."""
    if not rows:
        return
    if not tx.is_sqlite:
        arrays = [list(column) for column in zip(*rows, strict=True)]
        tx.connection.exec_driver_sql(_unnest_insert(table, tuple(columns)), tuple(arrays))
        return
    for chunk in _chunks(rows, _SQLITE_MAX_PARAMETERS // len(columns)):
        flat = tuple(chain.from_iterable(chunk))
        tx.connection.exec_driver_sql(_values_insert(table, tuple(columns), len(chunk)), flat)


def update(
    tx: Transaction, table: str, key: str, columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """Set columns of many rows by one key column; each row is the values, then the key."""
    if not rows:
        return
    if not tx.is_sqlite:
        arrays = [list(column) for column in zip(*rows, strict=True)]
        tx.connection.exec_driver_sql(_unnest_update(table, key, tuple(columns)), tuple(arrays))
        return
    for chunk in _chunks(rows, _SQLITE_MAX_PARAMETERS // (len(columns) + 1)):
        flat = tuple(chain.from_iterable(chunk))
        tx.connection.exec_driver_sql(_values_update(table, key, tuple(columns), len(chunk)), flat)


def _chunks(rows: Sequence[Any], limit: int) -> list[Sequence[Any]]:
    """Cut rows into chunks of the fixed sizes that fit, largest first."""
    chunks: list[Sequence[Any]] = []
    at = 0
    for size in _SIZES:
        if size > limit:
            continue
        while len(rows) - at >= size:
            chunks.append(rows[at : at + size])
            at += size
    return chunks


@cache
def _values_insert(table: str, columns: tuple[str, ...], count: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * count)}"  # noqa: S608


@cache
def _values_update(table: str, key: str, columns: tuple[str, ...], count: int) -> str:
    """`WITH v(c1, …, k) AS (VALUES …) UPDATE t SET c1 = v.c1 … FROM v WHERE t.key = v.k`."""
    names = [f"c{i}" for i in range(len(columns))]
    row = f"({', '.join('?' * (len(columns) + 1))})"
    sets = ", ".join(f"{c} = v.{n}" for c, n in zip(columns, names, strict=True))
    return (
        f"WITH v({', '.join(names)}, k) AS (VALUES {', '.join([row] * count)})"  # noqa: S608
        f" UPDATE {table} SET {sets} FROM v WHERE {table}.{key} = v.k"
    )


@cache
def _types(table: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - only where that engine is used

    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    kinds = tables.metadata.tables[table].columns
    return tuple(kinds[column].type.compile(dialect=dialect) for column in columns)


@cache
def _unnest_insert(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    arrays = ", ".join(f"${i}::{t}[]" for i, t in enumerate(_types(table, columns), start=1))
    return f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays})"  # noqa: S608


@cache
def _unnest_update(table: str, key: str, columns: tuple[str, ...]) -> str:
    kinds = _types(table, (*columns, key))
    arrays = ", ".join(f"${i}::{t}[]" for i, t in enumerate(kinds, start=1))
    names = ", ".join(f"c{i}" for i in range(len(columns)))
    sets = ", ".join(f"{c} = v.c{i}" for i, c in enumerate(columns))
    return (
        f"UPDATE {table} SET {sets} FROM unnest({arrays}) AS v({names}, k)"  # noqa: S608
        f" WHERE {table}.{key} = v.k"
    )
