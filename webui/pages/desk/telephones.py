"""Signing a person out at the station: their telephone is lost, or was given away."""

from typing import Final

from aiohttp import web

from telehealth.access import scope, sessions
from telehealth.access.policy import Action
from telehealth.audit.actions import AuditAction
from telehealth.store.database import Transaction
from webui.keys import SERVICES, signed_in
from webui.notices import sessions_ended
from webui.pages.desk.people import back, person_of
from webui.permit import before

MAY: Final = Action.HAND_OVER_ENTRY
"""Who lets somebody in may also put them out."""


async def end_sessions(request: web.Request) -> web.Response:
    """End every session of the person's own account; a new code lets them in again."""
    services, who, person_id = request.app[SERVICES], signed_in(request), person_of(request)
    await before(request, person_id, MAY, AuditAction.SIGNED_OUT, target="sessions:all")

    def end(tx: Transaction) -> list[bytes]:
        scope.require(tx, who.actor, person_id, MAY)
        return sessions.end_of_person(tx, person_id)

    sessions_ended(request, await services.database.write(end))
    raise back(request, "telephones")
