"""What every page of the desk is drawn with: whom it may show, how it writes days and numbers."""

from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web

from telehealth.access.policy import Action
from telehealth.access.scope import Scope, require
from telehealth.audit.actions import AuditAction
from telehealth.errors import NotAllowedError
from telehealth.store.database import Reader
from webui.i18n import local
from webui.keys import PAGES, SERVICES, now_ms, signed_in
from webui.pages.desk.typed import day_text, masked
from webui.pages.places import today_of
from webui.permit import refused

ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")


def scope_of(request: web.Request, action: Action) -> Scope:
    """Return to whom this account may do something now."""
    return Scope(signed_in(request).actor, action, now_ms(request))


def day_began_ms(request: web.Request) -> int:
    """Return when today began here."""
    return int(datetime.combine(today_of(request), time(), ZONE).timestamp() * 1000)


def draw(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    """Return a page of the desk."""
    return request.app[PAGES].render(
        request,
        template,
        signed_in=signed_in(request),
        now_ms=now_ms(request),
        status=status,
        day_text=day_text,
        masked=masked,
        calendar=_calendar_day,
        **context,
    )


def _calendar_day(at_ms: int) -> str:
    """Return the day of an instant far away, with its year."""
    return day_text(local(at_ms, ZONE).date().isoformat())


def place_name(reader: Reader, place_id: str | None) -> str:
    """Return the name of a place, empty for none."""
    rows = reader.rows("SELECT name FROM place WHERE place_id = ?", (place_id or "",))
    return str(rows[0][0]) if rows else ""


async def must(request: web.Request, person_id: str, action: Action, noted: AuditAction) -> None:
    """Refuse whom the policy does not allow, before the form is looked at; the log is told.

    Raises:
        NotAllowedError: the policy does not allow it.
    """
    who = signed_in(request)
    try:
        await request.app[SERVICES].database.read(
            lambda reader: require(reader, who.actor, person_id, action)
        )
    except NotAllowedError as error:
        await refused(request, noted, error, person_id=person_id)
        raise
