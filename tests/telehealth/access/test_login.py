"""Logging in step by step, what each step asks, and sessions in SQL; on both engines."""

import asyncio
from dataclasses import replace

import pyotp
import pytest

from telehealth import clock
from telehealth.access import (
    accounts,
    limits,
    login,
    recovery,
    second_factor,
    security_keys,
    sessions,
    steps,
)
from telehealth.access.limits import Limit, TooManyAttemptsError
from telehealth.access.login import Caller, HalfWay, LoggedIn, LogInRefusedError, NoRoleError
from telehealth.access.passwords import MAX_LENGTH, Passwords, hash_now, new_password
from telehealth.access.policy import STAFF, Role
from telehealth.access.security_keys import Party
from telehealth.access.steps import Kind, StepOverError
from telehealth.errors import NotFoundError, RefusedError
from telehealth.store.database import Database, Transaction
from tests import rows
from tests.authenticator import SoftKey, base64url
from tests.webui import people

PARTY = Party("localhost", "http://localhost")
OFFERED = Caller(user_agent="test", address="192.0.2.7", second_factor_required=False)
REQUIRED = replace(OFFERED, second_factor_required=True)
NEW = "trâu nhà ai gặm cỏ"


async def try_log_in(
    database: Database, name: str, password: str = people.PASSWORD, caller: Caller = OFFERED
) -> LoggedIn | HalfWay:
    return await login.log_in(database, Passwords(), login=name, password=password, caller=caller)


async def half(database: Database, name: str = "bs.mai", caller: Caller = OFFERED) -> HalfWay:
    found = await try_log_in(database, name, caller=caller)
    assert isinstance(found, HalfWay)
    return found


async def whole(database: Database, name: str = "bs.mai", caller: Caller = OFFERED) -> LoggedIn:
    found = await try_log_in(database, name, caller=caller)
    assert isinstance(found, LoggedIn)
    return found


async def fail(
    database: Database, times: int, name: str = "bs.mai", caller: Caller = OFFERED
) -> None:
    for _ in range(times):
        with pytest.raises(LogInRefusedError):
            await try_log_in(database, name, "wrong", caller)


