"""Who may do what to whom: one table, and what is not in it is refused (docs/access.md).

A role is held beneath a place, perhaps within one programme. How an account then stands to a person
is one relation, the closest that holds; role, relation, purpose and action decide. Nobody acts
outside their places: the exceptions are a doctor to whom the person is assigned by name, and
break-glass, which is asked for, lasts an hour at most and is reviewed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What an account is for."""

    PATIENT = "patient"
    """A patient, or a relative who cares for one."""
    NURSE = "nurse"
    DOCTOR = "doctor"
    COORDINATOR = "coordinator"
    SUPERVISOR = "supervisor"
    CHECKER = "checker"
    TRACER = "tracer"
    LABORATORY = "laboratory"
    VACCINATOR = "vaccinator"
    MANAGER = "manager"
    ADMINISTRATOR = "administrator"
    PRIVACY_OFFICER = "privacy_officer"


STAFF: Final = frozenset(Role) - {Role.PATIENT}


class Relation(StrEnum):
    """How an account stands to a person; the closest first."""

    SELF = "self"
    GUARDIAN = "guardian"
    CARER = "carer"
    ASSIGNED = "assigned"
    AREA = "area"
    """Beneath the role's place and in its programme; for a doctor, with an open case."""
    GLASS_BROKEN = "glass_broken"
    STRANGER = "stranger"


class Purpose(StrEnum):
    """What for; each role has its own, and no other is served."""

    OWN = "own"
    CARE = "care"
    REGISTRATION = "registration"
    CONTROL = "control"
    SERVICE = "service"
    OVERSIGHT = "oversight"
    STATISTICS = "statistics"


PURPOSE_OF: Final[Mapping[Role, Purpose]] = {
    Role.PATIENT: Purpose.OWN,
    Role.NURSE: Purpose.CARE,
    Role.DOCTOR: Purpose.CARE,
    Role.COORDINATOR: Purpose.REGISTRATION,
    Role.SUPERVISOR: Purpose.CONTROL,
    Role.CHECKER: Purpose.CONTROL,
    Role.TRACER: Purpose.CONTROL,
    Role.LABORATORY: Purpose.CARE,
    Role.VACCINATOR: Purpose.CARE,
    Role.MANAGER: Purpose.STATISTICS,
    Role.ADMINISTRATOR: Purpose.SERVICE,
    Role.PRIVACY_OFFICER: Purpose.OVERSIGHT,
}


class Action(StrEnum):
    """What somebody wants to do to a person's record."""

    SEE_IDENTITY = "see_identity"
    """Name, age, place, how to reach them."""
    SEE_VITALS = "see_vitals"
    ENTER_READING = "enter_reading"
    """Measure or type a reading at home."""
    ACT_ON_ALERT = "act_on_alert"
    CALL = "call"
    REGISTER = "register"
    """Write down or correct who somebody is, with whom they live and who speaks for them."""
    MERGE = "merge"
    ASSIGN = "assign"
    """Open a case, choose its programme and doctor."""
    LEND_DEVICE = "lend_device"
    ATTRIBUTE = "attribute"
    """Say whose a reading is that came without a person."""
    HAND_OVER_ENTRY = "hand_over_entry"
    """Give the person the code by which they log in."""
    GIVE_CONSENT = "give_consent"
    WITNESS_CONSENT = "witness_consent"
    SEE_READERS = "see_readers"
    """See who has read the person's data."""
    ASK = "ask"
    """Ask for a copy, a correction, deletion, restriction."""
    ANSWER_REQUEST = "answer_request"
    EXPORT = "export"


class Decision(StrEnum):
    """What the table says."""

    ALLOW = "allow"
    BREAK_GLASS = "break_glass"
    """Not as it stands; with a reason, re-authentication and a review it may be."""
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Actor:
    """The side that wants something, in the role of its session."""

    account_id: str
    role: Role
    person_id: str | None = None
    programme_id: str | None = None
    place_id: str | None = None
    """The place beneath which the role is held; None: everywhere."""
    grant_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The person it is wanted of, as they stand to one actor now."""

    person_id: str
    programme_id: str | None = None
    """Of the open case; None: nobody's patient."""
    assigned_doctor_id: str | None = None
    places: frozenset[str] = frozenset()
    """The person's place with everything above it."""
    proxy: str | None = None
    """What the actor is to the person: carer, guardian or neither."""
    glass_broken: bool = False
    """The actor has broken the glass to this person, and the hour is not over."""
    restricted: bool = False
    """Processing is restricted at the person's request: an area alone is not enough."""
    is_record: bool = True
    """False: unknown, or merged into another record."""


