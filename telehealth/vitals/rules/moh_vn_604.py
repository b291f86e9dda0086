"""Rule pack `moh-vn-604@2022-03-14`: home care of COVID-19 by three age groups.

Source: Decision 604/QĐ-BYT of 14 March 2022, which replaces 261 and 528. Its groups are under 5,
5 to 16 and over 16 years. Read is the group of 5 to 16. What stands here for the other two is what
the decisions it replaced say, with confidence L: so this pack refuses to load for clinical use,
and names those entries, until somebody has read the official text.
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
    Urgency,
)
from telehealth.vitals.parameters import DangerSign, Parameter, ReasonCode
from telehealth.vitals.rules.common import (
    CHILD_UP_TO_MONTH,
    QD_604,
    YEAR,
    circulation,
    respiration,
)

QD_604_CHILDREN: Final = Citation(
    "QĐ 604/QĐ-BYT", "Guidelines, 5 to 16 years", "2022-03-14", Confidence.MEDIUM
)
UNREAD_SMALL: Final = Citation(
    "QĐ 604/QĐ-BYT", "group under 5 years, unread: as QĐ 528", "2022-03-14", Confidence.LOW
)
UNREAD_ADULT: Final = Citation(
    "QĐ 604/QĐ-BYT", "group over 16 years, unread: as QĐ 261", "2022-03-14", Confidence.LOW
)

MOH_VN_604: Final = Pack(
    name="moh-vn-604",
    edition=date(2022, 3, 14),
    title="Hướng dẫn quản lý tại nhà người mắc COVID-19 (theo nhóm tuổi)",
    rules=(
        respiration(
            AgeRow(0, 2, 60, UNREAD_SMALL),
            AgeRow(2, 1 * YEAR, 50, UNREAD_SMALL),
            AgeRow(1 * YEAR, 5 * YEAR, 40, UNREAD_SMALL),
            AgeRow(5 * YEAR, 12 * YEAR, 30, QD_604_CHILDREN),
            AgeRow(12 * YEAR, CHILD_UP_TO_MONTH, 20, QD_604),
            AgeRow(CHILD_UP_TO_MONTH, None, 20, UNREAD_ADULT),
        ),
        Rule(
            ReasonCode.SPO2_PACK,
            Parameter.SPO2,
            Comparison.BELOW,
            (
                AgeRow(0, 5 * YEAR, 96, UNREAD_SMALL),
                AgeRow(5 * YEAR, CHILD_UP_TO_MONTH, 96, QD_604_CHILDREN),
                AgeRow(CHILD_UP_TO_MONTH, None, 97, UNREAD_ADULT),
            ),
            on_air_only=True,
        ),
        *circulation(UNREAD_ADULT),
    ),
    danger_signs=(
        DangerRule(
            DangerSign.FEVER_LASTS, ReasonCode.SIGN_FEVER_LASTS, QD_604_CHILDREN, Urgency.REVIEW
        ),
    ),
)
