"""Every threshold of every pack and of the level table, both sides of its line and of each age."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from protocols.reading import Vitals
from telehealth.vitals.level_table import Level, LevelRow, LevelTable
from telehealth.vitals.levels import judge
from telehealth.vitals.packs import LOW_SIDE, AgeRow, Comparison, Mode, Pack, Rule
from telehealth.vitals.parameters import Parameter, step_of
from telehealth.vitals.rule_set import RuleSet, rule_set
from telehealth.vitals.rules import PACKS
from telehealth.vitals.rules.home_levels import HOME_LEVELS
from tests.telehealth.vitals.people import context
from tests.telehealth.vitals.thresholds_by_hand import BY_HAND

FIELDS = {
    "respiration": "respiration_per_min",
    "spo2": "spo2_percent",
    "pulse": "pulse_per_min",
    "systolic": "systolic_mmhg",
    "diastolic": "diastolic_mmhg",
    "temperature": "temperature_celsius",
}
OLDEST = 110 * 12
BARE = LevelTable(
    name="bare",
    edition="1",
    rows=(),
    pack_trigger=HOME_LEVELS.pack_trigger,
    pack_emergency=HOME_LEVELS.pack_emergency,
    danger_sign=HOME_LEVELS.danger_sign,
    sign_to_report=HOME_LEVELS.sign_to_report,
    source=HOME_LEVELS.source,
)


def of(field: str, value: float) -> Vitals:
    """One value by itself."""
    known: dict[str, Any] = {field: value}
    return Vitals(**known)


def alone(rule: Rule, pack: Pack) -> RuleSet:
    """One rule by itself, so that no graver one speaks in its place."""
    bare = Pack(pack.name, pack.edition, pack.title, (rule,), ())
    return rule_set(bare, BARE, Mode.EVALUATION)


def fired(rules: RuleSet, age_months: int, field: str, value: float) -> set[str]:
    """The codes that one value by itself fires in a pregnant person: without NEWS2."""
    known = context(rules=rules, age_months=age_months, pregnant=True)
    return {reason.code.value for reason in judge(of(field, value), known).reasons}


@dataclass(frozen=True)
class Line:
    """One line of the table written by hand."""

    pack: str
    from_month: int
    to_month: int
    field: str
    silent: float | None
    fires: float | None
    code: str

    def __str__(self) -> str:
        return f"{self.pack}-{self.from_month}-{self.field}-{self.code}"


def by_hand() -> Iterator[Line]:
    for text in BY_HAND.strip().splitlines():
        pack, start, end, vital, silent, fires, code = text.split()
        yield Line(
            pack,
            int(start),
            OLDEST if end == '""' else int(end),
            FIELDS[vital],
            None if silent == "-" else float(silent),
            None if fires == "-" else float(fires),
            code,
        )


LINES = list(by_hand())
RULES = [(pack, rule) for pack in PACKS.values() for rule in pack.rules]


@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_threshold_stands_where_the_source_has_it_on_every_month_of_its_ages(line: Line) -> None:
    pack = PACKS[line.pack]
    rule = next(rule for rule in pack.rules if rule.code == line.code)
    rules = alone(rule, pack)
    for month in {line.from_month, line.to_month - 1, (line.from_month + line.to_month) // 2}:
        if line.silent is None or line.fires is None:
            for value in (1, 20, 40, 60, 90, 200):
                assert line.code not in fired(rules, month, line.field, value)
            continue
        assert line.code not in fired(rules, month, line.field, line.silent)
        assert line.code in fired(rules, month, line.field, line.fires)
        graver = line.fires + (line.fires - line.silent)
        assert line.code in fired(rules, month, line.field, graver)


def test_the_table_by_hand_leaves_no_rule_of_any_pack_out() -> None:
    spans = {(line.pack, line.code, line.from_month) for line in LINES}
    in_packs = {
        (pack.pack_id, rule.code.value, row.from_month) for pack, rule in RULES for row in rule.rows
    }
    assert in_packs == spans


def holds(comparison: Comparison, value: float, limit: float) -> bool:
    """The comparison as its sign says it, on whole steps."""
    return {
        Comparison.AT_MOST: value <= limit,
        Comparison.BELOW: value < limit,
        Comparison.AT_LEAST: value >= limit,
        Comparison.ABOVE: value > limit,
    }[comparison]


def edges_of(row: AgeRow) -> set[int]:
    """The first and last month of a row."""
    return {row.from_month, OLDEST if row.to_month is None else row.to_month - 1}


@pytest.mark.parametrize(
    ("pack", "rule"), RULES, ids=[f"{pack.name}-{rule.code}" for pack, rule in RULES]
)
def test_a_limit_fires_on_its_own_side_one_step_to_either_hand(pack: Pack, rule: Rule) -> None:
    step = step_of(rule.parameter)
    rules = alone(rule, pack)
    for row in rule.rows:
        for month in edges_of(row):
            for value in (
                () if row.limit is None else (row.limit - step, row.limit, row.limit + step)
            ):
                told = rule.code.value in fired(rules, month, rule.parameter.value, value)
                assert told == holds(rule.comparison, value, row.limit or 0), (month, value)


@pytest.mark.parametrize(
    "row",
    [row for row in HOME_LEVELS.rows if row.rule.parameter.value in FIELDS.values()],
    ids=lambda row: f"{row.level.name}-{row.rule.code}",
)
def test_a_row_of_the_level_table_gives_its_level_at_its_limit(row: LevelRow) -> None:
    level, rule = row.level, row.rule
    nothing = Pack("nothing", next(iter(PACKS.values())).edition, "", (), ())
    rules = rule_set(nothing, replace(HOME_LEVELS, rows=(row,)), Mode.EVALUATION)
    toward = -1 if rule.comparison in LOW_SIDE else 1
    for age in rule.rows:
        if age.limit is None:
            continue
        strict = rule.comparison in (Comparison.BELOW, Comparison.ABOVE)
        first = age.limit + toward * step_of(rule.parameter) * strict
        silent = first - toward * step_of(rule.parameter)
        for month in edges_of(age):
            known = context(rules=rules, age_months=month, pregnant=True)
            at = judge(of(rule.parameter.value, first), known)
            beside = judge(of(rule.parameter.value, silent), known)
            assert (at.level, at.reasons[0].code) == (level, rule.code)
            assert beside.level is Level.GREEN


def test_an_unknown_age_has_the_gravest_row_of_every_rule() -> None:
    for pack in PACKS.values():
        rules = rule_set(pack, BARE, Mode.EVALUATION)
        for parameter, sides in rules.at(None).items():
            for month in range(0, OLDEST, 6):
                own = rules.at(month).get(parameter)
                if own is not None:
                    assert sides.calm_above >= own.calm_above
                    assert sides.calm_below <= own.calm_below
    assert Parameter.SPO2 in rules.at(None)
