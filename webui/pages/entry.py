"""How a patient comes in: the station's page that hands a code over, and the page that takes it."""

from aiohttp import web

from protocols.qr.own import PatientEnrolQr
from telehealth.access import entry, scope
from telehealth.access.entry import LIFE_MS, EntryKind, EntryRefusedError, EntryShown
from telehealth.access.limits import TooManyAttemptsError
from telehealth.access.policy import Action
from telehealth.audit.actions import AuditAction
from telehealth.people.records import open_personal
from telehealth.store.database import Reader, Transaction
from webui.arriving import (
    arrived,
    caller_of,
    home_of,
    note_account,
    origin_of,
    retry_after,
)
from webui.forms import fields
from webui.keys import PAGES, SERVICES, now_ms, signed_in, signed_in_or_none
from webui.pages.fleet import qr_svg
from webui.permit import before, look_at


async def hand_over_page(request: web.Request) -> web.Response:
    """Show the station which codes a person was given, and whether they were used."""
    return await _hand_over(request, "", "")


async def hand_over(request: web.Request) -> web.Response:
    """Make a QR code and eight digits for a person, and show them once."""
    who, person_id = signed_in(request), request.match_info["person_id"]

    await before(request, person_id, Action.HAND_OVER_ENTRY, AuditAction.ENTRY_CODE_MADE)

    def make(tx: Transaction) -> tuple[str, str]:
        scope.require(tx, who.actor, person_id, Action.HAND_OVER_ENTRY)
        token = entry.new_code(tx, person_id, EntryKind.ENROLMENT, who.account_id)
        return token, entry.new_code(tx, person_id, EntryKind.ONE_TIME, who.account_id)

    token, digits = await request.app[SERVICES].database.write(make)
    return await _hand_over(request, token, digits)


async def _hand_over(request: web.Request, token: str, digits: str) -> web.Response:
    who, person_id = signed_in(request), request.match_info["person_id"]

    def look(reader: Reader) -> tuple[str, int | None, list[EntryShown]]:
        personal = open_personal(reader, person_id)
        born = personal.born.year if personal.born else None
        return personal.name, born, entry.shown(reader, person_id)

    name, born, codes = await look_at(
        request,
        person_id,
        Action.HAND_OVER_ENTRY,
        AuditAction.VIEW_OPENED,
        look,
        target="entry",
    )
    origin = origin_of(request)
    return request.app[PAGES].render(
        request,
        "enrol_hand_over.html",
        signed_in=who,
        now_ms=now_ms(request),
        person_id=person_id,
        name=name,
        born=born,
        codes=codes,
        qr=qr_svg(PatientEnrolQr(origin, token).to_text()) if token else None,
        digits=f"{digits[:4]} {digits[4:]}" if digits else "",
        address=f"{origin.split('://', 1)[-1]}/enrol",
        minutes=LIFE_MS // 60_000,
    )


async def enrol_page(request: web.Request) -> web.Response:
    """Show where a patient enters; the code stands behind `#` and comes with the form only."""
    return _enrol(request)


def _enrol(
    request: web.Request, *, status: int = 200, said: str = "", retry_at_ms: int | None = None
) -> web.Response:
    return request.app[PAGES].render(
        request,
        "enrol.html",
        signed_in=signed_in_or_none(request),
        now_ms=now_ms(request),
        status=status,
        said=said,
        retry_at_ms=retry_at_ms,
    )


async def enrol(request: web.Request) -> web.Response:
    """Take a code, and open the person's session."""
    form = await fields(request)
    try:
        opened = await entry.enter(
            request.app[SERVICES].database,
            code=form.get("token") or form.get("code", ""),
            birth_year=form.get("birth_year", ""),
            caller=caller_of(request),
        )
    except TooManyAttemptsError as error:
        at_ms = now_ms(request) + error.retry_after_ms
        return retry_after(_enrol(request, status=429, said="many", retry_at_ms=at_ms), error)
    except EntryRefusedError as error:
        await note_account(request, AuditAction.ENTRY_CODE_USED, account_id="", decision="deny")
        return _enrol(request, status=403, said=error.reason)
    response = web.HTTPSeeOther(home_of(opened.role))
    await arrived(request, response, opened, AuditAction.ENTRY_CODE_USED, AuditAction.SIGNED_IN)
    raise response
