"""Origins, headers, cookies and errors: what every request passes and every answer carries."""

import re
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSServerHandshakeError, web
from aiohttp.test_utils import TestServer, make_mocked_request

from telehealth.errors import (
    DecodeError,
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    TelehealthError,
    UnavailableError,
)
from telehealth.settings import Settings
from tests import keys
from tests.keys import opened
from tests.webui import people
from tests.webui.conftest import Site, Visitors
from webui.app import create_app
from webui.assets import Assets
from webui.errors import status_of
from webui.guard import check_origin, content_security_policy, cookie_name, from_loopback


async def post_login(site: Site, **headers: str) -> int:
    async with (
        ClientSession() as http,
        http.post(
            site.origin + "/login",
            data={"login": "bs.mai", "password": people.PASSWORD},
            headers=headers,
            allow_redirects=False,
        ) as response,
    ):
        return response.status


@pytest.mark.asvs("3.5.1")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "{own}"}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "{own}"}, 303),
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "{own}"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "{own}"}, 403),
        ({"Sec-Fetch-Site": "none", "Origin": "{own}"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, 403),
    ],
)
async def test_only_our_own_pages_may_send_a_form(
    site: Site, headers: dict[str, str], status: int
) -> None:
    sent = {name: value.format(own=site.origin) for name, value in headers.items()}
    assert await post_login(site, **sent) == status


@pytest.mark.asvs("3.5.1", "4.4.2")
@pytest.mark.parametrize("path", ["/live", "/api/v1/calls/x/socket"])
@pytest.mark.parametrize("origin", ["https://evil.example", None])
async def test_another_site_cannot_open_a_socket_with_our_cookie(
    site: Site, visitors: Visitors, path: str, origin: str | None
) -> None:
    doctor = await visitors.doctor()
    headers = {} if origin is None else {"Origin": origin}
    with pytest.raises(WSServerHandshakeError) as refused:
        await doctor.http.ws_connect(site.origin + path, headers=headers)
    assert refused.value.status == 403


async def test_a_gateway_needs_no_origin_it_has_its_key(site: Site, visitors: Visitors) -> None:
    async with visitors.stranger().http.ws_connect(site.origin + "/gateway/v1") as socket:
        challenge = await socket.receive_json()
    assert challenge["type"] == "challenge"


@pytest.mark.asvs("3.5.1")
async def test_a_name_rebound_to_this_machine_is_no_own_origin(site: Site) -> None:
    port = site.server.port
    evil = f"http://evil.example:{port}"
    assert await post_login(site, Origin=evil, Host=f"evil.example:{port}") == 403


@pytest.mark.asvs("4.4.2")
async def test_with_a_public_origin_only_that_one_is_ours(tmp_path: Path) -> None:
    app = await an_app(tmp_path, "https://telehealth.example")
    own = {"Origin": "https://telehealth.example", "Host": "telehealth.example"}
    check_origin(make_mocked_request("POST", "/login", own, app=app))
    for origin in (
        "http://telehealth.example",
        "https://telehealth.example:8443",
        "http://127.0.0.1",
    ):
        request = make_mocked_request("POST", "/login", {"Origin": origin}, app=app)
        with pytest.raises(NotAllowedError):
            check_origin(request)


async def an_app(folder: Path, public_origin: str) -> web.Application:
    database = opened(f"sqlite:///{folder}/none.sqlite")
    await database.close()
    services = keys.services(database, Settings(public_origin=public_origin), folder)
    return create_app(services, assets=Assets({}))


def test_over_tls_the_cookie_is_bound_to_host_and_tls() -> None:
    assert cookie_name(Settings(public_origin="https://a.example")) == "__Host-session"
    assert cookie_name(Settings()) == "session"


@pytest.mark.asvs("3.4.1")
async def test_over_tls_the_answer_says_so_for_two_years(tmp_path: Path) -> None:
    for origin, expected in (
        ("https://a.example", "max-age=63072000; includeSubDomains"),
        ("", None),
    ):
        app = await an_app(tmp_path, origin)
        response = web.Response()
        request = make_mocked_request("GET", "/healthz", app=app)
        for put in app.on_response_prepare:
            await put(request, response)
        assert response.headers.get("Strict-Transport-Security") == expected


@pytest.mark.asvs("3.2.2", "3.4.3", "14.2.3")
@pytest.mark.parametrize("path", ["/login", "/doctor", "/nowhere", "/doctor/persons/p-far"])
async def test_every_page_carries_the_strict_policy(visitors: Visitors, path: str) -> None:
    doctor = await visitors.doctor()
    response = await doctor.get(path)
    html = await response.text()
    if response.status == 303:
        return
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    for part in (
        "'strict-dynamic'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
        "base-uri 'none'", "form-action 'self'",
    ):  # fmt: skip
        assert part in policy
    assert "unsafe" not in policy
    assert "http:" not in policy
    assert response.headers["Permissions-Policy"].startswith("camera=(self), microphone=(self)")
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    nonces = set(re.findall(r'nonce="([^"]+)"', html))
    assert len(nonces) == 1
    assert f"'nonce-{nonces.pop()}'" in policy
    assert " style=" not in html
    assert not re.search(r" on[a-z]+=", html)


