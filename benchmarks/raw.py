"""The ceilings: what the disk and the bare drivers can do, with no server in between."""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg

from benchmarks.figures import percentile

ROWS = 1_000
"""Rows in one transaction."""
_COLUMNS = ("device_id", "at_ms", "spo2", "pulse", "perfusion", "quality")
_TABLE = (
    "CREATE TABLE sample ({id}, device_id TEXT, at_ms BIGINT, spo2 REAL, pulse REAL,"
    " perfusion REAL, quality INTEGER)"
)
_SYNCS = 400
_WAL_BYTES = 4 << 20
_COMMIT_BYTES = 16 << 10


def _batches() -> list[list[tuple[Any, ...]]]:
    """Some different transactions' rows, made before anything is timed."""
    return [
        [
            (f"d{n:06d}", 1_700_000_000_000 + 1_000 * n + k, 90.0 + n % 10, 60.0 + n % 40, 4.0, 0)
            for n in range(ROWS)
        ]
        for k in range(16)
    ]


def executemany_rows_per_second(folder: Path, seconds: float) -> float:
    """Insert samples as rows with sqlite3 alone: WAL, synchronous=FULL, no second index."""
    path = folder / "raw.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(_TABLE.format(id="sample_id INTEGER PRIMARY KEY"))
        sql = f"INSERT INTO sample ({', '.join(_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608
        batches, rows = _batches(), 0
        began = perf_counter()
        while perf_counter() - began < seconds:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(sql, batches[rows // ROWS % len(batches)])
            connection.execute("COMMIT")
            rows += ROWS
        return rows / (perf_counter() - began)
    finally:
        connection.close()
        for left in folder.glob("raw.sqlite*"):
            left.unlink()


async def copy_rows_per_second(url: str, seconds: float) -> float:
    """Insert samples with PostgreSQL's COPY, a transaction for every thousand."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_TABLE.format(id="sample_id BIGSERIAL PRIMARY KEY"))
        batches, rows = _batches(), 0
        began = perf_counter()
        while perf_counter() - began < seconds:
            records = batches[rows // ROWS % len(batches)]
            await connection.copy_records_to_table("sample", records=records, columns=_COLUMNS)
            rows += ROWS
        return rows / (perf_counter() - began)
    finally:
        await asyncio.shield(connection.execute("DROP TABLE IF EXISTS sample"))
        await connection.close()


def fdatasync_ms(folder: Path) -> Sequence[float]:
    """Write as a write-ahead log does, 16 KiB onward and round again, and time each fdatasync."""
    path = folder / "sync.bin"
    block = os.urandom(_COMMIT_BYTES)
    spent: list[float] = []
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for number in range(_SYNCS):
            os.pwrite(file, block, number * _COMMIT_BYTES % _WAL_BYTES)
            began = perf_counter()
            os.fdatasync(file)
            spent.append(1_000 * (perf_counter() - began))
    finally:
        os.close(file)
        path.unlink()
    return spent


def fdatasync_p99_ms(folder: Path) -> float:
    """Return the disk's own 99th percentile."""
    return percentile(fdatasync_ms(folder), 99)
