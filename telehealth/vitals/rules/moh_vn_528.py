"""Rule pack `moh-vn-528@2022-03-03`: children with COVID-19 at home, Ministry of Health.

Source: Decision 528/QĐ-BYT of 3 March 2022, signs to report; replaced by 604. A pack for children:
from 16 years the source sets no limit, and every row says so.

Deviation: respiration from 5 years is 261's and 604's row. "Fever above 39 hard to lower" is two
things here: a measured temperature above 39 to report, and the declared sign that it lasts.
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
    INFANTS_528,
    QD_261,
    QD_528,
    QD_604,
    YEAR,
    respiration,
)

QD_528_SIGNS: Final = Citation(
    "QĐ 528/QĐ-BYT", "Guidelines for children, signs to report", "2022-03-03", Confidence.HIGH
)


def children(limit: float, source: Citation) -> tuple[AgeRow, AgeRow]:
    """Return a limit for children, and none from 16 years."""
    return AgeRow(0, CHILD_UP_TO_MONTH, limit, source), AgeRow(
        CHILD_UP_TO_MONTH, None, None, source
    )


RESPIRATION: Final = respiration(
    *INFANTS_528,
    AgeRow(1 * YEAR, 5 * YEAR, 40, QD_528),
    AgeRow(5 * YEAR, 12 * YEAR, 30, QD_261),
    AgeRow(12 * YEAR, CHILD_UP_TO_MONTH, 20, QD_604),
    AgeRow(CHILD_UP_TO_MONTH, None, None, QD_528),
)

MOH_VN_528: Final = Pack(
    name="moh-vn-528",
    edition=date(2022, 3, 3),
    title="Hướng dẫn chăm sóc tại nhà trẻ em mắc COVID-19",
    rules=(
        RESPIRATION,
        Rule(
            ReasonCode.SPO2_PACK,
            Parameter.SPO2,
            Comparison.BELOW,
            children(96, QD_528_SIGNS),
            on_air_only=True,
        ),
        Rule(
            ReasonCode.TEMPERATURE_HIGH,
            Parameter.TEMPERATURE,
            Comparison.ABOVE,
            children(39, QD_528_SIGNS),
        ),
    ),
    danger_signs=tuple(
        DangerRule(sign, code, QD_528_SIGNS, Urgency.REVIEW)
        for sign, code in (
            (DangerSign.FEVER_LASTS, ReasonCode.SIGN_FEVER_LASTS),
            (DangerSign.VOMITING, ReasonCode.SIGN_VOMITING),
            (DangerSign.DEHYDRATION, ReasonCode.SIGN_DEHYDRATION),
        )
    ),
)
