"""The JSON body of a request, decoded into the one type that its route takes."""

from typing import TypeVar

import msgspec
from aiohttp import web

from protocols.errors import DecodeError

T = TypeVar("T")


async def body_as(request: web.Request, kind: type[T], *, otherwise: bytes = b"") -> T:
    """Read a body.

    Args:
        request: whose body it is; at most 64 KiB.
        kind: what it has to be.
        otherwise: what an empty body stands for.

    Raises:
        DecodeError: it is not JSON of this type, or nested deeper than any of ours.
    """
    body = await request.read()
    try:
        return msgspec.json.decode(body or otherwise, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error
