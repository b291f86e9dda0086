"""Whose yes it takes. Pure.

A child is under 16 (Law on Children 102/2016/QH13 art. 1). The legal representative exercises a
child's rights, and from the seventh birthday the child's own agreement is needed beside theirs
(Law 91/2025/QH15 art. 24 where private life is disclosed, as Decree 13/2023 art. 20 had it for all
processing). Confidence high for both ages. Deviation: we ask the child from seven for every item,
not only where something is disclosed: who wears the device should have been asked.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from telehealth.errors import RefusedError

CHILD_BELOW_YEARS: Final = 16
OWN_AGREEMENT_FROM_YEARS: Final = 7


@dataclass(frozen=True, slots=True)
class Needed:
    """Who must say yes."""

    guardian: bool
    """Somebody who stands for the person by law."""
    child: bool
    """The child too."""


def needed(born: date | None, on: date, *, has_guardian: bool) -> Needed:
    """Return whose yes it takes on a day.

    Args:
        born: None: not known; the person then counts as grown up unless they have a guardian.
        on: the day at the place.
        has_guardian: somebody is written down as standing for the person by law.
    """
    years = None if born is None else age_in_years(born, on)
    is_child = years is not None and years < CHILD_BELOW_YEARS
    asked = years is not None and OWN_AGREEMENT_FROM_YEARS <= years < CHILD_BELOW_YEARS
    return Needed(guardian=is_child or has_guardian, child=asked)


def check(wanted: Needed, *, guardian: bool, child_agrees: bool) -> None:
    """Refuse a consent that the wrong people gave.

    Raises:
        RefusedError: the guardian's or the child's yes is missing.
    """
    if wanted.guardian and not guardian:
        raise RefusedError("guardian", "given by who stands for the person by law", "nobody")
    if wanted.child and not child_agrees:
        limit = f"from {OWN_AGREEMENT_FROM_YEARS} years the child agrees too"
        raise RefusedError("child_agrees", limit, child_agrees)


def age_in_years(born: date, on: date) -> int:
    """Return completed years; who was born on 29 February has a birthday on 1 March."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
