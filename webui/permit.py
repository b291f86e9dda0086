"""What every handler that touches a person passes: the policy, then the audit log, then the act.

What is read is read in the transaction that asked the policy; the answer leaves only after its
audit entry is durable. What is done is written down before it is done: an entry whose act then
failed says too much, never too little.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from aiohttp import web

from telehealth.access import scope
from telehealth.access.break_glass import basis_of
from telehealth.access.policy import PURPOSE_OF, Action, Decision, Relation
from telehealth.access.scope import Permit
from telehealth.access.sessions import SignedIn
from telehealth.audit.actions import AuditAction
from telehealth.audit.chain import Entry
from telehealth.errors import BreakGlassError, NotAllowedError
from telehealth.store.database import Reader
from webui.keys import SERVICES, signed_in, signed_in_or_none
from webui.peer import peer_of

T = TypeVar("T")


async def look_at(
    request: web.Request,
    person_id: str,
    action: Action,
    noted: AuditAction,
    look: Callable[[Reader], T],
    *,
    target: str = "",
) -> T:
    """Return what `look` reads of a person, if the policy allows it and the log has taken it.

    Raises:
        NotAllowedError: the policy does not allow it; the refusal is in the log too.
        UnavailableError: the log cannot be written, so nothing is shown.
    """
    who = signed_in(request)

    def allowed(reader: Reader) -> tuple[Permit, str, T]:
        permit = scope.require(reader, who.actor, person_id, action)
        return permit, basis_of(reader, permit), look(reader)

    try:
        permit, basis, found = await request.app[SERVICES].database.read(allowed)
    except NotAllowedError as error:
        await refused(request, noted, error, person_id=person_id)
        raise
    await note(
        request,
        noted,
        person_id=person_id,
        target=target,
        basis=basis,
        decision=decision_of(permit),
    )
    return found


async def before(
    request: web.Request, person_id: str, action: Action, noted: AuditAction, *, target: str = ""
) -> Permit:
    """Ask the policy and write down what is about to be done to a person.

    Raises:
        NotAllowedError: the policy does not allow it; the refusal is in the log too.
        UnavailableError: the log cannot be written, so nothing may be done.
    """
    who = signed_in(request)

    def allowed(reader: Reader) -> tuple[Permit, str]:
        permit = scope.require(reader, who.actor, person_id, action)
        return permit, basis_of(reader, permit)

    try:
        permit, basis = await request.app[SERVICES].database.read(allowed)
    except NotAllowedError as error:
        await refused(request, noted, error, person_id=person_id)
        raise
    await note(
        request,
        noted,
        person_id=person_id,
        target=target,
        basis=basis,
        decision=decision_of(permit),
    )
    return permit


def decision_of(permit: Permit) -> str:
    """Return how the log calls an allowance."""
    broken = permit.relation is Relation.GLASS_BROKEN
    return (Decision.BREAK_GLASS if broken else Decision.ALLOW).value


async def note(
    request: web.Request,
    action: AuditAction,
    *,
    person_id: str = "",
    target: str = "",
    basis: str = "",
    decision: str = "allow",
) -> None:
    """Write one entry about this request; durable when it returns.

    Raises:
        UnavailableError: it is not.
    """
    entry = entry_of(
        request, action, person_id=person_id, target=target, basis=basis, decision=decision
    )
    await request.app[SERVICES].audit.record(entry)


async def note_many(
    request: web.Request, action: AuditAction, person_ids: list[str], *, target: str = ""
) -> None:
    """Write one entry for each person of a list that is shown."""
    entries = [entry_of(request, action, person_id=key, target=target) for key in person_ids]
    await request.app[SERVICES].audit.record(*entries)


async def refused(
    request: web.Request, action: AuditAction, error: NotAllowedError, *, person_id: str = ""
) -> None:
    """Write down that somebody wanted what they may not."""
    basis = "may_break_glass" if isinstance(error, BreakGlassError) else ""
    await note(request, action, person_id=person_id, basis=basis, decision="deny")


def entry_of(
    request: web.Request,
    action: AuditAction,
    *,
    person_id: str = "",
    target: str = "",
    basis: str = "",
    decision: str = "allow",
) -> Entry:
    """Return the entry of this request: who, in which role, from where."""
    who: SignedIn | None = signed_in_or_none(request)
    entry = Entry(
        action=action,
        decision=decision,
        actor_id="nobody",
        person_id=person_id,
        target=target,
        basis=basis,
        address=peer_of(request).address,
    )
    if who is None:
        return entry
    return replace(
        entry,
        actor_id=who.account_id,
        role=who.role,
        grant_id=who.grant_id or "",
        purpose=PURPOSE_OF[who.role],
        session=who.session_hash.hex()[:16],
    )
