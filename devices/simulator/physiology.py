"""A virtual patient: what a perfect oximeter on that finger would show at any moment. Pure.

Theory of operation. Every moment is a sum: the person's baseline, the day and night, slow and
quick correlated noise, and the episodes of a scenario. Nothing is remembered between two calls, so
any moment may be asked for in any order and answers the same. A cold finger shows the blood of
a minute and a half ago; a moving hand shows a number that is too low. Time is *physiological*; a
`Pace` says how it runs against the clock, so that hours of illness fit into a demonstration's
minutes while nobody's clock is touched. Magnitudes are plausible, not clinical: they exercise the
rules and are a source for none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from devices.simulator.episodes import STEADY, Episode, Kind, Scenario
from devices.simulator.noise import smooth_step, uniform, wander

MID_SLEEP_HOUR: Final = 2.0
"""The middle of the night, when pulse, breathing and oxygen are lowest."""
FELL_ASLEEP_H: Final = 3.5
AWAKE_H: Final = 5.0
"""How far from the middle of the night sleep is full, and how far it has gone."""
COLD_LAG: Final = timedelta(seconds=90)
MOVEMENT_BIN: Final = timedelta(minutes=2)
"""A hand moves at most once in such a bin."""

_SPO2, _SPO2_SLOW, _PULSE, _PULSE_SLOW, _PERFUSION, _RESPIRATION, _MOVES, _MOVE, _ARTEFACT = range(
    9
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is usual for one person, awake and at rest, and how far the night takes it."""

    spo2_percent: float = 97.3
    pulse_per_min: float = 74.0
    perfusion_index_percent: float = 4.0
    respiration_per_min: float = 15.0
    night_spo2_percent: float = 1.0
    """How much lower oxygen is asleep."""
    night_pulse_share: float = 0.12
    """How much slower the pulse is asleep, as a share of the day's."""


HEALTHY: Final = Baseline()
OLDER: Final = Baseline(
    spo2_percent=95.6, pulse_per_min=79.0, perfusion_index_percent=2.4, respiration_per_min=17.0
)
COPD: Final = Baseline(
    spo2_percent=90.4,
    pulse_per_min=86.0,
    perfusion_index_percent=2.0,
    respiration_per_min=21.0,
    night_spo2_percent=2.2,
)
"""Chronic lung disease: usual for this person, though scale 1 of NEWS2 would call it red."""


@dataclass(frozen=True, slots=True)
class VirtualVitals:
    """What the finger shows at one moment, and the circumstances an oximeter could notice."""

    spo2_percent: float
    pulse_per_min: float
    perfusion_index_percent: float
    respiration_per_min: float
    probe_on: bool
    moving: bool
    powered: bool
    """Whether the device itself is switched on."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How physiological time runs: as the clock does up to `begins`, then `factor` times faster."""

    factor: float = 1.0
    begins: timedelta = timedelta(0)

    def physiological(self, elapsed: timedelta) -> timedelta:
        """Return the physiological time at a moment of the clock."""
        ahead = elapsed - self.begins
        return self.begins + ahead * self.factor if ahead > timedelta(0) else elapsed

    def elapsed(self, physiological: timedelta) -> timedelta:
        """Return the moment of the clock at which the physiology has come so far."""
        ahead = physiological - self.begins
        return self.begins + ahead / self.factor if ahead > timedelta(0) else physiological


