"""The life of a call, as one table: what is not here cannot happen (docs/calls.md, "States").

Pure. Waiting room, identification and signature (Decision 7946/2023: start, identify and confirm
consent, triage) come as further states between the ones here; none of these changes its meaning.
"""

from enum import StrEnum
from typing import Final

from telehealth.errors import IllegalTransitionError, NotAllowedError


class CallState(StrEnum):
    """Where a call stands; the names are those of the wire and of the table `call`."""

    REQUESTED = "requested"
    """The person asked for a doctor."""
    OFFERED = "offered"
    """The doctor rings the person."""
    ACCEPTED = "accepted"
    """The person answered; not both are in the room yet."""
    IN_SESSION = "in_session"
    INTERRUPTED = "interrupted"
    """One of them is gone from the room; the other may wait."""
    CONCLUDED = "concluded"
    DECLINED = "declined"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"


class Action(StrEnum):
    """What moves a call."""

    OFFER = "offer"
    ACCEPT = "accept"
    DECLINE = "decline"
    CANCEL = "cancel"
    RING_OUT = "ring_out"
    CONNECT = "connect"
    INTERRUPT = "interrupt"
    HANG_UP = "hang_up"
    ABANDON = "abandon"


class Party(StrEnum):
    """Who moves it; the engine is a timer or the room itself."""

    DOCTOR = "doctor"
    PATIENT = "patient"
    """The person, or who cares for them under the person's log-in."""
    ENGINE = "engine"


_S, _A = CallState, Action
_DOCTOR: Final = frozenset({Party.DOCTOR})
_PATIENT: Final = frozenset({Party.PATIENT})
_EITHER: Final = _DOCTOR | _PATIENT
_ENGINE: Final = frozenset({Party.ENGINE})

TRANSITIONS: Final[dict[tuple[CallState, Action], tuple[CallState, frozenset[Party]]]] = {
    (_S.REQUESTED, _A.OFFER): (_S.OFFERED, _DOCTOR),
    (_S.REQUESTED, _A.DECLINE): (_S.DECLINED, _DOCTOR),
    (_S.REQUESTED, _A.CANCEL): (_S.CANCELLED, _PATIENT),
    (_S.REQUESTED, _A.RING_OUT): (_S.NO_SHOW, _ENGINE),
    (_S.OFFERED, _A.ACCEPT): (_S.ACCEPTED, _PATIENT),
    (_S.OFFERED, _A.DECLINE): (_S.DECLINED, _PATIENT),
    (_S.OFFERED, _A.CANCEL): (_S.CANCELLED, _DOCTOR),
    (_S.OFFERED, _A.RING_OUT): (_S.NO_SHOW, _ENGINE),
    (_S.ACCEPTED, _A.CONNECT): (_S.IN_SESSION, _ENGINE),
    (_S.ACCEPTED, _A.HANG_UP): (_S.CONCLUDED, _EITHER),
    (_S.ACCEPTED, _A.ABANDON): (_S.CONCLUDED, _ENGINE),
    (_S.IN_SESSION, _A.INTERRUPT): (_S.INTERRUPTED, _ENGINE),
    (_S.IN_SESSION, _A.HANG_UP): (_S.CONCLUDED, _EITHER),
    (_S.IN_SESSION, _A.ABANDON): (_S.CONCLUDED, _ENGINE),
    (_S.INTERRUPTED, _A.CONNECT): (_S.IN_SESSION, _ENGINE),
    (_S.INTERRUPTED, _A.HANG_UP): (_S.CONCLUDED, _EITHER),
    (_S.INTERRUPTED, _A.ABANDON): (_S.CONCLUDED, _ENGINE),
}

ENDED: Final = frozenset({_S.CONCLUDED, _S.DECLINED, _S.NO_SHOW, _S.CANCELLED})
RINGING: Final = frozenset({_S.REQUESTED, _S.OFFERED})
WITH_MEDIA: Final = frozenset({_S.ACCEPTED, _S.IN_SESSION, _S.INTERRUPTED})
"""Only here may one side's descriptions and candidates reach the other."""


def move(state: CallState, action: Action, by: Party) -> CallState:
    """Return the state after `action`.

    Raises:
        IllegalTransitionError: the table does not have it.
        NotAllowedError: the table has it, but not for this party.
    """
    found = TRANSITIONS.get((state, action))
    if found is None:
        raise IllegalTransitionError(state, action)
    after, parties = found
    if by not in parties:
        raise NotAllowedError(f"{by} may not {action} a call that is {state}")
    return after


def ending(state: CallState, by: Party) -> Action:
    """Return what "no more" means now for this party: to decline, to cancel or to hang up.

    Raises:
        IllegalTransitionError: the call is over already.
    """
    for action in (Action.DECLINE, Action.CANCEL, Action.HANG_UP):
        _, parties = TRANSITIONS.get((state, action), (state, frozenset()))
        if by in parties:
            return action
    raise IllegalTransitionError(state, "end", f"{by} has nothing to end")


def answering(state: CallState, by: Party) -> Action:
    """Return what "yes" means now for this party: to ring back, or to accept.

    Raises:
        IllegalTransitionError: nothing rings for this party.
    """
    for action in (Action.OFFER, Action.ACCEPT):
        _, parties = TRANSITIONS.get((state, action), (state, frozenset()))
        if by in parties:
            return action
    raise IllegalTransitionError(state, "answer", f"nothing rings for the {by}")
