"""`verify` finds and names whatever somebody with the database's own password did to the log."""

from pathlib import Path

import pytest

from telehealth.audit import rows
from telehealth.audit.chain import FIELDS, Head
from telehealth.audit.log import attest
from telehealth.keys import Keyring
from telehealth.store.database import Database
from telehealth.vault import Vault
from tests import databases, keys
from tests.telehealth.audit.given import (
    FILE,
    NOON_MS,
    chain_of,
    entry,
    found_in,
    lines,
    logging_to,
    put_lines,
    tamper,
    verified,
)

NEW_ROW = (
    "INSERT INTO audit (chain_id, seq, at_ms, action, decision, actor_id, role, grant_id,"
    " person_id, target, purpose, basis, address, session, mac)"
    " SELECT chain_id, ?, at_ms + ?, action, decision, actor_id, role, grant_id, person_id, target,"
    " purpose, basis, address, session, ? FROM audit WHERE chain_id = ? AND seq = ?"
)


async def five_entries(database: Database, folder: Path) -> str:
    """Write a chain of six rows: the opening and five entries; return its id."""
    async with logging_to(database, folder) as log:
        await log.record(*(entry(number) for number in range(5)))
        return chain_of(log)


async def test_an_untouched_log_has_no_findings_and_is_counted(
    database: Database, tmp_path: Path
) -> None:
    for _ in range(3):
        await five_entries(database, tmp_path)
    report = await verified(database, tmp_path)
    assert str(report) == "0 findings in 18 entries of 3 chains"


async def test_an_empty_log_has_no_findings(database: Database) -> None:
    assert str(await verified(database)) == "0 findings in 0 entries of 0 chains"


@pytest.mark.asvs("16.4.2")
@pytest.mark.parametrize("column", FIELDS)
@pytest.mark.parametrize("seq", [1, 4])
async def test_an_altered_row_is_found_in_whatever_column(
    database: Database, tmp_path: Path, column: str, seq: int
) -> None:
    chain_id = await five_entries(database, tmp_path)
    value = NOON_MS + 1 if column == "at_ms" else "bent"
    sql = f"UPDATE audit SET {column} = ? WHERE chain_id = ? AND seq = ?"  # noqa: S608 - our names
    await tamper(database, (sql, (value, chain_id, seq)))
    assert await found_in(database) == [f"altered: chain entry {seq}"]


async def test_altered_rows_beside_each_other_are_one_finding(
    database: Database, tmp_path: Path
) -> None:
    chain_id = await five_entries(database, tmp_path)
    sql = "UPDATE audit SET person_id = 'p-other' WHERE chain_id = ? AND seq IN (2, 3, 5)"
    await tamper(database, (sql, (chain_id,)))
    assert await found_in(database) == [
        "altered: chain entry 2 to 3",
        "altered: chain entry 5",
    ]


async def test_an_altered_last_row_is_known_by_its_checkpoint(
    database: Database, tmp_path: Path
) -> None:
    chain_id = await five_entries(database, tmp_path)
    sql = "UPDATE audit SET actor_id = 'x' WHERE chain_id = ? AND seq = ?"
    await tamper(database, (sql, (chain_id, 6)))
    assert await found_in(database, tmp_path) == ["altered: chain entry 6"]
    assert await found_in(database) == ["appended: chain entry 6"]


async def test_a_row_whose_mac_was_written_anew_is_found(
    database: Database, tmp_path: Path
) -> None:
    chain_id = await five_entries(database, tmp_path)
    sql = "UPDATE audit SET target = 'x', mac = ? WHERE chain_id = ? AND seq = ?"
    await tamper(database, (sql, (bytes(32), chain_id, 3)))
    assert await found_in(database) == ["altered: chain entry 3 to 4"]


@pytest.mark.parametrize(("first", "last"), [(1, 1), (3, 3), (2, 5)])
async def test_deleted_rows_are_found(
    database: Database, tmp_path: Path, first: int, last: int
) -> None:
    chain_id = await five_entries(database, tmp_path)
    sql = "DELETE FROM audit WHERE chain_id = ? AND seq BETWEEN ? AND ?"
    await tamper(database, (sql, (chain_id, first, last)))
    numbers = f"{first}" if first == last else f"{first} to {last}"
    assert await found_in(database) == [f"missing: chain entry {numbers}"]


async def test_a_row_appended_out_of_band_is_found(database: Database, tmp_path: Path) -> None:
    chain_id = await five_entries(database, tmp_path)
    await tamper(database, (NEW_ROW, (7, 0, b"\1" * 32, chain_id, 6)))
    assert await found_in(database, tmp_path) == ["appended: chain entry 7"]


