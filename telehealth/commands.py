"""What the command line does to a database; each opens it, acts in one transaction and closes."""

from collections.abc import Callable
from typing import TypeVar

from telehealth import gateways
from telehealth.access import accounts
from telehealth.access.passwords import Passwords, new_password
from telehealth.access.policy import Role
from telehealth.errors import RefusedError
from telehealth.settings import Settings
from telehealth.store import migrate
from telehealth.store.database import Database, Transaction

T = TypeVar("T")


async def add_user(
    settings: Settings, *, login: str, role: str, name: str, person: str, programme: str
) -> str:
    """Make an account and return its random password; see `accounts.create` for what it refuses."""
    if role not in {r.value for r in Role}:
        raise RefusedError("role", f"one of {[r.value for r in Role]}", role)
    password = new_password()
    new = accounts.NewAccount(
        login=login,
        display_name=name,
        role=Role(role),
        password_hash=await Passwords().hash(password),
        person_id=person or None,
        programme_id=programme or None,
    )
    await _write(settings, lambda tx: accounts.create(tx, new))
    return password


async def enrolment_code(settings: Settings) -> str:
    """Return a one-use code, good for ten minutes."""
    return await _write(settings, lambda tx: gateways.new_enrolment(tx, "command line"))


async def revoke_gateway(settings: Settings, gateway_id: str) -> None:
    """Revoke a gateway's key."""
    await _write(settings, lambda tx: gateways.revoke(tx, gateway_id))


async def _write(settings: Settings, act: Callable[[Transaction], T]) -> T:
    await migrate.upgrade(settings.database)
    database = Database(settings.database)
    try:
        return await database.write(act)
    finally:
        await database.close()
