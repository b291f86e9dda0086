"""The rules in a pocket say what the server says: shared vectors, made here and read by the script.

To make the vectors anew after a change of rules: `python -m tests.telehealth.vitals.test_pocket`.
"""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from protocols.reading import Vitals
from telehealth.subjects import NOBODY
from telehealth.vitals.levels import Context, judge
from telehealth.vitals.news2 import Scale2Prescription
from telehealth.vitals.pocket import ASKED, pocket_rules
from telehealth.vitals.quality import RANGES, highest
from telehealth.vitals.targets import TargetRange

VECTORS: Final = Path(__file__).parents[2] / "vectors" / "pocket.json"
AGES: Final = (None, 1, 8, 30, 100, 143, 144, 191, 192, 500, 900)
EDGES: Final = {
    "spo2_percent": (70, 88, 91, 91.5, 92, 92.5, 93, 94, 94.5, 95, 96, 96.4, 97, 100),
    "pulse_per_min": (30, 40, 41, 49, 49.5, 50, 51, 90, 91, 110, 111, 120, 120.5, 121, 131),
    "respiration_per_min": (6, 8, 9, 11, 12, 19, 20, 21, 24, 25, 26, 30, 40, 50, 60, 70),
    "temperature_celsius": (34.9, 35.0, 35.05, 35.1, 36.0, 36.1, 38.0, 38.1, 39.0, 39.1),
}


USUAL: Final = TargetRange("tr-1", 88, 92)
SIGNED: Final = TargetRange("tr-2", 88, 92, red_at_most_percent=84)
SCALE_2: Final = Scale2Prescription(
    prescribed_by="doctor-1", prescribed_at=datetime(2026, 1, 1, tzinfo=UTC), reason="COPD"
)


def context(age_months: int | None, **known: Any) -> Context:
    return Context(rules=NOBODY.rules, age_months=age_months, **known)


def vitals(known: Mapping[str, float]) -> Vitals:
    return Vitals(
        spo2_percent=known.get("spo2_percent"),
        pulse_per_min=known.get("pulse_per_min"),
        respiration_per_min=known.get("respiration_per_min"),
        temperature_celsius=known.get("temperature_celsius"),
    )


def vectors() -> dict[str, Any]:
    """Return every age's rules, with readings and the level that the server gives them."""
    chance = random.Random(261)  # noqa: S311 - vectors, the same each time
    found = []
    people = [
        *(context(age) for age in AGES),
        context(400, pregnant=True),
        context(800, target=USUAL),
        context(800, target=SIGNED, scale_2=SCALE_2),
    ]
    for one in people:
        readings = [{name: value} for name, values in EDGES.items() for value in values]
        for _ in range(60):
            drawn = {name: chance.choice(values) for name, values in EDGES.items()}
            readings.append({n: v for n, v in drawn.items() if chance.random() < 0.75})
        cases = [[r, int(judge(vitals(r), one).level)] for r in readings if r]
        found.append({"rules": pocket_rules(one), "cases": cases})
    return {"sets": found}


def test_the_vectors_are_what_the_server_says_today() -> None:
    """The script's own test reads the same file (webui/client/test/judge.test.ts)."""
    assert VECTORS.read_bytes() == msgspec.json.format(msgspec.json.encode(vectors()), indent=0)


def test_every_level_occurs_in_the_vectors() -> None:
    levels = {level for one in vectors()["sets"] for _, level in one["cases"]}
    assert levels == {0, 1, 2, 3}


@pytest.mark.parametrize(("age", "scored"), [(191, False), (192, True), (None, False)])
def test_news2_goes_along_only_where_it_was_made_for_the_person(
    age: int | None, *, scored: bool
) -> None:
    assert bool(pocket_rules(context(age)).news2) is scored


def test_news2_does_not_go_along_in_pregnancy() -> None:
    assert pocket_rules(context(400, pregnant=True)).news2 == {}


def test_a_target_range_and_scale_2_go_along() -> None:
    told = pocket_rules(context(800, target=SIGNED, scale_2=SCALE_2))
    assert told.usual_spo2_above == 87.5
    assert told.thresholds["spo2_percent"].low == ((84.5, 3), (87.5, 2))
    assert told.news2["spo2_percent"].edges[0] == 83.5


def test_the_plausible_ranges_are_those_of_the_gate() -> None:
    for age in AGES:
        told = pocket_rules(context(age)).ranges
        assert told == {r.parameter.value: (r.lowest, highest(r, age)) for r in RANGES}
    assert set(told) == {parameter.value for parameter in ASKED}


def test_the_rules_name_the_pack_and_the_table_they_come_from() -> None:
    assert pocket_rules(context(500)).rules == "moh-vn-261@2022-01-31 home-levels@2"
    other = replace(NOBODY.rules.table, edition="3")
    rules = type(NOBODY.rules)(NOBODY.rules.pack, other)
    assert pocket_rules(replace(context(500), rules=rules)).rules.endswith("home-levels@3")


if __name__ == "__main__":
    VECTORS.write_bytes(msgspec.json.format(msgspec.json.encode(vectors()), indent=0))
