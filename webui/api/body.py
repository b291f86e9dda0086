"""The JSON body of a request, decoded into the one type that its route takes."""

from typing import Final, TypeVar

import msgspec
from aiohttp import web

from protocols.errors import DecodeError
from webui.forms import NUL

T = TypeVar("T")
_ESCAPED_NUL: Final = b"\\u0000"


async def body_as(request: web.Request, kind: type[T], *, otherwise: bytes = b"") -> T:
    """Read a body.

    Args:
        request: whose body it is; at most 64 KiB.
        kind: what it has to be.
        otherwise: what an empty body stands for.

    Raises:
        DecodeError: it is not JSON of this type, is nested deeper than any of ours, or holds NUL.
    """
    body = await request.read() or otherwise
    try:
        found = msgspec.json.decode(body, type=kind)
        if _ESCAPED_NUL in body and _holds_nul(msgspec.json.decode(body)):
            raise DecodeError("a text holds a NUL character")
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error
    return found


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return NUL in value
    if isinstance(value, dict):
        return any(map(_holds_nul, [*value, *value.values()]))
    return isinstance(value, list) and any(map(_holds_nul, value))
