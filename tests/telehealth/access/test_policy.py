"""Who may do what to whom: the whole table, and how a relation is found."""

import itertools

import pytest

from telehealth.access.policy import (
    Action,
    Actor,
    Relation,
    Role,
    Subject,
    allowed,
    relation,
)

D, P, A = Role.DOCTOR, Role.PATIENT, Role.ADMINISTRATOR
MAY = {
    (D, Relation.ASSIGNED): {Action.SEE_VITALS, Action.ACT_ON_ALERT, Action.CALL},
    (D, Relation.PROGRAMME): {Action.SEE_VITALS, Action.ACT_ON_ALERT, Action.CALL},
    (P, Relation.SELF): {Action.SEE_VITALS, Action.CALL},
    (A, Relation.STRANGER): {Action.LEND_DEVICE},
}


@pytest.mark.parametrize(("role", "how"), list(itertools.product(Role, Relation)))
def test_everything_not_in_the_table_is_refused(role: Role, how: Relation) -> None:
    may = {action for action in Action if allowed(role, how, action)}
    assert may == MAY.get((role, how), set())


HOA = Subject("p-hoa", "binh-minh", "ac-mai")


@pytest.mark.parametrize(
    ("actor", "expected"),
    [
        (Actor("ac-mai", D, None, "binh-minh"), Relation.ASSIGNED),
        (Actor("ac-mai", D, None, "elsewhere"), Relation.ASSIGNED),
        (Actor("ac-tuan", D, None, "binh-minh"), Relation.PROGRAMME),
        (Actor("ac-xa", D, None, "far"), Relation.STRANGER),
        (Actor("ac-none", D), Relation.STRANGER),
        (Actor("ac-hoa", P, "p-hoa"), Relation.SELF),
        (Actor("ac-linh", P, "p-linh"), Relation.STRANGER),
        (Actor("ac-linh", P, None, "binh-minh"), Relation.STRANGER),
        (Actor("ac-admin", A, None, "binh-minh"), Relation.STRANGER),
        (Actor("ac-mai", A, "p-hoa", "binh-minh"), Relation.STRANGER),
    ],
)
def test_the_closest_relation_counts(actor: Actor, expected: Relation) -> None:
    assert relation(actor, HOA) is expected


def test_a_person_without_a_case_is_a_stranger_to_every_doctor() -> None:
    nobodys = Subject("p-hoa")
    assert relation(Actor("ac-none", D), nobodys) is Relation.STRANGER
    assert relation(Actor("ac-mai", D, None, "binh-minh"), nobodys) is Relation.STRANGER
