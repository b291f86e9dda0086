"""Requests about one's own data: made and followed by the person, dealt with by the officer."""

from typing import Any, Final

from aiohttp import web

from telehealth.access.policy import Action
from telehealth.audit.actions import AuditAction
from telehealth.consents import copy_file, erasing, requests
from telehealth.consents.deadlines import Kind
from telehealth.consents.giving import finish_withdrawal, person_of
from telehealth.consents.requests import State, Ticket
from telehealth.errors import NotFoundError, RefusedError
from telehealth.people.records import open_personal
from telehealth.store.database import Reader, Transaction
from webui.forms import fields
from webui.keys import PAGES, SERVICES, now_ms, signed_in
from webui.notices import sessions_ended
from webui.pages.consents import ZONE, own_query, person_asked_for
from webui.pages.security import require_confirmed
from webui.permit import before, look_at, note_many

COPY_FOR_MS: Final = 30 * 86_400_000
"""How long after the answer a copy can be fetched; each fetch makes it anew."""
_NOTED: Final = {
    Kind.DELETE: AuditAction.PERSON_ERASED,
    Kind.RESTRICT: AuditAction.PERSON_RESTRICTED,
}


async def own_page(request: web.Request) -> web.Response:
    """Show a person's requests, and the form of a new one."""
    return await _own(request)


async def _own(request: web.Request, *, wrong: str = "") -> web.Response:
    who, now, person_id = signed_in(request), now_ms(request), person_asked_for(request)

    def look(reader: Reader) -> dict[str, Any]:
        tickets = requests.of_person(reader, person_id)
        return {
            "tickets": tickets,
            "copies": {t.request_id for t in tickets if _can_be_fetched(t, now)},
            "restricted_ms": erasing.restricted_since_ms(reader, person_id),
            "has_open_case": erasing.refusal(reader, person_id) is not None,
            "other_name": ""
            if person_id == who.person_id
            else open_personal(reader, person_id).name,
        }

    found = await look_at(request, person_id, Action.ASK, AuditAction.VIEW_OPENED, look)
    return request.app[PAGES].render(
        request,
        "requests.html",
        signed_in=who,
        now_ms=now,
        status=422 if wrong else 200,
        kinds=[kind.value for kind in Kind],
        query=own_query(request, person_id),
        wrong=wrong,
        **found,
    )


def _can_be_fetched(ticket: Ticket, now: int) -> bool:
    return (
        ticket.kind is Kind.COPY
        and ticket.state is State.DONE
        and ticket.closed_ms is not None
        and now < ticket.closed_ms + COPY_FOR_MS
    )


async def ask(request: web.Request) -> web.Response:
    """Open a request."""
    who, person_id, form = signed_in(request), person_asked_for(request), await fields(request)
    kind = form.get("kind", "")
    await before(
        request, person_id, Action.ASK, AuditAction.REQUEST_MADE, target=f"request:{kind[:20]}"
    )
    try:
        await request.app[SERVICES].database.write(
            lambda tx: requests.ask(
                tx,
                person_id,
                kind,
                details=form.get("details", ""),
                opened_by=who.account_id,
                zone=ZONE,
            )
        )
    except RefusedError as error:
        return await _own(request, wrong=error.field)
    raise web.HTTPSeeOther(f"/patient/requests{own_query(request, person_id)}")


async def lift_restriction(request: web.Request) -> web.Response:
    """End the restriction that the person had asked for."""
    person_id = person_asked_for(request)
    await before(
        request, person_id, Action.ASK, AuditAction.PERSON_RESTRICTED, target="restriction:lifted"
    )
    await request.app[SERVICES].database.write(lambda tx: erasing.lift_restriction(tx, person_id))
    raise web.HTTPSeeOther(f"/patient/requests{own_query(request, person_id)}")


async def fetch_copy(request: web.Request) -> web.StreamResponse:
    """Make the person's copy and hand it over; nothing of it stays on the server."""
    services, who, now = request.app[SERVICES], signed_in(request), now_ms(request)
    request_id = request.match_info["request_id"]
    ticket = await services.database.read(lambda reader: requests.load(reader, request_id))
    await before(
        request,
        ticket.person_id,
        Action.ASK,
        AuditAction.COPY_HANDED_OVER,
        target=f"request:{request_id}",
    )
    if not _can_be_fetched(ticket, now):
        raise NotFoundError(f"no copy of {request_id}")
    copy = await copy_file.make_copy(
        services.database, ticket.person_id, request_id=request_id, made_by=who.account_id
    )
    try:
        return await _send(request, copy, f"{request_id}.zip")
    finally:
        copy.file.close()


