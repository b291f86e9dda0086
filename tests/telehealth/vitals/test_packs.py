"""Rule packs: every month of age in one row, every entry with its source, `moh-vn-261` itself."""

from dataclasses import replace
from datetime import date

import pytest

from telehealth.errors import RefusedError
from telehealth.vitals.levels import LevelRow, rule_set
from telehealth.vitals.packs import (
    AgeRow,
    Citation,
    Comparison,
    Confidence,
    Mode,
    Pack,
    Rule,
    age_in_months,
    all_ages,
    check_ages,
    load,
)
from telehealth.vitals.parameters import Parameter, ReasonCode, step_of
from telehealth.vitals.rules import PACKS
from telehealth.vitals.rules.common import QD_261
from telehealth.vitals.rules.home_levels import HOME_LEVELS
from telehealth.vitals.rules.moh_vn_261 import MOH_VN_261, RESPIRATION

ALL_RULES = [
    *((pack.name, rule) for pack in PACKS.values() for rule in pack.rules),
    *((HOME_LEVELS.name, row.rule) for row in HOME_LEVELS.rows),
]
FROM_MEMORY = Citation("QĐ 5525/QĐ-BYT", "four colours", "2021-12-01", Confidence.LOW)


def pack_with(rule: Rule) -> Pack:
    return replace(MOH_VN_261, rules=(*MOH_VN_261.rules, rule))


def rule_of(*rows: AgeRow) -> Rule:
    return Rule(ReasonCode.PULSE_HIGH, Parameter.PULSE, Comparison.ABOVE, rows)


@pytest.mark.parametrize(
    "rule",
    [rule for _, rule in ALL_RULES],
    ids=[f"{owner}-{rule.code}-{rule.comparison}" for owner, rule in ALL_RULES],
)
def test_every_month_of_age_falls_in_exactly_one_row(rule: Rule) -> None:
    for month in range(120 * 12):
        holding = [
            row
            for row in rule.rows
            if row.from_month <= month and (row.to_month is None or month < row.to_month)
        ]
        assert holding == [rule.row_at(month)]


@pytest.mark.parametrize(
    ("months", "limit"),
    [
        (0, 60), (1, 60), (2, 50), (11, 50), (12, 40), (59, 40), (60, 30), (143, 30), (144, 20),
        (215, 20), (216, 20), (1200, 20),
    ],
)  # fmt: skip
def test_fast_breathing_by_age(months: int, limit: float) -> None:
    assert RESPIRATION.row_at(months).limit == limit


def test_ages_that_261_leaves_out_cite_the_decision_they_come_from() -> None:
    assert RESPIRATION.row_at(6).source.decision == "QĐ 528/QĐ-BYT"
    assert RESPIRATION.row_at(24).source.decision == "QĐ 261/QĐ-BYT"
    assert RESPIRATION.row_at(13 * 12).source.decision == "QĐ 604/QĐ-BYT"


def test_the_pack_keeps_the_decisions_own_96_and_20() -> None:
    limits = {
        (rule.code.value, rule.comparison.value, rule.row_at(480).limit)
        for rule in MOH_VN_261.rules
    }
    assert limits == {
        ("respiration_pack", "≥", 20),
        ("spo2_pack", "≤", 96),
        ("pulse_high", ">", 120),
        ("pulse_low", "<", 50),
        ("systolic_low", "<", 90),
        ("diastolic_low", "<", 60),
    }


def test_the_pack_loads_for_clinical_use_by_its_name_and_edition() -> None:
    assert load("moh-vn-261@2022-01-31", PACKS, Mode.CLINICAL) is MOH_VN_261
    assert load("moh-vn-261@2022-01-31", [MOH_VN_261], Mode.CLINICAL) is MOH_VN_261


def test_an_unknown_edition_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(RefusedError, match=r"moh-vn-261@2022-01-31, .*, got 'moh-vn-261@2022-02'"):
        load("moh-vn-261@2022-02", PACKS, Mode.CLINICAL)


def test_an_entry_from_memory_refuses_to_load_in_clinical_mode_and_is_named() -> None:
    pack = pack_with(rule_of(*all_ages(110, FROM_MEMORY)))
    with pytest.raises(RefusedError, match=r"moh-vn-261.*pulse_high from month 0.*QĐ 5525") as told:
        load(pack.pack_id, [pack], Mode.CLINICAL)
    assert told.value.limit == "confidence H or M for clinical use"


def test_a_pack_of_which_ages_are_unread_refuses_clinical_use_and_names_them() -> None:
    with pytest.raises(RefusedError, match=r"moh-vn-604.*from month 0.*under 5 years, unread"):
        load("moh-vn-604@2022-03-14", PACKS, Mode.CLINICAL)
    assert load("moh-vn-604@2022-03-14", PACKS, Mode.EVALUATION).name == "moh-vn-604"


@pytest.mark.parametrize("pack_id", [key for key in PACKS if not key.startswith("moh-vn-604")])
def test_every_other_pack_loads_for_clinical_use(pack_id: str) -> None:
    assert load(pack_id, PACKS, Mode.CLINICAL).pack_id == pack_id


def test_a_danger_sign_from_memory_refuses_to_load_in_clinical_mode() -> None:
    danger = replace(MOH_VN_261.danger_signs[0], source=FROM_MEMORY)
    pack = replace(MOH_VN_261, danger_signs=(danger,))
    with pytest.raises(RefusedError, match="danger_consciousness"):
        load(pack.pack_id, [pack], Mode.CLINICAL)


