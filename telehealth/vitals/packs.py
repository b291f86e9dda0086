"""Rule packs: a ministry's thresholds as dated data, each with its source and our confidence in it.

A pack is chosen per programme and stored with every decision by its `pack_id`, so a decision can
be replayed under the rules of its day. A threshold has one row for every month of age; a row
without a limit says that the source sets none at that age. An entry of confidence L (memory
only) refuses to load for clinical use. Packs hold no level: `levels` says what a trigger is worth.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from telehealth.errors import RefusedError
from telehealth.vitals.parameters import (
    DangerSign,
    Parameter,
    ReasonCode,
    edge_above,
    edge_below,
    step_of,
)


class Confidence(StrEnum):
    """How sure we are of a transcription."""

    HIGH = "H"
    """The official text was read, or two sources agree."""
    MEDIUM = "M"
    """One secondary source."""
    LOW = "L"
    """Memory only: never for clinical use."""


class Mode(StrEnum):
    """What the decisions are for."""

    CLINICAL = "clinical"
    EVALUATION = "evaluation"
    """Demonstration, tests, replay on invented people."""


class Comparison(StrEnum):
    """How a limit is worded in its source; it is shown to people in the same words."""

    AT_MOST = "≤"
    BELOW = "<"
    AT_LEAST = "≥"
    ABOVE = ">"


class Urgency(StrEnum):
    """What a source says to do at a threshold; the level table says what it is worth."""

    REVIEW = "review"
    """Report, call, be looked at."""
    EMERGENCY = "emergency"
    """The source itself says: emergency, call 115, bring to hospital."""


LOW_SIDE: Final = frozenset({Comparison.AT_MOST, Comparison.BELOW})


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a threshold stands: decision or standard, article or section, edition, confidence."""

    decision: str
    article: str
    edition: str
    confidence: Confidence

    @property
    def text(self) -> str:
        """The source in one line, stored with every reason."""
        return f"{self.decision} ({self.edition}), {self.article}"


@dataclass(frozen=True, slots=True)
class AgeRow:
    """A limit for ages from `from_month` up to, not with, `to_month` (None: no upper end).

    `limit` None: the source sets no limit at this age; it never means "normal".
    """

    from_month: int
    to_month: int | None
    limit: float | None
    source: Citation


@dataclass(frozen=True, slots=True)
class Rule:
    """One threshold over all ages. `on_air_only`: it does not speak of a person on oxygen."""

    code: ReasonCode
    parameter: Parameter
    comparison: Comparison
    rows: tuple[AgeRow, ...]
    on_air_only: bool = False
    urgency: Urgency = Urgency.REVIEW

    def row_at(self, age_months: int) -> AgeRow:
        """Return the one row of an age; `check` has shown at load that there is exactly one."""
        starts = [row.from_month for row in self.rows]
        return self.rows[bisect_right(starts, max(age_months, 0)) - 1]

    def edge(self, limit: float) -> float:
        """Return the raw value at which a limit fires, by the rounding rule of `parameters`."""
        step = step_of(self.parameter)
        if self.comparison is Comparison.BELOW:
            limit -= step
        elif self.comparison is Comparison.ABOVE:
            limit += step
        edge_of = edge_below if self.comparison in LOW_SIDE else edge_above
        return edge_of(limit, step)


@dataclass(frozen=True, slots=True)
class DangerRule:
    """A sign that the pack names; `REVIEW`: one to report, not yet a danger sign."""

    sign: DangerSign
    code: ReasonCode
    source: Citation
    urgency: Urgency = Urgency.EMERGENCY


@dataclass(frozen=True, slots=True)
class Pack:
    """The rules of one decision, in one edition."""

    name: str
    edition: date
    title: str
    rules: tuple[Rule, ...]
    danger_signs: tuple[DangerRule, ...]

    @property
    def pack_id(self) -> str:
        """Name and edition, as stored with every decision: `moh-vn-261@2022-01-31`."""
        return f"{self.name}@{self.edition.isoformat()}"

    def citations(self) -> Iterable[tuple[str, Citation]]:
        """Yield every citation with the code of the entry it stands for."""
        for rule in self.rules:
            for row in rule.rows:
                yield f"{rule.code} from month {row.from_month}", row.source
        for danger in self.danger_signs:
            yield danger.code, danger.source


def all_ages(limit: float, source: Citation) -> tuple[AgeRow, ...]:
    """Return the single row of a limit that its source sets without regard to age."""
    return (AgeRow(0, None, limit, source),)


def check_ages(rules: Iterable[Rule]) -> None:
    """Refuse rules in which a month of age has no row, or two.

    Raises:
        RefusedError: naming the rule and the month at which its rows part or overlap.
    """
    for rule in rules:
        expected: int | None = 0
        for row in rule.rows:
            if expected is None or row.from_month != expected:
                raise RefusedError(f"{rule.code} rows", f"next from {expected}", row.from_month)
            expected = row.to_month
        if expected is not None:
            raise RefusedError(f"{rule.code} rows", "must have no upper end", expected)


def check_confidence(owner: str, entries: Iterable[tuple[str, Citation]], mode: Mode) -> None:
    """Refuse, for clinical use, anything that nobody has read in its official text.

    Raises:
        RefusedError: naming the pack or table, the entry and its source.
    """
    if mode is not Mode.CLINICAL:
        return
    for entry, source in entries:
        if source.confidence is Confidence.LOW:
            raise RefusedError(
                f"{owner}, entry {entry}", "confidence H or M for clinical use", source.text
            )


def load(pack_id: str, packs: Mapping[str, Pack] | Sequence[Pack], mode: Mode) -> Pack:
    """Return a pack fit for the mode.

    Raises:
        RefusedError: no such pack; ages with no row or two; or an entry of confidence L in
            clinical mode, which the message names.
    """
    known = packs if isinstance(packs, Mapping) else {pack.pack_id: pack for pack in packs}
    if pack_id not in known:
        raise RefusedError("rule pack", f"one of {', '.join(sorted(known))}", pack_id)
    pack = known[pack_id]
    check_ages(pack.rules)
    check_confidence(pack.pack_id, pack.citations(), mode)
    return pack


def age_in_months(born: date, on: date) -> int:
    """Return the completed months of age on a day; 0 for a day before birth.

    A child born on the 31st completes a month on the first day after a month without a 31st.
    """
    months = (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)
    return max(months, 0)
