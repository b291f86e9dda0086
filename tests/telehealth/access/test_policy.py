"""Who may do what to whom: the whole table, and how a relation is found."""

import itertools

import pytest

from telehealth.access.policy import (
    ALLOWED,
    BREAKABLE,
    PURPOSE_OF,
    STAFF,
    Action,
    Actor,
    Decision,
    Purpose,
    Relation,
    Role,
    Subject,
    decide,
    relation,
)
from tests.access_table import EXPECTED, expected

D, N, C, P, A, O = (  # noqa: E741 - the letters of docs/access.md
    Role.DOCTOR, Role.NURSE, Role.COORDINATOR, Role.PATIENT, Role.ADMINISTRATOR,
    Role.PRIVACY_OFFICER,
)  # fmt: skip


@pytest.mark.parametrize(("role", "how"), list(itertools.product(Role, Relation)))
def test_the_table_says_what_was_written_down_by_hand(role: Role, how: Relation) -> None:
    said = {action: decide(role, how, PURPOSE_OF[role], action) for action in Action}
    assert said == {action: expected(role, how, action) for action in Action}


def test_the_table_written_by_hand_names_every_role_relation_and_action() -> None:
    assert {role for role, _, _ in EXPECTED} <= set(Role)
    assert {how for _, how, _ in EXPECTED} <= set(Relation)
    assert {action for _, _, action in EXPECTED} == set(Action)


@pytest.mark.parametrize(("role", "purpose"), list(itertools.product(Role, Purpose)))
def test_a_role_serves_its_own_purpose_and_no_other(role: Role, purpose: Purpose) -> None:
    if purpose is not PURPOSE_OF[role]:
        said = {decide(role, how, purpose, a) for how in Relation for a in Action}
        assert said == {Decision.DENY}


@pytest.mark.parametrize(("role", "action"), list(itertools.product(Role, Action)))
def test_a_closer_relation_never_allows_less(role: Role, action: Action) -> None:
    """So a list may join its parts with OR (`scope.Scope`)."""
    chains = {
        Role.PATIENT: (Relation.SELF, Relation.GUARDIAN, Relation.CARER),
    }.get(role, (Relation.ASSIGNED, Relation.AREA, Relation.GLASS_BROKEN))
    held = [how for how in chains if (role, how) in ALLOWED]
    allowed = [action in ALLOWED[role, how] for how in held]
    assert allowed == sorted(allowed, reverse=True)


def test_the_glass_is_broken_only_by_those_who_care_and_only_to_care() -> None:
    assert set(BREAKABLE) == {D, N}
    assert BREAKABLE[D] == {
        Action.SEE_IDENTITY, Action.SEE_VITALS, Action.ACT_ON_ALERT, Action.CALL,
    }  # fmt: skip
    assert BREAKABLE[N] == {Action.SEE_IDENTITY, Action.SEE_VITALS}


def test_a_stranger_is_allowed_nothing_at_once() -> None:
    assert not [role for role in Role if ALLOWED.get((role, Relation.STRANGER))]


COMMUNE = frozenset({"pl-xa", "pl-tinh", "pl-vn"})
HOA = Subject(
    person_id="p-hoa", programme_id="binh-minh", assigned_doctor_id="ac-mai", places=COMMUNE
)


@pytest.mark.parametrize(
    ("actor", "expected_relation"),
    [
        (Actor("ac-mai", D, None, "binh-minh"), Relation.ASSIGNED),
        (Actor("ac-mai", D, None, "elsewhere", "pl-far"), Relation.ASSIGNED),
        (Actor("ac-tuan", D, None, "binh-minh"), Relation.AREA),
        (Actor("ac-tuan", D, None, "binh-minh", "pl-tinh"), Relation.AREA),
        (Actor("ac-tuan", D, None, "binh-minh", "pl-far"), Relation.STRANGER),
        (Actor("ac-tuan", D, None, None, "pl-xa"), Relation.AREA),
        (Actor("ac-xa", D, None, "far"), Relation.STRANGER),
        (Actor("ac-xa", D, None, "far", "pl-xa"), Relation.STRANGER),
        (Actor("ac-any", D), Relation.AREA),
        (Actor("ac-mai", N, None, None, "pl-xa"), Relation.AREA),
        (Actor("ac-mai", N, None, None, "pl-far"), Relation.STRANGER),
        (Actor("ac-hoa", P, "p-hoa"), Relation.SELF),
        (Actor("ac-linh", P, "p-linh"), Relation.STRANGER),
        (Actor("ac-linh", P, None, "binh-minh"), Relation.STRANGER),
        (Actor("ac-admin", A, None, None, "pl-vn"), Relation.AREA),
        (Actor("ac-mai", A, "p-hoa", "far"), Relation.STRANGER),
    ],
)
def test_the_closest_relation_counts(actor: Actor, expected_relation: Relation) -> None:
    assert relation(actor, HOA) is expected_relation


@pytest.mark.parametrize("kind", ["guardian", "carer"])
def test_a_proxy_is_one_for_patients_accounts_alone(kind: str) -> None:
    hoa = Subject(person_id="p-hoa", proxy=kind)
    assert relation(Actor("ac-con", P, "p-con"), hoa) is Relation(kind)
    assert relation(Actor("ac-con", P, "p-hoa"), hoa) is Relation.SELF
    assert relation(Actor("ac-con", C, "p-con", None, "pl-far"), hoa) is Relation.STRANGER


def test_a_person_without_a_case_is_a_stranger_to_every_doctor_and_not_to_the_nurse() -> None:
    nobodys = Subject(person_id="p-hoa", places=COMMUNE)
    assert relation(Actor("ac-any", D), nobodys) is Relation.STRANGER
    assert relation(Actor("ac-mai", D, None, None, "pl-xa"), nobodys) is Relation.STRANGER
    assert relation(Actor("ac-y", N, None, None, "pl-xa"), nobodys) is Relation.AREA


@pytest.mark.parametrize("role", sorted(STAFF))
def test_a_restricted_person_is_reached_by_name_not_by_area(role: Role) -> None:
    hoa = Subject(person_id="p-hoa", programme_id="b", places=COMMUNE, restricted=True)
    reached = relation(Actor("ac", role, None, None, "pl-vn"), hoa)
    assert reached is (Relation.AREA if role is O else Relation.STRANGER)
    assigned = Subject(person_id="p-hoa", assigned_doctor_id="ac", restricted=True)
    named = relation(Actor("ac", role, None, None, "pl-far"), assigned)
    assert named is (Relation.ASSIGNED if role is D else Relation.STRANGER)


def test_a_broken_glass_is_a_relation_only_where_there_is_no_closer_one() -> None:
    broken = Subject(person_id="p", programme_id="b", places=COMMUNE, glass_broken=True)
    assert relation(Actor("ac", D, None, None, "pl-far"), broken) is Relation.GLASS_BROKEN
    assert relation(Actor("ac", D, None, None, "pl-xa"), broken) is Relation.AREA


@pytest.mark.parametrize("role", list(Role))
def test_what_is_no_record_is_a_stranger_to_everybody(role: Role) -> None:
    gone = Subject(
        person_id="p", programme_id="b", assigned_doctor_id="ac", places=COMMUNE, proxy="carer",
        glass_broken=True, is_record=False,
    )  # fmt: skip
    assert relation(Actor("ac", role, "p"), gone) is Relation.STRANGER
