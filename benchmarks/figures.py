"""A figure: a value, what it is measured against, and the rounds it is the median of. Pure."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from protocols.errors import TelehealthError


class CannotMeasureError(TelehealthError):
    """What kept a benchmark from measuring, in one line; the command then exits non-zero."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a figure is held against, measured in the same run."""

    what: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of a benchmark; `samples` holds one value a round, `value` is their median."""

    name: str
    value: float
    unit: str
    samples: tuple[float, ...]
    baseline: Baseline | None = None

    def line(self) -> str:
        """Return `name: value unit (ratio to what, measured in this run)`."""
        text = f"{self.name}: {_short(self.value)} {self.unit}"
        if self.baseline is None:
            return text
        b = self.baseline
        return f"{text} ({b.what}: {_short(b.value)} {b.unit}, measured in this run)"


def ratio(
    name: str, measured: Sequence[float], against: Sequence[float], *, what: str, unit: str
) -> Figure:
    """Return the median of measured ÷ baseline, each pair from the same round.

    Raises:
        CannotMeasureError: no round, or a round in which either side did nothing.
    """
    if not measured or len(measured) != len(against):
        raise CannotMeasureError(f"{name}: {len(measured)} rounds against {len(against)}")
    if min(*measured, *against) <= 0:
        raise CannotMeasureError(f"{name}: a round measured nothing")
    samples = tuple(a / b for a, b in zip(measured, against, strict=True))
    return Figure(
        name=name,
        value=median(samples),
        unit="×",
        samples=samples,
        baseline=Baseline(what, median(against), unit),
    )


def plain(
    name: str, samples: Sequence[float], unit: str, baseline: Baseline | None = None
) -> Figure:
    """Return the median of the rounds as they are.

    Raises:
        CannotMeasureError: no round.
    """
    if not samples:
        raise CannotMeasureError(f"{name}: no round")
    return Figure(
        name=name, value=median(samples), unit=unit, samples=tuple(samples), baseline=baseline
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: the smallest value that `percent` % do not exceed.

    Raises:
        CannotMeasureError: no values.
    """
    if not values:
        raise CannotMeasureError("a percentile of nothing")
    rank = math.ceil(percent / 100 * len(values))
    return sorted(values)[max(rank, 1) - 1]


def to_json(figures: Sequence[Figure]) -> str:
    """Return the figures as `[{"name", "value", "unit", "baseline", "samples"}]`."""
    keys = ("name", "value", "unit", "baseline", "samples")
    rows = [{key: asdict(figure)[key] for key in keys} for figure in figures]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def _short(value: float) -> str:
    """Four digits that matter; thousands with commas."""
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
