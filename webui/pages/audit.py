"""The log on two pages: who has read my data, and all of it for the privacy officer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from protocols.uplink import epoch_ms
from telehealth.access.policy import Action, Actor, Decision
from telehealth.access.scope import Scope
from telehealth.audit.actions import AuditAction
from telehealth.audit.queries import Cursor, Seen, Wanted, entries, reads_of
from telehealth.errors import RefusedError
from telehealth.people.records import names_of
from telehealth.store.database import Reader
from webui.i18n import local, zone_of
from webui.keys import PAGES, SERVICES, now_ms, signed_in
from webui.permit import look_at, note

_PAGE: Final = 100
_ZONE: Final = "Asia/Ho_Chi_Minh"
_FILTERS: Final = ("person", "account", "action", "decision", "from", "to")
_LONGEST_ID: Final = 80


@dataclass(frozen=True, slots=True)
class Reading:
    """One line of a person's page: the same doing by the same somebody on one day."""

    last: Seen
    times: int


async def readers_page(request: web.Request) -> web.Response:
    """Show a person, or their guardian, who has read their data."""
    who = signed_in(request)
    person_id = request.query.get("person", "")[:_LONGEST_ID] or who.person_id or ""
    before = _before(request)

    def look(reader: Reader) -> tuple[list[Seen], str]:
        found = reads_of(reader, person_id, limit=_PAGE, before=before, but=who.account_id)
        names = names_of(reader, [person_id] if person_id != who.person_id else [])
        return found, names.get(person_id, "")

    found, name = await look_at(
        request, person_id, Action.SEE_READERS, AuditAction.READERS_READ, look
    )
    own = {} if person_id == who.person_id else {"person": person_id}
    return request.app[PAGES].render(
        request,
        "audit_readers.html",
        signed_in=who,
        now_ms=now_ms(request),
        time_zone=_ZONE,
        readings=joined(found, zone_of(_ZONE)),
        other_name=name,
        older=_older(found, own),
        is_first=before is None,
    )


def joined(found: Sequence[Seen], zone: ZoneInfo) -> list[Reading]:
    """Return one line for what the same somebody did again and again on one day, newest first."""
    lines: dict[tuple[object, ...], Reading] = {}
    for seen in found:
        day = local(seen.at_ms, zone).date()
        key = (day, seen.actor_id, seen.role, seen.place, seen.action, seen.decision)
        known = lines.get(key)
        lines[key] = Reading(known.last, known.times + 1) if known else Reading(seen, 1)
    return list(lines.values())


async def log_page(request: web.Request) -> web.Response:
    """Show the privacy officer the log; looking into it is in the log too."""
    who, now = signed_in(request), now_ms(request)
    given = {name: request.query.get(name, "").strip()[:_LONGEST_ID] for name in _FILTERS}
    wanted, before = _wanted(given, who.actor, now), _before(request)
    found = await request.app[SERVICES].database.read(
        lambda reader: entries(reader, wanted, limit=_PAGE, before=before)
    )
    asked = {name: value for name, value in given.items() if value}
    await note(
        request,
        AuditAction.AUDIT_READ,
        person_id=given["person"],
        target=" ".join(f"{name}:{value}" for name, value in asked.items() if name != "person"),
    )
    return request.app[PAGES].render(
        request,
        "audit_log.html",
        signed_in=who,
        now_ms=now,
        time_zone=_ZONE,
        entries=found,
        given=given,
        actions=sorted(AuditAction, key=lambda action: (action.kind, action.value)),
        decisions=list(Decision),
        older=_older(found, asked),
        is_narrowed=bool(asked),
        is_first=before is None,
    )


def _wanted(given: dict[str, str], actor: Actor, now: int) -> Wanted:
    """Return what the form asks for, within what the officer answers for.

    Raises:
        RefusedError: a field holds what the form does not offer.
    """
    if given["action"] and given["action"] not in set(AuditAction):
        raise RefusedError("action", "one of the actions", given["action"])
    if given["decision"] and given["decision"] not in set(Decision):
        raise RefusedError("decision", "one of the decisions", given["decision"])
    is_bound = actor.place_id is not None or actor.programme_id is not None
    return Wanted(
        person_ids=[given["person"]] if given["person"] else [],
        actor_id=given["account"],
        actions=[given["action"]] if given["action"] else [],
        decisions=[given["decision"]] if given["decision"] else [],
        from_ms=_midnight(given, "from", days=0),
        to_ms=_midnight(given, "to", days=1),
        within=Scope(actor, Action.SEE_READERS, now) if is_bound else None,
    )


def _midnight(given: dict[str, str], name: str, *, days: int) -> int | None:
    """Return the first instant of the day, or of the day after it; None: no day was given."""
    if not given[name]:
        return None
    try:
        day = date.fromisoformat(given[name]) + timedelta(days=days)
        return epoch_ms(datetime(day.year, day.month, day.day, tzinfo=zone_of(_ZONE)))
    except (ValueError, OverflowError):
        raise RefusedError(name, "a date, 2026-11-23", given[name]) from None


def _before(request: web.Request) -> Cursor | None:
    text = request.query.get("before", "")
    return Cursor.of(text) if text else None


def _older(found: Sequence[Seen], asked: dict[str, str]) -> str:
    """Return the query of the next page, or an empty text on the last one."""
    if len(found) < _PAGE:
        return ""
    return "?" + urlencode(asked | {"before": str(found[-1].cursor)})
