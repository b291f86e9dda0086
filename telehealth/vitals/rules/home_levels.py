"""Level table `home-levels@2`: the starting values of home monitoring, each row with its source.

A programme starts from this table and may have its own; for clinical use a clinician of the
operator signs it (`dataclasses.replace(HOME_LEVELS, signed_by=..., signed_on=...)`). Rows about
respiration, fast pulse and a child's SpO2 hold for the ages their sources speak of; where a
source has no limit for an age, the row says so with None.

QĐ 5155 puts a child's SpO2 of 94 both under "94-95, moderate" and under "< 95, call 115": the
graver holds.

Deviation: the adult respiration line of QĐ 4689 and 3646 does not hold below 12 years, where 25 a
minute is a normal rate; the pack's own rows for children's fast breathing hold there.
"""

from typing import Final

from telehealth.vitals.level_table import Level, LevelRow, LevelTable
from telehealth.vitals.packs import (
    AgeRow,
    Citation,
    Comparison,
    Confidence,
    Rule,
    all_ages,
)
from telehealth.vitals.parameters import DangerSign, Parameter, ReasonCode
from telehealth.vitals.rules.abroad import NHS_HOME
from telehealth.vitals.rules.common import (
    ADULT_LIMITS_FROM_MONTH,
    CHILD_UP_TO_MONTH,
    QD_261,
    danger,
)
from telehealth.vitals.rules.moh_vn_5155 import QD_5155

NEWS2_2017: Final = Citation(
    "NEWS2, Royal College of Physicians",
    "chart 2, thresholds and triggers",
    "2017-12",
    Confidence.HIGH,
)
QD_3646: Final = Citation("QĐ 3646/QĐ-BYT", "very high risk", "2021-07-31", Confidence.HIGH)
QD_4689: Final = Citation("QĐ 4689/QĐ-BYT", "severe", "2021-10-06", Confidence.HIGH)
STARTING: Final = Citation("docs/rules.md", "Levels, starting values", "2", Confidence.MEDIUM)
TREND: Final = Citation("docs/rules.md", "Trend", "2", Confidence.MEDIUM)


def _row(
    level: Level,
    code: ReasonCode,
    parameter: Parameter,
    comparison: Comparison,
    *rows: AgeRow,
) -> LevelRow:
    return LevelRow(level, Rule(code, parameter, comparison, rows))


HOME_LEVELS: Final = LevelTable(
    name="home-levels",
    edition="2",
    pack_trigger=Level.YELLOW,
    pack_emergency=Level.RED,
    danger_sign=Level.RED,
    sign_to_report=Level.ORANGE,
    source=STARTING,
    danger_signs=danger(
        STARTING,
        DangerSign.CONSCIOUSNESS,
        DangerSign.CHEST_PAIN,
        DangerSign.CYANOSIS,
        DangerSign.CANNOT_DRINK,
        DangerSign.BREATHING,
    ),
    rows=(
        _row(
            Level.RED, ReasonCode.SPO2_RED, Parameter.SPO2, Comparison.AT_MOST,
            *all_ages(92, NHS_HOME),
        ),
        _row(
            Level.RED, ReasonCode.SPO2_CHILD, Parameter.SPO2, Comparison.BELOW,
            AgeRow(0, CHILD_UP_TO_MONTH, 95, QD_5155),
            AgeRow(CHILD_UP_TO_MONTH, None, None, QD_5155),
        ),
        _row(
            Level.RED, ReasonCode.NEWS2_HIGH, Parameter.NEWS2_LOWER, Comparison.AT_LEAST,
            *all_ages(7, NEWS2_2017),
        ),
        _row(
            Level.RED, ReasonCode.RESPIRATION_RED, Parameter.RESPIRATION, Comparison.ABOVE,
            AgeRow(0, ADULT_LIMITS_FROM_MONTH, None, QD_4689),
            AgeRow(ADULT_LIMITS_FROM_MONTH, None, 25, QD_4689),
        ),
        _row(
            Level.RED, ReasonCode.SYSTOLIC_LOW, Parameter.SYSTOLIC, Comparison.BELOW,
            *all_ages(90, QD_3646),
        ),
        _row(
            Level.ORANGE, ReasonCode.SPO2_ORANGE, Parameter.SPO2, Comparison.AT_MOST,
            *all_ages(94, NHS_HOME),
        ),
        _row(
            Level.ORANGE, ReasonCode.NEWS2_MEDIUM, Parameter.NEWS2_LOWER, Comparison.AT_LEAST,
            *all_ages(5, NEWS2_2017),
        ),
        _row(
            Level.ORANGE, ReasonCode.NEWS2_SINGLE_THREE, Parameter.NEWS2_SINGLE,
            Comparison.AT_LEAST, *all_ages(3, NEWS2_2017),
        ),
        _row(
            Level.ORANGE, ReasonCode.PULSE_HIGH, Parameter.PULSE, Comparison.ABOVE,
            AgeRow(0, ADULT_LIMITS_FROM_MONTH, None, QD_261),
            AgeRow(ADULT_LIMITS_FROM_MONTH, None, 120, QD_261),
        ),
        _row(
            Level.ORANGE, ReasonCode.PULSE_LOW, Parameter.PULSE, Comparison.BELOW,
            *all_ages(50, QD_261),
        ),
        _row(
            Level.ORANGE, ReasonCode.HOME_OXYGEN, Parameter.OXYGEN, Comparison.AT_LEAST,
            *all_ages(1, STARTING),
        ),
        _row(
            Level.ORANGE, ReasonCode.TREND_HIGH, Parameter.TREND, Comparison.AT_LEAST,
            *all_ages(7, TREND),
        ),
        _row(
            Level.YELLOW, ReasonCode.TREND_WATCH, Parameter.TREND, Comparison.AT_LEAST,
            *all_ages(4, TREND),
        ),
    ),
)  # fmt: skip
