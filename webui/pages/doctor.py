"""The doctor's list, and one person's page."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from aiohttp import web

from protocols.reading import NOT_A_PATIENTS, UNUSABLE
from telehealth import gateway_commands, remeasuring
from telehealth.access import break_glass
from telehealth.access.policy import Action
from telehealth.access.scope import persons_seen_by
from telehealth.alerts.lifecycle import OPEN
from telehealth.alerts.policy import REVIEW_AFTER
from telehealth.alerts.reasons import AcceptReason, NoiseReason, ResolveReason
from telehealth.audit.actions import AuditAction
from telehealth.calls import book
from telehealth.charting import Band, bands
from telehealth.errors import NotFoundError, RefusedError
from telehealth.gateways import gateway_topic
from telehealth.store.database import Reader
from telehealth.store.queries import person_screen, screens
from telehealth.subjects import subjects_of
from telehealth.vitals.parameters import Parameter
from webui.keys import PAGES, SERVICES, now_ms, signed_in
from webui.permit import before, look_at, note_many
from webui.shown import actions_for, offered

SPANS_H: Final = (6, 24, 72, 168)
REVIEW_MINUTES: Final = (15, 30, 60, 120, 240, 720)
_HOUR_MS: Final = 3_600_000


async def list_page(request: web.Request) -> web.Response:
    """Show everybody this doctor answers for or covers, highest risk first."""
    who, now = signed_in(request), now_ms(request)

    def look(reader: Reader) -> tuple[int, list[screens.PersonRow], list[screens.AlertShown]]:
        persons = persons_seen_by(reader, who.actor)
        return (
            reader.cursor,
            screens.person_rows(reader, persons, now),
            screens.nobodys_alerts(reader),
        )

    cursor, rows, desk = await request.app[SERVICES].database.read(look)
    await note_many(request, AuditAction.LIST_SEEN, [row.person_id for row in rows])
    tasks = [(row, alert) for row in rows for alert in row.alerts if is_work(alert)]
    tasks.sort(key=lambda task: (-task[1].level, task[1].raised_ms))
    return request.app[PAGES].render(
        request,
        "doctor.html",
        signed_in=who,
        now_ms=now,
        rows=rows,
        tasks=tasks,
        desk=desk,
        data={
            "now": now,
            "cursor": cursor,
            "rows": rows,
            "desk": desk,
            "unusable": UNUSABLE_BITS,
        },
    )


def is_work(alert: screens.AlertShown) -> bool:
    """Whether an alert still waits for somebody to accept it."""
    return alert.status in ("raised", "notified")


async def desk_page(request: web.Request) -> web.Response:
    """Show alerts about readings whose owner nobody knows yet: whoever is on duty may act."""
    who = signed_in(request)
    alerts = await request.app[SERVICES].database.read(screens.nobodys_alerts)
    return request.app[PAGES].render(
        request,
        "desk.html",
        signed_in=who,
        now_ms=now_ms(request),
        alerts=alerts,
        **_offered(alerts, who.account_id),
    )


def _offered(alerts: Sequence[screens.AlertShown], account_id: str) -> dict[str, Any]:
    """Return what a page may offer to do about its alerts."""
    return {
        "actions": {alert.alert_id: actions_for(alert, account_id) for alert in alerts},
        "choices": CHOICES,
        "review_minutes": REVIEW_MINUTES,
        "review_default": OFFERS["review_default"],
    }


async def person_page(request: web.Request) -> web.Response:
    """Show one person: values now, charts, alerts with what can be done, readings."""
    who, now = signed_in(request), now_ms(request)
    person_id = request.match_info["person_id"]
    hours = _hours(request)

    def look(reader: Reader) -> dict[str, Any]:
        rows = screens.person_rows(reader, [person_id], now)
        place = person_screen.household(reader, person_id, now)
        if not rows or place is None:
            raise NotFoundError(f"no open case of {person_id}")
        return {
            "row": rows[0],
            "may_ring": book.may_ring(reader, person_id),
            "asked": remeasuring.standing(reader, person_id),
            "glass": break_glass.active(reader, who.account_id, person_id),
            "place": place,
            "alerts": screens.alerts_of(reader, person_id, now),
            "readings": person_screen.readings(reader, person_id),
            "cursor": reader.cursor,
            "series": _series(reader, person_id, hours, now, place.cadence_s),
            "bands": _bands(reader, person_id, place),
        }

    found = await look_at(request, person_id, Action.SEE_VITALS, AuditAction.VIEW_OPENED, look)
    return request.app[PAGES].render(
        request,
        "person.html",
        signed_in=who,
        now_ms=now,
        time_zone=found["place"].time_zone,
        hours=hours,
        spans=SPANS_H,
        **_offered(found["alerts"], who.account_id),
        **found,
        data={
            "now": now,
            "cursor": found["cursor"],
            "hours": hours,
            "row": found["row"],
            "alerts": found["alerts"],
            "readings": found["readings"],
            "series": found["series"],
            "bands": found["bands"],
            "time_zone": found["place"].time_zone,
            "unusable": UNUSABLE_BITS,
            "offers": {
                **OFFERS,
                "account_id": who.account_id,
            },
        },
    )


async def remeasure(request: web.Request) -> web.Response:
    """Ask for a new reading: of the gateway where it can, else of whoever looks after them."""
    services, who = request.app[SERVICES], signed_in(request)
    person_id = request.match_info["person_id"]
    await before(request, person_id, Action.CALL, AuditAction.MEASURE_ASKED)
    asked = await services.database.write(lambda tx: remeasuring.ask(tx, person_id, who.account_id))
    if asked.gateway_id is not None:
        services.bus.publish(gateway_topic(asked.gateway_id), {"kind": gateway_commands.TOLD})
    services.bus.publish("outbox", {})
    raise web.HTTPSeeOther(f"/doctor/persons/{person_id}")


UNUSABLE_BITS: Final = int(UNUSABLE | NOT_A_PATIENTS)
"""Quality bits with which a live sample's values are not shown."""
CHOICES: Final = {
    "accept": [f"accept.{reason.value}" for reason in AcceptReason],
    "resolve": [f"resolve.{reason.value}" for reason in ResolveReason],
    "noise": [f"noise.{reason.value}" for reason in NoiseReason],
}


