"""The book of calls: the row of each call, moved only along the table, with who and when.

Plain functions in a transaction. The row is the truth about a call's state; rooms and screens
follow it. Two timers drive what nobody does: `call_ring` (nobody answers) and `call_lease`, which
the server that holds the room renews while anybody is in it, so that a call whose server and
pages are all gone is concluded too (docs/calls.md, "Timers").
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from telehealth.access import reach, scope
from telehealth.access.policy import Action as Wish
from telehealth.access.policy import Actor, Role
from telehealth.calls.seat import Member
from telehealth.calls.states import ENDED, Action, CallState, Party, move
from telehealth.consents import giving
from telehealth.consents.items import Item
from telehealth.errors import (
    ConsentWithdrawnError,
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from telehealth.people.records import names_of, open_personal
from telehealth.store.database import Reader, Row, Transaction
from telehealth.timers import Due, cancel_timer, set_timer

RING_TIMER: Final = "call_ring"
LEASE_TIMER: Final = "call_lease"
RING_MS: Final = 60_000
"""A call rings so long; a request goes so long to the assigned doctor alone."""
REQUEST_MS: Final = 15 * 60_000
"""A request that no doctor takes ends after this."""
LEASE_MS: Final = 180_000
"""A call with nobody in its room is concluded after this."""

_WIDENED: Final = b"programme"
_COLUMNS: Final = (
    "room_id, person_id, doctor_id, requested_by, state, requested_ms, accepted_ms, connected_ms,"
    " ended_ms, end_reason, accepted_by, ended_by"
)


@dataclass(frozen=True, slots=True)
class Call:
    """A row of the book."""

    room_id: str
    person_id: str
    doctor_id: str | None
    requested_by: str
    state: CallState
    requested_ms: int
    accepted_ms: int | None
    connected_ms: int | None
    ended_ms: int | None
    end_reason: str | None
    """The action that ended it."""
    accepted_by: str | None
    ended_by: str | None
    """The account that ended it; None: a timer, or the room itself."""


def party_of(actor: Actor) -> Party:
    """Return on which side of a call this account sits.

    Raises:
        NotAllowedError: on neither.
    """
    if actor.role is Role.DOCTOR:
        return Party.DOCTOR
    if actor.role is Role.PATIENT:
        return Party.PATIENT
    raise NotAllowedError(f"{actor.role} takes no part in calls")


def find(reader: Reader, room_id: str) -> Call:
    """Return the call.

    Raises:
        NotFoundError: there is none.
    """
    return _one(reader, "room_id = ?", room_id)


def members_of(reader: Reader, call: Call) -> list[Member]:
    """Return who may enter: the doctor of the call, and every log-in of the person's side.

    That is the person's own and those of carers and guardians; a relative's carries their name.
    """
    now = reader.now_ms
    rows = reader.rows(
        "SELECT a.account_id, a.display_name, a.person_id FROM account a"
        " WHERE a.disabled_ms IS NULL AND (a.account_id = ? OR a.person_id = ?"
        " OR a.person_id IN (SELECT x.proxy_person_id FROM person_proxy x WHERE x.person_id = ?"
        " AND x.from_ms <= ? AND (x.to_ms IS NULL OR x.to_ms > ?))) ORDER BY a.account_id",
        (call.doctor_id or "", call.person_id, call.person_id, now, now),
    )
    names = names_of(reader, [row[2] for row in rows])
    return [
        Member(account_id, Party.DOCTOR, name)
        if account_id == call.doctor_id
        else Member(account_id, Party.PATIENT, names.get(person_id, ""))
        for account_id, name, person_id in rows
    ]


def require_part(reader: Reader, actor: Actor, room_id: str) -> Call:
    """Return the call, for those who may act on it.

    Raises:
        NotFoundError: no such call, or none that this account may know of.
    """
    call = find(reader, room_id)
    party = party_of(actor)
    if party is Party.DOCTOR and call.doctor_id is not None:
        mine = actor.account_id == call.doctor_id
    else:
        mine = scope.may(reader, actor, call.person_id, Wish.CALL)
    if not mine:
        raise NotFoundError(f"no call {room_id}")
    return call


def open_calls(reader: Reader, actor: Actor) -> list[Call]:
    """Return the calls that are open for this account: its own, and requests that ring for it."""
    if party_of(actor) is Party.PATIENT:
        persons = scope.Scope(actor, Wish.CALL, reader.now_ms).persons(reader)
        return [
            call
            for person_id in sorted(persons)
            for call in _many(reader, "person_id = ? AND ended_ms IS NULL", person_id)
        ]
    own = _many(reader, "doctor_id = ? AND ended_ms IS NULL", actor.account_id)
    asked = _many(reader, "doctor_id IS NULL AND ended_ms IS NULL AND state = ?", "requested")
    return own + [call for call in asked if actor.account_id in _doctors_told(reader, call)]


@dataclass(frozen=True, slots=True)
class CallShown:
    """A call as one side of it sees it."""

    room_id: str
    state: CallState
    side: Party
    """On which side this account sits."""
    rings: bool
    """Whether it waits for this side to answer."""
    name: str
    """Of the other side; empty while no doctor has taken a request."""
    person_id: str


def shown(reader: Reader, actor: Actor, call: Call) -> CallShown:
    """Return the call as this account sees it."""
    party = party_of(actor)
    if party is Party.DOCTOR:
        name = open_personal(reader, call.person_id).name
    else:
        sql = "SELECT display_name FROM account WHERE account_id = ?"
        name = next((row[0] for row in reader.rows(sql, (call.doctor_id or "",))), "")
    waits_for = {CallState.REQUESTED: Party.DOCTOR, CallState.OFFERED: Party.PATIENT}
    return CallShown(
        room_id=call.room_id,
        state=call.state,
        side=party,
        rings=waits_for.get(call.state) is party,
        name=name,
        person_id=call.person_id,
    )


def offer(tx: Transaction, actor: Actor, person_id: str, alert_id: str | None = None) -> Call:
    """Ring a person, or ring back one who asked; doing it twice is one call.

    Raises:
        NotAllowedError: the policy does not let this doctor call this person.
        RefusedError: the alert that it is about is not this person's.
        ConsentWithdrawnError: the person does not want video calls, and has not asked for this one.
        IllegalTransitionError: the person is in a call with somebody else.
    """
    scope.require(tx, actor, person_id, Wish.CALL)
    about = (alert_id, person_id)
    if alert_id and not tx.rows("SELECT 1 FROM alert WHERE alert_id = ? AND person_id = ?", about):
        raise RefusedError("alert_id", "an alert of this person", alert_id)
    if not may_ring(tx, person_id):
        raise ConsentWithdrawnError("withdrawn", Action.OFFER, "telephone, or send somebody")
    call = _open_or_new(tx, actor, person_id, CallState.OFFERED, alert_id)
    if call.state is CallState.REQUESTED:
        return advance(tx, call.room_id, Action.OFFER, Party.DOCTOR, actor.account_id)
    if call.doctor_id != actor.account_id:
        raise IllegalTransitionError(call.state, Action.OFFER, "another doctor is calling")
    return call


def may_ring(reader: Reader, person_id: str) -> bool:
    """Say whether a person may be rung: they did not take video calls back, or ask for one now.

    Whoever was never asked may be: that each call is answered by hand is their yes to that one.
    """
    return not giving.has_withdrawn(reader, person_id, Item.VIDEO_CALL) or bool(
        _many(reader, "person_id = ? AND ended_ms IS NULL", person_id)
    )


def request(tx: Transaction, actor: Actor, person_id: str | None = None) -> Call:
    """Ask for a doctor, for oneself or for whom one cares; doing it twice is one call.

    Raises:
        NotAllowedError: the account is no person's, or may not call for that one.
    """
    wanted = person_id or actor.person_id
    if wanted is None or actor.role is not Role.PATIENT:
        raise NotAllowedError(f"{actor.role} {actor.account_id} is no patient")
    scope.require(tx, actor, wanted, Wish.CALL)
    return _open_or_new(tx, actor, wanted, CallState.REQUESTED, None)


def advance(tx: Transaction, room_id: str, action: Action, party: Party, by: str | None) -> Call:
    """Move a call one step along the table, with its instants and timers.

    Raises:
        NotFoundError: no such call.
        IllegalTransitionError: the table has no such step from where the call stands.
        NotAllowedError: it has, but not for this party.
    """
    call = _one(tx, "room_id = ?" + ("" if tx.is_sqlite else " FOR UPDATE"), room_id)
    after = move(call.state, action, party)
    now = tx.now_ms
    tx.execute(
        "UPDATE call SET state = ?, changed_in = ?, doctor_id = ?, accepted_ms = ?,"
        " connected_ms = ?, ended_ms = ?, end_reason = ?, accepted_by = ?, ended_by = ?"
        " WHERE room_id = ?",
        (
            after.value,
            tx.number,
            by if action is Action.OFFER else call.doctor_id,
            now if action is Action.ACCEPT else call.accepted_ms,
            call.connected_ms or (now if action is Action.CONNECT else None),
            now if after in ENDED else None,
            action.value if after in ENDED else None,
            by if action is Action.ACCEPT else call.accepted_by,
            by if after in ENDED else None,
            room_id,
        ),
    )
    if action is Action.OFFER:
        set_timer(tx, RING_TIMER, room_id, now + RING_MS)
    if action is Action.ACCEPT or after in ENDED:
        cancel_timer(tx, RING_TIMER, room_id)
    if action is Action.ACCEPT:
        set_timer(tx, LEASE_TIMER, room_id, now + LEASE_MS)
    if after in ENDED:
        cancel_timer(tx, LEASE_TIMER, room_id)
    return find(tx, room_id)


def renew_leases(tx: Transaction, room_ids: Sequence[str]) -> None:
    """Say that somebody is in these rooms."""
    for room_id in sorted(room_ids):
        tx.execute(
            "UPDATE timer SET due_ms = ? WHERE kind = ? AND subject_id = ?",
            (tx.now_ms + LEASE_MS, LEASE_TIMER, room_id),
        )


def on_ring_due(tx: Transaction, due: Due) -> list[str]:
    """Nobody answered: a request goes to the whole programme first, then the call is a no-show.

    Returns:
        The bus topics to tell after the commit.
    """
    call = _one_or_none(tx, "room_id = ?", due.subject_id)
    if call is None:
        return []
    if call.state is CallState.REQUESTED and due.payload != _WIDENED:
        set_timer(tx, RING_TIMER, call.room_id, call.requested_ms + REQUEST_MS, _WIDENED)
        return topics(tx, call)
    return _end_by_timer(tx, call, Action.RING_OUT)


def on_lease_due(tx: Transaction, due: Due) -> list[str]:
    """Nobody has been in the room for `LEASE_MS`: the call is concluded."""
    call = _one_or_none(tx, "room_id = ?", due.subject_id)
    return [] if call is None else _end_by_timer(tx, call, Action.ABANDON)


def topics(reader: Reader, call: Call) -> list[str]:
    """Return the bus topics of all whom a change of this call concerns."""
    accounts = {member.account_id for member in members_of(reader, call)}
    if call.doctor_id is None:
        accounts |= _doctors_told(reader, call)
    return [f"room:{call.room_id}", *(f"account:{account}" for account in sorted(accounts))]


def _end_by_timer(tx: Transaction, call: Call, action: Action) -> list[str]:
    try:
        call = advance(tx, call.room_id, action, Party.ENGINE, None)
    except IllegalTransitionError:
        return []
    return topics(tx, call)


def _open_or_new(
    tx: Transaction, actor: Actor, person_id: str, state: CallState, alert_id: str | None
) -> Call:
    """Return the person's open call, or a new one in `state`; at most one is ever open."""
    room_id = f"ca-{secrets.token_hex(8)}"
    doctor_id = actor.account_id if state is CallState.OFFERED else None
    made = tx.execute(
        "INSERT INTO call (room_id, person_id, doctor_id, alert_id, requested_by, state,"
        " requested_ms, changed_in) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            room_id, person_id, doctor_id, alert_id, actor.account_id, state.value, tx.now_ms,
            tx.number,
        ),
    )  # fmt: skip
    if made:
        set_timer(tx, RING_TIMER, room_id, tx.now_ms + RING_MS)
    return _one(tx, "person_id = ? AND ended_ms IS NULL", person_id)


