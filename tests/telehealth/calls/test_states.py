"""The life of a call: every step of the table, and that there is no other."""

from itertools import product

import pytest

from telehealth.calls.states import (
    ENDED,
    RINGING,
    TRANSITIONS,
    WITH_MEDIA,
    Action,
    CallState,
    Party,
    answering,
    ending,
    move,
)
from telehealth.errors import IllegalTransitionError, NotAllowedError

D, P, E = Party.DOCTOR, Party.PATIENT, Party.ENGINE
STEPS = [
    ("requested", "offer", "offered", {D}),
    ("requested", "decline", "declined", {D}),
    ("requested", "cancel", "cancelled", {P}),
    ("requested", "ring_out", "no_show", {E}),
    ("offered", "accept", "accepted", {P}),
    ("offered", "decline", "declined", {P}),
    ("offered", "cancel", "cancelled", {D}),
    ("offered", "ring_out", "no_show", {E}),
    ("accepted", "connect", "in_session", {E}),
    ("accepted", "hang_up", "concluded", {D, P}),
    ("accepted", "abandon", "concluded", {E}),
    ("in_session", "interrupt", "interrupted", {E}),
    ("in_session", "hang_up", "concluded", {D, P}),
    ("in_session", "abandon", "concluded", {E}),
    ("interrupted", "connect", "in_session", {E}),
    ("interrupted", "hang_up", "concluded", {D, P}),
    ("interrupted", "abandon", "concluded", {E}),
]


@pytest.mark.parametrize(("before", "action", "after", "parties"), STEPS)
def test_each_step_leads_where_the_document_says_for_its_parties_only(
    before: str, action: str, after: str, parties: set[Party]
) -> None:
    for party in Party:
        if party in parties:
            assert move(CallState(before), Action(action), party) == after
        else:
            with pytest.raises(NotAllowedError):
                move(CallState(before), Action(action), party)


_STEPS = {(before, action) for before, action, _, _ in STEPS}


@pytest.mark.parametrize(
    ("state", "action"),
    [pair for pair in product(CallState, Action) if (pair[0], pair[1]) not in _STEPS],
)
def test_a_step_that_is_not_in_the_table_cannot_happen(state: CallState, action: Action) -> None:
    for party in Party:
        with pytest.raises(IllegalTransitionError):
            move(state, action, party)


def test_the_table_has_no_step_more() -> None:
    assert {(str(s), str(a)) for s, a in TRANSITIONS} == _STEPS


def test_a_call_that_is_over_stays_over() -> None:
    assert not [state for state, _ in TRANSITIONS if state in ENDED]
    assert set(CallState) == ENDED | RINGING | WITH_MEDIA


@pytest.mark.parametrize(
    ("state", "party", "means"),
    [
        ("requested", D, "decline"),
        ("requested", P, "cancel"),
        ("offered", D, "cancel"),
        ("offered", P, "decline"),
        ("accepted", D, "hang_up"),
        ("in_session", P, "hang_up"),
        ("interrupted", D, "hang_up"),
    ],
)
def test_no_means_what_it_can_mean_now(state: str, party: Party, means: str) -> None:
    assert ending(CallState(state), party) == means


@pytest.mark.parametrize("state", sorted(ENDED))
def test_a_call_that_is_over_cannot_be_ended_again(state: CallState) -> None:
    with pytest.raises(IllegalTransitionError):
        ending(state, D)


@pytest.mark.parametrize(
    ("state", "party", "means"), [("requested", D, "offer"), ("offered", P, "accept")]
)
def test_yes_rings_back_a_request_and_accepts_a_call(state: str, party: Party, means: str) -> None:
    assert answering(CallState(state), party) == means


@pytest.mark.parametrize(
    ("state", "party"), [("requested", P), ("offered", D), ("accepted", P), ("declined", D)]
)
def test_nobody_answers_what_does_not_ring_for_them(state: str, party: Party) -> None:
    with pytest.raises(IllegalTransitionError):
        answering(CallState(state), party)
