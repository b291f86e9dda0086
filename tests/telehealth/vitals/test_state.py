"""`advance`: a reading moves a person's state and decides alerts, in order and out of it."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols.errors import DecodeError
from protocols.reading import Consciousness, Oxygen, Quality, ReadingKind
from telehealth.vitals.decisions import (
    AlertDecision,
    AlertKind,
    Cause,
    Priority,
    TimerDecision,
    TimerKind,
)
from telehealth.vitals.levels import Level
from telehealth.vitals.parameters import DangerSign, Parameter
from telehealth.vitals.person_state import Waiting
from telehealth.vitals.quality import QualityReason, Verdict
from telehealth.vitals.remeasure import Pending
from telehealth.vitals.state import (
    EASE_AFTER,
    FUTURE_TOLERANCE,
    PersonState,
    advance,
    decode_state,
    encode_state,
    level_at,
    tick,
)
from telehealth.vitals.watching import LATE_AFTER
from tests.telehealth.vitals.people import Patient, at, context, minute, reading, said, worn

MINUTE = 60
HOUR = 3600


def remeasure(due_seconds: float | None) -> TimerDecision:
    return TimerDecision(TimerKind.REMEASURE, None if due_seconds is None else at(due_seconds))


def only_alert(alerts: tuple[AlertDecision, ...]) -> AlertDecision:
    (alert,) = alerts
    return alert


def test_the_times_of_the_rules() -> None:
    assert timedelta(minutes=10) == LATE_AFTER == EASE_AFTER
    assert timedelta(minutes=5) == FUTURE_TOLERANCE


# Ordinary days


def test_a_green_reading_counts_and_alerts_nobody() -> None:
    outcome = Patient().takes(reading(98))
    assert outcome.alerts == ()
    assert outcome.state.level == Level.GREEN
    assert outcome.assessment is not None
    assert outcome.assessment.level is Level.GREEN
    assert outcome.gate is not None
    assert outcome.gate.verdict is Verdict.ACCEPTED
    assert not outcome.late


def test_the_first_reading_sets_the_silence_timer_once() -> None:
    patient = Patient()
    first = patient.takes(reading(98))
    assert first.timers == (TimerDecision(TimerKind.DEVICE_SILENT, at(18 * HOUR)),)
    assert patient.takes(reading(98, HOUR)).timers == ()


def test_a_red_spot_check_alerts_at_once_awaiting_a_repeat() -> None:
    patient = Patient()
    outcome = patient.takes(reading(91))
    alert = only_alert(outcome.alerts)
    assert said(outcome) == [("raise", "red")]
    assert alert.awaiting_repeat
    assert (alert.cause, alert.kind) == (Cause.VITALS, AlertKind.PHYSIOLOGICAL)
    assert alert.priority is Priority.HIGH
    assert alert.measured_at == at(0)
    assert [r.code.value for r in alert.reasons] == ["spo2_red", "news2_single_three"]
    assert remeasure(180) in outcome.timers
    assert patient.state.level == Level.RED


def test_a_repeat_lowers_the_red_alert_and_takes_the_timer_away() -> None:
    patient = Patient()
    patient.takes(reading(92))
    outcome = patient.takes(reading(96, 45))
    assert said(outcome) == [("lower", "yellow")]
    assert not only_alert(outcome.alerts).awaiting_repeat
    assert outcome.timers == (remeasure(None),)
    assert patient.state.level == Level.YELLOW


def test_a_repeat_that_agrees_confirms_the_red_alert() -> None:
    patient = Patient()
    patient.takes(reading(91))
    assert said(patient.takes(reading(91, 45))) == [("confirm", "red")]
    assert said(patient.takes(reading(91, 90))) == []


def test_no_repeat_within_three_minutes_confirms_by_the_timer() -> None:
    patient = Patient()
    patient.takes(reading(91))
    early = patient.keep(tick(patient.state, TimerKind.REMEASURE, context(), at(179)))
    assert (early.alerts, early.timers) == ((), (remeasure(180),))
    assert said(patient.keep(tick(patient.state, TimerKind.REMEASURE, context(), at(180)))) == [
        ("confirm", "red")
    ]
    again = tick(patient.state, TimerKind.REMEASURE, context(), at(181))
    assert (again.alerts, again.timers) == ((), ())


@pytest.mark.parametrize(("spo2", "level"), [(96.0, "yellow"), (94.0, "orange")])
def test_orange_and_yellow_wait_and_then_the_first_value_counts(spo2: float, level: str) -> None:
    patient = Patient()
    held = patient.takes(reading(spo2))
    assert held.alerts == ()
    assert remeasure(180) in held.timers
    assert patient.state.level == Level.GREY
    fired = patient.keep(tick(patient.state, TimerKind.REMEASURE, context(), at(180)))
    assert said(fired) == [("raise", level)]
    assert fired.alerts[0].reasons
    assert fired.alerts[0].measured_at == at(0)
    assert not fired.alerts[0].awaiting_repeat
    assert not fired.alerts[0].time_uncertain
    assert not fired.alerts[0].late
    assert patient.state.level == Level[level.upper()]


def test_a_better_repeat_silences_a_held_orange() -> None:
    patient = Patient()
    patient.takes(reading(94))
    outcome = patient.takes(reading(97, 45))
    assert outcome.alerts == ()
    assert outcome.timers == (remeasure(None),)


def test_a_reading_after_the_wait_lets_the_first_count_before_its_own() -> None:
    """The timer may be late; the order of decisions must not depend on it."""
    patient = Patient()
    patient.takes(reading(94))
    assert said(patient.takes(reading(98, 200))) == [("raise", "orange"), ("ease", "green")]


def test_an_overdue_red_is_confirmed_before_a_later_reading_eases_it() -> None:
    patient = Patient()
    patient.takes(reading(92))
    assert said(patient.takes(reading(97, 180))) == [("confirm", "red"), ("ease", "green")]


def test_a_third_is_asked_for_and_the_middle_one_counts_with_its_reasons() -> None:
    patient = Patient()
    patient.takes(reading(88))
    second = patient.takes(reading(94, 45))
    assert second.alerts == ()
    assert second.timers == (remeasure(45 + 180),)
    third = patient.takes(reading(98, 90))
    assert said(third) == [("lower", "orange")]


def test_a_worse_level_worsens_the_alert() -> None:
    patient = Patient(worn())
    for second in (0, MINUTE):
        patient.takes(minute(94, second))
    assert said(patient.takes(minute(91, 2 * MINUTE))) == [("worsen", "red")]


def test_yellow_confirmed_and_orange_held_make_one_alert() -> None:
    patient = Patient()
    patient.takes(reading(96))
    outcome = patient.takes(reading(94, 45))
    assert said(outcome) == [("raise", "yellow")]
    assert outcome.timers == (remeasure(45 + 180),)


def test_a_red_minute_alerts_without_awaiting_a_repeat() -> None:
    outcome = Patient(worn()).takes(minute(91))
    assert said(outcome) == [("raise", "red")]
    assert not outcome.alerts[0].awaiting_repeat
    assert remeasure(180) not in outcome.timers


def test_a_spot_check_that_got_better_eases_at_once() -> None:
    patient = Patient()
    patient.takes(reading(91))
    patient.takes(reading(91, 60))
    assert said(patient.takes(reading(98, 12 * HOUR))) == [("ease", "green")]
    assert said(patient.takes(reading(98, 13 * HOUR))) == []


def test_continuous_readings_ease_only_after_ten_better_minutes() -> None:
    patient = Patient(worn())
    patient.takes(minute(91))
    better = int(EASE_AFTER.total_seconds()) // MINUTE
    for number in range(1, better + 1):
        assert said(patient.takes(minute(97, number * MINUTE))) == []
        assert patient.state.level == Level.GREEN
    assert said(patient.takes(minute(97, (better + 1) * MINUTE))) == [("ease", "green")]


def test_nothing_eases_while_a_worse_reading_waits_for_its_repeat() -> None:
    patient = Patient()
    patient.takes(reading(98, HOUR))
    patient.takes(reading(90, 0), now=at(HOUR))
    assert said(patient.takes(reading(94, HOUR + 60))) == []
    assert said(patient.takes(reading(98, HOUR + 90))) == [("ease", "green")]


def test_doubtful_readings_ease_nothing_however_long() -> None:
    patient = Patient(worn())
    patient.takes(minute(91))
    patient.takes(minute(98, MINUTE))
    assert said(patient.takes(minute(98, 20 * MINUTE, quality=Quality.MOTION))) == []
    assert said(patient.takes(minute(98, 21 * MINUTE))) == [("ease", "green")]


def test_flapping_between_red_and_orange_is_one_alert() -> None:
    patient = Patient(worn())
    told = [
        said(patient.takes(minute(spo2, number * MINUTE)))
        for number, spo2 in enumerate([92, 93, 92, 93, 92, 93])
    ]
    assert told == [[("raise", "red")], [], [], [], [], []]


# Quality


def test_a_doubtful_red_is_held_and_counts_after_three_minutes_all_the_same() -> None:
    patient = Patient(worn())
    held = patient.takes(minute(88, quality=Quality.MOTION))
    assert held.alerts == ()
    for number in (1, 2):
        told = patient.takes(minute(88, number * MINUTE, quality=Quality.MOTION))
        assert told.alerts == ()
    assert said(patient.takes(minute(88, 3 * MINUTE, quality=Quality.MOTION))) == [("raise", "red")]


def test_good_readings_clear_a_doubtful_red_unsaid() -> None:
    patient = Patient(worn())
    patient.takes(minute(80, quality=Quality.MOTION))
    assert patient.takes(minute(98, MINUTE)).alerts == ()
    assert patient.state.pending is None


def test_a_doubtful_value_is_not_carried() -> None:
    patient = Patient()
    patient.takes(reading(98, perfusion_index_percent=0.3))
    assert patient.state.spo2 is None
    assert patient.state.pulse is None
    assert level_at(patient.state, timedelta(hours=12), at(1)) is Level.GREEN


def test_a_rejected_reading_changes_nothing_but_a_count_and_is_not_scored() -> None:
    patient = Patient()
    patient.takes(reading(97))
    before = replace(patient.state, bad_readings=1)
    outcome = patient.takes(reading(70, 60, quality=Quality.INVALID))
    assert outcome.state == before
    assert (outcome.assessment, outcome.alerts, outcome.timers) == (None, (), ())
    assert outcome.gate is not None
    assert outcome.gate.reasons == (QualityReason.DEVICE_INVALID,)


@pytest.mark.parametrize("flag", [Quality.DEMO, Quality.TESTING])
def test_demonstration_data_is_never_a_patients_even_with_a_danger_sign(flag: Quality) -> None:
    outcome = Patient().takes(
        reading(60, quality=flag), danger_signs=frozenset({DangerSign.CYANOSIS})
    )
    assert outcome.state == PersonState()
    assert outcome.alerts == ()


# Danger signs and carried values


def test_a_danger_sign_alerts_at_once_and_no_repeat_takes_it_back() -> None:
    patient = Patient()
    outcome = patient.takes(reading(98), danger_signs=frozenset({DangerSign.CHEST_PAIN}))
    assert said(outcome) == [("raise", "red")]
    assert not outcome.alerts[0].awaiting_repeat
    after = patient.takes(reading(98, 60))
    assert said(after) == []
    assert patient.state.level == Level.RED
    assert [c.parameter for c in after.carried] == [Parameter.DANGER_SIGN]


def test_a_danger_sign_counts_without_any_usable_number() -> None:
    known = frozenset({DangerSign.CANNOT_DRINK})
    assert said(Patient().takes(reading(), danger_signs=known)) == [("raise", "red")]
    faulty = reading(97, quality=Quality.EQUIPMENT_FAULT)
    assert said(Patient().takes(faulty, danger_signs=known)) == [("raise", "red")]


def test_not_alert_counts_at_once_although_the_oximeter_is_doubtful() -> None:
    outcome = Patient().takes(
        reading(97, consciousness=Consciousness.VOICE, quality=Quality.MOTION)
    )
    assert said(outcome) == [("raise", "red")]
    assert not outcome.alerts[0].awaiting_repeat


def test_an_entered_vital_stands_beside_later_readings_with_its_own_time() -> None:
    patient = Patient()
    patient.takes(reading(respiration_per_min=22.0, kind=ReadingKind.TYPED))
    outcome = patient.takes(reading(98, HOUR))
    assert outcome.assessment is not None
    assert [r.code.value for r in outcome.assessment.reasons] == ["respiration_pack"]
    assert [(c.parameter, c.at_ms) for c in outcome.carried] == [
        (Parameter.RESPIRATION, int(at(0).timestamp() * 1000))
    ]


def test_a_reading_of_an_oximeter_alone_carries_nothing() -> None:
    patient = Patient()
    patient.takes(reading(98))
    assert patient.takes(reading(97, 60)).carried == ()


# Order and time


def test_late_data_still_alerts_and_is_marked_late() -> None:
    patient = Patient()
    outcome = patient.takes(reading(90), now=at(3 * HOUR))
    assert outcome.late
    assert said(outcome) == [("raise", "red")]
    assert outcome.alerts[0].late
    assert not outcome.alerts[0].awaiting_repeat
    assert remeasure(3 * HOUR) in outcome.timers


@pytest.mark.parametrize(("extra", "late"), [(0, False), (1, True)])
def test_a_late_orange_whose_wait_ran_out_is_marked_late_too(extra: int, late: bool) -> None:
    patient = Patient()
    now = at(0) + LATE_AFTER + timedelta(seconds=extra)
    patient.takes(reading(94), now=now)
    fired = tick(patient.state, TimerKind.REMEASURE, context(), now)
    assert said(fired) == [("raise", "orange")]
    assert fired.alerts[0].late is late
    settled = advance(patient.state, reading(98, 200), context(), now)
    assert [alert.late for alert in settled.alerts] == [late, False]


@pytest.mark.parametrize(("delay", "awaiting"), [(179, True), (180, False)])
def test_a_repeat_is_awaited_only_while_there_is_time_for_it(delay: int, awaiting: bool) -> None:
    outcome = Patient().takes(reading(90), now=at(delay))
    assert outcome.alerts[0].awaiting_repeat is awaiting


def test_a_red_confirmed_by_a_second_one_awaits_nothing() -> None:
    patient = Patient()
    patient.takes(reading(91))
    assert not patient.takes(reading(91, 45)).alerts[0].awaiting_repeat


@pytest.mark.parametrize(("extra", "late"), [(0, False), (1, True)])
def test_late_begins_ten_minutes_after_the_measurement(extra: int, late: bool) -> None:
    now = at(0) + LATE_AFTER + timedelta(seconds=extra)
    assert Patient().takes(reading(98), now=now).late is late


def test_an_older_green_reading_lowers_nothing_and_eases_no_alert() -> None:
    patient = Patient()
    patient.takes(reading(91, HOUR))
    before = patient.state
    outcome = patient.takes(reading(98, 0), now=at(HOUR))
    assert outcome.late
    assert outcome.alerts == ()
    assert outcome.state == before
    assert outcome.assessment is not None
    assert outcome.assessment.level is Level.GREEN


def test_an_older_red_reading_alerts_late_and_leaves_the_present_level() -> None:
    patient = Patient()
    patient.takes(reading(98, HOUR))
    outcome = patient.takes(reading(90, 0), now=at(HOUR))
    assert said(outcome) == [("raise", "red")]
    assert outcome.alerts[0].late
    assert patient.state.level == Level.GREEN
    assert said(patient.takes(reading(90, 60), now=at(HOUR))) == []


def test_an_older_reading_worse_than_the_alert_worsens_it() -> None:
    patient = Patient(worn())
    for second in (HOUR, HOUR + MINUTE):
        patient.takes(minute(94, second))
    assert said(patient.takes(minute(90, 0), now=at(HOUR + MINUTE))) == [("worsen", "red")]


@pytest.mark.parametrize(("before", "told"), [(180, []), (181, [("raise", "orange")])])
def test_an_orange_just_before_the_newest_has_its_repeat_already(
    before: int, told: list[tuple[str, str]]
) -> None:
    patient = Patient()
    patient.takes(reading(98, HOUR))
    assert said(patient.takes(reading(94, HOUR - before), now=at(HOUR))) == told


def test_a_red_just_before_the_newest_alerts_unmarked() -> None:
    patient = Patient()
    patient.takes(reading(98, 60))
    outcome = patient.takes(reading(90, 30), now=at(60))
    assert said(outcome) == [("raise", "red")]
    assert not outcome.late


def test_a_reading_without_a_sure_time_may_raise_but_closes_nothing() -> None:
    patient = Patient()
    raised = patient.takes(reading(90, time_uncertain=True))
    assert said(raised) == [("raise", "red")]
    assert raised.time_uncertain
    assert not raised.late
    assert raised.alerts[0].time_uncertain
    assert patient.state.level == Level.GREY
    before = patient.state
    eased = patient.takes(reading(98, 12 * HOUR, time_uncertain=True))
    assert (eased.alerts, eased.state) == ((), before)


@pytest.mark.parametrize(("ahead", "uncertain"), [(0, False), (1, True)])
def test_a_reading_from_the_future_is_uncertain_and_does_not_age_the_rest(
    ahead: int, uncertain: bool
) -> None:
    patient = Patient()
    patient.takes(reading(98))
    future = FUTURE_TOLERANCE.total_seconds() + ahead
    outcome = patient.takes(reading(98, future), now=at(0))
    assert outcome.time_uncertain is uncertain
    assert (patient.state.newest_ms > at(0).timestamp() * 1000) is not uncertain


def test_backlog_in_order_gives_the_decisions_of_the_live_run() -> None:
    spo2 = [98, 96, 94, 91, 90, 93, 97, 98, *[98] * 12]
    live, backlog = Patient(worn()), Patient(worn())
    told_live = [said(live.takes(minute(v, n * MINUTE))) for n, v in enumerate(spo2)]
    arrived = at(5 * HOUR)
    told_late = [
        said(backlog.takes(minute(v, n * MINUTE), now=arrived)) for n, v in enumerate(spo2)
    ]
    assert told_live == told_late
    assert [("raise", "yellow")] in told_live
    assert [("ease", "green")] in told_live


# The stored form


def test_nobody_measured_is_grey_and_so_is_a_reading_too_old() -> None:
    patient = Patient()
    cadence = timedelta(hours=12)
    assert level_at(patient.state, cadence, at(0)) is Level.GREY
    patient.takes(reading(98))
    assert level_at(patient.state, cadence, at(18 * HOUR - 1)) is Level.GREEN
    assert level_at(patient.state, cadence, at(18 * HOUR)) is Level.GREY


def test_the_fullest_state_takes_at_most_600_bytes() -> None:
    patient = Patient()
    patient.takes(
        reading(
            94.123456, respiration_per_min=22.123, temperature_celsius=38.1234,
            systolic_mmhg=101.5, diastolic_mmhg=61.5, oxygen=Oxygen.OXYGEN,
            consciousness=Consciousness.ALERT, pulse_per_min=91.234,
        ),
    )  # fmt: skip
    patient.takes(reading(93.9, 30, kind=ReadingKind.NURSE), danger_signs=frozenset(DangerSign))
    full = msgspec.structs.replace(
        patient.state,
        pending=msgspec.structs.replace(_pending(), doubtful=True),
        waiting=_waiting(),
        better_since_ms=1_700_000_000_000,
        realert_ms=1_700_000_000_000,
        watched_from_ms=1_700_000_000_000,
        probe_off_ms=1_700_000_000_000,
    )
    assert len(encode_state(full)) <= 600
    assert decode_state(encode_state(full)) == full


def _pending() -> Pending:
    patient = Patient()
    patient.takes(reading(94.5))
    assert patient.state.pending is not None
    return patient.state.pending


def _waiting() -> Waiting:
    patient = Patient()
    patient.takes(reading(94.5, respiration_per_min=18.2, temperature_celsius=37.7,
                          systolic_mmhg=120.0, diastolic_mmhg=70.0, oxygen=Oxygen.OXYGEN,
                          consciousness=Consciousness.ALERT))  # fmt: skip
    assert patient.state.waiting is not None
    return patient.state.waiting


@given(st.binary(max_size=200))
def test_decode_raises_decode_error_only(blob: bytes) -> None:
    try:
        decode_state(blob)
    except DecodeError:
        pass


def test_an_older_blob_with_fewer_fields_is_readable() -> None:
    assert decode_state(msgspec.msgpack.encode([2, 2, 1000])) == PersonState(2, 2, 1000)


@given(
    st.lists(
        st.tuples(
            st.integers(85, 99), st.integers(1, 400), st.sampled_from(ReadingKind), st.booleans()
        ),
        max_size=30,
    )
)
def test_what_counts_is_never_missed_by_the_alert(
    readings: list[tuple[int, int, ReadingKind, bool]],
) -> None:
    """Whatever comes, no level above green counts for which no alert was decided."""
    patient = Patient()
    second = 0
    stands = Level.GREEN
    for spo2, gap, kind, doubtful in readings:
        second += gap
        quality = Quality.MOTION if doubtful else Quality.GOOD
        outcome = patient.takes(reading(float(spo2), second, kind=kind, quality=quality))
        for alert in outcome.alerts:
            if alert.cause is Cause.VITALS:
                stands = alert.level
        assert patient.state.level <= stands
        assert patient.state.alerted == max(stands, Level.GREEN)
        pending = patient.state.pending
        if spo2 <= 92:
            assert stands is Level.RED or (pending is not None and pending.level == Level.RED)


def test_advance_changes_no_argument() -> None:
    state = PersonState()
    advance(state, reading(90), context(), at(0))
    assert state == PersonState()
