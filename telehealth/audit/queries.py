"""Who read, who did, who was refused: the log as people ask it, newest first, a page at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from telehealth.access.policy import Decision
from telehealth.access.scope import CASE_JOIN, Scope
from telehealth.audit.actions import READINGS, AuditAction
from telehealth.errors import RefusedError
from telehealth.people.records import names_of
from telehealth.store.database import Reader

MAX_LIMIT: Final = 500
_LAST_MS: Final = 253_370_764_800_000
"""The year 9999."""
_COLUMNS: Final = (
    "e.at_ms, e.chain_id, e.seq, e.action, e.decision, e.actor_id, e.role, e.grant_id, e.person_id,"
    " e.target, e.purpose, e.basis, e.address, e.session, a.display_name, a.person_id, l.name"
)
_JOINS: Final = (
    "FROM audit e LEFT JOIN account a ON a.account_id = e.actor_id"
    " LEFT JOIN role_grant r ON r.grant_id = e.grant_id"
    " LEFT JOIN place l ON l.place_id = r.place_id"
)
_TOLD: Final = tuple(sorted(READINGS - {AuditAction.VIEW_CLOSED, AuditAction.CALL_LEFT}))
"""What a person is told of: that something was opened, once, and not also that it was closed."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last entry of a page; what comes after it is older."""

    at_ms: int
    chain_id: str
    seq: int

    def __str__(self) -> str:
        """Return it as a link carries it."""
        return f"{self.at_ms}.{self.chain_id}.{self.seq}"

    @classmethod
    def of(cls, text: str) -> Self:
        """Read what a link carried.

        Raises:
            RefusedError: it is none.
        """
        parts = text.split(".")
        numbers = [parts[0], parts[-1]]
        if len(parts) != 3 or not all(n.isascii() and n.isdigit() and len(n) < 19 for n in numbers):
            raise RefusedError("before", "a place in the log", text[:80])
        return cls(int(parts[0]), parts[1], int(parts[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries are asked for; what is empty does not narrow."""

    person_ids: Sequence[str] = ()
    actor_id: str = ""
    not_actor_id: str = ""
    actions: Sequence[str] = ()
    decisions: Sequence[str] = ()
    from_ms: int | None = None
    """The first instant."""
    to_ms: int | None = None
    """The first instant that is not asked for any more."""
    within: Scope | None = None
    """Only entries about people whom this scope allows; None: all, also those about nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An entry with the names of who did it and of the place where they serve."""

    cursor: Cursor
    at_ms: int
    action: str
    decision: str
    actor_id: str
    actor_name: str
    """As staff are called, or a carer's own name; empty: a gateway, a command, nobody known."""
    role: str
    place: str
    person_id: str
    target: str
    purpose: str
    basis: str
    address: str
    session: str


def entries(
    reader: Reader, wanted: Wanted, *, limit: int, before: Cursor | None = None
) -> list[Seen]:
    """Return entries, newest first.

    Args:
        reader: the reading transaction.
        wanted: which.
        limit: at most so many, 1 to 500.
        before: only what is older than this one.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise RefusedError("limit", f"1 to {MAX_LIMIT}", limit)
    conditions, values = _conditions(wanted)
    if before is not None:
        conditions.append("(e.at_ms, e.chain_id, e.seq) < (?, ?, ?)")
        values += [before.at_ms, before.chain_id, before.seq]
    where = " AND ".join(conditions) or "1 = 1"
    rows = reader.rows(
        f"SELECT {_COLUMNS} {_JOINS} WHERE {where}"
        f" ORDER BY e.at_ms DESC, e.chain_id DESC, e.seq DESC LIMIT {int(limit)}",
        values,
    )
    names = names_of(reader, (row[15] for row in rows))
    return [_seen(row, names) for row in rows]


def _conditions(wanted: Wanted) -> tuple[list[str], list[Any]]:
    parts: list[tuple[str, Iterable[Any]]] = []
    for column, among in (
        ("person_id", wanted.person_ids),
        ("action", wanted.actions),
        ("decision", wanted.decisions),
    ):
        if among:
            parts.append((f"e.{column} IN ({', '.join('?' * len(among))})", map(str, among)))
    if wanted.actor_id:
        parts.append(("e.actor_id = ?", [wanted.actor_id]))
    if wanted.not_actor_id:
        parts.append(("e.actor_id <> ?", [wanted.not_actor_id]))
    if wanted.from_ms is not None:
        parts.append(("e.at_ms >= ?", [wanted.from_ms]))
    if wanted.to_ms is not None:
        parts.append(("e.at_ms < ?", [wanted.to_ms]))
    if wanted.within is not None:
        sql, values = wanted.within.condition()
        people = f"SELECT p.person_id FROM person p {CASE_JOIN} WHERE {sql}"  # noqa: S608
        parts.append((f"e.person_id IN ({people})", values))
    return [sql for sql, _ in parts], [value for _, own in parts for value in own]


def _seen(row: Sequence[Any], names: dict[str, str]) -> Seen:
    at_ms, chain_id, seq, action, decision, actor_id, role, _grant, person_id, target = row[:10]
    purpose, basis, address, session, staff_name, own_person_id, place = row[10:]
    name = names.get(own_person_id, "") if own_person_id else staff_name
    return Seen(
        cursor=Cursor(at_ms, chain_id, seq),
        at_ms=_shown_ms(at_ms),
        action=action,
        decision=decision,
        actor_id=actor_id,
        actor_name=name or "",
        role=role,
        place=place or "",
        person_id=person_id,
        target=target,
        purpose=purpose,
        basis=basis,
        address=address,
        session=session,
    )


def _shown_ms(at_ms: Any) -> int:
    """Return an instant that a calendar has, also of a row that somebody bent."""
    return min(max(int(at_ms), 0), _LAST_MS) if isinstance(at_ms, int | float) else 0


def reads_of(
    reader: Reader,
    person_id: str,
    *,
    limit: int,
    before: Cursor | None = None,
    but: str = "",
) -> list[Seen]:
    """Return who read a person's data, also under records that were merged into theirs.

    Args:
        reader: the reading transaction.
        person_id: whose.
        limit: at most so many.
        before: only what is older than this one.
        but: an account whose own looks are left out: the one that asks.
    """
    wanted = Wanted(
        person_ids=[person_id, *_merged_into(reader, person_id)],
        actions=_TOLD,
        decisions=[Decision.ALLOW, Decision.BREAK_GLASS],
        not_actor_id=but,
    )
    return entries(reader, wanted, limit=limit, before=before)


def _merged_into(reader: Reader, person_id: str) -> list[str]:
    """Return the records that are this person's now, however many merges ago."""
    found: list[str] = []
    waiting = [person_id]
    while waiting:
        rows = reader.rows("SELECT person_id FROM person WHERE merged_into = ?", (waiting.pop(),))
        waiting += [row[0] for row in rows]
        found += [row[0] for row in rows]
    return found


def by_actor(
    reader: Reader, actor_id: str, *, limit: int, before: Cursor | None = None
) -> list[Seen]:
    """Return what an account, a gateway or the user of a command did."""
    return entries(reader, Wanted(actor_id=actor_id), limit=limit, before=before)


def denied_of_late(reader: Reader, *, since_ms: int, limit: int) -> list[Seen]:
    """Return what was refused since an instant."""
    return entries(reader, Wanted(decisions=[Decision.DENY], from_ms=since_ms), limit=limit)


def glass_broken(reader: Reader, *, since_ms: int, limit: int) -> list[Seen]:
    """Return what was seen and done behind broken glass since an instant."""
    wanted = Wanted(decisions=[Decision.BREAK_GLASS], from_ms=since_ms)
    return entries(reader, wanted, limit=limit)
