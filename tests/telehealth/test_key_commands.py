"""`telehealth keys …`: a key is known before it is used, and goes when nothing needs it."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from telehealth import clock, custody, custody_files, key_commands, keys
from telehealth.audit.verifying import verify
from telehealth.errors import KeysError, RefusedError
from telehealth.keys import Keyring
from telehealth.keywatch import KeyWatch
from telehealth.people.records import Personal, open_personal, seal_personal
from telehealth.sealed import sealed_with, uses
from telehealth.settings import Settings
from telehealth.store.database import Database, Reader, Transaction
from telehealth.vault import Vault
from tests import databases, rows
from tests.secrets_of import secrets_of

DAY_MS = 86_400_000
QUICK_S = 0.01


@pytest.fixture
async def settings(engine: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """Yield a server's settings: a migrated database and a file of keys."""
    path = tmp_path / "secret" / "keys.json"
    keys.save(path, Keyring.new(0))
    async with databases.migrated_address(engine, tmp_path) as url:
        yield Settings(
            database=url,
            keys=path,
            keyring="",
            audit_checkpoints=tmp_path / "audit" / "checkpoints.jsonl",
        )


def _opened(settings: Settings) -> Database:
    return Database(settings.database, Vault(keys.load(settings.keys)))


async def _write_person(settings: Settings) -> None:
    database = _opened(settings)
    await database.write(lambda tx: rows.person(tx, "pe-1", "Nguyễn Văn An", "1950-01-01"))
    await database.close()


async def _name(settings: Settings) -> str:
    database = _opened(settings)
    try:
        return (await database.read(lambda r: open_personal(r, "pe-1"))).name
    finally:
        await database.close()


@pytest.mark.asvs("11.2.2")
async def test_a_rotation_brings_every_field_under_the_new_key_and_the_old_one_can_go(
    settings: Settings,
) -> None:
    await _write_person(settings)
    old = keys.load(settings.keys).data[0].key_id.hex()
    said: list[str] = []
    await key_commands.rotate(settings, "data", stage=False, say=said.append, settle_s=0)
    new = keys.load(settings.keys).data[0].key_id.hex()
    assert said == [
        f"the data key {new} waits in {settings.keys}",
        f"the data key {new} is in use",
        "1 fields sealed anew",
        f"nothing needs the data key {old} any more: `telehealth keys drop {old}`",
    ]
    assert await key_commands.drop(settings, old) == "data"
    assert [key.key_id.hex() for key in keys.load(settings.keys).data] == [new]
    assert await _name(settings) == "Nguyễn Văn An"


async def test_while_a_server_goes_on_writing_nothing_is_ever_closed_to_it(
    settings: Settings,
) -> None:
    """The server takes new keys from the file by itself, as `serve` does, and never misses one."""
    servers = {"pe-1": _opened(settings), "pe-2": _opened(settings)}
    for person_id, database in servers.items():
        await database.write(partial(rows.person, person_id=person_id, name="0", birth_date=""))
    done = asyncio.Event()

    async def serve(person_id: str, database: Database) -> None:
        written = 0
        while not done.is_set():
            for each in servers:
                found = await database.read(partial(open_personal, person_id=each))
                assert found.name.isdigit()
                assert each != person_id or found.name == f"{written}"
            written += 1
            await database.write(partial(_rename, person_id=person_id, name=f"{written}"))

    watching = [
        asyncio.create_task(KeyWatch(settings.keys, _vault(d), every_s=QUICK_S).run())
        for d in servers.values()
    ]
    serving = [asyncio.create_task(serve(*server)) for server in servers.items()]
    for part in keys.ROTATED:
        await key_commands.rotate(
            settings, part, stage=False, say=lambda _line: None, settle_s=20 * QUICK_S
        )
    done.set()
    await asyncio.gather(*serving)
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    now = keys.load(settings.keys)
    for database in servers.values():
        assert _vault(database).keyring == now
        assert await database.read(sealed_with) == {now.data[0].key_id: 2}
        await database.close()


async def test_a_server_that_looks_late_still_opens_what_another_sealed(
    settings: Settings,
) -> None:
    """Whoever knows a step of the rotation first never seals what the other cannot open."""
    early, late = (Vault(keys.load(settings.keys)) for _ in range(2))
    watches = [KeyWatch(settings.keys, vault) for vault in (early, late)]
    where = ("person", "personal", "pe-1")
    seen: list[bool] = []

    def each_step(_line: str) -> None:
        watches[0].look()
        field = early.seal(b"An", *where)
        assert late.open(field, *where) == b"An"
        assert early.open(late.seal(b"An", *where), *where) == b"An"
        seen.append(field.startswith(late.current_head))
        watches[1].look()

    await key_commands.rotate(settings, "data", stage=False, say=each_step, settle_s=0)
    assert seen == [True, False, True, True]


