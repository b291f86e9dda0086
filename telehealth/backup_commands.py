"""What `telehealth backup` and `telehealth restore` do: act, prove, and leave an audit entry."""

from collections.abc import Sequence
from pathlib import Path

from telehealth import backup, keys, restore
from telehealth.audit.actions import AuditAction
from telehealth.audit.chain import Entry
from telehealth.audit.log import command_user, with_command_log
from telehealth.audit.verifying import verify
from telehealth.restore import Restored
from telehealth.settings import Settings
from telehealth.store.database import Database, Reader
from telehealth.vault import Vault


async def back_up(settings: Settings, target: Path) -> Path:
    """Write the audit entry, then the archive; returns where it lies.

    Raises:
        KeysError: there are no keys to write the entry with.
        RefusedError: as `backup.back_up`.
        UnavailableError: the entry, or the archive, cannot be written.
    """
    vault = Vault(keys.load(settings.keys, settings.keyring))
    backup.check_target(target)
    await note(settings, vault, AuditAction.BACKUP_MADE, f"archive:{target.name}")
    return await backup.back_up(settings.database, target, checkpoints=settings.audit_checkpoints)


async def bring_back(settings: Settings, source: Path, url: str) -> Restored:
    """Restore an archive into an empty database and prove it.

    Into the database of the settings it is for good: an audit entry says so, and the checkpoints
    come back unless the file is there already, which may know of entries after the backup. Into
    any other it is a rehearsal, of which nothing must stand in the checkpoints of the real one.

    Raises:
        KeysError: the keys are not here: `telehealth keys import` first.
        RefusedError: as `restore.restore`.
        UnavailableError: the database cannot be reached.
    """
    vault = Vault(keys.load(settings.keys, settings.keyring))
    for_good = url == settings.database
    checkpoints = settings.audit_checkpoints if for_good else None
    restored = await restore.restore(
        source, url, vault=vault, verify=audit_findings, checkpoints=checkpoints
    )
    if for_good and "audit" in restored.manifest.tables:
        made = f"backup:{restored.manifest.made_at}"
        await note(settings, vault, AuditAction.BACKUP_RESTORED, made)
    return restored


async def note(settings: Settings, vault: Vault, action: AuditAction, target: str) -> None:
    """Write what a command did to the server as a whole into the audit log.

    Raises:
        UnavailableError: it cannot be written.
    """
    entry = Entry(action=action, actor_id=command_user(), target=target)
    database = Database(settings.database, vault)
    try:
        await with_command_log(
            database, vault, settings.audit_checkpoints, lambda _tx: None, lambda _none: [entry]
        )
    finally:
        await database.close()


def audit_findings(reader: Reader, lines: Sequence[bytes]) -> list[str]:
    """Return a line for each thing that is wrong with the audit log."""
    return [str(finding) for finding in verify(reader, reader.vault, lambda: lines).findings]
