"""Target ranges: the SpO2 that a doctor expects of one person, with who, why and until when. Pure.

For people whose usual saturation is not that of the packs (chronic lung disease, altitude from
1,000 m, oxygen at home). A range moves yellow and orange; red moves only where a second doctor has
signed (docs/rules.md, "Target ranges"). It is not the prescription of NEWS2's scale 2.
"""

from dataclasses import dataclass
from typing import Final

from telehealth.errors import RefusedError
from telehealth.vitals.parameters import UNIT_STEP, edge_below

LOWEST_PERCENT: Final = 80.0
"""No range begins below this: who usually stands lower is not for home care (ours)."""
HIGHEST_PERCENT: Final = 100.0


@dataclass(frozen=True, slots=True)
class TargetRange:
    """What is usual for a person: orange below `lowest_percent`.

    `red_at_most_percent` None: the red lines of the pack and the table hold as they are.

    Raises:
        RefusedError: the numbers are no range, or the red line does not lie below it.
    """

    range_id: str
    lowest_percent: float
    highest_percent: float
    red_at_most_percent: float | None = None

    @property
    def below_edge(self) -> float:
        """The highest raw value that counts as below the range (rounding of `parameters`)."""
        return edge_below(self.lowest_percent - UNIT_STEP, UNIT_STEP)

    def __post_init__(self) -> None:
        if not LOWEST_PERCENT <= self.lowest_percent < self.highest_percent <= HIGHEST_PERCENT:
            given = f"{self.lowest_percent:g}-{self.highest_percent:g}"
            raise RefusedError("target range", "80 to 100 %, lowest first", given)
        red = self.red_at_most_percent
        if red is not None and not LOWEST_PERCENT - 10 <= red < self.lowest_percent:
            raise RefusedError("red line of a target range", "70 % to below the range", f"{red:g}")