async def test_a_copy_of_the_last_row_does_not_follow_itself(
    database: Database, tmp_path: Path
) -> None:
    chain_id = await five_entries(database, tmp_path)
    sql = NEW_ROW.replace("session, ?", "session, mac")
    await tamper(database, (sql, (7, 0, chain_id, 6)))
    assert await found_in(database, tmp_path) == ["appended: chain entry 7"]


@pytest.mark.postgresql
@pytest.mark.parametrize("later_ms", [-1, 1])
async def test_a_second_row_of_one_number_is_told_from_the_true_one(
    tmp_path: Path, later_ms: int
) -> None:
    """PostgreSQL's key holds the time too, so it lets a number come twice."""
    async with databases.migrated("postgresql", tmp_path) as database:
        chain_id = await five_entries(database, tmp_path)
        await tamper(database, (NEW_ROW, (4, later_ms, b"\1" * 32, chain_id, 4)))
        assert await found_in(database) == ["appended: chain entry 4"]


@pytest.mark.asvs("16.4.2")
async def test_a_tail_that_was_cut_is_found_by_the_checkpoint(
    database: Database, tmp_path: Path
) -> None:
    chain_id = await five_entries(database, tmp_path)
    await tamper(database, ("DELETE FROM audit WHERE chain_id = ? AND seq > 4", (chain_id,)))
    assert await found_in(database, tmp_path) == ["cut: chain entry 5 to 6"]


async def test_a_tail_that_was_cut_is_found_by_the_next_chain(
    database: Database, tmp_path: Path
) -> None:
    chain_id = await five_entries(database, tmp_path)
    await five_entries(database, tmp_path)
    await tamper(database, ("DELETE FROM audit WHERE chain_id = ? AND seq = ?", (chain_id, 6)))
    assert await found_in(database) == ["cut: chain entry 6"]


@pytest.mark.parametrize("with_checkpoints", [True, False])
async def test_a_whole_chain_that_is_gone_is_named(
    database: Database, tmp_path: Path, with_checkpoints: bool
) -> None:
    chain_id = await five_entries(database, tmp_path)
    await five_entries(database, tmp_path)
    await tamper(database, ("DELETE FROM audit WHERE chain_id = ?", (chain_id,)))
    report = await verified(database, tmp_path if with_checkpoints else None)
    assert [str(finding) for finding in report.findings] == [f"chain_gone: {chain_id}"]


async def test_the_only_chain_gone_is_known_by_the_checkpoint_alone(
    database: Database, tmp_path: Path
) -> None:
    await five_entries(database, tmp_path)
    await tamper(database, ("DELETE FROM audit", ()))
    assert await found_in(database, tmp_path) == ["chain_gone: chain"]
    assert await found_in(database) == []


async def test_another_history_of_the_same_length_is_not_taken_for_the_first(
    database: Database, tmp_path: Path
) -> None:
    """Somebody who has stolen the key too still cannot make the macs that a checkpoint names."""
    async with logging_to(database, tmp_path) as log:
        chain_id = chain_of(log)
        opened = log.head
        assert opened is not None
        await log.record(entry(1), entry(2))
    await tamper(database, ("DELETE FROM audit WHERE chain_id = ? AND seq > 1", (chain_id,)))
    others = [entry(1), entry(3)]
    await database.write(lambda tx: rows.append(tx, keys.vault(), opened, others, at_ms=NOON_MS))
    assert await found_in(database, tmp_path) == ["rewritten: chain entry 3"]
    assert await found_in(database) == []


async def test_a_chain_of_an_unknown_key_is_named(database: Database, tmp_path: Path) -> None:
    chain_id = await five_entries(database, tmp_path)
    forged = "ch-deadbeef-0123456789abcdef"
    await tamper(database, ("UPDATE audit SET chain_id = ? WHERE chain_id = ?", (forged, chain_id)))
    assert [str(f) for f in (await verified(database)).findings] == [f"unknown_key: {forged}"]


