"""Routing: whom a step of an alert tells. It decides; somebody else sends.

The assigned doctor answers first; then everyone on duty, the lead, and the dispatcher with the
emergency card. A step with nobody in it is skipped at once, never waited for; where all that is
left is empty, the last earlier step that has somebody is told again. Where nobody at all can be
told the result says `unheard`: the caller must make that as loud as it can.
"""

from dataclasses import dataclass

from telehealth.alerts.lifecycle import Alert
from telehealth.alerts.policy import CLOCKS, Target
from telehealth.vitals.decisions import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Who can be told about this person's alerts, now."""

    assigned_id: str | None
    """The assigned doctor; told only while on duty."""
    on_duty: tuple[str, ...]
    """All doctors on duty for the programme."""
    leads: tuple[str, ...] = ()
    dispatchers: tuple[str, ...] = ()
    """In a programme without a dispatcher's desk: its administrators."""

    def of(self, target: Target) -> tuple[str, ...]:
        """Return the people of a target, each once, in their order."""
        people = {
            Target.ASSIGNED_DOCTOR: tuple(d for d in self.on_duty if d == self.assigned_id),
            Target.ON_DUTY: self.on_duty,
            Target.LEAD: self.leads,
            Target.DISPATCHER: self.dispatchers,
        }[target]
        return tuple(dict.fromkeys(people))


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell one person about one alert; the key makes sending it twice harmless."""

    recipient_id: str
    alert_id: str
    target: Target
    step: int
    priority: Priority
    with_card: bool = False
    """Send the emergency card: address, oxygen, contact, last vitals."""

    def idempotency_key(self, clock_ms: int) -> str:
        """Return the key of this notice within the clock that began at `clock_ms`.

        The priority is part of it: an alert may worsen in the instant in which it was raised.
        """
        return f"{self.alert_id}:{clock_ms}:{self.priority}:{self.step}:{self.recipient_id}"


@dataclass(frozen=True, slots=True)
class Routed:
    """Whom to tell now, and the step that this carried out (empty ones before it skipped)."""

    step: int
    notices: tuple[Notify, ...]
    unheard: bool = False
    """No step from here on has anybody in it."""


def route(alert: Alert, roster: Roster, *, step: int | None = None) -> Routed:
    """Return whom to tell at a step of the alert, skipping steps with nobody in them.

    Args:
        alert: whose priority decides the clock; one without a clock pages nobody.
        roster: who is there.
        step: the step that is due; None: the alert's next one.
    """
    number = alert.step if step is None else step
    clock = CLOCKS[alert.priority]
    if not clock.steps:
        return Routed(number, ())
    last = len(clock.steps) - 1
    due = min(number, last)
    for candidate in (*range(due, last + 1), *reversed(range(due))):
        target = clock.steps[candidate].target
        people = roster.of(target)
        if people:
            reached = max(number, candidate if candidate >= due else last)
            card = reached >= last
            return Routed(
                reached,
                tuple(
                    Notify(p, alert.alert_id, target, reached, alert.priority, with_card=card)
                    for p in people
                ),
            )
    return Routed(max(number, last), (), unheard=True)


def owner(roster: Roster) -> str | None:
    """Return who owns a new alert: the assigned doctor, on duty or not; None if there is none."""
    return roster.assigned_id
