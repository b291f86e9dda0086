"""The life of an alert: what can happen in each state, who may do it, and what it does."""

from datetime import timedelta
from typing import Any

import pytest

from telehealth.alerts.lifecycle import (
    OPEN,
    TRANSITIONS,
    AcceptReason,
    Action,
    Alert,
    AlertEvent,
    NoiseReason,
    ResolveReason,
    State,
    apply,
    fold,
    message_id,
    opens,
    raised,
)
from telehealth.alerts.policy import REVIEW_AFTER, next_step
from telehealth.errors import IllegalTransitionError, NotAllowedError, RefusedError
from telehealth.vitals.decisions import AlertAction, AlertKind, Cause, Priority
from telehealth.vitals.levels import Level
from tests.telehealth.alerts.examples import (
    DOCTOR,
    RED_SPO2,
    START,
    decided,
    fresh,
    minutes,
    standing,
)

OTHER = "doctor-2"
HELD = (State.ACCEPTED, State.ACTING)
CLOSED = (State.RESOLVED, State.NOISE, State.MERGED)
TECHNICAL: dict[str, Any] = {"cause": Cause.DEVICE_SILENT, "kind": AlertKind.TECHNICAL}

LEGAL = {
    (State.RAISED, Action.NOTIFY, State.NOTIFIED),
    (State.NOTIFIED, Action.NOTIFY, State.NOTIFIED),
    (State.NOTIFIED, Action.ACCEPT, State.ACCEPTED),
    (State.ACCEPTED, Action.ACCEPT, State.ACCEPTED),
    (State.ACTING, Action.ACCEPT, State.ACCEPTED),
    (State.ACCEPTED, Action.ACT, State.ACTING),
    (State.ACTING, Action.RESOLVE, State.RESOLVED),
    (State.ACCEPTED, Action.NOISE, State.NOISE),
    (State.ACTING, Action.NOISE, State.NOISE),
    (State.RAISED, Action.MERGE, State.MERGED),
    (State.NOTIFIED, Action.MERGE, State.MERGED),
    (State.ACCEPTED, Action.MERGE, State.MERGED),
    (State.ACTING, Action.MERGE, State.MERGED),
    (State.RAISED, Action.CLEAR, State.RESOLVED),
    (State.NOTIFIED, Action.CLEAR, State.RESOLVED),
    (State.ACCEPTED, Action.CLEAR, State.RESOLVED),
    (State.ACTING, Action.CLEAR, State.RESOLVED),
    (State.ACCEPTED, Action.REVIEW_DUE, State.NOTIFIED),
    (State.ACTING, Action.REVIEW_DUE, State.NOTIFIED),
    (State.ACCEPTED, Action.GO_OFF_DUTY, State.NOTIFIED),
    (State.ACTING, Action.GO_OFF_DUTY, State.NOTIFIED),
    (State.ACCEPTED, Action.HAND_OVER_UNACCEPTED, State.NOTIFIED),
    (State.ACTING, Action.HAND_OVER_UNACCEPTED, State.NOTIFIED),
    (State.RAISED, Action.WORSEN, State.RAISED),
    (State.NOTIFIED, Action.WORSEN, State.NOTIFIED),
    (State.ACCEPTED, Action.WORSEN, State.NOTIFIED),
    (State.ACTING, Action.WORSEN, State.NOTIFIED),
    *(
        (state, action, state)
        for state in OPEN
        for action in (Action.SEE, Action.JOIN, Action.CONFIRM, Action.LOWER, Action.EASE)
    ),
}


def ended(state: State) -> Alert:
    if state is State.MERGED:
        return apply(standing(State.NOTIFIED), Action.MERGE, now=START, merged_into="alert-2")[0]
    if state is State.NOISE:
        return apply(standing(State.ACCEPTED), Action.NOISE, DOCTOR, NoiseReason.MOTION, now=START)[
            0
        ]
    return apply(standing(State.ACTING), Action.RESOLVE, DOCTOR, ResolveReason.ADVISED, now=START)[
        0
    ]


def any_state(state: State, level: Level = Level.RED, **changes: Any) -> Alert:
    return ended(state) if state in CLOSED else standing(state, level, **changes)


