"""Migrations lead up, down and up again on both engines, and match the tables."""

from pathlib import Path

import alembic
import pytest
from alembic.util import CommandError
from sqlalchemy import Connection, text

from telehealth.store import migrate
from tests import databases


def test_the_library_is_not_shadowed_by_our_folder_of_the_same_name() -> None:
    assert "site-packages" in (alembic.__file__ or "")


async def test_up_down_up_leaves_the_schema_of_the_tables(engine: str, tmp_path: Path) -> None:
    async with databases.address(engine, tmp_path) as url:
        await migrate.upgrade(url)
        await migrate.check(url)
        await migrate.downgrade(url)
        await migrate.upgrade(url)
        await migrate.check(url)


async def test_a_column_that_is_missing_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.sqlite"
    await migrate.upgrade(url)

    def drop(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE device DROP COLUMN model"))

    migrate.open_connection(drop, url)
    with pytest.raises(CommandError, match="model"):
        await migrate.check(url)


@pytest.mark.postgresql
async def test_large_tables_are_cut_by_month_and_a_row_of_any_month_finds_a_home(
    tmp_path: Path,
) -> None:
    async with databases.migrated("postgresql", tmp_path) as database:
        await database.write(
            lambda tx: tx.insert(
                "upload",
                ("stream_id", "seq", "received_ms", "payload"),
                [(1, 1, tx.now_ms, b"now"), (1, 2, 0, b"1970")],
            )
        )
        homes = await database.read(
            lambda r: r.rows("SELECT tableoid::regclass::text FROM upload ORDER BY seq")
        )
    assert homes[0][0].startswith("upload_y2")
    assert homes[1][0] == "upload_default"
