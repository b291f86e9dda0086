"""How a gateway and its devices stand at one moment, for whoever stands before it. Pure.

The state is what the gateway knows, never what the stack says of itself: a device that says
nothing is silent, however connected it is said to be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from devices.ear import LastHeard
from devices.presence import Shown
from protocols.reading import Quality, has_any

SILENT_MS: Final = 5_000
"""A stream that has said nothing for so long is not live."""


class DeviceState(StrEnum):
    """How one device stands."""

    MEASURING = "measuring"
    FINGER_OFF = "finger_off"
    SEARCHING = "searching"
    UNSURE = "unsure"
    """Motion, a weak signal or cold fingers: a value that deserves less trust."""
    CONNECTED = "connected"
    SILENT = "silent"
    WAITING = "waiting"
    """Heard, and waits for its turn."""
    CANNOT_CONNECT = "cannot_connect"
    AWAY = "away"


_UNSURE: Final = (
    Quality.MOTION | Quality.WEAK_SIGNAL | Quality.LOW_PERFUSION | Quality.QUESTIONABLE
    | Quality.INVALID
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceShown:
    """One device."""

    device_id: str
    driver: str
    state: DeviceState
    heard_s_ago: int | None
    """Since its last word; `None`: it has said nothing yet."""
    spo2_percent: float | None = None
    pulse_per_min: float | None = None
    quality: tuple[str, ...] = ()
    battery_percent: int | None = None
    battery_low: bool = False
    rssi_dbm: int | None = None
    """How loud its last advertisement was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole gateway."""

    gateway_id: str
    server: str
    connected_to_server: bool
    last_contact_s_ago: int | None
    prompts: tuple[str, ...] = ()
    """What the server asked the person here to do."""
    devices: tuple[DeviceShown, ...] = ()
    beacons: tuple[Shown, ...] = ()


def show(
    device_id: str,
    *,
    driver: str,
    last: LastHeard | None,
    connected: bool,
    heard: tuple[int, int] | None,
    now_ms: int,
) -> DeviceShown:
    """Return how a device stands.

    Args:
        device_id: whose.
        driver: who talks to it.
        last: what it said last; `None`: nothing yet.
        connected: whether there is a link.
        heard: loudness of its last advertisement and how often connecting failed since it last
            worked; `None`: it is not in reach.
        now_ms: monotonic.
    """
    measured = None if last is None else last.measurement
    age_ms = None if last is None or not last.at_ms else now_ms - last.at_ms
    live = connected and measured is not None and age_ms is not None and age_ms <= SILENT_MS
    quality = Quality.GOOD if measured is None else measured.quality
    return DeviceShown(
        device_id=device_id,
        driver=driver,
        state=_state(connected=connected, live=live, age_ms=age_ms, quality=quality, heard=heard),
        heard_s_ago=None if age_ms is None else age_ms // 1000,
        spo2_percent=measured.spo2_percent if live and measured else None,
        pulse_per_min=measured.pulse_per_min if live and measured else None,
        quality=tuple(str(flag.name) for flag in Quality if live and has_any(quality, flag)),
        battery_percent=None if last is None else last.battery_percent,
        battery_low=last is not None and last.battery_low,
        rssi_dbm=None if heard is None else heard[0],
    )


def _state(
    *,
    connected: bool,
    live: bool,
    age_ms: int | None,
    quality: Quality,
    heard: tuple[int, int] | None,
) -> DeviceState:
    if not connected:
        if heard is None:
            return DeviceState.AWAY
        return DeviceState.CANNOT_CONNECT if heard[1] else DeviceState.WAITING
    if not live:
        quiet = age_ms is not None and age_ms > SILENT_MS
        return DeviceState.SILENT if quiet else DeviceState.CONNECTED
    if has_any(quality, Quality.FINGER_OFF):
        return DeviceState.FINGER_OFF
    if has_any(quality, Quality.SEARCHING | Quality.CALIBRATING):
        return DeviceState.SEARCHING
    return DeviceState.UNSURE if has_any(quality, _UNSURE) else DeviceState.MEASURING


WORDS: Final[Mapping[DeviceState, tuple[str, str]]] = {
    DeviceState.MEASURING: ("Đang đo", "measuring"),
    DeviceState.FINGER_OFF: ("Chưa kẹp ngón tay", "no finger in it"),
    DeviceState.SEARCHING: ("Đang dò mạch, giữ yên tay", "searching, keep the hand still"),
    DeviceState.UNSURE: ("Tín hiệu yếu, giữ yên và làm ấm tay", "weak signal, keep still and warm"),
    DeviceState.CONNECTED: ("Đã kết nối, chờ giá trị", "connected, no value yet"),
    DeviceState.SILENT: ("Không còn nói gì", "silent"),
    DeviceState.WAITING: ("Chờ đến lượt", "waiting for its turn"),
    DeviceState.CANNOT_CONNECT: ("Không kết nối được", "cannot be connected"),
    DeviceState.AWAY: ("Không thấy máy", "not in reach"),
}
"""Vietnamese first, then English."""
