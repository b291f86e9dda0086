"""What every answer carries and what no request gets: lines of OWASP ASVS 5.0 over all routes."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable

import pytest
from aiohttp import ClientResponse

from telehealth.store.database import Transaction
from tests import rows
from tests.webui.conftest import Site, Visitor, Visitors
from webui.routes import ROUTES

EVIL = "https://evil.example"
SOCKETS = {"/live", "/gateway/v1", "/api/v1/calls/{room_id}/socket"}
PAGES = sorted({r.path for r in ROUTES if r.method == "GET"} - SOCKETS)
WRITTEN_ONLY = sorted(
    {r.path for r in ROUTES if r.method == "POST"} - {r.path for r in ROUTES if r.method == "GET"}
)
NOBODYS = {"/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"}


def filled(path: str) -> str:
    """Return a path with somebody and something in it."""
    return re.sub(r"\{\w+\}", "none", path.replace("{person_id}", "p-hoa"))


async def everybody(site: Site, visitors: Visitors) -> dict[str, Visitor]:
    """Return a stranger, and somebody of each role that has pages."""
    roles = ("nurse", "coordinator", "privacy_officer")

    def write(tx: Transaction) -> None:
        for role in roles:
            rows.account(tx, f"one-{role}", role)

    await site.database.write(write)
    signed_in = ["ac-doctor", "ac-hoa", "ac-admin", *[f"one-{role}" for role in roles]]
    found = {one: await visitors.doctor(one) for one in signed_in}
    return {"stranger": visitors.stranger()} | found


async def answers(
    site: Site, visitors: Visitors, paths: Iterable[str]
) -> AsyncIterator[tuple[str, Visitor, ClientResponse]]:
    """Yield what everybody is answered who opens these paths."""
    for name, one in (await everybody(site, visitors)).items():
        for path in paths:
            yield f"{path} for {name}", one, await one.get(filled(path))


@pytest.mark.asvs("3.4.1", "3.4.3", "3.4.4", "3.4.5", "3.4.6")
async def test_every_answer_carries_what_tells_the_browser_to_be_strict(
    site: Site, visitors: Visitors
) -> None:
    site.services.settings.public_origin = "https://telehealth.example"
    stranger = visitors.stranger()
    for path in [*PAGES, "/nowhere", "/static/dist/none.js"]:
        headers = (await stranger.get(filled(path))).headers
        assert headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains", path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "same-origin", path
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'"), path
        assert "frame-ancestors 'none'" in policy, path
        assert "base-uri 'none'" in policy or "script-src" not in policy, path


@pytest.mark.asvs("4.1.1")
async def test_every_answer_says_what_it_is_and_in_which_letters(
    site: Site, visitors: Visitors
) -> None:
    async for whose, _, answer in answers(site, visitors, [*PAGES, "/nowhere"]):
        assert "Content-Type" in answer.headers, whose
        if answer.content_type.startswith("text/") or "json" in answer.content_type:
            assert answer.charset == "utf-8", whose


@pytest.mark.asvs("14.2.2")
async def test_whatever_shows_a_person_is_kept_by_no_cache(site: Site, visitors: Visitors) -> None:
    found = 0
    async for whose, one, answer in answers(site, visitors, set(PAGES) - NOBODYS):
        if one.token and answer.status == 200:
            assert answer.headers["Cache-Control"] == "no-store", whose
            found += 1
    assert found > 50


@pytest.mark.asvs("14.3.2")
async def test_nothing_that_is_not_the_same_for_all_stays_in_a_browser_refusals_neither(
    site: Site, visitors: Visitors
) -> None:
    seen = set()
    async for whose, _, answer in answers(site, visitors, [*PAGES, "/nowhere", "/api/nowhere"]):
        kept = whose.startswith("/api/v1/openapi.json")
        assert (answer.headers.get("Cache-Control") == "no-store") is not kept, whose
        seen.add((answer.status, answer.content_type))
    for status in (200, 403, 404):
        assert {(status, "text/html"), (status, "application/json")} <= seen
    assert 303 in {status for status, _ in seen}


@pytest.mark.asvs("14.3.2")
async def test_the_json_of_a_call_which_names_the_other_side_stays_nowhere(
    site: Site, visitors: Visitors
) -> None:
    doctor = await visitors.doctor()
    for one, status in ((doctor, 201), (visitors.stranger(), 401)):
        answer = await one.http.post(
            f"{site.origin}/api/v1/calls",
            json={"person_id": "p-hoa"},
            headers={"Origin": site.origin},
        )
        assert answer.status == status
        assert answer.headers["Cache-Control"] == "no-store"


KEPT_FOR_ALL = "/patient/offline"
"""A phone keeps it for when nobody answers: nobody could sign out then, and it names nobody."""


@pytest.mark.asvs("7.4.4")
async def test_every_page_of_somebody_signed_in_has_the_way_out(
    site: Site, visitors: Visitors
) -> None:
    found = 0
    async for whose, one, answer in answers(site, visitors, PAGES):
        if answer.url.path == KEPT_FOR_ALL:
            continue
        if one.token and answer.status == 200 and answer.content_type == "text/html":
            assert 'method="post" action="/logout"' in await answer.text(), whose
            found += 1
    assert found > 50


@pytest.mark.asvs("3.4.2")
@pytest.mark.parametrize("path", ["/login", "/doctor", "/api/v1/places?q=la", "/healthz"])
async def test_no_other_site_may_read_an_answer(visitors: Visitors, path: str) -> None:
    doctor = await visitors.doctor()
    answer = await doctor.get(path, Origin=EVIL)
    assert not [name for name in answer.headers if name.startswith("Access-Control-")]
    asked = await doctor.http.options(
        doctor.site.origin + path,
        headers={"Origin": EVIL, "Access-Control-Request-Method": "POST"},
    )
    assert asked.status == 405
    assert not [name for name in asked.headers if name.startswith("Access-Control-")]


@pytest.mark.asvs("3.5.3")
async def test_what_changes_something_is_not_done_by_following_a_link(visitors: Visitors) -> None:
    assert len(WRITTEN_ONLY) > 20
    for one in (await visitors.doctor(), await visitors.administrator()):
        for path in WRITTEN_ONLY:
            assert (await one.get(filled(path))).status in (403, 404, 405), path
            assert (await one.http.head(one.site.origin + filled(path))).status in (
                403,
                404,
                405,
            ), path


@pytest.mark.asvs("13.4.4")
@pytest.mark.parametrize("path", ["/", "/login", "/doctor", "/healthz"])
async def test_trace_is_refused_and_nothing_is_echoed(site: Site, path: str) -> None:
    sent = f"TRACE {path} HTTP/1.1\r\nHost: {site.origin[7:]}\r\nX-Secret: hush\r\n"
    answer = await raw(site, sent + "Connection: close\r\n\r\n")
    assert answer.startswith("HTTP/1.1 405 ")
    assert "hush" not in answer


@pytest.mark.asvs("4.2.1")
@pytest.mark.parametrize(
    "heads",
    [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 6",
        "Content-Length: -1",
        "Content-Length: +4",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    ],
)
async def test_a_request_whose_end_is_in_doubt_brings_no_second_one_with_it(
    site: Site, heads: str
) -> None:
    smuggled = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = await raw(
        site, f"POST /login HTTP/1.1\r\nHost: a\r\n{heads}\r\n\r\n0\r\n\r\n{smuggled}"
    )
    assert answer.startswith("HTTP/1.0 400 ")
    assert answer.count("HTTP/1.") == 1
    assert "alive" not in answer


async def raw(site: Site, request: str) -> str:
    """Send octets as they stand and return what comes until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    writer.write(request.encode())
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()
