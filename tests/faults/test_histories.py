"""Pasts that do not fit together: a restored backup, a lost spool, a clock in 1970, two ways."""

import asyncio
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices import identity
from devices.clock import Clock, SystemClock
from devices.identity import Identity
from devices.parcels import Content, Parcel
from devices.spool import Spool
from devices.spool_file import SPOOL_FILE
from devices.uplink import Uplink
from protocols.uplink import Batch, WireReading
from telehealth import gateways
from telehealth.clock import now_ms
from telehealth.store.database import Database, Row
from tests import databases, world
from tests.devices.given import GivenClock, WatchedSpool
from tests.faults import load
from tests.faults.conftest import Say
from tests.faults.killing import QUICK
from tests.faults.server_process import ServerProcess
from tests.flow import wire
from tests.keys import opened

DEVICE = world.DEVICE


@dataclass
class Town:
    """A server process over a SQLite file with one patient, and gateways to be enrolled there."""

    path: Path
    server: ServerProcess
    database: Database
    folder: Path

    async def rows(self, sql: str) -> list[Row]:
        return await self.database.read(lambda r: r.rows(sql))

    async def percents(self) -> list[float]:
        """Return all readings' SpO2, sorted; each parcel of a test has its own."""
        return [row[0] for row in await self.rows("SELECT spo2_percent FROM reading ORDER BY 1")]

    async def enrol(self, home: str = "home") -> Identity:
        code = await self.database.write(lambda tx: gateways.new_enrolment(tx, "test"))
        return await identity.enrol(self.server.origin, code, home, self.folder / home)

    @asynccontextmanager
    async def home(self, who: Identity, clock: Clock | None = None) -> AsyncIterator["Home"]:
        """Run a gateway's real spool and uplink in `home/`."""

        async def configure(_line_percent: float) -> None:
            pass

        clock = clock or SystemClock()
        async with WatchedSpool(self.folder / "home" / SPOOL_FILE) as spool:
            rng = random.Random(1)  # noqa: S311 - waits of a test
            uplink = Uplink(who, spool, QUICK, clock, configure=configure, rng=rng)
            running = asyncio.create_task(uplink.run())
            try:
                yield Home(spool, uplink, clock)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


@dataclass
class Home:
    """A gateway at work."""

    spool: WatchedSpool
    uplink: Uplink
    clock: Clock

    async def hears(self, percents: Sequence[int]) -> None:
        await append(self.spool, self.clock, percents)
        self.uplink.wake()

    async def has_brought(self, count: int) -> None:
        """Wait until so many parcels are marked as acknowledged, and none is owed."""
        await self.spool.until(lambda s: s.kept == count and s.unsent + s.unacknowledged == 0)


async def append(spool: WatchedSpool, clock: Clock, percents: Sequence[int]) -> None:
    """Spool one parcel each, a millisecond after the other."""
    for percent in percents:
        content = Content(readings=[(0, WireReading(kind="spot", at=0, spo2_percent=percent))])
        await spool.call(Spool.append, [Parcel(DEVICE, clock.moment(), content)])


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with databases.migrated_address("sqlite", tmp_path) as url:
        database = opened(url)
        await world.make(database)
        server = ServerProcess(url, tmp_path)
        try:
            await asyncio.to_thread(server.start)
            yield Town(Path(url.removeprefix("sqlite:///")), server, database, tmp_path)
        finally:
            server.kill()
            await database.close()


async def test_a_server_restored_from_a_backup_is_sent_the_rest_again(town: Town) -> None:
    who = await town.enrol()
    async with town.home(who) as home:
        await home.hears(range(60, 70))
        await home.has_brought(10)
        backup(town.path, town.folder / "backup.sqlite")
        await home.hears(range(70, 95))
        await home.has_brought(35)
        town.server.stop()
        await town.database.close()
        restore(town.folder / "backup.sqlite", town.path)
        town.database = opened(town.database.url)
        assert await town.percents() == list(range(60, 70))
        await asyncio.to_thread(town.server.start)
        await home.hears([99])
        await home.has_brought(36)
    assert await town.percents() == [*range(60, 95), 99]
    assert await town.rows("SELECT * FROM stream_gap") == []


def backup(path: Path, copy: Path) -> None:
    """Copy a database that is being written, as `sqlite3 .backup` does."""
    source, target = sqlite3.connect(path), sqlite3.connect(copy)
    source.backup(target)
    target.close()
    source.close()


