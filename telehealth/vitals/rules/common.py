"""What several decisions of Vietnam's Ministry of Health share, and rows that stand in for gaps.

Where a decision has no row for an age, the row of another decision of the Ministry is used and
cited as such, so that no age is left without a limit that the Ministry has published. A pack whose
own text has not been read for an age takes it with confidence L, and so refuses clinical use.
"""

from typing import Final

from telehealth.vitals.packs import (
    AgeRow,
    Citation,
    Comparison,
    Confidence,
    DangerRule,
    Rule,
    all_ages,
)
from telehealth.vitals.parameters import DangerSign, Parameter, ReasonCode

YEAR: Final = 12
ADULT_LIMITS_FROM_MONTH: Final = 12 * YEAR
CHILD_UP_TO_MONTH: Final = 16 * YEAR
"""A child is under 16 (Law on Children 102/2016/QH13, Article 1)."""

QD_261: Final = Citation(
    "QĐ 261/QĐ-BYT", "Article 1: Guidelines, signs to report", "2022-01-31", Confidence.HIGH
)
QD_528: Final = Citation(
    "QĐ 528/QĐ-BYT", "Guidelines for children, fast breathing", "2022-03-03", Confidence.HIGH
)
QD_604: Final = Citation(
    "QĐ 604/QĐ-BYT", "Guidelines, respiration from 12 years", "2022-03-14", Confidence.MEDIUM
)

INFANTS_528: Final = (AgeRow(0, 2, 60, QD_528), AgeRow(2, 1 * YEAR, 50, QD_528))
"""Fast breathing under one year: a decision without a row of its own takes these."""


def respiration(*rows: AgeRow) -> Rule:
    """Return the rule of fast breathing with these rows."""
    return Rule(ReasonCode.RESPIRATION_PACK, Parameter.RESPIRATION, Comparison.AT_LEAST, rows)


def circulation(source: Citation) -> tuple[Rule, Rule, Rule, Rule]:
    """Return pulse above 120 or below 50 and pressure below 90 over 60, cited from `source`.

    Deviation: pulse above 120 is kept to ages from 12 years, where it is abnormal; the decisions
    give no upper limit for younger children, and the row says so.
    """
    ages = (
        AgeRow(0, ADULT_LIMITS_FROM_MONTH, None, source),
        AgeRow(ADULT_LIMITS_FROM_MONTH, None, 120, source),
    )
    return (
        Rule(ReasonCode.PULSE_HIGH, Parameter.PULSE, Comparison.ABOVE, ages),
        Rule(ReasonCode.PULSE_LOW, Parameter.PULSE, Comparison.BELOW, all_ages(50, source)),
        Rule(ReasonCode.SYSTOLIC_LOW, Parameter.SYSTOLIC, Comparison.BELOW, all_ages(90, source)),
        Rule(ReasonCode.DIASTOLIC_LOW, Parameter.DIASTOLIC, Comparison.BELOW, all_ages(60, source)),
    )


_CODES: Final = {
    DangerSign.CONSCIOUSNESS: ReasonCode.DANGER_CONSCIOUSNESS,
    DangerSign.CHEST_PAIN: ReasonCode.DANGER_CHEST_PAIN,
    DangerSign.CYANOSIS: ReasonCode.DANGER_CYANOSIS,
    DangerSign.CANNOT_DRINK: ReasonCode.DANGER_CANNOT_DRINK,
    DangerSign.BREATHING: ReasonCode.DANGER_BREATHING,
}


def danger(source: Citation, *signs: DangerSign) -> tuple[DangerRule, ...]:
    """Return danger signs as a source names them."""
    return tuple(DangerRule(sign, _CODES[sign], source) for sign in signs)
