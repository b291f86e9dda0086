"""A backup is whole, holds no key, and comes back proven; the drill, from loss to names."""

import asyncio
import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from telehealth import (
    archive,
    backup,
    backup_commands,
    key_commands,
    keys,
    postgresql_tools,
    restore,
)
from telehealth.audit.chain import Entry
from telehealth.audit.log import AuditLog
from telehealth.errors import KeysError, RefusedError, UnavailableError
from telehealth.keys import Keyring
from telehealth.people.records import names_of
from telehealth.settings import Settings
from telehealth.store.database import Database, Reader, Transaction
from telehealth.vault import Vault
from tests import databases, rows
from tests.secrets_of import secrets_of

NAMES = {"pe-1": "Nguyễn Văn An", "pe-2": "Trần Thị Bình", "pe-3": "Giàng A Páo"}
AT = datetime(2026, 1, 31, 8, tzinfo=UTC)


@pytest.fixture
async def settings(engine: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """Yield the settings of a server with three people, a log-in each way and an audit log."""
    (tmp_path / "data").mkdir()
    path = tmp_path / "keys" / "keys.json"
    keys.save(path, Keyring.new(0))
    async with databases.migrated_address(engine, tmp_path / "data") as url:
        found = Settings(
            database=url, keys=path, keyring="",
            audit_checkpoints=tmp_path / "audit" / "checkpoints.jsonl",
        )  # fmt: skip
        database = _opened(found)
        await database.write(_fill)
        await database.close()
        yield found


def _fill(tx: Transaction) -> None:
    for person_id, name in NAMES.items():
        rows.person(tx, person_id, name, "1950-01-01")
    rows.account(tx, "ac-doctor", "doctor")
    rows.account(tx, "ac-patient", "patient", person_id="pe-1")
    for account in ("ac-doctor", "ac-patient"):
        rows.session(tx, account)


def _opened(settings: Settings) -> Database:
    return Database(settings.database, Vault(keys.load(settings.keys)))


async def _read(url: str, vault: Vault | None, fn: Callable[[Reader], Any]) -> Any:
    database = Database(url, vault)
    try:
        return await database.read(fn)
    finally:
        await database.close()


def _names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _count(reader: Reader, table: str, where: str = "") -> int:
    return int(reader.rows(f"SELECT count(*) FROM {table} {where}")[0][0])  # noqa: S608


def _content(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as found:
        return {entry.name: found.extractfile(entry).read() for entry in found}  # type: ignore[union-attr]


def _manifest(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(_content(path)[archive.MANIFEST])
    return read


async def test_the_drill_everything_is_lost_and_two_custodians_and_an_archive_bring_it_back(
    settings: Settings, engine: str, tmp_path: Path
) -> None:
    """docs/keys.md, "The drill"."""
    before = await _read(settings.database, None, backup.census)
    halves = tmp_path / "first custodian.txt", tmp_path / "second custodian.txt"
    await key_commands.export(settings, *halves)
    written = await backup_commands.back_up(settings, tmp_path)

    shutil.rmtree(settings.keys.parent)
    shutil.rmtree(settings.audit_checkpoints.parent)
    if engine == "sqlite":
        shutil.rmtree(tmp_path / "data")

    with pytest.raises(KeysError, match="no keys"):
        await backup_commands.bring_back(settings, written, settings.database)
    key_commands.take_in(*halves, settings.keys)
    (tmp_path / "new").mkdir()
    async with databases.address(engine, tmp_path / "new") as url:
        there = settings.model_copy(update={"database": url})
        restored = await backup_commands.bring_back(there, written, url)
        assert restored.findings == ()
        assert restored.opened == len(NAMES)
        vault = Vault(keys.load(settings.keys))
        assert await _read(url, vault, lambda r: names_of(r, NAMES)) == NAMES
        after = await _read(url, None, backup.census)
        kept = {"audit", "login_session"}
        assert {t: n for t, n in after.tables.items() if t not in kept} == {
            t: n for t, n in before.tables.items() if t not in kept
        }
        assert restored.manifest.tables["audit"] == 4
        lines = settings.audit_checkpoints.read_bytes().splitlines(keepends=True)
        assert await _read(url, vault, lambda r: backup_commands.audit_findings(r, lines)) == []
        actions = "SELECT action FROM audit WHERE action <> 'log_opened' ORDER BY at_ms"
        assert [row[0] for row in await _read(url, None, lambda r: r.rows(actions))] == [
            "keys_exported",
            "backup_made",
            "backup_restored",
        ]


async def test_a_rehearsal_beside_the_running_server_leaves_its_log_and_data_as_they_are(
    settings: Settings, engine: str, tmp_path: Path
) -> None:
    written = await backup_commands.back_up(settings, tmp_path)
    lines = settings.audit_checkpoints.read_bytes()
    before = await _read(settings.database, None, backup.census)
    (tmp_path / "new").mkdir()
    async with databases.address(engine, tmp_path / "new") as url:
        restored = await backup_commands.bring_back(settings, written, url)
        assert restored.findings == ()
        assert await _read(url, None, partial(_count, table="audit")) == before.tables["audit"]
    assert settings.audit_checkpoints.read_bytes() == lines
    after = await _read(settings.database, None, backup.census)
    assert (after.tables, after.audit_heads) == (before.tables, before.audit_heads)


@pytest.mark.asvs("13.3.1")
async def test_no_archive_holds_a_key_nor_a_name(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = keys.load(settings.keys)
    monkeypatch.setenv("TELEHEALTH_KEYRING", ring.to_json())
    written = await backup_commands.back_up(settings, tmp_path / "backup.tar")
    plain = b"".join([written.read_bytes(), *_content(written).values()])
    if "postgresql" in settings.database:
        dump = tmp_path / "dump"
        dump.write_bytes(_content(written)["database.postgresql"])
        program = await postgresql_tools.program("pg_restore", _major(written))
        shown = await postgresql_tools.run([str(program), "--file=-", str(dump)], {})
        assert "pe-1" in shown
        plain += shown.encode()
    forms = [form for secret in secrets_of(ring) for form in secret]
    assert b"pe-1" in plain
    assert not [form for form in forms if form in plain]
    assert not [name for name in NAMES.values() if name.encode() in plain]


def _major(path: Path) -> int:
    return int(_manifest(path)["engine_version"].split(".")[0])


async def test_the_manifest_says_what_is_in_it(
    settings: Settings, engine: str, tmp_path: Path
) -> None:
    written = await backup_commands.back_up(settings, tmp_path / "backup.tar")
    content, manifest = _content(written), _manifest(written)
    assert list(content) == ["manifest.json", f"database.{engine}", "checkpoints.jsonl"]
    assert (manifest["format"], manifest["engine"]) == ("telehealth-backup-1", engine)
    assert manifest["tables"]["person"] == 3
    assert manifest["tables"]["login_session"] == 2
    assert manifest["tables"]["audit"] == 2
    assert not [name for name in manifest["tables"] if name.startswith(("audit_y", "sqlite_"))]
    assert manifest["data_keys"] == [keys.load(settings.keys).data[0].key_id.hex()]
    assert [head["seq"] for head in manifest["audit_heads"]] == [2]
    for part in manifest["parts"]:
        assert part["size"] == len(content[part["name"]])
        assert part["sha256"] == hashlib.sha256(content[part["name"]]).hexdigest()
    revision = await _read(settings.database, None, backup.revision_of)
    assert manifest["schema_revision"] == revision
    assert written.stat().st_mode & 0o777 == 0o600


async def test_into_a_folder_it_gets_a_name_with_its_time(
    settings: Settings, tmp_path: Path
) -> None:
    written = await backup.back_up(settings.database, tmp_path)
    made = datetime.fromisoformat(_manifest(written)["made_at"])
    assert written == tmp_path / f"telehealth-{made:%Y%m%dT%H%M%SZ}.tar"
    assert _names_in(tmp_path) == ["data", "keys", written.name]


async def test_nothing_is_overwritten_and_a_folder_that_is_not_there_is_named(
    settings: Settings, tmp_path: Path
) -> None:
    target = tmp_path / "backup.tar"
    target.write_bytes(b"mine")
    with pytest.raises(RefusedError, match=r"backup\.tar"):
        await backup_commands.back_up(settings, target)
    assert target.read_bytes() == b"mine"
    with pytest.raises(RefusedError, match="none"):
        await backup_commands.back_up(settings, tmp_path / "none" / "backup.tar")
    assert not settings.audit_checkpoints.exists()


async def test_while_the_server_writes_the_copy_is_of_one_moment(
    settings: Settings, engine: str, tmp_path: Path
) -> None:
    """Each transaction writes one row into two tables: a torn copy would differ."""
    database = _opened(settings)
    done = asyncio.Event()
    log = AuditLog(
        database, Vault(keys.load(settings.keys)), lambda: AT, settings.audit_checkpoints
    )

    def both(tx: Transaction, number: int) -> None:
        tx.insert("sequence", ("name", "value"), [(f"n{number}", number)])
        tx.insert(
            "upload",
            ("stream_id", "seq", "received_ms", "payload"),
            [(1, number, tx.now_ms, b"x" * 2_000)],
        )

    async def serve() -> int:
        number = 0
        while not done.is_set():
            await database.write(lambda tx, number=number: both(tx, number))  # type: ignore[misc]
            await log.record(Entry(action="view_opened", actor_id="ac-doctor", person_id="pe-1"))
            number += 1
        return number

    checkpointing = asyncio.create_task(log.run())
    serving = asyncio.create_task(serve())
    lines = settings.audit_checkpoints
    archives = [
        await backup.back_up(settings.database, tmp_path / f"{number}.tar", checkpoints=lines)
        for number in range(3)
    ]
    done.set()
    assert await serving > 3
    checkpointing.cancel()
    await asyncio.gather(checkpointing, return_exceptions=True)
    await database.close()
    counts = []
    for number, path in enumerate(archives):
        folder = tmp_path / f"restored{number}"
        folder.mkdir()
        async with databases.address(engine, folder) as url:
            restored = await restore.restore(
                path,
                url,
                vault=Vault(keys.load(settings.keys)),
                verify=backup_commands.audit_findings,
            )
            assert restored.findings == ()
            made = await _read(
                url, None, partial(_count, table="sequence", where="WHERE name LIKE 'n%'")
            )
            uploads = await _read(url, None, partial(_count, table="upload"))
            assert made == uploads == restored.manifest.tables["upload"]
            counts.append(made)
    assert counts == sorted(counts)


async def test_after_a_restore_staff_sign_in_again_and_patients_stay_in(
    settings: Settings, engine: str, tmp_path: Path
) -> None:
    written = await backup.back_up(settings.database, tmp_path)
    (tmp_path / "new").mkdir()
    async with databases.address(engine, tmp_path / "new") as url:
        await restore.restore(written, url)
        left = await _read(url, None, lambda r: r.rows("SELECT account_id FROM login_session"))
    assert left == [("ac-patient",)]


async def test_a_database_that_is_not_empty_is_left_as_it_is(
    settings: Settings, tmp_path: Path
) -> None:
    written = await backup.back_up(settings.database, tmp_path)
    with pytest.raises(RefusedError, match="empty"):
        await restore.restore(written, settings.database)
    vault = Vault(keys.load(settings.keys))
    assert await _read(settings.database, vault, lambda r: names_of(r, NAMES)) == NAMES


async def test_without_keys_or_with_others_the_data_come_back_and_that_is_said(
    settings: Settings, engine: str, tmp_path: Path
) -> None:
    written = await backup.back_up(settings.database, tmp_path)
    lost = keys.load(settings.keys).data[0].key_id.hex()
    for number, (vault, findings) in enumerate(
        [
            (None, ("keys: none here, nothing was opened", "audit: not verified")),
            (Vault(Keyring.new(0)), (f"the key is missing: data {lost}", "audit: not verified")),
        ]
    ):
        folder = tmp_path / f"new{number}"
        folder.mkdir()
        async with databases.address(engine, folder) as url:
            restored = await restore.restore(written, url, vault=vault)
            assert restored.findings == findings
            assert restored.opened == 0
            assert await _read(url, None, partial(_count, table="person")) == 3


async def test_what_the_audit_log_lacks_is_a_finding(
    settings: Settings, engine: str, tmp_path: Path
) -> None:
    await backup_commands.back_up(settings, tmp_path / "first.tar")
    written = tmp_path / "second.tar"
    database = Database(settings.database)

    def cut(tx: Transaction) -> None:
        trigger = "audit_no_delete" if tx.is_sqlite else "audit_no_change ON audit"
        tx.execute(f"DROP TRIGGER {trigger}")
        tx.execute("DELETE FROM audit WHERE seq = 2")

    await database.write(cut)
    await database.close()
    head = settings.audit_checkpoints.read_bytes()
    await backup_commands.back_up(settings, written)
    assert settings.audit_checkpoints.read_bytes().startswith(head)
    (tmp_path / "new").mkdir()
    async with databases.address(engine, tmp_path / "new") as url:
        restored = await backup_commands.bring_back(settings, written, url)
    assert [line.split(":")[:2] for line in restored.findings] == [["audit", " cut"]]


Damage = Callable[[dict[str, bytes]], dict[str, bytes]]


def _without(name: str) -> Damage:
    return lambda content: {key: value for key, value in content.items() if key != name}


def _flip(content: dict[str, bytes]) -> dict[str, bytes]:
    name = next(name for name in content if name.startswith("database."))
    damaged = bytearray(content[name])
    damaged[len(damaged) // 2] ^= 1
    return content | {name: bytes(damaged)}


def _says(**other: object) -> Damage:
    def change(content: dict[str, bytes]) -> dict[str, bytes]:
        manifest = json.loads(content["manifest.json"]) | other
        return {"manifest.json": json.dumps(manifest).encode()} | _without("manifest.json")(content)

    return change


def _part_named(name: str) -> Damage:
    def change(content: dict[str, bytes]) -> dict[str, bytes]:
        manifest = json.loads(content["manifest.json"])
        old = manifest["parts"][0]["name"]
        manifest["parts"][0]["name"] = name
        return {"manifest.json": json.dumps(manifest).encode(), name: content[old]}

    return change


DAMAGE: dict[str, tuple[Damage, str]] = {
    "a bit of the database": (_flip, "SHA-256"),
    "no manifest": (_without("manifest.json"), "manifest.json first"),
    "no checkpoints": (_without("checkpoints.jsonl"), "checkpoints.jsonl of"),
    "another format": (_says(format="telehealth-backup-9"), "telehealth-backup-9"),
    "another engine": (_says(engine="oracle"), "one database"),
    "a part that leads out": (_part_named("../../escaped"), "one database"),
    "an absolute part": (_part_named("/escaped"), "one database"),
    "other counts": (_says(tables={"person": 4}), "rows of"),
    "another revision": (_says(schema_revision="0000"), "schema"),
    "other audit ends": (_says(audit_heads=[]), "audit"),
    "a manifest that is none": (lambda c: c | {"manifest.json": b"[]"}, "telehealth-backup-1"),
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_archive_is_refused_and_nothing_is_put_in_place(
    tmp_path: Path, damage: str
) -> None:
    (tmp_path / "data").mkdir()
    url = f"sqlite:///{tmp_path / 'data' / 'new.sqlite'}"
    written = await _small_archive(tmp_path)
    how, says = DAMAGE[damage]
    broken = tmp_path / "broken.tar"
    _tar(broken, how(_content(written)))
    with pytest.raises(RefusedError, match=says):
        await restore.restore(broken, url)
    assert _names_in(tmp_path / "data") == []


async def _small_archive(folder: Path) -> Path:
    (folder / "source").mkdir()
    path = folder / "keys.json"
    keys.save(path, Keyring.new(0))
    async with databases.migrated_address("sqlite", folder / "source") as url:
        found = Settings(
            database=url, keys=path, keyring="", audit_checkpoints=folder / "checkpoints.jsonl"
        )
        return await backup_commands.back_up(found, folder / "small.tar")


def _tar(path: Path, content: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as made:
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            made.addfile(entry, io.BytesIO(data))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.97])
async def test_an_archive_that_was_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    written = await _small_archive(tmp_path)
    short = tmp_path / "short.tar"
    whole = written.read_bytes()
    short.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(RefusedError, match="backup"):
        await restore.restore(short, f"sqlite:///{tmp_path / 'new.sqlite'}")
    assert not (tmp_path / "new.sqlite").exists()


@pytest.mark.asvs("5.3.2")
async def test_a_link_in_the_place_of_a_part_is_refused(tmp_path: Path) -> None:
    content = _content(await _small_archive(tmp_path))
    path = tmp_path / "link.tar"
    with tarfile.open(path, "w") as made:
        entry = tarfile.TarInfo(archive.MANIFEST)
        entry.size = len(content[archive.MANIFEST])
        made.addfile(entry, io.BytesIO(content[archive.MANIFEST]))
        link = tarfile.TarInfo("database.sqlite")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        made.addfile(link)
    with pytest.raises(RefusedError, match="backup"):
        await restore.restore(path, f"sqlite:///{tmp_path / 'new.sqlite'}")


async def test_no_archive_and_an_archive_of_the_other_engine_are_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite'}"
    with pytest.raises(RefusedError, match=r"none\.tar"):
        await restore.restore(tmp_path / "none.tar", url)
    content = _content(await _small_archive(tmp_path))
    manifest = json.loads(content["manifest.json"])
    manifest["engine"] = "postgresql"
    manifest["parts"][0]["name"] = "database.postgresql"
    other = tmp_path / "other.tar"
    checkpoints = {"checkpoints.jsonl": content["checkpoints.jsonl"]}
    _tar(
        other,
        {
            "manifest.json": json.dumps(manifest).encode(),
            "database.postgresql": content["database.sqlite"],
        }
        | checkpoints,
    )
    with pytest.raises(RefusedError, match="of sqlite, got 'postgresql'"):
        await restore.restore(other, url)


async def test_on_sqlite_an_empty_file_is_filled_and_a_stray_journal_is_refused(
    tmp_path: Path,
) -> None:
    written = await _small_archive(tmp_path)
    path = tmp_path / "new.sqlite"
    stray = tmp_path / "new.sqlite-wal"
    stray.write_bytes(b"of another database")
    with pytest.raises(RefusedError, match="journal"):
        await restore.restore(written, f"sqlite:///{path}")
    stray.unlink()
    path.touch()
    await restore.restore(written, f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    path.write_bytes(b"no database at all, but somebody's" * 40)
    with pytest.raises(RefusedError, match="empty"):
        await restore.restore(written, f"sqlite:///{path}")


async def test_a_server_that_is_stopped_can_be_backed_up_too(tmp_path: Path) -> None:
    written = await _small_archive(tmp_path)
    source = tmp_path / "source" / "test.sqlite"
    backup.make_single(source)
    assert _names_in(source.parent) == ["test.sqlite"]
    again = await backup.back_up(f"sqlite:///{source}", tmp_path / "again.tar")
    assert _manifest(again)["tables"] == _manifest(written)["tables"]
    assert backup.sqlite_path(f"sqlite:///{source}") == source


async def test_a_database_that_is_not_sound_is_not_backed_up(tmp_path: Path) -> None:
    await _small_archive(tmp_path)
    source = tmp_path / "source" / "test.sqlite"
    damaged = bytearray(source.read_bytes())
    for page in range(2, 60):
        damaged[page * 4096 : page * 4096 + 8] = b"\xff" * 8
    source.write_bytes(damaged)
    with pytest.raises(UnavailableError, match=r"cannot be copied|not sound"):
        await backup.back_up(f"sqlite:///{source}", tmp_path / "bad.tar")
    assert not (tmp_path / "bad.tar").exists()


async def test_no_database_and_one_of_others_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"none\.sqlite"):
        await backup.back_up(f"sqlite:///{tmp_path}/none.sqlite", tmp_path / "b.tar")
    with closing(sqlite3.connect(tmp_path / "other.sqlite")) as connection:
        connection.execute("CREATE TABLE mine (a)")
    with pytest.raises(RefusedError, match="telehealth migrate"):
        await backup.back_up(f"sqlite:///{tmp_path}/other.sqlite", tmp_path / "b.tar")
    assert _names_in(tmp_path) == ["other.sqlite"]


def test_a_password_goes_by_the_environment_and_never_on_a_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PostgreSQL 15, 34.15: another user of the machine sees every command line."""
    for name, value in (("PGHOST", "elsewhere"), ("PGPASSFILE", "/etc/telehealth/pgpass")):
        monkeypatch.setenv(name, value)
    found = postgresql_tools.environment(
        "postgresql://nurse:pa%20ss@db.example:6432/tele?sslmode=verify-full&sslrootcert=/ca.pem"
    )
    wanted = {
        "PGHOST": "db.example", "PGPORT": "6432", "PGUSER": "nurse", "PGPASSWORD": "pa ss",
        "PGDATABASE": "tele", "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/ca.pem",
        "PGPASSFILE": "/etc/telehealth/pgpass",
    }  # fmt: skip
    assert {name: value for name, value in found.items() if name.startswith("PG")} == wanted


async def test_a_program_of_another_version_is_not_used_and_its_package_is_named() -> None:
    with pytest.raises(UnavailableError, match="apt-get install postgresql-client-3"):
        await postgresql_tools.program("pg_dump", 3)


async def test_what_a_program_complains_of_comes_along_cut_short(tmp_path: Path) -> None:
    script = tmp_path / "pg_dump"
    script.write_text("#!/bin/sh\nhead -c 5000 /dev/zero | tr '\\0' x >&2\nexit 3\n")
    script.chmod(0o700)
    with pytest.raises(UnavailableError, match=r"pg_dump failed with 3: x{400}$"):
        await postgresql_tools.run([str(script)], {"PATH": "/usr/bin:/bin"})
    with pytest.raises(UnavailableError, match="cannot be run"):
        await postgresql_tools.run([str(tmp_path / "none")], {})


@pytest.mark.postgresql
async def test_a_database_that_cannot_be_reached_is_a_clear_error(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    with pytest.raises(UnavailableError):
        await backup.back_up(url, tmp_path / "b.tar")
    assert _names_in(tmp_path) == []