async def set_up_totp(database: Database, account_id: str = "ac-doctor") -> str:
    def enable(tx: Transaction) -> str:
        secret = second_factor.new_secret()
        digits = pyotp.TOTP(secret).at(tx.now_ms // 1000 - 30)
        assert second_factor.enable_totp(tx, account_id, secret, digits)
        return secret

    return await database.write(enable)


async def code_now(database: Database, secret: str) -> str:
    return str(pyotp.TOTP(secret).at(await database.read(lambda r: r.now_ms) // 1000))


@pytest.fixture
async def commune(database: Database) -> Database:
    """Return a database with the commune in it."""
    await people.settle(database, clock.now_ms())
    return database


@pytest.mark.asvs("11.4.2")
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


@pytest.mark.asvs("6.2.8")
async def test_a_password_is_neither_cut_nor_trimmed_before_it_is_checked() -> None:
    passwords, longest = Passwords(), "hgktvxzpnb" * (MAX_LENGTH // 10)
    encoded = await passwords.hash(longest)
    assert await passwords.matches(encoded, longest)
    assert not await passwords.matches(encoded, longest + "x")
    assert not await passwords.matches(encoded, longest[:-1])
    spaced = await passwords.hash(" Mở ra, vừng ơi ")
    assert await passwords.matches(spaced, " Mở ra, vừng ơi ")
    for other in ("Mở ra, vừng ơi", " Mở ra, vừng ơi", " mở ra, vừng ơi "):
        assert not await passwords.matches(spaced, other)


@pytest.mark.asvs("6.4.1")
def test_a_made_password_is_long_and_can_be_read_aloud() -> None:
    made = {new_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(password) == 19 for password in made)
    assert not set("".join(made)) & set("01iolIO")


@pytest.mark.asvs("6.4.3")
@pytest.mark.parametrize(
    ("has_factor", "factor", "temporary", "must", "kind"),
    [
        (False, None, False, False, None),
        (False, None, False, True, Kind.SET_UP),
        (False, None, True, True, Kind.NEW_PASSWORD),
        (False, None, True, False, Kind.NEW_PASSWORD),
        (True, None, False, False, Kind.SECOND_FACTOR),
        (True, None, True, True, Kind.SECOND_FACTOR),
        (True, "totp", True, True, Kind.NEW_PASSWORD),
        (True, "totp", False, True, None),
    ],
)
def test_a_log_in_asks_for_the_factor_then_a_new_password_then_a_set_up(
    has_factor: bool, factor: str | None, temporary: bool, must: bool, kind: Kind | None
) -> None:
    found = login.next_kind(
        has_factor=has_factor, factor=factor, password_temporary=temporary, must_have_one=must
    )
    assert found is kind


async def test_a_log_in_opens_a_session_of_the_account(commune: Database) -> None:
    opened = await whole(commune, "BS.MAI ")
    key = sessions.token_hash(opened.token)
    found = await commune.read(lambda r: sessions.find(r, key, clock.now_ms()))
    assert found is not None
    assert (found.account_id, found.role, found.second_factor) == ("ac-doctor", Role.DOCTOR, None)
    assert len(opened.token) == 43


async def test_the_session_before_gives_way_to_the_new_one(commune: Database) -> None:
    first = sessions.token_hash((await whole(commune)).token)
    await whole(commune, caller=replace(OFFERED, replaced=first))
    assert await commune.read(lambda r: sessions.find(r, first, r.now_ms)) is None


@pytest.mark.parametrize(("name", "password"), [("bs.mai", "wrong"), ("nobody", "wrong")])
async def test_wrong_and_unknown_are_refused_alike(
    commune: Database, name: str, password: str
) -> None:
    with pytest.raises(LogInRefusedError) as refused:
        await try_log_in(commune, name, password)
    assert str(refused.value) == "log-in refused"


async def test_after_five_failures_the_right_password_waits_too_and_then_works(
    commune: Database,
) -> None:
    await fail(commune, 5)
    with pytest.raises(TooManyAttemptsError) as refused:
        await try_log_in(commune, "bs.mai")
    assert 0 < refused.value.retry_after_ms <= 60_000
    await whole(commune, "bs.tuan")
    await commune.write(
        lambda tx: tx.execute("UPDATE attempts SET updated_ms = ?", (tx.now_ms - 60_000,))
    )
    await whole(commune)


async def test_success_forgets_the_failures_before_it(commune: Database) -> None:
    for _ in range(3):
        await fail(commune, 4)
        await whole(commune)


async def test_guesses_at_once_are_no_more_than_guesses_in_a_row(commune: Database) -> None:
    passwords = Passwords()
    guess = {"login": "bs.mai", "password": "wrong"}
    found = await asyncio.gather(
        *(login.log_in(commune, passwords, **guess, caller=OFFERED) for _ in range(9)),
        return_exceptions=True,
    )
    kinds = sorted(type(one).__name__ for one in found)
    assert kinds == ["LogInRefusedError"] * 5 + ["TooManyAttemptsError"] * 4


@pytest.mark.asvs("6.3.1")
async def test_a_stranger_who_guesses_does_not_lock_the_owner_out_of_her_own_browser(
    commune: Database,
) -> None:
    own = replace(OFFERED, browser=(await whole(commune)).browser)
    await fail(commune, 5, caller=replace(OFFERED, address="203.0.113.9"))
    with pytest.raises(TooManyAttemptsError):
        await try_log_in(commune, "bs.mai")
    await whole(commune, caller=own)
    await fail(commune, 5, caller=own)
    with pytest.raises(TooManyAttemptsError):
        await try_log_in(commune, "bs.mai", caller=own)


async def test_a_whole_commune_behind_one_address_may_log_in_from_its_own_browsers(
    commune: Database,
) -> None:
    own = replace(OFFERED, browser=(await whole(commune)).browser)
    await commune.write(_use_up_address)
    with pytest.raises(TooManyAttemptsError) as refused:
        await try_log_in(commune, "bs.tuan")
    assert refused.value.kind == "address"
    await whole(commune, caller=own)


def _use_up_address(tx: Transaction) -> None:
    for _ in range(300):
        limits.take(tx, Limit("address", OFFERED.address))


@pytest.mark.asvs("6.3.3")
async def test_staff_without_a_second_factor_set_one_up_and_patients_do_not(
    commune: Database,
) -> None:
    assert (await half(commune, caller=REQUIRED)).kind is Kind.SET_UP
    assert (await half(commune, "quantri", REQUIRED)).kind is Kind.SET_UP
    await whole(commune, "hoa", REQUIRED)


@pytest.mark.asvs("6.3.3")
async def test_the_first_half_alone_is_no_session(commune: Database) -> None:
    found = await half(commune, caller=REQUIRED)
    key = sessions.token_hash(found.token)
    assert await commune.read(lambda r: sessions.find(r, key, r.now_ms)) is None
    assert await commune.read(lambda r: r.rows("SELECT 1 FROM login_session")) == []


async def test_setting_up_an_authenticator_opens_the_session_and_gives_recovery_codes(
    commune: Database,
) -> None:
    waiting = await half(commune, caller=REQUIRED)

    def secret_of(tx: Transaction) -> str:
        step = steps.require(tx, steps.name_of(waiting.token), Kind.SET_UP)
        return second_factor.pending_secret(tx, step)

    secret = await commune.write(secret_of)
    with pytest.raises(LogInRefusedError):
        await login.set_up_totp(commune, waiting.token, code="000000", caller=REQUIRED)
    opened = await login.set_up_totp(
        commune, waiting.token, code=await code_now(commune, secret), caller=REQUIRED
    )
    assert len(opened.recovery_codes) == 10
    found = await commune.read(
        lambda r: sessions.find(r, sessions.token_hash(opened.token), r.now_ms)
    )
    assert found is not None
    assert found.second_factor == "totp"
    assert (await half(commune, caller=REQUIRED)).kind is Kind.SECOND_FACTOR


async def test_setting_up_a_security_key_opens_the_session(commune: Database) -> None:
    waiting, key = await half(commune, caller=REQUIRED), SoftKey()
    name = steps.name_of(waiting.token)

    async def answer(**more: str) -> str:
        step = await commune.read(lambda r: steps.require(r, name, Kind.SET_UP))
        return key.make({"challenge": base64url(step.challenge)}, **more)

    with pytest.raises(LogInRefusedError):
        await login.set_up_key(
            commune, waiting.token, name="x", answer=await answer(origin="https://evil.example"),
            party=PARTY, caller=REQUIRED,
        )  # fmt: skip
    opened = await login.set_up_key(
        commune, waiting.token, name="x", answer=await answer(), party=PARTY, caller=REQUIRED
    )
    assert len(opened.recovery_codes) == 10


async def test_a_code_of_the_authenticator_completes_the_log_in_once(commune: Database) -> None:
    secret = await set_up_totp(commune)
    waiting, other = await half(commune), await half(commune)
    code = await code_now(commune, secret)
    opened = await login.prove(commune, waiting.token, code=code, caller=OFFERED)
    assert isinstance(opened, LoggedIn)
    with pytest.raises(LogInRefusedError):
        await login.prove(commune, other.token, code=code, caller=OFFERED)
    with pytest.raises(StepOverError):
        await login.prove(commune, waiting.token, code=code, caller=OFFERED)


@pytest.mark.asvs("6.6.2")
async def test_a_security_key_completes_the_log_in_for_its_own_step_only(
    commune: Database,
) -> None:
    key = SoftKey()
    options = {"challenge": base64url(b"c" * 32)}
    await commune.write(
        lambda tx: security_keys.register(
            tx, "ac-doctor", name="x", answer=key.make(options), challenge=b"c" * 32, party=PARTY
        )
    )
    first, second = await half(commune), await half(commune)

    async def signed(waiting: HalfWay) -> str:
        name = steps.name_of(waiting.token)
        step = await commune.read(lambda r: steps.require(r, name, Kind.SECOND_FACTOR))
        return key.sign({"challenge": base64url(step.challenge)})

    answer = await signed(first)
    with pytest.raises(LogInRefusedError):
        await login.prove(commune, second.token, answer=answer, party=PARTY, caller=OFFERED)
    opened = await login.prove(commune, first.token, answer=answer, party=PARTY, caller=OFFERED)
    assert isinstance(opened, LoggedIn)


async def test_a_recovery_code_completes_the_log_in_once(commune: Database) -> None:
    await set_up_totp(commune)
    codes = await commune.write(lambda tx: recovery.renew(tx, "ac-doctor"))
    first, second = await half(commune), await half(commune)
    opened = await login.prove(commune, first.token, code=codes[0], caller=OFFERED)
    assert isinstance(opened, LoggedIn)
    with pytest.raises(LogInRefusedError):
        await login.prove(commune, second.token, code=codes[0], caller=OFFERED)


async def test_the_fifth_wrong_code_ends_the_step_and_the_limit_outlives_it(
    commune: Database,
) -> None:
    secret = await set_up_totp(commune)
    waiting = await half(commune)
    for _ in range(4):
        with pytest.raises(LogInRefusedError):
            await login.prove(commune, waiting.token, code="000000", caller=OFFERED)
    with pytest.raises(StepOverError):
        await login.prove(commune, waiting.token, code="000000", caller=OFFERED)
    again = await half(commune)
    with pytest.raises(TooManyAttemptsError):
        await login.prove(
            commune, again.token, code=await code_now(commune, secret), caller=OFFERED
        )


@pytest.mark.parametrize("token", ["", "forged", "x" * 43])
async def test_a_forged_step_leads_nowhere(commune: Database, token: str) -> None:
    with pytest.raises(StepOverError):
        await login.prove(commune, token, code="000000", caller=OFFERED)
    with pytest.raises(StepOverError):
        await login.replace_password(commune, Passwords(), token, new=NEW, caller=OFFERED)
    with pytest.raises(StepOverError):
        await login.set_up_totp(commune, token, code="000000", caller=OFFERED)


@pytest.mark.asvs("2.3.1", "6.3.4")
async def test_nobody_sets_up_a_new_factor_instead_of_proving_the_old_one(
    commune: Database,
) -> None:
    await set_up_totp(commune)
    waiting = await half(commune, caller=REQUIRED)
    with pytest.raises(StepOverError):
        await login.set_up_totp(commune, waiting.token, code="000000", caller=REQUIRED)
    with pytest.raises(StepOverError):
        await login.replace_password(commune, Passwords(), waiting.token, new=NEW, caller=REQUIRED)


@pytest.mark.parametrize("moved_ms", [5 * 60_000, -60_000, -(10**10)])
async def test_a_half_done_log_in_from_before_the_clock_jumped_is_over(
    commune: Database, moved_ms: int
) -> None:
    secret = await set_up_totp(commune)
    waiting = await half(commune)
    await commune.write(
        lambda tx: tx.execute("UPDATE login_step SET expires_ms = expires_ms - ?", (moved_ms,))
    )
    with pytest.raises(StepOverError):
        await login.prove(
            commune, waiting.token, code=await code_now(commune, secret), caller=OFFERED
        )


async def make_temporary(database: Database) -> None:
    await database.write(
        lambda tx: tx.execute("UPDATE account SET password_temporary = ?", (True,))
    )


async def test_a_password_that_somebody_else_made_is_replaced_first(commune: Database) -> None:
    await make_temporary(commune)
    waiting = await half(commune)
    assert waiting.kind is Kind.NEW_PASSWORD
    opened = await login.replace_password(
        commune, Passwords(), waiting.token, new=NEW, caller=OFFERED
    )
    assert isinstance(opened, LoggedIn)
    with pytest.raises(LogInRefusedError):
        await try_log_in(commune, "bs.mai")
    assert isinstance(await try_log_in(commune, "bs.mai", NEW), LoggedIn)


@pytest.mark.parametrize(
    ("new", "limit"),
    [("short", "length"), ("1234567890", "obvious"), ("bs.mai bs.mai", "obvious"),
     (people.PASSWORD, "same")],
)  # fmt: skip
async def test_the_new_password_is_neither_short_nor_obvious_nor_the_old_one(
    commune: Database, new: str, limit: str
) -> None:
    await make_temporary(commune)
    waiting = await half(commune)
    with pytest.raises(RefusedError) as refused:
        await login.replace_password(commune, Passwords(), waiting.token, new=new, caller=OFFERED)
    assert refused.value.limit == limit
    assert new not in str(refused.value) or limit == "same"
    await login.replace_password(commune, Passwords(), waiting.token, new=NEW, caller=OFFERED)


async def test_after_the_new_password_a_missing_factor_is_still_set_up(commune: Database) -> None:
    await make_temporary(commune)
    waiting = await half(commune, caller=REQUIRED)
    onwards = await login.replace_password(
        commune, Passwords(), waiting.token, new=NEW, caller=REQUIRED
    )
    assert isinstance(onwards, HalfWay)
    assert onwards.kind is Kind.SET_UP


@pytest.mark.asvs("6.4.3")
async def test_the_factor_that_was_proved_is_noted_after_a_new_password_too(
    commune: Database,
) -> None:
    secret = await set_up_totp(commune)
    await make_temporary(commune)
    waiting = await half(commune, caller=REQUIRED)
    second = await login.prove(
        commune, waiting.token, code=await code_now(commune, secret), caller=REQUIRED
    )
    assert isinstance(second, HalfWay)
    opened = await login.replace_password(
        commune, Passwords(), second.token, new=NEW, caller=REQUIRED
    )
    assert isinstance(opened, LoggedIn)
    found = await commune.read(
        lambda r: sessions.find(r, sessions.token_hash(opened.token), r.now_ms)
    )
    assert found is not None
    assert found.second_factor == "totp"


async def test_staff_whose_roles_have_ended_are_told_so_only_after_the_right_password(
    commune: Database,
) -> None:
    await commune.write(
        lambda tx: tx.execute(
            "UPDATE role_grant SET to_ms = ? WHERE account_id = 'ac-doctor'", (tx.now_ms,)
        )
    )
    with pytest.raises(LogInRefusedError):
        await try_log_in(commune, "bs.mai", "wrong")
    with pytest.raises(NoRoleError):
        await try_log_in(commune, "bs.mai")


@pytest.mark.asvs("6.3.4")
async def test_an_account_without_a_password_does_not_log_in_with_one(commune: Database) -> None:
    await commune.write(
        lambda tx: tx.execute("UPDATE account SET password_hash = '' WHERE login = 'hoa'")
    )
    for password in ("", people.PASSWORD):
        with pytest.raises(LogInRefusedError):
            await try_log_in(commune, "hoa", password)


async def test_a_disabled_account_is_refused_also_half_way(commune: Database) -> None:
    secret = await set_up_totp(commune)
    waiting = await half(commune)
    await commune.write(lambda tx: accounts.disable(tx, "ac-doctor"))
    with pytest.raises(LogInRefusedError):
        await login.prove(
            commune, waiting.token, code=await code_now(commune, secret), caller=OFFERED
        )
    with pytest.raises(LogInRefusedError):
        await try_log_in(commune, "bs.mai")


@pytest.mark.asvs("7.3.1", "7.3.2")
@pytest.mark.parametrize("role", sorted(Role))
async def test_a_session_ends_at_its_idle_and_its_absolute_limit(
    commune: Database, role: Role
) -> None:
    ends = sessions.LIMITS[role]

    def opened(tx: Transaction) -> tuple[bytes, int]:
        account = "ac-hoa"
        if role in STAFF:
            account = "ac-new"
            rows.account(tx, account, role.value)
        return sessions.token_hash(rows.session(tx, account)), tx.now_ms

    key, at_ms = await commune.write(opened)

    async def alive(now_ms: int) -> bool:
        return await commune.read(lambda r: sessions.find(r, key, now_ms)) is not None

    assert await alive(at_ms + ends.idle_ms - 1)
    assert not await alive(at_ms + ends.idle_ms)
    last = at_ms + ends.absolute_ms
    await commune.write(lambda tx: tx.execute("UPDATE login_session SET used_ms = ?", (last - 2,)))
    assert await alive(last - 1)
    assert not await alive(last)


async def test_sessions_that_are_over_are_swept_when_one_opens(commune: Database) -> None:
    def open_old(tx: Transaction) -> None:
        rows.session(tx, "ac-hoa")
        tx.execute("UPDATE login_session SET expires_ms = ?", (tx.now_ms - 1,))

    await commune.write(open_old)
    await commune.write(lambda tx: rows.session(tx, "ac-hoa"))
    left = await commune.read(lambda r: r.rows("SELECT 1 FROM login_session"))
    assert len(left) == 1


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
