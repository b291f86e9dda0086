"""Every route and WebSocket, for every role and every relation to a person, over HTTP.

What is expected stands in two tables written by hand: `tests.access_routes` says what a route is
for, `tests.access_table` who may do that to whom. Everybody logs in with a password, as people do.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from telehealth import clock
from telehealth.access.policy import Action, Decision, Relation, Role
from telehealth.store import tables
from telehealth.store.database import Transaction
from tests import rows
from tests.access_routes import LETTERS, ROUTES_TOLD, Told
from tests.access_table import ACTIONS, TABLE, expected
from tests.webui import people
from tests.webui.conftest import Site, Visitor, Visitors
from webui.routes import ROUTES

DOCS: Final = Path(__file__).parents[2] / "docs" / "access.md"
STRANGERS: Final = ("p-far", "Hà Văn Xa", "al-far")
"""What no page may show to whom p-far is a stranger."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An account and how it stands to a person."""

    role: Role
    relation: Relation
    account: str
    person: str


def _staff() -> list[Standing]:
    found = []
    for role in sorted(set(Role) - {Role.PATIENT, Role.DOCTOR}):
        found.append(Standing(role, Relation.AREA, f"ac-{role}-xa", "p-hoa"))
        found.append(Standing(role, Relation.STRANGER, f"ac-{role}-xa", "p-far"))
    return found


STANDINGS: Final = (
    Standing(Role.PATIENT, Relation.SELF, "ac-hoa", "p-hoa"),
    Standing(Role.PATIENT, Relation.CARER, "ac-con", "p-hoa"),
    Standing(Role.PATIENT, Relation.GUARDIAN, "ac-con", "p-linh"),
    Standing(Role.PATIENT, Relation.STRANGER, "ac-hoa", "p-far"),
    Standing(Role.DOCTOR, Relation.ASSIGNED, "ac-doctor", "p-hoa"),
    Standing(Role.DOCTOR, Relation.AREA, "ac-cover", "p-hoa"),
    Standing(Role.DOCTOR, Relation.GLASS_BROKEN, "ac-glass", "p-far"),
    Standing(Role.DOCTOR, Relation.STRANGER, "ac-cover", "p-far"),
    Standing(Role.NURSE, Relation.GLASS_BROKEN, "ac-nurse-glass", "p-far"),
    *_staff(),
)
FORMS: Final[dict[tuple[str, str], dict[str, str]]] = {
    ("POST", "/login"): {"login": "bs.mai", "password": people.PASSWORD},
    ("POST", "/language"): {"locale": "en"},
    ("POST", "/doctor/alerts/{alert_id}"): {"action": "accept", "reason": "calling"},
    ("POST", "/admin/loans"): {"device_id": "ox-new", "person_id": "{person_id}"},
    ("POST", "/admin/accounts"): {"login": "bs.new", "display_name": "New", "role": "doctor"},
    ("POST", "/admin/accounts/{account_id}/roles"): {"role": "nurse", "place": "pl-xa"},
    ("POST", "/emergency"): {"kind": "citizen_id", "value": "001190000001"},
    ("POST", "/act-as"): {"grant_id": "{own_grant}"},
    ("POST", "/station/search"): {"text": "Lò Thị Hoà"},
    ("POST", "/station/persons/{person_id}/case"): {"programme_id": "binh-minh"},
    ("POST", "/station/persons/{person_id}/loan"): {"device_id": "ox-new-2"},
    ("POST", "/station/loans"): {"device_id": "ox-new-3", "person_id": "{person_id}"},
}
BODIES: Final[dict[tuple[str, str], Any]] = {
    ("POST", "/api/v1/alerts/{alert_id}"): {"action": "accept", "reason": "calling"},
    ("POST", "/api/v1/calls"): {"person_id": "{person_id}"},
    ("POST", "/api/v1/gateways/enrol"): {"code": "0000", "public_key": "AAAA", "name": "x"},
}
ASKING: Final = {
    ("GET", "/doctor/persons/{person_id}"),
    ("GET", "/station/persons/{person_id}"),
}
"""Pages that lead to where the glass is broken; everything else just refuses."""
SIDES_OF_THE_CALL: Final = {"ac-doctor", "ac-hoa", "ac-con"}
"""Of the call that rings for p-hoa: the doctor, the person, the relative who cares for her."""
SOCKETS: Final = {"/api/v1/calls/{room_id}/socket", "/gateway/v1"}
LAST: Final = (
    "/login",
    "/logout",
    "/sessions/end-all",
    "/sessions/end-others",
    "/act-as",
    "/disable",
)
"""These end what the others need."""