def test_an_entry_from_memory_loads_for_evaluation() -> None:
    pack = pack_with(rule_of(*all_ages(110, FROM_MEMORY)))
    assert load(pack.pack_id, [pack], Mode.EVALUATION) is pack


def test_a_medium_confidence_entry_loads_for_clinical_use() -> None:
    source = replace(FROM_MEMORY, confidence=Confidence.MEDIUM)
    pack = pack_with(rule_of(*all_ages(110, source)))
    assert load(pack.pack_id, [pack], Mode.CLINICAL) is pack


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (AgeRow(1, None, 100, QD_261),),
        (AgeRow(0, 12, 100, QD_261),),
        (AgeRow(0, 12, 100, QD_261), AgeRow(13, None, 90, QD_261)),
        (AgeRow(0, 12, 100, QD_261), AgeRow(11, None, 90, QD_261)),
        (AgeRow(0, None, 100, QD_261), AgeRow(12, None, 90, QD_261)),
    ],
    ids=["none", "late start", "early end", "gap", "overlap", "after the end"],
)
def test_ages_with_no_row_or_two_are_refused(rows: tuple[AgeRow, ...]) -> None:
    with pytest.raises(RefusedError, match="pulse_high rows"):
        check_ages([rule_of(*rows)])


def test_a_level_table_signed_by_nobody_is_refused_for_clinical_use() -> None:
    with pytest.raises(RefusedError, match="clinician's name and date"):
        rule_set(MOH_VN_261, HOME_LEVELS, Mode.CLINICAL)
    nameless = replace(HOME_LEVELS, signed_on=date(2022, 2, 1))
    with pytest.raises(RefusedError, match="clinician's name and date"):
        rule_set(MOH_VN_261, nameless, Mode.CLINICAL)
    undated = replace(HOME_LEVELS, signed_by="doctor-1")
    with pytest.raises(RefusedError, match="clinician's name and date"):
        rule_set(MOH_VN_261, undated, Mode.CLINICAL)


def test_a_signed_level_table_is_taken_for_clinical_use() -> None:
    signed = replace(HOME_LEVELS, signed_by="doctor-1", signed_on=date(2022, 2, 1))
    assert rule_set(MOH_VN_261, signed, Mode.CLINICAL).table is signed


def test_a_level_row_from_memory_is_refused_for_clinical_use() -> None:
    row = LevelRow(HOME_LEVELS.rows[0].level, rule_of(*all_ages(110, FROM_MEMORY)))
    signed = replace(HOME_LEVELS, rows=(row,), signed_by="doctor-1", signed_on=date(2022, 2, 1))
    with pytest.raises(RefusedError, match=r"home-levels@2, entry pulse_high from month 0"):
        rule_set(MOH_VN_261, signed, Mode.CLINICAL)


def test_every_entry_names_decision_article_and_edition() -> None:
    entries = [*MOH_VN_261.citations(), *HOME_LEVELS.citations()]
    assert all(c.decision and c.article and c.edition for _, c in entries)
    assert QD_261.text == "QĐ 261/QĐ-BYT (2022-01-31), Article 1: Guidelines, signs to report"


@pytest.mark.parametrize(
    ("comparison", "limit", "fires", "silent"),
    [
        (Comparison.AT_MOST, 96, 96.5, 96.51),
        (Comparison.BELOW, 50, 49.5, 49.51),
        (Comparison.AT_LEAST, 20, 19.5, 19.49),
        (Comparison.ABOVE, 120, 120.5, 120.49),
    ],
)
def test_edges_of_raw_values_follow_the_rounding_rule(
    comparison: Comparison, limit: float, fires: float, silent: float
) -> None:
    rule = Rule(ReasonCode.PULSE_HIGH, Parameter.PULSE, comparison, all_ages(limit, QD_261))
    edge = rule.edge(limit)
    low = comparison in (Comparison.AT_MOST, Comparison.BELOW)
    assert (fires <= edge) if low else (fires >= edge)
    assert (silent > edge) if low else (silent < edge)


def test_temperature_edges_are_on_tenths() -> None:
    rule = Rule(
        ReasonCode.PULSE_HIGH, Parameter.TEMPERATURE, Comparison.ABOVE, all_ages(39, QD_261)
    )
    assert rule.edge(39) == 39.05


@pytest.mark.parametrize(
    ("born", "on", "months"),
    [
        (date(2020, 1, 15), date(2020, 2, 14), 0),
        (date(2020, 1, 15), date(2020, 2, 15), 1),
        (date(2020, 1, 31), date(2020, 2, 29), 0),
        (date(2020, 1, 31), date(2020, 3, 1), 1),
        (date(2006, 3, 1), date(2022, 2, 28), 191),
        (date(2006, 3, 1), date(2022, 3, 1), 192),
        (date(2022, 3, 1), date(2022, 2, 1), 0),
    ],
)
def test_age_counts_completed_months(born: date, on: date, months: int) -> None:
    assert age_in_months(born, on) == months


def test_the_rounding_step_is_one_or_a_tenth_of_a_degree() -> None:
    assert step_of(Parameter.TEMPERATURE) == 0.1
    assert step_of(Parameter.SPO2) == 1.0
