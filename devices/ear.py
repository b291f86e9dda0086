"""Who listens to one device over all its connections, and dates what is heard."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from devices.clock import Clock
from devices.measurement import Measurement
from devices.outbox import Outbox
from devices.recorder import Recorder
from devices.spool import RejectedFrame
from protocols.reading import Quality, has_any

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class LastHeard:
    """What a device said last, for whoever looks at the gateway itself."""

    at_ms: int = 0
    finger_at_ms: int = 0
    """When a finger was last in it."""
    measurement: Measurement | None = None
    battery_percent: int | None = None
    battery_low: bool = False


class DeviceEar:
    """Listens to one device."""

    def __init__(
        self,
        device_id: str,
        recorder: Recorder,
        outbox: Outbox,
        clock: Clock,
        owed_records: Callable[[str], Awaitable[int]],
    ) -> None:
        self.device_id = device_id
        self.recorder = recorder
        self.last = LastHeard()
        self._outbox = outbox
        self._clock = clock
        self._owed_records = owed_records

    def sample(self, measurement: Measurement) -> None:
        now = self._clock.moment()
        self.last.at_ms = now.monotonic_ms
        self.last.measurement = measurement
        if not has_any(measurement.quality, Quality.FINGER_OFF):
            self.last.finger_at_ms = now.monotonic_ms
        self._outbox.put(self.recorder.sample(measurement, now))

    def finished(self, measurement: Measurement) -> None:
        now = self._clock.moment()
        self.last.at_ms = self.last.finger_at_ms = now.monotonic_ms
        if not measurement.stored:
            self.last.measurement = measurement
        self._outbox.put(self.recorder.finished(measurement, now))

    def battery(self, percent: int | None, *, low: bool = False) -> None:
        """Pass on a level that differs from the last one; it is no sign of a living stream."""
        if (percent, low) == (self.last.battery_percent, self.last.battery_low):
            return
        now = self._clock.moment()
        if percent is not None and percent != self.last.battery_percent:
            self._outbox.put(self.recorder.event("battery", now, float(percent)))
        if low and not self.last.battery_low:
            self._outbox.put(self.recorder.event("battery_low", now))
        self.last.battery_percent, self.last.battery_low = percent, low

    def device_clock(self, shows: datetime) -> None:
        self._outbox.put(self.recorder.device_clock(shows, self._clock.moment()))

    def rejected(self, characteristic: str, raw: bytes, reason: str) -> None:
        now = self._clock.moment()
        self.last.at_ms = now.monotonic_ms
        self._outbox.reject(RejectedFrame(self.device_id, characteristic, raw, reason, now))
        logger.warning(
            "frame rejected",
            extra={"device_id": self.device_id, "characteristic": characteristic},
        )

    async def owed_records(self) -> int:
        return await self._owed_records(self.device_id)

    def connected(self) -> None:
        now = self._clock.moment()
        self.last.at_ms = now.monotonic_ms
        self._outbox.put(self.recorder.connected(now))

    def disconnected(self) -> None:
        self._outbox.put(self.recorder.disconnected(self._clock.moment()))
