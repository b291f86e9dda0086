"""Access in an emergency: with a reason, an hour at most, told at once, judged by others."""

from typing import Any

import pytest

from telehealth.access import break_glass
from telehealth.access.policy import Action, Actor, Role
from telehealth.access.scope import may, require
from telehealth.errors import (
    BreakGlassError,
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from telehealth.store.database import Database, Transaction
from tests import rows

DOCTOR = Actor("d0", Role.DOCTOR, None, None, "pl-xa", "gr-d0")
NURSE = Actor("n0", Role.NURSE, None, None, "pl-xa", "gr-n0")
OFFICER = Actor("o0", Role.PRIVACY_OFFICER, None, None, "pl-vn", "gr-o0")
WORDS = "Cấp cứu 115 chuyển đến, bất tỉnh"
MINUTE = 60_000


@pytest.fixture
async def country(database: Database) -> Database:
    """Return two communes with a stranger in the second, and who may look and judge."""

    def fill(tx: Transaction) -> None:
        rows.place(tx, "pl-vn")
        rows.place(tx, "pl-xa", "pl-vn")
        rows.place(tx, "pl-far", "pl-vn")
        rows.person(tx, "p-far", "Hà Văn Xa", "1970-05-05", place_id="pl-far")
        rows.person(tx, "p-near", "Lò Thị Gần", "1970-05-05", place_id="pl-xa")
        for actor in (DOCTOR, NURSE, OFFICER):
            rows.account(tx, actor.account_id, actor.role, place_id=actor.place_id)
        rows.account(tx, "o1", "privacy_officer", place_id="pl-far")
        rows.account(tx, "a0", "administrator")

    await database.write(fill)
    return database


def start(tx: Transaction, actor: Actor = DOCTOR, **more: Any) -> str:
    given = {"reason": "emergency_call", "note": WORDS, "minutes": 15} | more
    return break_glass.start(tx, actor, "p-far", **given)  # type: ignore[arg-type]


async def test_access_holds_for_its_minutes_and_not_one_longer(country: Database) -> None:
    def look(tx: Transaction) -> None:
        assert not may(tx, DOCTOR, "p-far", Action.SEE_VITALS)
        began = tx.now_ms
        start(tx)
        assert may(tx, DOCTOR, "p-far", Action.SEE_VITALS)
        assert may(tx, DOCTOR, "p-far", Action.CALL)
        assert not may(tx, DOCTOR, "p-far", Action.REGISTER)
        tx.now_ms = began + 15 * MINUTE - 1
        assert may(tx, DOCTOR, "p-far", Action.SEE_VITALS)
        tx.now_ms = began + 15 * MINUTE
        with pytest.raises(BreakGlassError):
            require(tx, DOCTOR, "p-far", Action.SEE_VITALS)

    await country.write(look)


async def test_it_is_one_accounts_alone(country: Database) -> None:
    def look(tx: Transaction) -> None:
        start(tx)
        assert not may(tx, NURSE, "p-far", Action.SEE_VITALS)

    await country.write(look)


@pytest.mark.parametrize("minutes", [1, 60])
async def test_an_hour_is_the_longest(country: Database, minutes: int) -> None:
    await country.write(lambda tx: start(tx, minutes=minutes))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"minutes": 0}, "minutes"),
        ({"minutes": 61}, "minutes"),
        ({"reason": ""}, "reason"),
        ({"reason": "curious"}, "reason"),
        ({"note": "ngắn quá"}, "note"),
        ({"note": "x" * 501}, "note"),
    ],
)
async def test_what_does_not_fit_is_refused_by_field(
    country: Database, more: dict[str, Any], field: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        await country.write(lambda tx: start(tx, **more))
    assert refused.value.field == field
    assert await country.read(lambda r: r.rows("SELECT 1 FROM break_glass")) == []


async def test_whoever_reaches_the_person_needs_none(country: Database) -> None:
    def look(tx: Transaction) -> None:
        break_glass.start(tx, NURSE, "p-near", reason="cover", note=WORDS, minutes=15)

    with pytest.raises(IllegalTransitionError):
        await country.write(look)


@pytest.mark.parametrize("actor", [OFFICER, Actor("a0", Role.ADMINISTRATOR)])
async def test_only_those_who_care_may(country: Database, actor: Actor) -> None:
    with pytest.raises(NotAllowedError):
        await country.write(lambda tx: start(tx, actor))


async def test_nobody_breaks_the_glass_to_nobody(country: Database) -> None:
    def look(tx: Transaction) -> None:
        break_glass.start(tx, DOCTOR, "p-none", reason="cover", note=WORDS, minutes=15)

    with pytest.raises(NotAllowedError):
        await country.write(look)


async def test_the_officers_of_the_persons_place_are_told_in_the_same_transaction(
    country: Database,
) -> None:
    await country.write(start)
    told = await country.read(
        lambda r: r.rows("SELECT recipient_id FROM outbox ORDER BY recipient_id")
    )
    assert told == [("o0",), ("o1",)]


async def test_without_an_officer_the_administrators_are_told(country: Database) -> None:
    def look(tx: Transaction) -> list[str]:
        tx.execute("UPDATE role_grant SET to_ms = 1 WHERE role = 'privacy_officer'")
        start(tx)
        return [row[0] for row in tx.rows("SELECT recipient_id FROM outbox")]

    assert await country.write(look) == ["a0"]


async def test_it_can_be_given_back_once_and_by_its_owner_alone(country: Database) -> None:
    key = await country.write(start)
    with pytest.raises(NotFoundError):
        await country.write(lambda tx: break_glass.end(tx, NURSE, key))

    def give_back(tx: Transaction) -> str:
        tx.now_ms += MINUTE
        return break_glass.end(tx, DOCTOR, key)

    assert await country.write(give_back) == "p-far"

    def after(tx: Transaction) -> None:
        tx.now_ms += MINUTE
        assert not may(tx, DOCTOR, "p-far", Action.SEE_VITALS)
        with pytest.raises(IllegalTransitionError):
            break_glass.end(tx, DOCTOR, key)

    await country.write(after)


async def test_it_is_judged_once_with_words_and_by_somebody_else(country: Database) -> None:
    key = await country.write(start)

    def review(tx: Transaction) -> None:
        with pytest.raises(RefusedError):
            break_glass.review(tx, OFFICER, key, "maybe", WORDS)
        with pytest.raises(RefusedError):
            break_glass.review(tx, OFFICER, key, "justified", "ok")
        far = Actor("d0", Role.PRIVACY_OFFICER, None, None, "pl-xa")
        with pytest.raises(NotFoundError):
            break_glass.review(tx, far, key, "justified", WORDS)
        assert break_glass.review(tx, OFFICER, key, "justified", WORDS) == "p-far"
        with pytest.raises(IllegalTransitionError):
            break_glass.review(tx, OFFICER, key, "justified", WORDS)
        shown = break_glass.for_review(tx, OFFICER)
        assert [(one.person, one.note, one.verdict) for one in shown] == [
            ("Hà Văn Xa", WORDS, "justified")
        ]

    await country.write(review)


async def test_nobody_judges_their_own(country: Database) -> None:
    def both(tx: Transaction) -> None:
        tx.execute("UPDATE role_grant SET account_id = 'd0' WHERE account_id = 'o0'")
        key = start(tx)
        own = Actor("d0", Role.PRIVACY_OFFICER, None, None, "pl-vn")
        with pytest.raises(NotAllowedError):
            break_glass.review(tx, own, key, "justified", WORDS)

    await country.write(both)


async def test_the_reason_in_words_lies_sealed(country: Database) -> None:
    await country.write(start)
    stored = await country.read(lambda r: r.rows("SELECT note FROM break_glass"))
    assert WORDS.encode() not in bytes(stored[0][0])
