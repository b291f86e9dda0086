"""Rule pack `moh-vn-261@2022-01-31`: home care of COVID-19, Ministry of Health of Vietnam.

Source: Decision 261/QĐ-BYT of 31 January 2022, Article 1 (it issues the Guidelines), signs to
report at once. It replaces 4038/QĐ-BYT and 4109/QĐ-BYT. A press copy of February 2022 prints
"respiration > 20" and "SpO2 < 96"; the decision itself has ≥ 20 and ≤ 96, and so has this pack.

Deviation: respiration under one year is 528/QĐ-BYT; respiration from 12 years is 261's adult row,
as 604/QĐ-BYT (which replaced 261) applies it from 12 (`common` says why).
"""

from datetime import date
from typing import Final

from telehealth.vitals.packs import (
    AgeRow,
    Citation,
    Comparison,
    Confidence,
    Pack,
    Rule,
    all_ages,
)
from telehealth.vitals.parameters import DangerSign, Parameter, ReasonCode
from telehealth.vitals.rules.common import (
    INFANTS_528,
    QD_261,
    QD_604,
    YEAR,
    circulation,
    danger,
    respiration,
)

QD_261_SIGNS: Final = Citation(
    "QĐ 261/QĐ-BYT", "Article 1: Guidelines, danger signs", "2022-01-31", Confidence.MEDIUM
)

RESPIRATION: Final = respiration(
    *INFANTS_528,
    AgeRow(1 * YEAR, 5 * YEAR, 40, QD_261),
    AgeRow(5 * YEAR, 12 * YEAR, 30, QD_261),
    AgeRow(12 * YEAR, 18 * YEAR, 20, QD_604),
    AgeRow(18 * YEAR, None, 20, QD_261),
)
SPO2: Final = Rule(
    ReasonCode.SPO2_PACK,
    Parameter.SPO2,
    Comparison.AT_MOST,
    all_ages(96, QD_261),
    on_air_only=True,
)

MOH_VN_261: Final = Pack(
    name="moh-vn-261",
    edition=date(2022, 1, 31),
    title="Hướng dẫn quản lý tại nhà người mắc COVID-19",
    rules=(RESPIRATION, SPO2, *circulation(QD_261)),
    danger_signs=danger(
        QD_261_SIGNS,
        DangerSign.CONSCIOUSNESS,
        DangerSign.CHEST_PAIN,
        DangerSign.CYANOSIS,
        DangerSign.CANNOT_DRINK,
        DangerSign.BREATHING,
    ),
)
