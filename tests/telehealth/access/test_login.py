"""Passwords, the lock-out, sessions in SQL; on both engines where SQL is used."""

import pytest

from telehealth import clock
from telehealth.access import accounts, login, sessions
from telehealth.access.login import FREE_FAILURES, LONGEST_LOCK_MS, LogInRefusedError, lock_ms
from telehealth.access.passwords import Passwords, hash_now, new_password
from telehealth.access.policy import Role
from telehealth.errors import NotFoundError, RefusedError
from telehealth.store.database import Database, Transaction
from tests.webui import people


async def try_log_in(database: Database, name: str, password: str) -> login.LoggedIn:
    return await login.log_in(
        database, Passwords(), login=name, password=password, user_agent="test"
    )


@pytest.fixture
async def commune(database: Database) -> Database:
    """Return a database with the commune in it."""
    await people.settle(database, clock.now_ms())
    return database


def test_a_hash_is_argon2id_and_never_the_same_twice() -> None:
    first, second = hash_now("secret-one"), hash_now("secret-one")
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second


async def test_only_the_right_password_matches_and_nobody_has_one() -> None:
    passwords = Passwords()
    encoded = await passwords.hash("secret-one")
    assert await passwords.matches(encoded, "secret-one")
    assert not await passwords.matches(encoded, "secret-two")
    assert not await passwords.matches(None, "secret-one")
    assert not await passwords.matches("not a hash", "secret-one")


def test_a_made_password_is_long_and_can_be_read_aloud() -> None:
    made = {new_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(password) == 19 for password in made)
    assert not set("".join(made)) & set("01iolIO")


@pytest.mark.parametrize(
    ("failures", "minutes"),
    [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (8, 8), (9, 15), (500, 15)],
)
def test_the_lock_doubles_up_to_a_quarter_of_an_hour(failures: int, minutes: int) -> None:
    assert lock_ms(failures) == minutes * 60_000
    assert lock_ms(failures) <= LONGEST_LOCK_MS


async def test_a_log_in_opens_a_session_of_the_account(commune: Database) -> None:
    opened = await try_log_in(commune, "BS.MAI ", people.PASSWORD)
    key = sessions.token_hash(opened.token)
    found = await commune.read(lambda r: sessions.find(r, key, clock.now_ms()))
    assert found is not None
    assert (found.account_id, found.role) == ("ac-doctor", Role.DOCTOR)
    assert len(opened.token) == 43


async def test_a_lock_holds_for_the_right_password_too_and_ends_by_itself(
    commune: Database,
) -> None:
    for _ in range(FREE_FAILURES - 1):
        with pytest.raises(LogInRefusedError) as refused:
            await try_log_in(commune, "bs.mai", "wrong")
        assert refused.value.locked_until_ms is None
    with pytest.raises(LogInRefusedError) as refused:
        await try_log_in(commune, "bs.mai", "wrong")
    assert refused.value.locked_until_ms is not None
    with pytest.raises(LogInRefusedError):
        await try_log_in(commune, "bs.mai", people.PASSWORD)
    await commune.write(
        lambda tx: tx.execute("UPDATE login_failure SET locked_until_ms = ?", (tx.now_ms - 1,))
    )
    assert (await try_log_in(commune, "bs.mai", people.PASSWORD)).account_id == "ac-doctor"


async def test_success_forgets_failures_and_a_day_does_too(commune: Database) -> None:
    for _ in range(FREE_FAILURES - 1):
        with pytest.raises(LogInRefusedError):
            await try_log_in(commune, "bs.mai", "wrong")
    await try_log_in(commune, "bs.mai", people.PASSWORD)
    assert await commune.read(lambda r: r.rows("SELECT 1 FROM login_failure")) == []
    for _ in range(FREE_FAILURES - 1):
        with pytest.raises(LogInRefusedError):
            await try_log_in(commune, "hoa", "wrong")
    await commune.write(
        lambda tx: tx.execute(
            "UPDATE login_failure SET last_ms = ?", (tx.now_ms - login.FORGET_AFTER_MS - 1,)
        )
    )
    with pytest.raises(LogInRefusedError) as refused:
        await try_log_in(commune, "hoa", "wrong")
    assert refused.value.locked_until_ms is None


@pytest.mark.parametrize("role", list(Role))
async def test_a_session_ends_at_its_idle_and_its_absolute_limit(
    commune: Database, role: Role
) -> None:
    account = {"doctor": "ac-doctor", "patient": "ac-hoa", "administrator": "ac-admin"}[role]
    limits = sessions.LIMITS[role]

    def opened(tx: Transaction) -> tuple[bytes, int]:
        return sessions.token_hash(sessions.open_session(tx, account, role, "x")), tx.now_ms

    key, at_ms = await commune.write(opened)

    async def alive(now_ms: int) -> bool:
        return await commune.read(lambda r: sessions.find(r, key, now_ms)) is not None

    assert await alive(at_ms + limits.idle_ms - 1)
    assert not await alive(at_ms + limits.idle_ms)
    last = at_ms + limits.absolute_ms
    await commune.write(lambda tx: tx.execute("UPDATE login_session SET used_ms = ?", (last - 2,)))
    assert await alive(last - 1)
    assert not await alive(last)


async def test_sessions_that_are_over_are_swept_when_one_opens(commune: Database) -> None:
    def open_old(tx: Transaction) -> None:
        sessions.open_session(tx, "ac-hoa", Role.PATIENT, "x")
        tx.execute("UPDATE login_session SET expires_ms = ?", (tx.now_ms - 1,))

    await commune.write(open_old)
    await commune.write(lambda tx: sessions.open_session(tx, "ac-hoa", Role.PATIENT, "x"))
    rows = await commune.read(lambda r: r.rows("SELECT 1 FROM login_session"))
    assert len(rows) == 1


async def test_an_account_is_made_checked_and_found_again(commune: Database) -> None:
    new = accounts.NewAccount(
        login="BS.Lan",
        display_name=" Lan ",
        role=Role.DOCTOR,
        password_hash="x",  # noqa: S106
    )
    account_id = await commune.write(lambda tx: accounts.create(tx, new))
    shown = await commune.read(accounts.shown)
    found = next(one for one in shown if one.account_id == account_id)
    assert (found.login, found.display_name, found.role) == ("bs.lan", "Lan", Role.DOCTOR)
    with pytest.raises(RefusedError):
        await commune.write(lambda tx: accounts.create(tx, new))


async def test_what_is_done_to_an_account_that_is_not_there_is_not_done(
    commune: Database,
) -> None:
    with pytest.raises(NotFoundError):
        await commune.write(lambda tx: accounts.disable(tx, "ac-none"))
    with pytest.raises(NotFoundError):
        await commune.write(lambda tx: accounts.set_password(tx, "ac-none", "x"))
