"""Stored token buckets: what is refused, for how long, and what a clock that jumps does to them."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telehealth.access import limits
from telehealth.access.limits import RATES, Bucket, Limit, Rate, TooManyAttemptsError, spend
from telehealth.store.database import Database, Transaction
from tests.keys import opened

THREE = Rate(burst=3, refill_ms=60_000)
NOW = 1_795_000_000_000
LOGIN = Limit("login", "bs.mai")


def spent(times: int, *, at_ms: int = NOW) -> Bucket | None:
    bucket = None
    for _ in range(times):
        bucket = spend(bucket, at_ms, THREE).bucket
    return bucket


def test_a_bucket_allows_its_burst_and_refuses_the_next() -> None:
    assert spend(spent(2), NOW, THREE).allowed
    refused = spend(spent(3), NOW, THREE)
    assert not refused.allowed
    assert refused.retry_after_ms == 60_000


@pytest.mark.parametrize(("elapsed_ms", "allowed"), [(59_999, False), (60_000, True)])
def test_one_more_is_allowed_after_the_refill_and_not_a_moment_before(
    elapsed_ms: int, allowed: bool
) -> None:
    assert spend(spent(3), NOW + elapsed_ms, THREE).allowed is allowed


def test_a_refused_try_costs_nothing() -> None:
    full = spent(3)
    again = spend(spend(full, NOW + 30_000, THREE).bucket, NOW + 30_000, THREE)
    assert again.retry_after_ms == 30_000


def test_a_clock_set_back_drains_nothing_and_locks_nobody_for_longer() -> None:
    full = spent(3)
    back = spend(full, NOW - 3_600_000, THREE)
    assert not back.allowed
    assert back.retry_after_ms == 60_000
    assert spend(back.bucket, NOW - 3_600_000 + 60_000, THREE).allowed


def test_a_clock_set_forward_empties_the_bucket_and_no_more() -> None:
    far = spend(spent(3), NOW + 10**12, THREE)
    assert far.bucket.used == 1


@given(st.lists(st.integers(0, 600_000), min_size=1, max_size=60))
def test_never_more_than_the_burst_and_the_refills_are_allowed(gaps_ms: list[int]) -> None:
    bucket, now_ms, allowed = None, NOW, 0
    for gap_ms in gaps_ms:
        now_ms += gap_ms
        found = spend(bucket, now_ms, THREE)
        bucket, allowed = found.bucket, allowed + found.allowed
        assert found.allowed == (found.retry_after_ms == 0)
    assert allowed <= THREE.burst + sum(gaps_ms) / THREE.refill_ms + 1e-6


@given(st.integers(0, 10), st.integers(-(10**7), 10**7))
def test_after_the_wait_that_is_told_a_try_is_allowed(tries: int, jump_ms: int) -> None:
    found = spend(spent(tries), NOW + jump_ms, THREE)
    later = NOW + jump_ms + found.retry_after_ms
    assert spend(found.bucket if not found.allowed else None, later, THREE).allowed


def take_often(tx: Transaction, times: int, *what: Limit) -> None:
    for _ in range(times):
        limits.take(tx, *what)


async def test_the_sixth_guess_of_a_name_is_refused_and_another_name_is_not(
    database: Database,
) -> None:
    await database.write(lambda tx: take_often(tx, 5, LOGIN))
    with pytest.raises(TooManyAttemptsError) as refused:
        await database.write(lambda tx: limits.take(tx, LOGIN))
    assert 0 < refused.value.retry_after_ms <= 60_000
    await database.write(lambda tx: limits.take(tx, Limit("login", "bs.lan")))


async def test_the_fiftieth_guess_of_a_day_is_the_last_however_slow(database: Database) -> None:
    minute, day = RATES["login"]
    assert (day.burst, day.refill_ms * day.burst) == (50, 24 * 3_600_000)

    def slowly(tx: Transaction) -> int:
        for number in range(200):
            tx.now_ms += minute.refill_ms
            try:
                limits.take(tx, LOGIN)
            except TooManyAttemptsError:
                return number
        return 200

    assert 50 <= await database.write(slowly) <= 60


@pytest.mark.asvs("6.3.1")
async def test_limits_survive_a_restart(database: Database) -> None:
    await database.write(lambda tx: take_often(tx, 5, LOGIN))
    after = opened(database.url)
    try:
        with pytest.raises(TooManyAttemptsError):
            await after.write(lambda tx: limits.take(tx, LOGIN))
    finally:
        await after.close()


async def test_what_one_limit_refuses_is_not_counted_against_the_others(
    database: Database,
) -> None:
    address = Limit("address", "192.0.2.7")
    await database.write(lambda tx: take_often(tx, 5, LOGIN))
    with pytest.raises(TooManyAttemptsError):
        await database.write(lambda tx: limits.take(tx, LOGIN, address))
    await database.write(lambda tx: take_often(tx, 300, address))
    with pytest.raises(TooManyAttemptsError) as refused:
        await database.write(lambda tx: limits.take(tx, address))
    assert refused.value.kind == "address"


async def test_success_gives_the_try_back_and_forgets_the_failures(database: Database) -> None:
    address = Limit("address", "192.0.2.7")

    def use(tx: Transaction) -> None:
        take_often(tx, 300, address)
        limits.give_back(tx, address)
        limits.take(tx, address)
        take_often(tx, 5, LOGIN)
        limits.forget(tx, LOGIN)
        take_often(tx, 5, LOGIN)

    await database.write(use)
    with pytest.raises(TooManyAttemptsError):
        await database.write(lambda tx: limits.take(tx, LOGIN))


@pytest.mark.asvs("6.3.1")
async def test_many_at_once_are_no_more_than_many_in_a_row(database: Database) -> None:
    async def one() -> bool:
        try:
            await database.write(lambda tx: limits.take(tx, LOGIN))
        except TooManyAttemptsError:
            return False
        return True

    assert sum(await asyncio.gather(*(one() for _ in range(12)))) == 5


async def test_the_table_names_nobody_and_forgets_what_is_old(database: Database) -> None:
    def old(tx: Transaction) -> None:
        limits.take(tx, LOGIN)
        tx.execute("UPDATE attempts SET updated_ms = 1")
        limits.take(tx, Limit("login", "someone"))

    await database.write(old)
    rows = await database.read(lambda r: r.rows("SELECT key, updated_ms FROM attempts"))
    assert len(rows) == len(RATES["login"])
    assert all(updated_ms > 1 for _, updated_ms in rows)
    assert not any(b"someone" in bytes(key) for key, _ in rows)
