"""Every route of the server in one table, with who may call it; what is not here, nobody may.

To add a route, add a line. `tests/webui/test_routes.py` walks every line for every role, and fails
for a handler that is registered elsewhere.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from webui.access import Access
from webui.api import gateway, health, live, signalling
from webui.guard import ROUTE_ACCESS
from webui.pages import accounts, alerts, consult, doctor, fleet, login, own, patient


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path."""

    method: str
    path: str
    handler: Handler
    access: Access


_A = Access
ROUTES: Final = (
    Route("GET", "/", login.home, _A.ANYONE),
    Route("GET", "/login", login.login_page, _A.ANYONE),
    Route("POST", "/login", login.login, _A.ANYONE),
    Route("POST", "/language", login.language, _A.ANYONE),
    Route("POST", "/logout", own.logout, _A.SIGNED_IN),
    Route("GET", "/sessions", own.sessions_page, _A.SIGNED_IN),
    Route("POST", "/sessions/{session_id}/end", own.end_session, _A.SIGNED_IN),
    Route("POST", "/sessions/end-others", own.end_others, _A.SIGNED_IN),
    Route("POST", "/password", own.change_password, _A.SIGNED_IN),
    Route("GET", "/doctor", doctor.list_page, _A.DOCTOR),
    Route("GET", "/doctor/desk", doctor.desk_page, _A.DOCTOR),
    Route("GET", "/doctor/persons/{person_id}", doctor.person_page, _A.DOCTOR),
    Route("POST", "/doctor/alerts/{alert_id}", alerts.act_form, _A.DOCTOR),
    Route("POST", "/api/v1/alerts/{alert_id}", alerts.act_json, _A.DOCTOR),
    Route("GET", "/api/v1/persons/{person_id}/series", doctor.series, _A.DOCTOR),
    Route("GET", "/patient", patient.page, _A.PATIENT),
    Route("GET", "/admin", fleet.overview, _A.ADMINISTRATOR),
    Route("GET", "/admin/gateways", fleet.gateways_page, _A.ADMINISTRATOR),
    Route("POST", "/admin/gateways/enrolments", fleet.new_enrolment, _A.ADMINISTRATOR),
    Route("POST", "/admin/gateways/{gateway_id}/revoke", fleet.revoke, _A.ADMINISTRATOR),
    Route("GET", "/admin/devices", fleet.devices_page, _A.ADMINISTRATOR),
    Route("POST", "/admin/loans", fleet.lend, _A.ADMINISTRATOR),
    Route("POST", "/admin/loans/{loan_id}/return", fleet.give_back, _A.ADMINISTRATOR),
    Route("GET", "/admin/accounts", accounts.page, _A.ADMINISTRATOR),
    Route("POST", "/admin/accounts", accounts.create, _A.ADMINISTRATOR),
    Route("POST", "/admin/accounts/{account_id}/disable", accounts.disable, _A.ADMINISTRATOR),
    Route("POST", "/admin/accounts/{account_id}/password", accounts.password, _A.ADMINISTRATOR),
    Route("GET", "/live", live.socket, _A.CARE),
    Route("GET", "/consult/{room_id}", consult.consult_page, _A.CARE),
    Route("POST", "/api/v1/calls", consult.call_create, _A.CARE),
    Route("GET", "/api/v1/calls/{room_id}", consult.call_state, _A.CARE),
    Route("POST", "/api/v1/calls/{room_id}/answer", consult.call_answer, _A.CARE),
    Route("POST", "/api/v1/calls/{room_id}/decline", consult.call_decline, _A.CARE),
    Route("GET", "/api/v1/calls/{room_id}/socket", signalling.signalling_socket, _A.CARE),
    Route("GET", "/gateway/v1", gateway.gateway_socket, _A.OWN_PROOF),
    Route("POST", "/api/v1/gateways/enrol", gateway.enrol, _A.OWN_PROOF),
    Route("GET", "/healthz", health.alive, _A.ANYONE),
    Route("GET", "/readyz", health.ready, _A.ANYONE),
    Route("GET", "/metrics", health.metrics, _A.LOOPBACK),
)
STATIC: Final = "/static/dist"


def add_routes(app: web.Application, static: Path | None) -> None:
    """Register the table and the folder of built files, and nothing else."""
    access = {(route.method, route.path): route.access for route in ROUTES}
    for route in ROUTES:
        add = app.router.add_get if route.method == "GET" else app.router.add_post
        add(route.path, route.handler)
    if static is not None:
        app.router.add_static(STATIC, static)
        access["GET", STATIC] = Access.ANYONE
    app[ROUTE_ACCESS] = access
