"""What stands beside a reading's own values: both sides of every window, never without its age."""

from typing import Any

import pytest

from protocols.reading import Consciousness, Oxygen, Vitals
from telehealth.vitals.carry import (
    CARRY_MS,
    NO_SIGNS,
    Carried,
    Number,
    Slow,
    Spoken,
    remember_slow,
    together,
)
from telehealth.vitals.parameters import DangerSign, Parameter

T0 = 1_000_000_000
SIGNS = frozenset({DangerSign.CYANOSIS, DangerSign.BREATHING})
HELD: dict[Parameter, dict[str, Any]] = {
    Parameter.SPO2: {"spo2": Number(95, T0)},
    Parameter.PULSE: {"pulse": Number(80, T0)},
    Parameter.RESPIRATION: {"slow": Slow(respiration=Number(18, T0))},
    Parameter.TEMPERATURE: {"slow": Slow(temperature=Number(37.5, T0))},
    Parameter.SYSTOLIC: {"slow": Slow(systolic=Number(120, T0))},
    Parameter.DIASTOLIC: {"slow": Slow(diastolic=Number(70, T0))},
    Parameter.OXYGEN: {"slow": Slow(spoken=Spoken(oxygen=Oxygen.OXYGEN, oxygen_at_ms=T0))},
    Parameter.CONSCIOUSNESS: {
        "slow": Slow(spoken=Spoken(consciousness=Consciousness.VOICE, consciousness_at_ms=T0))
    },
}
EXPECTED = {
    Parameter.SPO2: 95, Parameter.PULSE: 80, Parameter.RESPIRATION: 18,
    Parameter.TEMPERATURE: 37.5, Parameter.SYSTOLIC: 120, Parameter.DIASTOLIC: 70,
    Parameter.OXYGEN: Oxygen.OXYGEN, Parameter.CONSCIOUSNESS: Consciousness.VOICE,
}  # fmt: skip


def scored(parameter: Parameter, at_ms: int, own: Vitals | None = None) -> tuple[object, Any]:
    held: dict[str, Any] = {"spo2": None, "pulse": None, "slow": None, **HELD[parameter]}
    found = together(own or Vitals(), NO_SIGNS, at_ms, held["spo2"], held["pulse"], held["slow"])
    return getattr(found.vitals, parameter.value), found.carried


@pytest.mark.parametrize("parameter", HELD)
def test_a_value_is_carried_to_the_end_of_its_window_with_its_own_time(
    parameter: Parameter,
) -> None:
    assert scored(parameter, T0 + CARRY_MS[parameter]) == (
        EXPECTED[parameter],
        (Carried(parameter, T0),),
    )


@pytest.mark.parametrize("parameter", HELD)
def test_a_value_is_not_carried_past_its_window(parameter: Parameter) -> None:
    assert scored(parameter, T0 + CARRY_MS[parameter] + 1) == (None, ())


@pytest.mark.parametrize(
    ("parameter", "own"),
    [
        (Parameter.SPO2, 98.0),
        (Parameter.RESPIRATION, 14.0),
        (Parameter.OXYGEN, Oxygen.AIR),
        (Parameter.CONSCIOUSNESS, Consciousness.ALERT),
    ],
)
def test_a_readings_own_value_comes_first(parameter: Parameter, own: Any) -> None:
    vitals = Vitals(**{parameter.value: own})
    assert scored(parameter, T0 + 1, vitals) == (own, ())


def test_declared_danger_signs_stand_for_four_hours() -> None:
    slow = Slow(spoken=Spoken(danger_signs=(DangerSign.CYANOSIS,), danger_at_ms=T0))
    window = CARRY_MS[Parameter.DANGER_SIGN]
    within = together(Vitals(), NO_SIGNS, T0 + window, None, None, slow)
    assert within.danger_signs == {DangerSign.CYANOSIS}
    assert within.carried == (Carried(Parameter.DANGER_SIGN, T0),)
    after = together(Vitals(), NO_SIGNS, T0 + window + 1, None, None, slow)
    assert (after.danger_signs, after.carried) == (frozenset(), ())
    anew = together(Vitals(), SIGNS, T0 + 1, None, None, slow)
    assert (anew.danger_signs, anew.carried) == (SIGNS, ())


def test_an_oximeters_reading_leaves_the_entered_vitals_as_they_are() -> None:
    slow = Slow(respiration=Number(18, T0))
    own = Vitals(spo2_percent=98, pulse_per_min=70, perfusion_index_percent=3)
    assert remember_slow(slow, own, NO_SIGNS, T0 + 1) is slow
    assert remember_slow(None, own, NO_SIGNS, T0 + 1) is None


@pytest.mark.parametrize(
    ("field", "value", "after"),
    [
        ("respiration_per_min", 20, Slow(respiration=Number(20, T0))),
        ("temperature_celsius", 38, Slow(temperature=Number(38, T0))),
        ("systolic_mmhg", 110, Slow(systolic=Number(110, T0))),
        ("diastolic_mmhg", 65, Slow(diastolic=Number(65, T0))),
        ("oxygen", Oxygen.AIR, Slow(spoken=Spoken(oxygen=Oxygen.AIR, oxygen_at_ms=T0))),
        (
            "consciousness",
            Consciousness.ALERT,
            Slow(spoken=Spoken(consciousness=Consciousness.ALERT, consciousness_at_ms=T0)),
        ),
    ],
)
def test_each_entered_vital_is_remembered_with_its_time(
    field: str, value: Any, after: Slow
) -> None:
    assert remember_slow(None, Vitals(**{field: value}), NO_SIGNS, T0) == after


def test_remembering_one_keeps_the_others() -> None:
    before = Slow(
        Number(18, T0), Number(37, T0), Number(120, T0), Number(70, T0),
        Spoken(Oxygen.AIR, T0, Consciousness.ALERT, T0, (DangerSign.CYANOSIS,), T0),
    )  # fmt: skip
    after = remember_slow(before, Vitals(respiration_per_min=22), NO_SIGNS, T0 + 5)
    assert after == Slow(Number(22, T0 + 5), *_rest(before))
    declared = remember_slow(before, Vitals(), SIGNS, T0 + 5)
    assert declared is not None
    assert declared.spoken.danger_signs == (DangerSign.BREATHING, DangerSign.CYANOSIS)
    assert declared.spoken.danger_at_ms == T0 + 5
    assert declared.spoken.oxygen_at_ms == T0


def _rest(slow: Slow) -> tuple[Any, ...]:
    return (slow.temperature, slow.systolic, slow.diastolic, slow.spoken)
