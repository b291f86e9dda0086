"""What waits for the spool, in memory: bounded, the oldest given up first and the loss told."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

from devices.clock import Clock
from devices.parcels import Content, Parcel
from devices.spool import RejectedFrame
from protocols.uplink import Event

_MOST_IN_MEMORY: Final = 5_000
"""Parcels that wait in memory while the disk refuses them; about an hour of five devices."""


class Outbox:
    """What waits for the spool: bounded, the oldest given up first and the loss told."""

    def __init__(self) -> None:
        self.filled = asyncio.Event()
        self._parcels: deque[Parcel] = deque()
        self._rejected: deque[RejectedFrame] = deque(maxlen=_MOST_IN_MEMORY)
        self._lost: Counter[str] = Counter()
        self._on_the_way: Sequence[Parcel] = ()

    def put(self, parcels: Sequence[Parcel]) -> None:
        """Add parcels in the order they came."""
        if not parcels:
            return
        self._parcels.extend(parcels)
        while len(self._parcels) > _MOST_IN_MEMORY:
            given_up = self._parcels.popleft()
            self._lost[given_up.device] += max(1, len(given_up.content.samples))
        self.filled.set()

    def reject(self, frame: RejectedFrame) -> None:
        """Add bytes that could not be used."""
        self._rejected.append(frame)
        self.filled.set()

    def put_back(self, parcels: Sequence[Parcel], rejected: Sequence[RejectedFrame]) -> None:
        """The disk would not have them: they come before what came since."""
        self._rejected.extendleft(reversed(rejected))
        self._on_the_way = ()
        since = list(self._parcels)
        self._parcels.clear()
        self.put([*parcels, *since])

    def records_of(self, device: str) -> int:
        """Count what a device's memory said and the disk does not hold yet."""
        waiting = [*self._parcels, *self._on_the_way]
        return sum(
            reading.kind == "stored"
            for parcel in waiting
            if parcel.device == device
            for reading in (*(r for _, r in parcel.content.readings), *parcel.content.dated)
        )

    def stored(self) -> None:
        """What was taken last is on the disk."""
        self._on_the_way = ()

    def take(self, clock: Clock) -> tuple[list[Parcel], list[RejectedFrame]]:
        """Return everything and be empty."""
        now = clock.moment()
        parcels = list(self._parcels) + [
            Parcel(device, now, Content(events=[Event("spool_loss", 0, float(count))]))
            for device, count in self._lost.items()
        ]
        rejected = list(self._rejected)
        self._on_the_way = tuple(self._parcels)
        self._parcels.clear()
        self._rejected.clear()
        self._lost.clear()
        self.filled.clear()
        return parcels, rejected
