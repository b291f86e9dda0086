"""What each route is for, written down by hand a second time: what the access matrix expects.

After method and path stands who is served:
`anyone`; `signed-in`; `own-proof` (gateways); `loopback`;
`role XY` (the letters of docs/access.md, whoever the person is);
`person XY action` (those roles, if the table in `tests.access_table` allows the action);
`call` (the two sides of the one call: the doctor who rings, the person and who speaks for them).
"""

from dataclasses import dataclass
from typing import Final

from telehealth.access.policy import Action, Role

LETTERS: Final = {
    "P": Role.PATIENT, "N": Role.NURSE, "D": Role.DOCTOR, "C": Role.COORDINATOR,
    "S": Role.SUPERVISOR, "K": Role.CHECKER, "T": Role.TRACER, "L": Role.LABORATORY,
    "V": Role.VACCINATOR, "M": Role.MANAGER, "A": Role.ADMINISTRATOR, "O": Role.PRIVACY_OFFICER,
}  # fmt: skip
STAFF: Final = "NDCSKTLVMAO"
TABLE: Final = f"""
GET  /                                              anyone
GET  /login                                         anyone
POST /login                                         anyone
GET  /login/step                                    anyone
POST /login/step                                    anyone
GET  /enrol                                         anyone
POST /enrol                                         anyone
POST /language                                      anyone
POST /logout                                        signed-in
GET  /sessions                                      signed-in
POST /sessions/{{session_id}}/end                   signed-in
POST /sessions/end-others                           signed-in
POST /sessions/end-all                              signed-in
GET  /password                                      signed-in
POST /password                                      signed-in
GET  /security                                      signed-in
GET  /security/totp                                 signed-in
POST /security/totp                                 signed-in
POST /security/totp/remove                          signed-in
GET  /security/keys/new                             signed-in
POST /security/keys/new                             signed-in
POST /security/keys/{{key_id}}/remove               signed-in
GET  /security/recovery                             signed-in
POST /security/recovery                             signed-in
GET  /confirm                                       signed-in
POST /confirm                                       signed-in
GET  /roles                                         role {STAFF}
POST /act-as                                        role {STAFF}
GET  /desk/persons/{{person_id}}/entry              person NC hand_over_entry
POST /desk/persons/{{person_id}}/entry              person NC hand_over_entry
GET  /doctor                                        role D
GET  /doctor/desk                                   role D
GET  /doctor/persons/{{person_id}}                  person D see_vitals
POST /doctor/persons/{{person_id}}/remeasure        person D call
POST /doctor/alerts/{{alert_id}}                    person D act_on_alert
POST /api/v1/alerts/{{alert_id}}                    person D act_on_alert
GET  /api/v1/persons/{{person_id}}/series           person D see_vitals
GET  /patient                                       role P
GET  /patient/persons/{{person_id}}                 person P see_vitals
GET  /patient/offline                               role P
GET  /worker.js                                     anyone
POST /api/v1/patient/uploads                        role P
GET  /patient/readers                               role P
GET  /privacy/audit                                 role O
GET  /emergency                                     role ND
POST /emergency                                     role ND
GET  /emergency/persons/{{person_id}}               role ND
POST /emergency/persons/{{person_id}}               role ND
POST /emergency/{{break_glass_id}}/end              role ND
GET  /privacy/emergencies                           role O
POST /privacy/emergencies/{{break_glass_id}}        role O
GET  /station                                       role NC
POST /station/search                                role NC
GET  /station/register                              role NC
POST /station/register                              role NC
GET  /station/persons/{{person_id}}                 person NC see_identity
POST /station/persons/{{person_id}}/correct         person NC register
POST /station/persons/{{person_id}}/identifiers     person NC register
POST /station/persons/{{person_id}}/identifiers/{{identifier_id}}/show person NC see_identity
POST /station/persons/{{person_id}}/identifiers/{{identifier_id}}/end person NC register
POST /station/persons/{{person_id}}/household       person NC register
POST /station/persons/{{person_id}}/sessions/end    person NC hand_over_entry
POST /station/persons/{{person_id}}/household/leave person NC register
POST /station/persons/{{person_id}}/proxies         person NC register
POST /station/persons/{{person_id}}/proxies/{{proxy_id}}/end person NC register
POST /station/persons/{{person_id}}/case            person NC assign
POST /station/persons/{{person_id}}/loan            person NC lend_device
POST /station/persons/{{person_id}}/merges/{{merge_id}}/undo person C merge
GET  /station/pairs                                 role C
POST /station/pairs/{{pair_id}}/merge               role C
POST /station/pairs/{{pair_id}}/distinct            role C
GET  /station/readings                              role NC
POST /station/readings                              role NC
GET  /station/devices                               role NC
POST /station/devices/{{device_id}}/place           role NC
POST /station/loans                                 role NC
POST /station/loans/{{loan_id}}/return              person NC lend_device
POST /api/v1/people/search                          role NC
POST /api/v1/people/alike                           role NC
POST /api/v1/qr                                     role NC
GET  /admin/programmes                              role A
POST /admin/programmes                              role A
POST /admin/programmes/{{programme_id}}/numbers     role A
POST /admin/programmes/{{programme_id}}/end         role A
GET  /patient/consents                              role P
POST /patient/consents                              role P
POST /patient/consents/{{consent_id}}/withdraw      role P
GET  /desk/persons/{{person_id}}/consents           person NC witness_consent
POST /desk/persons/{{person_id}}/consents           person NC witness_consent
POST /desk/persons/{{person_id}}/consents/{{consent_id}}/withdraw person NC witness_consent
GET  /patient/requests                              role P
POST /patient/requests                              role P
GET  /patient/requests/{{request_id}}/copy          role P
POST /patient/restriction/lift                      role P
GET  /privacy/requests                              role O
POST /privacy/requests/{{request_id}}/{{step}}      role O
POST /privacy/withdrawals/{{consent_id}}/done       role O
GET  /admin/retention                               role A
POST /admin/retention/{{subject}}                   role A
POST /admin/retention/{{subject}}/reset             role A
GET  /admin                                         role A
GET  /admin/gateways                                role A
POST /admin/gateways/enrolments                     role A
POST /admin/gateways/{{gateway_id}}/commands        role A
POST /admin/gateways/{{gateway_id}}/revoke          role A
GET  /admin/devices                                 role A
POST /admin/loans                                   person A lend_device
POST /admin/loans/{{loan_id}}/return                person A lend_device
GET  /admin/accounts                                role A
POST /admin/accounts                                role A
GET  /admin/accounts/{{account_id}}                 role A
POST /admin/accounts/{{account_id}}/roles           role A
POST /admin/accounts/{{account_id}}/factors/reset   role A
POST /admin/accounts/{{account_id}}/sessions/end    role A
POST /admin/roles/{{grant_id}}/end                  role A
POST /admin/accounts/{{account_id}}/disable         role A
POST /admin/accounts/{{account_id}}/password        role A
GET  /admin/places                                  role A
GET  /admin/places/{{place_id}}                     role A
GET  /api/v1/places                                 role {STAFF}
GET  /live                                          person PD see_vitals
GET  /consult/{{room_id}}                           call
POST /api/v1/calls                                  person PD call
GET  /api/v1/calls/{{room_id}}                      call
POST /api/v1/calls/{{room_id}}/answer               call
POST /api/v1/calls/{{room_id}}/decline              call
GET  /api/v1/calls/{{room_id}}/socket               call
GET  /gateway/v1                                    own-proof
POST /api/v1/gateways/enrol                         own-proof
GET  /api/v1/openapi.json                           anyone
GET  /healthz                                       anyone
GET  /readyz                                        anyone
GET  /metrics                                       loopback
"""


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the table."""

    method: str
    path: str
    kind: str
    roles: frozenset[Role] = frozenset()
    action: Action | None = None


def _line(line: str) -> Told:
    method, path, kind, *rest = line.split()
    if kind == "person":
        return Told(method, path, kind, frozenset(map(LETTERS.get, rest[0])), Action(rest[1]))  # type: ignore[arg-type]
    if kind == "role":
        return Told(method, path, kind, frozenset(map(LETTERS.get, rest[0])))  # type: ignore[arg-type]
    if kind == "call":
        return Told(method, path, kind, frozenset({Role.PATIENT, Role.DOCTOR}), Action.CALL)
    return Told(method, path, kind)


ROUTES_TOLD: Final = tuple(_line(line) for line in TABLE.strip().splitlines())