def in_time(action: Action) -> dict[str, Any]:
    """What an action needs to be carried out properly."""
    needs: dict[Action, dict[str, Any]] = {
        Action.NOTIFY: {"step": 1},
        Action.SEE: {"actor": OTHER},
        Action.ACCEPT: {"actor": DOCTOR, "reason": AcceptReason.WATCHING},
        Action.ACT: {"actor": DOCTOR},
        Action.RESOLVE: {"actor": DOCTOR, "reason": ResolveReason.IMPROVED},
        Action.NOISE: {"actor": DOCTOR, "reason": NoiseReason.COLD_FINGER},
        Action.GO_OFF_DUTY: {"actor": DOCTOR},
        Action.MERGE: {"merged_into": "alert-2"},
        Action.WORSEN: {"decision": decided(AlertAction.WORSEN, Level.RED)},
        Action.JOIN: {"decision": decided()},
        Action.CONFIRM: {"decision": decided(AlertAction.CONFIRM)},
        Action.LOWER: {"decision": decided(AlertAction.LOWER, Level.YELLOW)},
        Action.EASE: {"decision": decided(AlertAction.EASE, Level.GREEN)},
        Action.CLEAR: {"decision": decided(AlertAction.CLEAR, Level.GREEN, **TECHNICAL)},
    }
    return needs.get(action, {})


def test_the_table_is_the_one_of_the_platform_and_nothing_more() -> None:
    assert {(before, action, after) for (before, action), after in TRANSITIONS.items()} == LEGAL


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("state", State)
def test_what_is_not_in_the_table_raises_naming_state_and_action(
    state: State, action: Action
) -> None:
    technical = TECHNICAL if action is Action.CLEAR else {}
    alert = any_state(state, Level.ORANGE if action is Action.WORSEN else Level.RED, **technical)
    after = TRANSITIONS.get((state, action))
    if after is None:
        with pytest.raises(IllegalTransitionError) as told:
            apply(alert, action, now=minutes(600), **in_time(action))
        assert (told.value.state, told.value.action) == (state, action)
    else:
        changed, events = apply(alert, action, now=minutes(600), **in_time(action))
        assert changed.state is after
        (event,) = events
        assert (event.before, event.after, event.action) == (state, after, action)
        assert event.actor == in_time(action).get("actor")


def test_closed_states_have_no_way_out() -> None:
    assert not [before for before, _ in TRANSITIONS if before in CLOSED]


# Raised


def test_a_raised_alert_has_an_owner_a_level_and_a_running_clock() -> None:
    decision = decided(awaiting_repeat=True, late=True, time_uncertain=True)
    alert, events = raised(
        decision, alert_id="alert-1", subject_id="person-1", owner_id=DOCTOR, now=START
    )
    assert (alert.state, alert.step, alert.clock_at) == (State.RAISED, 0, START)
    assert (alert.level, alert.priority, alert.owner_id) == (Level.RED, Priority.HIGH, DOCTOR)
    assert (alert.awaiting_repeat, alert.late, alert.time_uncertain) == (True, True, True)
    assert alert.reasons == (RED_SPO2,)
    assert alert.is_open
    assert events == (
        AlertEvent(
            alert_id="alert-1", at=START, actor=None, action=Action.RAISE,
            before=State.RAISED, after=State.RAISED, level=Level.RED, step=0,
        ),
    )  # fmt: skip


def test_an_alert_is_never_below_yellow() -> None:
    assert fresh(Level.GREEN).level is Level.YELLOW


@pytest.mark.parametrize("action", AlertAction)
def test_only_raising_and_worsening_open_an_alert(action: AlertAction) -> None:
    assert opens(decided(action)) is (action in (AlertAction.RAISE, AlertAction.WORSEN))


# Notified, seen


def test_notifying_counts_the_step_up() -> None:
    alert, _ = apply(fresh(), Action.NOTIFY, now=START, step=0)
    assert (alert.state, alert.step) == (State.NOTIFIED, 1)
    skipped, _ = apply(alert, Action.NOTIFY, now=minutes(5), step=3)
    assert skipped.step == 4