_CARE_OF_ONE: Final = (Action.SEE_IDENTITY, Action.SEE_VITALS, Action.ACT_ON_ALERT, Action.CALL)
_OWN: Final = (
    Action.SEE_IDENTITY,
    Action.SEE_VITALS,
    Action.ENTER_READING,
    Action.CALL,
    Action.GIVE_CONSENT,
    Action.SEE_READERS,
    Action.ASK,
)
_STATION: Final = (
    Action.SEE_IDENTITY,
    Action.REGISTER,
    Action.ASSIGN,
    Action.LEND_DEVICE,
    Action.ATTRIBUTE,
    Action.HAND_OVER_ENTRY,
    Action.WITNESS_CONSENT,
)

ALLOWED: Final[Mapping[tuple[Role, Relation], frozenset[Action]]] = {
    (Role.PATIENT, Relation.SELF): frozenset(_OWN),
    (Role.PATIENT, Relation.GUARDIAN): frozenset(_OWN),
    (Role.PATIENT, Relation.CARER): frozenset(
        {Action.SEE_IDENTITY, Action.SEE_VITALS, Action.ENTER_READING, Action.CALL}
    ),
    (Role.NURSE, Relation.AREA): frozenset((*_STATION, Action.SEE_VITALS)),
    (Role.NURSE, Relation.GLASS_BROKEN): frozenset({Action.SEE_IDENTITY, Action.SEE_VITALS}),
    (Role.DOCTOR, Relation.ASSIGNED): frozenset(_CARE_OF_ONE),
    (Role.DOCTOR, Relation.AREA): frozenset(_CARE_OF_ONE),
    (Role.DOCTOR, Relation.GLASS_BROKEN): frozenset(_CARE_OF_ONE),
    (Role.COORDINATOR, Relation.AREA): frozenset((*_STATION, Action.MERGE)),
    (Role.SUPERVISOR, Relation.AREA): frozenset({Action.SEE_IDENTITY}),
    (Role.ADMINISTRATOR, Relation.AREA): frozenset({Action.LEND_DEVICE}),
    (Role.PRIVACY_OFFICER, Relation.AREA): frozenset(
        {Action.SEE_IDENTITY, Action.SEE_READERS, Action.ANSWER_REQUEST, Action.EXPORT}
    ),
}
"""Role and relation to what they may do; each for the role's own purpose."""

BREAKABLE: Final[Mapping[Role, frozenset[Action]]] = {
    role: ALLOWED[role, Relation.GLASS_BROKEN] for role in (Role.NURSE, Role.DOCTOR)
}
"""What a stranger of a role may break the glass for."""
UNRESTRICTED: Final = frozenset({Role.PRIVACY_OFFICER})
"""Who reaches a person by area although processing is restricted."""


def relation(actor: Actor, subject: Subject) -> Relation:
    """Return how the actor stands to the subject; the closest relation counts."""
    if not subject.is_record:
        return Relation.STRANGER
    if actor.role is Role.PATIENT:
        return _own_relation(actor, subject)
    if actor.role is Role.DOCTOR and subject.assigned_doctor_id == actor.account_id:
        return Relation.ASSIGNED
    if in_area(actor, subject):
        return Relation.AREA
    return Relation.GLASS_BROKEN if subject.glass_broken else Relation.STRANGER


def _own_relation(actor: Actor, subject: Subject) -> Relation:
    if actor.person_id is not None and actor.person_id == subject.person_id:
        return Relation.SELF
    return Relation(subject.proxy) if subject.proxy else Relation.STRANGER


def in_area(actor: Actor, subject: Subject) -> bool:
    """Say whether the person is beneath the role's place and in its programme."""
    if subject.restricted and actor.role not in UNRESTRICTED:
        return False
    if actor.role is Role.DOCTOR and subject.programme_id is None:
        return False
    if actor.place_id is not None and actor.place_id not in subject.places:
        return False
    return actor.programme_id is None or actor.programme_id == subject.programme_id


def decide(role: Role, relation: Relation, purpose: Purpose, action: Action) -> Decision:
    """Return what the table says."""
    if purpose is not PURPOSE_OF[role]:
        return Decision.DENY
    if action in ALLOWED.get((role, relation), frozenset()):
        return Decision.ALLOW
    if relation is Relation.STRANGER and action in BREAKABLE.get(role, frozenset()):
        return Decision.BREAK_GLASS
    return Decision.DENY
