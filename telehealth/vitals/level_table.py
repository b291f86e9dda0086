"""Levels and level tables: what a threshold is worth in a programme, row by row with its source.

Green < yellow < orange < red; grey is not on that scale, it says that nothing is known now. A
level table is a programme's own data; a clinician of the operator signs it before clinical use. A
trigger of the rule pack that no row of the table lifts is worth `pack_trigger`, one at which the
pack itself says "emergency" `pack_emergency`. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from telehealth.vitals.packs import Citation, DangerRule, Rule


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
    pack_emergency: Level
    danger_sign: Level
    sign_to_report: Level
    source: Citation
    danger_signs: tuple[DangerRule, ...] = ()
    """Danger signs that hold whether or not the pack names them."""
    signed_by: str | None = None
    signed_on: date | None = None

    @property
    def table_id(self) -> str:
        """Name and edition, as stored with every decision."""
        return f"{self.name}@{self.edition}"

    def citations(self) -> Iterator[tuple[str, Citation]]:
        """Yield every citation with the code of the row it stands for."""
        yield "pack_trigger, pack_emergency, danger_sign and sign_to_report", self.source
        for danger in self.danger_signs:
            yield danger.code, danger.source
        for row in self.rows:
            for age in row.rule.rows:
                yield f"{row.rule.code} from month {age.from_month}", age.source
