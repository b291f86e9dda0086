"""Generator a: courses drawn as curves, the assumptions of the score's own prototype.

A person has a resting saturation of 97 ± 1.2, a pulse of 78 ± 10 and a respiration of 16 ± 2
(children by age). One in eight deteriorates: the saturation falls along a logistic curve to a depth
below the person's limit, from days 2 to 9 of monitoring on, over three to nine days; pulse and
respiration rise with it, in four of ten hardly at all. Noise is Gaussian, bad readings come with a
poor signal. All numbers are assumptions. The score is tuned on this generator, and on no other.
"""

import math
import random
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from benchmarks.evaluation.courses import (
    CHRONIC_FALL_POINTS,
    EVENT_BELOW_PERCENT,
    MONITORED_H,
    Measured,
    Traits,
)

DETERIORATES: Final = 0.125
SILENT: Final = 0.4
COPD: Final = 0.06
CHILD: Final = 0.12
DARK_SKIN: Final = 0.15
DEVICE_SWAP: Final = 0.05
DEVICE_OFFSET_SD: Final = 0.5
NOISE_SD: Final = 0.6
BAD_SIGNAL: Final = 0.03
"""Of measurements: too low by 2 to 8, most of them with a low perfusion index."""
COUNTED_RESPIRATION: Final = 0.6
NIGHT_DIP_POINTS: Final = 0.6
DIP: Final = 0.07
"""Of people who do not deteriorate: down by 1.5 to 3 for a day or two, and back."""
FEVER: Final = 0.5
_STEP_H: Final = 0.25


@dataclass(frozen=True)
class CourseA:
    """One person of generator a."""

    seed: int
    number: int

    @cached_property
    def _random(self) -> random.Random:
        return random.Random(f"a/{self.seed}/{self.number}")  # noqa: S311 - invented people

    @cached_property
    def _drawn(self) -> dict[str, float]:
        """Draw everything about the person at once, in one order."""
        draw = self._random
        uniform, gauss = draw.uniform, draw.gauss
        child = draw.random() < CHILD
        age = uniform(1, 16) if child else min(90.0, max(16.0, gauss(48, 18)))
        copd = not child and age > 45 and draw.random() < COPD * 1.8
        deteriorates = draw.random() < DETERIORATES * (0.5 if child else 1.07)
        return {
            "age": age,
            "copd": float(copd),
            "dark": float(draw.random() < DARK_SKIN),
            "silent": float(draw.random() < SILENT),
            "swap_h": uniform(48, 288) if draw.random() < DEVICE_SWAP else math.inf,
            "rest": gauss(92.0, 1.0) if copd else min(99.5, max(95.2, gauss(97, 1.2))),
            "pulse": gauss(78, 10) + (max(0.0, 12 - age) * 3 if child else 0),
            "respiration": gauss(16, 2) + (max(0.0, 12 - age) * 1.1 if child else 0),
            "offset": gauss(0, DEVICE_OFFSET_SD),
            "offset_2": gauss(0, DEVICE_OFFSET_SD),
            "perfusion": math.exp(gauss(1.0, 0.6)),
            "deteriorates": float(deteriorates),
            "onset_h": uniform(36, 216),
            "span_h": uniform(68, 210),
            "depth": uniform(6.0, 12.0),
            "dip_h": uniform(24, 260) if draw.random() < DIP else math.inf,
            "dip_for_h": uniform(18, 48),
            "dip": uniform(1.0, 2.5),
            "fever_h": uniform(0, 120) if draw.random() < FEVER else math.inf,
            "fever_for_h": uniform(24, 72),
        }

    @cached_property
    def traits(self) -> Traits:
        """What kind of person this is."""
        drawn = self._drawn
        falls = bool(drawn["deteriorates"])
        return Traits(
            age_months=int(drawn["age"] * 12),
            copd=bool(drawn["copd"]),
            dark_skin=bool(drawn["dark"]),
            silent=falls and bool(drawn["silent"]),
            device_swap=drawn["swap_h"] < MONITORED_H,
        )

    @cached_property
    def _limit(self) -> float:
        if self.traits.copd:
            return self._drawn["rest"] - CHRONIC_FALL_POINTS
        return EVENT_BELOW_PERCENT

    @cached_property
    def event_h(self) -> float | None:
        """When the saturation first stands below the limit; it does not come back from there."""
        if not self._drawn["deteriorates"]:
            return None
        at_h = self._drawn["onset_h"]
        while at_h < MONITORED_H:
            if self.saturation(at_h) < self._limit:
                return at_h
            at_h += _STEP_H
        return None

    @property
    def onset_h(self) -> float | None:
        """When the decline begins."""
        return None if self.event_h is None else self._drawn["onset_h"]

    def _decline(self, at_h: float) -> float:
        """Return how many points the illness has taken, from 0 to the depth."""
        drawn = self._drawn
        since = at_h - drawn["onset_h"]
        if not drawn["deteriorates"] or since <= 0:
            return 0.0
        middle = drawn["span_h"] / 2
        start = 1 / (1 + math.exp(4.0))
        risen = 1 / (1 + math.exp(-8.0 * (since - middle) / drawn["span_h"]))
        return max(0.0, drawn["depth"] * (risen - start))

    def saturation(self, at_h: float) -> float:
        """Return the true arterial saturation at rest in percent."""
        drawn = self._drawn
        dip = 0.0
        if drawn["dip_h"] <= at_h < drawn["dip_h"] + drawn["dip_for_h"] and not self._falls:
            phase = (at_h - drawn["dip_h"]) / drawn["dip_for_h"]
            dip = drawn["dip"] * math.sin(math.pi * phase)
        return min(100.0, drawn["rest"] - self._decline(at_h) - dip)

    @property
    def _falls(self) -> bool:
        return bool(self._drawn["deteriorates"])

    def measure(self, at_h: float) -> Measured:
        """Return what a measurement begun at this hour shows."""
        drawn = self._drawn
        noise = random.Random(f"a/{self.seed}/{self.number}/{round(at_h * 3600)}")  # noqa: S311
        offset = drawn["offset_2"] if at_h >= drawn["swap_h"] else drawn["offset"]
        shown = self.saturation(at_h) + offset + noise.gauss(0, NOISE_SD)
        if drawn["dark"]:
            shown += 1.2
        if 0 <= at_h % 24 < 6:
            shown -= NIGHT_DIP_POINTS
        perfusion = drawn["perfusion"] * math.exp(noise.gauss(0, 0.35))
        bad = noise.random() < BAD_SIGNAL
        if bad:
            shown -= noise.uniform(2, 8)
            if noise.random() < 0.85:
                perfusion = noise.uniform(0.1, 0.69)
        effort = self._decline(at_h) * (0.2 if self.traits.silent else 1.0)
        fever = drawn["fever_h"] <= at_h < drawn["fever_h"] + drawn["fever_for_h"]
        pulse = drawn["pulse"] + 2.5 * effort + (12 if fever else 0) + noise.gauss(0, 5)
        respiration = drawn["respiration"] + 1.0 * effort + (2 if fever else 0)
        counted = noise.random() < COUNTED_RESPIRATION
        return Measured(
            spo2_percent=max(60, min(100, round(shown))),
            pulse_per_min=max(35, round(pulse)),
            respiration_per_min=max(8, round(respiration + noise.gauss(0, 1.5)))
            if counted
            else None,
            perfusion_index_percent=round(perfusion, 2),
            device=1 + (at_h >= drawn["swap_h"]),
        )


def course(seed: int, number: int) -> CourseA:
    """Return the course of person `number` of a cohort."""
    return CourseA(seed, number)
