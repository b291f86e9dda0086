"""The document of the interface: whole, valid, and the same as what docs/api.md tells."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from telehealth.access.policy import Role
from tests.webui.conftest import Visitors
from webui.access import Access
from webui.api import openapi
from webui.api.openapi import SOCKETS, refusals_of, write
from webui.api.operations import OPERATIONS
from webui.api.schemas import AlertStep
from webui.routes import ROUTES

ACCESS = {(route.method, route.path): route.access for route in ROUTES}
DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(write(ACCESS, "session")))
PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
DESCRIBED = sorted(OPERATIONS, key=lambda route: (route[1], route[0]))
NAMES = [f"{method} {path}" for method, path in DESCRIBED]


def _told(method: str, path: str) -> dict[str, Any]:
    told: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return told


def _validator(pointer: str) -> Draft202012Validator:
    """Return what checks a value against the schema at a place of the document."""
    resource = DRAFT202012.create_resource(DOCUMENT)
    registry: Registry[Any] = Registry().with_resource("urn:api", resource)
    return Draft202012Validator({"$ref": f"urn:api#{pointer}"}, registry=registry)


def _pointer(*steps: str) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def test_every_route_for_programs_stands_in_the_document_and_nothing_else() -> None:
    routes = {key for key in ACCESS if key[1].startswith("/api/v1/")} - SOCKETS
    told = {
        (method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods
    }
    assert told == routes
    assert set(OPERATIONS) == routes


def test_a_route_without_an_entry_is_not_served_without_words() -> None:
    with pytest.raises(KeyError):
        write(ACCESS | {("GET", "/api/v1/new"): Access.STAFF}, "session")


def test_what_is_left_out_are_routes_and_they_are_sockets() -> None:
    handlers = {(route.method, route.path): route.handler for route in ROUTES}
    assert {handlers[key].__name__ for key in SOCKETS} == {"signalling_socket"}


def test_names_of_operations_are_theirs_alone() -> None:
    names = [operation.name for operation in OPERATIONS.values()]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere() -> None:
    text = msgspec.json.encode(DOCUMENT).decode()
    for section, name in re.findall(r'"#/components/(\w+)/([^"]+)"', text):
        assert name in DOCUMENT["components"][section]


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_every_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"][name])


@pytest.mark.parametrize(("method", "path"), DESCRIBED, ids=NAMES)
def test_every_example_fits_its_schema(method: str, path: str) -> None:
    told = _told(method, path)
    place = ("paths", path, method.lower())
    for number, parameter in enumerate(told.get("parameters", [])):
        pointer = _pointer(*place, "parameters", str(number), "schema")
        _validator(pointer).validate(parameter["example"])
    contents: dict[tuple[str, ...], Any] = {("requestBody",): told.get("requestBody")}
    contents |= {("responses", status): answer for status, answer in told["responses"].items()}
    for steps, content in contents.items():
        for media, body in (content or {}).get("content", {}).items():
            pointer = _pointer(*place, *steps, "content", media, "schema")
            for example in body.get("examples", {}).values():
                _validator(pointer).validate(example["value"])


@pytest.mark.parametrize(("method", "path"), DESCRIBED, ids=NAMES)
def test_what_is_posted_and_answered_has_an_example(method: str, path: str) -> None:
    operation = OPERATIONS[method, path]
    assert bool(operation.bodies) == (operation.body is not None)
    assert bool(operation.answers) == bool(operation.answer)


@pytest.mark.parametrize(
    "body",
    [
        {"action": "accept", "reason": "motion"},
        {"action": "accept"},
        {"action": "worsen", "reason": "calling"},
        {"action": "accept", "reason": "calling", "review_minutes": 0},
        {"action": "accept", "reason": "calling", "review_minutes": 1441},
        {"action": "accept", "reason": "calling", "review_minutes": 2.5},
        {"action": "resolve", "reason": "advised", "note": "x" * 501},
    ],
)
def test_what_the_server_cannot_read_does_not_fit_either(body: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, AlertStep)
    place = ("paths", "/api/v1/alerts/{alert_id}", "post", "requestBody", "content")
    with pytest.raises(jsonschema.ValidationError):
        _validator(_pointer(*place, "application/json", "schema")).validate(body)


@pytest.mark.parametrize(("method", "path"), DESCRIBED, ids=NAMES)
def test_security_is_what_the_route_table_asks(method: str, path: str) -> None:
    told, access = _told(method, path), ACCESS[method, path]
    needs = told["security"][0] if told["security"] else {}
    assert ("session" in needs) == (access.roles is not None)
    assert ("same_origin" in needs) == (method == "POST" and access is not Access.OWN_PROOF)
    assert told.get("x-roles", []) == sorted(role.value for role in access.roles or ())
    assert {"401", "403"} <= set(told["responses"]) or access.roles is None


def test_the_cookie_has_the_name_that_this_server_gives_it() -> None:
    schemes = write(ACCESS, "__Host-session")["components"]["securitySchemes"]
    assert schemes["session"]["name"] == "__Host-session"


async def test_anybody_may_read_it_and_it_names_nobody(visitors: Visitors) -> None:
    answer = await visitors.stranger().get(openapi.PATH)
    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert await answer.json() == DOCUMENT


def line_of(method: str, path: str) -> str:
    """Return how the page tells a route."""
    operation, access = OPERATIONS[method, path], ACCESS[method, path]
    statuses = " ".join(map(str, [operation.status, *refusals_of(operation, access)]))
    return f"| `{method} {path}` | {_who(access)} | {operation.summary} | {statuses} |"


def _who(access: Access) -> str:
    if access is Access.OWN_PROOF:
        return "who has the code"
    if access.roles is None:
        return "anybody"
    if access.roles == frozenset(Role) - {Role.PATIENT}:
        return "staff"
    return ", ".join(sorted(role.value for role in access.roles))


def test_the_page_for_strangers_tells_every_route_as_it_is() -> None:
    expected = [line_of(method, path) for method, path in DESCRIBED]
    found = [line for line in PAGE.splitlines() if re.match(r"\| `(GET|POST) /api/v1/", line)]
    assert found == expected


@pytest.mark.parametrize("status", sorted(openapi.REFUSALS))
def test_the_page_for_strangers_tells_every_refusal(status: int) -> None:
    _, code, _ = openapi.REFUSALS[status]
    assert re.search(rf"^\| {status} \| `{code}`", PAGE, re.MULTILINE)
