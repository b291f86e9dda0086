"""The log of a process: durable when it says so, one chain whatever happens, attested outside."""

import asyncio
import os
import pwd
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from telehealth.audit import rows
from telehealth.audit.chain import Entry, Head, heads_in, key_id_of
from telehealth.audit.checkpoints import line_hash
from telehealth.audit.log import AuditLog, command_user, with_command_log
from telehealth.audit.verifying import verify
from telehealth.errors import UnavailableError
from telehealth.store.database import Database, Reader, Transaction
from tests import databases, keys
from tests.telehealth.audit.given import (
    FILE,
    chain_of,
    clock,
    entry,
    found_in,
    lines,
    logging_to,
    put_lines,
    verified,
)

T = TypeVar("T")


class FailingDatabase(Database):
    """A database whose next answers can be kept back, before or after the commit."""

    def __init__(self, url: str) -> None:
        super().__init__(url, keys.vault())
        self.refuse = False
        self.lose_answer = False
        self.commits = 0

    async def write(self, fn: Callable[[Transaction], T]) -> T:
        """Write, unless a failure was asked for."""
        if self.refuse:
            raise UnavailableError("the disk is full")
        found = await super().write(fn)
        self.commits += 1
        if self.lose_answer:
            raise UnavailableError("the connection broke while committing")
        return found


@asynccontextmanager
async def failing(engine: str, folder: Path) -> AsyncIterator[FailingDatabase]:
    async with databases.migrated_address(engine, folder) as url:
        database = FailingDatabase(url)
        try:
            yield database
        finally:
            await database.close()


def listed(reader: Reader) -> list[tuple[Any, ...]]:
    return reader.rows("SELECT chain_id, seq, action, target FROM audit ORDER BY chain_id, seq")


def opening_of(chain_id: str) -> Callable[[Reader], tuple[str, str]]:
    def look(reader: Reader) -> tuple[str, str]:
        sql = "SELECT target, basis FROM audit WHERE chain_id = ? AND seq = 1"
        target, basis = reader.rows(sql, (chain_id,))[0]
        return target, basis

    return look


@pytest.mark.asvs("16.2.1")
async def test_what_was_recorded_is_there_as_it_was_given(
    database: Database, tmp_path: Path
) -> None:
    async with logging_to(database, tmp_path) as log:
        await log.record(
            Entry(
                at_ms=7,
                action="exported",
                decision="break_glass",
                actor_id="ac-1",
                role="nurse",
                grant_id="gr-1",
                person_id="p-1",
                target="export:ex-1",
                purpose="care",
                basis="bg-1",
                address="192.0.2.1",
                session="0123456789abcdef",
            )
        )
        found = await database.read(
            lambda r: r.rows(
                "SELECT at_ms, action, decision, actor_id, role, grant_id, person_id, target,"
                " purpose, basis, address, session FROM audit WHERE seq = 2"
            )
        )
    assert found == [
        (7, "exported", "break_glass", "ac-1", "nurse", "gr-1", "p-1", "export:ex-1", "care",
         "bg-1", "192.0.2.1", "0123456789abcdef"),
    ]  # fmt: skip


async def test_two_hundred_at_once_make_one_chain_in_few_transactions(
    engine: str, tmp_path: Path
) -> None:
    async with failing(engine, tmp_path) as database:
        async with logging_to(database, tmp_path) as log:
            before = database.commits
            await asyncio.gather(*(log.record(entry(n), entry(n)) for n in range(200)))
            assert database.commits - before <= 2
            chain_id = chain_of(log)
        found = await database.read(listed)
        assert [(row[0], row[1]) for row in found] == [(chain_id, n) for n in range(1, 402)]
        assert sorted(row[3] for row in found[1::2]) == sorted(f"number:{n}" for n in range(200))
        assert str(await verified(database, tmp_path)) == "0 findings in 401 entries of 1 chains"


async def test_more_than_one_transaction_takes_are_written_in_several(
    engine: str, tmp_path: Path
) -> None:
    async with failing(engine, tmp_path) as database, logging_to(database, tmp_path) as log:
        before = database.commits
        await asyncio.gather(*(log.record(*map(entry, range(500))) for _ in range(10)))
        assert 3 <= database.commits - before <= 5
        assert str(await verified(database)) == "0 findings in 5001 entries of 1 chains"


