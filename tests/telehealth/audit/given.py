"""What the tests of the audit log share: entries, a clock that stands, and an intruder's hands."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from telehealth.audit import checkpoint_file
from telehealth.audit.actions import AuditAction
from telehealth.audit.chain import Entry
from telehealth.audit.log import AuditLog
from telehealth.audit.verifying import Report, verify
from telehealth.store.database import Database, Transaction
from tests import keys

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)
FILE = "checkpoints.jsonl"


def entry(number: int = 0, **more: str) -> Entry:
    """Return an entry that can be told by its number."""
    words = {
        "action": AuditAction.VIEW_OPENED.value,
        "actor_id": "ac-doctor",
        "role": "doctor",
        "person_id": "p-hoa",
        "target": f"number:{number}",
        "purpose": "care",
    }
    return Entry(**(words | more))  # type: ignore[arg-type]  # all of them are texts


def clock() -> datetime:
    """Stand still."""
    return NOON


@asynccontextmanager
async def logging_to(database: Database, folder: Path) -> AsyncIterator[AuditLog]:
    """Yield an open log, as a server has it, without the loop."""
    log = AuditLog(database, keys.vault(), clock, folder / FILE)
    await log.open()
    try:
        yield log
    finally:
        await log.close()


async def verified(database: Database, folder: Path | None = None) -> Report:
    """Return what a verification finds, with the checkpoints of the folder or without."""
    lines = partial(checkpoint_file.lines_of, [folder / FILE]) if folder else None
    return await database.read(lambda reader: verify(reader, keys.vault(), lines))


async def found_in(database: Database, folder: Path | None = None) -> list[str]:
    """Return the findings with the chain's name left out."""
    report = await verified(database, folder)
    return [str(finding).replace(finding.where, "chain") for finding in report.findings]


async def tamper(database: Database, *statements: tuple[str, tuple[object, ...]]) -> None:
    """Do what somebody with the database's own password could: drop the triggers, change rows."""
    triggers = (
        ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"]
        if database.is_sqlite
        else ["DROP TRIGGER audit_no_change ON audit", "DROP TRIGGER audit_no_truncate ON audit"]
    )

    def act(tx: Transaction) -> None:
        for trigger in triggers:
            tx.execute(trigger.replace("TRIGGER", "TRIGGER IF EXISTS"))
        for sql, values in statements:
            assert tx.execute(sql, values) > 0, "the intruder changed nothing"

    await database.write(act)


def chain_of(log: AuditLog) -> str:
    """Return the id of the chain that a log writes."""
    assert log.head is not None
    return log.head.chain_id


def lines(folder: Path) -> list[bytes]:
    """Return the checkpoint file's lines."""
    return (folder / FILE).read_bytes().splitlines(keepends=True)


def put_lines(folder: Path, kept: Iterable[bytes]) -> None:
    """Write the checkpoint file anew."""
    (folder / FILE).write_bytes(b"".join(kept))