def test_every_route_has_its_line_in_the_table_written_by_hand() -> None:
    told = [(line.method, line.path) for line in ROUTES_TOLD]
    assert sorted(told) == sorted({(route.method, route.path) for route in ROUTES})


def test_every_role_stands_in_every_relation_that_the_table_knows() -> None:
    stood = {(one.role, one.relation) for one in STANDINGS}
    named = {
        (Role(line.split()[0]), Relation(line.split()[1]))
        for line in TABLE.strip().splitlines()[1:]
    }
    assert named <= stood
    assert {role for role, _ in stood} == set(Role)


def settle(tx: Transaction, now_ms: int) -> None:
    """Add places, everybody of the staff, a relative, and two broken glasses to the commune."""
    for place_id, parent_id in (("pl-vn", None), ("pl-xa", "pl-vn"), ("pl-far", "pl-vn")):
        rows.place(tx, place_id, parent_id)
    tx.execute("UPDATE person SET place_id = 'pl-xa' WHERE person_id <> 'p-far'")
    tx.execute("UPDATE person SET place_id = 'pl-far' WHERE person_id = 'p-far'")
    tx.execute("UPDATE role_grant SET place_id = 'pl-xa' WHERE programme_id = 'binh-minh'")
    hashed = tx.rows("SELECT password_hash FROM account WHERE account_id = 'ac-doctor'")[0][0]
    for staff in sorted(set(Role) - {Role.PATIENT}):
        rows.account(
            tx, f"ac-{staff}-xa", staff, login=f"{staff}-xa", password_hash=hashed, place_id="pl-xa"
        )
    for account_id, role in (("ac-glass", "doctor"), ("ac-nurse-glass", "nurse")):
        rows.account(tx, account_id, role, login=account_id, password_hash=hashed, place_id="pl-xa")
        people.put(
            tx,
            tables.BreakGlass(
                break_glass_id=f"bg-{account_id}", account_id=account_id, person_id="p-far",
                reason="cover", started_ms=now_ms - 1_000, ends_ms=now_ms + 600_000,
            ),
        )  # fmt: skip
    rows.person(tx, "p-con", "Lò Văn Con", "1980-01-01", place_id="pl-xa")
    rows.account(tx, "ac-con", "patient", login="con", password_hash=hashed, person_id="p-con")
    for person_id, kind in (("p-hoa", "carer"), ("p-linh", "guardian")):
        people.put(
            tx,
            tables.PersonProxy(
                proxy_id=f"px-{person_id}", person_id=person_id, proxy_person_id="p-con",
                kind=kind, basis="test", granted_by="test", from_ms=0,
            ),
        )  # fmt: skip


@pytest.fixture
async def place(site: Site) -> Site:
    """Return the site with everybody in it."""
    await site.database.write(lambda tx: settle(tx, clock.now_ms()))
    return site


async def log_in(site: Site, visitors: Visitors, account_id: str) -> Visitor:
    """Log in by form, as people do."""
    login = await site.database.read(
        lambda r: r.rows("SELECT login FROM account WHERE account_id = ?", (account_id,))[0][0]
    )
    visitor = visitors.stranger()
    response = await visitor.post("/login", {"login": login, "password": people.PASSWORD})
    assert response.status == 303, await response.text()
    assert "session" in {cookie.key for cookie in visitor.http.cookie_jar}
    return visitor


def wanted(told: Told, standing: Standing | None) -> Decision:
    """Return what the tables say of a route for a standing; None: nobody has logged in."""
    if told.kind in ("anyone", "own-proof", "loopback"):
        return Decision.ALLOW
    if standing is None:
        return Decision.DENY
    if told.kind == "signed-in":
        return Decision.ALLOW
    if standing.role not in told.roles:
        return Decision.DENY
    if told.kind == "role":
        return Decision.ALLOW
    assert told.action is not None
    decision = expected(standing.role, standing.relation, told.action)
    if told.kind == "call":
        return Decision.ALLOW if standing.account in SIDES_OF_THE_CALL else Decision.DENY
    return decision


def said(status: int, location: str) -> Decision | str:
    """Return what an answer means."""
    if location.startswith("/login"):
        return Decision.DENY
    if location.startswith("/emergency/persons/"):
        return Decision.BREAK_GLASS
    if status in (401, 403, 404):
        return Decision.DENY
    return Decision.ALLOW if status < 500 else f"status {status}"


