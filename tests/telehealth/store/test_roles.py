"""Two PostgreSQL roles: one owns the tables and migrates, the other serves and can do no more."""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from telehealth.access import limits
from telehealth.access.limits import Limit
from telehealth.audit import rows
from telehealth.audit.actions import AuditAction
from telehealth.audit.chain import Entry
from telehealth.errors import UnavailableError
from telehealth.settings import Settings
from telehealth.store import migrate, roles
from telehealth.store.database import Database, Transaction
from tests import databases
from tests.keys import opened, vault

OWNER = "postgresql://owner@127.0.0.1/telehealth"
SERVING = "postgresql://serving@127.0.0.1/telehealth"


@asynccontextmanager
async def two_roles(folder: Path) -> AsyncIterator[Settings]:
    """Yield an empty database of one role, with a second one that may connect to it."""
    cluster = os.environ["TELEHEALTH_TEST_DATABASE"]
    name = uuid.uuid4().hex
    owner, serving = f"owner-{name}", f"serving-{name}"
    admin = await asyncpg.connect(f"{cluster}postgres")
    for role in (owner, serving):
        await admin.execute(f'CREATE ROLE "{role}" LOGIN')
    try:
        async with databases.address("postgresql", folder) as url:
            database = url.rsplit("/", 1)[1]
            await admin.execute(f'ALTER DATABASE {database} OWNER TO "{owner}"')
            yield Settings(
                database=url.replace("telehealth@", f"{serving}@"),
                migration_database=url.replace("telehealth@", f"{owner}@"),
            )
    finally:
        for role in (serving, owner):
            await admin.execute(f'DROP ROLE "{role}"')
        await admin.close()


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Database]:
    """Yield a migrated database as the serving role."""
    async with two_roles(folder) as settings:
        await migrate.by_owner(settings)
        database = opened(settings.database)
        try:
            yield database
        finally:
            await database.close()


def write_one(tx: Transaction) -> None:
    entry = Entry(action=AuditAction.AUDIT_READ, actor_id="ac-1")
    head, _ = rows.begin(tx, vault(), at_ms=tx.now_ms, actor_id="test", own=None, line="")
    rows.append(tx, vault(), head, [entry], at_ms=tx.now_ms)


@pytest.mark.asvs("13.2.2")
@pytest.mark.postgresql
async def test_the_serving_role_reads_adds_and_where_it_must_changes_rows(tmp_path: Path) -> None:
    async with served(tmp_path) as database:
        await database.write(write_one)
        assert await database.read(lambda r: len(rows.loose_ends(r))) == 1
        await database.write(lambda tx: limits.take(tx, Limit("lookup", "ac-1")))
        await database.write(lambda tx: limits.forget(tx, Limit("lookup", "ac-1")))
        await database.write(lambda tx: tx.number)
        await database.check()


@pytest.mark.asvs("13.2.2")
@pytest.mark.postgresql
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor_id = 'nobody'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "UPDATE audit_default SET actor_id = 'nobody'",
        "DELETE FROM audit_default",
        "DROP TRIGGER audit_no_change ON audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "DROP TABLE audit",
        "CREATE TABLE own (number INTEGER)",
        "ALTER TABLE person ADD COLUMN own INTEGER",
        "TRUNCATE reading",
        "UPDATE alembic_version SET version_num = '0001'",
        "CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN NEW; END $$",
        "SET SESSION session_replication_role = replica",
    ],
)
async def test_the_serving_role_cannot_alter_the_log_nor_the_schema(
    tmp_path: Path, statement: str
) -> None:
    async with served(tmp_path) as database:
        await database.write(write_one)
        with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
            await database.write(lambda tx: tx.execute(statement))


@pytest.mark.asvs("13.2.2")
@pytest.mark.postgresql
async def test_no_partition_gives_more_than_its_table_those_made_later_neither(
    tmp_path: Path,
) -> None:
    sql = (
        "SELECT c.relname, has_table_privilege(c.oid, 'UPDATE')"
        " OR has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE'),"
        " has_table_privilege(c.oid, 'SELECT') FROM pg_class c"
        " WHERE c.relname LIKE 'audit%' AND c.relkind IN ('r', 'p')"
    )
    async with two_roles(tmp_path) as settings:
        await migrate.by_owner(settings)
        owner = await asyncpg.connect(settings.migration_database)
        await owner.execute(
            "CREATE TABLE audit_y1999m01 PARTITION OF audit FOR VALUES FROM (1) TO (2)"
        )
        await owner.execute("GRANT ALL ON audit_y1999m01 TO PUBLIC")
        await owner.close()
        await migrate.by_owner(settings)
        database = opened(settings.database)
        found = await database.read(lambda r: r.rows(sql))
        await database.close()
    assert len(found) >= 6
    assert {(changes, reads) for _, changes, reads in found} == {(False, True)}


@pytest.mark.postgresql
async def test_the_serving_role_starts_on_the_newest_schema_and_waits_for_the_owner_otherwise(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with two_roles(tmp_path) as settings:
        await migrate.by_owner(settings)
        await migrate.upgrade(settings.database)
        assert "partitions" not in caplog.text
        await migrate.by_owner(settings, "0001")
        with pytest.raises(UnavailableError, match="telehealth migrate"):
            await migrate.upgrade(settings.database)
        with pytest.raises(UnavailableError, match="telehealth migrate"):
            await migrate.downgrade(settings.database)
        await migrate.by_owner(settings)
        owner = await asyncpg.connect(settings.migration_database)
        for (name,) in await owner.fetch(
            "SELECT relname FROM pg_class WHERE relname LIKE 'reading_y%'"
        ):
            await owner.execute(f"DROP TABLE IF EXISTS {name}")
        await owner.close()
        await migrate.upgrade(settings.database)
        assert "partitions are not made ahead" in caplog.text


@pytest.mark.parametrize(
    ("table", "rights"),
    [
        ("audit", "SELECT, INSERT"),
        ("alembic_version", "SELECT"),
        ("reading", "SELECT, INSERT, UPDATE, DELETE"),
    ],
)
def test_rights_are_what_serving_takes(table: str, rights: str) -> None:
    assert roles.rights_on(table) == rights


@pytest.mark.parametrize(
    ("serving", "owner"),
    [
        (SERVING, SERVING),
        ("postgresql:///telehealth", OWNER),
        (SERVING, "postgresql:///telehealth"),
        ("sqlite:///var/telehealth.sqlite", OWNER),
    ],
)
def test_two_roles_are_two_and_of_postgresql(serving: str, owner: str) -> None:
    Settings(database=SERVING, migration_database=OWNER)
    with pytest.raises(ValidationError, match="migration_database"):
        Settings(database=serving, migration_database=owner)


async def test_with_one_role_everything_is_as_it_was(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.sqlite"
    await migrate.by_owner(Settings(database=url))
    await migrate.check(url)
