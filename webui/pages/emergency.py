"""Access in an emergency, for doctors and nurses, and its review by the privacy officer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from protocols.identifiers import IdentifierKind
from telehealth.access import break_glass, limits
from telehealth.access.break_glass import GlassReason, Verdict
from telehealth.access.limits import Limit
from telehealth.audit.actions import AuditAction
from telehealth.errors import DecodeError, RefusedError
from telehealth.people import search
from telehealth.people.names import given_name
from telehealth.people.records import personal_of
from telehealth.store.database import Reader
from webui.forms import fields
from webui.keys import PAGES, SERVICES, now_ms, signed_in
from webui.pages.security import require_confirmed
from webui.permit import entry_of, note

MINUTES: Final = (15, 30, 60)
KINDS: Final = ("citizen_id", "insurance", "phone")
_HOME: Final = {"doctor": "/doctor/persons/", "nurse": "/station/persons/"}


@dataclass(frozen=True, slots=True)
class Bearer:
    """One of several who bear a number: enough to tell them apart at a bedside, and no more."""

    person_id: str
    given_name: str
    birth_year: str
    """Empty: not known."""


async def find_page(request: web.Request) -> web.Response:
    """Ask by which number somebody out of reach is known: no list, no name, one exact number."""
    return _find(request)


def _find(
    request: web.Request, *, status: int = 200, wrong: str = "", found: Sequence[Bearer] = ()
) -> web.Response:
    return request.app[PAGES].render(
        request,
        "emergency_find.html",
        signed_in=signed_in(request),
        now_ms=now_ms(request),
        status=status,
        kinds=KINDS,
        wrong=wrong,
        found=found,
    )


async def find(request: web.Request) -> web.Response:
    """Look up one exact number; what was found is written down, and so is what was not."""
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    kind, text = form.get("kind", ""), form.get("value", "")
    await services.database.write(lambda tx: limits.take(tx, Limit("lookup", who.account_id)))
    if kind not in KINDS:
        raise RefusedError("kind", f"one of {KINDS}", kind[:20])
    try:
        found = await services.database.read(lambda r: _bearers(r, IdentifierKind(kind), text))
    except DecodeError:
        return _find(request, status=422, wrong="value")
    if not found:
        await note(request, AuditAction.SEARCH_FOUND, target="exact:none")
        return _find(request, status=404, wrong="nobody")
    entries = [
        entry_of(request, AuditAction.SEARCH_FOUND, person_id=one.person_id, target="exact")
        for one in found
    ]
    await services.audit.record(*entries)
    if len(found) > 1:
        return _find(request, found=found)
    raise web.HTTPSeeOther(f"/emergency/persons/{found[0].person_id}")


def _bearers(reader: Reader, kind: IdentifierKind, text: str) -> list[Bearer]:
    known = personal_of(reader, search.find_exact(reader, kind, text))
    return [
        Bearer(key, given_name(personal.name), personal.birth_date[:4])
        for key, personal in known.items()
    ]


async def ask_page(request: web.Request) -> web.Response:
    """Say what emergency access is, and ask for the reason."""
    await require_confirmed(request)
    return _ask(request)


def _ask(request: web.Request, *, status: int = 200, wrong: str = "") -> web.Response:
    return request.app[PAGES].render(
        request,
        "emergency.html",
        signed_in=signed_in(request),
        now_ms=now_ms(request),
        status=status,
        person_id=request.match_info["person_id"],
        reasons=[reason.value for reason in GlassReason],
        minutes=MINUTES,
        wrong=wrong,
    )


async def take(request: web.Request) -> web.Response:
    """Take access for at most an hour; the privacy officer is told in the same transaction."""
    services, who, person_id = request.app[SERVICES], signed_in(request), _person(request)
    await require_confirmed(request, f"/emergency/persons/{person_id}")
    form = await fields(request)
    minutes = form.get("minutes", "")
    try:
        key = await services.database.write(
            lambda tx: break_glass.start(
                tx,
                who.actor,
                person_id,
                reason=form.get("reason", ""),
                note=form.get("note", ""),
                minutes=int(minutes) if minutes.isdecimal() and len(minutes) < 4 else 0,
            )
        )
    except RefusedError as error:
        return _ask(request, status=422, wrong=error.field)
    await note(
        request,
        AuditAction.GLASS_BROKEN,
        person_id=person_id,
        basis=key,
        decision="break_glass",
        target=form["reason"],
    )
    services.bus.publish("outbox", {})
    raise web.HTTPSeeOther(_HOME[who.role] + person_id)


async def give_back(request: web.Request) -> web.Response:
    """End the own access before its time; open pages close at once."""
    services, who = request.app[SERVICES], signed_in(request)
    key = request.match_info["break_glass_id"]
    person_id = await services.database.write(lambda tx: break_glass.end(tx, who.actor, key))
    await note(request, AuditAction.GLASS_ENDED, person_id=person_id, basis=key)
    raise web.HTTPSeeOther("/")


async def review_page(request: web.Request) -> web.Response:
    """List emergency accesses, those that nobody has judged first."""
    return await _review(request)


async def _review(request: web.Request, *, status: int = 200, wrong: str = "") -> web.Response:
    who = signed_in(request)
    shown = await request.app[SERVICES].database.read(
        lambda reader: break_glass.for_review(reader, who.actor)
    )
    entries = [
        entry_of(request, AuditAction.LIST_SEEN, person_id=one.person_id, target="emergencies")
        for one in shown
    ]
    await request.app[SERVICES].audit.record(*entries)
    return request.app[PAGES].render(
        request,
        "emergency_review.html",
        signed_in=who,
        now_ms=now_ms(request),
        status=status,
        waiting=[one for one in shown if one.reviewed_ms is None],
        judged=[one for one in shown if one.reviewed_ms is not None],
        verdicts=[verdict.value for verdict in Verdict],
        wrong=wrong,
    )


async def review(request: web.Request) -> web.Response:
    """Judge one access."""
    services, who, form = request.app[SERVICES], signed_in(request), await fields(request)
    key = request.match_info["break_glass_id"]
    try:
        person_id = await services.database.write(
            lambda tx: break_glass.review(
                tx, who.actor, key, form.get("verdict", ""), form.get("note", "")
            )
        )
    except RefusedError as error:
        return await _review(request, status=422, wrong=error.field)
    await note(
        request,
        AuditAction.GLASS_REVIEWED,
        person_id=person_id,
        basis=key,
        target=form["verdict"],
    )
    raise web.HTTPSeeOther("/privacy/emergencies")


def _person(request: web.Request) -> str:
    return request.match_info["person_id"]
