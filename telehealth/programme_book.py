"""Programmes as the administrator keeps them: listed with who is in them, and brought to an end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from telehealth.access.policy import Actor
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.programmes import may_be_dialled
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
    station_phone: str | None
    sms_number: str | None
    open_cases: int


_COLUMNS: Final = (
    "SELECT g.programme_id, g.name, g.place, g.place_id, g.rule_pack, g.mode, g.levels_signed_by,"
    " g.levels_signed_on, g.cadence_s, g.valid_from_ms, g.valid_to_ms,"
    " g.station_phone, g.sms_number,"
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


def change_numbers(
    tx: Transaction, programme_id: str, *, station_phone: str | None, sms_number: str | None
) -> None:
    """Change whom a programme's people call and where their SMS go.

    Raises:
        RefusedError: a number cannot be dialled.
        NotFoundError: there is no programme of this id.
    """
    one(tx, programme_id)
    for name, number in (("station_phone", station_phone), ("sms_number", sms_number)):
        if number is not None and not may_be_dialled(number):
            raise RefusedError(name, "3 to 20 digits, spaces, + and brackets", number[:30])
    tx.execute(
        "UPDATE programme SET station_phone = ?, sms_number = ? WHERE programme_id = ?",
        (station_phone, sms_number, programme_id),
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
