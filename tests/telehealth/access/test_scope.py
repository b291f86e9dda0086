"""The list is the policy: a query finds exactly the people whom the policy allows, one by one."""

import random
from dataclasses import replace

import pytest

from telehealth.access.policy import (
    PURPOSE_OF,
    Action,
    Actor,
    Decision,
    Relation,
    Role,
    decide,
    relation,
)
from telehealth.access.scope import Scope, may, require, subject_of
from telehealth.errors import BreakGlassError, NotAllowedError
from telehealth.store import tables
from telehealth.store.database import Database, Transaction
from tests import rows

PLACES = {"vn": None, "t1": "vn", "t2": "vn", "x1": "t1", "x2": "t1", "x3": "t2"}
PROGRAMMES = {"g1": "x1", "g2": "t2"}
DOCTORS = ("d0", "d1")
PERSONS = tuple(f"p{n}" for n in range(24))


def _people(tx: Transaction, seed: int) -> None:
    """A random commune: cases, doctors, proxies, broken glasses, restrictions, merged records."""
    dice = random.Random(seed)  # noqa: S311 - a test's people
    for place_id, parent_id in PLACES.items():
        rows.place(tx, place_id, parent_id)
    for programme_id, place_id in PROGRAMMES.items():
        tx.session.add(
            tables.Programme(
                programme_id=programme_id,
                name=programme_id,
                place=place_id,
                place_id=place_id,
                rule_pack="moh-vn-261@2022-01-31",
                valid_from_ms=0,
            )
        )
    for doctor in DOCTORS:
        rows.account(tx, doctor, "doctor")
    now = tx.now_ms
    for number, person_id in enumerate(PERSONS):
        rows.person(
            tx,
            person_id,
            "N",
            "1990-01-01",
            place_id=dice.choice([None, *PLACES]),
            restricted_ms=1 if dice.random() < 0.15 else None,
            merged_into=PERSONS[0] if number and dice.random() < 0.1 else None,
        )
        if dice.random() < 0.7:
            tx.session.add(
                tables.Case(
                    case_id=f"c{number}",
                    person_id=person_id,
                    programme_id=dice.choice(list(PROGRAMMES)),
                    assigned_doctor_id=dice.choice([None, *DOCTORS]),
                    opened_ms=0,
                    closed_ms=now if dice.random() < 0.2 else None,
                )
            )
        if number and dice.random() < 0.5:
            _proxy(tx, dice, person_id, dice.choice(PERSONS[:number]))
        if dice.random() < 0.3:
            _glass(tx, dice, f"bg{number}", person_id)
    tx.session.flush()


def _proxy(tx: Transaction, dice: random.Random, person_id: str, by: str) -> None:
    tx.session.flush()
    for kind in dice.sample(["carer", "guardian"], dice.choice([1, 2])):
        tx.session.add(
            tables.PersonProxy(
                proxy_id=f"px-{person_id}-{kind}",
                person_id=person_id,
                proxy_person_id=by,
                kind=kind,
                basis="test",
                granted_by="test",
                from_ms=dice.choice([0, tx.now_ms + 60_000]),
                to_ms=dice.choice([None, tx.now_ms - 1, tx.now_ms + 90_000]),
            )
        )


def _glass(tx: Transaction, dice: random.Random, key: str, person_id: str) -> None:
    tx.session.add(
        tables.BreakGlass(
            break_glass_id=key,
            account_id=dice.choice(DOCTORS),
            person_id=person_id,
            reason="test",
            started_ms=tx.now_ms - 60_000,
            ends_ms=tx.now_ms + dice.choice([-1, 60_000]),
        )
    )


def _actor(dice: random.Random) -> Actor:
    return Actor(
        dice.choice(DOCTORS),
        dice.choice(list(Role)),
        dice.choice([None, *PERSONS]),
        dice.choice([None, None, *PROGRAMMES]),
        dice.choice([None, *PLACES]),
    )


@pytest.mark.asvs("8.2.2")
@pytest.mark.parametrize("seed", range(12))
async def test_the_query_finds_exactly_those_whom_the_policy_allows_one_by_one(
    database: Database, seed: int
) -> None:
    def compare(tx: Transaction) -> None:
        _people(tx, seed)
        dice = random.Random(seed)  # noqa: S311 - a test's actors
        for actor in [replace(_actor(dice), role=role) for role in Role for _ in range(2)]:
            stand = {p: relation(actor, subject_of(tx, actor, p)) for p in PERSONS}
            for action in Action:
                found = sorted(Scope(actor, action, tx.now_ms).persons(tx))
                allowed = sorted(p for p in PERSONS if _allowed(actor, stand[p], action))
                assert found == allowed, (actor, action)
                one = dice.choice(PERSONS)
                assert may(tx, actor, one, action) is (one in allowed)

    await database.write(compare)


def _allowed(actor: Actor, how: Relation, action: Action) -> bool:
    return decide(actor.role, how, PURPOSE_OF[actor.role], action) is Decision.ALLOW


async def test_whoever_may_break_the_glass_is_told_so_and_nobody_else(database: Database) -> None:
    def look(tx: Transaction) -> None:
        _people(tx, 7)
        rows.person(tx, "p-far", "Xa", "1990-01-01", place_id="x3")
        doctor = Actor("d0", Role.DOCTOR, None, None, "x1")
        nurse = Actor("n0", Role.NURSE, None, None, "x1")
        with pytest.raises(BreakGlassError) as refused:
            require(tx, doctor, "p-far", Action.SEE_VITALS)
        assert refused.value.person_id == "p-far"
        with pytest.raises(NotAllowedError) as plainly:
            require(tx, nurse, "p-far", Action.REGISTER)
        assert not isinstance(plainly.value, BreakGlassError)

    await database.write(look)


async def test_an_unknown_person_is_refused_in_the_same_words_as_a_stranger(
    database: Database,
) -> None:
    def look(tx: Transaction) -> None:
        _people(tx, 3)
        rows.person(tx, "p-far", "Xa", "1990-01-01", place_id="x3")
        nurse = Actor("n0", Role.NURSE, None, None, "x1")
        words = []
        for person_id in ("p-far", "p-none"):
            with pytest.raises(NotAllowedError) as refused:
                require(tx, nurse, person_id, Action.SEE_IDENTITY)
            words.append(str(refused.value).replace(person_id, "…"))
            words.append(type(refused.value).__name__)
        assert words[:2] == words[2:]
        assert not subject_of(tx, nurse, "p-none").is_record

    await database.write(look)