@pytest.mark.parametrize("step", [None, 0])
def test_a_step_already_carried_out_or_unnamed_is_refused(step: int | None) -> None:
    with pytest.raises(RefusedError, match="step: at least 1"):
        apply(standing(State.NOTIFIED), Action.NOTIFY, now=START, step=step)


def test_a_seen_but_unaccepted_alert_keeps_escalating() -> None:
    alert = standing(State.NOTIFIED)
    before = next_step(alert, START)
    seen, (event,) = apply(alert, Action.SEE, OTHER, now=minutes(1))
    assert seen == alert
    assert next_step(seen, START) == before
    assert (event.action, event.actor) == (Action.SEE, OTHER)


def test_seeing_takes_somebody() -> None:
    with pytest.raises(NotAllowedError, match="see takes a named person"):
        apply(standing(State.NOTIFIED), Action.SEE, now=START)


# Accepted


def test_acceptance_by_a_named_person_stops_the_clock() -> None:
    alert, (event,) = apply(
        standing(State.NOTIFIED), Action.ACCEPT, OTHER, AcceptReason.CALLING, now=minutes(3)
    )
    assert next_step(alert, minutes(60)) is None
    assert (alert.accepted_by, alert.owner_id, alert.accepted_at) == (OTHER, OTHER, minutes(3))
    assert alert.accept_reason is AcceptReason.CALLING
    assert event.reason is AcceptReason.CALLING


def test_nobody_in_particular_cannot_accept() -> None:
    with pytest.raises(NotAllowedError, match="accept takes a named person"):
        apply(standing(State.NOTIFIED), Action.ACCEPT, None, AcceptReason.CALLING, now=START)


@pytest.mark.parametrize(
    ("action", "state", "reason"),
    [
        (Action.ACCEPT, State.NOTIFIED, None),
        (Action.ACCEPT, State.NOTIFIED, ResolveReason.IMPROVED),
        (Action.RESOLVE, State.ACTING, None),
        (Action.RESOLVE, State.ACTING, NoiseReason.MOTION),
        (Action.NOISE, State.ACTING, None),
        (Action.NOISE, State.ACTING, AcceptReason.CALLING),
    ],
)
def test_accepting_resolving_and_noise_need_a_reason_of_their_own(
    action: Action, state: State, reason: Any
) -> None:
    with pytest.raises(RefusedError, match="reason: one of"):
        apply(standing(state), action, DOCTOR, reason, now=START)


@pytest.mark.parametrize("level", [Level.RED, Level.ORANGE, Level.YELLOW])
def test_the_review_time_follows_the_priority(level: Level) -> None:
    alert = standing(State.ACCEPTED, level)
    assert alert.review_at == START + REVIEW_AFTER[alert.priority]


def test_the_review_time_may_be_chosen_but_not_in_the_past() -> None:
    alert = standing(State.NOTIFIED)
    chosen, _ = apply(
        alert, Action.ACCEPT, DOCTOR, AcceptReason.WATCHING, now=START, review_at=minutes(5)
    )
    assert chosen.review_at == minutes(5)
    with pytest.raises(RefusedError, match="review_at: after"):
        apply(alert, Action.ACCEPT, DOCTOR, AcceptReason.WATCHING, now=START, review_at=START)


def test_another_doctor_takes_over_by_accepting() -> None:
    alert, _ = apply(
        standing(State.ACTING), Action.ACCEPT, OTHER, AcceptReason.CALLING, now=minutes(1)
    )
    assert (alert.state, alert.accepted_by) == (State.ACCEPTED, OTHER)
    acting, _ = apply(alert, Action.ACT, OTHER, now=minutes(2))
    assert acting.state is State.ACTING


@pytest.mark.parametrize(
    ("action", "state", "reason"),
    [
        (Action.ACT, State.ACCEPTED, None),
        (Action.RESOLVE, State.ACTING, ResolveReason.IMPROVED),
        (Action.NOISE, State.ACCEPTED, NoiseReason.MOTION),
        (Action.GO_OFF_DUTY, State.ACCEPTED, None),
    ],
)
def test_only_the_one_who_accepted_goes_on_with_it(
    action: Action, state: State, reason: Any
) -> None:
    with pytest.raises(NotAllowedError, match="the one who accepted"):
        apply(standing(state), action, OTHER, reason, now=START)
    with pytest.raises(NotAllowedError, match="named person"):
        apply(standing(state), action, None, reason, now=START)


