"""Starts the server, the load and the plain server as processes of their own, and ends them."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from benchmarks.figures import CannotMeasureError
from benchmarks.load import Counted, Plan

_START_S = 60.0
_STOP_S = 30.0
_LOOK_S = 0.1
_WORDS = 4
"""Last lines of a log that are worth repeating."""
_ROOT = Path(__file__).parent.parent


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(
    arguments: Sequence[str], *, port: int, folder: Path, settings: Mapping[str, str], ready: str
) -> AsyncIterator[int]:
    """Run `python ARGUMENTS` until it answers at the path `ready`; yields its process id.

    Raises:
        CannotMeasureError: it ended, or did not answer in time; with its last words.
    """
    log_path = folder / "server.log"
    with log_path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdout=log,
            stderr=log,
            cwd=_ROOT,
            env={**os.environ, **settings},
        )
    try:
        await _ready(process, f"http://127.0.0.1:{port}{ready}", log_path)
        yield process.pid
        if process.returncode is not None:
            raise CannotMeasureError(f"the server ended: {_last_words(log_path)}")
    finally:
        await _end(process)


@asynccontextmanager
async def product(
    url: str, folder: Path, *, arguments: Sequence[str] = ("serve",)
) -> AsyncIterator[tuple[int, int]]:
    """Run the real server on a database; yields its process id and port."""
    port = free_port()
    settings = {
        "TELEHEALTH_DATABASE": url,
        "TELEHEALTH_AUDIT_CHECKPOINTS": str(folder / f"checkpoints-{port}.jsonl"),
        "TELEHEALTH_HOST": "127.0.0.1",
        "TELEHEALTH_PORT": str(port),
    }
    command = ("-m", "telehealth", *arguments)
    async with serving(
        command, port=port, folder=folder, settings=settings, ready="/readyz"
    ) as pid:
        yield pid, port


async def load(plan: Plan) -> Counted:
    """Run the load in its own process.

    Raises:
        CannotMeasureError: what the load said on standard error.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.load",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=_ROOT,
    )
    try:
        said, complaint = await process.communicate(msgspec.json.encode(plan))
    finally:
        await _end(process)
    if process.returncode != 0:
        raise CannotMeasureError(complaint.decode(errors="replace").strip().splitlines()[-1])
    return msgspec.json.decode(said, type=Counted)


async def _ready(process: asyncio.subprocess.Process, address: str, log_path: Path) -> None:
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + _START_S
    async with aiohttp.ClientSession() as session:
        while loop.time() < give_up_at:
            if process.returncode is not None:
                raise CannotMeasureError(f"the server did not start: {_last_words(log_path)}")
            try:
                async with session.get(address) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:  # it does not listen yet
                pass
            await asyncio.sleep(_LOOK_S)
    raise CannotMeasureError(f"{address} did not answer in {_START_S:.0f} s")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask our own process to stop; make it, if it does not."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_words(log_path: Path) -> str:
    lines = log_path.read_text(errors="replace").strip().splitlines()
    return " | ".join(lines[-_WORDS:]) if lines else "it said nothing"
