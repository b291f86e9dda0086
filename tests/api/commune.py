"""A whole server on loopback with everybody in it: the commune, all of the staff, what rings."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp.test_utils import TestServer

from telehealth import clock
from telehealth.access.policy import Role
from telehealth.settings import Settings
from telehealth.store.database import Transaction
from tests import databases, keys, rows
from tests.webui import people
from tests.webui.conftest import Site
from webui.app import create_app
from webui.assets import Assets

NOBODY: Final = "nobody"
ACCOUNTS: Final[Mapping[str, str]] = {
    Role.DOCTOR: "ac-doctor",
    Role.PATIENT: "ac-hoa",
    Role.ADMINISTRATOR: "ac-admin",
}
"""Those whom the commune has; everybody else of the staff is added."""
ALERTS: Final = ("al-hoa", "al-nam", "al-duc", "al-far")
PERSONS: Final = ("p-hoa", "p-nam", "p-linh", "p-duc", "p-far")


def account_of(role: str) -> str:
    """Return the account that acts in a role."""
    return ACCOUNTS.get(role, f"ac-api-{role}")


@asynccontextmanager
async def served(engine: str, folder: Path) -> AsyncIterator[Site]:
    """Yield a running server with everybody in it."""
    async with databases.migrated(engine, folder) as database:
        now_ms = clock.now_ms()
        await people.settle(database, now_ms)
        await database.write(_staff)
        settings = Settings(database=database.url, second_factor="offered")
        services = keys.services(database, settings, folder)
        app = create_app(services, assets=Assets({}))
        server = TestServer(app)
        async with server, keys.taking_in(services):
            yield Site(services, app, server, now_ms)


def _staff(tx: Transaction) -> None:
    for role in sorted(set(Role) - set(ACCOUNTS)):
        rows.account(tx, account_of(role), role, programme_id="binh-minh")
