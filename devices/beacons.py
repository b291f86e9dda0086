"""The beacons and wristbands that this gateway watches: heard, never connected to.

Which ones, and what their advertisements mean, stands in the settings (docs/gateway.md, Beacons):
isolation wristbands have no open standard.
"""

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from devices.clock import Clock, Moment
from devices.drivers.driver import Heard
from devices.parcels import Content, Parcel
from devices.presence import Presence, Shown
from devices.settings import BeaconSettings
from protocols.beacons import eddystone, ibeacon, minew
from protocols.errors import DecodeError
from protocols.uplink import Event

DEAF_MS: Final = 60_000
"""A radio that has heard no advertisement of anything for so long hears nothing."""


class BeaconWatch:
    """Listens to advertisements for the beacons of the settings.

    Args:
        watched: the beacons.
        clock: what time it is.
        put: where parcels go.
    """

    def __init__(
        self,
        watched: Sequence[BeaconSettings],
        clock: Clock,
        put: Callable[[Sequence[Parcel]], None],
    ) -> None:
        self._clock = clock
        self._put = put
        began_ms = clock.moment().monotonic_ms
        self._anything_ms: int | None = None
        self._watched = [
            (
                one,
                Presence(
                    one.device,
                    unseen_after_ms=round(one.unseen_after_s * 1000),
                    began_ms=began_ms,
                ),
            )
            for one in watched
        ]

    def heard(self, heard: Heard) -> None:
        """Take one advertisement of anything."""
        if not self._watched:
            return
        now = self._clock.moment()
        self._anything_ms = now.monotonic_ms
        for beacon, presence in self._watched:
            if is_this(beacon, heard):
                self._say(presence, now, _events(beacon, presence, heard, now.monotonic_ms))

    def tick(self, now: Moment) -> None:
        """Time passes: say who was there, and who was not."""
        last_ms = self._anything_ms
        deaf = last_ms is None or now.monotonic_ms - last_ms > DEAF_MS
        for _, presence in self._watched:
            self._say(presence, now, presence.tick(now.monotonic_ms, deaf=deaf))

    def shown(self, now: Moment) -> tuple[Shown, ...]:
        """Return how each stands."""
        return tuple(presence.shown(now.monotonic_ms) for _, presence in self._watched)

    def _say(self, presence: Presence, now: Moment, events: list[Event]) -> None:
        if events:
            self._put([Parcel(presence.device_id, now, Content(events=events))])


def _events(beacon: BeaconSettings, presence: Presence, heard: Heard, at_ms: int) -> list[Event]:
    events = presence.heard(at_ms, heard.rssi_dbm)
    rule = beacon.tamper_rule
    strap = rule.strap(heard.manufacturer_data, heard.service_data) if rule else None
    if strap is not None:
        events += presence.strap(at_ms, strap)
    percent = _battery(heard)
    return events if percent is None else events + presence.battery(percent)


def _battery(heard: Heard) -> int | None:
    try:
        return minew.decode(heard.service_data.get(minew.SERVICE_UUID, b"")).battery_percent
    except DecodeError:
        return None


def is_this(beacon: BeaconSettings, heard: Heard) -> bool:
    """Say whether an advertisement is of this beacon."""
    if beacon.address:
        return heard.address.upper() == beacon.address.upper() or _minew_mac(heard) == (
            beacon.address.upper()
        )
    if beacon.name:
        return heard.name == beacon.name
    if beacon.ibeacon:
        return _ibeacon(heard) == beacon.ibeacon.lower()
    return _eddystone(heard) == beacon.eddystone.lower()


def beacon_name(heard: Heard) -> str:
    """Return how the settings would name a beacon, as TOML; empty: it is none that we know."""
    if named := _ibeacon(heard):
        return f'ibeacon = "{named}"'
    if named := _eddystone(heard):
        return f'eddystone = "{named}"'
    if minew.SERVICE_UUID in heard.service_data:
        return f'address = "{_minew_mac(heard) or heard.address}"'
    return ""


def _minew_mac(heard: Heard) -> str:
    try:
        frame = minew.decode(heard.service_data.get(minew.SERVICE_UUID, b""))
    except DecodeError:
        return ""
    return "" if isinstance(frame, minew.MinewVibration) else frame.mac


def _ibeacon(heard: Heard) -> str:
    """Return `uuid:major:minor`; a tamper bit in the major number belongs to no name."""
    try:
        found = ibeacon.IBeacon.from_bytes(heard.manufacturer_data.get(ibeacon.COMPANY, b""))
    except DecodeError:
        return ""
    return ibeacon_name(found.proximity, found.major & 0x7FFF, found.minor)


def ibeacon_name(proximity: UUID, major: int, minor: int) -> str:
    """Return how the settings name an iBeacon."""
    return f"{proximity}:{major}:{minor}"


def _eddystone(heard: Heard) -> str:
    data = heard.service_data.get(eddystone.SERVICE_UUID, b"")
    try:
        found = eddystone.EddystoneUid.from_bytes(data)
    except DecodeError:
        return ""
    return f"{found.namespace.hex()}:{found.instance.hex()}"
