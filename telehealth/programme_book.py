"""Programmes as the administrator keeps them: listed with who is in them, and brought to an end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from telehealth.access.policy import Actor
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.store.database import Reader, Transaction
from telehealth.vitals.packs import Mode, Pack, check_confidence
from telehealth.vitals.rules import PACKS


@dataclass(frozen=True, slots=True)
class ProgrammeShown:
    """A programme as the list shows it."""

    programme_id: str
    name: str
    place: str
    place_id: str | None
    rule_pack: str
    mode: str
    signed_by: str | None
    signed_on: str | None
    cadence_s: int
    valid_from_ms: int
    valid_to_ms: int | None
    open_cases: int


_COLUMNS: Final = (
    "SELECT g.programme_id, g.name, g.place, g.place_id, g.rule_pack, g.mode, g.levels_signed_by,"
    " g.levels_signed_on, g.cadence_s, g.valid_from_ms, g.valid_to_ms,"
    " (SELECT count(*) FROM f0_case c WHERE c.programme_id = g.programme_id"
    " AND c.closed_ms IS NULL) FROM programme g"
)


def shown(reader: Reader, actor: Actor) -> list[ProgrammeShown]:
    """Return the programmes beneath the administrator's place; running ones first, by name."""
    where, values = "", list[object]()
    if actor.place_id is not None:
        where = " WHERE g.place_id IN (SELECT place_id FROM place_ancestor WHERE ancestor_id = ?)"
        values = [actor.place_id]
    found = [ProgrammeShown(*row) for row in reader.rows(f"{_COLUMNS}{where}", values)]
    return sorted(found, key=lambda one: (one.valid_to_ms is not None, one.name))


def one(reader: Reader, programme_id: str) -> ProgrammeShown:
    """Return one programme.

    Raises:
        NotFoundError: there is none of this id.
    """
    rows = reader.rows(f"{_COLUMNS} WHERE g.programme_id = ?", (programme_id,))
    if not rows:
        raise NotFoundError(f"no programme {programme_id}")
    return ProgrammeShown(*rows[0])


def end(tx: Transaction, programme_id: str) -> None:
    """End a programme now; nobody is put in it any more.

    Raises:
        NotFoundError: there is none of this id.
        IllegalTransitionError: it has ended, or somebody's case is still open in it: a case never
            falls between two desks.
    """
    found = one(tx, programme_id)
    if found.valid_to_ms is not None:
        raise IllegalTransitionError("ended", "end")
    if found.open_cases:
        raise IllegalTransitionError("running", "end", f"{found.open_cases} cases are open")
    tx.execute(
        "UPDATE programme SET valid_to_ms = ? WHERE programme_id = ?", (tx.now_ms, programme_id)
    )


def packs() -> Sequence[Pack]:
    """Return the rule packs of this edition of the product, by id."""
    return [PACKS[key] for key in sorted(PACKS)]


def may_be_clinical(pack: Pack) -> bool:
    """Say whether every entry of a pack was read in a source good enough for clinical use."""
    try:
        check_confidence(pack.pack_id, pack.citations(), Mode.CLINICAL)
    except RefusedError:
        return False
    return True
