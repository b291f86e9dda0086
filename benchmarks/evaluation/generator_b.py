"""Courses from causes: lungs, blood, breathing and finger, with no drawn saturation curve.

Alveolar gas equation, shunt equation on oxygen contents and the dissociation curve of Severinghaus
(J Appl Physiol 1979;46:599) make the saturation out of a shunt fraction; the illness is that shunt.

Causes:
  * Pneumonia: grows logistically at a rate of its own, pauses and partly recovers at random, and
    can involve only so much of the lung. One with little lung to take stops at 94-95 % and heals.
  * A clot or a mucus plug that stays: a shunt within 1-4 hours. One that is coughed up: a harmless
    dip of under 100 minutes.
  * An illness that is past its worst at enrolment, and the small shunt of a mild one.
  * Fever: moves the dissociation curve, raises ventilation (lower PaCO2), pulse and breathing.
  * Oxygen at home, where a family has it, starts some hours after the fall to 1.5 points above the
    limit.

`saturation` is that of the person awake and at rest, at night as well: sleep (1-2 points) and
effort lower only what a measurement meets, so no healthy person's night is an event. The event is
the first moment on the grid from which all of the next `EVENT_LASTS_H` lie below the limit. Its
onset is the start of the pneumonia or plug; for the few whom neither brings to the limit (fever and
a mild shunt in the highlands) the last moment within a point of the own resting saturation. Whoever
never reaches the limit, kept above it by oxygen or not, has neither onset nor event.

Constants without a source are assumptions, set by what is plausible, then checked on 2,000 courses.
"""

import hashlib
import random
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from benchmarks.evaluation.blood import AIR_FIO2, Array, Body
from benchmarks.evaluation.courses import (
    CHRONIC_FALL_POINTS,
    EVENT_BELOW_PERCENT,
    EVENT_LASTS_H,
    MONITORED_H,
    Measured,
    Traits,
)

_CAUSES: Final = ("pneumonia", "plug", "past its worst", "mild")

STEP_H: Final = 0.25
_GRID: Final[Array] = np.arange(0.0, MONITORED_H + EVENT_LASTS_H + STEP_H, STEP_H)
_KNOTS_H: Final[Array] = np.arange(0.0, _GRID[-1] + 8.0, 8.0)
_LASTS: Final = round(EVENT_LASTS_H / STEP_H)

# People (assumptions unless said otherwise).
AGES: Final = ((1, 16, 0.12), (16, 40, 0.42), (40, 65, 0.33), (65, 91, 0.13))
"""From, below, share: near the Vietnamese census of 2019, with fewer children (asked for)."""
PNEUMONIA_RISK: Final = (0.055, 0.13, 0.25, 0.35)
"""By age band: the growths, large and small."""
PLUG: Final = 0.009
PAST_ITS_WORST: Final = 0.06
COPD_FROM_40: Final = 0.13
"""Gives 6 % of all."""
COPD_REST_PERCENT: Final = (90.2, 93.8)
HIGHLAND: Final = 0.08
HIGHLAND_REST_PERCENT: Final = 94.8
"""Healthy residents at 500-1500 m rest no lower."""
DARK_SKIN: Final = 0.15
SILENT: Final = 0.4
DEVICE_SWAP: Final = 0.1
OXYGEN_AT_HAND: Final = 0.12
OXYGEN_ABOVE_LIMIT: Final = 1.5
"""Oxygen is fetched when the saturation is less than this many points above the limit."""
FIO2: Final = (0.25, 0.31)
"""What 1-3 litres a minute make of air."""
COPD_DRIVE: Final = 0.2
SILENT_DRIVE: Final = 0.6
"""How far the added shunt lowers PaCO2, beside 1 for others."""
ONSET_ILLNESS_DAY: Final = (8.3, 1.9)
"""Mean and spread of the day of illness on which a decline begins; days 5-12."""

