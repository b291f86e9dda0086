"""Gateways: the WebSocket `/gateway/v1`, and enrolment. Translates; decides nothing."""

import asyncio
import logging
from typing import Annotated

import msgspec
from aiohttp import WSMsgType, web
from msgspec import Meta

from protocols.errors import DecodeError
from protocols.server_identity import split_code
from protocols.uplink import (
    MAX_MESSAGE_BYTES,
    Done,
    Failure,
    Hello,
    Proof,
    decode_from_gateway,
    encode,
    epoch_ms,
)
from telehealth import gateway_commands, gateways, identity, remeasuring
from telehealth.audit.actions import AuditAction
from telehealth.errors import (
    KeysError,
    NotAllowedError,
    TelehealthError,
    UnavailableError,
    code_of,
)
from telehealth.keys import Keyring
from telehealth.services import Services
from telehealth.store.database import Transaction
from telehealth.store.queries import uploads
from telehealth.uplinks import OpenStream, Uplink, admit, new_challenge, welcome
from webui.api.body import body_as
from webui.api.schemas import Enrolled
from webui.keys import SERVICES
from webui.permit import note

log = logging.getLogger(__name__)
_HELLO_TIMEOUT_S = 15.0
_HEARTBEAT_S = 30.0
_FAREWELL_S = 5.0
_RETRY_AFTER_S = 5.0


async def gateway_socket(request: web.Request) -> web.StreamResponse:
    """Serve one gateway from challenge to close (docs/uplink.md)."""
    services = request.app[SERVICES]
    socket = web.WebSocketResponse(
        max_msg_size=MAX_MESSAGE_BYTES,
        heartbeat=_HEARTBEAT_S,
        decode_text=False,
        timeout=_FAREWELL_S,
    )
    await socket.prepare(request)
    try:
        hello, streams = await _shake_hands(socket, services)
    except TelehealthError as error:
        await _refuse(socket, error)
        return socket
    await _serve(socket, services, hello, streams)
    return socket


async def _shake_hands(
    socket: web.WebSocketResponse, services: Services
) -> tuple[Hello, dict[str, OpenStream]]:
    nonce, challenge = new_challenge(now_ms=epoch_ms(services.clock()))
    await _send(socket, encode(challenge))
    try:
        frame = await socket.receive(timeout=_HELLO_TIMEOUT_S)
    except TimeoutError as error:
        raise NotAllowedError(f"no hello within {_HELLO_TIMEOUT_S:.0f} s") from error
    if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
        raise NotAllowedError("the first frame must be hello")
    hello = decode_from_gateway(frame.data)
    if not isinstance(hello, Hello):
        raise NotAllowedError("the first frame must be hello")
    if hello.nonce is not None:
        await _send(socket, encode(_proof(services, hello, hello.nonce, nonce)))
    streams = await services.database.write(lambda tx: admit(tx, hello, nonce))
    answer = welcome(
        streams,
        now_ms=epoch_ms(services.clock()),
        retry_after_s=services.settings.retry_after_s,
    )
    await _send(socket, encode(answer))
    return hello, streams


def _proof(services: Services, hello: Hello, nonce: str, challenge: bytes) -> Proof:
    """Prove who we are, before anything is said that a gateway should believe."""
    return identity.prove(
        _keyring(services), challenge=challenge, nonce=nonce, gateway_id=hello.gateway
    )


def _keyring(services: Services) -> Keyring:
    vault = services.database.vault
    if vault is None:
        raise KeysError("the database was opened without keys")
    return vault.keyring


async def _serve(
    socket: web.WebSocketResponse,
    services: Services,
    hello: Hello,
    streams: dict[str, OpenStream],
) -> None:
    moved = asyncio.Event()
    link = Uplink(
        hello.gateway,
        streams,
        services.intake,
        window=services.settings.intake_window,
        wake=moved.set,
    )
    older = services.uplinks.get(hello.gateway)
    if older is not None:
        older.end(4001, "replaced", "this gateway has connected again")
    services.uplinks[hello.gateway] = link

    wanted = asyncio.Event()
    wanted.set()

    def told(_topic: str, message: dict[str, object]) -> None:
        if message.get("kind") == gateway_commands.TOLD:
            wanted.set()
        else:
            link.revoked()

    unsubscribe = services.bus.subscribe(gateways.gateway_topic(hello.gateway), told)
    commanding = asyncio.create_task(_command(services, link, wanted))
    reading = _Reading(socket, link, services)
    reader = asyncio.create_task(reading.run())
    writer = asyncio.create_task(_answer(socket, link, moved))
    log.info("gateway connected", extra={"gateway_id": hello.gateway})
    try:
        await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
        if link.close_code is not None:
            await asyncio.wait({writer}, timeout=_FAREWELL_S)
            await reading.stop(reader)
            await socket.close(code=link.close_code)
    finally:
        unsubscribe()
        tasks = (reader, writer, commanding)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if services.uplinks.get(hello.gateway) is link:
            del services.uplinks[hello.gateway]
        log.info("gateway gone", extra={"gateway_id": hello.gateway})


