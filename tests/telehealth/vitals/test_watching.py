"""Time without readings: silence, a probe that fell off, and what a human closed."""

from datetime import timedelta

import pytest

from protocols.reading import Quality
from telehealth.vitals.decisions import (
    AlertAction,
    AlertKind,
    Cause,
    Priority,
    TimerDecision,
    TimerKind,
)
from telehealth.vitals.levels import Level
from telehealth.vitals.parameters import Parameter, ReasonCode
from telehealth.vitals.person_state import Outcome, PersonState
from telehealth.vitals.silence import CONTINUOUS_UP_TO, silence
from telehealth.vitals.watching import QUIET_AFTER_CLOSE, closed, probe, settled, tick, watch
from tests.telehealth.vitals.people import Patient, at, context, minute, reading, said, worn

SILENT, PROBE, REMEASURE = TimerKind.DEVICE_SILENT, TimerKind.PROBE_OFF, TimerKind.REMEASURE
HOUR = 3600
DUE = 90
"""1.5 times the cadence of a worn oximeter, in seconds."""
QUIET = int(QUIET_AFTER_CLOSE.total_seconds())


def fires(patient: Patient, kind: TimerKind, seconds: float) -> Outcome:
    return patient.keep(tick(patient.state, kind, patient.context, at(seconds)))


def slips(patient: Patient, seconds: float, *, off: bool = True) -> Outcome:
    return patient.keep(
        probe(patient.state, off=off, at=at(seconds), context=patient.context, now=at(seconds))
    )


def closes(patient: Patient, cause: Cause, seconds: float) -> Outcome:
    return patient.keep(closed(patient.state, cause, at(seconds), context=patient.context))


def test_the_times_of_the_rules() -> None:
    assert timedelta(minutes=30) == QUIET_AFTER_CLOSE
    assert timedelta(minutes=5) == CONTINUOUS_UP_TO


# Silence


@pytest.mark.parametrize(("seconds", "silent"), [(DUE - 1, False), (DUE, True)])
def test_silence_begins_at_one_and_a_half_cadences(seconds: int, silent: bool) -> None:
    found = silence(at(0), timedelta(minutes=1), at(seconds))
    assert (found.silent, found.due_at) == (silent, at(DUE))


def test_the_lazy_timer_looks_and_arms_itself_again() -> None:
    patient = Patient(worn())
    patient.takes(minute(98))
    patient.takes(minute(98, 60))
    looked = fires(patient, SILENT, DUE)
    assert looked.alerts == ()
    assert looked.timers == (TimerDecision(SILENT, at(60 + DUE)),)


def test_a_silent_device_raises_a_technical_alert_of_its_own() -> None:
    patient = Patient(worn())
    patient.takes(minute(98))
    outcome = fires(patient, SILENT, DUE)
    (alert,) = outcome.alerts
    assert (alert.cause, alert.kind) == (Cause.DEVICE_SILENT, AlertKind.TECHNICAL)
    assert (alert.action, alert.level) == (AlertAction.RAISE, Level.YELLOW)
    assert alert.priority is Priority.LOW
    assert alert.measured_at == at(0)
    (reason,) = alert.reasons
    assert (reason.code, reason.parameter) == (ReasonCode.DEVICE_SILENT, Parameter.DEVICE)
    assert (reason.value, reason.limit) == (1, 1.5)
    assert outcome.timers == ()
    assert patient.state.level == Level.GREEN


def test_the_silence_of_a_person_last_seen_orange_or_red_is_medium() -> None:
    patient = Patient(worn())
    patient.takes(minute(91))
    (alert,) = fires(patient, SILENT, DUE).alerts
    assert (alert.level, alert.priority) == (Level.ORANGE, Priority.MEDIUM)


def test_a_silence_is_raised_once() -> None:
    patient = Patient(worn())
    patient.takes(minute(98))
    fires(patient, SILENT, DUE)
    again = fires(patient, SILENT, 2 * DUE)
    assert (again.alerts, again.timers) == ((), ())


def test_a_reading_ends_the_silence_and_arms_the_timer_again() -> None:
    patient = Patient(worn())
    patient.takes(minute(98))
    fires(patient, SILENT, DUE)
    outcome = patient.takes(minute(98, 600))
    assert [(a.cause, a.action) for a in outcome.alerts] == [
        (Cause.DEVICE_SILENT, AlertAction.CLEAR)
    ]
    assert outcome.timers == (TimerDecision(SILENT, at(600 + DUE)),)


def test_a_late_reading_does_not_end_the_silence() -> None:
    patient = Patient(worn())
    patient.takes(minute(98))
    fires(patient, SILENT, DUE)
    outcome = patient.takes(minute(98, 60), now=at(HOUR))
    assert (outcome.alerts, outcome.timers) == ((), ())
    assert patient.state.silent