async def ask(site: Site, visitor: Visitor, told: Told, names: dict[str, str]) -> Decision | str:
    """Make the request that a page of ours would make, and say how it was answered."""
    key = (told.method, told.path)
    path = told.path.format(**names)
    if told.path == "/live":
        return await live(site, visitor, names["person_id"])
    if told.path in SOCKETS:
        try:
            async with visitor.http.ws_connect(site.origin + path, headers={"Origin": site.origin}):
                return Decision.ALLOW
        except WSServerHandshakeError as refused:
            return said(refused.status, "")
    response = await visitor.http.request(
        told.method,
        site.origin + path,
        data=None if key in BODIES else filled(FORMS.get(key), names),
        json=filled(BODIES.get(key), names),
        headers={"Origin": site.origin, "Sec-Fetch-Site": "same-origin"},
        allow_redirects=False,
    )
    if told.kind in ("anyone", "loopback") or response.headers.get("Location") == "/login?out":
        return Decision.ALLOW if response.status < 500 else f"status {response.status}"
    return said(response.status, response.headers.get("Location", ""))


async def live(site: Site, visitor: Visitor, person_id: str) -> Decision | str:
    """Watch one person on a live page; the first frame, or the close code, says it."""
    try:
        async with visitor.http.ws_connect(
            site.origin + "/live", headers={"Origin": site.origin}
        ) as page:
            await page.send_json({"type": "watch", "person_id": person_id, "cursor": 0})
            frame = await page.receive(timeout=10)
            while frame.type is WSMsgType.TEXT and person_id not in frame.data:
                frame = await page.receive(timeout=10)  # a beat, or what is nobody's
    except WSServerHandshakeError as refused:
        return said(refused.status, "")
    if frame.type is WSMsgType.TEXT:
        return Decision.ALLOW
    return Decision.DENY if frame.data == 4403 else f"closed {frame.data}"


def filled(form: dict[str, str] | None, names: dict[str, str]) -> dict[str, str] | None:
    """Return a form with the names of the walk in it."""
    return None if form is None else {k: v.format(**names) for k, v in form.items()}


def names_of(standing: Standing | None, room_id: str) -> dict[str, str]:
    """Return what stands for each name of a path."""
    person = standing.person if standing else "p-hoa"
    short = person.removeprefix("p-")
    return {
        "person_id": person,
        "alert_id": "al-far" if short == "far" else "al-hoa",
        "loan_id": "ln-4" if short == "far" else "ln-0",
        "room_id": room_id,
        "gateway_id": "gw-ban",
        "account_id": "ac-nurse-xa",
        "own_grant": f"gr-{standing.account}" if standing else "gr-none",
        "grant_id": "gr-ac-tracer-xa",
        "session_id": "0" * 16,
        "key_id": "0" * 16,
        "place_id": "pl-xa",
        "consent_id": "none",
        "identifier_id": "none",
        "proxy_id": "none",
        "merge_id": "none",
        "pair_id": "none",
        "device_id": "ox-none",
        "programme_id": "binh-minh",
        "request_id": "none",
        "step": "answer",
        "subject": "refused",
        "break_glass_id": "bg-ac-glass" if _is_glass(standing) else "bg-ac-nurse-glass",
    }


def _is_glass(standing: Standing | None) -> bool:
    return standing is not None and standing.account == "ac-glass"


def order(told: Told) -> tuple[bool, bool, str]:
    """Ask first, then do, and last what ends the rest."""
    return told.path.endswith(LAST), told.method == "POST", told.path


NOT_FOUND_IS_FINE: Final = {
    # Served, but the thing is not there, another's, or the proof is missing.
    "/confirm",
    "/station/persons/{person_id}/identifiers/{identifier_id}/show",
    "/station/persons/{person_id}/identifiers/{identifier_id}/end",
    "/station/persons/{person_id}/proxies/{proxy_id}/end",
    "/station/persons/{person_id}/household",
    "/station/persons/{person_id}/household/leave",
    "/station/persons/{person_id}/merges/{merge_id}/undo",
    "/station/pairs/{pair_id}/merge",
    "/station/pairs/{pair_id}/distinct",
    "/station/devices/{device_id}/place",
    "/admin/programmes/{programme_id}/end",
    "/admin/programmes/{programme_id}/numbers",
    "/security/totp",
    "/desk/persons/{person_id}/consents/{consent_id}/withdraw",
    "/patient/consents/{consent_id}/withdraw",
    "/patient/requests/{request_id}/copy",
    "/patient/restriction/lift",
    "/privacy/requests/{request_id}/{step}",
    "/privacy/withdrawals/{consent_id}/done",
    "/admin/retention/{subject}",
    "/admin/retention/{subject}/reset",
    "/emergency/{break_glass_id}/end",
    "/privacy/emergencies/{break_glass_id}",
    "/security/keys/{key_id}/remove",
    "/emergency",
    "/emergency/persons/{person_id}",
}


