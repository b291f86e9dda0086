"""Settings of the server: environment variables `TELEHEALTH_…` (docs/operations.md).

`TELEHEALTH_SETTINGS` names a file with such lines, which `telehealth init` makes; what stands in
the environment itself wins over the file.
"""

import os
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from telehealth.exposure import ENCRYPTED, is_this_machine, plain_to_elsewhere

PREFIX: Final = "TELEHEALTH_"
FILE_VARIABLE: Final = "TELEHEALTH_SETTINGS"


class Settings(BaseSettings):
    """What an operator may set; every default runs on one small machine."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="ignore",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    database: str = "sqlite:///var/telehealth.sqlite"
    """`sqlite:///PATH` or `postgresql://USER@HOST:PORT/NAME`; with `?ssl=verify-full` behind it
    where that is another machine."""
    migration_database: str = ""
    """The same PostgreSQL database as the role that owns its tables, for `telehealth migrate`
    alone; empty: one role does both."""
    keys: Path = Path("var/keys.json")
    """The operator's keys, which `telehealth init` makes; never beside a backup."""
    keyring: str = ""
    """The same keys as JSON, for containers that hand secrets over in the environment."""
    audit_checkpoints: Path = Path("var/audit/checkpoints.jsonl")
    """Signed ends of the audit log: on another disk than the database, copied elsewhere."""
    host: str = "127.0.0.1"
    """The address to listen on; beyond this machine only with TLS, here or by a proxy before it."""
    port: int = Field(default=8080, ge=0, le=65_535)
    """The port to listen on; 0: any free one."""
    public_origin: str = ""
    """`https://telehealth.example` as browsers see it; empty: as the server listens."""
    tls_cert: Path | None = None
    """PEM file with the server's certificate and those between it and the CA; none: no TLS here."""
    tls_key: Path | None = None
    """PEM file with the certificate's private key."""
    trusted_proxies: list[IPv4Network | IPv6Network] = []
    """Addresses or networks, a JSON list, whose `X-Forwarded-For` and `X-Forwarded-Proto` are
    believed: those of your caddy or nginx."""
    second_factor: Literal["required", "offered"] = "required"
    """Whether staff must set up a second factor at their first log-in, or may."""
    ice_servers: list[str] = []
    """STUN and TURN addresses for calls; none by default: no third party is contacted."""
    intake_group_max: int = Field(default=2_000, ge=1, le=20_000)
    """Most uploads in one transaction."""
    intake_window: int = Field(default=256, ge=1, le=10_000)
    """Uploads of one connection that may wait for their commit before its reading stops."""
    retry_after_s: float = Field(default=5.0, ge=0, le=3_600)
    """Seconds over which gateways and screens spread their return."""
    log_level: str = "INFO"
    """`DEBUG`, `INFO`, `WARNING` or `ERROR`; JSON lines on standard error, ids only."""

    @model_validator(mode="after")
    def _certificate_and_key(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together")
        return self

    @model_validator(mode="after")
    def _database_over_tls(self) -> Self:
        for url in (self.database, self.migration_database):
            host = plain_to_elsewhere(url, os.environ)
            if host:
                raise ValueError(
                    f"TELEHEALTH_DATABASE: {host} is another machine; put ?ssl=verify-full behind"
                    f" the address (or {', '.join(ENCRYPTED[1:])})"
                )
        return self

    @model_validator(mode="after")
    def _two_roles(self) -> Self:
        if not self.migration_database:
            return self
        owner, serving = urlsplit(self.migration_database), urlsplit(self.database)
        if {owner.scheme, serving.scheme} != {"postgresql"} or not owner.username:
            raise ValueError("migration_database goes with PostgreSQL, and names a role")
        if not serving.username or owner.username == serving.username:
            raise ValueError("database and migration_database name two roles")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then `_env_file` or the file that it names."""
        named = os.environ.get(FILE_VARIABLE)
        given = isinstance(dotenv_settings, DotEnvSettingsSource) and dotenv_settings.env_file
        if given or not named:
            return init_settings, env_settings, dotenv_settings
        if not Path(named).is_file():
            raise FileNotFoundError(f"{FILE_VARIABLE} names {named}: no such file")
        return init_settings, env_settings, DotEnvSettingsSource(settings_cls, env_file=named)

    @property
    def is_https(self) -> bool:
        """Whether browsers and gateways reach this server over TLS."""
        return self.tls_cert is not None or self.public_origin.startswith("https://")

    @property
    def in_clear(self) -> bool:
        """Whether others than this machine could be served without TLS (OWASP ASVS 5.0 §12.2.1)."""
        behind_proxy = self.public_origin.startswith("https://") and bool(self.trusted_proxies)
        return not (is_this_machine(self.host) or self.tls_cert is not None or behind_proxy)

    @property
    def is_sqlite(self) -> bool:
        """Whether the one-machine engine is used."""
        return self.database.startswith("sqlite:")

    @property
    def sqlite_path(self) -> Path:
        """The file behind a `sqlite:///` address."""
        return Path(self.database.removeprefix("sqlite:///"))
