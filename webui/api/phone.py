"""The patient's page as a gateway: `POST /api/v1/patient/uploads`. Translates; decides nothing."""

import msgspec
from aiohttp import web

from protocols.phone import PhoneAck, PhonePost
from telehealth import phones
from telehealth.audit.actions import AuditAction
from telehealth.errors import NotAllowedError
from telehealth.intake import Upload
from telehealth.store.database import Reader
from webui.api.body import body_as
from webui.errors import SignInFirstError
from webui.keys import SERVICES, now_ms, signed_in
from webui.permit import note, refused


async def take_uploads(request: web.Request) -> web.Response:
    """Take in what a phone measured; answered when it is durable (docs/phone.md)."""
    services, who = request.app[SERVICES], signed_in(request)
    post = await body_as(request, PhonePost)
    if post.account not in ("", who.account_id):
        raise SignInFirstError("this queue is another account's; it waits for that account")
    named = phones.read(post)
    person_ids = sorted({one.batch.person for one in named if one.batch is not None})

    def look(reader: Reader) -> dict[str, phones.Standing]:
        return phones.standings(reader, who.actor, person_ids)

    standings = await services.database.read(look)
    for key, standing in standings.items():
        if standing.may_enter:
            await note(request, AuditAction.READING_ENTERED, person_id=standing.person_id)
        else:
            why = NotAllowedError(f"may not enter readings of {key}")
            await refused(request, AuditAction.READING_ENTERED, why, person_id=key)
    stream = await services.database.write(
        lambda tx: phones.open_stream(tx, who.account_id, post.epoch)
    )
    now = now_ms(request)

    def uploads(sender: phones.Post) -> list[Upload]:
        return [
            phones.to_upload(
                one,
                standings,
                sender=sender,
                account_id=who.account_id,
                stream=stream,
                ahead_ms=round(post.now) - now,
                now_ms=now,
            )
            for one in named
        ]

    sender = phones.Post(stream.acked)
    await sender.taken_in(services.intake, uploads)
    answer = PhoneAck(sender.acked, sender.refused_parts, now)
    return web.json_response(msgspec.to_builtins(answer))
