"""`telehealth init`: from an empty machine to a server that can be logged in to.

It makes what is missing, in the order in which the rest needs it: the settings' file, the keys, the
schema, the first administrator. What is there already stays as it is, so it may be run again.
"""

import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from alembic.script import ScriptDirectory

from telehealth import clock, identity, keys
from telehealth.access import accounts
from telehealth.access.passwords import Passwords, new_password
from telehealth.access.policy import Role
from telehealth.audit.actions import AuditAction
from telehealth.audit.chain import Entry
from telehealth.audit.log import command_user, with_command_log
from telehealth.errors import KeysError, RefusedError
from telehealth.exposure import plain_to_elsewhere
from telehealth.keys import Keyring
from telehealth.settings import FILE_VARIABLE, PREFIX, Settings
from telehealth.store import migrate
from telehealth.store.database import Database, Reader
from telehealth.vault import Vault

_DISTRIBUTION: Final = "telehealth-f0"
SETTINGS_FILE: Final = "telehealth.env"
KEYS_FILE: Final = "keys.json"
CHECKPOINTS_FILE: Final = "audit/checkpoints.jsonl"
_NOT_IN_A_FILE: Final = frozenset("'\n\r\0\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the operator asked for; empty: the default, or what the settings' file says."""

    folder: Path = Path("var")
    state: Path | None = None
    """Where the server writes; None: the same folder."""
    admin: str = "admin"
    name: str = "Quản trị viên"
    origin: str = ""
    database: str = ""
    tls_cert: Path | None = None
    tls_key: Path | None = None


def release() -> str:
    """Return the version of what is installed here."""
    return metadata.version(_DISTRIBUTION)


def newest_schema() -> str:
    """Return the newest revision of the schema that this release knows."""
    return ScriptDirectory(str(migrate.scripts())).get_current_head() or ""


async def install(wanted: Wanted) -> list[str]:
    """Make what is missing and return what there is now, a line each.

    Raises:
        RefusedError: an address, path or name that cannot be one.
        KeysError: the keys cannot be read, or are gone while there is data that they sealed.
        UnavailableError: the database cannot be reached.
    """
    folder = wanted.folder.absolute()
    path = folder / SETTINGS_FILE
    made = _make_settings(path, wanted, folder)
    settings = Settings(_env_file=path)  # type: ignore[call-arg]
    await migrate.upgrade(settings.database)
    keyring, keys_line = await _make_keys(settings)
    return [
        f"settings       {path}{'' if made else ' (as it was)'}",
        keys_line,
        f"database       {settings.database}",
        await _make_administrator(settings, keyring, wanted),
        f"fingerprint    {identity.own_fingerprint(keyring)}",
        f"start it with  {FILE_VARIABLE}={path} telehealth serve",
    ]


def _make_settings(path: Path, wanted: Wanted, folder: Path) -> bool:
    """Write the settings' file unless it is there; returns whether it was written."""
    if path.exists():
        return False
    lines = _lines(wanted, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text("\n".join(lines) + "\n")
    except OSError as error:
        raise RefusedError("folder", "can be written", f"{path}: {error.strerror}") from error
    return True


def _lines(wanted: Wanted, folder: Path) -> list[str]:
    if (wanted.tls_cert is None) != (wanted.tls_key is None):
        raise RefusedError("tls_cert", "given together with tls_key", wanted.tls_cert)
    state = wanted.state.absolute() if wanted.state else folder
    values = {
        "database": _database(wanted.database) or f"sqlite:///{state}/telehealth.sqlite",
        "keys": str(folder / KEYS_FILE),
        "audit_checkpoints": str(state / CHECKPOINTS_FILE),
        "public_origin": _origin(wanted.origin),
        "tls_cert": str(wanted.tls_cert.absolute()) if wanted.tls_cert else "",
        "tls_key": str(wanted.tls_key.absolute()) if wanted.tls_key else "",
    }
    for name, value in values.items():
        if _NOT_IN_A_FILE & set(value):
            raise RefusedError(name, "no quote, backslash or line end", value)
    return [
        "# Settings of the server; `telehealth settings` lists them all. No secret stands here.",
        *(f"{PREFIX}{name.upper()}='{value}'" for name, value in values.items() if value),
    ]


def _database(url: str) -> str:
    """Refuse an address that holds a password: it would stand in the settings' file."""
    if urlsplit(url).password is not None:
        raise RefusedError("database", "no password in the address: use PGPASSFILE", "one")
    host = plain_to_elsewhere(url, os.environ)
    if host:
        raise RefusedError("database", "?ssl=verify-full behind another machine's address", host)
    if url and not url.startswith(("sqlite:///", "postgresql://")):
        raise RefusedError("database", "sqlite:///PATH or postgresql://USER@HOST/NAME", url)
    return url


def _origin(origin: str) -> str:
    parts = urlsplit(origin)
    whole = parts.scheme in ("https", "http") and parts.hostname
    if origin and (not whole or parts.path.strip("/") or parts.query or parts.fragment):
        raise RefusedError("origin", "https://HOST or https://HOST:PORT", origin)
    return origin.rstrip("/")


async def _make_keys(settings: Settings) -> tuple[Keyring, str]:
    """Return the keys and a line about them; new ones only where nothing was sealed before."""
    if settings.keyring:
        return keys.load(settings.keys, settings.keyring), "keys           as handed over"
    if settings.keys.exists():
        return keys.load(settings.keys), f"keys           {settings.keys} (as they were)"
    database = Database(settings.database)
    try:
        sealed = await database.read(_holds_what_keys_sealed)
    finally:
        await database.close()
    if sealed:
        raise KeysError(f"no keys at {settings.keys}, but the database was sealed: restore them")
    keyring = Keyring.new(clock.now_ms())
    keys.save(settings.keys, keyring)
    return keyring, f"keys           {settings.keys} (new: give them to two custodians)"


def _holds_what_keys_sealed(reader: Reader) -> bool:
    asked = (
        "SELECT 1 FROM person WHERE personal IS NOT NULL LIMIT 1",
        "SELECT 1 FROM audit LIMIT 1",
    )
    return any(reader.rows(sql) for sql in asked)


async def _make_administrator(settings: Settings, keyring: Keyring, wanted: Wanted) -> str:
    """Make the first administrator, with a password that is told once and must be changed."""
    password = new_password()
    hashed = await Passwords().hash(password)
    database = Database(settings.database, Vault(keyring))
    new = accounts.NewAccount(
        login=wanted.admin,
        display_name=wanted.name,
        role=Role.ADMINISTRATOR,
        password_hash=hashed,
        password_temporary=True,
    )
    try:
        there = await database.read(_administrators)
        if there:
            return f"administrator  {', '.join(there)} (as it was)"
        await with_command_log(
            database,
            Vault(keyring),
            settings.audit_checkpoints,
            lambda tx: accounts.create(tx, new, "telehealth init"),
            _entries,
        )
    finally:
        await database.close()
    login = accounts.normal_login(wanted.admin)
    return f"administrator  {login}, password {password} (shown only now; change it at log-in)"


def _entries(account_id: str) -> list[Entry]:
    """Return what the audit log says of a first run."""
    target = f"account:{account_id} role:{Role.ADMINISTRATOR}"
    return [
        Entry(action=AuditAction.SERVER_INITIALISED, actor_id=command_user()),
        Entry(action=AuditAction.ACCOUNT_MADE, actor_id=command_user(), target=target),
    ]


def _administrators(reader: Reader) -> list[str]:
    rows = reader.rows(
        "SELECT login FROM account WHERE role = ? AND disabled_ms IS NULL ORDER BY login",
        (Role.ADMINISTRATOR.value,),
    )
    return [str(login) for (login,) in rows]
