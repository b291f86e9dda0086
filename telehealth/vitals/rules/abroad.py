"""Rule packs of other countries and of the World Health Organization: SpO2 at home, and no more.

`nhs-coah@2021-01-01`: NHS COVID Oximetry @home, edition 2020-21 (the source names no day: the first
of the year stands for it). 93-94: call; 92 or less: emergency.
`who-home@2021-01-01`: the WHO's home-care bundle (its day is not known either). 90-94: urgent;
under 90: emergency. Between 90 and 92 the two part, and the level table's red line still holds.
"""

from datetime import date
from typing import Final

from telehealth.vitals.packs import (
    Citation,
    Comparison,
    Confidence,
    Pack,
    Rule,
    Urgency,
    all_ages,
)
from telehealth.vitals.parameters import Parameter, ReasonCode

NHS_HOME: Final = Citation(
    "NHS COVID Oximetry @home", "SpO2 thresholds at home", "2020-21", Confidence.HIGH
)
WHO_HOME: Final = Citation("WHO home-care bundle", "SpO2 at home", "2021", Confidence.HIGH)

NHS_COAH: Final = Pack(
    name="nhs-coah",
    edition=date(2021, 1, 1),
    title="NHS COVID Oximetry @home",
    rules=(
        Rule(
            ReasonCode.SPO2_PACK,
            Parameter.SPO2,
            Comparison.AT_MOST,
            all_ages(94, NHS_HOME),
            on_air_only=True,
        ),
        Rule(
            ReasonCode.SPO2_EMERGENCY,
            Parameter.SPO2,
            Comparison.AT_MOST,
            all_ages(92, NHS_HOME),
            urgency=Urgency.EMERGENCY,
        ),
    ),
    danger_signs=(),
)
WHO_HOME_CARE: Final = Pack(
    name="who-home",
    edition=date(2021, 1, 1),
    title="WHO home care of COVID-19",
    rules=(
        Rule(
            ReasonCode.SPO2_PACK,
            Parameter.SPO2,
            Comparison.AT_MOST,
            all_ages(94, WHO_HOME),
            on_air_only=True,
        ),
        Rule(
            ReasonCode.SPO2_EMERGENCY,
            Parameter.SPO2,
            Comparison.BELOW,
            all_ages(90, WHO_HOME),
            urgency=Urgency.EMERGENCY,
        ),
    ),
    danger_signs=(),
)
