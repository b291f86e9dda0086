"""The score state of one person as a value, its stored form, and what follows from a change of it.

Stored as one msgpack array of at most 600 bytes (`msgspec.Struct`, `array_like`); fields are only
ever added at the end, so an older blob stays readable.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from protocols.errors import DecodeError
from protocols.reading import Consciousness, Oxygen, Vitals
from protocols.uplink import instant
from telehealth.vitals.carry import Carried, Number, Slow
from telehealth.vitals.decisions import AlertDecision, TimerDecision
from telehealth.vitals.levels import Assessment, Level
from telehealth.vitals.parameters import DangerSign
from telehealth.vitals.quality import Gate
from telehealth.vitals.remeasure import Pending
from telehealth.vitals.silence import silence
from telehealth.vitals.trend import Trend, TrendScore


class Waiting(Struct, frozen=True, array_like=True, gc=False):
    """The vitals that a pending level rests on, to give its reasons when the wait runs out."""

    spo2_percent: float | None = None
    pulse_per_min: float | None = None
    respiration_per_min: float | None = None
    temperature_celsius: float | None = None
    systolic_mmhg: float | None = None
    diastolic_mmhg: float | None = None
    oxygen: Oxygen | None = None
    consciousness: Consciousness | None = None
    danger_signs: tuple[DangerSign, ...] = ()

    def vitals(self) -> Vitals:
        """Return the vitals as they were scored."""
        return Vitals(
            spo2_percent=self.spo2_percent,
            pulse_per_min=self.pulse_per_min,
            respiration_per_min=self.respiration_per_min,
            temperature_celsius=self.temperature_celsius,
            systolic_mmhg=self.systolic_mmhg,
            diastolic_mmhg=self.diastolic_mmhg,
            oxygen=self.oxygen,
            consciousness=self.consciousness,
        )


def waiting_on(vitals: Vitals, danger_signs: frozenset[DangerSign]) -> Waiting:
    """Return what to keep of the vitals while their level waits for a repeat."""
    return Waiting(
        vitals.spo2_percent,
        vitals.pulse_per_min,
        vitals.respiration_per_min,
        vitals.temperature_celsius,
        vitals.systolic_mmhg,
        vitals.diastolic_mmhg,
        vitals.oxygen,
        vitals.consciousness,
        tuple(sorted(danger_signs)),
    )


class PersonState(Struct, frozen=True, array_like=True):
    """What is known of one person between two readings; times are epoch milliseconds UTC."""

    level: int = -1
    """A `Level`: what counts now, by the newest readings; -1 (grey) before the first."""
    alerted: int = 0
    """A `Level`: what the physiological alert was last told; 0 (green) when none stands."""
    newest_ms: int = 0
    """When the newest usable reading was measured; 0: never."""
    watched_from_ms: int = 0
    """Since when readings are expected."""
    pending: Pending | None = None
    waiting: Waiting | None = None
    better_since_ms: int = 0
    realert_ms: int = 0
    """After a human closed the alert: from here on the same level alerts anew; 0: no alert was."""
    silent: bool = False
    silence_armed: bool = False
    probe_off_ms: int = 0
    probe_alerted: bool = False
    spo2: Number | None = None
    pulse: Number | None = None
    slow: Slow | None = None
    trend: Trend = Trend()
    trend_alerted: int = 0
    """A `Level`: at which the trend's open episode has alerted; 0: none is open."""
    trend_calm_ms: int = 0
    """Since when the open episode's score has been calm; 0: it is not."""
    trend_wait_ms: int = 0
    """Until when a score that would alert waits for a repeat; 0: none waits."""
    bad_readings: int = 0
    """Readings in a row of which nothing could be used, or only with low confidence."""
    bad_alerted: bool = False
    heart: Number | None = None
    """The last heart rate of something that measures no SpO2 (a band, a chest strap)."""

    @property
    def shown_level(self) -> int:
        """The level that lists show: of the vitals, or of the trend where that is higher."""
        return max(self.level, self.trend_alerted) if self.trend_alerted else self.level


@dataclass(frozen=True, slots=True)
class Outcome:
    """The new state and everything that follows; `gate` and `assessment` belong to a reading."""

    state: PersonState
    alerts: tuple[AlertDecision, ...] = ()
    timers: tuple[TimerDecision, ...] = ()
    gate: Gate | None = None
    assessment: Assessment | None = None
    """None: rejected by the gate, nothing was scored."""
    carried: tuple[Carried, ...] = ()
    """Earlier values that the assessment rests on, each with its own time."""
    compared: Assessment | None = None
    """What the rules that run beside say; they decide nothing."""
    trend: TrendScore | None = None
    """The trend with this reading in it; None where it took no part."""
    late: bool = False
    time_uncertain: bool = False


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(PersonState)


def encode_state(state: PersonState) -> bytes:
    """Return the state as one msgpack blob."""
    return _encoder.encode(state)


def decode_state(blob: bytes) -> PersonState:
    """Read a stored state.

    Raises:
        DecodeError: the blob is not a person's state.
    """
    try:
        return _decoder.decode(blob)
    except msgspec.MsgspecError as error:
        raise DecodeError(f"person state: {error}") from error


def level_at(state: PersonState, cadence: timedelta, now: datetime) -> Level:
    """Return the level to show: what counts, or GREY after 1.5 cadences without a reading."""
    if not state.newest_ms or silence(instant(state.newest_ms), cadence, now).silent:
        return Level.GREY
    return Level(state.shown_level)
