"""Rule pack `moh-vn-4038@2021-08-21`: provisional home care of COVID-19, Ministry of Health.

Source: Decision 4038/QĐ-BYT of 21 August 2021, signs to report; replaced by 261. SpO2 of 96 is no
trigger here and is one under 261; respiration of 20 likewise.

Deviation: respiration under one year is 528/QĐ-BYT (`common` says why).
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
from telehealth.vitals.rules.common import INFANTS_528, YEAR, circulation, danger, respiration

QD_4038: Final = Citation(
    "QĐ 4038/QĐ-BYT", "Guidelines, signs to report", "2021-08-21", Confidence.HIGH
)
QD_4038_ADULT: Final = Citation(
    "QĐ 4038/QĐ-BYT", "Guidelines, signs to report: adults", "2021-08-21", Confidence.MEDIUM
)

MOH_VN_4038: Final = Pack(
    name="moh-vn-4038",
    edition=date(2021, 8, 21),
    title="Hướng dẫn tạm thời quản lý người nhiễm COVID-19 tại nhà",
    rules=(
        respiration(
            *INFANTS_528,
            AgeRow(1 * YEAR, 5 * YEAR, 40, QD_4038),
            AgeRow(5 * YEAR, 12 * YEAR, 30, QD_4038),
            AgeRow(12 * YEAR, None, 21, QD_4038_ADULT),
        ),
        Rule(
            ReasonCode.SPO2_PACK,
            Parameter.SPO2,
            Comparison.BELOW,
            all_ages(96, QD_4038_ADULT),
            on_air_only=True,
        ),
        *circulation(QD_4038),
    ),
    danger_signs=danger(
        QD_4038,
        DangerSign.CONSCIOUSNESS,
        DangerSign.CHEST_PAIN,
        DangerSign.CYANOSIS,
        DangerSign.CANNOT_DRINK,
    ),
)