def _vault(database: Database) -> Vault:
    assert database.vault is not None
    return database.vault


def _rename(tx: Transaction, person_id: str, name: str) -> None:
    field = seal_personal(tx.vault, person_id, Personal(name=name))
    tx.execute("UPDATE person SET personal = ? WHERE person_id = ?", (field, person_id))


async def test_a_staged_key_waits_until_the_next_call_uses_that_same_key(
    settings: Settings,
) -> None:
    said: list[str] = []
    before = keys.load(settings.keys).data[0]
    await key_commands.rotate(settings, "data", stage=True, say=said.append, settle_s=0)
    staged = keys.load(settings.keys)
    assert staged.data[0] == before
    await key_commands.rotate(settings, "data", stage=False, say=said.append, settle_s=0)
    assert keys.load(settings.keys).data == (staged.data[1], before)


async def test_a_key_that_something_needs_is_not_dropped(settings: Settings) -> None:
    await _write_person(settings)
    keys.change(settings.keys, lambda ring: ring.with_new("data", 1))
    newest, old = keys.load(settings.keys).data
    with pytest.raises(RefusedError, match="1 fields"):
        await key_commands.drop(settings, old.key_id.hex())
    with pytest.raises(KeysError, match="in use"):
        await key_commands.drop(settings, newest.key_id.hex())
    with pytest.raises(KeysError, match="0 keys"):
        await key_commands.drop(settings, "00000000")
    with pytest.raises(RefusedError, match="hexadecimal"):
        await key_commands.drop(settings, "none")
    await key_commands.go_on(settings, "data", say=lambda _line: None)
    await key_commands.drop(settings, old.key_id.hex())
    assert keys.load(settings.keys).data == (newest,)


async def test_an_index_key_goes_only_when_no_hash_needs_it(settings: Settings) -> None:
    database = _opened(settings)

    def fill(tx: Transaction) -> None:
        rows.person(tx, "pe-1", "An", "")
        tx.insert(
            "person_token",
            ("token", "bucket", "person_id"),
            [(tx.vault.hash("name", "an")[:12], "", "pe-1")],
        )

    await database.write(fill)
    await database.close()
    keys.change(settings.keys, lambda ring: ring.with_new("index", 1))
    old = keys.load(settings.keys).index[1].key_id.hex()
    with pytest.raises(RefusedError, match="1 hashes"):
        await key_commands.drop(settings, old)
    await key_commands.go_on(settings, "index", say=lambda _line: None)
    assert await key_commands.drop(settings, old) == "index"


async def test_an_audit_key_stays_with_the_entries_that_it_binds(settings: Settings) -> None:
    said: list[str] = []
    old = keys.load(settings.keys).audit[0].key_id.hex()
    await key_commands.rotate(settings, "data", stage=False, say=said.append, settle_s=0)
    await key_commands.rotate(settings, "audit", stage=False, say=said.append, settle_s=0)
    assert said[-1] == f"the audit key {old} binds 2 entries; it stays with them"
    with pytest.raises(RefusedError, match="2 entries"):
        await key_commands.drop(settings, old)


async def test_every_act_on_the_keys_stands_in_the_audit_log_and_the_log_holds(
    settings: Settings, tmp_path: Path
) -> None:
    old = keys.load(settings.keys).data[0].key_id.hex()
    await key_commands.rotate(settings, "data", stage=False, say=lambda _line: None, settle_s=0)
    new = keys.load(settings.keys).data[0].key_id.hex()
    await key_commands.drop(settings, old)
    number = await key_commands.export(settings, tmp_path / "one.txt", tmp_path / "two.txt")
    database = _opened(settings)

    def look(reader: Reader) -> list[tuple[str, str]]:
        report = verify(reader, reader.vault, _checkpoints(settings).splitlines(True).__iter__)
        assert report.findings == []
        return [
            (action, target)
            for action, target in reader.rows(
                "SELECT action, target FROM audit WHERE action <> 'log_opened' ORDER BY at_ms"
            )
        ]

    assert await database.read(look) == [
        ("key_rotated", f"data:{new}"),
        ("key_rotated", f"data:{old} dropped"),
        ("keys_exported", f"export:{number}"),
    ]
    await database.close()


def _checkpoints(settings: Settings) -> bytes:
    return settings.audit_checkpoints.read_bytes()


