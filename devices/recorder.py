"""From the measurements of one device to the parcels that are spooled. Pure; time is given.

Samples are gathered for `batch_seconds` and travel with the minute that closes over them; a spot
check and an event leave at once. A device that is worn has its minutes for readings; of one that
is clipped on for a moment the reading is the value that held still (`plateau`), and a minute only
if the finger stayed for all of it. Demonstration and test data are counted and go no further.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from devices.clock import Moment
from devices.device_clock import DeviceClock
from devices.measurement import Measurement
from devices.minutes import ClosedMinute, MinuteCloser, Pace, TimedSample
from devices.parcels import Content, Parcel
from devices.plateau import PlateauFinder, SpotCheck
from devices.use import Use
from protocols.reading import NOT_A_PATIENTS, Quality, has_any
from protocols.uplink import MAX_SAMPLES, Event, Sample, WireReading

EventKind = Literal[
    "connected",
    "disconnected",
    "finger_off",
    "finger_on",
    "battery",
    "battery_low",
    "clock_offset",
    "seen",
    "unseen",
    "tamper",
    "tamper_cleared",
]
_PATIENCE_MS: Final = 2_000
"""How much later than expected a sample may come before its batch leaves without it."""
_MOST_OF_A_MINUTE_MS: Final = 50_000
"""A finger that stayed for so much of a minute has a minute, beside its spot check."""


class Recorder:
    """What one device has said and has not been spooled yet."""

    def __init__(
        self,
        device_id: str,
        *,
        batch_seconds: float,
        urgent_below_spo2_percent: float,
        device_utc_offset: timedelta,
        use: Use = Use.WORN,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.use = use
        self.clock = DeviceClock(device_utc_offset)
        self._device_id = device_id
        self._batch_ms = batch_seconds * 1000
        self._pace = Pace()
        self._minutes = MinuteCloser(urgent_below_spo2_percent)
        self._plateau = PlateauFinder()
        self._samples: list[Sample] = []
        self._start: Moment | None = None
        self._last_ms = 0
        self._finger_on: bool | None = None
        self._first = False
        """The first value after a connection leaves at once: somebody is waiting for it."""

    def configure(self, *, batch_seconds: float, urgent_below_spo2_percent: float) -> None:
        """Take over what the server configured."""
        self._batch_ms = batch_seconds * 1000
        self._minutes.urgent_below_spo2_percent = urgent_below_spo2_percent

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
        timed = TimedSample(
            now.monotonic_ms,
            measurement.spo2_percent,
            measurement.pulse_per_min,
            measurement.perfusion_index_percent,
            measurement.quality,
            measurement.oximetry,
        )
        spot = self._plateau.add(timed) if self.use is Use.SPOT else None
        closed = self._worth_sending(self._minutes.add(timed))
        full = self._pace.full(self._start.monotonic_ms, now.monotonic_ms, self._batch_ms)
        first, self._first = self._first and timed.good, self._first and not timed.good
        if closed or spot or full or first or len(self._samples) >= MAX_SAMPLES:
            parcels += self._seal(closed, now, spot)
        return parcels

    def finished(self, measurement: Measurement, now: Moment) -> list[Parcel]:
        """Take one measurement that the device calls finished, live or from its memory."""
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
            temperature_celsius=measurement.temperature_celsius,
            systolic_mmhg=measurement.systolic_mmhg,
            diastolic_mmhg=measurement.diastolic_mmhg,
            spo2_min_percent=measurement.spo2_min_percent,
            quality=int(measurement.quality),
            record=measurement.record or (None if own_time is None else own_time.isoformat()),
        )
        if not measurement.stored:
            parcels = [] if own_time is None else self.device_clock(own_time, now)
            return [*parcels, self._parcel(now, Content(readings=[(0, reading)]))]
        if own_time is None:
            # Read out now, measured nobody knows when before.
            undated = msgspec.structs.replace(reading, time_uncertain=True)
            return [self._parcel(now, Content(readings=[(0, undated)]))]
        return [self._parcel(now, self.clock.date(reading, own_time, now))]

    def device_clock(self, shows: datetime, now: Moment) -> list[Parcel]:
        """The device's own clock shows this now; one that is wrong is told of once."""
        offset_s = self.clock.seen(shows, now)
        return [] if offset_s is None else self.event("clock_offset", now, offset_s)

    def event(self, kind: EventKind, now: Moment, value: float | None = None) -> list[Parcel]:
        """Take one event of the device's life."""
        return [self._parcel(now, Content(events=[Event(kind, 0, value)]))]

    def connected(self, now: Moment) -> list[Parcel]:
        """The device is connected."""
        self._first = True
        return self.event("connected", now)

    def disconnected(self, now: Moment) -> list[Parcel]:
        """The link is over: the finger's reading, or why there is none, and the event."""
        spot = self._plateau.finish()
        self.clock.forget()
        sealed = self._seal([], now, spot) if spot else []
        return [*sealed, *self.event("disconnected", now)]

    def tick(self, now: Moment) -> list[Parcel]:
        """Let go what waited long enough although the device is silent."""
        closed = self._worth_sending(self._minutes.tick(now.monotonic_ms))
        overdue = self._start is not None and (
            now.monotonic_ms - self._start.monotonic_ms >= self._batch_ms + _PATIENCE_MS
        )
        return self._seal(closed, now) if closed or overdue else []

    def finish(self, now: Moment) -> list[Parcel]:
        """Let go everything: the gateway stops."""
        spot = self._plateau.finish()
        closed = self._worth_sending(self._minutes.finish())
        return self._seal(closed, now, spot) if closed or spot or self._samples else []

    def _worth_sending(self, closed: list[ClosedMinute]) -> list[ClosedMinute]:
        """A finger that stayed for a moment has its spot check, and no minute beside it."""
        if self.use is not Use.SPOT:
            return closed
        return [m for m in closed if m.urgent or m.sampled_ms >= _MOST_OF_A_MINUTE_MS]

    def _dropped(self, measurement: Measurement) -> bool:
        if not has_any(measurement.quality, NOT_A_PATIENTS):
            return False
        self.counts["demo" if measurement.quality & Quality.DEMO else "testing"] += 1
        return True

    def _finger_event(self, quality: Quality, now: Moment) -> list[Parcel]:
        """Say when the finger goes and when it comes back; a first finger is no news."""
        finger_on = not has_any(quality, Quality.FINGER_OFF)
        before, self._finger_on = self._finger_on, finger_on
        if finger_on == before or (before is None and finger_on):
            return []
        return self.event("finger_on" if finger_on else "finger_off", now)

    def _seal(
        self, closed: Sequence[ClosedMinute], now: Moment, spot: SpotCheck | None = None
    ) -> list[Parcel]:
        start = self._start or now
        readings = [
            (minute.monotonic_ms - start.monotonic_ms, _wire_minute(minute)) for minute in closed
        ]
        if spot is not None:
            readings.append((spot.monotonic_ms - start.monotonic_ms, _wire_spot(spot)))
        content = Content(samples=self._samples, readings=readings)
        self._samples, self._start = [], None
        return [self._parcel(start, content)]

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


def _wire_spot(spot: SpotCheck) -> WireReading:
    return WireReading(
        kind="spot",
        at=0,
        spo2_percent=spot.spo2_percent,
        pulse_per_min=spot.pulse_per_min,
        perfusion_index_percent=spot.perfusion_index_percent,
        quality=int(spot.quality),
    )
