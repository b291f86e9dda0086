"""docs/rules.md and the catalogues are complete: every code, message and test that they name."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from telehealth.alerts.policy import CLOCKS
from telehealth.alerts.reasons import AcceptReason, NoiseReason, ResolveReason, message_id
from telehealth.vitals.decisions import Cause, Priority
from telehealth.vitals.parameters import ReasonCode
from telehealth.vitals.quality import QualityReason
from telehealth.vitals.rules import PACKS
from telehealth.vitals.rules.home_levels import HOME_LEVELS

ROOT = Path(__file__).parents[3]
RULES = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
TESTS = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("vitals", "alerts")
    for path in sorted((ROOT / "tests" / "telehealth" / folder).glob("test_*.py"))
)
CODED = [*AcceptReason, *ResolveReason, *NoiseReason]
MESSAGES = [
    *(code.message_id for code in ReasonCode),
    *(reason.message_id for reason in QualityReason),
    *(message_id(reason) for reason in CODED),
]


@pytest.mark.parametrize("code", [*ReasonCode, *QualityReason, *CODED, *Cause])
def test_every_code_is_documented(code: str) -> None:
    assert f"`{code}`" in RULES


@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_is_documented_with_its_message(code: ReasonCode) -> None:
    assert f"| `{code}` | `{code.message_id}` |" in RULES


def test_every_pack_and_table_is_documented_by_name_and_edition() -> None:
    assert all(f"`{name}`" in RULES for name in [*PACKS, HOME_LEVELS.table_id])


def test_every_test_named_in_the_rules_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", RULES))
    assert len(named) > 40
    assert [name for name in sorted(named) if f"def {name}(" not in TESTS] == []


@pytest.mark.parametrize("priority", [p for p, clock in CLOCKS.items() if clock.steps])
def test_the_clocks_stand_in_the_rules_as_they_are(priority: Priority) -> None:
    minutes = [int(step.after.total_seconds()) // 60 for step in CLOCKS[priority].steps]
    row = " | ".join(str(m) for m in minutes)
    assert f"| {priority} | {row} minutes |" in RULES


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_message_of_a_decision_is_in_the_catalogue(language: str) -> None:
    path = ROOT / "webui" / "locale" / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        known = {entry.id: entry.string for entry in read_po(file)}
    assert [name for name in MESSAGES if not known.get(name)] == []
