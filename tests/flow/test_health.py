"""Whether it lives and whether it can serve are two questions."""

import asyncio

from aiohttp import ClientSession

from telehealth.serving import Listening


async def _ask(origin: str, path: str) -> int:
    async with ClientSession() as http, http.get(f"{origin}{path}") as answer:
        return answer.status


async def test_a_running_server_is_alive_and_ready(sqlite_server: Listening) -> None:
    assert await _ask(sqlite_server.origin, "/healthz") == 200
    assert await _ask(sqlite_server.origin, "/readyz") == 200


async def test_a_server_whose_intake_died_lives_and_is_not_ready(
    sqlite_server: Listening,
) -> None:
    intake = next(t for t in sqlite_server.services.loops if t.get_name() == "Intake")
    intake.cancel()
    await asyncio.wait([intake])
    assert await _ask(sqlite_server.origin, "/healthz") == 200
    assert await _ask(sqlite_server.origin, "/readyz") == 503


async def test_metrics_are_told_on_loopback(sqlite_server: Listening) -> None:
    assert await _ask(sqlite_server.origin, "/metrics") == 200
