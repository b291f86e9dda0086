"""The trend: is this person leaving what is usual for them, how fast, and where does it lead?

Theory of operation. Readings close together make one *point*: of a repeated spot check the better
value, of continuous minutes their mean. A damped local linear trend (a Kalman filter of level and
slope; Durbin & Koopman 2012, §3.2, slope damped as in Gardner & McKenzie 1985) follows the SpO2
from point to point, however unevenly they come. What is usual is the mean of the first days,
shrunk to a prior, so a device that always reads too high or too low cancels out. The score adds up

- how far the level lies below the usual one, and how near it is to the person's own limit (93 %,
  moved part of the way with what is usual, because a device's error explains part of an unusual
  "usual"; the lower end of a target range where a doctor has set one),
- how far pulse and respiration, smoothed, lie above the usual ones. Not under 16 years or at an
  unknown age: no source gives how they vary there, so SpO2 speaks alone.

and lays the sum on 0 to 10, ever less steeply. An innovation far below is cut short: one bad
reading is no fall. Levels shift before slopes do, and oxygenation before heart and breathing
(docs/rules.md, "Trend"). The numbers were chosen on one generator of invented courses, and measured
on another (docs/evaluation.md). Incremental, and a pure function of the accepted readings in order.
"""

import math
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from msgspec import Struct

from protocols.reading import Oxygen, ReadingKind, Vitals
from telehealth.vitals.targets import TargetRange

POINT_MS: Final = 30 * 60_000
"""Readings begun within this of a point's first one belong to the point."""
ADULT_FROM_MONTH: Final = 16 * 12
LIMIT_PERCENT: Final = 93.0
"""Where the trend must be seen before (docs/evaluation.md, "The event")."""
LONGEST_AHEAD_H: Final = 96.0
"""No projection reaches further."""

_USUAL_SPO2: Final = 97.0
_USUAL_PULSE: Final = 78.0
_USUAL_RESPIRATION: Final = 16.0
_USUAL_PULSE_SD: Final = 10.0
_USUAL_RESPIRATION_SD: Final = 2.5
_PRIOR_WEIGHT: Final = 0.2
"""Readings that the prior of the usual SpO2 counts as."""
_USUAL_FOR_H: Final = 72.0
"""What is usual is learnt from the first so many hours."""
_LIMIT_MOVES: Final = 0.6
"""Share by which the limit follows what is usual: what of it is the device's error."""
_NOISE_SD: Final = 1.0
_DOUBTFUL: Final = 6.0
"""A doubtful point has this many times the variance."""
_LEVEL_SD: Final = 0.05
"""How far a level wanders in 12 hours by itself, in points."""
_SLOPE_SD: Final = 0.10
"""How far slopes spread, in points per hour."""
_DAMPING_H: Final = 48.0
_START_VARIANCE: Final = 2.25
_CUT_BELOW: Final = 1.0
_CUT_ABOVE: Final = 2.0
"""Standard deviations at which an innovation is cut short."""
_SMOOTHING: Final = 0.4
_W_PULSE: Final = 0.2
_W_RESPIRATION: Final = 0.3
_LEAST_EFFORT: Final = -0.5
_ZERO_AT: Final = -2.568
_STEEPNESS: Final = 1.387
"""The sum at which the score is 0, and how fast it rises: 4 at -2.20, 7 at -1.70, 9 at -0.91."""
_HOUR_MS: Final = 3_600_000.0
MOST_DEVICES: Final = 3
_DEVICES_SHARE: Final = 0.5
"""Share of a jump between devices that is the device's (its variance in that of a jump)."""
_FARTHEST_OFFSET: Final = 2.0
READY_POINTS: Final = 3
READY_AFTER_H: Final = 12.0
"""No score before so many points over so many hours: less is no trend."""


class Point(Struct, frozen=True, array_like=True, gc=False):
    """Readings that count as one; `n` of them."""

    at_ms: int
    spo2: float
    pulse: float | None
    respiration: float | None
    doubtful: bool
    n: int = 1


class Course(Struct, frozen=True, array_like=True, gc=False):
    """What is known of a person up to a point, that one included; times are epoch milliseconds."""

    since_ms: int
    at_ms: int
    level: float
    slope: float
    """Points per hour."""
    p00: float
    p01: float
    p11: float
    usual_sum: float
    usual_n: float
    points: int = 0
    pulse_usual: float = _USUAL_PULSE
    pulse_n: int = 1
    pulse_high: float = 0.0
    respiration_usual: float = _USUAL_RESPIRATION
    respiration_n: int = 1
    respiration_high: float = 0.0

    @property
    def usual(self) -> float:
        """What SpO2 is usual for the person, on their devices."""
        return self.usual_sum / self.usual_n


