"""The administrator's page of how long each kind of data is kept, and what the job did."""

from typing import Any

from aiohttp import web

from telehealth import retention
from telehealth.audit.actions import AuditAction
from telehealth.errors import RefusedError
from telehealth.store.database import Reader
from webui.forms import fields
from webui.keys import PAGES, SERVICES, now_ms, signed_in
from webui.permit import note

_MOST_DIGITS = 6


async def page(request: web.Request) -> web.Response:
    """List the rules with what there is of each kind."""
    return await _page(request)


async def _page(request: web.Request, *, wrong: str = "", subject: str = "") -> web.Response:
    def look(reader: Reader) -> dict[str, Any]:
        due_at = retention.next_run(reader)
        return {
            "rules": retention.standing(reader),
            "last": retention.last_run(reader),
            "next_ms": None if due_at is None else int(due_at.timestamp() * 1000),
        }

    found = await request.app[SERVICES].database.read(look)
    return request.app[PAGES].render(
        request,
        "retention.html",
        signed_in=signed_in(request),
        now_ms=now_ms(request),
        status=422 if wrong else 200,
        count_up_to=retention.COUNT_UP_TO,
        wrong=wrong,
        wrong_subject=subject,
        **found,
    )


async def change(request: web.Request) -> web.Response:
    """Keep a kind longer or shorter, within the limits of the table, with a reason."""
    who, form, subject = signed_in(request), await fields(request), request.match_info["subject"]
    days = form.get("days", "")
    if not (days.isdecimal() and days.isascii() and len(days) <= _MOST_DIGITS):
        return await _page(request, wrong="days", subject=subject)
    await note(request, AuditAction.RETENTION_CHANGED, target=f"retention:{subject}:{days}")
    try:
        await request.app[SERVICES].database.write(
            lambda tx: retention.change(
                tx, subject, int(days), reason=form.get("reason", ""), by=who.account_id
            )
        )
    except RefusedError as error:
        return await _page(request, wrong=error.field, subject=subject)
    raise web.HTTPSeeOther("/admin/retention")


async def reset(request: web.Request) -> web.Response:
    """Keep a kind as long as the product's table says."""
    subject = request.match_info["subject"]
    await note(request, AuditAction.RETENTION_CHANGED, target=f"retention:{subject}:reset")
    await request.app[SERVICES].database.write(lambda tx: retention.reset(tx, subject))
    raise web.HTTPSeeOther("/admin/retention")
