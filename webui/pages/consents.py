"""Consent on two pages: a person's own, or their child's, and the nurse's who is the witness."""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from telehealth.access.policy import Action
from telehealth.audit.actions import AuditAction
from telehealth.consents import giving
from telehealth.consents.agreement import Needed
from telehealth.consents.giving import Given, Standing, Withdrawn
from telehealth.consents.items import LOCALES, Item
from telehealth.errors import NotFoundError, RefusedError
from telehealth.people.records import names_of, open_personal
from telehealth.store.database import Reader
from webui.forms import fields
from webui.keys import PAGES, SERVICES, now_ms, signed_in
from webui.permit import before, look_at
from webui.render import language_of

ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")
_TICKED: Final = "item_"
_WITNESSED: Final = ("paper", "spoken")


@dataclass(frozen=True, slots=True)
class _Shown:
    """What both pages show of a person."""

    name: str
    items: list[Standing]
    needed: Needed
    guardians: list[tuple[str, str]]


def _look(reader: Reader, person_id: str) -> _Shown:
    standing_for = giving.guardians(reader, person_id)
    names = names_of(reader, standing_for)
    return _Shown(
        open_personal(reader, person_id).name,
        giving.standing(reader, person_id, ZONE),
        giving.whose_yes(reader, person_id, ZONE),
        [(key, names.get(key, "–")) for key in standing_for],
    )


def person_asked_for(request: web.Request) -> str:
    """Return whose page a patient's log-in wants: their own, or `?person=` of whom they stand for.

    The policy decides afterwards whether they may.
    """
    return request.query.get("person", "")[:80] or signed_in(request).person_id or ""


def own_query(request: web.Request, person_id: str) -> str:
    """Return what keeps a link on the same person."""
    return "" if person_id == signed_in(request).person_id else f"?person={person_id}"


async def own_page(request: web.Request) -> web.Response:
    """Show a person what they have agreed to and what they are asked."""
    return await _own(request)


async def _own(request: web.Request, *, wrong: str = "") -> web.Response:
    who, person_id = signed_in(request), person_asked_for(request)
    shown = await look_at(
        request,
        person_id,
        Action.GIVE_CONSENT,
        AuditAction.CONSENTS_READ,
        lambda reader: _look(reader, person_id),
    )
    is_other = person_id != who.person_id
    return request.app[PAGES].render(
        request,
        "consents.html",
        signed_in=who,
        now_ms=now_ms(request),
        status=422 if wrong else 200,
        shown_of=shown,
        other_name=shown.name if is_other else "",
        may_give=is_other or not shown.needed.guardian,
        query=own_query(request, person_id),
        wrong=wrong,
    )


async def give_own(request: web.Request) -> web.Response:
    """Keep what somebody ticked for themselves or for the child they stand for."""
    who, person_id, form = signed_in(request), person_asked_for(request), await fields(request)
    given = Given(
        person_id=person_id,
        items=_ticked(form),
        locale=_locale(request),
        given_by=who.account_id,
        guardian_person_id=who.person_id if person_id != who.person_id else None,
        child_agrees=form.get("child_agrees") == "yes",
    )
    await before(
        request,
        person_id,
        Action.GIVE_CONSENT,
        AuditAction.CONSENT_GIVEN,
        target=_target(given.items),
    )
    try:
        await request.app[SERVICES].database.write(lambda tx: giving.give(tx, given, ZONE))
    except RefusedError as error:
        return await _own(request, wrong=error.field)
    raise web.HTTPSeeOther(f"/patient/consents{own_query(request, person_id)}")


async def withdraw_own(request: web.Request) -> web.Response:
    """End one of the person's consents now."""
    person_id = await _end(request, Action.GIVE_CONSENT, None)
    raise web.HTTPSeeOther(f"/patient/consents{own_query(request, person_id)}")


async def desk_page(request: web.Request) -> web.Response:
    """Show the nurse what a person has agreed to, and the form of the witness."""
    return await _desk(request)


async def _desk(request: web.Request, *, wrong: str = "") -> web.Response:
    person_id = request.match_info["person_id"]
    shown = await look_at(
        request,
        person_id,
        Action.WITNESS_CONSENT,
        AuditAction.CONSENTS_READ,
        lambda reader: _look(reader, person_id),
    )
    return request.app[PAGES].render(
        request,
        "consents_desk.html",
        signed_in=signed_in(request),
        now_ms=now_ms(request),
        status=422 if wrong else 200,
        person_id=person_id,
        shown_of=shown,
        channels=_WITNESSED,
        wrong=wrong,
    )


async def give_witnessed(request: web.Request) -> web.Response:
    """Keep what somebody said or signed before a witness."""
    who, person_id = signed_in(request), request.match_info["person_id"]
    form = await fields(request)
    channel = form.get("channel", "")
    if channel not in _WITNESSED:
        return await _desk(request, wrong="channel")
    given = Given(
        person_id=person_id,
        items=_ticked(form),
        locale=_locale(request),
        given_by=who.account_id,
        channel=channel,
        guardian_person_id=form.get("guardian") or None,
        child_agrees=form.get("child_agrees") == "yes",
        note=form.get("note", ""),
    )
    await before(
        request,
        person_id,
        Action.WITNESS_CONSENT,
        AuditAction.CONSENT_GIVEN,
        target=_target(given.items),
    )
    try:
        await request.app[SERVICES].database.write(lambda tx: giving.give(tx, given, ZONE))
    except RefusedError as error:
        return await _desk(request, wrong=error.field)
    raise web.HTTPSeeOther(f"/desk/persons/{person_id}/consents")


async def withdraw_witnessed(request: web.Request) -> web.Response:
    """End a consent because the person told the station so."""
    person_id = request.match_info["person_id"]
    await _end(request, Action.WITNESS_CONSENT, person_id)
    raise web.HTTPSeeOther(f"/desk/persons/{person_id}/consents")


async def _end(request: web.Request, action: Action, person_id: str | None) -> str:
    """Withdraw the consent that the path names, of the person that it names if it does."""
    who, services = signed_in(request), request.app[SERVICES]
    consent_id = request.match_info["consent_id"]
    whose = await services.database.read(lambda reader: giving.person_of(reader, consent_id))
    if person_id not in (None, whose):
        raise NotFoundError(f"no consent {consent_id} of {person_id}")
    await before(
        request, whose, action, AuditAction.CONSENT_WITHDRAWN, target=f"consent:{consent_id}"
    )
    ended: Withdrawn = await services.database.write(
        lambda tx: giving.withdraw(tx, consent_id, who.account_id, ZONE)
    )
    for topic in ended.topics:
        services.bus.publish(topic, {"kind": "consent"})
    return whose


def _ticked(form: dict[str, str]) -> frozenset[Item]:
    """Return what was ticked.

    Raises:
        RefusedError: no such item.
    """
    names = {name.removeprefix(_TICKED) for name in form if name.startswith(_TICKED)}
    unknown = names - set(Item)
    if unknown:
        raise RefusedError("items", f"of {[item.value for item in Item]}", len(unknown))
    return frozenset(Item(name) for name in names)


def _target(items: frozenset[Item]) -> str:
    return "consent:" + ",".join(sorted(items))


def _locale(request: web.Request) -> str:
    """Return the language in which the words were shown."""
    shown = language_of(request, signed_in(request)).locale
    return shown if shown in LOCALES else LOCALES[0]
