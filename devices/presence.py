"""Whether a beacon or wristband is there, and whether its strap is closed. Pure.

Theory of operation. A beacon that is heard is said once a minute, with the loudest of that minute,
and at once when it comes (back). One that is not heard for a while is said too, and again each
while: a first-class signal, but no accusation. Silence counts from when listening began, and stands
still while the radio hears nothing at all: a radio that is deaf says nothing about one band. A
strap that opens or closes is believed when two frames within ten seconds say so: one bad frame
accuses nobody.
"""

from dataclasses import dataclass
from typing import Final

from protocols.beacons.tamper import Strap
from protocols.uplink import Event

MINUTE_MS: Final = 60_000
CONFIRM_MS: Final = 10_000
BATTERY_STEP_PERCENT: Final = 5


@dataclass(frozen=True, slots=True)
class Shown:
    """How one beacon stands, for whoever looks at the gateway."""

    device_id: str
    heard_s_ago: int | None
    rssi_dbm: int | None
    is_open: bool | None
    """The strap; None: it does not say."""


class Presence:
    """What is known of one beacon."""

    def __init__(self, device_id: str, *, unseen_after_ms: int, began_ms: int) -> None:
        self.device_id = device_id
        self._unseen_after_ms = unseen_after_ms
        self._heard_ms: int | None = None
        self._silent_since_ms = began_ms
        self._said_unseen = 0
        self._ticked_ms = began_ms
        self._minute_ms = began_ms
        self._loudest: int | None = None
        self._rssi: int | None = None
        self._strap: Strap | None = None
        self._doubted: tuple[Strap, int] | None = None
        self._battery: int | None = None

    def heard(self, at_ms: int, rssi_dbm: int) -> list[Event]:
        """It advertised."""
        comes = self._heard_ms is None or self._said_unseen > 0
        self._heard_ms = self._silent_since_ms = at_ms
        self._said_unseen = 0
        self._rssi = rssi_dbm
        self._loudest = rssi_dbm if self._loudest is None else max(self._loudest, rssi_dbm)
        if not comes:
            return []
        self._minute_ms = at_ms
        return [self._seen()]

    def strap(self, at_ms: int, shows: Strap) -> list[Event]:
        """Its advertisement says how the strap is."""
        if shows is self._strap:
            self._doubted = None
            return []
        doubted, self._doubted = self._doubted, (shows, at_ms)
        if doubted is None or doubted[0] is not shows or at_ms - doubted[1] > CONFIRM_MS:
            return []
        before, self._strap, self._doubted = self._strap, shows, None
        if shows is Strap.OPEN:
            return [Event("tamper", 0)]
        return [Event("tamper_cleared", 0)] if before is Strap.OPEN else []

    def battery(self, percent: int) -> list[Event]:
        """It says how full its battery is."""
        if self._battery is not None and abs(self._battery - percent) < BATTERY_STEP_PERCENT:
            return []
        self._battery = percent
        return [Event("battery", 0, float(percent))]

    def tick(self, now_ms: int, *, deaf: bool) -> list[Event]:
        """Time passes; `deaf`: the radio hears nothing at all."""
        passed_ms, self._ticked_ms = now_ms - self._ticked_ms, now_ms
        if deaf:
            self._silent_since_ms = min(now_ms, self._silent_since_ms + passed_ms)
        found = []
        if now_ms - self._minute_ms >= MINUTE_MS:
            self._minute_ms = now_ms
            if self._loudest is not None:
                found.append(self._seen())
        silent_ms = now_ms - self._silent_since_ms
        if silent_ms >= self._unseen_after_ms * (self._said_unseen + 1):
            self._said_unseen += 1
            found.append(Event("unseen", 0, silent_ms / 1000))
        return found

    def shown(self, now_ms: int) -> Shown:
        """Return how it stands."""
        heard = None if self._heard_ms is None else (now_ms - self._heard_ms) // 1000
        is_open = None if self._strap is None else self._strap is Strap.OPEN
        return Shown(self.device_id, heard, self._rssi, is_open)

    def _seen(self) -> Event:
        loudest, self._loudest = self._loudest, None
        return Event("seen", 0, None if loudest is None else float(loudest))