OFFERS: Final = {
    "by_status": {
        state.value: {
            "holder": offered(state.value, holder=True),
            "other": offered(state.value, holder=False),
        }
        for state in OPEN
    },
    "choices": CHOICES,
    "review_minutes": REVIEW_MINUTES,
    "review_default": {p.value: int(d.total_seconds() // 60) for p, d in REVIEW_AFTER.items()},
}
"""What the scripts offer to do about an alert, by its status: the table of its life."""


def _hours(request: web.Request) -> int:
    """Return the window that was asked for; only those that the page offers."""
    asked = request.query.get("hours", "24")
    if asked not in {str(span) for span in SPANS_H}:
        raise RefusedError("hours", f"one of {SPANS_H}", asked[:20])
    return int(asked)


def _series(
    reader: Reader, person_id: str, hours: int, now: int, cadence_s: int
) -> person_screen.Series:
    return person_screen.series(
        reader, person_id, from_ms=now - hours * _HOUR_MS, to_ms=now, cadence_s=cadence_s
    )


def _bands(reader: Reader, person_id: str, place: person_screen.Household) -> dict[str, list[Band]]:
    rules = subjects_of(reader, [person_id])[person_id].rules
    return {
        "spo2": bands(rules, place.age_months, Parameter.SPO2),
        "pulse": bands(rules, place.age_months, Parameter.PULSE),
    }


async def series(request: web.Request) -> web.Response:
    """Return the columns of the charts for a window, as JSON."""
    person_id, hours = request.match_info["person_id"], _hours(request)
    now = now_ms(request)

    def look(reader: Reader) -> person_screen.Series:
        place = person_screen.household(reader, person_id, now)
        return _series(reader, person_id, hours, now, place.cadence_s if place else 0)

    found = await look_at(request, person_id, Action.SEE_VITALS, AuditAction.SERIES_READ, look)
    return web.json_response(asdict(found), headers={"Cache-Control": "no-store"})
