"""Runs schemathesis against a server, as one role, and says what it found.

It reads the server's own document and tries every operation with data that fits it and data that
does not, the edges of every schema, and chains of calls; every check it knows is on. Ids of the
commune are put among the invented ones, so that requests also arrive at something.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from telehealth.access.policy import Actor, Role
from telehealth.calls import book
from telehealth.store.database import Transaction
from tests import rows
from tests.api.commune import ALERTS, NOBODY, PERSONS, account_of
from tests.webui.conftest import Site
from webui.api import openapi

_LIKELY: Final = 0.6
"""How often a value is one that means something here."""
_WHERE: Final = {
    "path.person_id": "persons",
    "path.alert_id": "alerts",
    "path.room_id": "rooms",
    "query.q": "texts",
    "body.person_id": "persons",
    "body.text": "texts",
    "body.code": "codes",
}
_MEANINGFUL: Final = ("2xx", "401", "403", "404", "409")
_JUDGED_BY_CONTENT: Final = ("create_call", "read_card")
"""These may refuse with 422 what fits the document: a doctor names nobody, a text is no card."""

_KEEPS_WHAT_IS_WRONG: Final = "upload_readings"
"""A batch that does not fit is kept with its reason and acknowledged, so that none is lost."""


@dataclass(frozen=True, slots=True)
class Found:
    """How a run ended."""

    cases: int
    """Requests that were made and judged."""
    accepted: Mapping[str, int]
    """How many requests that fit the document each operation took."""
    failures: tuple[str, ...]
    is_whole: bool
    """Whether every operation was tried to the end."""
    said: str
    """What schemathesis printed, with a command that repeats each failure."""


async def fuzz(
    site: Site, folder: Path, role: str, *, examples: int, seed: int, timeout_s: float = 50.0
) -> Found:
    """Try every operation as a role, or as nobody.

    Args:
        site: the server, with the commune in it.
        folder: for the configuration and the report.
        role: a role of the access table, or `commune.NOBODY`.
        examples: of each operation and kind of data, at most.
        seed: the same seed makes the same requests.
        timeout_s: after this the run counts as failed.

    Raises:
        TimeoutError: it took longer.
    """
    token = ""
    if role != NOBODY:
        token = await site.database.write(lambda tx: rows.session(tx, account_of(role)))
    room_id = await site.database.write(_ring)
    config, report = folder / f"{role}.toml", folder / f"{role}.json"
    await asyncio.to_thread(config.write_text, _settings(token, room_id), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", site.origin + openapi.PATH, "--checks", "all", "--mode", "all"),
        *("--max-examples", str(examples), "--seed", str(seed), "--continue-on-failure"),
        *("--report", "json", "--report-json-path", str(report), "--no-color"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(timeout_s):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _found(await asyncio.to_thread(report.read_bytes), said.decode())


def _ring(tx: Transaction) -> str:
    """Let the person of the fuzzed patient ask for a doctor, so that there is a call to act on."""
    actor = Actor("ac-hoa", Role.PATIENT, person_id="p-hoa")
    return book.request(tx, actor).room_id


def _settings(token: str, room_id: str) -> str:
    """Write schemathesis' configuration; JSON's strings and lists are TOML's too."""
    ids = {
        "persons": PERSONS,
        "alerts": ALERTS,
        "rooms": (room_id, "current"),
        "codes": ("000000000000",),
        "texts": ("hoa", "0912345678", "nguyen van nam"),
    }
    lines = ["[cache]", "enabled = false"]
    lines += ["[generation]", 'database = "none"', "allow-x00 = false"]
    lines += ["[auth.openapi.same_origin]", 'api_key = "same-origin"']
    if token:
        lines += ["[auth.openapi.session]", f"api_key = {json.dumps(token)}"]
    for name, values in ids.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(values)}"]
    lines += ["[parameters]"]
    lines += [
        f'"{where}" = {{ dictionary = "{name}", probability = {_LIKELY} }}'
        for where, name in _WHERE.items()
    ]
    for operation in _JUDGED_BY_CONTENT:
        lines += ["[[operations]]", f'include-operation-id = "{operation}"']
        lines += ["[operations.checks.positive_data_acceptance]"]
        lines += [f"expected-statuses = {json.dumps([*_MEANINGFUL, '422'])}"]
    lines += ["[[operations]]", f'include-operation-id = "{_KEEPS_WHAT_IS_WRONG}"']
    lines += ["[operations.checks.negative_data_rejection]"]
    lines += [f"expected-statuses = {json.dumps(['200', '400', '401', '403', '413'])}"]
    return "\n".join(lines)


def _found(report: bytes, said: str) -> Found:
    told: dict[str, Any] = json.loads(report)
    failures = [
        f"{one['code']} {one['title']}: {', '.join(one['operations'])}" for one in told["failures"]
    ]
    return Found(
        cases=told["test_cases"]["generated"],
        accepted={
            operation: sum(phase["accepted"] for phase in phases.values())
            for operation, phases in told["valid_rates"].items()
        },
        failures=(*failures, *map(str, told["errors"])),
        is_whole=bool(told["complete"]) and told["operations"]["errored"] == 0,
        said=said,
    )