@dataclass(frozen=True, slots=True)
class VirtualPatient:
    """One person's physiology.

    Args:
        seed: makes the person; two seeds never show the same noise.
        baseline: what is usual for the person.
        scenario: what happens; `Scenario.beginning` moves it.
        starts_at_hour: the hour of day at which physiological time 0 lies.
    """

    seed: int
    baseline: Baseline = HEALTHY
    scenario: Scenario = STEADY
    starts_at_hour: float = 8.0

    def at(self, elapsed: timedelta) -> VirtualVitals:
        """Return what the finger shows at a moment of physiological time."""
        cold = self._strength(Kind.COLD_FINGERS, elapsed)
        probe_on = not self._strength(Kind.PROBE_OFF, elapsed)
        movement = self._movement(elapsed)
        spo2 = self._spo2(elapsed - COLD_LAG * cold) - 5.0 * movement * self._artefact(elapsed)
        return VirtualVitals(
            spo2_percent=min(max(spo2, 40.0), 100.0),
            pulse_per_min=min(max(self._pulse(elapsed) + 18.0 * movement, 25.0), 240.0),
            perfusion_index_percent=self._perfusion(elapsed, cold),
            respiration_per_min=self._respiration(elapsed),
            probe_on=probe_on,
            moving=movement > 0,
            powered=not self._strength(Kind.POWER_OFF, elapsed),
        )

    def night(self, elapsed: timedelta) -> float:
        """Return how deep the sleep is: 1 from 22:30 to 5:30, 0 from 7:00 to 21:00."""
        since = (self.starts_at_hour + elapsed / timedelta(hours=1) - MID_SLEEP_HOUR) % 24
        distance = min(since, 24 - since)
        return smooth_step((AWAKE_H - distance) / (AWAKE_H - FELL_ASLEEP_H))

    def _spo2(self, elapsed: timedelta) -> float:
        quick = self._wander(_SPO2, elapsed, 20)
        slow = self._wander(_SPO2_SLOW, elapsed, 420)
        change = self._change(elapsed)
        return (
            self.baseline.spo2_percent
            - self.baseline.night_spo2_percent * self.night(elapsed)
            + 0.4 * quick
            + 0.5 * slow
            + sum(each.spo2_change_percent * strength for each, strength in change)
        )

    def _pulse(self, elapsed: timedelta) -> float:
        slowed = 1 - self.baseline.night_pulse_share * self.night(elapsed)
        return (
            self.baseline.pulse_per_min * slowed
            + 1.5 * self._wander(_PULSE, elapsed, 9)
            + 3.0 * self._wander(_PULSE_SLOW, elapsed, 300)
            + sum(each.pulse_change_per_min * s for each, s in self._change(elapsed))
        )

    def _respiration(self, elapsed: timedelta) -> float:
        return (
            self.baseline.respiration_per_min * (1 - 0.1 * self.night(elapsed))
            + 1.2 * self._wander(_RESPIRATION, elapsed, 180)
            + sum(each.respiration_change_per_min * s for each, s in self._change(elapsed))
        )

    def _perfusion(self, elapsed: timedelta, cold: float) -> float:
        warm = self.baseline.perfusion_index_percent * (1 + 0.25 * self.night(elapsed))
        usual = warm * (1 + 0.3 * self._wander(_PERFUSION, elapsed, 240))
        return max(usual * (1 - 0.93 * cold), 0.05)

    def _movement(self, elapsed: timedelta) -> float:
        """Return 1 while the hand moves, by a scenario's episode or on its own, else 0."""
        if self._strength(Kind.MOVEMENT, elapsed):
            return 1.0
        index, into = divmod(elapsed, MOVEMENT_BIN)
        bins_per_hour = timedelta(hours=1) / MOVEMENT_BIN
        by_day = self.scenario.movements_per_hour / bins_per_hour
        if uniform(self.seed, _MOVES, index) >= by_day * (1 - 0.75 * self.night(elapsed)):
            return 0.0
        lasts = timedelta(seconds=8 + 32 * uniform(self.seed, _MOVE, index))
        starts = (MOVEMENT_BIN - lasts) * uniform(self.seed, _MOVE, ~index)
        return 1.0 if starts <= into < starts + lasts else 0.0

    def _artefact(self, elapsed: timedelta) -> float:
        return (1 + self._wander(_ARTEFACT, elapsed, 3)) / 2

    def _change(self, elapsed: timedelta) -> list[tuple[Episode, float]]:
        return [
            (each, each.strength(elapsed))
            for each in self.scenario.episodes
            if each.kind is Kind.DESATURATION
        ]

    def _strength(self, kind: Kind, elapsed: timedelta) -> float:
        return max(
            (each.strength(elapsed) for each in self.scenario.episodes if each.kind is kind),
            default=0.0,
        )

    def _wander(self, channel: int, elapsed: timedelta, bin_s: float) -> float:
        return wander(self.seed, channel, elapsed.total_seconds(), bin_s)


def history(
    patient: VirtualPatient, start: timedelta, end: timedelta, step: timedelta
) -> Iterator[tuple[timedelta, VirtualVitals]]:
    """Yield what was shown at `start` and each `step` after it, before `end`; for past days."""
    at = start
    while at < end:
        yield at, patient.at(at)
        at += step
