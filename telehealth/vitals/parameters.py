"""What is measured, the codes of the reasons a decision gives, and how a number is rounded.

Rounding rule. Every band and threshold of our sources is written on whole numbers (temperature
on tenths). A value is first rounded to the nearest of them, and one exactly between two counts
as the graver of the two: SpO2 92.5 counts as 92, respiration 24.5 as 25. `edge_below` and
`edge_above` turn a limit into the edge of the raw value, so nothing is rounded at run time.
"""

from enum import StrEnum
from typing import Final


class Parameter(StrEnum):
    """What a reason, a point or a missing input is about; vitals bear their field's name."""

    RESPIRATION = "respiration_per_min"
    SPO2 = "spo2_percent"
    OXYGEN = "oxygen"
    SYSTOLIC = "systolic_mmhg"
    PULSE = "pulse_per_min"
    CONSCIOUSNESS = "consciousness"
    TEMPERATURE = "temperature_celsius"
    DIASTOLIC = "diastolic_mmhg"
    NEWS2_LOWER = "news2_lower"
    NEWS2_SINGLE = "news2_single"
    DANGER_SIGN = "danger_sign"
    TREND = "trend"
    DEVICE = "device"


class ReasonCode(StrEnum):
    """Why a level was given; texts are in the catalogue under `message_id` (docs/rules.md)."""

    SPO2_RED = "spo2_red"
    SPO2_CHILD = "spo2_child"
    SPO2_ORANGE = "spo2_orange"
    SPO2_PACK = "spo2_pack"
    SPO2_EMERGENCY = "spo2_emergency"
    TARGET_LOW = "target_low"
    RESPIRATION_RED = "respiration_red"
    RESPIRATION_PACK = "respiration_pack"
    TEMPERATURE_HIGH = "temperature_high"
    PULSE_HIGH = "pulse_high"
    PULSE_LOW = "pulse_low"
    SYSTOLIC_LOW = "systolic_low"
    DIASTOLIC_LOW = "diastolic_low"
    NEWS2_HIGH = "news2_high"
    NEWS2_MEDIUM = "news2_medium"
    NEWS2_SINGLE_THREE = "news2_single_three"
    HOME_OXYGEN = "home_oxygen"
    DANGER_CONSCIOUSNESS = "danger_consciousness"
    DANGER_CHEST_PAIN = "danger_chest_pain"
    DANGER_CYANOSIS = "danger_cyanosis"
    DANGER_CANNOT_DRINK = "danger_cannot_drink"
    DANGER_BREATHING = "danger_breathing"
    SIGN_VOMITING = "sign_vomiting"
    SIGN_DEHYDRATION = "sign_dehydration"
    SIGN_FEVER_LASTS = "sign_fever_lasts"
    TREND_HIGH = "trend_high"
    TREND_WATCH = "trend_watch"
    DEVICE_SILENT = "device_silent"
    PROBE_OFF = "probe_off"
    BAD_DATA = "bad_data"

    @property
    def message_id(self) -> str:
        """The entry of the translation catalogue; it may name `value` and `limit`."""
        return f"reason.{self.value}"


class DangerSign(StrEnum):
    """A sign somebody declared or saw, that needs no number to be grave."""

    CONSCIOUSNESS = "consciousness"
    CHEST_PAIN = "chest_pain"
    CYANOSIS = "cyanosis"
    CANNOT_DRINK = "cannot_drink"
    BREATHING = "breathing"
    VOMITING = "vomiting"
    """Vomits everything."""
    DEHYDRATION = "dehydration"
    FEVER_LASTS = "fever_lasts"
    """Hard to lower, or not better in 48 hours."""


UNIT_STEP: Final = 1.0
TENTHS: Final = 0.1
_IN_TENTHS: Final = frozenset({Parameter.TEMPERATURE, Parameter.TREND})


def step_of(parameter: Parameter) -> float:
    """Return the distance between two neighbouring values that the sources distinguish."""
    return TENTHS if parameter in _IN_TENTHS else UNIT_STEP


def edge_below(limit: float, step: float) -> float:
    """Return the highest raw value that counts as `limit` where lower is graver."""
    return round(limit + step / 2, 6)


def edge_above(limit: float, step: float) -> float:
    """Return the lowest raw value that counts as `limit` where higher is graver."""
    return round(limit - step / 2, 6)
