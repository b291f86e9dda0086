"""The WebSocket of a call's page, `/api/v1/calls/{room_id}/socket`. Translates; decides nothing."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Final

from aiohttp import WSMsgType, web

from protocols.errors import DecodeError
from protocols.signalling import (
    MAX_MESSAGE_BYTES,
    Failure,
    IceServer,
    decode_from_browser,
    encode,
)
from telehealth.access.following import until_over
from telehealth.access.policy import Role
from telehealth.audit.actions import AuditAction
from telehealth.calls.bedside import Bedside
from telehealth.calls.desk import CallDesk
from telehealth.errors import RefusedError
from telehealth.services import Services
from webui.keys import SERVICES, signed_in
from webui.permit import note

log = logging.getLogger(__name__)
_HEARTBEAT_S: Final = 10.0
_WAITING_FRAMES: Final = 1_024
"""A page that does not read what it is sent is let go; it may come back and resume."""
_FAREWELL_S: Final = 2.0

CALLS: Final = web.AppKey("CALLS", CallDesk)


async def calls_running(app: web.Application) -> AsyncIterator[None]:
    """Open the desk of calls with the application and close it again (a cleanup context)."""
    services = app[SERVICES]
    servers = ice_servers(services.settings.ice_servers)
    app[CALLS] = CallDesk(services.database, services.bus, ice_servers=servers)
    running = asyncio.create_task(app[CALLS].run(), name="CallDesk")
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def ice_servers(addresses: Sequence[str]) -> list[IceServer]:
    """Return the operator's STUN servers as browsers take them.

    Raises:
        RefusedError: another kind; a TURN address without credentials breaks every call.
    """
    for address in addresses:
        if not address.startswith(("stun:", "stuns:")):
            raise RefusedError("ice_servers", "stun: or stuns: addresses", address)
    return [IceServer([address]) for address in addresses]


async def signalling_socket(request: web.Request) -> web.StreamResponse:
    """Serve one page of a call from its upgrade to its close (docs/calls.md)."""
    services, desk, who = request.app[SERVICES], request.app[CALLS], signed_in(request)
    page = _Page()
    connection, person_id = await desk.enter(who.actor, request.match_info["room_id"], page)
    target = f"call:{request.match_info['room_id']}"
    try:
        await note(request, AuditAction.CALL_JOINED, person_id=person_id, target=target)
        socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, heartbeat=_HEARTBEAT_S)
        await socket.prepare(request)
        end_with_session = until_over(services.bus, who.session_hash, page.close)
        tasks = [asyncio.create_task(_write(socket, page))]
        if who.role is Role.DOCTOR:
            tasks.append(asyncio.create_task(_bedside(services, person_id, page).run()))
        try:
            await _read(socket, desk, connection, page)
            if page.closing:
                await asyncio.wait(tasks[:1], timeout=_FAREWELL_S)
        finally:
            end_with_session()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await note(request, AuditAction.CALL_LEFT, person_id=person_id, target=target)
    finally:
        desk.lost(connection)
    return socket


def _bedside(services: Services, person_id: str, page: "_Page") -> Bedside:
    """Follow the person's values for the doctor's page; nobody else is given any."""
    return Bedside(
        person_id,
        services.database,
        services.bus,
        services.clock,
        lambda vitals: page.send(encode(vitals)),
    )


class _Page:
    """Frames that wait for one socket."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()
        self.closing = False

    def send(self, frame: str) -> None:
        """Queue a frame; a page that reads nothing is closed."""
        if self.closing:
            return
        if self._frames.qsize() >= _WAITING_FRAMES:
            self.close()
            return
        self._frames.put_nowait(frame)

    def close(self) -> None:
        """Close after what is queued."""
        if not self.closing:
            self.closing = True
            self._frames.put_nowait(None)

    async def next_frame(self) -> str | None:
        """Wait for the next frame; None: close now."""
        return await self._frames.get()


async def _write(socket: web.WebSocketResponse, page: _Page) -> None:
    try:
        while (frame := await page.next_frame()) is not None:
            await socket.send_str(frame)
        await socket.close()
    except ConnectionError:
        return


async def _read(
    socket: web.WebSocketResponse, desk: CallDesk, connection: int, page: _Page
) -> None:
    async for frame in socket:
        if frame.type is not WSMsgType.TEXT:
            break
        try:
            desk.heard(connection, decode_from_browser(frame.data))
        except DecodeError as error:
            log.warning("call message refused", extra={"connection": connection})
            page.send(encode(Failure("malformed", str(error)[:300], fatal=True)))
            page.close()
        if page.closing:
            return
