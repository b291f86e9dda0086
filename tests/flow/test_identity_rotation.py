"""The server's identities change while a real gateway is connected, and nobody enrols again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.clock import SystemClock
from devices.identity import enrol, load_identity
from devices.settings import Settings as GatewaySettings
from devices.uplink import Uplink
from protocols.server_identity import join_code
from telehealth import commands, gateways, identity, keys
from telehealth.audit import commands as audit_commands
from telehealth.errors import RefusedError
from telehealth.keys import Keyring
from telehealth.serving import Listening, listening
from telehealth.settings import Settings
from tests import databases
from tests.devices.given import Heard, WatchedSpool, chance, spool_path

CONNECTED = "connected to the server"
"""Said after the server has noted the contact; a rotation before that would be refused."""


@dataclass(frozen=True, slots=True)
class Place:
    """A server with a file of keys, and a gateway that is enrolled with it."""

    server: Listening
    settings: Settings
    folder: Path

    async def rotates(self, *, force: bool = False) -> None:
        """Rotate as the command does, and have the server read its keys."""
        await commands.rotate_identity(self.settings, force=force)
        self.server.reload()

    @property
    def pinned(self) -> tuple[bytes, ...]:
        return load_identity(self.folder).pins.keys

    @property
    def shown(self) -> tuple[bytes, ...]:
        return identity.public_keys(keys.load(self.settings.keys))

    @asynccontextmanager
    async def online(self) -> AsyncIterator[None]:
        async def configure(_line_percent: float) -> None: ...

        async with WatchedSpool(spool_path(self.folder)) as spool:
            uplink = Uplink(
                load_identity(self.folder),
                spool,
                GatewaySettings(retry_max_s=0.2),
                SystemClock(),
                configure=configure,
                rng=chance(1),
            )
            task = asyncio.create_task(uplink.run())
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    keyring = Keyring.new(0)
    keys.save(tmp_path / "keys.json", keyring)
    async with databases.migrated_address("sqlite", tmp_path) as url:
        settings = Settings(
            database=url,
            port=0,
            keyring="",
            keys=tmp_path / "keys.json",
            audit_checkpoints=tmp_path / "checkpoints.jsonl",
            retry_after_s=0.05,
        )
        async with listening(settings) as server:
            folder = tmp_path / "gateway"
            code = await server.services.database.write(
                lambda tx: gateways.new_enrolment(tx, "test")
            )
            code = join_code(code, identity.own_fingerprint(keyring))
            await enrol(server.origin, code, "", folder)
            yield Place(server, settings, folder)


async def test_a_connected_gateway_learns_each_next_identity_within_seconds(place: Place) -> None:
    with Heard(CONNECTED) as connected:
        async with place.online():
            await connected.once()
            for _ in range(3):
                with Heard("server's identities kept") as kept, Heard(CONNECTED) as again:
                    await place.rotates()
                    await kept.once()
                    await again.once()
                assert place.pinned == place.shown
    report = await audit_commands.verify_with(place.settings, [])
    assert report.findings == [], "checkpoints of each identity are vouched for"


async def test_a_gateway_that_was_away_for_one_rotation_comes_back_by_itself(place: Place) -> None:
    before = place.pinned
    await place.rotates()
    with Heard("server's identities kept") as kept:
        async with place.online():
            await kept.once()
    assert place.pinned == place.shown
    assert len(set(before) & set(place.pinned)) == 1


async def test_a_second_rotation_waits_for_the_gateway_and_forced_it_locks_it_out(
    place: Place,
) -> None:
    await place.rotates()
    shown = place.shown
    with pytest.raises(RefusedError, match=load_identity(place.folder).gateway_id):
        await place.rotates()
    assert place.shown == shown, "a refused rotation changes nothing"
    await place.rotates(force=True)
    with Heard("the server is not the one this gateway knows") as refused:
        async with place.online():
            await refused.once()


async def test_a_broken_file_of_keys_changes_nothing(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.settings.keys.write_text("{}")
    place.server.reload()
    assert "keys are not taken over" in caplog.text
    with Heard(CONNECTED) as connected:
        async with place.online():
            await connected.once()
