"""docs/operations.md, followed as it is printed: `init`, a phone, a gateway over wss, a renewal.

Only the server's name and port are others than in the document, and the certificates are of a CA
made here. Every command runs as it stands there, in a shell, in an empty folder.
"""

import asyncio
import os
import re
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.certificates import Authority, Issued
from tests.faults.server_process import free_port, python_environment
from tests.flow.phone import first_log_in, phone

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
STEPS: Final[dict[str, str]] = dict(
    re.findall(r"<!-- step: (\w+) -->\n```sh\n(.*?)```", DOCUMENT, re.DOTALL)
)
_OWN: Final = "ba con trâu qua sông"
_WAIT_S: Final = 30.0


class Running:
    """A program of a step that goes on; its lines are kept as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._more = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._more:
                self.lines.append(line.decode().rstrip())
                self._more.notify_all()

    async def says(self, words: str, *, times: int = 1) -> str:
        """Wait until a line holds these words for the n-th time, and return it."""

        def found() -> list[str]:
            return [line for line in self.lines if words in line]

        async with asyncio.timeout(_WAIT_S), self._more:
            await self._more.wait_for(lambda: len(found()) >= times)
        return found()[times - 1]

    async def end(self) -> None:
        """Stop it as an operator would."""
        if self.process.returncode is None:
            self.process.terminate()
        async with asyncio.timeout(_WAIT_S):
            await self.process.wait()
            await self._reading


@dataclass
class Machine:
    """An empty folder with a shell in it."""

    folder: Path
    port: int
    authority: Authority
    issued: Issued
    started: list[Running] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}"

    def script(self, step: str, **words: str) -> str:
        """Return the document's own lines with this machine's name and port."""
        text = STEPS[step].replace("telehealth.example.org:8443", f"localhost:{self.port}")
        text = text.replace("PORT=8443", f"PORT={self.port}").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        for word, value in words.items():
            assert word in text
            text = text.replace(word, value)
        return text

    async def start(self, step: str, **environment: str) -> Running:
        """Start what a step starts."""
        running = Running(await self._shell(self.script(step), environment))
        self.started.append(running)
        return running

    async def does(
        self, step: str, *, environment: dict[str, str] | None = None, **words: str
    ) -> str:
        """Run a step to its end, which must be a good one; returns what it said."""
        process = await self._shell(self.script(step, **words), environment or {})
        async with asyncio.timeout(_WAIT_S):
            output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        return output.decode()

    async def _shell(self, text: str, environment: dict[str, str]) -> asyncio.subprocess.Process:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {
            name: value
            for name, value in python_environment().items()
            if not name.startswith("TELEHEALTH_") and not name.lower().endswith("_proxy")
        }
        return await asyncio.create_subprocess_exec(
            "sh", "-euc", text,
            cwd=self.folder,
            env=kept | {"PATH": path} | environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    async def shown_serial(self) -> int:
        """Return the serial number of the certificate that a new connection sees."""
        _, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.authority.client(), server_hostname="localhost"
        )
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        shown = tls.getpeercert()
        writer.close()
        await writer.wait_closed()
        assert shown is not None
        return int(str(shown["serialNumber"]), 16)


@asynccontextmanager
async def a_machine(folder: Path) -> AsyncIterator[Machine]:
    authority = Authority(folder / "tls")
    machine = Machine(folder, free_port(), authority, authority.issue())
    try:
        yield machine
    finally:
        for running in reversed(machine.started):
            await running.end()


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
async def test_the_document_leads_from_an_empty_folder_to_a_phone_a_gateway_and_past_a_renewal(
    tmp_path: Path,
) -> None:
    async with a_machine(tmp_path) as machine:
        told = await machine.does("init")
        finger = re.findall(r"fingerprint +(\S+)", told)[0]
        server = await machine.start("serve")
        await server.says("telehealth serves https://")

        login, password = re.findall(r"administrator +(\S+), password (\S+)", told)[0]
        async with phone(tmp_path / "phone", machine.issued.spki_sha256) as page:
            await first_log_in(page, machine.origin, login, password, _OWN)

        code = (await machine.does("code")).strip()
        assert code.endswith(finger)
        enrolled = await machine.does("enrol", CODE=code)
        assert f"server's fingerprint {finger}" in enrolled
        gateway = await machine.start("gateway")
        await gateway.says("connected to the server")

        before = await machine.shown_serial()
        renewed = machine.authority.issue("renewed")
        await machine.does("renew", environment={"SERVER": str(server.process.pid)})
        await server.says("certificate loaded")
        assert before != await machine.shown_serial() == renewed.serial
        assert not any("gateway gone" in line for line in server.lines), "what is open stays open"

        await server.end()
        again = await machine.start("serve")
        await again.says("telehealth serves https://")
        await gateway.says("connected to the server", times=2)
        assert not any("not the one this gateway knows" in line for line in gateway.lines)


async def test_a_second_init_on_the_same_machine_changes_nothing(tmp_path: Path) -> None:
    async with a_machine(tmp_path) as machine:
        first = await machine.does("init")
        again = await machine.does("init")
    assert "password" in first
    assert "password" not in again
    assert again.count("as it was") + again.count("as they were") == 3


async def test_another_servers_keys_at_the_same_address_get_nothing_of_a_gateway(
    tmp_path: Path,
) -> None:
    async with a_machine(tmp_path) as machine:
        await machine.does("init")
        server = await machine.start("serve")
        await server.says("telehealth serves https://")
        await machine.does("enrol", CODE=(await machine.does("code")).strip())
        await server.end()

        keys = machine.folder / "var" / "keys.json"
        keys.rename(keys.with_suffix(".own"))
        other = tmp_path / "other"
        other.mkdir()
        impostor = Machine(other, machine.port, machine.authority, machine.issued)
        (other / "tls").symlink_to(tmp_path / "tls")
        await impostor.does("init")
        machine.started.append(running := await impostor.start("serve"))
        await running.says("telehealth serves https://")

        gateway = await machine.start("gateway")
        why = await gateway.says("the server is not the one this gateway knows")
        assert "another server answers" in why
        await running.says("gateway refused")
        assert not any("gateway connected" in line for line in running.lines)
        await running.end()

        keys.with_suffix(".own").rename(keys)
        own = await machine.start("serve")
        await own.says("telehealth serves https://")
        await gateway.says("connected to the server")


@pytest.mark.parametrize("step", ["init", "serve", "code", "enrol", "gateway", "renew"])
def test_every_step_stands_in_the_document(step: str) -> None:
    assert STEPS[step].strip()