def test_a_rejected_reading_does_not_end_the_silence() -> None:
    patient = Patient(worn())
    patient.takes(minute(98))
    fires(patient, SILENT, DUE)
    assert patient.takes(minute(98, 600, quality=Quality.INVALID)).alerts == ()
    assert patient.state.silent


def test_a_person_watched_but_never_measured_becomes_silent() -> None:
    patient = Patient(worn())
    begun = patient.keep(watch(patient.state, patient.context, at(0)))
    assert begun.timers == (TimerDecision(SILENT, at(DUE)),)
    assert [a.cause for a in fires(patient, SILENT, DUE).alerts] == [Cause.DEVICE_SILENT]


def test_nobody_watched_is_never_silent() -> None:
    looked = tick(PersonState(), SILENT, worn(), at(HOUR))
    assert (looked.alerts, looked.timers) == ((), ())


# The probe


def test_a_worn_probe_that_stays_off_raises_its_alert_after_two_minutes() -> None:
    patient = Patient(worn())
    patient.takes(minute(98))
    assert slips(patient, 60).timers == (TimerDecision(PROBE, at(180)),)
    early = fires(patient, PROBE, 179)
    assert (early.alerts, early.timers) == ((), (TimerDecision(PROBE, at(180)),))
    (alert,) = fires(patient, PROBE, 180).alerts
    assert (alert.cause, alert.kind) == (Cause.PROBE_OFF, AlertKind.TECHNICAL)
    assert (alert.action, alert.priority) == (AlertAction.RAISE, Priority.LOW)
    assert (alert.reasons[0].code, alert.reasons[0].value) == (ReasonCode.PROBE_OFF, 2)
    assert alert.measured_at == at(60)
    assert fires(patient, PROBE, 240).alerts == ()


def test_a_minute_without_a_finger_says_the_same_as_the_event() -> None:
    patient = Patient(worn())
    patient.takes(minute(98))
    outcome = patient.takes(minute(None, 60, quality=Quality.FINGER_OFF))
    assert outcome.timers == (TimerDecision(PROBE, at(180)),)
    assert outcome.gate is not None
    assert patient.takes(minute(None, 120, quality=Quality.FINGER_OFF)).timers == ()


@pytest.mark.parametrize(
    "taken",
    [
        reading(quality=Quality.FINGER_OFF, seconds=60),
        minute(None, 60, quality=Quality.INVALID),
        minute(None, 60, quality=Quality.FINGER_OFF, time_uncertain=True),
    ],
    ids=["spot check", "other reason", "no sure time"],
)
def test_only_a_worn_probe_with_no_finger_is_off(taken: object) -> None:
    patient = Patient(worn())
    patient.takes(minute(98))
    assert patient.takes(taken).timers == ()  # type: ignore[arg-type]  # readings, parametrised


def test_the_end_of_a_spot_check_is_no_probe_off() -> None:
    patient = Patient()
    assert slips(patient, 60).timers == ()
    assert patient.state == PersonState()


@pytest.mark.parametrize(("extra", "worn_then"), [(0, True), (1, False)])
def test_worn_means_a_reading_every_five_minutes_or_more_often(extra: int, worn_then: bool) -> None:
    cadence = CONTINUOUS_UP_TO + timedelta(seconds=extra)
    patient = Patient(context(cadence=cadence))
    assert bool(slips(patient, 60).timers) is worn_then


def test_a_probe_off_before_the_newest_reading_is_history() -> None:
    patient = Patient(worn())
    patient.takes(minute(98, 120))
    assert slips(patient, 60).timers == ()


def test_a_probe_that_fell_off_in_the_future_fell_off_now() -> None:
    patient = Patient(worn())
    outcome = probe(patient.state, off=True, at=at(HOUR), context=patient.context, now=at(60))
    assert outcome.timers == (TimerDecision(PROBE, at(180)),)


def test_a_probe_off_told_late_is_looked_at_now() -> None:
    patient = Patient(worn())
    outcome = probe(patient.state, off=True, at=at(0), context=patient.context, now=at(HOUR))
    assert outcome.timers == (TimerDecision(PROBE, at(HOUR)),)


def test_a_probe_back_in_time_takes_the_timer_away_and_says_nothing() -> None:
    patient = Patient(worn())
    slips(patient, 60)
    back = slips(patient, 100, off=False)
    assert (back.alerts, back.timers) == ((), (TimerDecision(PROBE, None),))
    assert fires(patient, PROBE, 180).alerts == ()


def test_a_probe_back_clears_its_alert() -> None:
    patient = Patient(worn())
    slips(patient, 60)
    fires(patient, PROBE, 180)
    back = slips(patient, 300, off=False)
    assert [(a.cause, a.action) for a in back.alerts] == [(Cause.PROBE_OFF, AlertAction.CLEAR)]
    assert slips(patient, 301, off=False) == Outcome(patient.state)


