"""The policy applied to the database: may this account do this to this person, and to whom at all.

`Scope` is the policy as a query. It holds for exactly the people whom `decide` allows one by one:
a property test compares the two (tests/telehealth/access/test_scope.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from telehealth.access.policy import (
    ALLOWED,
    PURPOSE_OF,
    UNRESTRICTED,
    Action,
    Actor,
    Decision,
    Purpose,
    Relation,
    Role,
    Subject,
    decide,
    relation,
)
from telehealth.errors import BreakGlassError, NotAllowedError
from telehealth.store.database import Reader

_SUBJECT: Final = (
    "SELECT p.restricted_ms, p.merged_into, COALESCE(p.place_id, g.place_id), c.programme_id,"
    " c.assigned_doctor_id FROM person p"
    " LEFT JOIN f0_case c ON c.person_id = p.person_id AND c.closed_ms IS NULL"
    " LEFT JOIN programme g ON g.programme_id = c.programme_id WHERE p.person_id = ?"
)
_OPEN_PROXY: Final = "from_ms <= ? AND (to_ms IS NULL OR to_ms > ?)"
_GLASS: Final = "account_id = ? AND started_ms <= ? AND ends_ms > ?"


def subject_of(reader: Reader, actor: Actor, person_id: str) -> Subject:
    """Return the person as they stand to the actor now; an unknown one stands to nobody."""
    found = reader.rows(_SUBJECT, (person_id,))
    if not found:
        return Subject(person_id=person_id, is_record=False)
    restricted_ms, merged_into, place_id, programme_id, doctor_id = found[0]
    return Subject(
        person_id=person_id,
        programme_id=programme_id,
        assigned_doctor_id=doctor_id,
        places=_places(reader, place_id),
        proxy=_proxy(reader, actor, person_id),
        glass_broken=_glass_broken(reader, actor, person_id),
        restricted=restricted_ms is not None,
        is_record=merged_into is None,
    )


def _places(reader: Reader, place_id: str | None) -> frozenset[str]:
    if place_id is None:
        return frozenset()
    rows = reader.rows("SELECT ancestor_id FROM place_ancestor WHERE place_id = ?", (place_id,))
    return frozenset(row[0] for row in rows)


def _proxy(reader: Reader, actor: Actor, person_id: str) -> str | None:
    """Return the strongest tie: a guardian who is also noted as carer is a guardian."""
    if actor.role is not Role.PATIENT or actor.person_id is None:
        return None
    rows = reader.rows(
        "SELECT kind FROM person_proxy WHERE person_id = ? AND proxy_person_id = ?"  # noqa: S608 - constants
        f" AND {_OPEN_PROXY}",
        (person_id, actor.person_id, reader.now_ms, reader.now_ms),
    )
    kinds = {row[0] for row in rows}
    return next((kind for kind in ("guardian", "carer") if kind in kinds), None)


def _glass_broken(reader: Reader, actor: Actor, person_id: str) -> bool:
    sql = f"SELECT 1 FROM break_glass WHERE person_id = ? AND {_GLASS}"  # noqa: S608 - constants
    return bool(reader.rows(sql, (person_id, actor.account_id, reader.now_ms, reader.now_ms)))


@dataclass(frozen=True, slots=True)
class Permit:
    """An allowance: who, of whom, how they stand to each other, what for."""

    actor: Actor
    subject: Subject
    relation: Relation
    purpose: Purpose
    action: Action


def require(reader: Reader, actor: Actor, person_id: str, action: Action) -> Permit:
    """Return the permit, or refuse; an unknown person is refused in the same words.

    Raises:
        BreakGlassError: not as it stands, but this role may break the glass.
        NotAllowedError: the table does not allow it.
    """
    subject = subject_of(reader, actor, person_id)
    how = relation(actor, subject)
    purpose = PURPOSE_OF[actor.role]
    decision = decide(actor.role, how, purpose, action)
    if decision is Decision.ALLOW:
        return Permit(actor, subject, how, purpose, action)
    words = f"{actor.role} {actor.account_id} may not {action} of {person_id}"
    if decision is Decision.BREAK_GLASS:
        raise BreakGlassError(words, person_id)
    raise NotAllowedError(words)


def may(reader: Reader, actor: Actor, person_id: str, action: Action) -> bool:
    """Say whether the table allows it."""
    try:
        require(reader, actor, person_id, action)
    except NotAllowedError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom one actor may do one thing to, at one instant: the one value every list is cut by."""

    actor: Actor
    action: Action
    now_ms: int

    @property
    def _relations(self) -> frozenset[Relation]:
        role = self.actor.role
        return frozenset(how for how in Relation if self.action in ALLOWED.get((role, how), ()))

    def condition(self) -> tuple[str, list[Any]]:
        """Return SQL over `person p` and the open case `c` and its programme `g`, with values.

        The query joins `LEFT JOIN f0_case c … AND c.closed_ms IS NULL` and
        `LEFT JOIN programme g …`, as `CASE_JOIN` does.
        """
        parts: list[tuple[str, list[Any]]] = []
        actor, relations = self.actor, self._relations
        if Relation.SELF in relations and actor.person_id is not None:
            parts.append(("p.person_id = ?", [actor.person_id]))
        kinds = [k for k in ("guardian", "carer") if Relation(k) in relations]
        if kinds and actor.person_id is not None:
            parts.append(self._proxied(kinds))
        if Relation.ASSIGNED in relations:
            parts.append(("c.assigned_doctor_id = ?", [actor.account_id]))
        if Relation.AREA in relations:
            parts.append(self._area())
        if Relation.GLASS_BROKEN in relations:
            parts.append(self._glass())
        if not parts:
            return "1 = 0", []
        words = " OR ".join(f"({sql})" for sql, _ in parts)
        values = [value for _, own in parts for value in own]
        return f"p.merged_into IS NULL AND ({words})", values

    def _proxied(self, kinds: Sequence[str]) -> tuple[str, list[Any]]:
        """A carer noted as guardian too counts as guardian, so either tie is enough."""
        marks = ", ".join("?" for _ in kinds)
        sql = (
            "EXISTS (SELECT 1 FROM person_proxy x WHERE x.person_id = p.person_id"  # noqa: S608
            f" AND x.proxy_person_id = ? AND x.kind IN ({marks})"
            " AND x.from_ms <= ? AND (x.to_ms IS NULL OR x.to_ms > ?))"
        )
        return sql, [self.actor.person_id, *kinds, self.now_ms, self.now_ms]

    def _area(self) -> tuple[str, list[Any]]:
        actor = self.actor
        sql, values = ["1 = 1"], list[Any]()
        if actor.role not in UNRESTRICTED:
            sql.append("p.restricted_ms IS NULL")
        if actor.role is Role.DOCTOR:
            sql.append("c.programme_id IS NOT NULL")
        if actor.programme_id is not None:
            sql.append("c.programme_id = ?")
            values.append(actor.programme_id)
        if actor.place_id is not None:
            sql.append(
                "COALESCE(p.place_id, g.place_id) IN"
                " (SELECT place_id FROM place_ancestor WHERE ancestor_id = ?)"
            )
            values.append(actor.place_id)
        return " AND ".join(sql), values

    def _glass(self) -> tuple[str, list[Any]]:
        sql = (
            "EXISTS (SELECT 1 FROM break_glass b WHERE b.person_id = p.person_id"
            " AND b.account_id = ? AND b.started_ms <= ? AND b.ends_ms > ?)"
        )
        return sql, [self.actor.account_id, self.now_ms, self.now_ms]

    def persons(self, reader: Reader) -> list[str]:
        """Return them all, in no order."""
        sql, values = self.condition()
        query = f"SELECT p.person_id FROM person p {CASE_JOIN} WHERE {sql}"  # noqa: S608
        return [row[0] for row in reader.rows(query, values)]

    def persons_with_case(self, reader: Reader) -> list[str]:
        """Return those of them with an open case, in no order: a doctor's list."""
        sql, values = self.condition()
        query = (
            "SELECT p.person_id FROM f0_case c JOIN person p ON p.person_id = c.person_id"  # noqa: S608
            " JOIN programme g ON g.programme_id = c.programme_id"
            f" WHERE c.closed_ms IS NULL AND {sql}"
        )
        return [row[0] for row in reader.rows(query, values)]


CASE_JOIN: Final = (
    "LEFT JOIN f0_case c ON c.person_id = p.person_id AND c.closed_ms IS NULL"
    " LEFT JOIN programme g ON g.programme_id = c.programme_id"
)


def persons_seen_by(reader: Reader, actor: Actor) -> list[str]:
    """Return whose vitals this account may see, in no order; staff: of people with a case."""
    scope = Scope(actor, Action.SEE_VITALS, reader.now_ms)
    return scope.persons(reader) if actor.role is Role.PATIENT else scope.persons_with_case(reader)
