"""What leaves this machine goes encrypted: where the server listens, how it asks its database.

Source: OWASP ASVS 5.0 §12.2.1 (browsers and gateways) and §12.3.1 (the database).
"""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

ENCRYPTED: Final = ("verify-full", "verify-ca", "require")
"""Values of `ssl` with which asyncpg talks by TLS or not at all; the first is the right one."""


def is_this_machine(host: str) -> bool:
    """Whether nobody but this machine reaches an address; an empty one is every address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def plain_to_elsewhere(url: str, environment: Mapping[str, str]) -> str:
    """Return the host that a database's address would reach in clear; empty: none.

    Args:
        url: `postgresql://…`; any other has no host.
        environment: what the driver asks where the address is silent: `PGHOST`, `PGSSLMODE`.
    """
    if not url.startswith("postgresql"):
        return ""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if query.get("ssl", [environment.get("PGSSLMODE", "")])[-1] in ENCRYPTED:
        return ""
    named = [parts.netloc.rpartition("@")[2], *query.get("host", [])]
    hosts = _hosts(named) or _hosts([environment.get("PGHOST", "")])
    return next((host for host in hosts if not _is_here(host)), "")


def _hosts(texts: Sequence[str]) -> list[str]:
    return [_without_port(unquote(one)) for text in texts for one in text.split(",") if one]


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _is_here(host: str) -> bool:
    """Whether a host of the database is this machine: a socket's folder, or loopback."""
    return not host or host.startswith(("/", "@")) or is_this_machine(host)
