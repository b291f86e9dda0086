"""The WebSocket `/live` of pages that show values (docs/screens.md); it decides nothing."""

import asyncio
import logging
from typing import Annotated, Final

import msgspec
from aiohttp import WSMsgType, web
from msgspec import Meta

from telehealth.errors import TelehealthError, code_of
from telehealth.live import NOT_ALLOWED, LiveHub
from telehealth.viewer import Viewer
from webui.api.schemas import Id
from webui.keys import LIVE, signed_in
from webui.metrics import FRAMES
from webui.peer import peer_of

log = logging.getLogger(__name__)
_MAX_MESSAGE_BYTES: Final = 1_024
_HEARTBEAT_S: Final = 20.0
_FAREWELL_S: Final = 2.0
_MALFORMED: Final = 1007


class Watch(msgspec.Struct, frozen=True, tag="watch", tag_field="type"):
    """A page says what it shows: its list, or one person; and how far it has come."""

    person_id: Id | None = None
    cursor: Annotated[int, Meta(ge=0, le=2**62)] = 0


_decode: Final = msgspec.json.Decoder(Watch).decode


async def socket(request: web.Request) -> web.StreamResponse:
    """Serve one page until it, its session or the server ends."""
    hub = request.app[LIVE]
    stirred = asyncio.Event()
    viewer = Viewer(signed_in(request), stirred.set, address=peer_of(request).address)
    answer = web.WebSocketResponse(max_msg_size=_MAX_MESSAGE_BYTES, heartbeat=_HEARTBEAT_S)
    await answer.prepare(request)
    hub.open(viewer)
    writer = asyncio.create_task(_write(answer, hub, viewer, stirred))
    try:
        await _read(answer, hub, viewer)
        if viewer.close_code is not None:
            await asyncio.wait([writer], timeout=_FAREWELL_S)
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        try:
            await hub.closed(viewer)
        finally:
            hub.close(viewer)
    return answer


async def _read(answer: web.WebSocketResponse, hub: LiveHub, viewer: Viewer) -> None:
    async for frame in answer:
        if frame.type is not WSMsgType.TEXT:
            break
        try:
            wanted = _decode(frame.data)
            await hub.watch(viewer, wanted.person_id, wanted.cursor)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            viewer.close(_MALFORMED)
        except TelehealthError as error:
            log.info("live page refused", extra={"code": code_of(error)})
            viewer.close(NOT_ALLOWED)
        if viewer.close_code is not None:
            return


async def _write(
    answer: web.WebSocketResponse, hub: LiveHub, viewer: Viewer, stirred: asyncio.Event
) -> None:
    """Send frames as they fall due; close when told to."""
    loop = asyncio.get_running_loop()
    wait_s = 0.0
    while True:
        try:
            async with asyncio.timeout(wait_s):
                await stirred.wait()
        except TimeoutError:
            pass
        stirred.clear()
        if viewer.close_code is not None:
            await answer.close(code=viewer.close_code)
            return
        frames, wait_s = viewer.take(loop.time(), hub.now_ms())
        try:
            for frame in frames:
                await answer.send_frame(frame, WSMsgType.TEXT)
                FRAMES.inc()
        except ConnectionError:
            return
