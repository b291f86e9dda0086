"""The line to PostgreSQL is cut: nobody's upload is to blame, and everything goes on afterwards."""

import asyncio
import random
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import databases
from tests.faults import load
from tests.faults.conftest import Say
from tests.faults.server_process import ServerProcess, free_port
from tests.keys import opened

UPTO = 400


class Line:
    """A TCP line from a port of its own to a database, which a test may cut and mend."""

    def __init__(self, host: str, port: int) -> None:
        self.port = free_port()
        self._far = (host, port)
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()

    async def mend(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """Break every connection, in the middle of whatever it carries, and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for end in self._ends:
            end.transport.abort()
        await asyncio.gather(*self._carrying, return_exceptions=True)
        self._ends.clear()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._far)
        self._ends |= {writer, far_writer}
        for source, target in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(_carry(source, target))
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    except ConnectionError:
        pass
    target.close()


@pytest.mark.asvs("16.5.2")
@pytest.mark.postgresql
async def test_a_database_that_is_gone_for_a_while_costs_no_reading(
    tmp_path: Path, say: Say
) -> None:
    async with databases.migrated_address("postgresql", tmp_path) as url:
        database = opened(url)
        fleet = await load.fleet(database, 2, rng=random.Random(11), window=16)  # noqa: S311
        address = urlsplit(url)
        line = Line(str(address.hostname), int(address.port or 0))
        server = ServerProcess(url.replace(f":{address.port}", f":{line.port}"), tmp_path)
        try:
            await line.mend()
            await asyncio.to_thread(server.start)
            await _until_cut(fleet, server, line)
            status, body = await asyncio.to_thread(server.readiness)
            before = len(fleet.gateways[0].failures)
            await fleet.gateways[0].talk(server.origin, upto=UPTO)
            at_the_hello = fleet.gateways[0].failures[before:]
            await line.mend()
            async with asyncio.timeout(60):
                for gateway in fleet.gateways:
                    while not gateway.reached(UPTO):
                        await gateway.talk(server.origin, upto=UPTO)
            ready = await asyncio.to_thread(server.readiness)
        finally:
            await asyncio.to_thread(server.stop)  # it says goodbye over our line
            await line.cut()
        tally = await database.read(fleet.tally)
        await database.close()
    say("PostgreSQL gone for a while", tally)
    assert tally.whole, tally
    assert tally.acked == 2 * 2 * UPTO
    assert (status, body["error"]["code"]) == (503, "unavailable")
    assert [failure.code for failure in at_the_hello] == ["unavailable"]
    assert ready == (200, {"status": "ready"})
    said = {event["event"] for event in server.log()}
    assert "intake cannot write" in said
    assert not said & {"a loop died", "upload set aside", "upload cannot be set aside"}


async def _until_cut(fleet: load.Fleet, server: ServerProcess, line: Line) -> None:
    """Load the server, cut its line to the database at work, and see every gateway refused."""
    at_work = asyncio.Event()
    for gateway in fleet.gateways:
        gateway.on_ack = at_work.set
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for gateway in fleet.gateways:
            tasks.create_task(gateway.talk(server.origin, upto=UPTO))
        await at_work.wait()
        await line.cut()
    assert {f.code for gateway in fleet.gateways for f in gateway.failures} == {"unavailable"}