class Device(Struct, frozen=True, array_like=True, gc=False):
    """A device of the person, and how far it is taken to read above their first one."""

    key: int
    offset: float


class Trend(Struct, frozen=True, array_like=True):
    """The stored state: the course before the newest point, and that point while it may grow."""

    before: Course | None = None
    point: Point | None = None
    oxygen: bool = False
    devices: tuple[Device, ...] = ()
    """The last `MOST_DEVICES` that measured, the newest last."""


class TrendScore(NamedTuple):
    """The score of one moment, and what it is made of."""

    score: float
    """0 to 10, on tenths."""
    spo2_share: float
    pulse_share: float
    respiration_share: float
    """Shares of the score in points of it: they add up to it."""
    usual_percent: float
    level_percent: float
    slope_percent_per_day: float
    limit_percent: float
    reaches_limit_h: float | None
    """When the projection meets the limit; None: not within `LONGEST_AHEAD_H`; 0: it is there."""


def take(
    trend: Trend,
    vitals: Vitals,
    kind: ReadingKind,
    at_ms: int,
    *,
    doubtful: bool,
    device_id: str = "",
) -> Trend:
    """Return the trend after a usable reading, no older than any before it.

    A reading without SpO2 changes nothing. Beginning or ending oxygen begins a new course: what
    was usual on air says nothing about oxygen. Of a jump at the first reading of another device
    half is taken to be the device's.
    """
    spo2 = vitals.spo2_percent
    if spo2 is None:
        return trend
    oxygen = trend.oxygen if vitals.oxygen is None else vitals.oxygen is Oxygen.OXYGEN
    if oxygen != trend.oxygen:
        trend = Trend(oxygen=oxygen)
    devices = _devices(trend, _key_of(device_id), spo2, at_ms)
    spo2 -= devices[-1].offset
    pulse, respiration = vitals.pulse_per_min, vitals.respiration_per_min
    point, before = trend.point, trend.before
    if point is not None:
        if at_ms - point.at_ms < POINT_MS:
            merged = _merged(point, spo2, pulse, respiration, kind, doubtful)
            return Trend(before, merged, oxygen, devices)
        before = _after(before, point)
    return Trend(before, Point(at_ms, spo2, pulse, respiration, doubtful), oxygen, devices)


@lru_cache(maxsize=16_384)
def _key_of(device_id: str) -> int:
    """Return 32 bits by which a person's few devices are told apart in the stored state."""
    return int.from_bytes(blake2b(device_id.encode(), digest_size=4).digest())


def _devices(trend: Trend, key: int, spo2: float, at_ms: int) -> tuple[Device, ...]:
    """Return the person's devices, the one that measured now last."""
    devices = trend.devices
    if devices and devices[-1].key == key:
        return devices
    known = next((device for device in devices if device.key == key), None)
    if known is None:
        offset = 0.0
        if trend.point is not None:
            now = _after(trend.before, trend.point)
            jump = spo2 - projected(now.level, now.slope * 24.0, (at_ms - now.at_ms) / _HOUR_MS)
            offset = min(max(_DEVICES_SHARE * jump, -_FARTHEST_OFFSET), _FARTHEST_OFFSET)
        known = Device(key, offset)
    others = tuple(device for device in devices if device.key != key)
    return (*others[-(MOST_DEVICES - 1) :], known)


def score(
    trend: Trend, age_months: int | None, target: TargetRange | None = None
) -> TrendScore | None:
    """Return the score now; None while there is too little to speak of a trend."""
    if trend.before is None or trend.point is None or trend.before.points < READY_POINTS - 1:
        return None
    if trend.point.at_ms - trend.before.since_ms < READY_AFTER_H * _HOUR_MS:
        return None
    now = _after(trend.before, trend.point)
    usual = now.usual
    limit = LIMIT_PERCENT + _LIMIT_MOVES * (usual - _USUAL_SPO2)
    if target is not None:
        limit = target.lowest_percent
    spo2 = usual + limit - 2.0 * now.level - _ZERO_AT
    pulse = respiration = 0.0
    if age_months is not None and age_months >= ADULT_FROM_MONTH:
        pulse = _W_PULSE * max(now.pulse_high, _LEAST_EFFORT)
        respiration = _W_RESPIRATION * max(now.respiration_high, _LEAST_EFFORT)
    total = spo2 + pulse + respiration
    found = 10.0 * (1.0 - math.exp(-_STEEPNESS * total)) if total > 0 else 0.0
    unit = found / total if total > 0 else 0.0
    return TrendScore(
        round(found, 1),
        spo2 * unit,
        pulse * unit,
        respiration * unit,
        usual,
        now.level,
        now.slope * 24.0,
        limit,
        _reaches(now.level, now.slope, limit),
    )