async def test_nothing_to_record_writes_nothing(database: Database, tmp_path: Path) -> None:
    async with logging_to(database, tmp_path) as log:
        before = log.head
        await log.record()
        assert log.head == before


async def test_a_caller_who_went_away_leaves_the_others_entries_alone(
    database: Database, tmp_path: Path
) -> None:
    async with logging_to(database, tmp_path) as log:
        calls = [asyncio.create_task(log.record(entry(n))) for n in range(3)]
        await asyncio.sleep(0)
        calls[1].cancel()
        await asyncio.gather(calls[0], calls[2])
    assert await found_in(database, tmp_path) == []


async def test_entries_that_cannot_be_written_are_refused_and_the_next_begin_a_new_chain(
    engine: str, tmp_path: Path
) -> None:
    async with failing(engine, tmp_path) as database, logging_to(database, tmp_path) as log:
        first = log.head
        database.refuse = True
        with pytest.raises(UnavailableError, match="disk is full"):
            await log.record(entry(1))
        assert log.head == first
        database.refuse = False
        await log.record(entry(2))
        target, _ = await database.read(opening_of(chain_of(log)))
        assert heads_in(target) == [first]
        targets = [row[3] for row in await database.read(listed)]
        assert "number:2" in targets
        assert "number:1" not in targets
        assert await found_in(database, tmp_path) == []


async def test_everybody_of_a_failed_group_is_told(engine: str, tmp_path: Path) -> None:
    async with failing(engine, tmp_path) as database, logging_to(database, tmp_path) as log:
        database.refuse = True
        told = await asyncio.gather(
            *(log.record(entry(n)) for n in range(5)), return_exceptions=True
        )
        assert [type(error) for error in told] == [UnavailableError] * 5
        database.refuse = False


async def test_a_commit_whose_answer_was_lost_leaves_no_finding(
    engine: str, tmp_path: Path
) -> None:
    async with failing(engine, tmp_path) as database, logging_to(database, tmp_path) as log:
        first = log.head
        database.lose_answer = True
        with pytest.raises(UnavailableError):
            await log.record(entry(1))
        database.lose_answer = False
        await log.record(entry(2))
        await log.checkpoint()
        target, _ = await database.read(opening_of(chain_of(log)))
        named = heads_in(target)
        assert first in named
        assert [head.seq for head in named] == [1, 2]
        assert await found_in(database, tmp_path) == []


async def test_a_closed_database_is_unavailable(tmp_path: Path) -> None:
    async with databases.migrated("sqlite", tmp_path) as database:
        log = AuditLog(database, keys.vault(), clock, tmp_path / FILE)
        await database.close()
        with pytest.raises(UnavailableError):
            await log.record(entry())


async def test_a_log_that_was_not_opened_begins_its_chain_with_the_first_entry(
    database: Database, tmp_path: Path
) -> None:
    log = AuditLog(database, keys.vault(), clock, tmp_path / FILE)
    assert log.head is None
    await log.record(entry(1))
    assert [row[2] for row in await database.read(listed)] == ["log_opened", "view_opened"]
    await log.close()
    assert await found_in(database, tmp_path) == []


async def test_a_chain_names_only_the_ends_that_no_chain_has_named_yet(
    database: Database, tmp_path: Path
) -> None:
    async with logging_to(database, tmp_path) as first:
        await first.record(entry(1))
    async with logging_to(database, tmp_path) as second, logging_to(database, tmp_path) as third:
        await second.record(entry(2))
        async with logging_to(database, tmp_path) as fourth:
            pass
    named = [
        heads_in((await database.read(opening_of(chain_of(log))))[0])
        for log in (first, second, third, fourth)
    ]
    second_at_first = Head(chain_of(second), 1, named[2][0].mac)
    assert named[0] == []
    assert named[1] == [first.head]
    assert named[2] == [second_at_first]
    assert sorted(named[3], key=str) == sorted([second.head, third.head], key=str)
    assert await found_in(database, tmp_path) == []


async def test_a_new_key_begins_a_new_chain_and_the_old_one_still_verifies(
    database: Database, tmp_path: Path
) -> None:
    vault = keys.vault()
    log = AuditLog(database, vault, clock, tmp_path / FILE)
    await log.open()
    await log.record(entry(1))
    old = chain_of(log)
    vault.adopt(vault.keyring.with_new("audit", 1).with_new("identity", 1))
    await log.record(entry(2))
    await log.close()
    assert chain_of(log) != old
    assert key_id_of(chain_of(log)) == vault.keyring.audit[0].key_id
    report = await database.read(lambda r: verify(r, vault, lambda: lines(tmp_path)))
    assert str(report) == "0 findings in 4 entries of 2 chains"