def _doctors_told(reader: Reader, call: Call) -> set[str]:
    """Return whom a request rings for: the assigned doctor; later, or without one, all there."""
    rows = reader.rows(
        "SELECT assigned_doctor_id FROM f0_case WHERE person_id = ? AND closed_ms IS NULL",
        (call.person_id,),
    )
    assigned = rows[0][0] if rows else None
    if assigned is not None and reader.now_ms < call.requested_ms + RING_MS:
        return {assigned}
    return {*reach.doctors_of(reader, call.person_id)} | ({assigned} if assigned else set())


def _one(reader: Reader, condition: str, key: str) -> Call:
    call = _one_or_none(reader, condition, key)
    if call is None:
        raise NotFoundError(f"no call {key}")
    return call


def _one_or_none(reader: Reader, condition: str, key: str) -> Call | None:
    rows = reader.rows(f"SELECT {_COLUMNS} FROM call WHERE {condition}", (key,))  # noqa: S608
    return _call(rows[0]) if rows else None


def _many(reader: Reader, condition: str, key: str | None) -> list[Call]:
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM call WHERE {condition} ORDER BY requested_ms",  # noqa: S608
        (key,),
    )
    return [_call(row) for row in rows]


def _call(row: Row) -> Call:
    room_id, person_id, doctor_id, requested_by, state, *rest = row
    return Call(room_id, person_id, doctor_id, requested_by, CallState(state), *rest)


TIMER_HANDLERS: Final = {RING_TIMER: on_ring_due, LEASE_TIMER: on_lease_due}
"""What the timers' loop calls for each kind of ours."""
