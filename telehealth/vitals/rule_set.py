"""A rule pack and a level table, checked and compiled by age, bent by a target range. Pure.

Theory of operation. Each threshold becomes a `Fire`: at or beyond its edge, this level and reason.
`RuleSet.at` keeps the thresholds of an age (and of a target range) compiled, so that judging a
reading compares two numbers a parameter unless something fires.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from telehealth.errors import RefusedError
from telehealth.vitals.level_table import Level, LevelTable
from telehealth.vitals.packs import (
    LOW_SIDE,
    DangerRule,
    Mode,
    Pack,
    Urgency,
    check_ages,
    check_confidence,
)
from telehealth.vitals.parameters import (
    UNIT_STEP,
    DangerSign,
    Parameter,
    ReasonCode,
    edge_below,
)
from telehealth.vitals.targets import TargetRange


class Fire(NamedTuple):
    """One compiled threshold: at or beyond `edge`, this level and reason."""

    edge: float
    level: Level
    code: ReasonCode
    limit: float
    source: str
    on_air_only: bool


class Sides(NamedTuple):
    """The thresholds of one parameter, gravest first; nothing fires strictly between the edges."""

    calm_above: float
    calm_below: float
    low: tuple[Fire, ...]
    high: tuple[Fire, ...]


Thresholds = dict[Parameter, Sides]
_MOST_COMPILED: Final = 4_096
"""Ages and target ranges kept compiled; the oldest go, and are compiled again when they come."""


class RuleSet:
    """A pack and a level table, checked and compiled per age; immutable, made by `rule_set`."""

    __slots__ = ("_compiled", "danger", "pack", "table", "table_id")

    def __init__(self, pack: Pack, table: LevelTable, overridden: Sequence[str] = ()) -> None:
        self.pack = pack
        self.table = table
        self.table_id = "+".join((table.table_id, *overridden))
        """As stored with every decision: the table, and the local overrides that stood in it."""
        named = (*table.danger_signs, *pack.danger_signs)
        self.danger: dict[DangerSign, DangerRule] = {d.sign: d for d in named}
        self._compiled: dict[tuple[int | None, TargetRange | None], Thresholds] = {}

    def at(self, age_months: int | None, target: TargetRange | None = None) -> Thresholds:
        """Return the thresholds of an age; an unknown age has every row, so the graver wins."""
        found = self._compiled.get((age_months, target))
        if found is None:
            found = self._compile(age_months)
            if target is not None:
                found = _within_target(found, target)
            while len(self._compiled) >= _MOST_COMPILED:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[age_months, target] = found
        return found

    def _compile(self, age_months: int | None) -> Thresholds:
        worth = {
            Urgency.REVIEW: self.table.pack_trigger,
            Urgency.EMERGENCY: self.table.pack_emergency,
        }
        ranked = [(row.level, row.rule) for row in self.table.rows]
        ranked += [(worth[rule.urgency], rule) for rule in self.pack.rules]
        ranked.sort(key=lambda pair: -pair[0])
        low: dict[Parameter, list[Fire]] = {}
        high: dict[Parameter, list[Fire]] = {}
        for level, rule in ranked:
            side = low if rule.comparison in LOW_SIDE else high
            rows = rule.rows if age_months is None else (rule.row_at(age_months),)
            for row in rows:
                if row.limit is not None:
                    side.setdefault(rule.parameter, []).append(
                        Fire(
                            rule.edge(row.limit),
                            level,
                            rule.code,
                            row.limit,
                            row.source.text,
                            rule.on_air_only,
                        )
                    )
        return {
            parameter: Sides(
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


def _within_target(thresholds: Thresholds, target: TargetRange) -> Thresholds:
    """Return the thresholds of somebody for whom a doctor has set what is usual.

    Yellow and orange of a low SpO2 give way to the range's lower end (orange below it), and being
    on oxygen is no reason any more. Red gives way only to a red line that a second doctor signed.
    """
    bent: Thresholds = {
        key: sides for key, sides in thresholds.items() if key is not Parameter.OXYGEN
    }
    spo2 = thresholds.get(Parameter.SPO2, Sides(float("-inf"), float("inf"), (), ()))
    source = f"target range {target.range_id}"
    red = [fire for fire in spo2.low if fire.level is Level.RED]
    if target.red_at_most_percent is not None:
        edge = edge_below(target.red_at_most_percent, UNIT_STEP)
        limit = target.red_at_most_percent
        red = [Fire(edge, Level.RED, ReasonCode.SPO2_RED, limit, source, False)]
    limit = target.lowest_percent
    orange = Fire(target.below_edge, Level.ORANGE, ReasonCode.TARGET_LOW, limit, source, False)
    low = (*red, orange)
    bent[Parameter.SPO2] = Sides(max(f.edge for f in low), spo2.calm_below, low, spo2.high)
    return bent
