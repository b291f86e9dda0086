"""The gateway's settings: `gateway.toml` in its folder, every one has a default."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from protocols.beacons.tamper import PRESETS, TamperRule
from protocols.errors import TelehealthError
from protocols.uplink import Identifier

Seconds = Annotated[float, Meta(ge=0.05, le=3600)]


class SettingsError(TelehealthError):
    """A setting is unknown or out of range."""


class TamperSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an advertisement tells of the strap (docs/gateway.md, Beacons)."""

    company: Annotated[int, Meta(ge=0, le=0xFFFF)] | None = None
    service: str = ""
    beginning: Annotated[str, Meta(pattern="^([0-9a-fA-F]{2})*$", max_length=40)] = ""
    offset: Annotated[int, Meta(ge=0, le=254)]
    mask: Annotated[int, Meta(ge=1, le=255)] = 0xFF
    open_value: Annotated[int, Meta(ge=0, le=255)]


class BeaconSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One beacon or wristband to watch, known by exactly one of its names."""

    device: Identifier
    """The id under which the server knows it."""
    address: str = ""
    """Its Bluetooth address, where it keeps one; also that inside a Minew frame."""
    name: str = ""
    ibeacon: str = ""
    """`uuid:major:minor`; the highest bit of major may be its strap and is left out."""
    eddystone: str = ""
    """`namespace:instance`, hexadecimal."""
    tamper: str = ""
    """A rule by name: `ibeacon-major` or `minew-vibration`."""
    tamper_at: TamperSettings | None = None
    """A rule of one's own."""
    unseen_after_s: Annotated[float, Meta(ge=60, le=86_400)] = 600.0
    """Not heard for so long, it is said to be unseen."""

    def __post_init__(self) -> None:
        named = [self.address, self.name, self.ibeacon, self.eddystone]
        if sum(map(bool, named)) != 1:
            raise ValueError(f"beacon {self.device}: one of address, name, ibeacon, eddystone")
        if self.tamper and (self.tamper_at is not None or self.tamper not in PRESETS):
            raise ValueError(f"beacon {self.device}: tamper is one of {', '.join(PRESETS)}")
        _ = self.tamper_rule

    @property
    def tamper_rule(self) -> TamperRule | None:
        """Return where its strap is told; `None`: nowhere."""
        if self.tamper:
            return PRESETS[self.tamper]
        at = self.tamper_at
        if at is None:
            return None
        return TamperRule(
            name=self.device,
            company=at.company,
            service=at.service.lower(),
            beginning=at.beginning,
            offset=at.offset,
            mask=at.mask,
            open_value=at.open_value,
        )


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the person who installs a gateway may change."""

    batch_seconds: Annotated[float, Meta(ge=0.1, le=60)] = 10.0
    """How much of a stream goes into one message; 1 for values on a screen within a second."""
    only_devices: list[str] = []
    """Device ids to read; empty for every recognised oximeter in reach."""
    max_connections: Annotated[int, Meta(ge=1, le=64)] = 5
    """How many devices one adapter can hold at once: 5 is what the commonest ones manage."""
    stale_after_s: Seconds = 10.0
    """A device that streams and has said nothing for so long is disconnected and looked for."""
    scan_restart_s: Seconds = 60.0
    """A scanner that has heard nothing at all for so long is started again."""
    connect_timeout_s: Seconds = 60.0
    """The longest that one attempt to connect and subscribe may take."""
    reconnect_min_s: Seconds = 1.0
    """The first wait after a failed attempt to connect; doubled up to a minute."""
    adapters: list[str] = []
    """The adapters to use, by MAC address or name (`hci0`); empty for the system's choice. Choose
    by MAC: names change when an adapter is plugged in again."""
    recover_adapter: bool = False
    """Switch an adapter that stays mute off and on; every device is dropped by it."""
    device_utc_offset_minutes: Annotated[int, Meta(ge=-720, le=840)] = 420
    """What the clocks inside the devices show against UTC; 420 for Viet Nam."""
    spool_max_mb: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """How large the spool may grow before the oldest samples are given up."""
    window: Annotated[int, Meta(ge=2, le=256)] = 32
    """How many batches may be on their way without an acknowledgement."""
    ack_timeout_s: Seconds = 60.0
    """A server that acknowledges nothing for so long is left and called again."""
    retry_max_s: Seconds = 300.0
    """The longest wait between two attempts to reach the server."""
    beacons: list[BeaconSettings] = []
    """Beacons and wristbands to watch: heard, never connected to."""
    has_screen: bool = False
    """Whether somebody sees the gateway's own page: then a doctor may ask here for a reading."""
    measure_hook: str = ""
    """A program that asks whoever is there to measure again (a voice, a light); it is run with
    `measure` and the device's id, for ten seconds at most, without a shell."""
    locate_hook: str = ""
    """A program that makes the gateway known in the room; it is run with `locate`."""
    status_port: Annotated[int, Meta(ge=0, le=65535)] = 8377
    """Where this machine alone sees how the gateway stands, http://127.0.0.1:8377/; 0: nowhere."""
    ca_file: str = ""
    """Who may vouch for the server's certificate: a file of PEM certificates, such as a province's
    own CA, the only ones then believed; empty for those that the system believes."""


def load_settings(path: Path) -> Settings:
    """Read the settings; a missing file means the defaults.

    Raises:
        SettingsError: not TOML, an unknown name, or a value out of range; it says which.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Settings)
    except FileNotFoundError:
        return Settings()
    except (msgspec.MsgspecError, UnicodeError, OSError) as error:
        raise SettingsError(f"{path.name}: {error}") from error
