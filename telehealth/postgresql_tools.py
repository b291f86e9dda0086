"""Runs PostgreSQL's own programs for backup and restore; the password goes by the environment."""

import asyncio
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from telehealth.errors import UnavailableError

_DEBIAN: Final = Path("/usr/lib/postgresql")
_ERROR_MAX: Final = 400


async def program(name: str, server_major: int) -> Path:
    """Return a program of the server's own major version.

    Raises:
        UnavailableError: there is none; says which package has it.
    """
    beside = _DEBIAN / str(server_major) / "bin" / name
    if beside.exists():
        return beside
    found = shutil.which(name)
    if found:
        said = await run([found, "--version"], os.environ)
        version = re.search(r"(\d+)\.", said)
        if version and int(version[1]) == server_major:
            return Path(found)
    raise UnavailableError(
        f"no {name} of PostgreSQL {server_major} here:"
        f" apt-get install postgresql-client-{server_major}"
    )


def environment(url: str) -> dict[str, str]:
    """Return the environment in which PostgreSQL's programs reach a database (libpq, 34.15).

    What the address leaves open, such as `PGPASSFILE`, stays as the operator set it.
    """
    address = make_url(url)
    given = {
        "PGHOST": address.host,
        "PGPORT": str(address.port) if address.port else None,
        "PGUSER": address.username,
        "PGPASSWORD": str(address.password) if address.password else None,
        "PGDATABASE": address.database,
    }
    for name in ("host", "sslmode", "sslrootcert", "sslcert", "sslkey"):
        value = address.query.get(name) or address.query.get("ssl" if name == "sslmode" else "")
        if isinstance(value, str):
            given[f"PG{name.upper()}"] = value
    return dict(os.environ) | {name: value for name, value in given.items() if value}


async def run(command: list[str], env: Mapping[str, str]) -> str:
    """Run a program to its end and return what it printed.

    Raises:
        UnavailableError: it cannot be run or failed; what it said goes along, cut short.
    """
    name = Path(command[0]).name
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise UnavailableError(f"{name} cannot be run: {error.strerror}") from error
    try:
        printed, complaint = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        said = " ".join(complaint.decode(errors="replace").split())[:_ERROR_MAX]
        raise UnavailableError(f"{name} failed with {process.returncode}: {said}")
    return printed.decode(errors="replace")
