"""The rules in a pocket: what a phone needs to judge a reading as the server does, without it.

A phone that is out of reach shows the advice for a level at once; it must not come to another level
than the server will. So these are the server's own compiled thresholds and NEWS2 edges for one
person at one age, as data: no number stands here or in the phone's script a second time. The script
that applies them (webui/client/src/patient/judge.ts) is compared with `levels.judge` over shared
vectors (tests/vectors/pocket.json). Pure.
"""

from typing import Final

from msgspec import Struct

from telehealth.vitals import news2
from telehealth.vitals.levels import Context
from telehealth.vitals.news2 import Band
from telehealth.vitals.parameters import Parameter
from telehealth.vitals.quality import RANGES, highest

ASKED: Final = (
    Parameter.SPO2, Parameter.PULSE, Parameter.RESPIRATION, Parameter.TEMPERATURE,
)  # fmt: skip
"""What a person at home can measure and type."""
_SCORES: Final = (Parameter.NEWS2_LOWER, Parameter.NEWS2_SINGLE)
_CHART: Final = {
    Parameter.SPO2: news2.SPO2_PERCENT_SCALE_1,
    Parameter.PULSE: news2.PULSE_PER_MIN,
    Parameter.RESPIRATION: news2.RESPIRATION_PER_MIN,
    Parameter.TEMPERATURE: news2.TEMPERATURE_CELSIUS,
}
_CHART_SCALE_2: Final = {**_CHART, Parameter.SPO2: news2.SPO2_PERCENT_SCALE_2_AIR}
"""What is breathed is unknown: the lower bound is that of air."""


class PocketSides(Struct, frozen=True):
    """Thresholds of one parameter, gravest first: `[edge, level]`; at or beyond the edge it fires.

    What the person breathes is unknown to a phone, so thresholds "on air" hold, as on the server.
    """

    low: tuple[tuple[float, int], ...]
    high: tuple[tuple[float, int], ...]


class PocketBand(Struct, frozen=True):
    """One row of NEWS2's chart 1: `points[i]` up to and with `edges[i]`, the last one above all."""

    edges: tuple[float, ...]
    points: tuple[int, ...]


class PocketRules(Struct, frozen=True):
    """Everything a phone needs for one person, and under which rules it stands."""

    rules: str
    """Pack and level table, as stored with every decision."""
    thresholds: dict[str, PocketSides]
    news2: dict[str, PocketBand]
    """Empty: NEWS2 was not made for this person."""
    usual_spo2_above: float | None
    """An SpO2 above this is usual for the person: a single NEWS2 3 for it is no reason."""
    ranges: dict[str, tuple[float, float]]
    """What the quality gate takes as plausible, both ends included."""


def pocket_rules(context: Context) -> PocketRules:
    """Return the part of a person's rules that a phone carries, for the age of the context."""
    thresholds = {
        parameter.value: sides
        for parameter in (*ASKED, *_SCORES)
        if (sides := _sides(context, parameter)) is not None
    }
    chart = _CHART if context.scale_2 is None else _CHART_SCALE_2
    scored = news2.not_applicable(context.age_months, pregnant=context.pregnant) is None
    return PocketRules(
        rules=f"{context.rules.pack.pack_id} {context.rules.table_id}",
        thresholds=thresholds,
        news2={p.value: _band(band) for p, band in chart.items()} if scored else {},
        usual_spo2_above=None if context.target is None else context.target.below_edge,
        ranges={
            row.parameter.value: (row.lowest, highest(row, context.age_months)) for row in RANGES
        },
    )


def _sides(context: Context, parameter: Parameter) -> PocketSides | None:
    sides = context.rules.at(context.age_months, context.target).get(parameter)
    if sides is None:
        return None
    return PocketSides(
        low=tuple((fire.edge, int(fire.level)) for fire in sides.low),
        high=tuple((fire.edge, int(fire.level)) for fire in sides.high),
    )


def _band(band: Band) -> PocketBand:
    return PocketBand(band.edges(), band.points)