def restore(copy: Path, path: Path) -> None:
    """Put a copy in the place of a database that nobody has open."""
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    shutil.copyfile(copy, path)


async def test_a_gateway_whose_spool_was_deleted_begins_a_new_epoch(town: Town) -> None:
    who = await town.enrol()
    async with town.home(who) as home:
        await home.hears(range(60, 70))
        await home.has_brought(10)
    for part in (town.folder / "home").glob(f"{SPOOL_FILE}*"):
        part.unlink()
    async with town.home(who) as home:
        await home.hears(range(70, 75))
        await home.has_brought(5)
    assert await town.percents() == list(range(60, 75))
    streams = await town.rows("SELECT name, acked FROM stream WHERE acked > 0 ORDER BY stream_id")
    assert streams == [("live", 10), ("live", 5)]
    for table in ("refused", "stream_gap", "reading_copy"):
        assert await town.rows(f"SELECT * FROM {table}") == []  # noqa: S608 - constants


async def test_a_gateway_that_boots_in_1970_is_dated_by_its_first_contact(town: Town) -> None:
    clock = GivenClock(boot_id="boot-0", monotonic_ms=30_000, wall_ms=30_000, synchronised=False)
    who = await town.enrol()
    async with WatchedSpool(town.folder / "home" / SPOOL_FILE) as spool:
        await append(spool, clock, [60])  # a boot that ended before anybody told it the time
        clock.boot_id, clock.monotonic_ms, clock.wall_ms = "boot-1", 10_000, 10_000
        await append(spool, clock, [70])
        clock.pass_ms(90_000)
        await append(spool, clock, [80])
    before = now_ms()
    async with town.home(who, clock) as home:
        await home.has_brought(3)
    after = now_ms()
    rows = await town.rows(
        "SELECT spo2_percent, measured_ms, time_uncertain FROM reading ORDER BY 1"
    )
    assert [(row[0], bool(row[2])) for row in rows] == [(60, True), (70, False), (80, False)]
    latest, ninety_s_ago, earlier_boot = rows[2][1], rows[1][1], rows[0][1]
    assert before <= latest <= after
    assert latest - ninety_s_ago == 90_000
    assert earlier_boot <= latest - 100_000, "before the boot that came after it"


async def test_one_stored_record_by_two_gateways_is_one_reading_and_a_copy(town: Town) -> None:
    record = WireReading(kind="stored", at=now_ms() - 60_000, spo2_percent=91.0, record="17")
    for _ in range(2):
        keys = await wire.enrolled(town.database)
        async with wire.connected(town.server.origin, keys) as gateway:
            await gateway.send(Batch("backlog", 1, DEVICE, record.at, readings=[record]))
            await gateway.acked(1, "backlog")
    assert await town.percents() == [91]
    copies = await town.rows("SELECT content_key, seq FROM reading_copy")
    assert copies == [((await town.rows("SELECT content_key FROM reading"))[0][0], 1)]


async def test_the_older_of_two_sockets_is_told_and_nothing_is_lost_or_doubled(
    tmp_path: Path, say: Say
) -> None:
    async with databases.migrated_address("sqlite", tmp_path) as url:
        database = opened(url)
        fleet = await load.fleet(database, 1, rng=random.Random(9))  # noqa: S311
        [older] = fleet.gateways
        server = ServerProcess(url, tmp_path)
        try:
            await asyncio.to_thread(server.start)
            newer = load.LoadGateway(older.keys, older.device, older.base_ms, older.window)
            at_work = asyncio.Event()
            older.on_ack = at_work.set
            async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
                replaced = tasks.create_task(older.talk(server.origin))
                await at_work.wait()
                newer.books = {s: load.Book(sent=2**31) for s in load.STREAMS}
                tasks.create_task(newer.talk(server.origin, upto=2_000))
                await replaced
        finally:
            server.stop()
        assert [failure.code for failure in older.failures] == ["replaced"]
        assert newer.failures == []
        assert any(book.acked for book in older.books.values())
        for stream, book in older.books.items():
            assert book.acked <= newer.books[stream].acked, "what the older was promised is held"
        newer.again = 0
        tally = await database.read(load.Fleet([newer], rng=random.Random(9)).tally)  # noqa: S311
        await database.close()
        say("two sockets of one gateway", tally)
        assert tally.whole, tally
