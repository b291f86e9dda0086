"""From the measurements of one device to the parcels that are spooled. Pure; time is given.

Samples are gathered for `batch_seconds` and travel with the minute that closes over them; a spot
check and an event leave at once. Demonstration and test data are counted and go no further.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Final, Literal

import msgspec

from devices.clock import Moment
from devices.measurement import Measurement
from devices.minutes import ClosedMinute, MinuteCloser, Pace, TimedSample
from devices.parcels import Content, Parcel
from protocols.reading import NOT_A_PATIENTS, Quality
from protocols.uplink import MAX_SAMPLES, Event, Sample, WireReading, epoch_ms

EventKind = Literal["connected", "disconnected", "finger_off", "finger_on", "battery"]
_PATIENCE_MS: Final = 2_000
"""How much later than expected a sample may come before its batch leaves without it."""


class Recorder:
    """What one device has said and has not been spooled yet."""

    def __init__(
        self,
        device_id: str,
        *,
        batch_seconds: float,
        urgent_below_spo2_percent: float,
        device_utc_offset: timedelta,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._device_id = device_id
        self._batch_ms = batch_seconds * 1000
        self._zone = timezone(device_utc_offset)
        self._pace = Pace()
        self._minutes = MinuteCloser(urgent_below_spo2_percent)
        self._samples: list[Sample] = []
        self._start: Moment | None = None
        self._last_ms = 0
        self._finger_on: bool | None = None

    def set_urgent_line(self, spo2_percent: float) -> None:
        """Take over the line that the server configured."""
        self._minutes.urgent_below_spo2_percent = spo2_percent

    def sample(self, measurement: Measurement, now: Moment) -> list[Parcel]:
        """Take one value of the stream; return the parcels that are complete with it."""
        if self._dropped(measurement):
            return []
        parcels = self._finger_event(measurement.quality, now)
        self._pace.beat(now.monotonic_ms)
        if self._start is None:
            self._start = now
        self._samples.append(_wire_sample(measurement, now.monotonic_ms - self._start.monotonic_ms))
        self._last_ms = now.monotonic_ms
        closed = self._minutes.add(
            TimedSample(
                now.monotonic_ms,
                measurement.spo2_percent,
                measurement.pulse_per_min,
                measurement.perfusion_index_percent,
                measurement.quality,
            )
        )
        full = self._pace.full(self._start.monotonic_ms, now.monotonic_ms, self._batch_ms)
        if closed or full or len(self._samples) >= MAX_SAMPLES:
            parcels += self._seal(closed, now)
        return parcels

    def spot_check(self, measurement: Measurement, now: Moment) -> list[Parcel]:
        """Take one finished measurement, live or from the device's memory."""
        if self._dropped(measurement):
            return []
        unset = bool(measurement.quality & Quality.DEVICE_CLOCK_UNSET)
        own_time = None if unset else measurement.device_time
        reading = WireReading(
            kind="stored" if measurement.stored else "spot",
            at=0,
            spo2_percent=measurement.spo2_percent,
            pulse_per_min=measurement.pulse_per_min,
            perfusion_index_percent=measurement.perfusion_index_percent,
            quality=int(measurement.quality),
            record=None if own_time is None else own_time.isoformat(),
        )
        if not measurement.stored:
            content = Content(readings=[(0, reading)])
        elif own_time is None:
            # Read out now, measured nobody knows when before.
            undated = msgspec.structs.replace(reading, time_uncertain=True)
            content = Content(readings=[(0, undated)])
        else:
            dated = msgspec.structs.replace(reading, at=self._epoch_ms(own_time))
            content = Content(dated=[dated])
        return [self._parcel(now, content)]

    def event(self, kind: EventKind, now: Moment, value: float | None = None) -> list[Parcel]:
        """Take one event of the device's life."""
        return [self._parcel(now, Content(events=[Event(kind, 0, value)]))]

    def tick(self, now: Moment) -> list[Parcel]:
        """Let go what waited long enough although the device is silent."""
        closed = self._minutes.tick(now.monotonic_ms)
        overdue = self._start is not None and (
            now.monotonic_ms - self._start.monotonic_ms >= self._batch_ms + _PATIENCE_MS
        )
        return self._seal(closed, now) if closed or overdue else []

    def finish(self, now: Moment) -> list[Parcel]:
        """Let go everything: the gateway stops."""
        closed = self._minutes.finish()
        return self._seal(closed, now) if closed or self._samples else []

    def _dropped(self, measurement: Measurement) -> bool:
        if not measurement.quality & NOT_A_PATIENTS:
            return False
        self.counts["demo" if measurement.quality & Quality.DEMO else "testing"] += 1
        return True

    def _finger_event(self, quality: Quality, now: Moment) -> list[Parcel]:
        """Say when the finger goes and when it comes back; a first finger is no news."""
        finger_on = not quality & Quality.FINGER_OFF
        before, self._finger_on = self._finger_on, finger_on
        if finger_on == before or (before is None and finger_on):
            return []
        return self.event("finger_on" if finger_on else "finger_off", now)

    def _seal(self, closed: Sequence[ClosedMinute], now: Moment) -> list[Parcel]:
        start = self._start or now
        content = Content(
            samples=self._samples,
            readings=[
                (minute.monotonic_ms - start.monotonic_ms, _wire_minute(minute))
                for minute in closed
            ],
        )
        self._samples, self._start = [], None
        return [self._parcel(start, content)]

    def _epoch_ms(self, device_time: datetime) -> int:
        return max(0, epoch_ms(device_time.replace(tzinfo=self._zone)))

    def _parcel(self, start: Moment, content: Content) -> Parcel:
        return Parcel(self._device_id, start, content)


def _wire_sample(measurement: Measurement, offset_ms: int) -> Sample:
    return Sample(
        max(0, offset_ms),
        measurement.spo2_percent,
        measurement.pulse_per_min,
        measurement.perfusion_index_percent,
        int(measurement.quality),
    )


def _wire_minute(minute: ClosedMinute) -> WireReading:
    return WireReading(
        kind="minute",
        at=0,
        spo2_percent=minute.spo2_percent,
        pulse_per_min=minute.pulse_per_min,
        perfusion_index_percent=minute.perfusion_index_percent,
        quality=int(minute.quality),
        spo2_min_percent=minute.spo2_min_percent,
        quality_share=minute.quality_share,
    )
