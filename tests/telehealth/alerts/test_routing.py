"""Routing: whom each step tells, and that a step with nobody in it is skipped at once."""

import pytest

from telehealth.alerts.lifecycle import State
from telehealth.alerts.policy import Target
from telehealth.alerts.routing import Notify, Roster, Routed, owner, route
from telehealth.vitals.decisions import Priority
from telehealth.vitals.levels import Level
from tests.telehealth.alerts.examples import fresh, standing

FULL = Roster(
    assigned_id="doctor-1",
    on_duty=("doctor-1", "doctor-2", "doctor-2"),
    leads=("lead-1",),
    dispatchers=("desk-1", "desk-2"),
)
NOBODY = Roster(assigned_id=None, on_duty=())


def told(routed: Routed) -> list[tuple[str, str]]:
    return [(notice.recipient_id, notice.target.value) for notice in routed.notices]


def test_step_0_tells_the_assigned_doctor_alone() -> None:
    routed = route(fresh(), FULL)
    assert routed == Routed(
        0, (Notify("doctor-1", "alert-1", Target.ASSIGNED_DOCTOR, 0, Priority.HIGH),)
    )


@pytest.mark.parametrize(
    ("step", "people"),
    [
        (1, [("doctor-1", "on_duty"), ("doctor-2", "on_duty")]),
        (2, [("lead-1", "lead")]),
        (3, [("desk-1", "dispatcher"), ("desk-2", "dispatcher")]),
        (7, [("desk-1", "dispatcher"), ("desk-2", "dispatcher")]),
    ],
)
def test_each_further_step_tells_its_people_once(step: int, people: list[tuple[str, str]]) -> None:
    routed = route(fresh(), FULL, step=step)
    assert told(routed) == people
    assert routed.step == step
    assert {n.with_card for n in routed.notices} == {step >= 3}


def test_the_alerts_own_next_step_is_the_default() -> None:
    assert route(standing(State.NOTIFIED), FULL).step == 1


def test_an_assigned_doctor_off_duty_is_skipped_at_once() -> None:
    roster = Roster(assigned_id="doctor-9", on_duty=("doctor-2",))
    routed = route(fresh(), roster)
    assert (routed.step, told(routed)) == (1, [("doctor-2", "on_duty")])


def test_without_an_assigned_doctor_everyone_on_duty_is_told() -> None:
    roster = Roster(assigned_id=None, on_duty=("doctor-2", "doctor-3"))
    assert told(route(fresh(), roster)) == [("doctor-2", "on_duty"), ("doctor-3", "on_duty")]


def test_empty_steps_are_skipped_to_the_dispatcher_with_the_card() -> None:
    routed = route(fresh(), Roster(assigned_id=None, on_duty=(), dispatchers=("desk-1",)))
    assert routed == Routed(
        3, (Notify("desk-1", "alert-1", Target.DISPATCHER, 3, Priority.HIGH, with_card=True),)
    )


def test_with_nobody_left_the_last_people_there_are_are_told_again_with_the_card() -> None:
    roster = Roster(assigned_id="doctor-1", on_duty=("doctor-1", "doctor-2"))
    routed = route(fresh(), roster, step=2)
    assert (routed.step, routed.unheard) == (3, False)
    assert told(routed) == [("doctor-1", "on_duty"), ("doctor-2", "on_duty")]
    assert all(notice.with_card for notice in routed.notices)
    assert route(fresh(), roster, step=6).step == 6


def test_where_nobody_at_all_can_be_told_it_says_so() -> None:
    assert route(fresh(), NOBODY) == Routed(3, (), unheard=True)
    assert route(fresh(), NOBODY, step=5) == Routed(5, (), unheard=True)


def test_yellow_pages_nobody_and_is_not_unheard() -> None:
    assert route(fresh(Level.YELLOW), FULL) == Routed(0, ())


def test_the_assigned_doctor_owns_a_new_alert_even_off_duty() -> None:
    assert owner(Roster(assigned_id="doctor-9", on_duty=())) == "doctor-9"
    assert owner(NOBODY) is None


def test_the_key_of_a_notice_is_the_same_twice_and_another_after_any_change() -> None:
    notice = route(fresh(), FULL).notices[0]
    key = notice.idempotency_key(1000)
    assert key == route(fresh(), FULL).notices[0].idempotency_key(1000)
    others = {
        notice.idempotency_key(2000),
        route(fresh(Level.ORANGE), FULL).notices[0].idempotency_key(1000),
        *(n.idempotency_key(1000) for n in route(fresh(), FULL, step=1).notices),
    }
    assert len(others) == 4
    assert key not in others