@pytest.mark.asvs("8.2.1", "8.3.1")
@pytest.mark.parametrize(
    "standing",
    [None, *STANDINGS],
    ids=lambda one: f"{one.role}-{one.relation}" if one else "nobody",
)
async def test_every_route_serves_whom_the_tables_name_and_refuses_everybody_else(
    place: Site, visitors: Visitors, standing: Standing | None
) -> None:
    room_id = await a_ringing_call(place, visitors)
    visitor = visitors.stranger()
    if standing is not None:
        visitor = await log_in(place, visitors, standing.account)
    names = names_of(standing, room_id)
    wrong = []
    for told in sorted(ROUTES_TOLD, key=order):
        if told.kind == "own-proof":
            continue  # tests/flow/test_uplink_refusals.py
        if told.path.endswith(LAST):
            visitor = visitors.stranger()
            if standing is not None:
                visitor = await log_in(place, visitors, standing.account)
        answered = await ask(place, visitor, told, names)
        due = wanted(told, standing)
        if due is Decision.BREAK_GLASS and (told.method, told.path) not in ASKING:
            due = Decision.DENY  # only a page can ask for the reason
        fine = told.path in NOT_FOUND_IS_FINE and due is Decision.ALLOW
        if answered != due and not (fine and answered is Decision.DENY):
            wrong.append((told.method, told.path, due, answered))
    assert not wrong, "\n".join(map(str, wrong))


async def a_ringing_call(site: Site, visitors: Visitors) -> str:
    doctor = await visitors.doctor()
    response = await doctor.http.post(
        site.origin + "/api/v1/calls",
        json={"person_id": "p-hoa"},
        headers={"Origin": site.origin},
    )
    assert response.status == 201, await response.text()
    return str((await response.json())["room_id"])


@pytest.mark.asvs("8.2.2", "8.4.1")
@pytest.mark.parametrize(
    "standing",
    [one for one in STANDINGS if one.relation is Relation.STRANGER],
    ids=lambda one: str(one.role),
)
async def test_no_page_list_or_search_names_a_stranger(
    place: Site, visitors: Visitors, standing: Standing
) -> None:
    """Whoever reaches p-hoa's commune alone is shown nothing of p-far, wherever they look."""
    visitor = await log_in(place, visitors, standing.account)
    names = names_of(STANDINGS[0], "none")
    leaks = []
    for told in ROUTES_TOLD:
        if told.method != "GET" or told.path in {*SOCKETS, "/live", "/metrics"}:
            continue
        response = await visitor.get(told.path.format(**names))
        text = await response.text()
        leaks += [(told.path, word) for word in STRANGERS if word in text]
    assert leaks == []


@pytest.mark.asvs("8.2.2")
@pytest.mark.parametrize("account", ["ac-cover", "ac-hoa"])
async def test_no_live_page_is_sent_anything_of_a_stranger(
    place: Site, visitors: Visitors, account: str
) -> None:
    visitor = await log_in(place, visitors, account)
    async with visitor.http.ws_connect(
        place.origin + "/live", headers={"Origin": place.origin}
    ) as page:
        await page.send_json({"type": "watch", "cursor": 0})
        heard = [(await page.receive(timeout=10)).data]
        for person_id in ("p-far", "p-hoa"):
            await place.database.write(lambda tx, key=person_id: _stir(tx, key))  # type: ignore[misc]
            place.services.bus.publish(f"person:{person_id}", {"kind": "state"})
        heard.append((await page.receive(timeout=10)).data)
    assert "p-hoa" in "".join(heard)
    assert not [word for word in STRANGERS if word in "".join(heard)]


def _stir(tx: Transaction, person_id: str) -> None:
    tx.execute("UPDATE person_state SET changed_in = ? WHERE person_id = ?", (tx.number, person_id))


def test_the_document_prints_the_table() -> None:
    text = DOCS.read_text(encoding="utf-8")
    printed = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", text, re.MULTILINE)
    found = {
        (role, how, action): cell.strip()
        for role, how, cells in printed
        for action, cell in zip(ACTIONS, cells.split("|"), strict=True)
    }
    words = {Decision.ALLOW: "yes", Decision.BREAK_GLASS: "glass", Decision.DENY: "·"}
    named = {(Role(r), Relation(h)) for r, h, _ in found}
    assert found == {
        (role, how, action): words[expected(role, how, action)]
        for role, how in named
        for action in Action
    }
    allowed = {
        (role, how)
        for role in Role
        for how in Relation
        if any(expected(role, how, a) is not Decision.DENY for a in Action)
    }
    assert named == allowed


def test_the_document_names_the_letters_of_the_roles() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for letter, role in LETTERS.items():
        assert f"**{letter}** `{role}`" in text
