"""Reading: the one value everything speaks, and the quality flags a device can hang on it.

A *sample* is one value of a continuous stream. A *reading* is a spot check, a typed or a nurse's
entry, or the minute that a gateway closes over its samples. Only readings become rows, are scored
and alert (docs/architecture.md, "A reading").
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag, StrEnum


class Quality(IntFlag):
    """Why a value deserves less trust; the names and bits are part of the uplink (docs/uplink.md).

    Sources: PLXS 1.0.1 Measurement Status and Device and Sensor Status, mapped in
    `protocols.gatt.plx`; the last two are the gateway's own observations.
    """

    GOOD = 0
    FINGER_OFF = 1 << 0
    """Nothing is in the probe: sensor unconnected, displaced, disconnected, or it says so."""
    SEARCHING = 1 << 1
    """The device is still acquiring: early estimate, or a non-settled measurement."""
    LOW_PERFUSION = 1 << 2
    WEAK_SIGNAL = 1 << 3
    """Inadequate or poor signal, or a non-pulsatile one."""
    MOTION = 1 << 4
    """Erratic signal; the hand moves."""
    CALIBRATING = 1 << 5
    QUESTIONABLE = 1 << 6
    INVALID = 1 << 7
    """The device itself calls the measurement invalid or unavailable."""
    DEMO = 1 << 8
    """Demonstration data: never a patient's reading."""
    TESTING = 1 << 9
    """Test data: never a patient's reading."""
    FROM_STORAGE = 1 << 10
    DEVICE_CLOCK_UNSET = 1 << 11
    EQUIPMENT_FAULT = 1 << 12
    """The sensor or the device reports a malfunction."""
    NO_PLATEAU = 1 << 13
    """A spot check that never held still for five seconds."""
    DEVICE_CLOCK_WRONG = 1 << 14
    """The device's clock is off by more than two minutes; its record was dated by its age."""


NOT_A_PATIENTS = Quality.DEMO | Quality.TESTING
UNUSABLE = Quality.FINGER_OFF | Quality.INVALID | Quality.CALIBRATING | Quality.EQUIPMENT_FAULT


def has_any(quality: Quality, flags: Quality) -> bool:
    """Say whether any of the flags is set, in plain numbers: an enum's own `&` is slow."""
    return int.__and__(quality, flags) != 0


def flags_of_most(qualities: Sequence[Quality]) -> Quality:
    """Return the flags that at least half of them carry; none of none."""
    found = 0
    times = Counter(map(int, qualities))
    for flag in Quality if any(times) else ():
        if 2 * sum(n for value, n in times.items() if value & int(flag)) >= len(qualities):
            found |= int(flag)
    return Quality(found)


class ReadingKind(StrEnum):
    """How a reading came to be."""

    MINUTE = "minute"
    """The gateway closed a minute over its samples: medians, minimum, share of good samples."""
    SPOT = "spot"
    """One measurement the device itself calls finished."""
    STORED = "stored"
    """A spot check read later from the device's memory."""
    TYPED = "typed"
    """Entered by hand by the person or a carer."""
    NURSE = "nurse"
    """Entered by health staff."""


class Oxygen(StrEnum):
    """What the person breathed while it was measured (NEWS2, "air or oxygen")."""

    AIR = "air"
    OXYGEN = "oxygen"


class Consciousness(StrEnum):
    """ACVPU (NEWS2 chart 1)."""

    ALERT = "A"
    CONFUSED = "C"
    VOICE = "V"
    PAIN = "P"
    UNRESPONSIVE = "U"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What was measured; `None` means the device or person does not know, never zero."""

    spo2_percent: float | None = None
    pulse_per_min: float | None = None
    perfusion_index_percent: float | None = None
    respiration_per_min: float | None = None
    temperature_celsius: float | None = None
    systolic_mmhg: float | None = None
    diastolic_mmhg: float | None = None
    oxygen: Oxygen | None = None
    consciousness: Consciousness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One reading of one device (or form), not yet anybody's: whose it is follows from the loan.

    `measured_at` is the device's time, corrected by the gateway, aware UTC. `record` is the
    device's own number or time of a stored record. `spo2_min_percent` and `quality_share` (0 to 1)
    belong to a closed minute. `time_uncertain`: nobody could date it; it closes no alert.
    """

    device_id: str
    kind: ReadingKind
    measured_at: datetime
    vitals: Vitals
    quality: Quality = Quality.GOOD
    spo2_min_percent: float | None = None
    quality_share: float | None = None
    record: str | None = None
    time_uncertain: bool = False
