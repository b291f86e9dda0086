"""Levels: both sides of every line of the level table and the pack, by age and oxygen."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.reading import Consciousness, Oxygen, Vitals
from telehealth.vitals.levels import (
    Context,
    Level,
    LevelTable,
    RuleSet,
    judge,
    rule_set,
    weigh_trend,
)
from telehealth.vitals.news2 import News2, NotApplicable
from telehealth.vitals.packs import Mode
from telehealth.vitals.parameters import DangerSign, Parameter, ReasonCode
from telehealth.vitals.rules import PACKS
from telehealth.vitals.rules.home_levels import HOME_LEVELS
from telehealth.vitals.rules.moh_vn_261 import MOH_VN_261
from tests.telehealth.vitals.people import ADULT_MONTHS, CHILD_MONTHS, RULES, context

GREEN, YELLOW, ORANGE, RED = Level.GREEN, Level.YELLOW, Level.ORANGE, Level.RED
YEAR = 12


def level_of(known: Context | None = None, **vitals: Any) -> Level:
    return judge(Vitals(**vitals), known or context()).level


def codes(known: Context | None = None, **vitals: Any) -> list[str]:
    return [reason.code.value for reason in judge(Vitals(**vitals), known or context()).reasons]


@pytest.mark.parametrize(
    ("percent", "level"),
    [
        (50, RED), (92, RED), (92.5, RED), (92.6, ORANGE), (93, ORANGE), (94, ORANGE),
        (94.5, ORANGE), (94.6, YELLOW), (95, YELLOW), (96, YELLOW), (96.5, YELLOW),
        (96.6, GREEN), (97, GREEN), (100, GREEN),
    ],
)  # fmt: skip
def test_spo2_of_an_adult(percent: float, level: Level) -> None:
    assert level_of(spo2_percent=percent) is level


@pytest.mark.parametrize(
    ("months", "percent", "level"),
    [
        (CHILD_MONTHS, 94, RED),
        (CHILD_MONTHS, 94.5, RED),
        (CHILD_MONTHS, 94.6, YELLOW),
        (CHILD_MONTHS, 95, YELLOW),
        (16 * YEAR - 1, 94, RED),
        (16 * YEAR, 94, ORANGE),
        (0, 94, RED),
    ],
)
def test_a_child_below_95_is_red_until_sixteen(months: int, percent: float, level: Level) -> None:
    assert level_of(context(age_months=months), spo2_percent=percent) is level


@pytest.mark.parametrize(
    ("per_min", "level"),
    [(12, GREEN), (19, GREEN), (19.4, GREEN), (19.5, YELLOW), (20, YELLOW), (24, YELLOW),
     (25, ORANGE), (25.4, ORANGE), (25.5, RED), (26, RED), (9, GREEN), (8, ORANGE)],
)  # fmt: skip
def test_respiration_of_an_adult(per_min: float, level: Level) -> None:
    assert level_of(respiration_per_min=per_min) is level


@pytest.mark.parametrize(
    ("months", "per_min", "level"),
    [
        (1, 59, GREEN), (1, 60, YELLOW), (2, 49, GREEN), (2, 50, YELLOW), (11, 50, YELLOW),
        (12, 39, GREEN), (12, 40, YELLOW), (59, 39, GREEN), (60, 30, YELLOW), (60, 29, GREEN),
        (143, 29, GREEN), (143, 30, YELLOW), (144, 19, GREEN), (144, 20, YELLOW), (144, 25, YELLOW),
        (144, 26, RED), (143, 45, YELLOW),
    ],
)  # fmt: skip
def test_respiration_of_children(months: int, per_min: float, level: Level) -> None:
    assert level_of(context(age_months=months), respiration_per_min=per_min) is level


@pytest.mark.parametrize(
    ("per_min", "level"),
    [(40, ORANGE), (49, ORANGE), (49.5, ORANGE), (49.6, GREEN), (50, GREEN), (120, GREEN),
     (120.4, GREEN), (120.5, ORANGE), (121, ORANGE), (131, ORANGE)],
)  # fmt: skip
def test_pulse_of_an_adult(per_min: float, level: Level) -> None:
    assert level_of(pulse_per_min=per_min) is level


@pytest.mark.parametrize(
    ("months", "per_min", "level"),
    [(143, 150, GREEN), (144, 121, ORANGE), (144, 120, GREEN), (24, 49, ORANGE), (24, 50, GREEN)],
)
def test_a_fast_pulse_is_no_trigger_below_twelve_and_a_slow_one_always_is(
    months: int, per_min: float, level: Level
) -> None:
    assert level_of(context(age_months=months), pulse_per_min=per_min) is level


@pytest.mark.parametrize(
    ("mmhg", "level"),
    [(80, RED), (89, RED), (89.5, RED), (89.6, ORANGE), (90, ORANGE), (91, GREEN)],
)
def test_systolic(mmhg: float, level: Level) -> None:
    assert level_of(systolic_mmhg=mmhg) is level


@pytest.mark.parametrize(
    ("mmhg", "level"), [(59, YELLOW), (59.5, YELLOW), (59.6, GREEN), (60, GREEN)]
)
def test_diastolic(mmhg: float, level: Level) -> None:
    assert level_of(diastolic_mmhg=mmhg) is level


@pytest.mark.parametrize(
    ("celsius", "level"), [(35.0, ORANGE), (35.1, GREEN), (39.0, GREEN), (41.0, GREEN)]
)
def test_temperature_speaks_only_through_news2(celsius: float, level: Level) -> None:
    assert level_of(temperature_celsius=celsius) is level


def test_news2_from_five_is_orange_and_from_seven_red() -> None:
    four: dict[str, Any] = {"spo2_percent": 97, "pulse_per_min": 115, "temperature_celsius": 39.5}
    assert codes(**four) == []
    five = {**four, "temperature_celsius": 39.5, "respiration_per_min": 10}
    assert codes(**five) == ["news2_medium"]
    assert level_of(**five) is ORANGE
    six = {**four, "systolic_mmhg": 95}
    assert codes(**six) == ["news2_medium"]
    seven = {**six, "respiration_per_min": 10}
    assert codes(**seven) == ["news2_high"]
    assert level_of(**seven) is RED


def test_the_news2_reason_carries_the_lower_bound() -> None:
    reason = judge(
        Vitals(pulse_per_min=115, temperature_celsius=39.5, systolic_mmhg=95), context()
    ).reasons[0]
    assert (reason.value, reason.limit, reason.parameter) == (6, 5, Parameter.NEWS2_LOWER)


def test_an_unmeasured_vital_adds_nothing_to_the_lower_bound_and_all_to_the_upper() -> None:
    score = judge(Vitals(spo2_percent=98), context()).news2
    assert isinstance(score, News2)
    assert (score.lower, score.upper) == (0, 17)


def test_home_oxygen_is_at_least_orange() -> None:
    on_oxygen = judge(Vitals(spo2_percent=98, oxygen=Oxygen.OXYGEN), context())
    assert on_oxygen.level is ORANGE
    assert [r.code for r in on_oxygen.reasons] == [ReasonCode.HOME_OXYGEN]
    assert level_of(spo2_percent=98, oxygen=Oxygen.AIR) is GREEN


def test_pack_thresholds_on_air_do_not_speak_of_oxygen_but_red_ones_do() -> None:
    assert codes(spo2_percent=96, oxygen=Oxygen.OXYGEN) == ["home_oxygen"]
    assert level_of(spo2_percent=92, oxygen=Oxygen.OXYGEN) is RED


def test_unknown_oxygen_is_stated_and_excuses_nothing() -> None:
    unknown = judge(Vitals(spo2_percent=96), context())
    assert unknown.oxygen_unknown
    assert unknown.level is YELLOW
    assert not judge(Vitals(spo2_percent=96, oxygen=Oxygen.AIR), context()).oxygen_unknown


@pytest.mark.parametrize(
    ("sign", "code"),
    [
        (DangerSign.CONSCIOUSNESS, "danger_consciousness"),
        (DangerSign.CHEST_PAIN, "danger_chest_pain"),
        (DangerSign.CYANOSIS, "danger_cyanosis"),
        (DangerSign.CANNOT_DRINK, "danger_cannot_drink"),
        (DangerSign.BREATHING, "danger_breathing"),
    ],
)
def test_each_danger_sign_is_red_by_itself(sign: DangerSign, code: str) -> None:
    known = context(danger_signs=frozenset({sign}))
    assert level_of(known, spo2_percent=98) is RED
    assert codes(known, spo2_percent=98) == [code]


def test_danger_signs_of_the_call_stand_in_for_those_of_the_context() -> None:
    known = context(danger_signs=frozenset({DangerSign.CYANOSIS}))
    assert judge(Vitals(spo2_percent=98), known, danger_signs=frozenset()).level is GREEN


@pytest.mark.parametrize("awake", ["C", "V", "P", "U"])
def test_not_alert_is_a_danger_sign(awake: str) -> None:
    found = codes(spo2_percent=98, consciousness=Consciousness(awake))
    assert found == ["danger_consciousness", "news2_single_three"]


def test_alert_is_none() -> None:
    assert codes(spo2_percent=98, consciousness=Consciousness.ALERT) == []


def test_news2_is_not_scored_for_a_child_or_in_pregnancy_and_says_so() -> None:
    child = judge(Vitals(spo2_percent=98, temperature_celsius=34), context(age_months=CHILD_MONTHS))
    assert (child.news2, child.level) == (NotApplicable.UNDER_16, GREEN)
    expecting = judge(Vitals(spo2_percent=91), context(pregnant=True))
    assert (expecting.news2, expecting.level) == (NotApplicable.PREGNANT, RED)
    assert ReasonCode.NEWS2_SINGLE_THREE not in [r.code for r in expecting.reasons]


def test_at_an_unknown_age_the_graver_of_all_rows_holds() -> None:
    unknown = context(age_months=None)
    assert level_of(unknown, spo2_percent=94) is RED
    assert level_of(unknown, respiration_per_min=20) is YELLOW
    assert level_of(unknown, respiration_per_min=19) is GREEN
    assert judge(Vitals(spo2_percent=98), unknown).news2 is NotApplicable.AGE_UNKNOWN


def test_of_one_side_of_a_parameter_only_the_gravest_reason_is_given() -> None:
    assert codes(spo2_percent=90, pulse_per_min=80) == ["spo2_red", "news2_single_three"]


def test_reasons_come_gravest_first_with_value_limit_and_source() -> None:
    found = judge(Vitals(spo2_percent=92, pulse_per_min=125, respiration_per_min=20), context())
    assert [r.code.value for r in found.reasons] == ["spo2_red", "pulse_high", "respiration_pack"]
    assert (found.reasons[1].value, found.reasons[1].limit) == (125, 120)
    assert found.reasons[2].source.startswith("QĐ 261/QĐ-BYT (2022-01-31)")


def test_an_assessment_names_the_pack_edition_and_table_that_made_it() -> None:
    found = judge(Vitals(spo2_percent=98), context())
    assert (found.pack, found.edition, found.table) == ("moh-vn-261", "2022-01-31", "home-levels@2")
    assert found.pack_id == MOH_VN_261.pack_id


def test_a_programme_may_value_pack_triggers_and_danger_signs_otherwise() -> None:
    table = replace(HOME_LEVELS, pack_trigger=Level.ORANGE, danger_sign=Level.ORANGE)
    rules = RuleSet(MOH_VN_261, table)
    assert level_of(context(rules=rules), spo2_percent=96) is ORANGE
    known = context(rules=rules, danger_signs=frozenset({DangerSign.CYANOSIS}))
    assert level_of(known, spo2_percent=98) is ORANGE


def test_rules_are_compiled_once_per_age() -> None:
    assert RULES.at(ADULT_MONTHS) is RULES.at(ADULT_MONTHS)


@pytest.mark.parametrize(
    ("score", "level", "code"),
    [
        (3.9, Level.GREEN, None),
        (4.0, Level.YELLOW, "trend_watch"),
        (6.9, Level.YELLOW, "trend_watch"),
        (7.0, Level.ORANGE, "trend_high"),
        (10.0, Level.ORANGE, "trend_high"),
    ],
)
def test_the_trend_score_is_worth_what_the_table_says(
    score: float, level: Level, code: str | None
) -> None:
    found, reason = weigh_trend(score, context())
    assert found is level
    assert (reason.code if reason else None) == code


def test_a_danger_sign_is_red_whether_or_not_the_pack_names_it() -> None:
    rules = rule_set(PACKS["who-home@2021-01-01"], HOME_LEVELS, Mode.EVALUATION)
    found = judge(Vitals(spo2_percent=99), context(rules=rules, danger_signs={DangerSign.CYANOSIS}))
    assert (found.level, found.reasons[0].code) == (Level.RED, "danger_cyanosis")


def test_a_sign_to_report_is_orange_where_the_pack_names_it_and_nothing_elsewhere() -> None:
    child = rule_set(PACKS["moh-vn-528@2022-03-03"], HOME_LEVELS, Mode.EVALUATION)
    vomits = frozenset({DangerSign.VOMITING})
    known = context(rules=child, age_months=30, danger_signs=vomits)
    assert judge(Vitals(spo2_percent=99), known).level is Level.ORANGE
    assert judge(Vitals(spo2_percent=99), context(danger_signs=vomits)).level is Level.GREEN


def test_what_the_pack_itself_calls_an_emergency_is_red() -> None:
    rules = rule_set(PACKS["who-home@2021-01-01"], bare_table(), Mode.EVALUATION)
    assert judge(Vitals(spo2_percent=90), context(rules=rules)).level is Level.YELLOW
    assert judge(Vitals(spo2_percent=89), context(rules=rules)).level is Level.RED


def bare_table() -> LevelTable:
    return replace(HOME_LEVELS, rows=())
