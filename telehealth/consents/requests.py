"""Requests of people about their data: tickets with the law's clocks (Decree 356/2025).

Theory of operation. Whoever asks has a ticket that is `open`; it is `answered` when the privacy
officer has said what will happen and how, and ends `done` or `refused` with the reason. What is not
in `TRANSITIONS` cannot happen. The clocks are set once, when the ticket is opened.
"""

import secrets
from collections.abc import Set
from dataclasses import dataclass
from datetime import date, tzinfo
from enum import StrEnum
from typing import Final

from protocols.uplink import epoch_ms
from telehealth.access.policy import Action as PolicyAction
from telehealth.access.policy import Actor
from telehealth.access.scope import CASE_JOIN, Scope
from telehealth.consents.deadlines import DONE_DAYS, Kind, answer_due, done_due
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.people.records import unseal
from telehealth.store.database import Reader, Row, Transaction

_LONGEST: Final = 2_000
_TABLE: Final = "subject_request"


class State(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    ANSWERED = "answered"
    DONE = "done"
    REFUSED = "refused"


class Action(StrEnum):
    """What a privacy officer does to it."""

    ANSWER = "answer"
    DO = "do"
    REFUSE = "refuse"


TRANSITIONS: Final = {
    (State.OPEN, Action.ANSWER): State.ANSWERED,
    (State.ANSWERED, Action.DO): State.DONE,
    (State.ANSWERED, Action.REFUSE): State.REFUSED,
}
_NEEDS_DETAILS: Final = frozenset({Kind.CORRECT})
"""Without saying what is wrong nothing can be corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One request."""

    request_id: str
    person_id: str
    person: str
    """The name; empty once erased."""
    kind: Kind
    state: State
    details: str
    opened_ms: int
    answer_due_ms: int
    done_due_ms: int
    answered_ms: int | None
    closed_ms: int | None
    outcome: str

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done."""
        return self.state in (State.OPEN, State.ANSWERED)

    @property
    def due_ms(self) -> int:
        """Return the next deadline."""
        return self.answer_due_ms if self.state is State.OPEN else self.done_due_ms

    def is_late(self, now_ms: int) -> bool:
        """Say whether the deadline has passed."""
        return self.is_open and now_ms > self.due_ms


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawn consent on which something may still rest."""

    consent_id: str
    person_id: str
    person: str
    item: str
    withdrawn_ms: int
    due_ms: int


def ask(
    tx: Transaction,
    person_id: str,
    kind: str,
    *,
    details: str,
    opened_by: str,
    zone: tzinfo,
    holidays: Set[date] = frozenset(),
) -> str:
    """Open a ticket and set its clocks; returns its id.

    Raises:
        RefusedError: no such kind, or a correction without words.
        IllegalTransitionError: one of this kind is open already.
        NotFoundError: no such person.
    """
    if kind not in set(Kind):
        raise RefusedError("kind", f"one of {[k.value for k in Kind]}", kind[:20])
    least = int(kind in _NEEDS_DETAILS)
    if not least <= len(details.strip()) <= _LONGEST:
        raise RefusedError("details", f"{least} to {_LONGEST} characters", len(details))
    if not tx.rows("SELECT 1 FROM person WHERE person_id = ?", (person_id,)):
        raise NotFoundError(f"no person {person_id}")
    if any(t.is_open and t.kind == kind for t in of_person(tx, person_id)):
        raise IllegalTransitionError("open", "ask", "a request of this kind is open")
    request_id = f"rq-{secrets.token_hex(8)}"
    answer_by = answer_due(tx.now, zone, holidays)
    done_by = done_due(tx.now, DONE_DAYS[Kind(kind)], zone)
    columns = (
        "request_id", "person_id", "kind", "details", "state", "opened_ms", "opened_by",
        "answer_due_ms", "done_due_ms",
    )  # fmt: skip
    row = (
        request_id, person_id, kind, _sealed(tx, "details", request_id, details),
        State.OPEN.value, tx.now_ms, opened_by, epoch_ms(answer_by), epoch_ms(done_by),
    )  # fmt: skip
    tx.insert(_TABLE, columns, [row])
    return request_id


def move(tx: Transaction, request_id: str, action: Action, *, by: str, outcome: str) -> Ticket:
    """Carry a ticket one step on; returns it as it then stands.

    Args:
        tx: the transaction that also does what was asked.
        request_id: which.
        action: what happens to it.
        by: the account that does it.
        outcome: what the person is told: how it goes on, what was done, or why not.

    Raises:
        NotFoundError: no such ticket.
        IllegalTransitionError: not from where it stands.
        RefusedError: not a word for the person.
    """
    ticket = load(tx, request_id)
    after = TRANSITIONS.get((ticket.state, action))
    if after is None:
        raise IllegalTransitionError(ticket.state.value, action.value)
    if not 0 < len(outcome.strip()) <= _LONGEST:
        raise RefusedError("outcome", f"1 to {_LONGEST} characters", len(outcome))
    stamp = "answered" if action is Action.ANSWER else "closed"
    sealed = _sealed(tx, "outcome", request_id, outcome)
    touched = tx.execute(
        f"UPDATE subject_request SET state = ?, outcome = ?, {stamp}_ms = ?, {stamp}_by = ?"  # noqa: S608
        " WHERE request_id = ? AND state = ?",
        (after.value, sealed, tx.now_ms, by, request_id, ticket.state.value),
    )
    if not touched:  # somebody else moved it between the look and the step
        raise IllegalTransitionError(ticket.state.value, action.value)
    return load(tx, request_id)


_SELECT: Final = (
    "SELECT t.request_id, t.person_id, p.personal, t.kind, t.state, t.details, t.opened_ms,"
    " t.answer_due_ms, t.done_due_ms, t.answered_ms, t.closed_ms, t.outcome"
    " FROM subject_request t JOIN person p ON p.person_id = t.person_id"
)


def load(reader: Reader, request_id: str) -> Ticket:
    """Return one ticket.

    Raises:
        NotFoundError: no such ticket.
    """
    rows = reader.rows(f"{_SELECT} WHERE t.request_id = ?", (request_id,))
    if not rows:
        raise NotFoundError(f"no request {request_id}")
    return _ticket(reader, rows[0])


def of_person(reader: Reader, person_id: str) -> list[Ticket]:
    """Return a person's tickets, the newest first."""
    rows = reader.rows(
        f"{_SELECT} WHERE t.person_id = ? ORDER BY t.opened_ms DESC, t.request_id", (person_id,)
    )
    return [_ticket(reader, row) for row in rows]


def to_do(reader: Reader, actor: Actor, *, closed: int = 50) -> list[Ticket]:
    """Return the tickets that this officer may answer: open ones by deadline, then the last closed.

    Args:
        reader: the transaction.
        actor: who looks.
        closed: how many closed ones.
    """
    where, values = Scope(actor, PolicyAction.ANSWER_REQUEST, reader.now_ms).condition()
    sql = f"{_SELECT} {CASE_JOIN} WHERE {where}"
    due = "CASE WHEN t.state = 'open' THEN t.answer_due_ms ELSE t.done_due_ms END"
    still = reader.rows(
        f"{sql} AND t.state IN ('open', 'answered') ORDER BY {due}, t.request_id", values
    )
    over = reader.rows(
        f"{sql} AND t.state IN ('done', 'refused') ORDER BY t.closed_ms DESC LIMIT ?",
        (*values, closed),
    )
    return [_ticket(reader, row) for row in (*still, *over)]


def withdrawals(reader: Reader, actor: Actor) -> list[Withdrawal]:
    """Return the withdrawn consents that this officer must see through, by deadline."""
    where, values = Scope(actor, PolicyAction.ANSWER_REQUEST, reader.now_ms).condition()
    rows = reader.rows(
        "SELECT w.consent_id, w.person_id, p.personal, w.item, w.withdrawn_ms, w.due_ms"  # noqa: S608
        f" FROM consent w JOIN person p ON p.person_id = w.person_id {CASE_JOIN}"
        f" WHERE w.due_ms IS NOT NULL AND w.done_ms IS NULL AND {where}"
        " ORDER BY w.due_ms, w.consent_id",
        values,
    )
    return [Withdrawal(r[0], r[1], unseal(reader.vault, r[1], r[2]).name, *r[3:]) for r in rows]


def _ticket(reader: Reader, row: Row) -> Ticket:
    request_id, person_id, personal, kind, state, details = row[:6]
    return Ticket(
        request_id=request_id,
        person_id=person_id,
        person=unseal(reader.vault, person_id, personal).name,
        kind=Kind(kind),
        state=State(state),
        details=_opened(reader, "details", request_id, details),
        opened_ms=row[6],
        answer_due_ms=row[7],
        done_due_ms=row[8],
        answered_ms=row[9],
        closed_ms=row[10],
        outcome=_opened(reader, "outcome", request_id, row[11]),
    )


def _sealed(reader: Reader, column: str, request_id: str, text: str) -> bytes:
    return reader.vault.seal(text.strip().encode(), _TABLE, column, request_id)


def _opened(reader: Reader, column: str, request_id: str, sealed: bytes | None) -> str:
    if sealed is None:
        return ""
    return reader.vault.open(bytes(sealed), _TABLE, column, request_id).decode()