def test_a_good_reading_clears_the_probe_alert_too() -> None:
    patient = Patient(worn())
    patient.takes(minute(98))
    slips(patient, 60)
    fires(patient, PROBE, 180)
    outcome = patient.takes(minute(98, 240))
    assert [(a.cause, a.action) for a in outcome.alerts] == [(Cause.PROBE_OFF, AlertAction.CLEAR)]


def test_a_reading_from_before_the_probe_fell_clears_nothing() -> None:
    patient = Patient(worn())
    slips(patient, 60)
    assert PROBE not in [t.kind for t in patient.takes(minute(98, 30), now=at(70)).timers]
    assert slips(patient, 50, off=False).timers == ()
    assert patient.state.probe_off_ms


def test_a_probe_off_explains_the_silence_so_that_one_alert_is_enough() -> None:
    patient = Patient(worn())
    patient.takes(minute(98))
    slips(patient, 10)
    fires(patient, PROBE, 130)
    looked = fires(patient, SILENT, 200)
    assert (looked.alerts, looked.timers) == ((), (TimerDecision(SILENT, at(200 + DUE)),))


# After a human closed the alert


@pytest.mark.parametrize(("after", "told"), [(QUIET - 1, []), (QUIET, [("raise", "red")])])
def test_the_same_level_alerts_anew_only_half_an_hour_after_it_was_closed(
    after: int, told: list[tuple[str, str]]
) -> None:
    patient = Patient(worn())
    patient.takes(minute(91))
    closes(patient, Cause.VITALS, 0)
    assert said(patient.takes(minute(91, after))) == told


def test_a_worse_level_breaks_through_the_quiet() -> None:
    patient = Patient(worn())
    for second in (0, 60):
        patient.takes(minute(94, second))
    closes(patient, Cause.VITALS, 60)
    assert said(patient.takes(minute(94, 120))) == []
    assert said(patient.takes(minute(91, 180))) == [("worsen", "red")]


def test_the_quiet_ends_once_and_is_then_forgotten() -> None:
    patient = Patient(worn())
    patient.takes(minute(91))
    closes(patient, Cause.VITALS, 0)
    patient.takes(minute(91, QUIET))
    assert patient.state.realert_ms == 0
    assert said(patient.takes(minute(91, QUIET + 60))) == []


def test_a_closed_silence_that_goes_on_alerts_anew() -> None:
    patient = Patient(worn())
    patient.takes(minute(98))
    fires(patient, SILENT, DUE)
    outcome = closes(patient, Cause.DEVICE_SILENT, 100)
    assert outcome.timers == (TimerDecision(SILENT, at(100 + QUIET)),)
    assert [a.cause for a in fires(patient, SILENT, 100 + QUIET).alerts] == [Cause.DEVICE_SILENT]


def test_a_closed_silence_looks_no_sooner_than_the_next_reading_is_due() -> None:
    patient = Patient()
    patient.takes(reading(98))
    outcome = closes(patient, Cause.DEVICE_SILENT, 60)
    assert outcome.timers == (TimerDecision(SILENT, at(18 * HOUR)),)


def test_a_closed_probe_alert_comes_back_while_the_probe_is_off() -> None:
    patient = Patient(worn())
    slips(patient, 60)
    fires(patient, PROBE, 180)
    assert closes(patient, Cause.PROBE_OFF, 200).timers == (TimerDecision(PROBE, at(200 + QUIET)),)
    assert [a.cause for a in fires(patient, PROBE, 200 + QUIET).alerts] == [Cause.PROBE_OFF]


def test_a_closed_probe_alert_does_not_come_back_once_the_probe_is_on() -> None:
    patient = Patient(worn())
    assert closes(patient, Cause.PROBE_OFF, 200).timers == (TimerDecision(PROBE, None),)


# Waits


def test_no_wait_settles_to_nothing() -> None:
    assert settled(PersonState(), context(), 0, now_ms=0) == (PersonState(), ())


def test_a_wait_that_adds_nothing_to_the_alert_settles_unsaid() -> None:
    """A late red was alerted meanwhile: the held orange counts, and there is nothing to tell."""
    patient = Patient()
    patient.takes(reading(98, 0), now=at(HOUR))
    patient.takes(reading(94, HOUR))
    patient.takes(reading(90, -60), now=at(HOUR))
    assert patient.state.alerted == Level.RED
    assert fires(patient, REMEASURE, HOUR + 180).alerts == ()
    assert patient.state.level == Level.ORANGE


def test_a_held_level_worse_than_the_alert_worsens_it_when_its_wait_runs_out() -> None:
    patient = Patient()
    for second in (0, 30):
        patient.takes(reading(96, second))
    patient.takes(reading(94, 60))
    assert said(fires(patient, REMEASURE, 240)) == [("worsen", "orange")]
