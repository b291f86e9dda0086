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
from webui.api import gateway, health, live, openapi, phone, signalling
from webui.guard import ROUTE_ACCESS
from webui.pages import (
    accounts,
    alerts,
    audit,
    consents,
    consult,
    doctor,
    emergency,
    entry,
    fleet,
    login,
    login_step,
    own,
    patient,
    places,
    programmes,
    requests,
    retention,
    roles,
    security,
)
from webui.pages.desk import (
    cards,
    correcting,
    home,
    loans,
    pairs,
    people,
    readings,
    register,
    telephones,
)


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
    Route("POST", "/login", login.login_form, _A.ANYONE),
    Route("GET", "/login/step", login_step.step_page, _A.ANYONE),
    Route("POST", "/login/step", login_step.step_form, _A.ANYONE),
    Route("GET", "/enrol", entry.enrol_page, _A.ANYONE),
    Route("POST", "/enrol", entry.enrol, _A.ANYONE),
    Route("POST", "/language", login.language, _A.ANYONE),
    Route("POST", "/logout", own.logout, _A.SIGNED_IN),
    Route("GET", "/sessions", own.sessions_page, _A.SIGNED_IN),
    Route("POST", "/sessions/{session_id}/end", own.end_session, _A.SIGNED_IN),
    Route("POST", "/sessions/end-others", own.end_others, _A.SIGNED_IN),
    Route("POST", "/sessions/end-all", own.end_all, _A.SIGNED_IN),
    Route("GET", "/password", own.sessions_page, _A.SIGNED_IN),
    Route("POST", "/password", own.change_password, _A.SIGNED_IN),
    Route("GET", "/security", security.security_page, _A.SIGNED_IN),
    Route("GET", "/security/totp", security.totp_page, _A.SIGNED_IN),
    Route("POST", "/security/totp", security.add_totp, _A.SIGNED_IN),
    Route("POST", "/security/totp/remove", security.remove_totp, _A.SIGNED_IN),
    Route("GET", "/security/keys/new", security.key_page, _A.SIGNED_IN),
    Route("POST", "/security/keys/new", security.add_key, _A.SIGNED_IN),
    Route("POST", "/security/keys/{key_id}/remove", security.remove_key, _A.SIGNED_IN),
    Route("GET", "/security/recovery", own.sessions_page, _A.SIGNED_IN),
    Route("POST", "/security/recovery", security.new_recovery_codes, _A.SIGNED_IN),
    Route("GET", "/confirm", security.confirm_page, _A.SIGNED_IN),
    Route("POST", "/confirm", security.confirm, _A.SIGNED_IN),
    Route("GET", "/desk/persons/{person_id}/entry", entry.hand_over_page, _A.DESK),
    Route("POST", "/desk/persons/{person_id}/entry", entry.hand_over, _A.DESK),
    Route("GET", "/doctor", doctor.list_page, _A.DOCTOR),
    Route("GET", "/doctor/desk", doctor.desk_page, _A.DOCTOR),
    Route("GET", "/doctor/persons/{person_id}", doctor.person_page, _A.DOCTOR),
    Route("POST", "/doctor/persons/{person_id}/remeasure", doctor.remeasure, _A.DOCTOR),
    Route("POST", "/doctor/alerts/{alert_id}", alerts.act_form, _A.DOCTOR),
    Route("POST", "/api/v1/alerts/{alert_id}", alerts.act_json, _A.DOCTOR),
    Route("GET", "/api/v1/persons/{person_id}/series", doctor.series, _A.DOCTOR),
    Route("GET", "/patient", patient.page, _A.PATIENT),
    Route("GET", "/patient/persons/{person_id}", patient.page, _A.PATIENT),
    Route("GET", "/patient/offline", patient.offline_page, _A.PATIENT),
    Route("GET", "/worker.js", patient.worker, _A.ANYONE),
    Route("POST", "/api/v1/patient/uploads", phone.take_uploads, _A.PATIENT),
    Route("GET", "/patient/readers", audit.readers_page, _A.PATIENT),
    Route("GET", "/privacy/audit", audit.log_page, _A.PRIVACY),
    Route("GET", "/roles", roles.own_page, _A.STAFF),
    Route("POST", "/act-as", roles.act_as, _A.STAFF),
    Route("GET", "/emergency", emergency.find_page, _A.GLASS),
    Route("POST", "/emergency", emergency.find, _A.GLASS),
    Route("GET", "/emergency/persons/{person_id}", emergency.ask_page, _A.GLASS),
    Route("POST", "/emergency/persons/{person_id}", emergency.take, _A.GLASS),
    Route("POST", "/emergency/{break_glass_id}/end", emergency.give_back, _A.GLASS),
    Route("GET", "/privacy/emergencies", emergency.review_page, _A.PRIVACY),
    Route("POST", "/privacy/emergencies/{break_glass_id}", emergency.review, _A.PRIVACY),
    Route("GET", "/patient/consents", consents.own_page, _A.PATIENT),
    Route("POST", "/patient/consents", consents.give_own, _A.PATIENT),
    Route("POST", "/patient/consents/{consent_id}/withdraw", consents.withdraw_own, _A.PATIENT),
    Route("GET", "/desk/persons/{person_id}/consents", consents.desk_page, _A.DESK),
    Route("POST", "/desk/persons/{person_id}/consents", consents.give_witnessed, _A.DESK),
    Route(
        "POST",
        "/desk/persons/{person_id}/consents/{consent_id}/withdraw",
        consents.withdraw_witnessed,
        _A.DESK,
    ),
    Route("GET", "/patient/requests", requests.own_page, _A.PATIENT),
    Route("POST", "/patient/requests", requests.ask, _A.PATIENT),
    Route("GET", "/patient/requests/{request_id}/copy", requests.fetch_copy, _A.PATIENT),
    Route("POST", "/patient/restriction/lift", requests.lift_restriction, _A.PATIENT),
    Route("GET", "/privacy/requests", requests.to_do_page, _A.PRIVACY),
    Route("POST", "/privacy/requests/{request_id}/{step}", requests.move, _A.PRIVACY),
    Route("POST", "/privacy/withdrawals/{consent_id}/done", requests.withdrawal_done, _A.PRIVACY),
    Route("GET", "/admin/retention", retention.page, _A.ADMINISTRATOR),
    Route("POST", "/admin/retention/{subject}", retention.change, _A.ADMINISTRATOR),
    Route("POST", "/admin/retention/{subject}/reset", retention.reset, _A.ADMINISTRATOR),
    Route("GET", "/station", home.page, _A.DESK),
    Route("POST", "/station/search", home.find, _A.DESK),
    Route("GET", "/station/register", register.page, _A.DESK),
    Route("POST", "/station/register", register.register, _A.DESK),
    Route("GET", "/station/persons/{person_id}", people.page, _A.DESK),
    Route("POST", "/station/persons/{person_id}/correct", correcting.correct, _A.DESK),
    Route("POST", "/station/persons/{person_id}/identifiers", people.add_number, _A.DESK),
    Route(
        "POST",
        "/station/persons/{person_id}/identifiers/{identifier_id}/show",
        people.show_number,
        _A.DESK,
    ),
    Route(
        "POST",
        "/station/persons/{person_id}/identifiers/{identifier_id}/end",
        people.end_number,
        _A.DESK,
    ),
    Route("POST", "/station/persons/{person_id}/household", people.join_household, _A.DESK),
    Route("POST", "/station/persons/{person_id}/household/leave", people.leave_household, _A.DESK),
    Route("POST", "/station/persons/{person_id}/proxies", people.add_proxy, _A.DESK),
    Route("POST", "/station/persons/{person_id}/proxies/{proxy_id}/end", people.end_proxy, _A.DESK),
    Route("POST", "/station/persons/{person_id}/case", people.change_case, _A.DESK),
    Route("POST", "/station/persons/{person_id}/loan", people.lend, _A.DESK),
    Route("POST", "/station/persons/{person_id}/sessions/end", telephones.end_sessions, _A.DESK),
    Route(
        "POST",
        "/station/persons/{person_id}/merges/{merge_id}/undo",
        people.undo_merge,
        _A.COORDINATOR,
    ),
    Route("GET", "/station/pairs", pairs.page, _A.COORDINATOR),
    Route("POST", "/station/pairs/{pair_id}/merge", pairs.merge, _A.COORDINATOR),
    Route("POST", "/station/pairs/{pair_id}/distinct", pairs.distinct, _A.COORDINATOR),
    Route("GET", "/station/readings", readings.page, _A.DESK),
    Route("POST", "/station/readings", readings.attribute, _A.DESK),
    Route("GET", "/station/devices", loans.page, _A.DESK),
    Route("POST", "/station/devices/{device_id}/place", loans.move, _A.DESK),
    Route("POST", "/station/loans", loans.lend, _A.DESK),
    Route("POST", "/station/loans/{loan_id}/return", loans.give_back, _A.DESK),
    Route("POST", "/api/v1/people/search", home.find_json, _A.DESK),
    Route("POST", "/api/v1/people/alike", register.alike_json, _A.DESK),
    Route("POST", "/api/v1/qr", cards.qr, _A.DESK),
    Route("GET", "/admin/programmes", programmes.page, _A.ADMINISTRATOR),
    Route("POST", "/admin/programmes", programmes.create, _A.ADMINISTRATOR),
    Route(
        "POST",
        "/admin/programmes/{programme_id}/numbers",
        programmes.change_numbers,
        _A.ADMINISTRATOR,
    ),
    Route("POST", "/admin/programmes/{programme_id}/end", programmes.end, _A.ADMINISTRATOR),
    Route("GET", "/admin", fleet.overview, _A.ADMINISTRATOR),
    Route("GET", "/admin/gateways", fleet.gateways_page, _A.ADMINISTRATOR),
    Route("POST", "/admin/gateways/enrolments", fleet.new_enrolment, _A.ADMINISTRATOR),
    Route("POST", "/admin/gateways/{gateway_id}/commands", fleet.command, _A.ADMINISTRATOR),
    Route("POST", "/admin/gateways/{gateway_id}/revoke", fleet.revoke, _A.ADMINISTRATOR),
    Route("GET", "/admin/devices", fleet.devices_page, _A.ADMINISTRATOR),
    Route("POST", "/admin/loans", fleet.lend, _A.ADMINISTRATOR),
    Route("POST", "/admin/loans/{loan_id}/return", fleet.give_back, _A.ADMINISTRATOR),
    Route("GET", "/admin/accounts", accounts.page, _A.ADMINISTRATOR),
    Route("POST", "/admin/accounts", accounts.create, _A.ADMINISTRATOR),
    Route("GET", "/admin/accounts/{account_id}", roles.page, _A.ADMINISTRATOR),
    Route("POST", "/admin/accounts/{account_id}/roles", roles.give, _A.ADMINISTRATOR),
    Route("POST", "/admin/roles/{grant_id}/end", roles.end, _A.ADMINISTRATOR),
    Route("POST", "/admin/accounts/{account_id}/disable", accounts.disable, _A.ADMINISTRATOR),
    Route(
        "POST",
        "/admin/accounts/{account_id}/factors/reset",
        accounts.reset_factors,
        _A.ADMINISTRATOR,
    ),
    Route("POST", "/admin/accounts/{account_id}/password", accounts.password, _A.ADMINISTRATOR),
    Route(
        "POST",
        "/admin/accounts/{account_id}/sessions/end",
        accounts.end_sessions,
        _A.ADMINISTRATOR,
    ),
    Route("GET", "/admin/places", places.overview, _A.ADMINISTRATOR),
    Route("GET", "/admin/places/{place_id}", places.one_page, _A.ADMINISTRATOR),
    Route("GET", "/api/v1/places", places.look_up, _A.STAFF),
    Route("GET", "/live", live.socket, _A.CARE),
    Route("GET", "/consult/{room_id}", consult.consult_page, _A.CARE),
    Route("POST", "/api/v1/calls", consult.call_create, _A.CARE),
    Route("GET", "/api/v1/calls/{room_id}", consult.call_state, _A.CARE),
    Route("POST", "/api/v1/calls/{room_id}/answer", consult.call_answer, _A.CARE),
    Route("POST", "/api/v1/calls/{room_id}/decline", consult.call_decline, _A.CARE),
    Route("GET", "/api/v1/calls/{room_id}/socket", signalling.signalling_socket, _A.CARE),
    Route("GET", "/gateway/v1", gateway.gateway_socket, _A.OWN_PROOF),
    Route("POST", "/api/v1/gateways/enrol", gateway.enrol, _A.OWN_PROOF),
    Route("GET", "/api/v1/openapi.json", openapi.document, _A.ANYONE),
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
