"""What `telehealth retention …` does: the job's steps at once, noted in the audit log first."""

from telehealth import keys, retention
from telehealth.audit.actions import AuditAction
from telehealth.audit.chain import Entry
from telehealth.audit.log import command_user, with_command_log
from telehealth.settings import Settings
from telehealth.store import migrate
from telehealth.store.database import Database
from telehealth.vault import Vault


async def run(settings: Settings) -> list[str]:
    """Take away everything that is too old now; returns a line for each kind of which rows went.

    Raises:
        KeysError: the operator's keys are missing or cannot be read.
        UnavailableError: the audit log cannot be written, and so nothing was taken.
    """
    vault = Vault(keys.load(settings.keys, settings.keyring))
    await migrate.upgrade(settings.database)
    database = Database(settings.database, vault)
    entry = Entry(action=AuditAction.RETENTION_RUN, actor_id=command_user(), target="retention:run")
    try:
        await with_command_log(
            database, vault, settings.audit_checkpoints, lambda _tx: None, lambda _: [entry]
        )
        removed = await retention.run(database)
    finally:
        await database.close()
    return [f"{subject}: {count}" for subject, count in removed.items()] or ["nothing was too old"]
