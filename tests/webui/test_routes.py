"""The route table: complete, default-deny, and right for every role and relation."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError, web

from telehealth.store import tables
from telehealth.store.database import Transaction
from tests.webui import people
from tests.webui.conftest import Site, Visitor, Visitors
from webui.access import Access
from webui.api import gateway
from webui.guard import ROUTE_ACCESS
from webui.routes import ROUTES, STATIC, Route

DOCS = Path(__file__).parents[2] / "docs"
ANONYMOUS, DOCTOR, FAR, HOA, LINH, ADMIN = "anonymous", "doctor", "far", "hoa", "linh", "admin"
VISITORS = (ANONYMOUS, DOCTOR, FAR, HOA, LINH, ADMIN)
STAFF_OF_HOA = {DOCTOR}
DOCTORS = {DOCTOR, FAR}
PATIENTS = {HOA, LINH}
EVERYBODY = set(VISITORS)
SIGNED_IN = EVERYBODY - {ANONYMOUS}

# Whom each route serves, asked for Hoà: her page, her alert, her call. Everybody else is refused.
SERVES: dict[tuple[str, str], set[str]] = {
    ("GET", "/"): EVERYBODY,
    ("GET", "/login"): EVERYBODY,
    ("POST", "/login"): EVERYBODY,
    ("POST", "/language"): EVERYBODY,
    ("POST", "/logout"): SIGNED_IN,
    ("GET", "/sessions"): SIGNED_IN,
    ("POST", "/sessions/{session_id}/end"): SIGNED_IN,
    ("POST", "/sessions/end-others"): SIGNED_IN,
    ("POST", "/password"): SIGNED_IN,
    ("GET", "/doctor"): DOCTORS,
    ("GET", "/doctor/desk"): DOCTORS,
    ("GET", "/doctor/persons/{person_id}"): STAFF_OF_HOA,
    ("POST", "/doctor/alerts/{alert_id}"): STAFF_OF_HOA,
    ("POST", "/api/v1/alerts/{alert_id}"): STAFF_OF_HOA,
    ("GET", "/api/v1/persons/{person_id}/series"): STAFF_OF_HOA,
    ("GET", "/patient"): PATIENTS,
    ("GET", "/admin"): {ADMIN},
    ("GET", "/admin/gateways"): {ADMIN},
    ("POST", "/admin/gateways/enrolments"): {ADMIN},
    ("POST", "/admin/gateways/{gateway_id}/revoke"): {ADMIN},
    ("GET", "/admin/devices"): {ADMIN},
    ("POST", "/admin/loans"): {ADMIN},
    ("POST", "/admin/loans/{loan_id}/return"): {ADMIN},
    ("GET", "/admin/accounts"): {ADMIN},
    ("POST", "/admin/accounts"): {ADMIN},
    ("POST", "/admin/accounts/{account_id}/disable"): {ADMIN},
    ("POST", "/admin/accounts/{account_id}/password"): {ADMIN},
    ("GET", "/live"): DOCTORS | PATIENTS,
    ("GET", "/consult/{room_id}"): {DOCTOR, HOA},
    ("POST", "/api/v1/calls"): {DOCTOR, HOA, LINH},
    ("GET", "/api/v1/calls/{room_id}"): {DOCTOR, HOA},
    ("POST", "/api/v1/calls/{room_id}/answer"): {DOCTOR, HOA},
    ("POST", "/api/v1/calls/{room_id}/decline"): {DOCTOR, HOA},
    ("GET", "/api/v1/calls/{room_id}/socket"): {DOCTOR, HOA},
    ("GET", "/gateway/v1"): EVERYBODY,
    ("POST", "/api/v1/gateways/enrol"): set(),
    ("GET", "/healthz"): EVERYBODY,
    ("GET", "/readyz"): EVERYBODY,
    ("GET", "/metrics"): EVERYBODY,
}
FORMS: dict[tuple[str, str], dict[str, str]] = {
    ("POST", "/login"): {"login": "bs.mai", "password": people.PASSWORD},
    ("POST", "/language"): {"locale": "en"},
    ("POST", "/password"): {"old": people.PASSWORD, "new": "another-long-one"},
    ("POST", "/doctor/alerts/{alert_id}"): {"action": "accept", "reason": "calling"},
    ("POST", "/admin/loans"): {"device_id": "ox-new", "person_id": "p-new"},
    ("POST", "/admin/accounts"): {"login": "bs.new", "display_name": "New", "role": "doctor"},
    ("POST", "/api/v1/calls"): {"person_id": "p-hoa"},
}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/api/v1/alerts/{alert_id}"): {"action": "accept", "reason": "calling"},
    ("POST", "/api/v1/gateways/enrol"): {"code": "0000", "public_key": "AAAA", "name": "x"},
}
SOCKETS = {"/live", "/api/v1/calls/{room_id}/socket", "/gateway/v1"}


def test_every_registered_route_stands_in_the_table(site: Site) -> None:
    registered = {
        (route.method, route.resource.canonical)
        for route in site.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert registered == {(route.method, route.path) for route in ROUTES}


def test_every_route_of_the_table_is_walked_here() -> None:
    assert set(SERVES) == {(route.method, route.path) for route in ROUTES}


def test_only_gateways_bring_their_own_proof() -> None:
    own = {route.handler for route in ROUTES if route.access is Access.OWN_PROOF}
    assert own == {gateway.gateway_socket, gateway.enrol}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_documented(route: Route) -> None:
    told = "".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))
    assert route.path in told


async def the_visitor(name: str, visitors: Visitors) -> Visitor:
    match name:
        case "doctor":
            return await visitors.doctor()
        case "far":
            return await visitors.doctor("ac-far")
        case "hoa":
            return await visitors.patient("ac-hoa")
        case "linh":
            return await visitors.patient("ac-linh")
        case "admin":
            return await visitors.administrator()
    return visitors.stranger()


async def a_ringing_call(site: Site, visitors: Visitors) -> str:
    doctor = await visitors.doctor()
    response = await doctor.http.post(
        site.origin + "/api/v1/calls",
        json={"person_id": "p-hoa"},
        headers={"Origin": site.origin},
    )
    assert response.status == 201, await response.text()
    return str((await response.json())["room_id"])


async def ask(site: Site, visitor: Visitor, route: Route, room_id: str) -> int:
    """Make the request a page of ours would make, about Hoà; return the status."""
    path = route.path.format(
        person_id="p-hoa", alert_id="al-hoa", room_id=room_id, gateway_id="gw-ban",
        loan_id="ln-0", account_id="ac-cover", session_id="0" * 16,
    )  # fmt: skip
    key = (route.method, route.path)
    if route.path in SOCKETS:
        try:
            async with visitor.http.ws_connect(site.origin + path, headers={"Origin": site.origin}):
                return 101
        except WSServerHandshakeError as refused:
            return refused.status
    response = await visitor.http.request(
        route.method,
        site.origin + path,
        data=FORMS.get(key) if key not in BODIES else None,
        json=BODIES.get(key),
        headers={"Origin": site.origin, "Sec-Fetch-Site": "same-origin"},
        allow_redirects=False,
    )
    if response.status == 303 and response.headers["Location"].startswith("/login?"):
        return 401
    return response.status


@pytest.mark.parametrize("who", VISITORS)
async def test_every_route_serves_whom_it_should_and_refuses_everybody_else(
    site: Site, visitors: Visitors, who: str
) -> None:
    def settle(tx: Transaction) -> None:
        people.put(
            tx,
            tables.Person(
                person_id="p-new", display_name="Mới", birth_date="1990-01-01", created_ms=1
            ),
        )
        people.put(
            tx,
            tables.Case(case_id="c-new", person_id="p-new", programme_id="binh-minh", opened_ms=1),
        )

    await site.database.write(settle)
    calls = {"/api/v1/calls/{room_id}/answer", "/api/v1/calls/{room_id}/decline"}
    room_id = await a_ringing_call(site, visitors)
    wrong = []
    for route in sorted(ROUTES, key=lambda route: (route.path in calls, route.path)):
        visitor = await the_visitor(who, visitors)
        status = await ask(site, visitor, route, room_id)
        served = status in (101, 200, 201, 303) or (status == 409 and route.path in calls)
        expected = who in SERVES[route.method, route.path]
        if route.path == "/api/v1/calls" and expected:
            served = served or status == 409  # the person is being called already
        if served != expected or status >= 500:
            wrong.append((who, route.method, route.path, status))
    assert wrong == []


async def test_a_route_outside_the_table_is_refused_to_everybody(
    site: Site, visitors: Visitors
) -> None:
    del site.app[ROUTE_ACCESS]["GET", "/healthz"]
    admin = await visitors.administrator()
    assert (await admin.get("/healthz")).status == 403


async def test_an_unknown_path_is_not_found_and_says_so_in_words(visitors: Visitors) -> None:
    response = await visitors.stranger().get("/nowhere")
    assert response.status == 404
    assert "Không tìm thấy trang" in await response.text()


async def test_an_unknown_person_is_refused_in_the_same_way_as_a_strangers_patient(
    visitors: Visitors,
) -> None:
    doctor = await visitors.doctor()
    unknown = await doctor.get("/doctor/persons/p-nobody")
    foreign = await doctor.get("/doctor/persons/p-far")
    assert (unknown.status, foreign.status) == (403, 403)


async def test_head_is_answered_where_get_is(visitors: Visitors, site: Site) -> None:
    response = await visitors.stranger().http.head(site.origin + "/healthz")
    assert response.status == web.HTTPOk.status_code


def test_the_built_files_are_the_only_folder_that_is_served() -> None:
    assert STATIC == "/static/dist"
