"""Who is at the other end: the connection's address, or what a trusted proxy says of it.

`X-Forwarded-For` and `X-Forwarded-Proto` are believed only from the networks that the operator
named (`TELEHEALTH_TRUSTED_PROXIES`); from anybody else they are a text that a stranger wrote.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web

from webui.keys import SERVICES

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Peer:
    """A caller as far as it can be known."""

    address: str
    """Empty where nobody can say."""
    is_https: bool


def peer_of(request: web.Request) -> Peer:
    """Return who called: for the audit log, limits and the scheme of addresses."""
    return peer(
        request.remote or "",
        is_https=request.secure,
        forwarded_for=request.headers.getall("X-Forwarded-For", []),
        forwarded_proto=request.headers.getall("X-Forwarded-Proto", []),
        trusted=request.app[SERVICES].settings.trusted_proxies,
    )


def peer(
    remote: str,
    *,
    is_https: bool,
    forwarded_for: Sequence[str],
    forwarded_proto: Sequence[str],
    trusted: Sequence[Network],
) -> Peer:
    """Return the last address that no trusted proxy owns.

    Each proxy appends whom it was called by (RFC 7239 §7.4 has the same order), so the list is read
    from its end, and only as far as those who wrote it are trusted.

    Args:
        remote: the address of the connection itself.
        is_https: whether the connection itself is TLS.
        forwarded_for: the values of `X-Forwarded-For`, in the order of the headers.
        forwarded_proto: the same of `X-Forwarded-Proto`; the last proxy's word counts.
        trusted: the networks of our own proxies.
    """
    found = _address(remote)
    if found is None or not _is_trusted(found, trusted):
        return Peer(remote if found is None else str(found), is_https)
    for said in reversed(_items(forwarded_for)):
        one = _address(said)
        if one is None:
            break
        found = one
        if not _is_trusted(found, trusted):
            break
    protos = _items(forwarded_proto)
    return Peer(str(found), protos[-1].lower() == "https" if protos else is_https)


def _items(values: Sequence[str]) -> list[str]:
    return [item.strip() for value in values for item in value.split(",") if item.strip()]


def _address(text: str) -> Address | None:
    """Return an address, an IPv4 one in its own form also where it came mapped into IPv6."""
    try:
        found = ip_address(text.strip("[]"))
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