async def _send(
    request: web.Request, copy: copy_file.CopyFile, file_name: str
) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = "application/zip"
    response.content_length = copy.size
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response.headers["Cache-Control"] = "no-store"
    await response.prepare(request)
    for piece in copy.pieces():
        await response.write(piece)
    await response.write_eof()
    return response


async def to_do_page(request: web.Request) -> web.Response:
    """Show the officer what is to be answered and done, the nearest deadline first."""
    return await _to_do(request)


async def _to_do(request: web.Request, *, wrong: str = "") -> web.Response:
    who, now = signed_in(request), now_ms(request)

    def look(reader: Reader) -> dict[str, Any]:
        tickets = requests.to_do(reader, who.actor)
        still = [ticket for ticket in tickets if ticket.is_open]
        deletions = [ticket.person_id for ticket in still if ticket.kind is Kind.DELETE]
        return {
            "still": still,
            "closed": [ticket for ticket in tickets if not ticket.is_open],
            "withdrawals": requests.withdrawals(reader, who.actor),
            "not_yet": {key for key in deletions if erasing.refusal(reader, key)},
        }

    found = await request.app[SERVICES].database.read(look)
    listed = [*found["still"], *found["closed"], *found["withdrawals"]]
    await note_many(
        request, AuditAction.LIST_SEEN, sorted({line.person_id for line in listed}),
        target="requests",
    )  # fmt: skip
    return request.app[PAGES].render(
        request,
        "requests_privacy.html",
        signed_in=who,
        now_ms=now,
        status=422 if wrong else 200,
        kept=[part.value for part in erasing.KEPT],
        wrong=wrong,
        **found,
    )


async def move(request: web.Request) -> web.Response:
    """Answer a request, carry it out, or refuse it with the reason."""
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    request_id = request.match_info["request_id"]
    step = request.match_info["step"]
    if step not in set(requests.Action):
        raise NotFoundError(f"no step {step[:20]}")
    action, outcome = requests.Action(step), form.get("outcome", "")
    ticket = await services.database.read(lambda reader: requests.load(reader, request_id))
    if ticket.kind is Kind.DELETE and action is requests.Action.DO:
        await require_confirmed(request, "/privacy/requests")
    await before(
        request, ticket.person_id, Action.ANSWER_REQUEST, _noted(ticket, action),
        target=f"request:{request_id}",
    )  # fmt: skip

    def act(tx: Transaction) -> tuple[bytes, ...]:
        ended = _carry_out(tx, ticket) if action is requests.Action.DO else ()
        requests.move(tx, request_id, action, by=who.account_id, outcome=outcome)
        return ended

    try:
        ended = await services.database.write(act)
    except RefusedError as error:
        return await _to_do(request, wrong=error.field)
    sessions_ended(request, ended)
    services.bus.publish(f"person:{ticket.person_id}", {"kind": "consent"})
    raise web.HTTPSeeOther("/privacy/requests")


def _noted(ticket: Ticket, action: requests.Action) -> AuditAction:
    if action is requests.Action.DO:
        return _NOTED.get(ticket.kind, AuditAction.REQUEST_ANSWERED)
    return AuditAction.REQUEST_ANSWERED


def _carry_out(tx: Transaction, ticket: Ticket) -> tuple[bytes, ...]:
    """Do what was asked, in the transaction that closes the ticket; returns sessions that ended.

    A correction was made on the person's own page by whoever may; a copy is made when it is
    fetched.
    """
    if ticket.kind is Kind.DELETE:
        return erasing.erase_person(tx, ticket.person_id).session_hashes
    if ticket.kind is Kind.RESTRICT:
        erasing.restrict(tx, ticket.person_id)
    return ()


async def withdrawal_done(request: web.Request) -> web.Response:
    """Note that everything that rested on a withdrawn consent has ended."""
    services, consent_id = request.app[SERVICES], request.match_info["consent_id"]
    whose = await services.database.read(lambda reader: person_of(reader, consent_id))
    await before(
        request, whose, Action.ANSWER_REQUEST, AuditAction.REQUEST_ANSWERED,
        target=f"consent:{consent_id}",
    )  # fmt: skip
    await services.database.write(lambda tx: finish_withdrawal(tx, consent_id))
    raise web.HTTPSeeOther("/privacy/requests")
