"""What `telehealth audit …` does: check the log, print entries, print the head for paper."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

from protocols.uplink import epoch_ms, instant
from telehealth import keys
from telehealth.audit import checkpoint_file, queries, rows
from telehealth.audit.queries import Seen, Wanted
from telehealth.audit.verifying import Report
from telehealth.audit.verifying import verify as verify_all
from telehealth.errors import RefusedError
from telehealth.settings import Settings
from telehealth.store.database import Database
from telehealth.vault import Vault


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Database, Vault]]:
    """Yield the settings' database as it stands: evidence is not migrated."""
    vault = Vault(keys.load(settings.keys, settings.keyring))
    database = Database(settings.database, vault)
    try:
        yield database, vault
    finally:
        await database.close()


async def verify_with(settings: Settings, checkpoints: Sequence[Path]) -> Report:
    """Check the settings' database against these files, or the settings' own."""
    async with _opened(settings) as (database, vault):
        return await verify(database, vault, checkpoints or [settings.audit_checkpoints])


async def show_with(
    settings: Settings, *, person: str, actor: str, since: str, limit: int
) -> list[str]:
    """Return entries of the settings' database; see `show`."""
    async with _opened(settings) as (database, _):
        return await show(database, person=person, actor=actor, since=since, limit=limit)


async def heads_with(settings: Settings) -> list[str]:
    """Return the newest ends of the settings' database; see `newest_heads`."""
    async with _opened(settings) as (database, _):
        return await newest_heads(database)


async def verify(database: Database, vault: Vault, checkpoints: Sequence[Path]) -> Report:
    """Check everything against the checkpoint files, in the order in which they were written.

    Raises:
        RefusedError: a file cannot be read.
    """
    for path in checkpoints:
        _look_at(path)
    read_lines = partial(checkpoint_file.lines_of, checkpoints) if checkpoints else None
    return await database.read(lambda reader: verify_all(reader, vault, read_lines))


def _look_at(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise RefusedError(
            "checkpoints", f"a readable file ({error.strerror})", f"{path}"
        ) from None


async def show(database: Database, *, person: str, actor: str, since: str, limit: int) -> list[str]:
    """Return entries as lines, newest first.

    Args:
        database: the gate.
        person: only about this person; empty: about anybody.
        actor: only by this account, gateway or `command:NAME`; empty: by anybody.
        since: ISO date or time with its zone; a date begins at midnight UTC; empty: from the first.
        limit: at most so many, 1 to 500.

    Raises:
        RefusedError: `since` or `limit` is none.
    """
    wanted = Wanted(
        person_ids=[person] if person else [],
        actor_id=actor,
        from_ms=_since_ms(since) if since else None,
    )
    found = await database.read(lambda reader: queries.entries(reader, wanted, limit=limit))
    return [line_of(seen) for seen in found]


def _since_ms(text: str) -> int:
    try:
        at = datetime.fromisoformat(f"{text}T00:00:00+00:00" if len(text) == 10 else text)
    except ValueError:
        raise RefusedError("since", "2026-11-23 or 2026-11-23T19:00:00+07:00", text[:40]) from None
    if at.tzinfo is None:
        raise RefusedError("since", "a time with its zone, as 2026-11-23T19:00:00+07:00", text[:40])
    return epoch_ms(at)


def line_of(seen: Seen) -> str:
    """Return an entry as one line for a terminal: ids, and nothing that moves its cursor."""
    parts = [
        f"{instant(seen.at_ms):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
        seen.decision,
        seen.action,
        f"actor={seen.actor_id}",
    ]
    for name in ("role", "person_id", "target", "purpose", "basis", "address", "session"):
        value = getattr(seen, name)
        if value:
            parts.append(f"{name}={value}")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in "  ".join(parts))


async def newest_heads(database: Database) -> list[str]:
    """Return the ends of all chains that no later chain names: to be written on paper."""
    heads = await database.read(rows.loose_ends)
    return [f"{head.chain_id}  entry {head.seq}  {head.mac.hex(' ', 4)}" for head in heads]
