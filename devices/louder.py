"""Which of several adapters takes a device: the one that hears it clearly louder. Pure.

A link over the louder adapter holds better. A difference within the noise does not count (RSSI
swings by several dB from one advertisement to the next), so two adapters do not pass a device back
and forth; and nobody waits long for an adapter that then does not take it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

CLEARLY_DB: Final = 8
FRESH_MS: Final = 5_000
WAIT_MS: Final = 10_000
"""How long a device is left to a louder adapter before it is taken after all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """The same device as another adapter hears it."""

    rssi_dbm: int
    heard_ms: int
    has_room: bool
    failures: int
    """How often that adapter could not connect to it since it last could."""


def is_left_to_another(
    rssi_dbm: int, *, left_for_ms: int, others: Iterable[Elsewhere], now_ms: int
) -> bool:
    """Say whether another adapter should take a device that this one hears at `rssi_dbm`.

    Args:
        rssi_dbm: how loud it is here.
        left_for_ms: how long it has been left to others already.
        others: how it is elsewhere.
        now_ms: monotonic.
    """
    if left_for_ms >= WAIT_MS:
        return False
    return any(
        other.has_room
        and other.failures == 0
        and now_ms - other.heard_ms <= FRESH_MS
        and other.rssi_dbm - rssi_dbm >= CLEARLY_DB
        for other in others
    )
