"""What every request passes: who sends it, whether the route table lets them, from which origin.

And what every answer carries: the headers that tell the browser what this site never does
(OWASP ASVS 5.0 §3.4, §3.5).
"""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from telehealth.access import sessions
from telehealth.access.sessions import TOUCH_AFTER_MS, SignedIn
from telehealth.errors import DecodeError, NotAllowedError
from telehealth.settings import Settings
from webui.access import Access
from webui.assets import PREFIX as STATIC
from webui.errors import SignInFirstError
from webui.forms import NUL
from webui.keys import SERVICES, SIGNED_IN, signed_in_or_none
from webui.peer import peer_of
from webui.refusals import note_route
from webui.render import nonce_of

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
SAME_FOR_ALL: Final = frozenset({"/api/v1/openapi.json"})
"""What is the same for everybody and changes with the release alone."""
ROUTE_ACCESS: Final[web.AppKey[dict[tuple[str, str], Access]]] = web.AppKey("ROUTE_ACCESS", dict)
"""(method, canonical path) of each route, with who may call it; what is not here, nobody may."""


def is_https(settings: Settings) -> bool:
    """Whether browsers reach this server over TLS."""
    return settings.is_https


def cookie_name(settings: Settings) -> str:
    """Return the session cookie's name; `__Host-` binds it to host and TLS (RFC 6265bis)."""
    return "__Host-session" if is_https(settings) else "session"


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on an answer, whatever it is."""
    settings = request.app[SERVICES].settings
    put = response.headers.setdefault
    if response.content_type == "text/html":
        put("Content-Security-Policy", content_security_policy(nonce_of(request)))
    else:
        put("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    put("Referrer-Policy", "same-origin")
    put("X-Content-Type-Options", "nosniff")
    put("Cross-Origin-Opener-Policy", "same-origin")
    put("Cross-Origin-Resource-Policy", "same-origin")
    put("Permissions-Policy", PERMISSIONS)
    if not may_be_kept(request.path, response.status):
        put("Cache-Control", "no-store")
    if is_https(settings):
        put("Strict-Transport-Security", "max-age=63072000; includeSubDomains")


def may_be_kept(path: str, status: int) -> bool:
    """Whether an answer may stay with browsers and caches: our own files, and no refusal.

    Everything else may tell of a person, or of what somebody may not (OWASP ASVS 5.0 §14.3.2).
    """
    return status < 400 and (path.startswith(STATIC) or path in SAME_FOR_ALL)


PERMISSIONS: Final = ", ".join(
    ["camera=(self)", "microphone=(self)", "autoplay=(self)", "screen-wake-lock=(self)"]
    + [
        f"{feature}=()"
        for feature in ("geolocation", "payment", "usb", "serial", "hid", "display-capture", "midi")
    ]
)


def content_security_policy(nonce: str) -> str:
    """Return the policy of a page (CSP level 3; Trusted Types §4)."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}' 'strict-dynamic'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types lit-html telehealth-worker",
        )
    )


@web.middleware
async def route_table(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through only whom the table names; a route that is not in it is refused to all."""
    resource = request.match_info.route.resource
    if resource is None:
        return await handler(request)
    check_text(request)
    method = "GET" if request.method == "HEAD" else request.method
    route = f"{method} {resource.canonical}"
    access = request.app[ROUTE_ACCESS].get((method, resource.canonical))
    try:
        await _let_through(request, access, route)
    except RouteRefusedError as error:
        await note_route(request, route, error.why)
        raise
    return await handler(request)


class RouteRefusedError(NotAllowedError):
    """The route table lets this request through to no handler."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why
        """In one word, for the audit log."""


async def _let_through(request: web.Request, access: Access | None, route: str) -> None:
    if access is None:
        raise RouteRefusedError("no_rule", f"no rule says who may {route}")
    if came_in_clear(request):
        raise RouteRefusedError("in_clear", "only over https")
    if access is not Access.OWN_PROOF:
        check_origin(request)
    if access is Access.LOOPBACK and not from_loopback(request):
        raise RouteRefusedError("address", "only from this machine")
    if access.roles is not None:
        await _admit(request, access)
    elif access is Access.ANYONE:
        await _recognise(request)


async def _admit(request: web.Request, access: Access) -> None:
    await _recognise(request)
    found = signed_in_or_none(request)
    if found is None:
        raise SignInFirstError("sign in first")
    if access.roles is not None and found.role not in access.roles:
        raise RouteRefusedError("role", f"not for a {found.role}")


async def _recognise(request: web.Request) -> None:
    """Find the session behind the cookie, and note its use now and then."""
    services = request.app[SERVICES]
    token = request.cookies.get(cookie_name(services.settings))
    if not token:
        return
    session_hash = sessions.token_hash(token)
    now_ms = int(services.clock().timestamp() * 1000)
    found: SignedIn | None = await services.database.read(
        lambda reader: sessions.find(reader, session_hash, now_ms)
    )
    if found is None:
        return
    request[SIGNED_IN] = found
    if abs(now_ms - found.used_ms) >= TOUCH_AFTER_MS:  # from the future: the clock was set back
        await services.database.write(lambda tx: sessions.touch(tx, session_hash))


def check_text(request: web.Request) -> None:
    """Refuse an address that holds NUL: PostgreSQL keeps no such text, and nobody types it.

    Raises:
        DecodeError: it does.
    """
    if NUL in request.path or any(NUL in value for value in request.query.values()):
        raise DecodeError("the address holds a NUL character")


def check_origin(request: web.Request) -> None:
    """Refuse an unsafe method or a WebSocket upgrade that another site started.

    Browsers send `Sec-Fetch-Site` (Fetch Metadata §2.3) or at least `Origin` (RFC 6454 §7); a
    request with neither is no browser's and is refused too.

    Raises:
        RouteRefusedError: another site, an unknown host, or no word where it comes from.
    """
    upgrade = "websocket" in request.headers.get("Upgrade", "").lower()
    if request.method in SAFE_METHODS and not upgrade:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        raise RouteRefusedError("origin", f"started by a {site} page")
    origin = request.headers.get("Origin")
    if origin is None and (site is None or upgrade):
        raise RouteRefusedError(
            "origin", "neither Origin nor Sec-Fetch-Site says where this comes from"
        )
    if origin is not None and not is_own_origin(request, origin):
        raise RouteRefusedError("origin", f"origin {origin[:80]!r} is not this server")


def is_own_origin(request: web.Request, origin: str) -> bool:
    """Whether an `Origin` names this server as its operator or its listening address does."""
    settings = request.app[SERVICES].settings
    if settings.public_origin:
        return origin == settings.public_origin.rstrip("/")
    return urlsplit(origin).netloc == request.host and _is_plain_host(request.host, settings.host)


def _is_plain_host(host: str, listening: str) -> bool:
    """Without a public origin only addresses and localhost count: a name could be rebound."""
    name = urlsplit(f"//{host}").hostname or ""
    if name in ("localhost", listening):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def came_in_clear(request: web.Request) -> bool:
    """Whether a server behind TLS was reached around it (OWASP ASVS 5.0 §12.2.1)."""
    if not is_https(request.app[SERVICES].settings):
        return False
    return not (peer_of(request).is_https or from_loopback(request))


def from_loopback(request: web.Request) -> bool:
    """Whether the peer is this machine itself, and not a proxy on it speaking for another."""
    if {"Forwarded", "X-Forwarded-For", "X-Real-Ip"} & {name.title() for name in request.headers}:
        return False
    try:
        return ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
