"""Runs a command with a PostgreSQL cluster of its own on a free loopback port, then stops it.

`python -m tests.servers COMMAND …` sets `TELEHEALTH_TEST_DATABASE`. initdb never runs as root:
as root it runs as the user `postgres` that Debian's package makes.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """Return the newest installed PostgreSQL's programs, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a cluster; yields its address, `postgresql://USER@127.0.0.1:PORT/`."""
    programs = binaries()
    if programs is None:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - made private
    folder = Path(tempfile.mkdtemp(prefix="telehealth-pg-", dir=memory))
    if os.geteuid() == 0:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(  # noqa: S603 - our own arguments
            command, check=True, user=user, stdout=subprocess.DEVNULL, cwd=folder, extra_groups=[]
        )

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(folder / "data")
    options = f"-p {port} -h 127.0.0.1 -k {folder} -c max_connections=100"
    run(str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "telehealth", "-E", "UTF8")
    control = str(programs / "pg_ctl")
    run(control, "-D", data, "-o", options, "-w", "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://telehealth@127.0.0.1:{port}/"
    finally:
        run(control, "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Run the command given as arguments beside the cluster; returns its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with postgresql() as address:
        environment = os.environ | {"TELEHEALTH_TEST_DATABASE": address}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