async def test_show_lists_every_key_with_its_age_and_use_and_no_secret(settings: Settings) -> None:
    await _write_person(settings)
    keys.change(settings.keys, lambda ring: ring.with_new("data", 5 * DAY_MS))
    keys.change(settings.keys, lambda ring: ring.with_waiting("index", 6 * DAY_MS))
    ring = keys.load(settings.keys)
    database = _opened(settings)
    found = await database.read(uses)
    await database.close()
    assert [str(line) for line in key_commands.lines_of(ring, found, 7 * DAY_MS + 1)] == [
        f"data     {ring.data[0].key_id.hex()} in use, 2 days old, 0 fields",
        f"data     {ring.data[1].key_id.hex()} old, 7 days old, 1 fields",
        f"index    {ring.index[0].key_id.hex()} in use, 7 days old, 0 hashes",
        f"index    {ring.index[1].key_id.hex()} waiting, 1 days old, 0 hashes",
        f"audit    {ring.audit[0].key_id.hex()} in use, 7 days old, 0 entries",
        f"identity {ring.identity[0].key_id.hex()} in use, 7 days old",
        f"identity {ring.identity[1].key_id.hex()} next, 7 days old",
    ]
    shown = "\n".join(await key_commands.show(settings)).encode()
    assert shown.count(b"\n") == 6
    assert not [form for secret in secrets_of(ring) for form in secret if form in shown]


async def test_show_names_a_key_that_is_needed_and_missing(settings: Settings) -> None:
    await _write_person(settings)
    lost = keys.load(settings.keys).data[0].key_id.hex()
    keys.save(settings.keys, Keyring.new(1))
    assert f"missing: data {lost}" in await key_commands.show(settings)


async def test_wrong_parts_and_keys_from_the_environment_are_refused(settings: Settings) -> None:
    with pytest.raises(RefusedError, match="data, index, audit"):
        await key_commands.rotate(settings, "identity", stage=True, say=lambda _line: None)
    with pytest.raises(RefusedError, match="data or index"):
        await key_commands.go_on(settings, "audit", say=lambda _line: None)
    given = settings.model_copy(update={"keyring": Keyring.new(0).to_json()})
    with pytest.raises(KeysError, match="TELEHEALTH_KEYRING"):
        await key_commands.rotate(given, "data", stage=True, say=lambda _line: None)


async def test_two_rotations_at_once_are_refused(settings: Settings) -> None:
    with keys.locked(settings.keys, "rotation", wait=False):
        with pytest.raises(KeysError, match="another rotation"):
            await key_commands.rotate(settings, "data", stage=True, say=lambda _line: None)
        with pytest.raises(KeysError, match="another rotation"):
            await key_commands.drop(settings, "00000000")


def test_keys_are_taken_in_where_there_are_none_and_never_over_others(
    tmp_path: Path,
) -> None:
    ring = Keyring.new(0)
    one, two, to = tmp_path / "1", tmp_path / "2", tmp_path / "keys.json"
    custody_files.write(custody.export(ring, clock.now()), one, two)
    assert key_commands.take_in(one, two, to) == keys.load(to) == ring
    with pytest.raises(KeysError, match="already"):
        key_commands.take_in(one, two, to)


def _watched(tmp_path: Path) -> tuple[Path, Vault, KeyWatch]:
    path = tmp_path / "keys.json"
    keys.save(path, Keyring.new(0))
    vault = Vault(keys.load(path))
    return path, vault, KeyWatch(path, vault)


def test_a_changed_file_is_taken_over_once(tmp_path: Path) -> None:
    path, vault, watch = _watched(tmp_path)
    assert not watch.look()
    changed = keys.change(path, lambda ring: ring.with_new("data", 1))
    assert watch.look()
    assert vault.keyring == changed
    assert not watch.look()


@pytest.mark.parametrize("wrong", ["gone", "torn", "open to others", "older"])
def test_wrong_keys_are_logged_and_those_at_work_stay(
    tmp_path: Path, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, vault, watch = _watched(tmp_path)
    old = keys.load(path)
    keys.change(path, lambda ring: ring.with_new("data", 1))
    watch.look()
    at_work = vault.keyring
    if wrong == "gone":
        path.unlink()
    elif wrong == "torn":
        path.write_text(at_work.to_json()[:-9])
    elif wrong == "open to others":
        path.chmod(0o644)
    else:
        keys.save(path, old)
    assert not watch.look()
    assert vault.keyring is at_work
    said = [vars(record)["why"] for record in caplog.records if record.levelno == logging.ERROR]
    assert len(said) == 1
    assert not watch.look()
    assert len(caplog.records) <= 2
    keys.save(path, at_work.with_new("data", 2))
    assert watch.look()


def test_a_file_that_was_closed_to_others_again_is_taken_over(tmp_path: Path) -> None:
    path, vault, watch = _watched(tmp_path)
    changed = keys.change(path, lambda ring: ring.with_new("data", 1))
    path.chmod(0o644)
    assert not watch.look()
    os.chmod(path, 0o600)
    assert watch.look()
    assert vault.keyring == changed
