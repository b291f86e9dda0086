"""NEWS2 (Royal College of Physicians, December 2017, chart 1) with bounds for what is missing.

At home blood pressure and consciousness are usually missing, so the score is a pair: `lower`
counts a missing input as the best it could be, `upper` as the worst. Alerts rest on `lower`;
`to_ask` names what to ask for. A missing input is never scored 0: it is listed, with its range.
Not for people under 16 or in pregnancy (RCP 2017, recommendations), where the answer says so.
This module decides no level and no response beyond the chart's own.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from protocols.reading import Consciousness, Oxygen, Vitals
from telehealth.vitals.parameters import TENTHS, UNIT_STEP, Parameter

ADULT_FROM_MONTH: Final = 16 * 12


@dataclass(frozen=True, slots=True)
class Band:
    """One row of chart 1: `points[i]` holds up to and with `upper[i]`, the last one above all."""

    upper: tuple[float, ...]
    points: tuple[int, ...]
    step: float = UNIT_STEP

    def edges(self) -> tuple[float, ...]:
        """Return the upper edges of the raw value, a half counted to its graver neighbour."""
        found = []
        for limit, below, above in zip(self.upper, self.points[:-1], self.points[1:], strict=True):
            middle = round(limit + self.step / 2, 6)
            found.append(middle if below > above else math.nextafter(middle, -math.inf))
        return tuple(found)


RESPIRATION_PER_MIN: Final = Band(upper=(8, 11, 20, 24), points=(3, 1, 0, 2, 3))
SPO2_PERCENT_SCALE_1: Final = Band(upper=(91, 93, 95), points=(3, 2, 1, 0))
SPO2_PERCENT_SCALE_2_AIR: Final = Band(upper=(83, 85, 87), points=(3, 2, 1, 0))
SPO2_PERCENT_SCALE_2_OXYGEN: Final = Band(
    upper=(83, 85, 87, 92, 94, 96), points=(3, 2, 1, 0, 1, 2, 3)
)
SYSTOLIC_MMHG: Final = Band(upper=(90, 100, 110, 219), points=(3, 2, 1, 0, 3))
PULSE_PER_MIN: Final = Band(upper=(40, 50, 90, 110, 130), points=(3, 1, 0, 1, 2, 3))
TEMPERATURE_CELSIUS: Final = Band(
    upper=(35.0, 36.0, 38.0, 39.0), points=(3, 1, 0, 1, 2), step=TENTHS
)
OXYGEN_POINTS: Final = {Oxygen.AIR: 0, Oxygen.OXYGEN: 2}
CONSCIOUSNESS_POINTS: Final = {
    Consciousness.ALERT: 0,
    Consciousness.CONFUSED: 3,
    Consciousness.VOICE: 3,
    Consciousness.PAIN: 3,
    Consciousness.UNRESPONSIVE: 3,
}


class Response(StrEnum):
    """The response of chart 2; a single 3 in one parameter is `LOW_MEDIUM`."""

    NONE = "none"
    LOW = "low"
    LOW_MEDIUM = "low_medium"
    MEDIUM = "medium"
    HIGH = "high"


class NotApplicable(StrEnum):
    """Why NEWS2 was not scored: it was not made for this person, or we cannot know."""

    UNDER_16 = "under_16"
    PREGNANT = "pregnant"
    AGE_UNKNOWN = "age_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale2Prescription:
    """SpO2 scale 2, target 88-92 %: a clinician confirmed hypercapnic failure; never inferred."""

    prescribed_by: str
    prescribed_at: datetime
    reason: str


class Points(NamedTuple):
    """The points of one parameter; `lower` and `upper` differ only where something is missing."""

    parameter: Parameter
    lower: int
    upper: int


@dataclass(frozen=True, slots=True)
class News2:
    """A score and how far it could rise: `lower` counts what is known, `upper` the worst rest."""

    lower: int
    upper: int
    points: tuple[Points, ...]
    missing: tuple[Parameter, ...]
    single_three: tuple[Parameter, ...]
    """Known parameters that score 3 by themselves."""

    def response(self) -> Response:
        """Return the response that is certain (NEWS2 2017, chart 2)."""
        return _response(self.lower, single_three=bool(self.single_three))

    def to_ask(self) -> tuple[Parameter, ...]:
        """Return the missing inputs, if together they could call for a higher response."""
        worst_three = any(p.upper == 3 for p in self.points)
        worst = _response(self.upper, single_three=worst_three)
        return self.missing if worst is not self.response() else ()


def _response(score: int, *, single_three: bool) -> Response:
    if score >= 7:
        return Response.HIGH
    if score >= 5:
        return Response.MEDIUM
    if single_three:
        return Response.LOW_MEDIUM
    return Response.LOW if score else Response.NONE


_PARAMETERS: Final = (
    Parameter.RESPIRATION, Parameter.SPO2, Parameter.OXYGEN, Parameter.SYSTOLIC,
    Parameter.PULSE, Parameter.CONSCIOUSNESS, Parameter.TEMPERATURE,
)  # fmt: skip
_WORST: Final = (3, 3, 2, 3, 3, 3, 3)
_RESPIRATION_EDGES: Final = RESPIRATION_PER_MIN.edges()
_RESPIRATION_POINTS: Final = RESPIRATION_PER_MIN.points
_SPO2_EDGES: Final = SPO2_PERCENT_SCALE_1.edges()
_SPO2_POINTS: Final = SPO2_PERCENT_SCALE_1.points
_SYSTOLIC_EDGES: Final = SYSTOLIC_MMHG.edges()
_SYSTOLIC_POINTS: Final = SYSTOLIC_MMHG.points
_PULSE_EDGES: Final = PULSE_PER_MIN.edges()
_PULSE_POINTS: Final = PULSE_PER_MIN.points
_TEMPERATURE_EDGES: Final = TEMPERATURE_CELSIUS.edges()
_TEMPERATURE_POINTS: Final = TEMPERATURE_CELSIUS.points
_SCALE_2_AIR_EDGES: Final = SPO2_PERCENT_SCALE_2_AIR.edges()
_SCALE_2_OXYGEN_EDGES: Final = SPO2_PERCENT_SCALE_2_OXYGEN.edges()


def not_applicable(age_months: int | None, *, pregnant: bool) -> NotApplicable | None:
    """Return why NEWS2 must not be scored for this person, or None where it may."""
    if pregnant:
        return NotApplicable.PREGNANT
    if age_months is None:
        return NotApplicable.AGE_UNKNOWN
    return NotApplicable.UNDER_16 if age_months < ADULT_FROM_MONTH else None


def news2(vitals: Vitals, *, scale_2: Scale2Prescription | None = None) -> News2:
    """Score the vitals (NEWS2 2017, chart 1), with bounds over everything that is missing.

    Args:
        vitals: what is known; `None` is missing, for the air-or-oxygen question too.
        scale_2: the prescription of SpO2 scale 2; without one, scale 1.
    """
    respiration = vitals.respiration_per_min
    spo2 = vitals.spo2_percent
    oxygen = vitals.oxygen
    systolic = vitals.systolic_mmhg
    pulse = vitals.pulse_per_min
    consciousness = vitals.consciousness
    temperature = vitals.temperature_celsius
    spo2_lower = spo2_upper = None
    if spo2 is not None:
        if scale_2 is None:
            spo2_lower = spo2_upper = _SPO2_POINTS[bisect_left(_SPO2_EDGES, spo2)]
        else:
            spo2_lower, spo2_upper = _scale_2(spo2, oxygen)
    return _summed(
        None
        if respiration is None
        else _RESPIRATION_POINTS[bisect_left(_RESPIRATION_EDGES, respiration)],
        spo2_lower,
        spo2_upper,
        None if oxygen is None else OXYGEN_POINTS[oxygen],
        None if systolic is None else _SYSTOLIC_POINTS[bisect_left(_SYSTOLIC_EDGES, systolic)],
        None if pulse is None else _PULSE_POINTS[bisect_left(_PULSE_EDGES, pulse)],
        None if consciousness is None else CONSCIOUSNESS_POINTS[consciousness],
        None
        if temperature is None
        else _TEMPERATURE_POINTS[bisect_left(_TEMPERATURE_EDGES, temperature)],
    )


def _scale_2(spo2: float, oxygen: Oxygen | None) -> tuple[int, int]:
    """Points of scale 2: from 93 % up they depend on air or oxygen, which may be unknown."""
    on_air = SPO2_PERCENT_SCALE_2_AIR.points[bisect_left(_SCALE_2_AIR_EDGES, spo2)]
    on_oxygen = SPO2_PERCENT_SCALE_2_OXYGEN.points[bisect_left(_SCALE_2_OXYGEN_EDGES, spo2)]
    if oxygen is None:
        return on_air, on_oxygen
    return (on_air, on_air) if oxygen is Oxygen.AIR else (on_oxygen, on_oxygen)


@lru_cache(maxsize=8192)
def _summed(
    respiration: int | None,
    spo2_lower: int | None,
    spo2_upper: int | None,
    oxygen: int | None,
    systolic: int | None,
    pulse: int | None,
    consciousness: int | None,
    temperature: int | None,
) -> News2:
    """Add up; equal points share one immutable result, so a reading costs no allocation."""
    rest = (systolic, pulse, consciousness, temperature)
    lowers: Sequence[int | None] = (respiration, spo2_lower, oxygen, *rest)
    uppers: Sequence[int | None] = (respiration, spo2_upper, oxygen, *rest)
    points = tuple(
        Points(parameter, low or 0, worst if high is None else high)
        for parameter, low, high, worst in zip(_PARAMETERS, lowers, uppers, _WORST, strict=True)
    )
    return News2(
        lower=sum(p.lower for p in points),
        upper=sum(p.upper for p in points),
        points=points,
        missing=tuple(p for p, low in zip(_PARAMETERS, lowers, strict=True) if low is None),
        single_three=tuple(p.parameter for p in points if p.lower == 3),
    )
