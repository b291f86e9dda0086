"""What the command line does to a database; each opens it, acts in one transaction and closes."""

from collections.abc import Callable
from typing import TypeVar

from protocols.server_identity import join_code
from telehealth import clock, gateways, identity, keys
from telehealth.access import accounts
from telehealth.access.passwords import Passwords, new_password
from telehealth.access.policy import Role
from telehealth.audit.actions import AuditAction
from telehealth.audit.chain import Entry
from telehealth.audit.log import command_user, with_command_log
from telehealth.backup_commands import note
from telehealth.errors import KeysError, RefusedError
from telehealth.settings import Settings
from telehealth.store import migrate
from telehealth.store.database import Database, Transaction
from telehealth.vault import Vault

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
    await _write(
        settings,
        lambda tx: accounts.create(tx, new),
        lambda account_id: _entry(
            AuditAction.ACCOUNT_MADE, f"account:{account_id} role:{new.role}"
        ),
    )
    return password


async def enrolment_code(settings: Settings) -> str:
    """Return a one-use code, good for ten minutes, with this server's fingerprint behind it."""
    code = await _write(
        settings,
        lambda tx: gateways.new_enrolment(tx, "command line"),
        lambda _code: _entry(AuditAction.GATEWAY_CODE_MADE, ""),
    )
    return join_code(code, identity.own_fingerprint(keys.load(settings.keys, settings.keyring)))


async def rotate_identity(settings: Settings, *, force: bool) -> str:
    """Use the server's next identity from now on; returns its fingerprint.

    Raises:
        RefusedError: gateways would be locked out, and it is not forced.
        KeysError: the keys cannot be read, or were handed over in the environment.
    """
    if settings.keyring:
        raise KeysError("the keys were handed over: rotate them where they come from")
    with keys.locked(settings.keys, "rotation", wait=False):
        keyring = keys.load(settings.keys)
        if not force:
            database = Database(settings.database, Vault(keyring))
            try:
                await database.read(lambda reader: identity.check_rotation(reader, keyring))
            finally:
                await database.close()
        changed = keys.change(settings.keys, lambda ring: identity.rotated(ring, clock.now_ms()))
        name = f"identity:{changed.identity[0].key_id.hex()}"
        await note(settings, Vault(changed), AuditAction.KEY_ROTATED, name)
    return identity.own_fingerprint(changed)


async def revoke_gateway(settings: Settings, gateway_id: str) -> None:
    """Revoke a gateway's key."""
    await _write(
        settings,
        lambda tx: gateways.revoke(tx, gateway_id),
        lambda _: _entry(AuditAction.GATEWAY_REVOKED, f"gateway:{gateway_id}"),
    )


def _entry(action: AuditAction, target: str) -> Entry:
    return Entry(action=action, actor_id=command_user(), target=target)


async def _write(
    settings: Settings, act: Callable[[Transaction], T], entry_of: Callable[[T], Entry]
) -> T:
    """Migrate, act, and write into the audit log what was done: both are there, or neither."""
    vault = Vault(keys.load(settings.keys, settings.keyring))
    await migrate.upgrade(settings.database)
    database = Database(settings.database, vault)
    try:
        return await with_command_log(
            database, vault, settings.audit_checkpoints, act, lambda found: [entry_of(found)]
        )
    finally:
        await database.close()
