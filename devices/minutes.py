"""Closing minutes: from the samples of one device to the readings that are scored. Pure.

A minute begins with a sample and closes with the last sample that fits in 60 s, or when 60 s have
passed in silence. It closes at once when good samples lie at or below the line that the server
configured for 15 s; once, until a minute closes above the line again (further minutes keep their
length). A minute without one good sample becomes a reading without values that carries the
quality flags: missing is not normal. Demonstration and test data must not be given to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from msgspec import Struct

from protocols.reading import UNUSABLE, Quality, flags_of_most, has_any

MINUTE_MS: Final = 60_000
URGENT_MS: Final = 15_000
NOMINAL_PERIOD_MS: Final = 1_000.0
LONGEST_INTERVAL_MS: Final = 2_000
"""No sample speaks for more time than this."""
BREAK_MS: Final = 6_000
"""Silence longer than this ends a run: a break is not fifteen seconds of low values."""
SPOILED: Final = (
    UNUSABLE | Quality.SEARCHING | Quality.WEAK_SIGNAL | Quality.MOTION | Quality.QUESTIONABLE
)
"""Flags that keep a sample out of a minute's values; low perfusion alone does not, or a patient
with cold fingers would have no readings at all."""


class TimedSample(Struct, frozen=True, gc=False):
    """One sample at a time of this boot; there are many, and nothing in them can be a cycle."""

    monotonic_ms: int
    spo2_percent: float | None
    pulse_per_min: float | None = None
    perfusion_index_percent: float | None = None
    quality: Quality = Quality.GOOD
    oximetry: bool = True
    """False: the device measures a pulse and no SpO2."""

    @property
    def good(self) -> bool:
        value = self.spo2_percent if self.oximetry else self.pulse_per_min
        return value is not None and not has_any(self.quality, SPOILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedMinute:
    """Medians and minimum over the good samples, and the share of the time they cover (0 to 1)."""

    monotonic_ms: int
    """When the last sample was taken."""
    spo2_percent: float | None
    pulse_per_min: float | None
    perfusion_index_percent: float | None
    spo2_min_percent: float | None
    quality_share: float
    quality: Quality
    urgent: bool = False
    sampled_ms: int = 0
    """From the first sample to the last one."""


class Pace:
    """How often a device speaks: a running mean of its intervals, breaks left out."""

    def __init__(self) -> None:
        self.period_ms = NOMINAL_PERIOD_MS
        self._last_ms: int | None = None

    def beat(self, monotonic_ms: int) -> None:
        if self._last_ms is not None and monotonic_ms - self._last_ms <= 5 * self.period_ms:
            self.period_ms += 0.1 * (monotonic_ms - self._last_ms - self.period_ms)
            self.period_ms = max(self.period_ms, 1.0)
        self._last_ms = monotonic_ms

    def full(self, first_ms: int, last_ms: int, span_ms: float) -> bool:
        """Say whether the next sample would no longer fit in `span_ms` from the first."""
        return last_ms - first_ms + 1.5 * self.period_ms >= span_ms


class MinuteCloser:
    """The open minute of one device."""

    def __init__(self, urgent_below_spo2_percent: float) -> None:
        self.urgent_below_spo2_percent = urgent_below_spo2_percent
        self._pace = Pace()
        self._samples: list[TimedSample] = []
        self._previous_ms: int | None = None
        self._low_ms = 0.0
        self._low_from = 0
        self._armed = True

    def add(self, sample: TimedSample) -> list[ClosedMinute]:
        """Take one sample; return the minutes that it closes, none, one or two."""
        closed = self.tick(sample.monotonic_ms)
        self._pace.beat(sample.monotonic_ms)
        self._count_low(sample)
        self._samples.append(sample)
        if self._armed and self._low_ms >= URGENT_MS - self._pace.period_ms / 2:
            closed += self._close_urgently()
        elif self._pace.full(self._samples[0].monotonic_ms, sample.monotonic_ms, MINUTE_MS):
            closed.append(self._close())
        return closed

    def tick(self, monotonic_ms: int) -> list[ClosedMinute]:
        """Close a minute whose time is over although no sample came."""
        if self._samples and monotonic_ms - self._samples[0].monotonic_ms >= MINUTE_MS:
            return [self._close(elapsed_ms=MINUTE_MS)]
        return []

    def finish(self) -> list[ClosedMinute]:
        """Close what is open: the gateway stops."""
        return [self._close()] if self._samples else []

    def _count_low(self, sample: TimedSample) -> None:
        """Add this sample's time to the run of low ones; a good one above, or a break, ends it."""
        interval_ms = self._pace.period_ms
        if self._previous_ms is not None:
            interval_ms = sample.monotonic_ms - self._previous_ms
        self._previous_ms = sample.monotonic_ms
        spo2 = sample.spo2_percent
        low = sample.good and spo2 is not None and spo2 <= self.urgent_below_spo2_percent
        if interval_ms > BREAK_MS or (sample.good and not low):
            self._low_ms = 0.0
        if low:
            if not self._low_ms:
                self._low_from = len(self._samples)
            self._low_ms += min(interval_ms, LONGEST_INTERVAL_MS)

    def _close_urgently(self) -> list[ClosedMinute]:
        """Close the low run; what came before it apart, where its median would hide the run."""
        self._armed = False
        before, run = self._samples[: self._low_from], self._samples[self._low_from :]
        closed = []
        if len(before) >= len(run):
            self._samples = before
            closed = [self._close()]
            self._armed = False
            self._samples = run
        closed.append(self._close(urgent=True))
        return closed

    def _close(self, *, urgent: bool = False, elapsed_ms: float | None = None) -> ClosedMinute:
        samples, self._samples, self._low_from = self._samples, [], 0
        if elapsed_ms is None:
            elapsed_ms = samples[-1].monotonic_ms - samples[0].monotonic_ms + self._pace.period_ms
        minute = _summarise(samples, elapsed_ms / self._pace.period_ms, urgent=urgent)
        if minute.spo2_percent is not None and not urgent:
            self._armed |= minute.spo2_percent > self.urgent_below_spo2_percent
        return minute


def _summarise(samples: Sequence[TimedSample], expected: float, *, urgent: bool) -> ClosedMinute:
    good = [sample for sample in samples if sample.good]
    spo2 = [sample.spo2_percent for sample in good if sample.spo2_percent is not None]
    return ClosedMinute(
        monotonic_ms=samples[-1].monotonic_ms,
        spo2_percent=_median(spo2),
        pulse_per_min=_median([s.pulse_per_min for s in good if s.pulse_per_min is not None]),
        perfusion_index_percent=_median(
            [s.perfusion_index_percent for s in good if s.perfusion_index_percent is not None]
        ),
        spo2_min_percent=min(spo2, default=None),
        quality_share=round(len(good) / max(len(samples), round(expected)), 3),
        quality=_flags_of(good) if good else _flags_of_a_bad_minute(samples),
        urgent=urgent,
        sampled_ms=samples[-1].monotonic_ms - samples[0].monotonic_ms,
    )


def _flags_of(samples: Sequence[TimedSample]) -> Quality:
    return flags_of_most([sample.quality for sample in samples])


def _flags_of_a_bad_minute(samples: Sequence[TimedSample]) -> Quality:
    """Return why there is no value; never GOOD, a device that says nothing is not well."""
    any_flag = Quality.GOOD
    for sample in samples:
        any_flag |= sample.quality
    return _flags_of(samples) or any_flag or Quality.INVALID


def _median(values: Sequence[float]) -> float | None:
    return round(median(values), 2) if values else None
