"""The keys of the tests: one keyring for every process of a run, worth nothing elsewhere."""

import asyncio
import atexit
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from telehealth import clock
from telehealth.audit.log import AuditLog
from telehealth.bus import Bus
from telehealth.intake import Intake
from telehealth.keys import Keyring
from telehealth.services import Services
from telehealth.settings import Settings
from telehealth.store.database import Database
from telehealth.vault import Vault

VARIABLE: Final = "TELEHEALTH_KEYRING"
CHECKPOINTS: Final = "TELEHEALTH_AUDIT_CHECKPOINTS"


def hand_over() -> None:
    """Put a keyring into the environment, for this process and those it starts.

    Checkpoints go to a folder that goes with the process.
    """
    os.environ.setdefault(VARIABLE, Keyring.new(0).to_json())
    folder = tempfile.mkdtemp(prefix="telehealth-checkpoints-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[CHECKPOINTS] = f"{folder}/checkpoints.jsonl"


def vault() -> Vault:
    """Return the run's keys."""
    return Vault(Keyring.from_json(os.environ[VARIABLE]))


def opened(url: str) -> Database:
    """Return a database opened with the run's keys."""
    return Database(url, vault())


def services(database: Database, settings: Settings, folder: Path) -> Services:
    """Return what a server is made of, with no loop running."""
    bus = Bus()
    intake = Intake(database, bus, group_max=100)
    audit = audit_log(database, folder)
    return Services(settings, clock.now, database, bus, intake, audit)


def audit_log(database: Database, folder: Path) -> AuditLog:
    """Return an audit log whose checkpoints lie in the folder; it begins when first written to."""
    return AuditLog(database, database.vault or vault(), clock.now, folder / "checkpoints.jsonl")


@asynccontextmanager
async def taking_in(services: Services) -> AsyncIterator[None]:
    """Run the intake as a whole server does."""
    running = asyncio.create_task(services.intake.run(), name="intake")
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
