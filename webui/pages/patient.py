"""The patient's own page: today's readings, how it stands, what to do, and the call."""

from collections import defaultdict
from typing import Any, Final

from aiohttp import web

from telehealth import remeasuring
from telehealth.access.policy import Action
from telehealth.access.scope import Scope
from telehealth.audit.actions import AuditAction
from telehealth.errors import UnavailableError
from telehealth.live import own_view
from telehealth.people.names import sort_key
from telehealth.people.records import names_of
from telehealth.pockets import pockets_of
from telehealth.store.database import Reader
from telehealth.store.queries import person_screen, screens
from webui.assets import PREFIX
from webui.i18n import local, zone_of
from webui.keys import ASSETS, PAGES, now_ms, signed_in
from webui.pages.doctor import UNUSABLE_BITS
from webui.permit import look_at

_DAYS: Final = 7
_WORKER_POLICY: Final = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'"
_DAY_MS: Final = 24 * 3_600_000


async def page(request: web.Request) -> web.Response:
    """Show the person behind this log-in to themselves, or one of those they care for."""
    who, now = signed_in(request), now_ms(request)
    person_id = request.match_info.get("person_id") or who.person_id or ""

    def look(reader: Reader) -> dict[str, Any]:
        pockets = pockets_of(reader, who.actor)
        rows = screens.person_rows(reader, [person_id], now)
        place = person_screen.household(reader, person_id, now)
        zone = place.time_zone if place else "Asia/Ho_Chi_Minh"
        cared_for = Scope(who.actor, Action.SEE_VITALS, reader.now_ms).persons(reader)
        names = names_of(reader, [person_id, *cared_for])
        return {
            "name": names.get(person_id, ""),
            "people": sorted(names.items(), key=lambda item: sort_key(item[1])),
            "row": own_view(rows[0]) if rows else None,
            "pockets": pockets,
            "wanted_ms": remeasuring.wanted(reader, person_id),
            "zone": zone,
            "days": _days(reader, person_id, now, zone),
            "cursor": reader.cursor,
        }

    found = await look_at(request, person_id, Action.SEE_VITALS, AuditAction.VIEW_OPENED, look)
    return request.app[PAGES].render(
        request,
        "patient.html",
        signed_in=who,
        now_ms=now,
        time_zone=found["zone"],
        person_id=person_id,
        name=found["name"],
        people=found["people"],
        row=found["row"],
        wanted_ms=found["wanted_ms"],
        days=found["days"],
        data={
            "now": now,
            "cursor": found["cursor"],
            "person_id": person_id,
            "row": found["row"],
            "unusable": UNUSABLE_BITS,
            "profile": {"account_id": who.account_id, "pockets": found["pockets"]},
        },
    )


async def offline_page(request: web.Request) -> web.Response:
    """Show what a phone keeps for when nobody answers: no name and no value stands in it."""
    return request.app[PAGES].render(
        request, "patient_offline.html", signed_in=None, now_ms=now_ms(request)
    )


async def worker(request: web.Request) -> web.StreamResponse:
    """Serve the service worker from the root, so that its scope holds the patient's pages."""
    assets = request.app[ASSETS]
    if assets.folder is None:
        raise UnavailableError("client file worker.js is not built: run `make build`")
    name = assets.asset("worker.js").url.removeprefix(PREFIX)
    return web.FileResponse(
        assets.folder / name,
        headers={
            "Content-Type": "text/javascript; charset=utf-8",
            "Content-Security-Policy": _WORKER_POLICY,
        },
    )


def _days(reader: Reader, person_id: str, now: int, zone: str) -> list[dict[str, Any]]:
    """Return the lowest and the highest SpO2 of each of the last days, newest first."""
    shown = person_screen.series(
        reader, person_id, from_ms=now - _DAYS * _DAY_MS, to_ms=now, points=_DAYS * 24
    )
    by_day: defaultdict[int, list[tuple[float, float | None]]] = defaultdict(list)
    for at_s, spo2, pulse in zip(shown.t, shown.spo2, shown.pulse, strict=True):
        if spo2 is not None:
            midnight = local(at_s * 1000, zone_of(zone)).replace(hour=0, minute=0, second=0)
            by_day[int(midnight.timestamp() * 1000)].append((spo2, pulse))
    days = []
    for at_ms, values in sorted(by_day.items(), reverse=True):
        pulses = [pulse for _, pulse in values if pulse is not None]
        days.append(
            {
                "at_ms": at_ms,
                "low": min(spo2 for spo2, _ in values),
                "high": max(spo2 for spo2, _ in values),
                "pulse": sum(pulses) / len(pulses) if pulses else None,
            }
        )
    return days
