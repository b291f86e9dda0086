"""What the vitals decide, as data: alerts to raise or change, and timers to set or take away.

Nothing is sent and nothing is stored here. One alert is open per person and cause; the engine
folds later decisions of the same cause into it (`telehealth.alerts.lifecycle.fold`).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from telehealth.vitals.levels import Level, Reason


class Cause(StrEnum):
    """The stable key of an alert: one is open per person and cause."""

    VITALS = "vitals"
    TREND = "trend"
    DEVICE_SILENT = "device_silent"
    PROBE_OFF = "probe_off"
    BAD_DATA = "bad_data"


class AlertKind(StrEnum):
    """Physiological and technical alerts are kept apart (IEC 60601-1-8)."""

    PHYSIOLOGICAL = "physiological"
    TECHNICAL = "technical"


class Priority(StrEnum):
    """How soon somebody must act (IEC 60601-1-8 §6.1.2)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


PRIORITY_OF: Final = {
    Level.RED: Priority.HIGH,
    Level.ORANGE: Priority.MEDIUM,
    Level.YELLOW: Priority.LOW,
    Level.GREEN: Priority.LOW,
    Level.GREY: Priority.LOW,
}


class AlertAction(StrEnum):
    """What a decision does to the open alert of its cause."""

    RAISE = "raise"
    """There is a reason to alert and none stood; an alert still open is joined."""
    WORSEN = "worsen"
    CONFIRM = "confirm"
    """The repeat agreed, or nobody repeated in time: no longer awaiting."""
    LOWER = "lower"
    """The repeat was better: the first reading was not confirmed."""
    EASE = "ease"
    """The person got better after a confirmed level; the alert stays for a human to close."""
    CLEAR = "clear"
    """A technical cause is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDecision:
    """One decision about the alert of one cause."""

    cause: Cause
    kind: AlertKind
    action: AlertAction
    level: Level
    priority: Priority
    reasons: tuple[Reason, ...]
    measured_at: datetime
    """When what it rests on was measured (a silence: when it began)."""
    awaiting_repeat: bool = False
    late: bool = False
    time_uncertain: bool = False


class TimerKind(StrEnum):
    """What a timer row of a person wakes up."""

    REMEASURE = "remeasure"
    TREND_REPEAT = "trend_repeat"
    DEVICE_SILENT = "device_silent"
    PROBE_OFF = "probe_off"


@dataclass(frozen=True, slots=True)
class TimerDecision:
    """Set the person's timer of this kind to `due_at`, replacing any; None takes it away."""

    kind: TimerKind
    due_at: datetime | None
