"""Which earlier values stand beside a reading's own when it is scored, and for how long.

Rule. A reading is scored on its own values, and for each vital it lacks on the last accepted value
of that vital if that was measured at most `CARRY_MS` before the reading. SpO2 and pulse move in
minutes and are carried for 15; respiration, temperature, blood pressure, consciousness and
declared danger signs make one set of observations for 4 hours (NEWS2 2017, chart 4: scores 1-4
are taken again after 4 to 6); what the person breathes holds for 24 hours unless somebody
says otherwise. A carried value is never shown or stored without its own time (`Carried`).
"""

from typing import Final, NamedTuple

from msgspec import Struct

from protocols.reading import Consciousness, Oxygen, Vitals
from telehealth.vitals.parameters import DangerSign, Parameter

_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
CARRY_MS: Final = {
    Parameter.SPO2: 15 * _MINUTE,
    Parameter.PULSE: 15 * _MINUTE,
    Parameter.RESPIRATION: 4 * _HOUR,
    Parameter.TEMPERATURE: 4 * _HOUR,
    Parameter.SYSTOLIC: 4 * _HOUR,
    Parameter.DIASTOLIC: 4 * _HOUR,
    Parameter.CONSCIOUSNESS: 4 * _HOUR,
    Parameter.DANGER_SIGN: 4 * _HOUR,
    Parameter.OXYGEN: 24 * _HOUR,
}


class Number(Struct, frozen=True, array_like=True, gc=False):
    """A last accepted value and when it was measured."""

    value: float
    at_ms: int


class Spoken(Struct, frozen=True, array_like=True, gc=False):
    """Consciousness, what is breathed and danger signs, each with when it was stated."""

    oxygen: Oxygen | None = None
    oxygen_at_ms: int = 0
    consciousness: Consciousness | None = None
    consciousness_at_ms: int = 0
    danger_signs: tuple[DangerSign, ...] = ()
    danger_at_ms: int = 0


class Slow(Struct, frozen=True, array_like=True, gc=False):
    """The vitals that a person or nurse enters, not an oximeter."""

    respiration: Number | None = None
    temperature: Number | None = None
    systolic: Number | None = None
    diastolic: Number | None = None
    spoken: Spoken = Spoken()


class Carried(NamedTuple):
    """An earlier value that a decision rests on, and when it was measured."""

    parameter: Parameter
    at_ms: int


NO_SIGNS: Final[frozenset[DangerSign]] = frozenset()


class Together(NamedTuple):
    """A reading's own values and the carried ones, as they are scored."""

    vitals: Vitals
    danger_signs: frozenset[DangerSign]
    carried: tuple[Carried, ...]


def together(
    own: Vitals,
    declared: frozenset[DangerSign],
    at_ms: int,
    spo2: Number | None,
    pulse: Number | None,
    slow: Slow | None,
) -> Together:
    """Return what a reading of `at_ms` is scored on, by the rule of this module."""
    carried: list[Carried] = []
    slow = slow or _NOTHING_SLOW
    spoken = slow.spoken

    def number(parameter: Parameter, mine: float | None, held: Number | None) -> float | None:
        if mine is not None or held is None or at_ms - held.at_ms > CARRY_MS[parameter]:
            return mine
        carried.append(Carried(parameter, held.at_ms))
        return held.value

    oxygen = own.oxygen
    if oxygen is None and _fresh(Parameter.OXYGEN, spoken.oxygen_at_ms, at_ms):
        oxygen = spoken.oxygen
        carried.append(Carried(Parameter.OXYGEN, spoken.oxygen_at_ms))
    consciousness = own.consciousness
    if consciousness is None and _fresh(Parameter.CONSCIOUSNESS, spoken.consciousness_at_ms, at_ms):
        consciousness = spoken.consciousness
        carried.append(Carried(Parameter.CONSCIOUSNESS, spoken.consciousness_at_ms))
    signs = declared
    if not signs and _fresh(Parameter.DANGER_SIGN, spoken.danger_at_ms, at_ms):
        signs = frozenset(spoken.danger_signs)
        carried.append(Carried(Parameter.DANGER_SIGN, spoken.danger_at_ms))
    vitals = Vitals(
        spo2_percent=number(Parameter.SPO2, own.spo2_percent, spo2),
        pulse_per_min=number(Parameter.PULSE, own.pulse_per_min, pulse),
        respiration_per_min=number(
            Parameter.RESPIRATION, own.respiration_per_min, slow.respiration
        ),
        temperature_celsius=number(
            Parameter.TEMPERATURE, own.temperature_celsius, slow.temperature
        ),
        systolic_mmhg=number(Parameter.SYSTOLIC, own.systolic_mmhg, slow.systolic),
        diastolic_mmhg=number(Parameter.DIASTOLIC, own.diastolic_mmhg, slow.diastolic),
        oxygen=oxygen,
        consciousness=consciousness,
    )
    return Together(vitals, signs, tuple(carried))


def _fresh(parameter: Parameter, held_at_ms: int, at_ms: int) -> bool:
    return held_at_ms > 0 and at_ms - held_at_ms <= CARRY_MS[parameter]


_NOTHING_SLOW: Final = Slow()


def remember_slow(
    slow: Slow | None, own: Vitals, declared: frozenset[DangerSign], at_ms: int
) -> Slow | None:
    """Return the entered vitals after a reading; the same object where it brought none."""
    if (
        own.respiration_per_min is None
        and own.temperature_celsius is None
        and own.systolic_mmhg is None
        and own.diastolic_mmhg is None
        and own.oxygen is None
        and own.consciousness is None
        and not declared
    ):
        return slow
    before = slow or _NOTHING_SLOW
    said = before.spoken
    return Slow(
        _number(own.respiration_per_min, at_ms, before.respiration),
        _number(own.temperature_celsius, at_ms, before.temperature),
        _number(own.systolic_mmhg, at_ms, before.systolic),
        _number(own.diastolic_mmhg, at_ms, before.diastolic),
        Spoken(
            own.oxygen or said.oxygen,
            at_ms if own.oxygen else said.oxygen_at_ms,
            own.consciousness or said.consciousness,
            at_ms if own.consciousness else said.consciousness_at_ms,
            tuple(sorted(declared)) or said.danger_signs,
            at_ms if declared else said.danger_at_ms,
        ),
    )


def _number(value: float | None, at_ms: int, before: Number | None) -> Number | None:
    return before if value is None else Number(value, at_ms)