async def _command(services: Services, link: Uplink, wanted: asyncio.Event) -> None:
    """Give the gateway what waits for it, now and whenever more does; note that it is there."""
    while True:
        try:
            if wanted.is_set():
                wanted.clear()
                link.command(
                    await services.database.read(
                        lambda reader: gateway_commands.waiting(reader, link.gateway_id)
                    )
                )
            await asyncio.wait_for(wanted.wait(), gateways.HEARD_EVERY_S)
        except TimeoutError:
            await _note_heard(services, link.gateway_id)
        except UnavailableError as error:
            log.error("commands cannot be read now", extra={"why": str(error)})
            await asyncio.sleep(_RETRY_AFTER_S)
            wanted.set()


async def _note_heard(services: Services, gateway_id: str) -> None:
    try:
        await services.database.write(lambda tx: gateways.heard(tx, gateway_id))
    except UnavailableError as error:
        log.error("contact not noted", extra={"gateway_id": gateway_id, "why": str(error)})


class _Reading:
    """Hands frames to the link; stops reading while its window is full.

    It must have ended before the socket is closed: aiohttp 3.13 closes the connection at once under
    a pending `receive`, and what the gateway still sends then wipes out our last word on its side.
    """

    def __init__(self, socket: web.WebSocketResponse, link: Uplink, services: Services) -> None:
        self._socket = socket
        self._link = link
        self._services = services
        self._at_rest = False

    async def run(self) -> None:
        """Read until the gateway goes or the link ends."""
        link = self._link
        while link.close_code is None:
            self._at_rest = True
            frame = await self._socket.receive()
            self._at_rest = False
            if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            reason = link.receive(frame.data)
            if reason is not None:
                await _keep_unreadable(self._services, link.gateway_id, reason, frame.data)
            await _keep_answers(self._services, link)
            while link.full and link.close_code is None:
                await link.room.wait()

    async def stop(self, task: asyncio.Task[None]) -> None:
        """End the reading; a frame that is being kept is kept."""
        if self._at_rest:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _keep_answers(services: Services, link: Uplink) -> None:
    """Keep what became of commands; what cannot be kept now is asked for again."""
    while link.done:
        done = link.done.pop(0)

        def keep(tx: Transaction, done: Done = done) -> list[str]:
            answer = gateway_commands.answer(tx, link.gateway_id, done)
            return [] if answer is None else remeasuring.answered(tx, answer)

        try:
            for topic in await services.database.write(keep):
                services.bus.publish(topic, {"kind": "state"})
        except UnavailableError as error:
            log.error("answer not kept", extra={"gateway_id": link.gateway_id, "why": str(error)})


async def _keep_unreadable(services: Services, gateway_id: str, reason: str, raw: bytes) -> None:
    """Keep a frame that nothing can be read from; a full disk cannot, and the log says so."""
    try:
        await services.database.write(
            lambda tx: uploads.keep_unreadable(tx, gateway_id, reason, raw)
        )
    except UnavailableError as error:
        log.error("unreadable frame not kept", extra={"gateway_id": gateway_id, "why": str(error)})


async def _answer(socket: web.WebSocketResponse, link: Uplink, moved: asyncio.Event) -> None:
    """Send what the link wants to say, up to its last word."""
    while True:
        await moved.wait()
        moved.clear()
        try:
            for answer in link.take_answers():
                await _send(socket, encode(answer))
        except ConnectionError:
            return
        if link.close_code is not None:
            return


async def _refuse(socket: web.WebSocketResponse, error: TelehealthError) -> None:
    """Say why a connection was not admitted, and close it."""
    if isinstance(error, DecodeError):
        failure, close_code = Failure("malformed", str(error)), 1007
    elif isinstance(error, UnavailableError):
        failure, close_code = Failure(error.code, str(error), _RETRY_AFTER_S), 1013
    else:
        failure, close_code = Failure(code_of(error), str(error)), 4003
    log.warning("gateway refused", extra={"code": failure.code})
    try:
        await _send(socket, encode(failure))
        await socket.close(code=close_code)
    except ConnectionError:
        return


async def _send(socket: web.WebSocketResponse, frame: bytes) -> None:
    """Send JSON bytes as a text frame."""
    await socket.send_frame(frame, WSMsgType.TEXT)


class EnrolmentRequest(msgspec.Struct, forbid_unknown_fields=False):
    """What a new gateway posts: its one-use code, its raw public key in base64, its name."""

    code: Annotated[str, Meta(min_length=1, max_length=200)]
    public_key: Annotated[str, Meta(pattern="^[A-Za-z0-9+/]{43}=$")]
    name: Annotated[str, Meta(max_length=64, pattern="^[^\\x00]*$")] = ""


async def enrol(request: web.Request) -> web.Response:
    """Exchange a one-use code for a gateway id and the identities to know this server by."""
    services = request.app[SERVICES]
    asked = await body_as(request, EnrolmentRequest)
    code, _ = split_code(asked.code)
    identities = identity.public_texts(_keyring(services))
    gateway_id = await services.database.write(
        lambda tx: gateways.enrol(tx, code=code, public_key=asked.public_key, name=asked.name)
    )
    await note(request, AuditAction.GATEWAY_ENROLLED, target=f"gateway:{gateway_id}")
    answer = Enrolled(gateway_id, identities)
    return web.json_response(msgspec.to_builtins(answer), status=201)
