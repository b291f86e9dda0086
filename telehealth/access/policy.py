"""Who may do what to whom: one table, and what is not in it is refused (docs/threats.md).

A doctor answers for the persons whose open case is assigned to them, and covers the rest of the
own programme, because an alert that nobody accepts escalates to everyone on duty there. Outside
the programme a person is a stranger. A patient is only ever themselves. An administrator runs
gateways, devices and accounts, and sees no vital sign.
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What an account is for."""

    DOCTOR = "doctor"
    PATIENT = "patient"
    ADMINISTRATOR = "administrator"


class Relation(StrEnum):
    """How an account stands to a person."""

    SELF = "self"
    ASSIGNED = "assigned"
    PROGRAMME = "programme"
    STRANGER = "stranger"


class Action(StrEnum):
    """What somebody wants to do to a person's record."""

    SEE_VITALS = "see_vitals"
    ACT_ON_ALERT = "act_on_alert"
    CALL = "call"
    LEND_DEVICE = "lend_device"


@dataclass(frozen=True, slots=True)
class Actor:
    """The side that wants something."""

    account_id: str
    role: Role
    person_id: str | None = None
    programme_id: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """The person it is wanted of, with the open case; no case: nobody's patient."""

    person_id: str
    programme_id: str | None = None
    assigned_doctor_id: str | None = None


ALLOWED = frozenset(
    {
        (Role.DOCTOR, Relation.ASSIGNED, Action.SEE_VITALS),
        (Role.DOCTOR, Relation.ASSIGNED, Action.ACT_ON_ALERT),
        (Role.DOCTOR, Relation.ASSIGNED, Action.CALL),
        (Role.DOCTOR, Relation.PROGRAMME, Action.SEE_VITALS),
        (Role.DOCTOR, Relation.PROGRAMME, Action.ACT_ON_ALERT),
        (Role.DOCTOR, Relation.PROGRAMME, Action.CALL),
        (Role.PATIENT, Relation.SELF, Action.SEE_VITALS),
        (Role.PATIENT, Relation.SELF, Action.CALL),
        (Role.ADMINISTRATOR, Relation.STRANGER, Action.LEND_DEVICE),
    }
)


def relation(actor: Actor, subject: Subject) -> Relation:
    """Return how the actor stands to the subject; the closest relation counts."""
    if actor.role is Role.PATIENT:
        return Relation.SELF if actor.person_id == subject.person_id else Relation.STRANGER
    if actor.role is not Role.DOCTOR:
        return Relation.STRANGER
    if subject.assigned_doctor_id == actor.account_id:
        return Relation.ASSIGNED
    if subject.programme_id is not None and subject.programme_id == actor.programme_id:
        return Relation.PROGRAMME
    return Relation.STRANGER


def allowed(role: Role, relation: Relation, action: Action) -> bool:
    """Say whether the table allows it."""
    return (role, relation, action) in ALLOWED