# Finger and device (assumptions; together well within the 4 points that ISO 80601-2-61 allows).
DEVICE_SD: Final = 0.55
READING_SD: Final = 0.7
LOW_PERFUSION_PERCENT: Final = 0.7
BAD_WHEN_LOW: Final = 0.12
BAD_OTHERWISE: Final = 0.005
MOMENT_S: Final = 600
"""Perfusion and effort hold for ten minutes; noise and motion are each measurement's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a person breathes, sleeps and measures."""

    respiration: float
    pulse: float
    drive: float
    """Breaths per minute and point of fall below the own resting saturation."""
    sleep_points: float
    sleeps_from_h: float
    wakes_h: float
    perfusion: float
    cold: float
    """Factor on the perfusion at night and in the morning."""
    skin_points: float
    devices: tuple[float, float]
    swap_h: float
    counts: float
    rounds_to_even: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InventedCourse:
    """One person's 14 days."""

    name: str
    traits: Traits
    onset_h: float | None
    event_h: float | None
    rest_percent: float
    limit_percent: float
    habits: Habits
    resting: Array
    fever: Array

    def saturation(self, at_h: float) -> float:
        """Return the true arterial saturation awake at rest, in percent."""
        return float(np.interp(round(at_h * 3600) / 3600, _GRID, self.resting))

    def measure(self, at_h: float) -> Measured:
        """Return what a measurement begun at this hour shows."""
        second = round(at_h * 3600)
        hour, own = second / 3600, self.habits
        moment = random.Random(f"{self.name}/moment/{second // MOMENT_S}")  # noqa: S311 - invented
        draw = random.Random(f"{self.name}/noise/{second}")  # noqa: S311 - invented people
        clock, true = hour % 24, self.saturation(hour)
        asleep = clock >= own.sleeps_from_h or clock < own.wakes_h
        effort = moment.random() if moment.random() < 0.15 and not asleep else 0.0
        perfusion = own.perfusion * (own.cold if clock >= 22 or clock < 8.5 else 1.0)
        perfusion *= moment.lognormvariate(0.0, 0.4) * draw.lognormvariate(0.0, 0.12)
        fall, fever = max(0.0, self.rest_percent - true), float(np.interp(hour, _GRID, self.fever))
        true -= own.sleep_points * asleep + effort * (0.3 + 0.25 * fall)
        low = perfusion < LOW_PERFUSION_PERCENT
        bad = draw.random() < (BAD_WHEN_LOW if low else BAD_OTHERWISE * (1 + self.traits.child))
        pulse = own.pulse + 2.2 * own.drive * fall + 9 * fever + 14 * effort - 8 * asleep
        breaths = own.respiration + own.drive * fall + 2 * fever + 4 * effort - 2 * asleep
        breaths += draw.gauss(0, 1.5)
        breaths = 2 * round(breaths / 2) if own.rounds_to_even else round(breaths)
        oxygen = self.traits.oxygen_from_h
        return Measured(
            spo2_percent=self._shown(true, hour, draw, bad=bad),
            pulse_per_min=min(240, max(30, round(pulse + draw.gauss(0, 12.0 if bad else 3.5)))),
            respiration_per_min=min(80, max(6, breaths)) if draw.random() < own.counts else None,
            perfusion_index_percent=round(min(20.0, max(0.1, perfusion)), 1),
            on_oxygen=oxygen is not None and hour >= oxygen,
            device=1 + (hour >= own.swap_h),
        )

    def _shown(self, true: float, hour: float, draw: random.Random, *, bad: bool) -> int:
        shown = true + self.habits.devices[hour >= self.habits.swap_h] + draw.gauss(0, READING_SD)
        if self.traits.dark_skin:
            shown += self.habits.skin_points + min(0.7, 0.1 * max(0.0, 97.0 - true))
        if bad:
            shown -= draw.triangular(2.0, 8.0, 3.0)
        return min(100, max(50, round(shown)))


def _growth(draw: np.random.Generator, onset_h: float) -> Array:
    """Return the shunt of a pneumonia: grows with pauses and setbacks, then resolves."""
    rate = draw.lognormal(np.log(0.1), 0.45)
    extent = draw.lognormal(np.log(0.19), 0.6)
    resolves_h = onset_h + draw.uniform(120, 240)
    change = (rate, 0.0, -0.035)
    leave_per_h = (1 / 18, 1 / 7, 1 / 8)
    chances = draw.random((_GRID.size, 2))
    state, grown, seed, shunt = 0, 0.006, 0.006, np.zeros(_GRID.size)
    for index in range(int(onset_h / STEP_H) + 1, _GRID.size):
        if chances[index, 0] < STEP_H * leave_per_h[state]:
            state = (1 if chances[index, 1] < 0.7 else 2) if state == 0 else 0
        speed = -0.016 if index * STEP_H > resolves_h else change[state]
        slowed = max(0.0, 1 - grown / extent) if speed > 0 else 1.0
        grown = max(seed, grown + STEP_H * speed * grown * slowed)
        shunt[index] = grown - seed
    return shunt


