"""What `telehealth keys …` does, beside a server that goes on serving.

Theory of operation of a rotation. A new key first waits in the file behind the newest: every
process learns it (`telehealth/keywatch.py`) before one of them seals with it. Then it becomes the
newest; when every process has noticed that too, nothing new is made with the old key, and what lies
under it is sealed or hashed anew. Cut off anywhere, the next call goes on from there. An old key is
taken away by a command of its own, and only when a count finds nothing under it.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from protocols.uplink import instant
from telehealth import clock, custody, custody_files, keys, rotating, sealed
from telehealth.audit.actions import AuditAction
from telehealth.backup_commands import note
from telehealth.errors import KeysError, RefusedError
from telehealth.keys import Keyring
from telehealth.keywatch import EVERY_S
from telehealth.settings import Settings
from telehealth.store.database import Database
from telehealth.vault import Vault

SETTLE_S: Final = 2 * EVERY_S + 1
"""After this every process has looked at the file at least once."""
Say = Callable[[str], None]
"""Tells the operator one line."""


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One key, as an operator may see it."""

    part: str
    key_id: str
    state: str
    """in use, waiting, next, or old."""
    age: timedelta
    uses: int | None
    """What still needs it; None: nothing is counted for this part."""

    def __str__(self) -> str:
        """Return the line that `keys show` prints."""
        needed = "" if self.uses is None else f", {self.uses} {_UNITS[self.part]}"
        return f"{self.part:<8} {self.key_id} {self.state}, {self.age.days} days old{needed}"


_UNITS: Final = {"data": "fields", "index": "hashes", "audit": "entries"}


async def show(settings: Settings) -> list[str]:
    """Return a line for each key, and one for each key that is needed and missing."""
    async with _opened(settings, keys.load(settings.keys, settings.keyring)) as database:
        found = await database.read(sealed.uses)
        keyring = _vault(database).keyring
    lines = [str(line) for line in lines_of(keyring, found, clock.now_ms())]
    lines += [f"missing: {name}" for name in sealed.missing_keys(keyring, found)]
    strays = found["index"][b""]
    return [*lines, f"under no key: {strays} hashes"] if strays else lines


def lines_of(keyring: Keyring, found: dict[str, Counter[bytes]], now_ms: int) -> list[KeyLine]:
    """Return the keys in the order of the file, with what still needs each."""
    return [
        KeyLine(
            part,
            key.key_id.hex(),
            _state(keyring, part, at),
            instant(now_ms) - instant(key.made_ms),
            found[part][key.key_id] if part in found else None,
        )
        for part in ("data", "index", "audit", "identity")
        for at, key in enumerate(getattr(keyring, part))
    ]


def _state(keyring: Keyring, part: str, at: int) -> str:
    if at == 0:
        return "in use"
    if part == "identity":
        return "next" if at == 1 else "old"
    return "waiting" if at == 1 and keyring.waiting(part) is not None else "old"


async def rotate(
    settings: Settings, part: str, *, stage: bool, say: Say, settle_s: float = SETTLE_S
) -> None:
    """Make a new newest key of a part and bring everything under it.

    Args:
        settings: where keys and database are.
        part: data, index or audit.
        stage: only make the key and let it wait, so that its file can be copied to other machines.
        say: tells the operator how far it is.
        settle_s: how long every process may take to notice a changed file.

    Raises:
        KeysError: the keys came by the environment, or another rotation is under way.
        RefusedError: no such part.
    """
    if part not in keys.ROTATED:
        raise RefusedError("part", f"one of {', '.join(keys.ROTATED)}", part)
    path = _file(settings)
    with keys.locked(path, "rotation", wait=False):
        staged = keys.change(path, lambda ring: ring.with_waiting(part, clock.now_ms()))
        waiting = staged.waiting(part)
        say(f"the {part} key {waiting.key_id.hex() if waiting else ''} waits in {path}")
        if stage:
            return
        await asyncio.sleep(settle_s)
        keyring = keys.change(path, lambda ring: ring.promoted(part))
        name = getattr(keyring, part)[0].key_id.hex()
        await note(settings, Vault(keyring), AuditAction.KEY_ROTATED, f"{part}:{name}")
        say(f"the {part} key {name} is in use")
        await asyncio.sleep(settle_s)
        await _bring_under(settings, keyring, part, say)


