"""The page of a call, and the few requests that start, answer and decline one."""

from typing import Final

import msgspec
from aiohttp import web

from protocols.errors import DecodeError
from telehealth.access.policy import Action, Role
from telehealth.access.sessions import SignedIn
from telehealth.audit.actions import AuditAction
from telehealth.calls import book
from telehealth.calls.book import Call, CallShown
from telehealth.calls.states import ENDED, Party
from telehealth.errors import IllegalTransitionError, RefusedError
from telehealth.store.database import Reader
from webui.api.body import body_as
from webui.api.schemas import CallSeen, Id, OpenCalls
from webui.api.signalling import CALLS
from webui.forms import fields
from webui.keys import PAGES, SERVICES, now_ms, signed_in
from webui.permit import before, note

CURRENT: Final = "current"
"""In the place of a room's id: the calls that are open for whoever asks."""


class NewCall(msgspec.Struct, frozen=True):
    """What a doctor posts; a patient's request needs nothing, a carer's the person."""

    person_id: Id | None = None
    alert_id: Id | None = None


async def consult_page(request: web.Request) -> web.Response:
    """Show the device check and the call, or how it ended."""
    services, who = request.app[SERVICES], signed_in(request)

    def look(reader: Reader) -> tuple[Call, CallShown]:
        call = book.require_part(reader, who.actor, request.match_info["room_id"])
        return call, book.shown(reader, who.actor, call)

    call, seen = await services.database.read(look)
    return request.app[PAGES].render(
        request,
        "consult.html",
        signed_in=who,
        now_ms=now_ms(request),
        call=seen,
        over=call.state in ENDED,
        is_doctor=who.role is Role.DOCTOR,
        back=f"/doctor/persons/{call.person_id}" if who.role is Role.DOCTOR else "/patient",
    )


async def call_create(request: web.Request) -> web.Response:
    """Start a call: a doctor rings a person, a patient asks for a doctor.

    A form is sent on to the call's page; a program is told where that is.
    """
    who = signed_in(request)
    try:
        call = await _start(request, who)
    except IllegalTransitionError as error:
        if not _is_form(request):
            raise
        return request.app[PAGES].render(
            request,
            "error.html",
            signed_in=who,
            now_ms=now_ms(request),
            status=409,
            code=error.code,
        )
    return await _moved(request, who, call, status=201)


async def _start(request: web.Request, who: SignedIn) -> Call:
    desk, wanted = request.app[CALLS], await _new_call(request)
    if who.role is not Role.DOCTOR:
        person_id = wanted.person_id or who.person_id or ""
        await before(request, person_id, Action.CALL, AuditAction.CALL_STARTED)
        return await desk.request(who.actor, person_id)
    if wanted.person_id is None:
        raise RefusedError("person_id", "whom to call", None)
    await before(request, wanted.person_id, Action.CALL, AuditAction.CALL_STARTED)
    return await desk.offer(who.actor, wanted.person_id, wanted.alert_id)


async def call_answer(request: web.Request) -> web.Response:
    """Say yes to what rings."""
    who = signed_in(request)
    await note(request, AuditAction.CALL_ANSWERED, target=_target(request))
    call = await request.app[CALLS].answer(who.actor, request.match_info["room_id"])
    return await _moved(request, who, call)


async def call_decline(request: web.Request) -> web.Response:
    """Say no, withdraw, or hang up, whichever it means now."""
    who = signed_in(request)
    await note(request, AuditAction.CALL_ANSWERED, target=_target(request))
    call = await request.app[CALLS].decline(who.actor, request.match_info["room_id"])
    return await _moved(request, who, call)


async def call_state(request: web.Request) -> web.Response:
    """Return one call, or with `current` every call that is open for whoever asks."""
    who, room_id = signed_in(request), request.match_info["room_id"]

    def look(reader: Reader) -> list[CallShown]:
        if room_id == CURRENT:
            calls = book.open_calls(reader, who.actor)
        else:
            calls = [book.require_part(reader, who.actor, room_id)]
        return [book.shown(reader, who.actor, call) for call in calls]

    seen = [_seen(call) for call in await request.app[SERVICES].database.read(look)]
    answer = OpenCalls(seen) if room_id == CURRENT else seen[0]
    return web.json_response(msgspec.to_builtins(answer))


async def _new_call(request: web.Request) -> NewCall:
    if not _is_form(request):
        return await body_as(request, NewCall, otherwise=b"{}")
    form = await fields(request)
    try:
        return msgspec.convert({name: value for name, value in form.items() if value}, NewCall)
    except msgspec.MsgspecError as error:
        raise DecodeError(str(error)) from error


async def _moved(
    request: web.Request, who: SignedIn, call: Call, *, status: int = 200
) -> web.Response:
    if _is_form(request):
        raise web.HTTPSeeOther(_url(call.room_id))
    seen = await request.app[SERVICES].database.read(
        lambda reader: book.shown(reader, who.actor, call)
    )
    return web.json_response(msgspec.to_builtins(_seen(seen)), status=status)


def _is_form(request: web.Request) -> bool:
    return request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data")


def _seen(call: CallShown) -> CallSeen:
    return CallSeen(
        room_id=call.room_id,
        state=call.state,
        rings=call.rings,
        side="doctor" if call.side is Party.DOCTOR else "patient",
        name=call.name,
        person_id=call.person_id,
        url=_url(call.room_id),
    )


def _target(request: web.Request) -> str:
    return f"call:{request.match_info['room_id']}"


def _url(room_id: str) -> str:
    return f"/consult/{room_id}"