def projected(level: float, slope_per_day: float, hours: float) -> float:
    """Return the SpO2 to which a level leads, its slope damped, so many hours on."""
    return level + slope_per_day / 24.0 * _DAMPING_H * (1.0 - math.exp(-hours / _DAMPING_H))


def _reaches(level: float, slope: float, limit: float) -> float | None:
    """Return after how many hours the projection meets the limit."""
    if level <= limit:
        return 0.0
    if slope >= 0:
        return None
    left = 1.0 - (limit - level) / (slope * _DAMPING_H)
    if left <= 0.0:
        return None
    hours = -_DAMPING_H * math.log(left)
    return hours if hours <= LONGEST_AHEAD_H else None


def _merged(
    point: Point,
    spo2: float,
    pulse: float | None,
    respiration: float | None,
    kind: ReadingKind,
    doubtful: bool,
) -> Point:
    """Return the point with one more reading in it."""
    n = point.n + 1
    pulse = point.pulse if pulse is None else pulse
    respiration = point.respiration if respiration is None else respiration
    if point.doubtful and not doubtful:
        return Point(point.at_ms, spo2, pulse, respiration, False, n)
    if doubtful and not point.doubtful:
        return Point(point.at_ms, point.spo2, point.pulse, point.respiration, False, n)
    if kind is ReadingKind.MINUTE:
        mean = point.spo2 + (spo2 - point.spo2) / n
        if pulse is not None and point.pulse is not None:
            pulse = point.pulse + (pulse - point.pulse) / n
        return Point(point.at_ms, mean, pulse, respiration, doubtful, n)
    if spo2 <= point.spo2:
        pulse = pulse if point.pulse is None else point.pulse
    return Point(point.at_ms, max(spo2, point.spo2), pulse, respiration, doubtful, n)


def _after(before: Course | None, point: Point) -> Course:
    """Return the course with one point more: predict, correct, and learn what is usual."""
    if before is None:
        before = Course(
            point.at_ms, point.at_ms, _USUAL_SPO2, 0.0, _START_VARIANCE, 0.0, _SLOPE_SD**2,
            _USUAL_SPO2 * _PRIOR_WEIGHT, _PRIOR_WEIGHT,
        )  # fmt: skip
    hours = (point.at_ms - before.at_ms) / _HOUR_MS
    kept = math.exp(-hours / _DAMPING_H)
    gain = _DAMPING_H * (1.0 - kept)
    p01, p11 = before.p01, before.p11
    v00 = before.p00 + gain * (2.0 * p01 + gain * p11) + _LEVEL_SD**2 * hours / 12.0
    v01 = kept * (p01 + gain * p11)
    v11 = kept * kept * p11 + _SLOPE_SD**2 * (1.0 - kept * kept)
    level = before.level + gain * before.slope
    spread = v00 + _NOISE_SD**2 * (_DOUBTFUL if point.doubtful else 1.0)
    sd = math.sqrt(spread)
    surprise = min(max(point.spo2 - level, -_CUT_BELOW * sd), _CUT_ABOVE * sd)
    k0, k1 = v00 / spread, v01 / spread
    learns = point.at_ms - before.since_ms <= _USUAL_FOR_H * _HOUR_MS
    usual_sum, usual_n = before.usual_sum, before.usual_n
    if learns and not point.doubtful:
        usual_sum, usual_n = usual_sum + point.spo2, usual_n + 1.0
    pulse_usual, pulse_n, pulse_high = _effort(
        point.pulse, before.pulse_usual, before.pulse_n, before.pulse_high, _USUAL_PULSE_SD, learns
    )
    respiration_usual, respiration_n, respiration_high = _effort(
        point.respiration,
        before.respiration_usual,
        before.respiration_n,
        before.respiration_high,
        _USUAL_RESPIRATION_SD,
        learns,
    )
    return Course(
        before.since_ms, point.at_ms, level + k0 * surprise, kept * before.slope + k1 * surprise,
        v00 * (1.0 - k0), v01 * (1.0 - k0), v11 - k1 * v01, usual_sum, usual_n,
        before.points + 1, pulse_usual, pulse_n, pulse_high,
        respiration_usual, respiration_n, respiration_high,
    )  # fmt: skip


def _effort(
    value: float | None, usual: float, n: int, high: float, sd: float, learns: bool
) -> tuple[float, int, float]:
    """Return what is usual of a vital, from how many values, and how far it is above, smoothed."""
    if value is None:
        return usual, n, high
    if learns:
        n += 1
        usual += (value - usual) / n
    above = min(max((value - usual) / sd, -2.0), 3.0)
    return usual, n, high + _SMOOTHING * (above - high)
