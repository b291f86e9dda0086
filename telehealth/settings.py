"""Settings of the server: environment variables `TELEHEALTH_…` (docs/operations.md)."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator may set; every default runs on one small machine."""

    model_config = SettingsConfigDict(env_prefix="TELEHEALTH_", extra="ignore")

    database: str = "sqlite:///var/telehealth.sqlite"
    """`sqlite:///PATH` or `postgresql://USER@HOST:PORT/NAME`."""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)
    public_origin: str = ""
    """`https://telehealth.example` as browsers see it; empty: as the server listens."""
    ice_servers: list[str] = []
    """STUN and TURN addresses for calls; none by default: no third party is contacted."""
    intake_group_max: int = Field(default=2_000, ge=1, le=20_000)
    """Most uploads in one transaction."""
    intake_window: int = Field(default=256, ge=1, le=10_000)
    """Uploads of one connection that may wait for their commit before its reading stops."""
    retry_after_s: float = Field(default=5.0, ge=0, le=3_600)
    log_level: str = "INFO"

    @property
    def is_sqlite(self) -> bool:
        """Whether the one-machine engine is used."""
        return self.database.startswith("sqlite:")

    @property
    def sqlite_path(self) -> Path:
        """The file behind a `sqlite:///` address."""
        return Path(self.database.removeprefix("sqlite:///"))
