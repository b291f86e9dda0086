"""Nothing leaves this machine in clear: where the server listens, how it asks its database."""

from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from telehealth import installing
from telehealth.errors import RefusedError
from telehealth.exposure import plain_to_elsewhere
from telehealth.serving import listening
from telehealth.settings import Settings

EVERY = "0.0.0.0"  # noqa: S104 - refused
TLS: dict[str, Any] = {"tls_cert": Path("server.pem"), "tls_key": Path("server.key")}
PROXY: dict[str, Any] = {
    "public_origin": "https://telehealth.example.org",
    "trusted_proxies": [IPv4Network("10.0.0.2/32")],
}


@pytest.mark.asvs("12.2.1")
@pytest.mark.parametrize("host", [EVERY, "::", "", "192.168.1.10", "telehealth.example.org"])
def test_beyond_this_machine_it_takes_a_certificate_or_a_proxy_that_has_one(host: str) -> None:
    assert Settings(host=host).in_clear
    assert Settings(host=host, public_origin=PROXY["public_origin"]).in_clear
    assert Settings(host=host, **PROXY | {"public_origin": "http://a.example.org"}).in_clear
    assert not Settings(host=host, **TLS).in_clear
    assert not Settings(host=host, **PROXY).in_clear


@pytest.mark.asvs("12.2.1")
@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_this_machine_alone_it_takes_neither(host: str) -> None:
    assert not Settings(host=host).in_clear


@pytest.mark.asvs("12.2.1")
async def test_a_server_that_would_serve_in_clear_does_not_start_and_says_what_to_set(
    tmp_path: Path,
) -> None:
    settings = Settings(host=EVERY, port=0, database=f"sqlite:///{tmp_path}/never.sqlite")
    with pytest.raises(RefusedError, match="TELEHEALTH_HOST") as refused:
        async with listening(settings):
            pass
    for name in ("TLS_CERT", "TLS_KEY", "PUBLIC_ORIGIN", "TRUSTED_PROXIES"):
        assert f"TELEHEALTH_{name}" in str(refused.value)
    assert not (tmp_path / "never.sqlite").exists()


IN_CLEAR = [
    "telehealth@db.example.org/telehealth",
    "telehealth@db.example.org:5433/telehealth?ssl=prefer",
    "telehealth@db.example.org/telehealth?ssl=disable",
    "telehealth@db.example.org/telehealth?ssl=require&ssl=allow",
    "telehealth@10.0.0.5/telehealth?application_name=a",
    "telehealth@[fd00::5]:5432/telehealth",
    "telehealth@/telehealth?host=10.0.0.5",
    "telehealth@/telehealth?host=/run/postgresql&host=10.0.0.5:5432",
    "telehealth@127.0.0.1,db.example.org/telehealth",
]
"""Addresses of databases on other machines that do not ask for TLS."""


@pytest.mark.asvs("12.3.1")
@pytest.mark.parametrize("where", IN_CLEAR)
@pytest.mark.parametrize("name", ["database", "migration_database"])
def test_a_database_on_another_machine_is_asked_over_tls_or_not_at_all(
    name: str, where: str
) -> None:
    given = {"database": "postgresql://serving@localhost/t", name: f"postgresql://{where}"}
    with pytest.raises(ValidationError, match=r"\?ssl=verify-full"):
        Settings(**given)  # type: ignore[arg-type]


@pytest.mark.asvs("12.3.1")
@pytest.mark.parametrize(
    "where",
    [
        "telehealth@db.example.org/telehealth?ssl=verify-full",
        "telehealth@db.example.org/telehealth?ssl=verify-ca",
        "telehealth@10.0.0.5/telehealth?ssl=require",
        "telehealth@127.0.0.1:5433/telehealth",
        "telehealth@localhost/telehealth",
        "telehealth@[::1]:5432/telehealth",
        "telehealth@/telehealth?host=/run/postgresql",
        "telehealth@%2Frun%2Fpostgresql/telehealth",
        "/telehealth",
    ],
)
def test_a_database_here_or_over_tls_is_served(where: str) -> None:
    assert Settings(database=f"postgresql://{where}").database.endswith(where)


@pytest.mark.asvs("12.3.1")
def test_what_the_driver_takes_from_the_environment_counts_where_the_address_is_silent() -> None:
    silent = "postgresql:///telehealth"
    elsewhere = {"PGHOST": "db.example.org"}
    assert plain_to_elsewhere(silent, {}) == ""
    assert plain_to_elsewhere(silent, elsewhere) == "db.example.org"
    assert plain_to_elsewhere(silent, elsewhere | {"PGSSLMODE": "verify-full"}) == ""
    assert plain_to_elsewhere(silent, elsewhere | {"PGSSLMODE": "prefer"}) == "db.example.org"
    assert plain_to_elsewhere("postgresql://127.0.0.1/telehealth", elsewhere) == ""
    assert plain_to_elsewhere("sqlite:///var/telehealth.sqlite", elsewhere) == ""


@pytest.mark.asvs("12.3.1")
async def test_such_an_address_is_not_even_written_into_the_settings(tmp_path: Path) -> None:
    wanted = installing.Wanted(folder=tmp_path, database="postgresql://t@db.example.org/t")
    with pytest.raises(RefusedError, match="verify-full"):
        await installing.install(wanted)
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - a test
