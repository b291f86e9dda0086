"""docs/protocols.md names every status bit, its place and what it costs in trust."""

import re
from pathlib import Path

import pytest

from protocols.gatt import battery, device_information, plx
from protocols.gatt.plx_status import MEASUREMENT_QUALITY, SENSOR_QUALITY
from protocols.reading import Quality

PAGE = (Path(__file__).parents[3] / "docs" / "protocols.md").read_text(encoding="utf-8")
MEANINGS = [
    *((str(bit.name), int(bit), quality) for bit, quality in MEASUREMENT_QUALITY.items()),
    *((str(bit.name), int(bit), quality) for bit, quality in SENSOR_QUALITY.items()),
]


@pytest.mark.parametrize(("name", "bit", "quality"), MEANINGS)
def test_every_status_bit_is_documented_as_it_is_coded(
    name: str, bit: int, quality: Quality
) -> None:
    words = re.escape(name).replace("_", "[ -]")
    shown = f"`{quality.name}`" if quality else "–"
    row = rf"^\| {words}[^|]*\| {bit.bit_length() - 1} \| {re.escape(shown)} \|$"
    assert re.search(row, PAGE, re.MULTILINE | re.IGNORECASE), row


def test_every_characteristic_is_documented() -> None:
    uuids = [plx.CONTINUOUS_UUID, plx.SPOT_CHECK_UUID, plx.FEATURES_UUID, battery.LEVEL_UUID]
    for uuid in (*uuids, *device_information.FIELDS):
        assert f"`{uuid[4:8].upper()}`" in PAGE
