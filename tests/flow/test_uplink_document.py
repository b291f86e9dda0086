"""docs/uplink.md: the gateway that it prints works as it is printed, and its tables are whole."""

import asyncio
import re
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from protocols import uplink
from protocols.reading import Quality
from telehealth import gateways
from telehealth.serving import Listening
from tests import world

DOCUMENT = (Path(__file__).parents[2] / "docs" / "uplink.md").read_text()


async def _run(script: Path, *arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, output.decode()


async def test_the_printed_gateway_enrols_and_brings_two_readings(
    server: Listening, tmp_path: Path
) -> None:
    example = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)[-1]
    script = tmp_path / "gateway.py"
    script.write_text(example)
    database = server.services.database
    await world.make(database)
    code = await database.write(lambda tx: gateways.new_enrolment(tx, "test"))
    first = await _run(script, server.origin, code, str(tmp_path))
    second = await _run(script, server.origin, "used", str(tmp_path))
    assert first == (0, "durable up to 1\n")
    assert second == (0, "durable up to 2\n")
    rows = await database.read(lambda r: r.rows("SELECT kind, spo2_percent FROM reading"))
    assert rows == [("spot", 97.0), ("spot", 97.0)]


@pytest.mark.parametrize("flag", [flag for flag in Quality if flag])
def test_every_quality_flag_is_documented_with_its_number(flag: Quality) -> None:
    words = flag.name.lower().replace("_", " ") if flag.name else ""
    known = {"demo": "demonstration data", "testing": "test data"}
    assert f"{int(flag)} {known.get(words, words)}" in re.sub(r"\s+", " ", DOCUMENT)


@pytest.mark.parametrize("field", uplink.WireReading.__struct_fields__)
def test_every_field_of_a_reading_is_documented(field: str) -> None:
    assert f"`{field}`" in DOCUMENT or f'"{field}"' in DOCUMENT


@pytest.mark.parametrize("kind", get_args(get_type_hints(uplink.Event)["kind"]))
def test_every_kind_of_event_is_documented(kind: str) -> None:
    assert f"`{kind}`" in DOCUMENT


def test_the_limits_are_documented_as_they_are() -> None:
    assert f"at most {uplink.MAX_SAMPLES}" in DOCUMENT
    assert f"at most {uplink.MAX_READINGS}" in DOCUMENT
    assert f"at most {uplink.MAX_EVENTS}" in DOCUMENT
    assert f"{uplink.MAX_MESSAGE_BYTES // 1024} KiB" in DOCUMENT
