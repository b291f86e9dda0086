"""The bands behind a chart: from which value on a level counts, read off the programme's rules.

Pure: the numbers are the rules' own edges (telehealth.vitals.levels), so a chart cannot disagree
with an alert.
"""

from dataclasses import dataclass

from telehealth.vitals.levels import Level, RuleSet
from telehealth.vitals.parameters import Parameter


@dataclass(frozen=True, slots=True)
class Band:
    """Values at or beyond `edge`, on the low or the high side, are at least at `level`."""

    level: str
    edge: float
    limit: float
    is_low: bool


def bands(rules: RuleSet, age_months: int | None, parameter: Parameter) -> list[Band]:
    """Return the bands of a parameter at an age, mildest first.

    One a level and side; a band that a graver one covers wholly is left out.
    """
    sides = rules.at(age_months).get(parameter)
    if sides is None:
        return []
    found: dict[tuple[Level, bool], Band] = {}
    for fires, is_low in ((sides.low, True), (sides.high, False)):
        for fire in fires:
            known = found.get((fire.level, is_low))
            wider = known is None or (fire.edge > known.edge if is_low else fire.edge < known.edge)
            if wider:
                found[fire.level, is_low] = Band(
                    fire.level.name.lower(), fire.edge, fire.limit, is_low
                )
    shown = [
        band
        for (level, is_low), band in sorted(found.items(), key=lambda item: item[0][0])
        if not any(
            graver > level and side == is_low and _reaches(other.edge, band.edge, is_low=is_low)
            for (graver, side), other in found.items()
        )
    ]
    return shown


def _reaches(edge: float, other: float, *, is_low: bool) -> bool:
    """Whether a band from `edge` on covers all of one from `other` on."""
    return edge >= other if is_low else edge <= other
