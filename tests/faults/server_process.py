"""A real server, `python -m telehealth serve`, as a process that a test may do anything to."""

import atexit
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from tests import keys

ROOT: Final = Path(__file__).parents[2]
SERVE: Final = ("-m", "telehealth", "serve")
_START_S: Final = 90.0
_STOP_S: Final = 30.0


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@cache
def _bytecode() -> str:
    """Return a folder for compiled modules that goes with this process."""
    folder = tempfile.mkdtemp(prefix="telehealth-bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def python_environment() -> dict[str, str]:
    """Return the environment of a process of ours: no settings, and compiled modules are kept.

    Compiling is half of a start, and some machines forbid to keep what was compiled beside the
    sources: so it is kept elsewhere, and only the first start of many compiles.
    """
    dropped = ("TELEHEALTH_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    kept |= {name: os.environ[name] for name in (keys.VARIABLE, keys.CHECKPOINTS)}
    return {"PYTHONPYCACHEPREFIX": _bytecode()} | kept


class ServerProcess:
    """A server on one port and one database, started and ended as often as a test likes.

    Args:
        url: its database.
        folder: where its log goes.
        command: what Python runs; a test may put something in the product's place.
        tracer: a command that runs the server as its child, such as `strace -f`.
        settings: more environment variables `TELEHEALTH_…`.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        command: Sequence[str] = SERVE,
        tracer: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.started_in_s: list[float] = []
        self._command = (*tracer, sys.executable, *command)
        self._traced = bool(tracer)
        self._log_path = folder / "server.log"
        self._environment = python_environment() | {
            "TELEHEALTH_DATABASE": url,
            "TELEHEALTH_HOST": "127.0.0.1",
            "TELEHEALTH_PORT": str(self.port),
            "TELEHEALTH_RETRY_AFTER_S": "0.05",
            **(settings or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def start(self) -> None:
        """Start, and return once `/readyz` says so.

        Raises:
            RuntimeError: it ended, or was not ready in time; with the end of its log.
        """
        began = time.monotonic()
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._command, stdout=subprocess.PIPE, stderr=log, env=self._environment, cwd=ROOT
            )
        assert self._process.stdout is not None
        self._pid = self._process.pid
        heard, _, _ = select.select([self._process.stdout], [], [], _START_S)
        serves = self._process.stdout.readline() if heard else b""
        if self._traced and serves:
            self._pid = _only_child(self._process.pid)
        if self.origin.encode() not in serves or self.readiness()[0] != 200:
            self.kill()
            raise RuntimeError(f"server did not start: {self._log_path.read_text()[-2000:]}")
        self.started_in_s.append(time.monotonic() - began)

    def readiness(self) -> tuple[int, dict[str, Any]]:
        """Ask `/readyz`; returns status and body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def kill(self) -> None:
        """SIGKILL, as a crash would: nothing is flushed, nobody is told."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, as the operator would."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            os.kill(self._pid, how)
            process.wait(_STOP_S)
        if process.stdout is not None:
            process.stdout.close()

    def log(self) -> list[dict[str, Any]]:
        """Return the events it has logged so far."""
        lines = self._log_path.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def log_text(self) -> str:
        """Return all it has written to standard error."""
        return self._log_path.read_text()


def _only_child(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert len(children) == 1, f"a tracer has one child, not {children}"
    return int(children[0])