def _harmless(draw: np.random.Generator) -> Array:
    """Return a mild illness's shunt: a low hump, wandering, and plugs that are coughed up."""
    peak_h, width_h = draw.uniform(24, 200), draw.uniform(30, 70)
    hump = draw.exponential(0.012) * np.exp(-0.5 * ((_GRID - peak_h) / width_h) ** 2)
    wander = draw.normal(0, 0.005, _KNOTS_H.size)
    shunt: Array = np.minimum(hump, 0.05) + np.interp(_GRID, _KNOTS_H, wander)
    for _ in range(draw.poisson(0.5)):
        at_h, lasts_h = draw.uniform(0, MONITORED_H), draw.uniform(0.4, 1.6)
        shunt[(at_h <= _GRID) & (at_h + lasts_h > _GRID)] += draw.uniform(0.03, 0.09)
    return shunt


def _illness(draw: np.random.Generator, cause: str, body: Body, onset_h: float) -> Array:
    """Return the shunt that the illness adds."""
    shunt = _harmless(draw)
    if cause == "pneumonia":
        shunt += _growth(draw, onset_h)
    elif cause == "plug":
        risen = np.clip((_GRID - onset_h) / draw.uniform(1, 4), 0, 1)
        left = np.exp(-np.maximum(_GRID - onset_h - 48, 0) / 72)
        shunt += draw.uniform(0.17, 0.32) * risen * left
    elif cause == "past its worst":
        low = max(0.0, body.shunt_for(draw.uniform(94.0, 95.2)) - body.rest_shunt)
        shunt += low * np.exp(-_GRID / draw.uniform(50, 140))
    return np.maximum(shunt, -0.01)


def _fever(draw: np.random.Generator, onset_h: float | None) -> Array:
    """Return degrees above normal: the first days, a return without harm, a pneumonia's."""
    spells = [(draw.uniform(-48, 12), draw.uniform(36, 96), 0.75)]
    spells.append((draw.uniform(60, 280), draw.uniform(12, 48), 0.2))
    if onset_h is not None:
        spells.append((onset_h + draw.uniform(-12, 24), draw.uniform(48, 120), 0.7))
    fever = np.zeros(_GRID.size)
    for from_h, lasts_h, chance in spells:
        height = draw.uniform(0.5, 2.0) if draw.random() < chance else 0.0
        inside = np.clip((_GRID - from_h) / 4, 0, 1) * np.clip((from_h + lasts_h - _GRID) / 6, 0, 1)
        fever = np.maximum(fever, height * inside)
    return fever * (0.7 + 0.3 * np.sin((_GRID - 12) * np.pi / 12))


def _event(resting: Array, limit: float) -> float | None:
    """Return the first grid hour from which the saturation stays below the limit long enough."""
    below = np.concatenate(([0], np.cumsum(resting < limit)))
    lasting = np.flatnonzero(below[_LASTS + 1 :] - below[: -_LASTS - 1] == _LASTS + 1)
    if not lasting.size or _GRID[lasting[0]] >= MONITORED_H:
        return None
    return float(_GRID[lasting[0]])


def _body(draw: np.random.Generator, traits: Traits) -> Body:
    """Return a body for an age."""
    years, copd = traits.age_months / 12, traits.copd
    highland = draw.random() < HIGHLAND and not copd
    shunt = float(np.clip(0.018 + 0.0003 * years + draw.normal(0, 0.006), 0.005, 0.06))
    body = Body(
        haemoglobin_g_per_dl=float(np.clip(draw.normal(12.3 if years < 12 else 13.5, 1), 9.5, 17)),
        av_difference_ml_per_dl=float(np.clip(draw.normal(4.8, 0.4), 3.8, 5.8)),
        altitude_m=draw.triangular(500, 700, 1500) if highland else draw.uniform(0, 120),
        paco2_mmhg=draw.normal(48, 2) if copd else draw.normal(39, 1.5),
    )
    if copd:
        shunt = body.shunt_for(draw.uniform(*COPD_REST_PERCENT))
    elif highland:
        shunt = min(shunt, body.shunt_for(HIGHLAND_REST_PERCENT))
    return replace(body, rest_shunt=shunt)


def _habits(draw: np.random.Generator, traits: Traits) -> Habits:
    """Return breathing, sleep and measuring for an age."""
    years, copd = traits.age_months / 12, traits.copd
    breaths = np.interp(years, [1, 3, 6, 10, 16], [30, 25, 22, 19, 16])
    beats = np.interp(years, [1, 3, 6, 10, 16], [120, 106, 94, 84, 76])
    return Habits(
        respiration=float(breaths + draw.normal(0, 1.8) + 3 * copd),
        pulse=float(beats + draw.normal(0, 8)),
        drive=0.12 if traits.silent else draw.lognormal(np.log(1.1), 0.35),
        sleep_points=draw.uniform(1, 2) + copd,
        sleeps_from_h=draw.uniform(21.5, 23.8),
        wakes_h=draw.uniform(4.8, 6.6),
        perfusion=draw.lognormal(np.log(2.4), 0.6),
        cold=draw.uniform(0.3, 1.0),
        skin_points=draw.uniform(1.0, 1.8),
        devices=(draw.normal(0, DEVICE_SD), draw.normal(0, DEVICE_SD)),
        swap_h=draw.uniform(24, 312) if traits.device_swap else np.inf,
        counts=draw.uniform(0.2, 1.0),
        rounds_to_even=bool(draw.random() < 0.25),
    )


