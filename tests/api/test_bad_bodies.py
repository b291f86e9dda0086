"""Bodies and addresses that no schema describes: each is a clear 400, on both engines."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from yarl import URL

from telehealth.access.policy import Role
from tests.api.commune import account_of, served
from tests.webui.conftest import Site, Visitor
from webui.access import Access
from webui.api.operations import OPERATIONS
from webui.routes import ROUTES

POSTED = [
    (route.path, route.access)
    for route in ROUTES
    if route.method == "POST"
    and (operation := OPERATIONS.get(("POST", route.path)))
    and operation.body is not None
]
NAMES = {"alert_id": "al-hoa"}
DEEP = b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}"
BODIES = [b"\xff\xfe", b'"', b"[]", b"null", b"1e999", DEEP]


@pytest.fixture
async def commune(engine: str, tmp_path: Path) -> AsyncIterator[Site]:
    """Yield a server with everybody in it, on each engine."""
    async with served(engine, tmp_path) as site:
        yield site


async def _visitor(site: Site, role: str) -> Visitor:
    return await Visitor(site).signed_in(account_of(role))


def _role(access: Access) -> str:
    roles = access.roles or {Role.DOCTOR}
    return Role.DOCTOR if Role.DOCTOR in roles else min(roles)


async def _post(visitor: Visitor, path: str, body: bytes) -> int:
    headers = {"Origin": visitor.site.origin, "Content-Type": "application/json"}
    url = visitor.site.origin + path.format(**NAMES)
    async with visitor.http.post(url, data=body, headers=headers) as answer:
        assert (await answer.json())["error"]["message"]
        return answer.status


@pytest.mark.parametrize(("path", "access"), POSTED, ids=[path for path, _ in POSTED])
async def test_a_body_that_cannot_be_read_is_the_senders_fault(
    commune: Site, path: str, access: Access
) -> None:
    visitor = await _visitor(commune, _role(access))
    statuses = [await _post(visitor, path, body) for body in BODIES]
    await visitor.http.close()
    assert statuses == [400] * len(BODIES)


async def test_half_a_surrogate_is_no_text(commune: Site) -> None:
    visitor = await _visitor(commune, Role.NURSE)
    for body in (b'{"text": "\xed\xa0\x80"}', rb'{"text": "\ud800"}'):
        assert await _post(visitor, "/api/v1/people/search", body) == 400
    await visitor.http.close()


@pytest.mark.parametrize(
    ("role", "path", "body"),
    [
        (Role.DOCTOR, "/api/v1/alerts/al-hoa", rb'{"action": "act", "note": "a\u0000b"}'),
        (Role.DOCTOR, "/api/v1/calls", rb'{"person_id": "\u0000"}'),
        (Role.NURSE, "/api/v1/people/search", rb'{"text": "a\u0000"}'),
        (Role.NURSE, "/api/v1/people/alike", rb'{"name": "\u0000"}'),
        (Role.NURSE, "/api/v1/qr", rb'{"text": "a", "more": ["\u0000"]}'),
        (Role.NURSE, "/api/v1/qr", rb'{"text": "a", "\u0000": 1}'),
    ],
)
async def test_a_text_with_nul_is_refused_before_an_engine_chokes_on_it(
    commune: Site, role: str, path: str, body: bytes
) -> None:
    visitor = await _visitor(commune, role)
    status = await _post(visitor, path, body)
    await visitor.http.close()
    assert status == 400


async def test_a_backslash_before_u0000_is_no_nul(commune: Site) -> None:
    visitor = await _visitor(commune, Role.NURSE)
    headers = {"Origin": commune.origin}
    url = commune.origin + "/api/v1/people/search"
    async with visitor.http.post(url, json={"text": r"\u0000"}, headers=headers) as answer:
        assert answer.status == 200
    await visitor.http.close()


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/persons/%00/series",
        "/api/v1/calls/a%00",
        "/api/v1/places?q=a%00b",
        "/api/v1/places?q=la&within=%00",
        "/doctor/persons/p%00hoa",
    ],
)
async def test_an_address_with_nul_is_refused(commune: Site, path: str) -> None:
    visitor = await _visitor(commune, Role.DOCTOR)
    url = URL(commune.origin + path, encoded=True)
    async with visitor.http.get(url, headers={"Accept": "application/json"}) as answer:
        status = answer.status
    await visitor.http.close()
    assert status == 400


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded; charset=nowhere",
    ],
)
async def test_a_form_that_is_none_is_refused(commune: Site, kind: str) -> None:
    visitor = await _visitor(commune, Role.DOCTOR)
    headers = {"Origin": commune.origin, "Content-Type": kind, "Accept": "application/json"}
    for path in ("/api/v1/calls", "/login"):
        url = commune.origin + path
        async with visitor.http.post(url, data=b"a=b%ff", headers=headers) as answer:
            assert answer.status == 400
    await visitor.http.close()


async def test_a_form_field_with_nul_is_refused(commune: Site) -> None:
    visitor = Visitor(commune)
    headers = {"Origin": commune.origin, "Accept": "application/json"}
    form = {"login": "a\0", "password": "x"}
    async with visitor.http.post(commune.origin + "/login", data=form, headers=headers) as answer:
        assert answer.status == 400
    await visitor.http.close()


async def test_a_method_that_is_not_there_is_told_which_are(commune: Site) -> None:
    visitor = Visitor(commune)
    async with visitor.http.delete(commune.origin + "/api/v1/calls") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    await visitor.http.close()
