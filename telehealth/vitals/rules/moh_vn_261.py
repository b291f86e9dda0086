"""Rule pack `moh-vn-261@2022-01-31`: home care of COVID-19, Ministry of Health of Vietnam.

Source: Decision 261/QĐ-BYT of 31 January 2022, Article 1 (it issues the Guidelines), signs to
report at once. It replaces 4038/QĐ-BYT and 4109/QĐ-BYT. A press copy of February 2022 prints
"respiration > 20" and "SpO2 < 96"; the decision itself has ≥ 20 and ≤ 96, and so has this pack.

Deviation: where 261 has no row for an age, the row of a later decision of the Ministry is used
and cited as such, so that no age is left without a limit that the Ministry has published:
respiration under one year is 528/QĐ-BYT; respiration from 12 years is 261's adult row, as
604/QĐ-BYT (which replaced 261) applies it from 12. Pulse > 120 is kept to ages from 12 years,
where it is abnormal; the pack has no upper pulse limit for younger children, and says so.
"""

from datetime import date
from typing import Final

from telehealth.vitals.packs import (
    AgeRow,
    Citation,
    Comparison,
    Confidence,
    DangerRule,
    Pack,
    Rule,
    all_ages,
)
from telehealth.vitals.parameters import DangerSign, Parameter, ReasonCode

QD_261: Final = Citation(
    "QĐ 261/QĐ-BYT", "Article 1: Guidelines, signs to report", "2022-01-31", Confidence.HIGH
)
QD_261_SIGNS: Final = Citation(
    "QĐ 261/QĐ-BYT", "Article 1: Guidelines, danger signs", "2022-01-31", Confidence.MEDIUM
)
QD_528: Final = Citation(
    "QĐ 528/QĐ-BYT", "Guidelines for children, fast breathing", "2022-03-03", Confidence.HIGH
)
QD_604: Final = Citation(
    "QĐ 604/QĐ-BYT", "Guidelines, respiration from 12 years", "2022-03-14", Confidence.MEDIUM
)

YEAR: Final = 12
ADULT_LIMITS_FROM_MONTH: Final = 12 * YEAR

RESPIRATION: Final = Rule(
    ReasonCode.RESPIRATION_PACK,
    Parameter.RESPIRATION,
    Comparison.AT_LEAST,
    (
        AgeRow(0, 2, 60, QD_528),
        AgeRow(2, 1 * YEAR, 50, QD_528),
        AgeRow(1 * YEAR, 5 * YEAR, 40, QD_261),
        AgeRow(5 * YEAR, 12 * YEAR, 30, QD_261),
        AgeRow(12 * YEAR, 18 * YEAR, 20, QD_604),
        AgeRow(18 * YEAR, None, 20, QD_261),
    ),
)
SPO2: Final = Rule(
    ReasonCode.SPO2_PACK,
    Parameter.SPO2,
    Comparison.AT_MOST,
    all_ages(96, QD_261),
    on_air_only=True,
)
PULSE_HIGH: Final = Rule(
    ReasonCode.PULSE_HIGH,
    Parameter.PULSE,
    Comparison.ABOVE,
    (
        AgeRow(0, ADULT_LIMITS_FROM_MONTH, None, QD_261),
        AgeRow(ADULT_LIMITS_FROM_MONTH, None, 120, QD_261),
    ),
)
PULSE_LOW: Final = Rule(
    ReasonCode.PULSE_LOW, Parameter.PULSE, Comparison.BELOW, all_ages(50, QD_261)
)
SYSTOLIC_LOW: Final = Rule(
    ReasonCode.SYSTOLIC_LOW, Parameter.SYSTOLIC, Comparison.BELOW, all_ages(90, QD_261)
)
DIASTOLIC_LOW: Final = Rule(
    ReasonCode.DIASTOLIC_LOW, Parameter.DIASTOLIC, Comparison.BELOW, all_ages(60, QD_261)
)

MOH_VN_261: Final = Pack(
    name="moh-vn-261",
    edition=date(2022, 1, 31),
    title="Hướng dẫn quản lý tại nhà người mắc COVID-19",
    rules=(RESPIRATION, SPO2, PULSE_HIGH, PULSE_LOW, SYSTOLIC_LOW, DIASTOLIC_LOW),
    danger_signs=(
        DangerRule(DangerSign.CONSCIOUSNESS, ReasonCode.DANGER_CONSCIOUSNESS, QD_261_SIGNS),
        DangerRule(DangerSign.CHEST_PAIN, ReasonCode.DANGER_CHEST_PAIN, QD_261_SIGNS),
        DangerRule(DangerSign.CYANOSIS, ReasonCode.DANGER_CYANOSIS, QD_261_SIGNS),
        DangerRule(DangerSign.CANNOT_DRINK, ReasonCode.DANGER_CANNOT_DRINK, QD_261_SIGNS),
        DangerRule(DangerSign.BREATHING, ReasonCode.DANGER_BREATHING, QD_261_SIGNS),
    ),
)
