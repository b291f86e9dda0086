"""The people the rules speak about: what must be known of them, and their locked score states."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from protocols.uplink import epoch_ms
from telehealth import limits, timers
from telehealth.limits import Limit
from telehealth.people.records import unseal
from telehealth.store.database import Reader, Row, Transaction
from telehealth.vitals.decisions import TimerDecision
from telehealth.vitals.levels import Context, RuleSet, rule_set
from telehealth.vitals.packs import Mode, age_in_months, load
from telehealth.vitals.person_state import PersonState, decode_state, encode_state
from telehealth.vitals.rules import PACKS
from telehealth.vitals.rules.home_levels import HOME_LEVELS

DEFAULT_PACK: Final = "moh-vn-261@2022-01-31"
"""Judges readings of nobody, and of a person without an open case."""
_DEFAULT_CADENCE_S: Final = 43_200


@dataclass(frozen=True, slots=True)
class Subject:
    """What the rules must know of a person, and who answers for them."""

    person_id: str
    birth_date: date | None
    pregnant: bool
    rules: RuleSet
    cadence: timedelta
    assigned_doctor_id: str | None
    programme_id: str | None
    compared: RuleSet | None = None
    limits: tuple[Limit, ...] = ()

    def context_at(self, at: datetime) -> Context:
        """Return the context of a reading of that instant."""
        return self.context_on(at.date(), epoch_ms(at))

    def context_on(self, day: date, at_ms: int) -> Context:
        """Return the context of an instant, with the age of that day."""
        age = None if self.birth_date is None else age_in_months(self.birth_date, day)
        if not self.limits:
            return Context(
                rules=self.rules, age_months=age, pregnant=self.pregnant,
                compared=self.compared, cadence=self.cadence,
            )  # fmt: skip
        return Context(
            rules=self.rules,
            age_months=age,
            pregnant=self.pregnant,
            scale_2=limits.scale_2_at(self.limits, at_ms),
            target=limits.range_at(self.limits, at_ms),
            compared=self.compared,
            cadence=self.cadence,
        )


def keep_states(tx: Transaction, states: dict[str, PersonState]) -> None:
    """Write the locked states back."""
    number = tx.number
    rows = [
        (encode_state(state), state.shown_level, state.newest_ms or None, number, person_id)
        for person_id, state in states.items()
    ]
    columns = ("state", "level", "last_reading_ms", "changed_in")
    tx.update("person_state", "person_id", columns, rows)


def keep_timer(tx: Transaction, person_id: str, timer: TimerDecision) -> None:
    """Set or take away a person's timer."""
    if timer.due_at is None:
        timers.cancel_timer(tx, timer.kind.value, person_id)
    else:
        timers.set_timer(tx, timer.kind.value, person_id, epoch_ms(timer.due_at))


def lock_states(tx: Transaction, person_ids: Sequence[str]) -> dict[str, PersonState]:
    """Return the score states, locked in id order; a person without one gets one."""
    sql = "SELECT person_id, state FROM person_state WHERE person_id IN (…) ORDER BY person_id"
    rows = tx.rows_in(sql if tx.is_sqlite else f"{sql} FOR UPDATE", person_ids)
    states = {person_id: decode_state(bytes(blob)) for person_id, blob in rows}
    fresh = PersonState()
    for person_id in person_ids:
        if person_id not in states:
            tx.execute(
                "INSERT INTO person_state (person_id, version, state, changed_in)"
                " VALUES (?, 0, ?, ?) ON CONFLICT (person_id) DO NOTHING",
                (person_id, encode_state(fresh), tx.number),
            )
            states[person_id] = fresh
    return states


def subjects_of(reader: Reader, person_ids: Sequence[str]) -> dict[str, Subject]:
    """Return what the rules must know of each person, by the case that is open now."""
    rows = reader.rows_in(
        "SELECT p.person_id, p.personal, p.pregnant, c.assigned_doctor_id, g.programme_id,"
        " g.rule_pack, g.mode, g.levels_signed_by, g.levels_signed_on, g.cadence_s,"
        " g.compared_pack"
        " FROM person p LEFT JOIN f0_case c ON c.person_id = p.person_id AND c.closed_ms IS NULL"
        " LEFT JOIN programme g ON g.programme_id = c.programme_id"
        " WHERE p.person_id IN (…)",
        person_ids,
    )
    set_for = limits.of_persons(reader, person_ids)
    return {row[0]: _subject(reader, row, set_for.get(row[0], ())) for row in rows}


def _subject(reader: Reader, row: Row, set_for: Sequence[Limit]) -> Subject:
    person_id, personal, pregnant, doctor_id, programme_id, *chosen, compared = row
    pack, mode, by, on, cadence_s = chosen
    return Subject(
        person_id=person_id,
        birth_date=unseal(reader.vault, person_id, personal).born,
        pregnant=bool(pregnant),
        rules=rules_of(pack or DEFAULT_PACK, mode or Mode.EVALUATION.value, by, on),
        cadence=timedelta(seconds=cadence_s or _DEFAULT_CADENCE_S),
        assigned_doctor_id=doctor_id,
        programme_id=programme_id,
        compared=rules_of(compared, Mode.EVALUATION.value, None, None) if compared else None,
        limits=tuple(set_for),
    )


@lru_cache(maxsize=64)
def rules_of(pack_id: str, mode: str, signed_by: str | None, signed_on: str | None) -> RuleSet:
    """Return a programme's rules, checked for its mode.

    Raises:
        RefusedError: no such pack; in clinical mode an entry of low confidence, or no signature.
    """
    signed = date.fromisoformat(signed_on) if signed_on else None
    table = replace(HOME_LEVELS, signed_by=signed_by, signed_on=signed)
    return rule_set(load(pack_id, PACKS, Mode(mode)), table, Mode(mode))


NOBODY: Final = Subject(
    person_id="",
    birth_date=None,
    pregnant=False,
    rules=rules_of(DEFAULT_PACK, Mode.EVALUATION.value, None, None),
    cadence=timedelta(seconds=_DEFAULT_CADENCE_S),
    assigned_doctor_id=None,
    programme_id=None,
)