@pytest.mark.asvs("16.4.2")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor_id = 'x'",
        "UPDATE audit SET mac = mac WHERE seq = 1",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE seq = 2",
    ],
)
async def test_the_database_itself_refuses_to_change_what_was_written(
    database: Database, tmp_path: Path, statement: str
) -> None:
    async with logging_to(database, tmp_path) as log:
        await log.record(entry(1))
    before = await database.read(listed)
    with pytest.raises(DBAPIError, match="append-only"):
        await database.write(lambda tx: tx.execute(statement))
    assert await database.read(listed) == before


@pytest.mark.postgresql
async def test_postgresql_refuses_to_truncate_the_log(tmp_path: Path) -> None:
    async with databases.migrated("postgresql", tmp_path) as database:
        async with logging_to(database, tmp_path) as log:
            await log.record(entry(1))
        with pytest.raises(DBAPIError, match="append-only"):
            await database.write(lambda tx: tx.execute("TRUNCATE audit"))


async def test_the_first_checkpoint_names_the_heads_that_were_found_and_the_own(
    database: Database, tmp_path: Path
) -> None:
    async with logging_to(database, tmp_path) as first:
        await first.record(entry(1))
    assert len(lines(tmp_path)) == 2
    async with logging_to(database, tmp_path) as second:
        opened = lines(tmp_path)[2]
        assert first.head is not None
        assert first.head.mac.hex().encode() in opened
        assert chain_of(second).encode() in opened


async def test_a_chain_names_the_last_line_of_the_checkpoint_file(
    database: Database, tmp_path: Path
) -> None:
    async with logging_to(database, tmp_path):
        pass
    last = lines(tmp_path)[-1]
    async with logging_to(database, tmp_path) as log:
        _, basis = await database.read(opening_of(chain_of(log)))
    assert basis == line_hash(last)


async def test_the_loop_writes_a_checkpoint_when_entries_have_come(
    database: Database, tmp_path: Path
) -> None:
    log = AuditLog(database, keys.vault(), clock, tmp_path / FILE, interval_s=0.001)
    await log.open()
    loop = asyncio.create_task(log.run())
    try:
        async with asyncio.timeout(10):
            for count in (2, 3):
                await log.record(entry(count))
                while len(lines(tmp_path)) < count:  # noqa: ASYNC110 - a file has no event
                    await asyncio.sleep(0.001)
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
    await log.close()
    assert len(lines(tmp_path)) == 3
    assert await found_in(database, tmp_path) == []


async def test_while_the_interval_lasts_many_entries_make_one_checkpoint(
    database: Database, tmp_path: Path
) -> None:
    log = AuditLog(database, keys.vault(), clock, tmp_path / FILE, interval_s=3_600)
    await log.open()
    loop = asyncio.create_task(log.run())
    for number in range(20):
        await log.record(entry(number))
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    await log.close()
    assert len(lines(tmp_path)) in (2, 3)
    assert f'"seq":{21}'.encode() in lines(tmp_path)[-1]


async def test_without_anything_new_no_checkpoint_is_written(
    database: Database, tmp_path: Path
) -> None:
    async with logging_to(database, tmp_path) as log:
        await log.checkpoint()
        assert len(lines(tmp_path)) == 1
    assert len(lines(tmp_path)) == 1