@pytest.mark.asvs("3.4.3")
async def test_a_nonce_is_never_used_twice(visitors: Visitors) -> None:
    stranger = visitors.stranger()
    policies = {(await stranger.get("/login")).headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3


def test_a_policy_names_its_nonce_once() -> None:
    assert content_security_policy("abc").count("nonce-abc") == 1


@pytest.mark.asvs("3.2.1", "3.4.6")
async def test_json_carries_a_policy_that_allows_nothing(visitors: Visitors) -> None:
    response = await visitors.stranger().get("/healthz")
    assert response.headers["Content-Security-Policy"] == (
        "default-src 'none'; frame-ancestors 'none'"
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotAllowedError("x"), 403),
        (NotFoundError("x"), 404),
        (IllegalTransitionError("raised", "resolve"), 409),
        (RefusedError("field", "limit", 1), 422),
        (UnavailableError("x"), 503),
        (DecodeError("x"), 400),
        (TelehealthError("x"), 500),
    ],
)
def test_each_kind_of_error_has_its_status(error: TelehealthError, status: int) -> None:
    assert status_of(error) == status


async def test_a_program_is_told_what_was_wrong_in_json(visitors: Visitors, site: Site) -> None:
    doctor = await visitors.doctor()
    response = await doctor.http.post(
        site.origin + "/api/v1/alerts/al-hoa", data=b"{", headers={"Origin": site.origin}
    )
    assert response.status == 400
    assert (await response.json())["error"]["code"] == "bad_message"


async def test_a_stranger_is_sent_to_the_log_in_and_a_program_is_told(visitors: Visitors) -> None:
    stranger = visitors.stranger()
    page = await stranger.get("/doctor/persons/p-hoa")
    assert page.status == 303
    assert page.headers["Location"] == "/login?next=/doctor/persons/p-hoa"
    program = await stranger.get("/api/v1/persons/p-hoa/series")
    assert program.status == 401
    assert (await program.json())["error"]["code"] == "sign_in_first"


@pytest.mark.asvs("13.4.2", "16.5.1")
async def test_a_failure_nobody_foresaw_is_a_plain_page_and_tells_nothing(
    visitors: Visitors, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    doctor = await visitors.doctor()
    await site.database.write(
        lambda tx: tx.execute("UPDATE person_state SET state = x'00' WHERE person_id = 'p-hoa'")
    )
    response = await doctor.get("/doctor")
    assert response.status in (400, 500)
    text = await response.text()
    assert "Traceback" not in text
    assert "p-hoa" not in text


@pytest.mark.asvs("5.2.1")
async def test_a_body_larger_than_any_form_is_refused(visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    response = await doctor.post("/login", {"login": "x" * 80_000})
    assert response.status == 413


@pytest.mark.asvs("13.4.5")
@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "x-real-ip"])
def test_a_proxy_on_this_machine_does_not_open_the_figures_to_others(header: str) -> None:
    assert not from_loopback(make_mocked_request("GET", "/metrics", {header: "203.0.113.9"}))


@pytest.mark.asvs("13.4.5", "16.2.5")
async def test_the_figures_are_for_this_machine_and_name_nobody(visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    await doctor.get("/doctor/persons/p-hoa")
    response = await visitors.stranger().get("/metrics")
    text = await response.text()
    assert response.status == 200
    assert 'route="/doctor/persons/{person_id}"' in text
    assert "p-hoa" not in text
    refused = await visitors.stranger().get("/metrics", **{"X-Forwarded-For": "203.0.113.9"})
    assert refused.status == 403


@pytest.mark.asvs("16.5.2")
async def test_ready_says_no_while_the_database_is_away(visitors: Visitors, tmp_path: Path) -> None:
    assert (await visitors.stranger().get("/readyz")).status == 200
    database = opened(f"sqlite:///{tmp_path}/no/such/folder.sqlite")
    services = keys.services(database, Settings(), tmp_path)
    server = TestServer(create_app(services, assets=Assets({})))
    async with server, ClientSession() as http:
        async with http.get(server.make_url("/readyz")) as response:
            assert response.status == 503
            assert (await response.json())["error"]["code"] == "unavailable"
        async with http.get(server.make_url("/healthz")) as response:
            assert response.status == 200
    await database.close()


async def test_a_page_without_the_built_client_says_what_to_do(site: Site) -> None:
    with pytest.raises(UnavailableError, match="make build"):
        Assets({}).asset("doctor.js")


@pytest.mark.asvs("12.2.1")
@pytest.mark.parametrize(
    ("trusted", "said", "status"),
    [
        ([], {}, 200),
        ([], {"X-Forwarded-For": "203.0.113.9"}, 403),
        ([], {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}, 403),
        (["127.0.0.0/8"], {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}, 403),
        (["127.0.0.0/8"], {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}, 200),
    ],
)
async def test_there_is_no_way_around_the_proxy_that_ends_tls(
    site: Site, visitors: Visitors, trusted: list[str], said: dict[str, str], status: int
) -> None:
    settings = site.services.settings
    settings.public_origin = "https://telehealth.example"
    settings.trusted_proxies = [IPv4Network(one) for one in trusted]
    answer = await visitors.stranger().http.get(site.origin + "/login", headers=said)
    assert answer.status == status