def _onset(resting: Array, event_h: float, cause_h: float | None, rest: float) -> float:
    """Return when the decline to this event began."""
    if cause_h is not None and cause_h < event_h:
        return cause_h
    near = np.flatnonzero((resting >= rest - 1) & (event_h > _GRID))
    return float(_GRID[near[-1]]) if near.size else 0.0


def _oxygen(draw: np.random.Generator, resting: Array, limit: float) -> tuple[float, Array]:
    """Return when a family starts its oxygen (infinity: never) and what is breathed then."""
    low = np.flatnonzero(resting < limit + OXYGEN_ABOVE_LIMIT)
    has, delay_h, fio2 = draw.random() < OXYGEN_AT_HAND, draw.uniform(2, 12), draw.uniform(*FIO2)
    from_h = float(_GRID[low[0]]) + delay_h if has and low.size else np.inf
    return from_h, np.where(from_h <= _GRID, fio2, AIR_FIO2)


def _draw_traits(draw: np.random.Generator) -> tuple[Traits, str]:
    """Return a person before anything has happened, and what will."""
    band = int(np.searchsorted(np.cumsum([share for *_, share in AGES])[:-1], draw.random()))
    years = draw.uniform(*AGES[band][:2])
    edges = np.cumsum([PNEUMONIA_RISK[band], PLUG, PAST_ITS_WORST])
    traits = Traits(
        age_months=int(years * 12),
        copd=bool(years >= 40 and draw.random() < COPD_FROM_40),
        dark_skin=bool(draw.random() < DARK_SKIN),
        silent=bool(draw.random() < SILENT),
        device_swap=bool(draw.random() < DEVICE_SWAP),
    )
    return traits, _CAUSES[int(np.searchsorted(edges, draw.random(), side="right"))]


def _live(name: str) -> InventedCourse:
    """Return the course that a name draws."""
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    draw = np.random.default_rng(int.from_bytes(digest))
    traits, cause = _draw_traits(draw)
    body, habits = _body(draw, traits), _habits(draw, traits)
    begins_h = 24 * float(np.clip(draw.normal(*ONSET_ILLNESS_DAY), 4.5, 13) - draw.uniform(1, 4))
    cause_h = max(6.0, begins_h) if cause in {"pneumonia", "plug"} else None
    ill, fever = _illness(draw, cause, body, cause_h or 0.0), _fever(draw, cause_h)
    rest = body.resting_percent()
    limit = rest - CHRONIC_FALL_POINTS if traits.copd else EVENT_BELOW_PERCENT
    drive = COPD_DRIVE if traits.copd else SILENT_DRIVE if traits.silent else 1.0
    resting = body.arterial_percent(ill, fever, np.full(_GRID.size, AIR_FIO2), drive)
    event_h = _event(resting, limit)
    oxygen_h, breathed = _oxygen(draw, resting, limit)
    treated = oxygen_h < (MONITORED_H if event_h is None else event_h)
    if treated:
        resting = body.arterial_percent(ill, fever, breathed, drive)
        event_h = _event(resting, limit)
    fell = event_h is not None
    oxygen = oxygen_h if treated else None
    step_fall = fell and cause == "plug" and cause_h is not None and cause_h < (event_h or 0.0)
    return InventedCourse(
        name=name,
        traits=replace(
            traits, silent=fell and traits.silent, step_fall=step_fall, oxygen_from_h=oxygen
        ),
        onset_h=None if event_h is None else _onset(resting, event_h, cause_h, rest),
        event_h=event_h,
        rest_percent=rest,
        limit_percent=limit,
        habits=habits,
        resting=resting,
        fever=fever,
    )


def course(seed: int, number: int) -> InventedCourse:
    """Return the course of person `number` of a cohort.

    Whoever would be below the limit at enrolment is not cared for at home: the next one enrols.
    """
    for enrolled in range(100):
        drawn = _live(f"{seed}/{number}/{enrolled}")
        if drawn.resting[0] >= drawn.limit_percent:
            return drawn
    raise AssertionError("a hundred people in a row were too ill to stay at home")
