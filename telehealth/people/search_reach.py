"""Where to look for those whom a scope may hold: a few people one by one, or ranges of the index.

Returns a superset, cheaply; `Scope.condition` decides of each person found. A commune's people are
few enough to be gone through; a province's stand together in its buckets of the index.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from telehealth.access.policy import ALLOWED, Actor, Relation, Role
from telehealth.access.scope import Scope
from telehealth.people.places_tree import COUNTRY
from telehealth.people.search_index import NOWHERE
from telehealth.store.database import Reader

FEW: Final = 2_000
"""So many people are gone through one by one; more are looked up by ranges of the index."""
MOST_BUCKETS: Final = 8
"""Beneath a place with more provinces than this the whole index is read."""
_BENEATH: Final = (
    "FROM place_ancestor a JOIN person p ON p.place_id = a.place_id WHERE a.ancestor_id = ?"
)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where somebody of the scope can be."""

    person_ids: tuple[str, ...]
    """These people, and"""
    buckets: tuple[str, ...] | None
    """whoever is in these buckets; None: in any."""


def reach_of(reader: Reader, scope: Scope) -> Reach:
    """Return where the people of a scope are."""
    actor = scope.actor
    relations = {how for how in Relation if scope.action in ALLOWED.get((actor.role, how), ())}
    few = _tied(reader, scope, relations)
    if Relation.AREA not in relations:
        return Reach(tuple(few), ())
    area = _area(reader, actor)
    return Reach(tuple(dict.fromkeys((*few, *area.person_ids))), area.buckets)


def _area(reader: Reader, actor: Actor) -> Reach:
    """Return where those are whom a role reaches by its place and programme."""
    everywhere = actor.place_id is None or _is_country(reader, actor.place_id)
    if not everywhere:
        counted = f"SELECT count(*) FROM (SELECT 1 {_BENEATH} LIMIT ?) AS counted"  # noqa: S608
        if reader.rows(counted, (actor.place_id, FEW + 1))[0][0] <= FEW:
            beneath = _ids(reader, f"SELECT p.person_id {_BENEATH}", (actor.place_id,))
            return Reach(tuple(beneath), (NOWHERE,))
    if actor.role is Role.DOCTOR or actor.programme_id is not None:
        patients = _patients(reader, actor.programme_id)
        if len(patients) <= FEW:
            return Reach(tuple(patients), ())
    buckets = [] if everywhere else _buckets(reader, actor.place_id or "")
    if everywhere or len(buckets) > MOST_BUCKETS:
        return Reach((), None)
    return Reach((), (*buckets, NOWHERE))


def _patients(reader: Reader, programme_id: str | None) -> list[str]:
    """Return who has an open case, in a programme or in any; one more than few at most."""
    where = "" if programme_id is None else " AND programme_id = ?"
    return _ids(
        reader,
        f"SELECT person_id FROM f0_case WHERE closed_ms IS NULL{where} LIMIT ?",  # noqa: S608
        ((FEW + 1,) if programme_id is None else (programme_id, FEW + 1)),
    )


def _tied(reader: Reader, scope: Scope, relations: set[Relation]) -> list[str]:
    """Return who stands close to the actor, wherever they live."""
    actor, now = scope.actor, scope.now_ms
    found: list[str] = []
    if actor.person_id is not None and Relation.SELF in relations:
        found.append(actor.person_id)
    if actor.person_id is not None and {Relation.GUARDIAN, Relation.CARER} & relations:
        sql = "SELECT person_id FROM person_proxy WHERE proxy_person_id = ?"
        found += _ids(reader, sql, (actor.person_id,))
    if Relation.ASSIGNED in relations:
        sql = "SELECT person_id FROM f0_case WHERE assigned_doctor_id = ? AND closed_ms IS NULL"
        found += _ids(reader, sql, (actor.account_id,))
    if Relation.GLASS_BROKEN in relations:
        sql = "SELECT person_id FROM break_glass WHERE account_id = ? AND ends_ms > ?"
        found += _ids(reader, sql, (actor.account_id, now))
    return found


def _ids(reader: Reader, sql: str, params: Sequence[Any]) -> list[str]:
    return [row[0] for row in reader.rows(sql, params)]


def _is_country(reader: Reader, place_id: str) -> bool:
    sql = "SELECT 1 FROM place WHERE place_id = ? AND level = ?"
    return bool(reader.rows(sql, (place_id, COUNTRY)))


def _buckets(reader: Reader, place_id: str) -> list[str]:
    """Return the topmost places above anything beneath a place, as it is and as it was."""
    return _ids(
        reader,
        "SELECT DISTINCT b.ancestor_id FROM place_ancestor s"
        " JOIN place_ancestor b ON b.place_id = s.place_id"
        " JOIN place p ON p.place_id = b.ancestor_id LEFT JOIN place u ON u.place_id = p.parent_id"
        " WHERE s.ancestor_id = ? AND (u.place_id IS NULL OR u.level = ?)",
        (place_id, COUNTRY),
    )
