"""Forms of a page: small, text only, and their fields by name."""

from collections.abc import Collection
from typing import Final

from aiohttp import web

from telehealth.errors import DecodeError, RefusedError

_LONGEST = 4_000
NUL: Final = "\x00"
"""PostgreSQL keeps no text that holds it, and nobody types it."""


async def fields(request: web.Request, *, as_typed: Collection[str] = ()) -> dict[str, str]:
    """Return the text fields of a posted form, without the blanks at both ends.

    Args:
        request: with the form.
        as_typed: the fields that keep their blanks: passwords (OWASP ASVS 5.0 §6.2.8).

    Raises:
        DecodeError: the body is not the form that its header says, or it holds NUL.
        RefusedError: a file, or a field longer than any of ours.
    """
    try:
        form = await request.post()
    except (ValueError, LookupError) as error:
        raise DecodeError(f"not a form: {error}") from error
    found: dict[str, str] = {}
    for name, value in form.items():
        if not isinstance(value, str) or len(value) > _LONGEST:
            raise RefusedError(name[:40], f"text of at most {_LONGEST} characters", "more")
        if NUL in value:
            raise DecodeError(f"{name[:40]!r} holds a NUL character")
        found[name] = value if name in as_typed else value.strip()
    return found


def local_path(path: str | None, otherwise: str) -> str:
    """Return a path on this server to go to next, or the other one: never another site."""
    if path is None or not path.startswith("/") or path.startswith(("//", "/\\")):
        return otherwise
    return path if path.isprintable() and "\\" not in path else otherwise
