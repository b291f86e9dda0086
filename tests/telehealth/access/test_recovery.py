"""Recovery codes: ten, hashed, each good once, for one account."""

import math

import pytest

from telehealth import clock
from telehealth.access import recovery
from telehealth.store.database import Database
from tests.webui import people


@pytest.fixture
async def commune(database: Database) -> Database:
    """Return a database with the commune in it."""
    await people.settle(database, clock.now_ms())
    return database


@pytest.mark.asvs("6.5.3", "6.5.4")
async def test_ten_codes_are_made_and_none_of_them_is_stored(commune: Database) -> None:
    codes = await commune.write(lambda tx: recovery.renew(tx, "ac-doctor"))
    assert len(set(codes)) == recovery.CODES == 10
    rows = await commune.read(lambda r: r.rows("SELECT code_hash FROM recovery_code"))
    stored = b"".join(bytes(row[0]) for row in rows)
    assert not any(recovery.normal_code(code).encode() in stored for code in codes)


@pytest.mark.asvs("6.5.2")
async def test_a_code_is_worth_so_much_that_a_plain_hash_is_enough(commune: Database) -> None:
    """OWASP ASVS 5.0 §6.5.2: from 112 bits on no slow, salted hash is asked for."""
    found: list[str] = []
    for _ in range(40):
        found += await commune.write(lambda tx: recovery.renew(tx, "ac-doctor"))
    codes = [recovery.normal_code(code) for code in found]
    characters = set("".join(codes))
    assert len(set(codes)) == 400
    assert {len(code) for code in codes} == {24}
    assert 24 * math.log2(len(characters)) >= 112
    assert all(len({code[place] for code in codes}) > 20 for place in range(24))


@pytest.mark.asvs("6.5.1")
async def test_a_code_works_once_however_it_is_typed(commune: Database) -> None:
    code = (await commune.write(lambda tx: recovery.renew(tx, "ac-doctor")))[3]
    typed = " " + code.upper().replace("-", " ")
    assert recovery.looks_like_one(typed)
    assert await commune.write(lambda tx: recovery.use(tx, "ac-doctor", typed))
    assert not await commune.write(lambda tx: recovery.use(tx, "ac-doctor", code))
    assert await commune.read(lambda r: recovery.left(r, "ac-doctor")) == 9


async def test_a_code_is_nobody_elses(commune: Database) -> None:
    code = (await commune.write(lambda tx: recovery.renew(tx, "ac-doctor")))[0]
    assert not await commune.write(lambda tx: recovery.use(tx, "ac-cover", code))
    assert await commune.write(lambda tx: recovery.use(tx, "ac-doctor", code))


async def test_new_codes_end_the_old_ones(commune: Database) -> None:
    old = await commune.write(lambda tx: recovery.renew(tx, "ac-doctor"))
    await commune.write(lambda tx: recovery.renew(tx, "ac-doctor"))
    assert not await commune.write(lambda tx: recovery.use(tx, "ac-doctor", old[0]))
    assert await commune.read(lambda r: recovery.left(r, "ac-doctor")) == 10


@pytest.mark.parametrize("code", ["", "123456", "abcd-efgh-jkmn-pqrs", "a" * 23, "a" * 25])
def test_something_of_another_length_is_no_recovery_code(code: str) -> None:
    assert not recovery.looks_like_one(code)
