"""`telehealth init`: everything that is missing, nothing twice, no secret in the settings' file."""

import stat
from datetime import date
from pathlib import Path

import pytest

from telehealth import cases, installing, keys
from telehealth.access.passwords import Passwords
from telehealth.errors import KeysError, RefusedError
from telehealth.installing import Wanted, install
from telehealth.keys import Keyring
from telehealth.settings import Settings
from telehealth.store import migrate
from telehealth.store.database import Database
from telehealth.vault import Vault


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing was set yet."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TELEHEALTH_{name.upper()}", raising=False)


async def accounts_of(folder: Path) -> list[tuple[object, ...]]:
    database = Database(f"sqlite:///{folder}/telehealth.sqlite")
    try:
        return await database.read(
            lambda r: r.rows(
                "SELECT login, role, password_temporary, display_name, password_hash FROM account"
            )
        )
    finally:
        await database.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name in {"telehealth.env", "keys.json"}
    }


async def test_an_empty_folder_becomes_settings_keys_schema_and_an_administrator(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "var"
    lines = await install(Wanted(folder=folder, admin="Chief", name="Trần Thị Quản Trị"))
    ((login, role, temporary, name, hashed),) = await accounts_of(folder)
    assert (login, role, bool(temporary), name) == (
        "chief", "administrator", True, "Trần Thị Quản Trị",
    )  # fmt: skip
    told = next(line for line in lines if line.startswith("administrator"))
    password = told.split("password ")[1].split(" ")[0]
    assert await Passwords().matches(str(hashed), password)
    for made in ("telehealth.env", "keys.json"):
        assert stat.S_IMODE((folder / made).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_second_run_changes_nothing_and_says_what_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    first = await install(Wanted(folder=folder))
    before, people = contents(folder), await accounts_of(folder)
    second = await install(Wanted(folder=folder, admin="another", origin="https://other.example"))
    assert contents(folder) == before
    assert await accounts_of(folder) == people
    assert sum("as it was" in line or "as they were" in line for line in second) == 3
    assert not any("password" in line for line in second)
    assert first[-2:] == second[-2:], "the same fingerprint, the same command"


@pytest.mark.asvs("13.2.3", "13.3.1")
async def test_what_is_asked_for_stands_in_the_settings_and_no_secret_does(tmp_path: Path) -> None:
    folder, state = tmp_path / "etc", tmp_path / "lib"
    cert, key = tmp_path / "s.pem", tmp_path / "s.key"
    wanted = Wanted(
        folder=folder,
        state=state,
        origin="https://telehealth.example/",
        tls_cert=cert,
        tls_key=key,
    )
    lines = await install(wanted)
    found = Settings(_env_file=folder / "telehealth.env")  # type: ignore[call-arg]
    assert found.public_origin == "https://telehealth.example"
    assert (found.tls_cert, found.tls_key) == (cert, key)
    assert found.sqlite_path == state / "telehealth.sqlite"
    assert found.sqlite_path.exists()
    assert found.audit_checkpoints.is_relative_to(state)
    assert found.keys == folder / "keys.json"
    text = (folder / "telehealth.env").read_text()
    keyring = keys.load(found.keys)
    told = next(line for line in lines if line.startswith("administrator"))
    for secret in (told.split("password ")[1].split(" ")[0], keyring.data[0].secret.hex()):
        assert secret not in text


async def test_only_what_is_missing_is_made_after_a_run_that_was_cut_off(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    await install(Wanted(folder=folder))
    keyring = keys.load(folder / "keys.json")
    (folder / "telehealth.sqlite").unlink()
    lines = await install(Wanted(folder=folder))
    assert keys.load(folder / "keys.json") == keyring
    assert any("password" in line for line in lines)


async def _add_a_person(folder: Path) -> None:
    vault = Vault(keys.load(folder / "keys.json"))
    database = Database(f"sqlite:///{folder}/telehealth.sqlite", vault)
    new = cases.NewPerson(display_name="Người Thử Nghiệm", birth_date=date(1950, 1, 2))
    try:
        await database.write(lambda tx: cases.add_person(tx, new))
    finally:
        await database.close()


async def test_lost_keys_are_never_replaced_where_something_was_sealed(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    await install(Wanted(folder=folder))
    await _add_a_person(folder)
    (folder / "keys.json").unlink()
    with pytest.raises(KeysError, match="restore them"):
        await install(Wanted(folder=folder))
    assert not (folder / "keys.json").exists()


async def test_a_database_of_before_the_keys_gets_its_first_ones(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    await migrate.upgrade(f"sqlite:///{folder}/telehealth.sqlite", "0001")
    await install(Wanted(folder=folder))
    assert (folder / "keys.json").exists()


async def test_keys_that_were_handed_over_are_taken_and_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEHEALTH_KEYRING", Keyring.new(0).to_json())
    lines = await install(Wanted(folder=tmp_path / "var"))
    assert not (tmp_path / "var" / "keys.json").exists()
    assert any("handed over" in line for line in lines)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"origin": "ftp://a.example"}, "origin"),
        ({"origin": "a.example"}, "origin"),
        ({"origin": "https://a.example/path"}, "origin"),
        ({"origin": "https://a.example?x"}, "origin"),
        ({"database": "mysql://a/b"}, "database"),
        ({"database": "postgresql://u:secret@h/n"}, "database"),
        ({"database": "sqlite:///a'b"}, "database"),
        ({"database": "sqlite:///a\nTELEHEALTH_PORT=1"}, "database"),
        ({"tls_cert": Path("c.pem")}, "tls_cert"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_written(
    tmp_path: Path, wanted: dict[str, object], field: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        await install(Wanted(folder=tmp_path / "var", **wanted))  # type: ignore[arg-type]
    assert refused.value.field == field
    assert "secret" not in str(refused.value)
    assert not (tmp_path / "var").exists()


def test_the_release_and_its_schema_have_names() -> None:
    assert installing.release().count(".") == 2
    newest = installing.newest_schema()
    assert list(migrate.scripts().glob(f"versions/{newest}_*.py"))


async def test_a_first_run_stands_in_the_audit_log_and_a_second_adds_nothing(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "var"
    for _ in range(2):
        await install(Wanted(folder=folder))
    database = Database(f"sqlite:///{folder}/telehealth.sqlite")
    try:
        rows = await database.read(lambda r: r.rows("SELECT action FROM audit ORDER BY seq"))
    finally:
        await database.close()
    assert [action for (action,) in rows] == ["log_opened", "server_initialised", "account_made"]
    assert (folder / "audit" / "checkpoints.jsonl").exists()
