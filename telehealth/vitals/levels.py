"""Levels: what the accepted vitals of a person are worth, and why.

Green < yellow < orange < red; grey is not on that scale, it says that nothing is known now. A
level table is a programme's own data, each row with its source; a clinician of the operator signs
it before clinical use. A trigger of the rule pack that no row of the table lifts is yellow. Of
several rows about the same side of one parameter only the gravest is given as a reason.

Air or oxygen. Pack thresholds marked "on air" speak of a person on air. What the person breathes
is often unknown: then those thresholds hold (a low value is never excused), the assessment says
`oxygen_unknown`, and NEWS2's bounds span both. A person on oxygen is at least orange.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from typing import Final, NamedTuple

from protocols.reading import Consciousness, Oxygen, Vitals
from telehealth.errors import RefusedError
from telehealth.vitals.news2 import News2, NotApplicable, Scale2Prescription, news2, not_applicable
from telehealth.vitals.packs import (
    LOW_SIDE,
    Citation,
    DangerRule,
    Mode,
    Pack,
    Rule,
    check_ages,
    check_confidence,
)
from telehealth.vitals.parameters import DangerSign, Parameter, ReasonCode


class Level(IntEnum):
    """How a person stands. `GREY`: nothing accepted in time; it is never a low level."""

    GREY = -1
    GREEN = 0
    YELLOW = 1
    ORANGE = 2
    RED = 3


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One row of a level table: when `rule` fires, the person is at least at `level`."""

    level: Level
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelTable:
    """A programme's level table; `signed_by` names the clinician who answers for it."""

    name: str
    edition: str
    rows: tuple[LevelRow, ...]
    pack_trigger: Level
    danger_sign: Level
    source: Citation
    signed_by: str | None = None
    signed_on: date | None = None

    @property
    def table_id(self) -> str:
        """Name and edition, as stored with every decision."""
        return f"{self.name}@{self.edition}"

    def citations(self) -> Iterator[tuple[str, Citation]]:
        """Yield every citation with the code of the row it stands for."""
        yield "pack_trigger and danger_sign", self.source
        for row in self.rows:
            for age in row.rule.rows:
                yield f"{row.rule.code} from month {age.from_month}", age.source


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


class _Fire(NamedTuple):
    """One compiled threshold: at or beyond `edge`, this level and reason."""

    edge: float
    level: Level
    code: ReasonCode
    limit: float
    source: str
    on_air_only: bool


class _Sides(NamedTuple):
    """The thresholds of one parameter, gravest first; nothing fires strictly between the edges."""

    calm_above: float
    calm_below: float
    low: tuple[_Fire, ...]
    high: tuple[_Fire, ...]


class RuleSet:
    """A pack and a level table, checked and compiled per age; immutable, made by `rule_set`."""

    __slots__ = ("_by_age", "danger", "pack", "table")

    def __init__(self, pack: Pack, table: LevelTable) -> None:
        self.pack = pack
        self.table = table
        self.danger: dict[DangerSign, DangerRule] = {d.sign: d for d in pack.danger_signs}
        self._by_age: dict[int | None, dict[Parameter, _Sides]] = {}

    def at(self, age_months: int | None) -> dict[Parameter, _Sides]:
        """Return the thresholds of an age; an unknown age has every row, so the graver wins."""
        found = self._by_age.get(age_months)
        if found is None:
            found = self._by_age[age_months] = self._compile(age_months)
        return found

    def _compile(self, age_months: int | None) -> dict[Parameter, _Sides]:
        ranked = [(row.level, row.rule) for row in self.table.rows]
        ranked += [(self.table.pack_trigger, rule) for rule in self.pack.rules]
        ranked.sort(key=lambda pair: -pair[0])
        low: dict[Parameter, list[_Fire]] = {}
        high: dict[Parameter, list[_Fire]] = {}
        for level, rule in ranked:
            side = low if rule.comparison in LOW_SIDE else high
            rows = rule.rows if age_months is None else (rule.row_at(age_months),)
            for row in rows:
                if row.limit is not None:
                    side.setdefault(rule.parameter, []).append(
                        _Fire(
                            rule.edge(row.limit),
                            level,
                            rule.code,
                            row.limit,
                            row.source.text,
                            rule.on_air_only,
                        )
                    )
        return {
            parameter: _Sides(
                max((fire.edge for fire in low.get(parameter, ())), default=float("-inf")),
                min((fire.edge for fire in high.get(parameter, ())), default=float("inf")),
                tuple(low.get(parameter, ())),
                tuple(high.get(parameter, ())),
            )
            for parameter in low.keys() | high.keys()
        }


