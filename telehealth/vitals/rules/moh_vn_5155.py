"""Rule pack `moh-vn-5155@2021-11-08`: children with COVID-19, Ministry of Health of Vietnam.

Source: Decision 5155/QĐ-BYT of 8 November 2021. SpO2 of 94 stands both under "94-95, moderate" and
under "< 95 or a danger sign: call 115": the graver holds. A pack for children: from 16 years the
source sets no limit.

Deviation: fast breathing is 528/QĐ-BYT's, as `moh_vn_528` has it by age.
"""

from datetime import date
from typing import Final

from telehealth.vitals.packs import Citation, Comparison, Confidence, Pack, Rule, Urgency
from telehealth.vitals.parameters import DangerSign, Parameter, ReasonCode
from telehealth.vitals.rules.common import danger
from telehealth.vitals.rules.moh_vn_528 import RESPIRATION, children

QD_5155: Final = Citation(
    "QĐ 5155/QĐ-BYT", "children, call emergency", "2021-11-08", Confidence.HIGH
)
QD_5155_MODERATE: Final = Citation(
    "QĐ 5155/QĐ-BYT", "children, moderate", "2021-11-08", Confidence.HIGH
)
QD_5155_SIGNS: Final = Citation(
    "QĐ 5155/QĐ-BYT", "children, danger signs", "2021-11-08", Confidence.MEDIUM
)

MOH_VN_5155: Final = Pack(
    name="moh-vn-5155",
    edition=date(2021, 11, 8),
    title="Hướng dẫn chẩn đoán và điều trị COVID-19 ở trẻ em",
    rules=(
        RESPIRATION,
        Rule(
            ReasonCode.SPO2_PACK,
            Parameter.SPO2,
            Comparison.AT_MOST,
            children(95, QD_5155_MODERATE),
            on_air_only=True,
        ),
        Rule(
            ReasonCode.SPO2_EMERGENCY,
            Parameter.SPO2,
            Comparison.BELOW,
            children(95, QD_5155),
            urgency=Urgency.EMERGENCY,
        ),
    ),
    danger_signs=danger(
        QD_5155_SIGNS,
        DangerSign.CONSCIOUSNESS,
        DangerSign.CYANOSIS,
        DangerSign.CANNOT_DRINK,
        DangerSign.BREATHING,
    ),
)
