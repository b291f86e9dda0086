"""The gate: a transaction is one function, and all of it or nothing stays."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from telehealth.errors import UnavailableError
from telehealth.store import database as module
from telehealth.store.database import Database, Reader, Transaction
from tests import databases

COLUMNS = ("stream_id", "seq", "received_ms", "payload")


def _count(reader: Reader) -> int:
    return int(reader.rows("SELECT count(*) FROM upload")[0][0])


@pytest.mark.asvs("2.3.3", "16.5.3")
async def test_a_function_that_raises_leaves_nothing(database: Database) -> None:
    def half(tx: Transaction) -> None:
        tx.insert("upload", COLUMNS, [(1, 1, 1, b"")])
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(half)
    assert await database.read(_count) == 0


@pytest.mark.parametrize("rows", [0, 1, 2, 511, 512, 513, 9_001])
async def test_any_number_of_rows_arrives_whole_and_in_order(database: Database, rows: int) -> None:
    given = [(7, seq, seq * 2, f"{seq}".encode()) for seq in range(rows)]
    await database.write(lambda tx: tx.insert("upload", COLUMNS, given))
    found = await database.read(
        lambda r: r.rows("SELECT stream_id, seq, received_ms, payload FROM upload ORDER BY seq")
    )
    assert [(a, b, c, bytes(d)) for a, b, c, d in found] == given


@pytest.mark.parametrize("keys", [0, 1, 600, 40_000])
async def test_any_number_of_keys_can_be_asked_for(database: Database, keys: int) -> None:
    await database.write(lambda tx: tx.insert("upload", COLUMNS, [(1, 5, 0, b"")]))
    found = await database.read(
        lambda r: r.rows_in("SELECT seq FROM upload WHERE seq IN (…)", list(range(5, 5 + keys)))
    )
    assert found == ([(5,)] if keys else [])


async def test_many_rows_are_updated_each_by_its_own_key(database: Database) -> None:
    def fill(tx: Transaction) -> None:
        tx.insert("sequence", ("name", "value"), [(f"n{i}", 0) for i in range(700)])
        tx.update("sequence", "name", ("value",), [(i, f"n{i}") for i in range(699)])

    await database.write(fill)
    rows = await database.read(
        lambda r: r.rows("SELECT name, value FROM sequence WHERE name LIKE 'n%'")
    )
    assert dict(rows) == {f"n{i}": i for i in range(699)} | {"n699": 0}


async def test_the_cursor_is_the_number_of_the_last_transaction(tmp_path: Path) -> None:
    async with databases.migrated("sqlite", tmp_path) as database:
        first = await database.write(lambda tx: tx.number)
        assert await database.read(lambda r: r.cursor) == first
        second = await database.write(lambda tx: tx.number)
        assert await database.read(lambda r: r.cursor) == second > first


@pytest.mark.postgresql
async def test_the_cursor_never_passes_a_transaction_that_still_runs(tmp_path: Path) -> None:
    async with databases.migrated("postgresql", tmp_path) as database:
        slow = await asyncpg.connect(database.url)
        transaction = slow.transaction()
        await transaction.start()
        running = await slow.fetchval("SELECT pg_current_xact_id()::text::bigint")
        later = await database.write(lambda tx: tx.number)
        assert await database.read(lambda r: r.cursor) < running < later
        await transaction.rollback()
        await slow.close()


async def test_forms_are_written_while_intake_writes(database: Database) -> None:
    def one(tx: Transaction, seq: int) -> int:
        tx.insert("upload", COLUMNS, [(1, seq, tx.now_ms, b"")])
        return tx.number

    numbers = await asyncio.gather(
        *(database.write(lambda tx, seq=seq: one(tx, seq)) for seq in range(40))  # type: ignore[misc]
    )
    assert len(set(numbers)) == 40
    assert await database.read(_count) == 40


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)read-?only|readonly|cannot serve"):
        await database.read(lambda r: r.rows("DELETE FROM upload RETURNING seq"))


@pytest.mark.parametrize("promise", ["synchronous = NORMAL", "synchronous = OFF"])
async def test_a_file_that_may_lose_acknowledged_data_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, promise: str
) -> None:
    weaker = tuple(promise if p.startswith("synchronous") else p for p in module.PRAGMAS)
    monkeypatch.setattr(module, "PRAGMAS", weaker)
    async with databases.migrated("sqlite", tmp_path) as database:
        with pytest.raises(UnavailableError, match="synchronous"):
            await database.check()


@pytest.mark.postgresql
async def test_a_cluster_that_commits_before_its_disk_has_it_is_refused(tmp_path: Path) -> None:
    async with databases.address("postgresql", tmp_path) as url:
        name = url.rpartition("/")[2]
        weak = Database(url)
        await weak.write(
            lambda tx: tx.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        )
        await weak.close()
        database = Database(url)
        with pytest.raises(UnavailableError, match="synchronous_commit"):
            await database.check()
        await database.close()


async def test_a_durable_database_is_accepted(database: Database) -> None:
    await database.check()
