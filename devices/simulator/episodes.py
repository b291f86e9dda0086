"""What happens to a virtual patient: episodes, and the named scenarios made of them. Data only.

An episode sets in over `onset`, holds for `lasts` (for ever when `None`) and fades over
`recovery`; its strength at a moment is a number from 0 to 1. Times count in physiological time.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from types import MappingProxyType
from typing import Final, Self

from devices.simulator.noise import smooth_step

_NOTHING: Final = timedelta(0)


class Kind(Enum):
    """What an episode does."""

    DESATURATION = "desaturation"
    COLD_FINGERS = "cold_fingers"
    PROBE_OFF = "probe_off"
    MOVEMENT = "movement"
    POWER_OFF = "power_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One thing that happens; the three changes are those at full strength."""

    kind: Kind
    starts: timedelta
    lasts: timedelta | None
    onset: timedelta = _NOTHING
    recovery: timedelta = _NOTHING
    spo2_change_percent: float = 0.0
    pulse_change_per_min: float = 0.0
    respiration_change_per_min: float = 0.0

    def strength(self, at: timedelta) -> float:
        """Return how strong the episode is at a moment, 0 to 1."""
        since = at - self.starts
        if since < _NOTHING:
            return 0.0
        if since < self.onset:
            return smooth_step(since / self.onset)
        if self.lasts is None or since < self.onset + self.lasts:
            return 1.0
        fading = since - self.onset - self.lasts
        return 1.0 - smooth_step(fading / self.recovery) if fading < self.recovery else 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named course of events, and how restless the patient is meanwhile."""

    name: str
    episodes: tuple[Episode, ...] = ()
    movements_per_hour: float = 2.0
    """Movements of the hand by day; at night a quarter of it."""

    def beginning(self, at: timedelta) -> Self:
        """Return the same scenario with every episode later by `at`."""
        moved = tuple(replace(each, starts=each.starts + at) for each in self.episodes)
        return replace(self, episodes=moved)


def _minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


STEADY: Final = Scenario("steady")

SILENT_DESATURATION: Final = Scenario(
    "silent_desaturation",
    (
        # COVID-19 "happy hypoxaemia": oxygen falls for hours, the heart hardly answers.
        Episode(
            kind=Kind.DESATURATION,
            starts=_minutes(5),
            onset=_minutes(150),
            lasts=None,
            spo2_change_percent=-12,
            pulse_change_per_min=4,
            respiration_change_per_min=5,
        ),
    ),
)

SUDDEN_DROP_AND_RECOVERY: Final = Scenario(
    "sudden_drop_and_recovery",
    (
        Episode(
            kind=Kind.DESATURATION,
            starts=_minutes(30),
            onset=_minutes(2),
            lasts=_minutes(12),
            recovery=_minutes(25),
            spo2_change_percent=-13,
            pulse_change_per_min=28,
            respiration_change_per_min=9,
        ),
    ),
)

PROBE_FALLS_OFF: Final = Scenario(
    "probe_falls_off", (Episode(kind=Kind.PROBE_OFF, starts=_minutes(20), lasts=_minutes(45)),)
)

GOES_SILENT: Final = Scenario(
    "goes_silent", (Episode(kind=Kind.POWER_OFF, starts=_minutes(15), lasts=None),)
)

COLD_FINGERS: Final = Scenario(
    "cold_fingers",
    (
        Episode(
            kind=Kind.COLD_FINGERS,
            starts=_minutes(0),
            onset=_minutes(10),
            lasts=_minutes(240),
            recovery=_minutes(30),
        ),
    ),
)

RESTLESS: Final = Scenario("restless", movements_per_hour=30.0)

SCENARIOS: Final = MappingProxyType(
    {
        scenario.name: scenario
        for scenario in (
            STEADY,
            SILENT_DESATURATION,
            SUDDEN_DROP_AND_RECOVERY,
            PROBE_FALLS_OFF,
            GOES_SILENT,
            COLD_FINGERS,
            RESTLESS,
        )
    }
)
"""Every named scenario; the low baseline of lung disease is a `Baseline`, not a scenario."""
