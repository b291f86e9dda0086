"""The connection over a real socket: nothing lost, nothing doubled, whatever the server does."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from devices.identity import ENROLMENT_FILE, Identity, load_identity, make_or_read_key
from devices.session import RevokedError
from devices.settings import Settings
from devices.spool import KEPT_AFTER_ACK_MS, Spool
from devices.status import read_status
from devices.uplink import Uplink
from protocols.uplink import Failure, Gap
from tests.devices.fake_server import FakeServer
from tests.devices.given import (
    NOON_MS,
    GivenClock,
    Heard,
    ServerKeys,
    WatchedSpool,
    chance,
    identity,
    parcel,
    spool_path,
)

QUICK = Settings(retry_max_s=0.05, window=8, ack_timeout_s=0.8)


@dataclass
class Home:
    """A gateway's spool and its uplink, and the server's."""

    identity: Identity
    server: FakeServer
    clock: GivenClock
    path: Path
    spool: WatchedSpool
    lines: list[float]

    async def hears(self, *percents: float) -> None:
        await self.spool.call(Spool.append, [parcel(self.clock.moment(), p) for p in percents])

    @asynccontextmanager
    async def online(self, settings: Settings = QUICK) -> AsyncIterator[asyncio.Task[None]]:
        async def configure(line_percent: float) -> None:
            self.lines.append(line_percent)

        who = replace(self.identity, server=self.server.url)
        uplink = Uplink(who, self.spool, settings, self.clock, configure=configure, rng=chance(1))
        task = asyncio.create_task(uplink.run())
        self.wake = uplink.wake
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    wake: Callable[[], None] = lambda: None


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    who = identity()
    server = FakeServer(who.key.public_key())
    await server.start()
    path = spool_path(tmp_path)
    async with WatchedSpool(path) as spool:
        yield Home(who, server, GivenClock(), path, spool, [])
    await server.stop()


def percents(server: FakeServer) -> list[float]:
    """Return what the server holds, sorted; each parcel has its own percent."""
    return sorted(r.spo2_percent or 0 for b in server.batches() for r in b.readings)


async def test_what_is_heard_is_held_by_the_server(home: Home) -> None:
    async with home.online():
        await home.hears(*range(60, 90))
        home.wake()
        await home.server.until(lambda: len(home.server.batches()) == 30)
        await home.spool.until(lambda status: status.kept == 30)
    assert percents(home.server) == list(range(60, 90))
    assert home.server.compressed, "permessage-deflate is agreed"
    assert home.server.hellos[0].gateway == "gw-0001"
    assert read_status(home.path).unacknowledged == 0
    assert read_status(home.path).kept == 30


async def test_a_server_that_is_away_for_long_misses_nothing(home: Home) -> None:
    await home.server.stop()
    async with home.online():
        await home.hears(*range(60, 80))
        home.clock.pass_ms(3 * 24 * 3_600_000)
        await home.hears(95)
        await home.server.start()
        await home.server.until(lambda: len(home.server.batches()) == 21)
    assert percents(home.server) == [*range(60, 80), 95]
    streams = {b.stream: [r.spo2_percent for r in b.readings] for b in home.server.batches()}
    assert streams["live"] == [95]


async def test_a_connection_cut_in_the_middle_loses_and_doubles_nothing(home: Home) -> None:
    async with home.online():
        for first in range(0, 90, 10):
            await home.hears(*range(first, first + 10))
            home.wake()
            await home.server.until(lambda n=first: len(home.server.batches()) >= n + 4)  # type: ignore[misc]
            await home.server.drop_connections()
        await home.server.until(lambda: len(home.server.batches()) == 90)
    assert percents(home.server) == list(range(90))
    assert len(home.server.hellos) >= 9


async def test_nothing_is_marked_before_the_server_has_committed(home: Home) -> None:
    home.server.withhold_acks = True
    async with home.online():
        await home.hears(90, 91)
        home.wake()
        await home.server.until(lambda: len(home.server.frames) == 2)
    status = read_status(home.path)
    assert (status.unacknowledged, status.kept) == (2, 0)
    first = list(home.server.frames)
    home.server.withhold_acks = False
    async with home.online():
        await home.server.until(lambda: len(home.server.batches()) == 2)
    assert home.server.frames[2:] == first, "the same bytes under the same numbers"


async def test_the_window_limits_what_is_under_way(home: Home) -> None:
    home.server.withhold_acks = True
    await home.hears(*range(60, 90))
    async with home.online():
        await home.server.until(lambda: len(home.server.frames) == 8)
    assert read_status(home.path).unacknowledged == 8


async def test_a_restored_backup_is_healed(home: Home) -> None:
    async with home.online():
        await home.hears(*range(60, 80))
        home.wake()
        await home.server.until(lambda: len(home.server.batches()) == 20)
        home.server.restore_backup(5)
        assert len(home.server.batches()) == 5
        await home.server.drop_connections()
        await home.server.until(lambda: len(home.server.batches()) == 20)
    assert percents(home.server) == list(range(60, 80))


async def test_a_backup_older_than_seven_days_gets_a_gap_and_the_rest(home: Home) -> None:
    async with home.online():
        await home.hears(60, 61, 62)
        home.wake()
        await home.spool.until(lambda status: status.kept == 3)
    home.clock.pass_ms(KEPT_AFTER_ACK_MS + 1)
    home.server.now_ms = NOON_MS + KEPT_AFTER_ACK_MS + 1
    home.server.restore_backup(1)
    await home.hears(63)
    async with home.online():
        await home.server.until(lambda: 63 in percents(home.server))
    assert percents(home.server) == [60, 63]
    held = [m for numbers in home.server.held.values() for m in numbers.values()]
    assert [m.seq for m in held if isinstance(m, Gap)] == [3]


async def test_a_resume_in_the_middle_sends_the_rest_again(home: Home) -> None:
    home.server.resume_once_at = 3
    await home.hears(*range(60, 70))
    async with home.online():
        await home.server.until(lambda: len(home.server.batches()) == 10)
    assert percents(home.server) == list(range(60, 70))
    assert len(home.server.hellos) == 1


async def test_an_old_copy_of_the_spool_begins_a_new_epoch_and_loses_nothing(home: Home) -> None:
    (epoch,) = {e for n, e in (await home.spool.call(Spool.epochs)).items() if n == "live"}
    home.server.held[("live", epoch)] = {}
    home.server.acked[("live", epoch)] = 7
    await home.hears(90, 91)
    async with home.online():
        await home.server.until(lambda: len(home.server.batches()) == 2)
    assert percents(home.server) == [90, 91]
    assert (await home.spool.call(Spool.epochs))["live"] != epoch


async def test_a_revoked_gateway_stops_with_a_clear_line(home: Home) -> None:
    home.server.refusal = Failure("revoked", "this gateway has been revoked")
    async with home.online() as task:
        with pytest.raises(RevokedError, match=r"gw-0001 .*enrol it again"):
            await asyncio.wait_for(task, 10)


async def test_a_gateway_that_is_never_allowed_stops(home: Home) -> None:
    home.server.public_key = identity().key.public_key()
    async with home.online() as task:
        with pytest.raises(RevokedError, match="signature"):
            await asyncio.wait_for(task, 10)


async def test_a_refusal_that_passes_stops_nobody(home: Home) -> None:
    home.server.refusal = Failure("not_allowed", "no hello within 15 s")
    await home.hears(90)
    async with home.online() as task:
        with Heard("server refused") as refused:
            await refused.once()
        home.server.refusal = None
        await home.server.until(lambda: len(home.server.batches()) == 1)
        assert not task.done()


async def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(home: Home) -> None:
    home.server.refusal = Failure("unavailable", "come back later", retry_after_s=3000.0)
    with Heard("no connection to the server") as waiting:
        async with home.online():
            record = await waiting.once()
    assert 3000 <= record.__dict__["retry_in_s"] <= 3001


async def test_a_refused_part_is_logged_by_its_ids_and_kept_with_its_reason(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    home.server.refuse_part = lambda batch: "above 100: 250" if batch.seq == 2 else None
    await home.hears(90, 91, 92)
    async with home.online():
        await home.spool.until(lambda status: status.rejected == 1)
    (record,) = [r for r in caplog.records if r.message == "server refused a part"]
    assert (record.__dict__["seq"], record.__dict__["part"]) == (2, "readings[0]")
    assert "250" not in caplog.text
    db = sqlite3.connect(home.path)
    rows = db.execute("SELECT device, characteristic, reason FROM rejected").fetchall()
    db.close()
    assert rows == [("server", "live/2", "readings[0]: above 100: 250")]


async def test_the_servers_line_reaches_the_gateway(home: Home) -> None:
    home.server.line_percent = 90.0
    with Heard("connected to the server") as connected:
        async with home.online():
            await connected.once()
    assert home.lines == [90.0]


async def test_a_server_that_acknowledges_nothing_is_called_again(home: Home) -> None:
    home.server.withhold_acks = True
    await home.hears(90)
    async with home.online(Settings(retry_max_s=0.05, ack_timeout_s=0.05)):
        await home.server.until(lambda: len(home.server.hellos) >= 2)


async def test_a_boot_in_1970_is_dated_at_first_contact(home: Home) -> None:
    home.clock.wall_ms, home.clock.synchronised = 5_000, False
    await home.hears(90)
    home.clock.pass_ms(30_000)
    async with home.online():
        await home.server.until(lambda: len(home.server.batches()) == 1)
    assert home.server.batches()[0].at == NOON_MS - 30_000
    assert home.server.hellos[0].clock_synchronised is False


async def test_another_servers_identity_gets_no_reading_and_the_own_one_gets_all(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    own = ServerKeys()
    home.identity = replace(home.identity, pins=own.pins)
    home.server.keys = ServerKeys()
    await home.hears(90, 91)
    async with home.online() as task:
        with Heard("the server is not the one this gateway knows") as refused:
            record = await refused.once()
        assert home.server.batches() == []
        home.server.keys = own
        await home.server.until(lambda: len(home.server.batches()) == 2)
        assert not task.done()
    assert "another server answers" in record.__dict__["why"]


async def test_an_impostor_that_says_revoked_does_not_stop_the_gateway(home: Home) -> None:
    own = ServerKeys()
    home.identity = replace(home.identity, pins=own.pins)
    home.server.refusal = Failure("revoked", "this gateway has been revoked")
    await home.hears(90)
    async with home.online() as task:
        with Heard("the server is not the one this gateway knows") as refused:
            await refused.once()
        home.server.refusal, home.server.keys = None, own
        await home.server.until(lambda: len(home.server.batches()) == 1)
        assert not task.done()


async def test_a_rotation_is_learnt_and_survives_a_restart(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    keys = ServerKeys()
    home.identity = replace(
        home.identity, key=make_or_read_key(folder), pins=keys.pins, folder=folder
    )
    home.server.public_key = home.identity.key.public_key()
    home.server.keys = rotated = keys.rotated()
    with Heard("server's identities kept") as kept:
        async with home.online():
            await kept.once()
    home.identity = load_identity(folder)
    assert home.identity.pins == rotated.pins
    home.server.keys = rotated.rotated()
    await home.hears(90)
    async with home.online():
        await home.server.until(lambda: len(home.server.batches()) == 1)


async def test_a_disk_that_cannot_keep_an_identity_keeps_no_reading_back(
    home: Home, tmp_path: Path
) -> None:
    folder = tmp_path / "gateway"
    (folder / (ENROLMENT_FILE + ".new")).mkdir(parents=True)
    home.identity = replace(home.identity, folder=folder)
    home.server.keys = ServerKeys()
    await home.hears(90)
    with Heard("server's identities not kept") as failed:
        async with home.online():
            await failed.once()
            await home.server.until(lambda: len(home.server.batches()) == 1)