# Acceptance ends


def assert_open_again(alert: Alert, at_minutes: float) -> None:
    assert alert.state is State.NOTIFIED
    assert (alert.accepted_by, alert.accepted_at, alert.accept_reason) == (None, None, None)
    assert alert.review_at is None
    assert (alert.step, alert.clock_at) == (0, minutes(at_minutes))
    assert next_step(alert, minutes(at_minutes)) == (0, minutes(at_minutes))


@pytest.mark.parametrize("state", HELD)
def test_acceptance_ends_at_its_review_time_and_not_before(state: State) -> None:
    alert = standing(state)
    review = REVIEW_AFTER[Priority.HIGH] / timedelta(minutes=1)
    with pytest.raises(IllegalTransitionError, match="review is at"):
        apply(alert, Action.REVIEW_DUE, now=minutes(review) - timedelta(seconds=1))
    assert_open_again(apply(alert, Action.REVIEW_DUE, now=minutes(review))[0], review)


@pytest.mark.parametrize("state", HELD)
def test_acceptance_ends_when_its_doctor_goes_off_duty(state: State) -> None:
    assert_open_again(apply(standing(state), Action.GO_OFF_DUTY, DOCTOR, now=minutes(4))[0], 4)


@pytest.mark.parametrize("state", HELD)
def test_a_hand_over_that_nobody_accepts_falls_to_the_lead_at_once(state: State) -> None:
    alert, _ = apply(standing(state), Action.HAND_OVER_UNACCEPTED, now=minutes(20))
    assert alert.state is State.NOTIFIED
    assert next_step(alert, minutes(20)) == (2, minutes(20))
    told, _ = apply(alert, Action.NOTIFY, now=minutes(20), step=2)
    assert next_step(told, minutes(20)) == (3, minutes(25))


@pytest.mark.parametrize("state", HELD)
def test_acceptance_ends_when_the_person_worsens_by_a_level(state: State) -> None:
    alert = standing(state, Level.ORANGE)
    worse, (event,) = fold(alert, decided(AlertAction.WORSEN, Level.RED), minutes(7))
    assert_open_again(worse, 7)
    assert (worse.level, worse.priority) == (Level.RED, Priority.HIGH)
    assert event.action is Action.WORSEN


@pytest.mark.parametrize("state", HELD)
@pytest.mark.parametrize("action", [AlertAction.RAISE, AlertAction.WORSEN])
def test_acceptance_holds_while_the_person_is_no_worse(state: State, action: AlertAction) -> None:
    alert = standing(state, Level.ORANGE)
    same, (event,) = fold(alert, decided(action, Level.ORANGE), minutes(7))
    assert same == alert
    assert event.action is Action.JOIN


# What the vitals decide


def test_worsening_before_acceptance_restarts_the_clock_of_the_higher_priority() -> None:
    alert = standing(State.NOTIFIED, Level.ORANGE)
    decision = decided(
        AlertAction.WORSEN, Level.RED, measured_at=minutes(6), awaiting_repeat=True, late=True
    )
    worse, _ = fold(alert, decision, minutes(7))
    assert (worse.state, worse.level) == (State.NOTIFIED, Level.RED)
    assert next_step(worse, minutes(7)) == (0, minutes(7))
    assert (worse.measured_at, worse.awaiting_repeat, worse.late) == (minutes(6), True, True)


def test_worsening_to_a_level_that_is_no_worse_is_refused() -> None:
    with pytest.raises(RefusedError, match="level: above RED"):
        apply(standing(State.NOTIFIED), Action.WORSEN, now=START, decision=decided())


@pytest.mark.parametrize(
    "action", [Action.WORSEN, Action.JOIN, Action.CONFIRM, Action.LOWER, Action.EASE, Action.CLEAR]
)
def test_what_the_vitals_do_takes_their_decision(action: Action) -> None:
    with pytest.raises(RefusedError, match="decision: needed"):
        apply(standing(State.NOTIFIED), action, now=START)


def test_a_confirmed_alert_awaits_no_repeat() -> None:
    alert = standing(State.NOTIFIED, awaiting_repeat=True)
    confirmed, _ = fold(alert, decided(AlertAction.CONFIRM), minutes(3))
    assert not confirmed.awaiting_repeat
    assert confirmed.level is Level.RED


