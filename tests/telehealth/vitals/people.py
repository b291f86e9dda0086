"""Invented people and readings for the tests of the rules."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from protocols.reading import Quality, Reading, ReadingKind, Vitals
from telehealth.vitals.levels import Context, RuleSet, rule_set
from telehealth.vitals.packs import Mode
from telehealth.vitals.rules.home_levels import HOME_LEVELS
from telehealth.vitals.rules.moh_vn_261 import MOH_VN_261
from telehealth.vitals.state import Outcome, PersonState, advance, decode_state, encode_state

RULES: Final[RuleSet] = rule_set(MOH_VN_261, HOME_LEVELS, Mode.EVALUATION)
START: Final = datetime(2022, 3, 1, 7, 0, tzinfo=UTC)
ADULT_MONTHS: Final = 60 * 12
CHILD_MONTHS: Final = 6 * 12


def context(**changes: Any) -> Context:
    """An adult on spot checks, twice a day."""
    known: dict[str, Any] = {"rules": RULES, "age_months": ADULT_MONTHS, **changes}
    return Context(**known)


def worn(**changes: Any) -> Context:
    """An adult who wears the oximeter: a reading every minute."""
    return context(**{"cadence": timedelta(minutes=1), **changes})


def at(seconds: float) -> datetime:
    """An instant of the test's day."""
    return START + timedelta(seconds=seconds)


def reading(
    spo2: float | None = None,
    seconds: float = 0,
    *,
    kind: ReadingKind = ReadingKind.SPOT,
    quality: Quality = Quality.GOOD,
    time_uncertain: bool = False,
    quality_share: float | None = None,
    **vitals: Any,
) -> Reading:
    """A reading of an oximeter with a quiet pulse, `seconds` after the start."""
    if spo2 is not None:
        vitals = {"spo2_percent": spo2, "pulse_per_min": 80.0} | vitals
    return Reading(
        device_id="oximeter-1",
        kind=kind,
        measured_at=at(seconds),
        vitals=Vitals(**vitals),
        quality=quality,
        time_uncertain=time_uncertain,
        quality_share=quality_share,
    )


def minute(spo2: float | None, seconds: float = 0, **rest: Any) -> Reading:
    """A continuous minute."""
    return reading(spo2, seconds, kind=ReadingKind.MINUTE, **rest)


class Patient:
    """A person whose state is stored and loaded between any two steps, as the server does."""

    def __init__(self, known: Context | None = None) -> None:
        self.context = known or context()
        self.blob = encode_state(PersonState())

    @property
    def state(self) -> PersonState:
        return decode_state(self.blob)

    def keep(self, outcome: Outcome) -> Outcome:
        """Store the state of an outcome."""
        self.blob = encode_state(outcome.state)
        return outcome

    def takes(self, taken: Reading, *, now: datetime | None = None, **changes: Any) -> Outcome:
        """Take in a reading as it is measured, or at `now`."""
        known = self.context
        if changes:
            known = Context(**{name: getattr(known, name) for name in Context.__slots__} | changes)
        return self.keep(advance(self.state, taken, known, now or taken.measured_at))


def said(outcome: Outcome) -> list[tuple[str, str]]:
    """The alert decisions in short: action and level."""
    return [(alert.action.value, alert.level.name.lower()) for alert in outcome.alerts]