async def go_on(settings: Settings, part: str, *, say: Say) -> None:
    """Bring everything under the newest key of a part: after a rotation that was cut off."""
    if part not in {"data", "index"}:
        raise RefusedError("part", "data or index", part)
    path = _file(settings)
    with keys.locked(path, "rotation", wait=False):
        await _bring_under(settings, keys.load(path), part, say)


async def _bring_under(settings: Settings, keyring: Keyring, part: str, say: Say) -> None:
    """Do the work, count what is left under the old keys, and say what may be dropped."""
    async with _opened(settings, keyring) as database:
        if part == "data":
            say(f"{await rotating.reseal(database)} fields sealed anew")
        elif part == "index":
            say(f"{await rotating.rehash(database)} hashes made anew")
        found = (await database.read(sealed.uses))[part]
    for key in getattr(keyring, part)[1:]:
        name = key.key_id.hex()
        if part == "audit":
            say(f"the audit key {name} binds {found[key.key_id]} entries; it stays with them")
        elif found[key.key_id]:
            left = f"{found[key.key_id]} {_UNITS[part]}"
            say(
                f"the {part} key {name} is still needed for {left}: `telehealth keys reseal {part}`"
            )
        else:
            say(f"nothing needs the {part} key {name} any more: `telehealth keys drop {name}`")


async def drop(settings: Settings, name: str) -> str:
    """Take an old key out of the file; returns the part it was of.

    Raises:
        KeysError: in use, waiting to be, or no such key.
        RefusedError: something in the database still needs it.
    """
    path = _file(settings)
    try:
        key_id = bytes.fromhex(name)
    except ValueError:
        raise RefusedError("key", "eight hexadecimal digits", name) from None
    with keys.locked(path, "rotation", wait=False):
        keyring = keys.load(path)
        part = keyring.part_of(key_id)
        keyring.without(part, key_id)
        if part in _UNITS:
            async with _opened(settings, keyring) as database:
                found = (await database.read(sealed.uses))[part]
            needed = found[key_id]
            needed += found[b""] if part == "index" else 0
            if needed:
                raise RefusedError("key", f"nothing under it; {needed} {_UNITS[part]} are", name)
        await note(settings, Vault(keyring), AuditAction.KEY_ROTATED, f"{part}:{name} dropped")
        keys.change(path, lambda ring: ring.without(part, key_id))
    return part


async def export(settings: Settings, first: Path, second: Path) -> str:
    """Write the keyring into two custodians' files; returns the export's number.

    Raises:
        KeysError: a file is there already, or cannot be written.
        UnavailableError: the audit entry cannot be written, and so nothing was handed out.
    """
    keyring = keys.load(settings.keys, settings.keyring)
    made = custody.export(keyring, clock.now())
    custody_files.check_targets(first, second)
    await note(settings, Vault(keyring), AuditAction.KEYS_EXPORTED, f"export:{made[0].export_text}")
    custody_files.write(made, first, second)
    return made[0].export_text


def take_in(first: Path, second: Path, to: Path) -> Keyring:
    """Put the keyring together from two custodians' files and write it.

    Raises:
        KeysError: the files do not fit, were altered, or there are keys at `to` already.
    """
    keyring = custody.join(custody_files.read(first), custody_files.read(second))
    if to.exists():
        raise KeysError(f"there are keys at {to} already; nothing is overwritten")
    keys.save(to, keyring)
    return keyring


def _file(settings: Settings) -> Path:
    if settings.keyring:
        raise KeysError("the keys were handed over in TELEHEALTH_KEYRING: only a file is changed")
    return settings.keys


@asynccontextmanager
async def _opened(settings: Settings, keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(settings.database, Vault(keyring))
    try:
        yield database
    finally:
        await database.close()


def _vault(database: Database) -> Vault:
    if database.vault is None:
        raise KeysError("the database was opened without keys")
    return database.vault
