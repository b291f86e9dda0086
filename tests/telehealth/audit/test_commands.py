"""`telehealth audit …`: verification, entries and the head for paper, as lines."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from telehealth.__main__ import app
from telehealth.audit import commands
from telehealth.audit.chain import Entry
from telehealth.errors import RefusedError
from telehealth.store.database import Database
from tests import databases, keys
from tests.telehealth.audit.given import FILE, NOON_MS, entry, logging_to, put_lines, tamper


async def shown(database: Database, **given: str) -> list[str]:
    wanted = {"person": "", "actor": "", "since": ""} | given
    return await commands.show(database, limit=50, **wanted)


async def test_verify_reads_several_files_in_their_order(
    database: Database, tmp_path: Path
) -> None:
    async with logging_to(database, tmp_path) as log:
        await log.record(entry(1))
    first, second = (tmp_path / FILE).read_bytes().splitlines(keepends=True)
    (tmp_path / "old").write_bytes(first)
    put_lines(tmp_path, [second])
    paths = [tmp_path / "old", tmp_path / FILE]
    report = await commands.verify(database, keys.vault(), paths)
    assert str(report) == "0 findings in 2 entries of 1 chains"
    turned = await commands.verify(database, keys.vault(), paths[::-1])
    assert [str(f) for f in turned.findings] == [
        "checkpoint_missing: checkpoints line 1",
        "checkpoint_missing: checkpoints line 2",
    ]


async def test_verify_says_which_file_is_not_there(database: Database, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"No such file.*nowhere"):
        await commands.verify(database, keys.vault(), [tmp_path / "nowhere"])


async def test_a_finding_names_chain_and_entry(database: Database, tmp_path: Path) -> None:
    async with logging_to(database, tmp_path) as log:
        await log.record(entry(1), entry(2))
        head = log.head
    assert head is not None
    await tamper(database, ("UPDATE audit SET role = 'x' WHERE seq = 2", ()))
    report = await commands.verify(database, keys.vault(), [tmp_path / FILE])
    assert [str(f) for f in report.findings] == [f"altered: {head.chain_id} entry 2"]


async def test_show_prints_who_what_whose_when_and_why(database: Database, tmp_path: Path) -> None:
    async with logging_to(database, tmp_path) as log:
        await log.record(
            entry(1, basis="bg-1", decision="break_glass", address="192.0.2.1", session="ab12")
        )
    assert await shown(database, person="p-hoa") == [
        "2026-11-23T12:00:00.000Z  break_glass  view_opened  actor=ac-doctor  role=doctor"
        "  person_id=p-hoa  target=number:1  purpose=care  basis=bg-1  address=192.0.2.1"
        "  session=ab12"
    ]


async def test_show_narrows_by_person_actor_and_time(database: Database, tmp_path: Path) -> None:
    async with logging_to(database, tmp_path) as log:
        await log.record(
            entry(1), entry(2, person_id="p-linh"), entry(3, actor_id="command:root"),
            replace(entry(4), at_ms=NOON_MS - 86_400_000),
        )  # fmt: skip
    assert len(await shown(database)) == 5
    assert len(await shown(database, person="p-linh")) == 1
    assert len(await shown(database, actor="command:root")) == 1
    assert len(await shown(database, actor="ac-doctor", since="2026-11-23")) == 2
    assert len(await shown(database, actor="ac-doctor", since="2026-11-22")) == 3
    assert await shown(database, since="2026-11-23T19:00:00.001+07:00") == []
    assert len(await shown(database, since="2026-11-23T19:00:00+07:00")) == 4


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", "2026-11-23T12:00:00", "2026-11-2x"])
async def test_a_time_that_is_none_is_refused(database: Database, since: str) -> None:
    with pytest.raises(RefusedError, match="since"):
        await shown(database, since=since)


@pytest.mark.asvs("1.3.3", "16.4.1")
async def test_what_a_stranger_put_into_an_entry_cannot_move_the_terminals_cursor(
    database: Database, tmp_path: Path
) -> None:
    async with logging_to(database, tmp_path) as log:
        await log.record(Entry(action="signed_in", actor_id="a\x1b[2J\nb\u202e", decision="deny"))
    [line] = await shown(database, actor="a\x1b[2J\nb\u202e")
    assert line.isprintable()
    assert "actor=a\ufffd[2J\ufffdb\ufffd" in line


async def test_the_head_for_paper_is_that_of_the_newest_chain_alone(
    database: Database, tmp_path: Path
) -> None:
    for _ in range(2):
        async with logging_to(database, tmp_path) as log:
            await log.record(entry(1))
    assert log.head is not None
    words = " ".join(log.head.mac.hex()[n : n + 8] for n in range(0, 64, 8))
    assert await commands.newest_heads(database) == [f"{log.head.chain_id}  entry 2  {words}"]


@pytest.fixture
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a database with one chain, which the environment names."""

    async def settle() -> str:
        async with databases.migrated("sqlite", tmp_path) as database:
            async with logging_to(database, tmp_path) as log:
                await log.record(entry(1))
            return database.url

    monkeypatch.setenv("TELEHEALTH_DATABASE", asyncio.run(settle()))
    monkeypatch.setenv("TELEHEALTH_AUDIT_CHECKPOINTS", str(tmp_path / FILE))
    return tmp_path


def test_the_command_line_verifies_shows_and_prints_the_head(settled: Path) -> None:
    run = CliRunner().invoke
    verified = run(app, ["audit", "verify"])
    assert (verified.exit_code, verified.stdout) == (0, "0 findings in 2 entries of 1 chains\n")
    shown = run(app, ["audit", "show", "--person", "p-hoa", "--limit", "1"])
    assert (shown.exit_code, "target=number:1" in shown.stdout) == (0, True)
    head = run(app, ["audit", "checkpoint"])
    assert (head.exit_code, "  entry 2  " in head.stdout) == (0, True)


def test_the_command_line_exits_one_when_something_was_done_to_the_log(settled: Path) -> None:
    (settled / "old").write_bytes((settled / FILE).read_bytes().splitlines(keepends=True)[1])
    bent = CliRunner().invoke(app, ["audit", "verify", "--checkpoints", str(settled / "old")])
    assert (bent.exit_code, bent.stdout) == (
        1,
        "checkpoint_missing: checkpoints line 1\n1 finding in 2 entries of 1 chains\n",
    )


def test_a_checkpoint_file_that_is_gone_is_no_verification(settled: Path) -> None:
    (settled / FILE).unlink()
    gone = CliRunner().invoke(app, ["audit", "verify"])
    assert gone.exit_code == 1
    assert "No such file" in gone.stderr
