"""One invented person's course of illness at home, as both generators give it.

A course knows the truth (arterial saturation at rest) and answers a measurement as an oximeter on
that finger would. It is a pure function of its seed and number: `measure` at the same moment gives
the same answer, however often and in whatever order it is asked, so that a rule that asks for a
repeat meets the same person as one that does not. Cadence, missed slots and devices without a
perfusion index are the runner's affair, not the generator's.
"""

from dataclasses import dataclass
from typing import Final, Protocol

MONITORED_H: Final = 14 * 24.0
"""Everybody is monitored for 14 days, or until the event."""
EVENT_BELOW_PERCENT: Final = 93.0
"""The event: true resting saturation below this for `EVENT_LASTS_H`, counted from its beginning."""
EVENT_LASTS_H: Final = 2.0
CHRONIC_FALL_POINTS: Final = 4.0
"""The event of a person with chronic lung disease: so far below the own resting saturation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What kind of person this is: the subgroups of the report."""

    age_months: int
    copd: bool = False
    """Chronic hypercapnic lung disease; a doctor has prescribed the target range 88-92."""
    dark_skin: bool = False
    """Whose oximeter reads too high."""
    silent: bool = False
    """Deteriorates without fast breathing or fast pulse to speak of."""
    step_fall: bool = False
    """Falls within hours, not days."""
    device_swap: bool = False
    """Changes the oximeter under way."""
    oxygen_from_h: float | None = None
    """Oxygen at home from this hour on."""

    @property
    def child(self) -> bool:
        """Under 16 years."""
        return self.age_months < 16 * 12


@dataclass(frozen=True, slots=True)
class Measured:
    """What one measurement at home brings; numbers as the device shows them."""

    spo2_percent: int
    pulse_per_min: int
    respiration_per_min: int | None
    """Counted by the person or the carer; often nobody counts."""
    perfusion_index_percent: float
    on_oxygen: bool = False
    device: int = 1
    """Which of the person's oximeters; a server knows that too."""


class Course(Protocol):
    """One person's 14 days."""

    @property
    def traits(self) -> Traits:
        """What kind of person this is."""
        ...

    @property
    def onset_h(self) -> float | None:
        """When the decline that ends in the event begins; None: never deteriorates."""
        ...

    @property
    def event_h(self) -> float | None:
        """When the event begins, hours after the first day's start; None: it never comes."""
        ...

    def saturation(self, at_h: float) -> float:
        """Return the true arterial saturation at rest in percent."""
        ...

    def measure(self, at_h: float) -> Measured:
        """Return what a measurement begun at this hour shows (moments are told apart by 1 s)."""
        ...


class Generator(Protocol):
    """A module that makes courses."""

    def course(self, seed: int, number: int) -> Course:
        """Return the course of person `number` of a cohort."""
        ...
