"""`GET /api/v1/openapi.json`: what programs may ask, as OpenAPI 3.1 (docs/api.md).

The document is written from the route table, the table of operations and the types that handlers
decode into and answer with; nothing of it is kept by hand. It holds no data of anybody.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, Final

import msgspec
from aiohttp import web

from webui.access import Access
from webui.api.operation import Operation, Parameter
from webui.api.operations import OPERATIONS
from webui.api.schemas import Failure, Fault
from webui.guard import ROUTE_ACCESS, SAFE_METHODS, cookie_name
from webui.keys import SERVICES

PATH: Final = "/api/v1/openapi.json"
PREFIX: Final = "/api/v1/"
SOCKETS: Final = frozenset({("GET", "/api/v1/calls/{room_id}/socket")})
"""WebSockets: OpenAPI has no words for them; their messages stand in docs/calls.md."""
_REF: Final = "#/components/schemas/{name}"
REFUSALS: Final = {
    400: ("BadMessage", "bad_message", "The message, or a value in it, is not of this interface."),
    401: ("SignInFirst", "sign_in_first", "Nobody is signed in, or the session has ended."),
    403: (
        "NotAllowed",
        "not_allowed",
        "This role, or this account for this person, may not; or the request does not say that it"
        " comes from the same origin. `break_glass`: in an emergency it may, after breaking the"
        " glass (docs/access.md).",
    ),
    404: ("NotFound", "not_found", "There is no such thing, or none that this account may know."),
    409: ("NotNow", "illegal_transition", "Not from where the thing stands now."),
    413: ("TooLarge", "http_413", "The body is larger than 64 KiB."),
    422: ("Refused", "refused", "Well formed, but a value cannot be taken."),
    503: ("Unavailable", "unavailable", "Not now; trying later may help."),
}
_WORDS: Final = (
    "Values are decision support, not a primary alarm. Sign in as a browser does (docs/login.md)"
    " and send the session's cookie; what changes anything also names its origin. Instants are"
    " epoch milliseconds in fields that end in `_ms`. Ignore fields you do not know. A refusal"
    ' is `{"error": {"code", "message"}}`; decide by the code.'
)


async def document(request: web.Request) -> web.Response:
    """Return the document."""
    cookie = cookie_name(request.app[SERVICES].settings)
    body = _written(frozenset(request.app[ROUTE_ACCESS].items()), cookie)
    return web.Response(body=body, content_type="application/json", charset="utf-8")


@cache
def _written(routes: frozenset[tuple[tuple[str, str], Access]], cookie: str) -> bytes:
    return msgspec.json.encode(write(dict(routes), cookie))


def for_programs(routes: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the routes that belong into the document, by path and method."""
    found = {(method, path) for method, path in routes if path.startswith(PREFIX)}
    return sorted(found - SOCKETS, key=lambda route: (route[1], route[0]))


def write(routes: Mapping[tuple[str, str], Access], cookie: str) -> dict[str, Any]:
    """Write the document (OpenAPI 3.1.1 §4.8).

    Args:
        routes: (method, path) of every route of the server, with who may call it.
        cookie: under which name the session's cookie travels.

    Raises:
        KeyError: a route for programs has no entry in the table of operations.
    """
    described = [(route, OPERATIONS[route]) for route in for_programs(routes)]
    types = [kind for _, operation in described for kind in _types(operation)]
    schemas, components = msgspec.json.schema_components([*types, Failure], ref_template=_REF)
    schema_of = dict(zip(types, schemas, strict=False))
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in described:
        access = routes[method, path]
        paths.setdefault(path, {})[method.lower()] = _operation(
            operation, access, schema_of, is_safe=method in SAFE_METHODS
        )
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Telehealth and home-F0 monitoring",
            "version": version("telehealth-f0"),
            "description": _WORDS,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": {name: _refusal(*told) for name, *told in REFUSALS.values()},
            "securitySchemes": _security_schemes(cookie),
        },
    }


def _types(operation: Operation) -> list[Any]:
    return [*operation.answer, *([] if operation.body is None else [operation.body])]


def _operation(
    operation: Operation, access: Access, schema_of: dict[Any, Any], *, is_safe: bool
) -> dict[str, Any]:
    written: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if operation.words:
        written["description"] = operation.words
    if operation.parameters:
        written["parameters"] = [_parameter(one) for one in operation.parameters]
    if operation.body is not None:
        written["requestBody"] = {
            "required": operation.needs_body,
            "content": _json(schema_of[operation.body], operation.bodies),
        }
    answers = [schema_of[kind] for kind in operation.answer] or [{"type": "object"}]
    answer = answers[0] if len(answers) == 1 else {"anyOf": answers}
    done: dict[str, Any] = {
        "description": operation.summary,
        "content": _json(answer, operation.answers),
    }
    if operation.links:
        done["links"] = {
            name: {"operationId": name, "parameters": parameters}
            for name, parameters in operation.links.items()
        }
    responses: dict[str, Any] = {str(operation.status): done}
    for status in refusals_of(operation, access):
        responses[str(status)] = {"$ref": f"#/components/responses/{REFUSALS[status][0]}"}
    written["responses"] = responses
    needs: dict[str, list[str]] = {"session": []} if access.roles is not None else {}
    if not is_safe and access is not Access.OWN_PROOF:
        needs |= {"same_origin": []}
    written["security"] = [needs] if needs else []
    if access.roles is not None:
        written["x-roles"] = sorted(role.value for role in access.roles)
    return written


def refusals_of(operation: Operation, access: Access) -> list[int]:
    """Return every status of a refusal, in order."""
    found = {503, *operation.refusals}
    if access.roles is not None:
        found |= {401, 403}
    if operation.body is not None:
        found |= {400, 413}
    return sorted(found)


def _parameter(one: Parameter) -> dict[str, Any]:
    return {
        "name": one.name,
        "in": one.where,
        "description": one.words,
        "required": one.where == "path",
        "schema": one.schema,
        "example": one.example,
    }


def _json(schema: dict[str, Any], examples: Mapping[str, object]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema}
    if examples:
        content["examples"] = {
            name: {"value": msgspec.to_builtins(value)} for name, value in examples.items()
        }
    return {"application/json": content}


def _refusal(code: str, words: str) -> dict[str, Any]:
    example = Failure(Fault(code, words))
    schema = {"$ref": _REF.format(name=Failure.__name__)}
    return {"description": words, "content": _json(schema, {code: example})}


def _security_schemes(cookie: str) -> dict[str, Any]:
    return {
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie,
            "description": "The session, as the log-in sets it.",
        },
        "same_origin": {
            "type": "apiKey",
            "in": "header",
            "name": "Sec-Fetch-Site",
            "description": (
                "`same-origin`, as browsers send by themselves: no other site's page may do this in"
                " somebody's name. A program that sends `Origin` instead names this server's."
            ),
        },
    }
