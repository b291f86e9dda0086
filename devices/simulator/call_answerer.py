"""A virtual person who answers: logs in as a person does, hears the bell, takes the call.

For the demo, and for trying the doctor's side alone. Importing this module needs aiohttp; media
need aiortc, which is imported when the first call comes.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout, CookieJar, WSMsgType

from devices.simulator.call_peer import CallPeer

log = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 10.0
"""A bell whose word was lost is heard after this."""
_AGAIN_S: Final = 2.0
_TIMEOUT: Final = ClientTimeout(total=10)


class CallAnswerer:
    """Answers each call of one log-in.

    Args:
        origin: the server, `http://127.0.0.1:8080`.
        login: the person's log-in.
        password: its password.
        after_s: how long it lets the bell ring.
    """

    def __init__(self, origin: str, login: str, password: str, *, after_s: float = 3.0) -> None:
        self._origin = origin
        self._form = {"login": login, "password": password}
        self._after_s = after_s
        self.peer: CallPeer | None = None
        """The call it is in."""

    async def run(self) -> None:
        """Wait for calls and take them until cancelled; a server that is away is tried again."""
        while True:
            try:
                async with ClientSession(
                    cookie_jar=CookieJar(unsafe=True), timeout=_TIMEOUT
                ) as http:
                    await self._log_in(http)
                    while True:
                        await self._take_calls(http)
            except (ClientError, OSError, TimeoutError) as error:
                log.info("virtual person waits for the server", extra={"why": str(error)})
                await asyncio.sleep(_AGAIN_S)

    @property
    def _said(self) -> dict[str, str]:
        return {"Origin": self._origin}

    async def _log_in(self, http: ClientSession) -> None:
        async with http.post(
            f"{self._origin}/login", data=self._form, headers=self._said, allow_redirects=False
        ) as answer:
            if answer.status != 303:
                raise ClientError(f"log-in refused: {answer.status}")

    async def _take_calls(self, http: ClientSession) -> None:
        """Look what rings now, then wait for the bell on the live line."""
        async with http.ws_connect(f"{self._origin}/live", headers=self._said) as live:
            await live.send_json({"type": "watch"})
            while True:
                for call in await self._open_calls(http):
                    await self._take(http, call)
                with suppress(TimeoutError):
                    await self._bell(live)

    async def _bell(self, live: Any) -> None:
        async with asyncio.timeout(_LOOK_EVERY_S):
            async for frame in live:
                if frame.type is WSMsgType.TEXT and frame.json().get("type") == "notice":
                    return
        raise ClientError("the live line ended")

    async def _open_calls(self, http: ClientSession) -> list[dict[str, Any]]:
        async with http.get(f"{self._origin}/api/v1/calls/current") as answer:
            answer.raise_for_status()
            calls: list[dict[str, Any]] = (await answer.json())["calls"]
            return calls

    async def _take(self, http: ClientSession, call: dict[str, Any]) -> None:
        """Answer what rings, or come back into what was answered, and stay until it ends."""
        room = f"{self._origin}/api/v1/calls/{call['room_id']}"
        if call["rings"]:
            await asyncio.sleep(self._after_s)
            async with http.post(f"{room}/answer", headers=self._said) as answer:
                if answer.status != 200:
                    return
        elif call["state"] not in ("accepted", "in_session", "interrupted"):
            return
        cookie = "; ".join(f"{morsel.key}={morsel.value}" for morsel in http.cookie_jar)
        headers = {"Cookie": cookie, "Origin": self._origin}
        self.peer = CallPeer(f"{room}/socket".replace("http", "ws", 1), headers=headers)
        await self.peer.run()