@pytest.mark.parametrize(
    ("to", "level"),
    [(Level.ORANGE, Level.ORANGE), (Level.YELLOW, Level.YELLOW), (Level.GREEN, Level.YELLOW)],
)
def test_a_better_repeat_lowers_the_alert_to_a_worklist_entry_at_the_least(
    to: Level, level: Level
) -> None:
    alert = standing(State.NOTIFIED, awaiting_repeat=True)
    lowered, _ = fold(alert, decided(AlertAction.LOWER, to), minutes(1))
    assert (lowered.level, lowered.awaiting_repeat, lowered.is_open) == (level, False, True)


def test_lowering_never_lifts() -> None:
    alert = standing(State.NOTIFIED, Level.YELLOW)
    assert fold(alert, decided(AlertAction.LOWER, Level.ORANGE), START)[0].level is Level.YELLOW


def test_a_lowered_and_accepted_alert_worsens_again_above_what_it_was_lowered_to() -> None:
    alert, _ = fold(standing(State.ACCEPTED), decided(AlertAction.LOWER, Level.YELLOW), START)
    worse, _ = fold(alert, decided(AlertAction.RAISE, Level.ORANGE), minutes(9))
    assert (worse.state, worse.level) == (State.NOTIFIED, Level.ORANGE)


@pytest.mark.parametrize("state", OPEN)
def test_a_person_who_got_better_closes_no_alert(state: State) -> None:
    alert = standing(state)
    eased, (event,) = fold(alert, decided(AlertAction.EASE, Level.GREEN), minutes(9))
    assert eased == alert
    assert event.action is Action.EASE


@pytest.mark.parametrize("state", OPEN)
def test_a_technical_alert_closes_by_itself_when_its_cause_is_gone(state: State) -> None:
    alert = standing(state, Level.YELLOW, **TECHNICAL)
    gone, (event,) = fold(alert, decided(AlertAction.CLEAR, Level.GREEN, **TECHNICAL), minutes(9))
    assert (gone.state, gone.close_reason) == (State.RESOLVED, ResolveReason.CAUSE_GONE)
    assert (gone.closed_by, gone.closed_at) == (None, minutes(9))
    assert event.reason is ResolveReason.CAUSE_GONE


def test_a_physiological_alert_never_closes_by_itself() -> None:
    with pytest.raises(IllegalTransitionError, match="only a technical alert clears"):
        fold(standing(State.NOTIFIED), decided(AlertAction.CLEAR, Level.GREEN), START)


# Closed


def test_a_resolved_alert_keeps_who_when_and_why() -> None:
    alert, (event,) = apply(
        standing(State.ACTING, awaiting_repeat=True),
        Action.RESOLVE, DOCTOR, ResolveReason.REFERRED, now=minutes(30),
    )  # fmt: skip
    assert (alert.closed_by, alert.closed_at) == (DOCTOR, minutes(30))
    assert alert.close_reason is event.reason is ResolveReason.REFERRED
    assert (alert.review_at, alert.awaiting_repeat, alert.is_open) == (None, False, False)
    assert next_step(alert, minutes(60)) is None


def test_noise_says_why() -> None:
    alert = ended(State.NOISE)
    assert (alert.state, alert.close_reason) == (State.NOISE, NoiseReason.MOTION)


def test_a_merged_alert_names_the_one_that_goes_on() -> None:
    alert = ended(State.MERGED)
    assert (alert.merged_into, alert.close_reason) == ("alert-2", None)


@pytest.mark.parametrize("into", [None, "alert-1"])
def test_an_alert_merges_into_another_one_only(into: str | None) -> None:
    with pytest.raises(RefusedError, match="merged_into: another alert"):
        apply(standing(State.NOTIFIED), Action.MERGE, now=START, merged_into=into)


def test_coded_reasons_have_messages() -> None:
    assert message_id(AcceptReason.CALLING) == "accept.calling"
    assert message_id(ResolveReason.IMPROVED) == "resolve.improved"
    assert message_id(NoiseReason.COLD_FINGER) == "noise.cold_finger"