async def test_a_forged_chain_under_a_known_key_does_not_begin_rightly(
    database: Database, tmp_path: Path
) -> None:
    chain_id = await five_entries(database, tmp_path)
    forged = chain_id[:-4] + ("0000" if not chain_id.endswith("0000") else "1111")
    sql = NEW_ROW.replace("SELECT chain_id", "SELECT ?")
    await tamper(database, (sql, (forged, 1, 0, b"\1" * 32, chain_id, 1)))
    findings = (await verified(database, tmp_path)).findings
    assert [str(f) for f in findings] == [f"appended: {forged} entry 1"]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("seq = 'many'", ["appended: chain", "missing: chain entry 4"]),
        ("mac = 'text'", ["appended: chain entry 4", "missing: chain entry 4"]),
        ("mac = 17", ["appended: chain entry 4", "missing: chain entry 4"]),
        ("at_ms = 1.5", ["altered: chain entry 4"]),
        ("target = x'ff00'", ["altered: chain entry 4"]),
        ("target = CAST(x'ff41' AS TEXT)", ["altered: chain entry 4"]),
    ],
)
async def test_values_of_a_kind_that_nobody_writes_are_findings_and_no_failures(
    tmp_path: Path, change: str, found: list[str]
) -> None:
    """SQLite keeps any kind of value in any column, and any bytes as text."""
    async with databases.migrated("sqlite", tmp_path) as database:
        chain_id = await five_entries(database, tmp_path)
        sql = f"UPDATE audit SET {change} WHERE chain_id = ? AND seq = ?"  # noqa: S608 - our words
        await tamper(database, (sql, (chain_id, 4)))
        assert sorted(await found_in(database)) == found


async def test_the_checkpoint_file_untouched_and_its_lines_signed(
    database: Database, tmp_path: Path
) -> None:
    await five_entries(database, tmp_path)
    assert len(lines(tmp_path)) == 2
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    assert await found_in(database, tmp_path) == []


async def many_checkpoints(database: Database, folder: Path, count: int) -> None:
    async with logging_to(database, folder) as log:
        for number in range(count - 1):
            await log.record(entry(number))
            await log.checkpoint()
    assert len(lines(folder)) == count


@pytest.mark.parametrize("number", [1, 3, 5])
async def test_an_edited_line_is_found_and_named(
    database: Database, tmp_path: Path, number: int
) -> None:
    await many_checkpoints(database, tmp_path, 5)
    kept = lines(tmp_path)
    kept[number - 1] = kept[number - 1].replace(b'"at_ms":1', b'"at_ms":2')
    put_lines(tmp_path, kept)
    assert await found_in(database, tmp_path) == [f"checkpoint_altered: chain line {number}"]


async def test_a_line_that_is_none_is_found_and_named(database: Database, tmp_path: Path) -> None:
    await many_checkpoints(database, tmp_path, 5)
    kept = lines(tmp_path)
    kept[2] = b"\xff{}\n"
    put_lines(tmp_path, kept)
    assert await found_in(database, tmp_path) == ["checkpoint_altered: chain line 3"]


@pytest.mark.parametrize("number", [1, 3, 4])
async def test_a_removed_line_is_found_by_the_next(
    database: Database, tmp_path: Path, number: int
) -> None:
    await many_checkpoints(database, tmp_path, 5)
    kept = lines(tmp_path)
    del kept[number - 1]
    put_lines(tmp_path, kept)
    assert await found_in(database, tmp_path) == [f"checkpoint_missing: chain line {number}"]


async def test_lines_removed_from_the_end_are_known_to_the_next_chain(
    database: Database, tmp_path: Path
) -> None:
    await many_checkpoints(database, tmp_path, 5)
    await five_entries(database, tmp_path)
    put_lines(tmp_path, lines(tmp_path)[:4])
    assert await found_in(database, tmp_path) == ["checkpoint_missing: chain"]


async def test_a_file_that_was_taken_away_is_known_to_the_next_chain(
    database: Database, tmp_path: Path
) -> None:
    await five_entries(database, tmp_path)
    await five_entries(database, tmp_path)
    put_lines(tmp_path, [])
    assert await found_in(database, tmp_path) == ["checkpoint_missing: chain"]
    assert await found_in(database) == []


async def test_a_line_that_somebody_else_signed_is_found(
    database: Database, tmp_path: Path
) -> None:
    chain_id = await five_entries(database, tmp_path)
    attest(tmp_path / FILE, Vault(Keyring.new(0)), [Head(chain_id, 6, bytes(32))], at_ms=1)
    assert "checkpoint_altered: chain line 3" in await found_in(database, tmp_path)


async def test_a_line_that_a_power_cut_tore_says_nothing_and_the_next_replaces_it(
    database: Database, tmp_path: Path
) -> None:
    await five_entries(database, tmp_path)
    whole = lines(tmp_path)
    put_lines(tmp_path, [*whole, whole[-1][:40]])
    assert await found_in(database, tmp_path) == []
    await five_entries(database, tmp_path)
    assert await found_in(database, tmp_path) == []
    assert len(lines(tmp_path)) == 4