def rule_set(pack: Pack, table: LevelTable, mode: Mode) -> RuleSet:
    """Return the pack and table, fit for the mode, as one set of rules.

    Raises:
        RefusedError: an age with no row or two; for clinical use also an entry of confidence L,
            or a table that no clinician has signed.
    """
    check_ages(pack.rules)
    check_ages(row.rule for row in table.rows)
    check_confidence(pack.pack_id, pack.citations(), mode)
    check_confidence(table.table_id, table.citations(), mode)
    if mode is Mode.CLINICAL and (table.signed_by is None or table.signed_on is None):
        raise RefusedError(table.table_id, "a clinician's name and date for clinical use", None)
    return RuleSet(pack, table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What must be known about the person to judge a reading, as of the reading's date."""

    rules: RuleSet
    age_months: int | None
    """Completed months at the reading's date (`packs.age_in_months`); None: unknown."""
    pregnant: bool = False
    scale_2: Scale2Prescription | None = None
    danger_signs: frozenset[DangerSign] = frozenset()
    """Declared with this reading."""
    cadence: timedelta = timedelta(hours=12)
    """A reading is expected this often."""


def judge(
    vitals: Vitals, context: Context, *, danger_signs: frozenset[DangerSign] | None = None
) -> Assessment:
    """Return the level of accepted vitals with its reasons (docs/rules.md, "Levels").

    Args:
        vitals: accepted by the quality gate; `None` is missing and never counts as normal.
        context: the person at the time of the vitals.
        danger_signs: that hold then; None: those of the context.
    """
    rules = context.rules
    signs = context.danger_signs if danger_signs is None else danger_signs
    thresholds = rules.at(context.age_months)
    on_oxygen = vitals.oxygen is Oxygen.OXYGEN
    found: list[tuple[Level, Reason]] = []
    inapplicable = not_applicable(context.age_months, pregnant=context.pregnant)
    score: News2 | NotApplicable
    if inapplicable is None:
        score = news2(vitals, scale_2=context.scale_2)
        if score.lower:
            _weigh(found, thresholds, Parameter.NEWS2_LOWER, score.lower, on_oxygen)
        if score.single_three:
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
        rules.table.table_id,
        vitals.oxygen is None,
    )


_AWAKE: Final = (None, Consciousness.ALERT)


def _by_gravity(pair: tuple[Level, Reason]) -> int:
    return -pair[0]


def _weigh(
    found: list[tuple[Level, Reason]],
    thresholds: dict[Parameter, _Sides],
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


def _reason(fire: _Fire, parameter: Parameter, value: float) -> Reason:
    return Reason(fire.code, parameter, value, fire.limit, fire.source)


def _danger(
    rules: RuleSet, vitals: Vitals, declared: Iterable[DangerSign]
) -> Sequence[tuple[Level, Reason]]:
    """Danger signs that the pack names; not alert (ACVPU) is altered consciousness."""
    signs = set(declared)
    if vitals.consciousness not in _AWAKE:
        signs.add(DangerSign.CONSCIOUSNESS)
    level = rules.table.danger_sign
    return [
        (level, Reason(danger.code, Parameter.DANGER_SIGN, 1, 1, danger.source.text))
        for sign, danger in rules.danger.items()
        if sign in signs
    ]