async def test_a_server_whose_checkpoints_cannot_be_written_does_not_start(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    log = AuditLog(database, keys.vault(), clock, tmp_path / "file" / FILE)
    with pytest.raises(UnavailableError, match="checkpoints"):
        await log.open()


async def test_a_checkpoint_that_failed_is_made_up_for_by_the_next(
    database: Database, tmp_path: Path
) -> None:
    async with logging_to(database, tmp_path) as log:
        await log.record(entry(1))
        (tmp_path / FILE).rename(tmp_path / "away")
        (tmp_path / FILE).mkdir()
        with pytest.raises(IsADirectoryError):
            await log.checkpoint()
        (tmp_path / FILE).rmdir()
        (tmp_path / "away").rename(tmp_path / FILE)
        await log.checkpoint()
        assert b'"seq":2' in lines(tmp_path)[-1]
    assert await found_in(database, tmp_path) == []


async def test_two_processes_share_the_file_and_each_line_names_the_one_before(
    database: Database, tmp_path: Path
) -> None:
    async with logging_to(database, tmp_path) as one, logging_to(database, tmp_path) as other:
        for number in range(10):
            await asyncio.gather(one.record(entry(number)), other.record(entry(number)))
            await asyncio.gather(one.checkpoint(), other.checkpoint())
    assert len(lines(tmp_path)) == 22
    assert await found_in(database, tmp_path) == []


async def test_a_command_and_what_the_log_says_of_it_are_one(
    database: Database, tmp_path: Path
) -> None:
    def act(tx: Transaction) -> str:
        tx.insert("sequence", ("name", "value"), [("made", 1)])
        return "sq-made"

    found = await with_command_log(
        database, keys.vault(), tmp_path / FILE, act,
        lambda made: [Entry(action="gateway_revoked", actor_id=command_user(), target=made)],
    )  # fmt: skip
    assert found == "sq-made"
    written = await database.read(listed)
    assert [(row[2], row[3]) for row in written] == [("log_opened", ""), ("gateway_revoked", found)]
    assert len(lines(tmp_path)) == 1
    assert str(await verified(database, tmp_path)) == "0 findings in 2 entries of 1 chains"


async def test_a_command_that_fails_leaves_neither_its_act_nor_an_entry(
    database: Database, tmp_path: Path
) -> None:
    def act(tx: Transaction) -> None:
        tx.insert("sequence", ("name", "value"), [("made", 1)])
        raise LookupError

    with pytest.raises(LookupError):
        await with_command_log(database, keys.vault(), tmp_path / FILE, act, lambda _: [entry(1)])
    assert await database.read(listed) == []


async def test_a_command_whose_checkpoint_cannot_be_written_does_nothing(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(UnavailableError, match="checkpoints"):
        await with_command_log(
            database, keys.vault(), tmp_path / FILE, lambda tx: tx.now_ms, lambda _: [entry(1)]
        )
    assert await database.read(listed) == []


def test_a_command_is_named_after_the_user_who_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert command_user() == f"command:{pwd.getpwuid(os.getuid()).pw_name}"


async def test_an_entry_with_anything_in_it_is_stored_and_verifies(
    database: Database, tmp_path: Path
) -> None:
    strange = ["\0", "\ud800", "x" * 5_000, "'; DROP TABLE audit", "Ⅷ\u202e", "\x1b[31m"]
    async with logging_to(database, tmp_path) as log:
        await log.record(*(entry(target=text, person_id=text) for text in strange))
    assert str(await verified(database, tmp_path)) == "0 findings in 7 entries of 1 chains"


TEXTS = st.text(max_size=20)
GROUPS = st.lists(
    st.lists(
        st.builds(
            Entry,
            action=TEXTS, decision=TEXTS, actor_id=TEXTS, person_id=TEXTS, target=TEXTS,
            purpose=TEXTS, basis=TEXTS, at_ms=st.integers(0, 2**62),
        ),
        max_size=5,
    ),
    max_size=5,
)  # fmt: skip


@given(GROUPS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_sequence_of_entries_verifies(
    engine: str, tmp_path: Path, groups: list[list[Entry]]
) -> None:
    put_lines(tmp_path, [])
    async with databases.migrated(engine, tmp_path) as database:
        async with logging_to(database, tmp_path) as log:
            await asyncio.gather(*(log.record(*group) for group in groups))
        report = await verified(database, tmp_path)
        assert report.findings == []
        assert report.entries == 1 + sum(map(len, groups))


async def test_an_empty_log_has_no_ends(database: Database) -> None:
    assert await database.read(rows.loose_ends) == []


async def test_ends_are_found_by_the_key_and_not_by_reading_the_whole_table(tmp_path: Path) -> None:
    async with databases.migrated("sqlite", tmp_path) as database:
        plan = await database.read(lambda r: r.rows(f"EXPLAIN QUERY PLAN {rows.ENDS}"))
    steps = [step[3] for step in plan if " audit" in step[3] or step[3].endswith(" a")]
    assert len(steps) > 3
    assert [
        step for step in steps if "COVERING INDEX" not in step and "(chain_id" not in step
    ] == []
