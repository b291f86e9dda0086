"""First halves: how long they live, what ends them, and that a changed clock lengthens none."""

from dataclasses import replace

import pytest

from telehealth import clock
from telehealth.access import steps
from telehealth.access.steps import LIFE_MS, MOST_FAILURES, Kind, Step, StepOverError
from telehealth.store.database import Database, Transaction
from tests.webui import people

NOW = 1_795_000_000_000
STEP = Step(b"s", Kind.SECOND_FACTOR, "ac-doctor", b"c", b"", 0, NOW + LIFE_MS[Kind.SECOND_FACTOR])


@pytest.fixture
async def commune(database: Database) -> Database:
    """Return a database with the commune in it."""
    await people.settle(database, clock.now_ms())
    return database


@pytest.mark.parametrize(
    ("moved_ms", "alive"),
    [(0, True), (299_999, True), (300_000, False), (-1, False), (-86_400_000, False)],
)
def test_a_step_lives_five_minutes_and_not_at_all_before_it_was_made(
    moved_ms: int, alive: bool
) -> None:
    assert steps.is_alive(STEP, NOW + moved_ms) is alive


@pytest.mark.parametrize(("failures", "alive"), [(4, True), (5, False)])
def test_the_fifth_failure_is_the_last(failures: int, alive: bool) -> None:
    assert steps.is_alive(replace(STEP, failures=failures), NOW) is alive


async def begun(database: Database) -> tuple[str, bytes]:
    token = await database.write(lambda tx: steps.begin(tx, Kind.SECOND_FACTOR, "ac-doctor"))
    return token, steps.name_of(token)


async def test_only_the_hash_of_a_steps_token_is_stored(commune: Database) -> None:
    token, name = await begun(commune)
    rows = await commune.read(lambda r: r.rows("SELECT step_hash FROM login_step"))
    assert [bytes(row[0]) for row in rows] == [name]
    assert token.encode() not in name


async def test_every_failure_changes_the_challenge_until_the_step_is_gone(
    commune: Database,
) -> None:
    _, name = await begun(commune)
    seen = set()
    for _ in range(MOST_FAILURES - 1):
        step = await commune.read(lambda r: steps.require(r, name, Kind.SECOND_FACTOR))
        seen.add(step.challenge)
        assert await commune.write(lambda tx, s=step: steps.fail(tx, s)) is not None  # type: ignore[misc]
    last = await commune.read(lambda r: steps.require(r, name, Kind.SECOND_FACTOR))
    assert len(seen | {last.challenge}) == MOST_FAILURES
    assert await commune.write(lambda tx: steps.fail(tx, last)) is None
    with pytest.raises(StepOverError):
        await commune.read(lambda r: steps.require(r, name, Kind.SECOND_FACTOR))


@pytest.mark.asvs("2.3.1")
async def test_a_step_does_not_serve_as_another(commune: Database) -> None:
    _, name = await begun(commune)
    with pytest.raises(StepOverError):
        await commune.read(lambda r: steps.require(r, name, Kind.SET_UP, Kind.NEW_PASSWORD))


async def test_a_session_has_one_step_of_a_kind_and_another_session_another(
    commune: Database,
) -> None:
    def twice(tx: Transaction) -> tuple[Step, Step, Step]:
        first, again = (steps.of_session(tx, b"a", Kind.NEW_KEY, "ac-doctor") for _ in range(2))
        return first, again, steps.of_session(tx, b"b", Kind.NEW_KEY, "ac-doctor")

    first, again, other = await commune.write(twice)
    assert first == again
    assert first.challenge != other.challenge


async def test_what_is_over_is_swept_when_another_begins(commune: Database) -> None:
    await begun(commune)
    await commune.write(lambda tx: tx.execute("UPDATE login_step SET expires_ms = ?", (tx.now_ms,)))
    _, name = await begun(commune)
    rows = await commune.read(lambda r: r.rows("SELECT step_hash FROM login_step"))
    assert [bytes(row[0]) for row in rows] == [name]
