"""Levels: what the accepted vitals of a person are worth, and why.

The thresholds are a rule pack's and a level table's (`rule_set`). Of several rows about the same
side of one parameter only the gravest is given as a reason.

Air or oxygen. Pack thresholds marked "on air" speak of a person on air. What the person breathes
is often unknown: then those thresholds hold (a low value is never excused), the assessment says
`oxygen_unknown`, and NEWS2's bounds span both. A person on oxygen is at least orange.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from protocols.reading import Consciousness, Oxygen, Vitals
from telehealth.vitals.level_table import Level, LevelRow, LevelTable
from telehealth.vitals.news2 import News2, NotApplicable, Scale2Prescription, news2, not_applicable
from telehealth.vitals.packs import Urgency
from telehealth.vitals.parameters import DangerSign, Parameter, ReasonCode
from telehealth.vitals.rule_set import Fire, RuleSet, Thresholds, rule_set
from telehealth.vitals.targets import TargetRange

__all__ = [
    "Assessment",
    "Context",
    "Level",
    "LevelRow",
    "LevelTable",
    "Reason",
    "RuleSet",
    "judge",
    "rule_set",
    "weigh_trend",
]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: the text comes from the catalogue by `code`, in which `value` and `limit` stand."""

    code: ReasonCode
    parameter: Parameter
    value: float
    limit: float
    source: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """The level of one set of vitals, and everything needed to explain and replay it."""

    level: Level
    reasons: tuple[Reason, ...]
    """Gravest first."""
    news2: News2 | NotApplicable
    pack: str
    edition: str
    table: str
    oxygen_unknown: bool

    @property
    def pack_id(self) -> str:
        """Name and edition of the pack that made it."""
        return f"{self.pack}@{self.edition}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What must be known about the person to judge a reading, as of the reading's date."""

    rules: RuleSet
    age_months: int | None
    """Completed months at the reading's date (`packs.age_in_months`); None: unknown."""
    pregnant: bool = False
    scale_2: Scale2Prescription | None = None
    target: TargetRange | None = None
    """What a doctor has set as usual for the person."""
    compared: RuleSet | None = None
    """Rules that run beside those that decide, to be compared."""
    danger_signs: frozenset[DangerSign] = frozenset()
    """Declared with this reading."""
    cadence: timedelta = timedelta(hours=12)
    """A reading is expected this often."""


def judge(
    vitals: Vitals,
    context: Context,
    *,
    danger_signs: frozenset[DangerSign] | None = None,
    rules: RuleSet | None = None,
) -> Assessment:
    """Return the level of accepted vitals with its reasons (docs/rules.md, "Levels").

    Args:
        vitals: accepted by the quality gate; `None` is missing and never counts as normal.
        context: the person at the time of the vitals.
        danger_signs: that hold then; None: those of the context.
        rules: to judge by; None: those of the context.
    """
    rules = rules or context.rules
    signs = context.danger_signs if danger_signs is None else danger_signs
    thresholds = rules.at(context.age_months, context.target)
    on_oxygen = vitals.oxygen is Oxygen.OXYGEN
    found: list[tuple[Level, Reason]] = []
    inapplicable = not_applicable(context.age_months, pregnant=context.pregnant)
    score: News2 | NotApplicable
    if inapplicable is None:
        score = news2(vitals, scale_2=context.scale_2)
        if score.lower:
            _weigh(found, thresholds, Parameter.NEWS2_LOWER, score.lower, on_oxygen)
        if score.single_three and not _is_usual(score.single_three, vitals, context.target):
            _weigh(found, thresholds, Parameter.NEWS2_SINGLE, 3, on_oxygen)
    else:
        score = inapplicable
    _weigh(found, thresholds, Parameter.SPO2, vitals.spo2_percent, on_oxygen)
    _weigh(found, thresholds, Parameter.PULSE, vitals.pulse_per_min, on_oxygen)
    if vitals.respiration_per_min is not None:
        _weigh(found, thresholds, Parameter.RESPIRATION, vitals.respiration_per_min, on_oxygen)
    if vitals.systolic_mmhg is not None:
        _weigh(found, thresholds, Parameter.SYSTOLIC, vitals.systolic_mmhg, on_oxygen)
    if vitals.diastolic_mmhg is not None:
        _weigh(found, thresholds, Parameter.DIASTOLIC, vitals.diastolic_mmhg, on_oxygen)
    if vitals.temperature_celsius is not None:
        _weigh(found, thresholds, Parameter.TEMPERATURE, vitals.temperature_celsius, on_oxygen)
    if on_oxygen:
        _weigh(found, thresholds, Parameter.OXYGEN, 1, on_oxygen)
    if signs or vitals.consciousness not in _AWAKE:
        found += _danger(rules, vitals, signs)
    level = Level.GREEN
    if found:
        found.sort(key=_by_gravity)
        level = found[0][0]
    return Assessment(
        level,
        tuple(reason for _, reason in found),
        score,
        rules.pack.name,
        rules.pack.edition.isoformat(),
        rules.table_id,
        vitals.oxygen is None,
    )


_AWAKE: Final = (None, Consciousness.ALERT)


def weigh_trend(score: float, context: Context) -> tuple[Level, Reason | None]:
    """Return what the trend score (0 to 10) is worth by the level table, and why."""
    found: list[tuple[Level, Reason]] = []
    _weigh(found, context.rules.at(context.age_months), Parameter.TREND, score, False)
    return found[0] if found else (Level.GREEN, None)


def _is_usual(threes: tuple[Parameter, ...], vitals: Vitals, target: TargetRange | None) -> bool:
    """A single 3 for an SpO2 that lies in the person's target range is no reason by itself."""
    if target is None or threes != (Parameter.SPO2,) or vitals.spo2_percent is None:
        return False
    return vitals.spo2_percent > target.below_edge


def _by_gravity(pair: tuple[Level, Reason]) -> int:
    return -pair[0]


def _weigh(
    found: list[tuple[Level, Reason]],
    thresholds: Thresholds,
    parameter: Parameter,
    value: float | None,
    on_oxygen: bool,
) -> None:
    """Add the gravest threshold that fires on each side of a value."""
    sides = thresholds.get(parameter)
    if value is None or sides is None or sides[0] < value < sides[1]:
        return
    for fire in sides.low:
        if value <= fire.edge and not (fire.on_air_only and on_oxygen):
            found.append((fire.level, _reason(fire, parameter, value)))
            break
    for fire in sides.high:
        if value >= fire.edge and not (fire.on_air_only and on_oxygen):
            found.append((fire.level, _reason(fire, parameter, value)))
            break


def _reason(fire: Fire, parameter: Parameter, value: float) -> Reason:
    return Reason(fire.code, parameter, value, fire.limit, fire.source)


def _danger(
    rules: RuleSet, vitals: Vitals, declared: Iterable[DangerSign]
) -> Sequence[tuple[Level, Reason]]:
    """Signs that pack or table name; not alert (ACVPU) is altered consciousness."""
    signs = set(declared)
    if vitals.consciousness not in _AWAKE:
        signs.add(DangerSign.CONSCIOUSNESS)
    table = rules.table
    worth = {Urgency.EMERGENCY: table.danger_sign, Urgency.REVIEW: table.sign_to_report}
    return [
        (
            worth[danger.urgency],
            Reason(danger.code, Parameter.DANGER_SIGN, 1, 1, danger.source.text),
        )
        for sign, danger in rules.danger.items()
        if sign in signs
    ]
