"""The one place where an error becomes an HTTP answer: a page for people, JSON for programs."""

import logging
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from telehealth.access.limits import TooManyAttemptsError
from telehealth.errors import (
    BreakGlassError,
    DecodeError,
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    TelehealthError,
    UnavailableError,
    code_of,
)
from webui.keys import PAGES, SERVICES, signed_in_or_none

log = logging.getLogger(__name__)

_STATUS: Final = (
    (TooManyAttemptsError, 429),
    (NotAllowedError, 403),
    (NotFoundError, 404),
    (IllegalTransitionError, 409),
    (RefusedError, 422),
    (UnavailableError, 503),
    (DecodeError, 400),
)


PROGRAM_PATHS: Final = ("/api/", "/gateway/", "/live", "/healthz", "/readyz", "/metrics")


class SignInFirstError(NotAllowedError):
    """Nobody is signed in: a page sends to the log-in, a program gets 401."""

    code = "sign_in_first"


def status_of(error: TelehealthError) -> int:
    """Return the HTTP status of an error (RFC 9110 §15.5, §15.6)."""
    if isinstance(error, SignInFirstError):
        return 401
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def for_programs(request: web.Request) -> bool:
    """Whether JSON is the right answer to this request."""
    wants = request.headers.get("Accept", "")
    return request.path.startswith(PROGRAM_PATHS) or "json" in wants


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with the status that the error stands for; what nobody foresaw is logged and 500."""
    try:
        return await handler(request)
    except SignInFirstError as error:
        if for_programs(request) or request.method not in ("GET", "HEAD"):
            return answer(request, 401, error.code, str(error))
        raise web.HTTPSeeOther(
            "/login" + (f"?next={request.rel_url.path}" if request.path != "/" else "")
        ) from error
    except BreakGlassError as error:
        if for_programs(request) or request.method not in ("GET", "HEAD"):
            return answer(request, 403, error.code, str(error))
        raise web.HTTPSeeOther(f"/emergency/persons/{error.person_id}") from error
    except TelehealthError as error:
        status = status_of(error)
        log.info("request refused", extra={"code": code_of(error), "status": status})
        refused = answer(request, status, code_of(error), str(error))
        if isinstance(error, TooManyAttemptsError):
            refused.headers["Retry-After"] = str(error.retry_after_ms // 1000 + 1)
        return refused
    except web.HTTPException as error:
        if error.status < 400:
            raise
        refusal = answer(request, error.status, f"http_{error.status}", error.reason)
        if isinstance(error, web.HTTPMethodNotAllowed):  # RFC 9110 §15.5.6
            refusal.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return refusal
    except ConnectionError:
        raise
    except Exception:
        log.exception("request failed", extra={"route": str(request.match_info.route.resource)})
        return answer(request, 500, "failed", "the server failed; it has been logged")


def answer(request: web.Request, status: int, code: str, message: str) -> web.Response:
    """Return `{"error": {"code", "message"}}`, or a page that says it in words."""
    if for_programs(request):
        return web.json_response({"error": {"code": code, "message": message}}, status=status)
    now_ms = int(request.app[SERVICES].clock().timestamp() * 1000)
    try:
        return request.app[PAGES].render(
            request,
            "error.html",
            signed_in=signed_in_or_none(request),
            now_ms=now_ms,
            status=status,
            code=code,
        )
    except UnavailableError as error:
        return web.Response(text=str(error), status=status)
