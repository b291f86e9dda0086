"""Time-based codes: drift, replay, clocks that jump (RFC 6238), and what an account can prove."""

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telehealth import clock
from telehealth.access import recovery, second_factor, steps
from telehealth.access.second_factor import step_of
from telehealth.access.steps import Kind
from telehealth.errors import IllegalTransitionError
from telehealth.store.database import Database, Transaction
from tests.webui import people

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - of RFC 6238, appendix B
NOW = 1_795_000_000_000
STEP = NOW // 30_000


@pytest.fixture
async def commune(database: Database) -> Database:
    """Return a database with the commune in it."""
    await people.settle(database, clock.now_ms())
    return database


def code(moved_s: int = 0, secret: str = SECRET, *, now_ms: int = NOW) -> str:
    return str(pyotp.TOTP(secret).at(now_ms // 1000 + moved_s))


@pytest.mark.parametrize(
    ("at_s", "expected"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")]
)
def test_the_codes_are_those_of_the_specification(at_s: int, expected: str) -> None:
    """RFC 6238, appendix B, SHA-1, the last six digits."""
    assert step_of(SECRET, expected, at_s * 1000, 0) == at_s // 30


@pytest.mark.asvs("6.5.5")
@pytest.mark.parametrize(
    ("moved_s", "step"),
    [(-60, None), (-30, STEP - 1), (0, STEP), (30, STEP + 1), (60, None)],
)
def test_one_step_of_drift_is_taken_and_two_are_not(moved_s: int, step: int | None) -> None:
    assert step_of(SECRET, code(moved_s), NOW, 0) == step


@pytest.mark.parametrize(("last_step", "taken"), [(STEP - 1, True), (STEP, False)])
def test_a_step_that_was_used_and_all_before_it_are_spent(last_step: int, taken: bool) -> None:
    assert (step_of(SECRET, code(), NOW, last_step) is not None) is taken


def test_after_the_clock_was_set_back_a_used_code_stays_used() -> None:
    before = NOW - 30_000
    assert step_of(SECRET, code(), before, STEP) is None
    assert step_of(SECRET, code(now_ms=before), before, STEP) is None


def test_a_code_made_before_the_clock_was_set_forward_is_too_old() -> None:
    assert step_of(SECRET, code(), NOW + 3_600_000, 0) is None


def test_spaces_in_a_code_do_not_matter() -> None:
    digits = code()
    assert step_of(SECRET, f" {digits[:3]} {digits[3:]}", NOW, 0) == STEP


@given(st.text(max_size=40))
def test_whatever_else_is_typed_is_no_code(typed: str) -> None:
    valid = {code(moved_s) for moved_s in (-30, 0, 30)}
    found = step_of(SECRET, typed, NOW, 0)
    assert (found is not None) == ("".join(typed.split()) in valid)


async def set_up(database: Database, account_id: str = "ac-doctor") -> str:
    def enable(tx: Transaction) -> str:
        secret = second_factor.new_secret()
        digits = pyotp.TOTP(secret).at(tx.now_ms // 1000 - 30)
        assert second_factor.enable_totp(tx, account_id, secret, digits)
        return secret

    return await database.write(enable)


async def use(database: Database, secret: str, account_id: str = "ac-doctor") -> str | None:
    def attempt(tx: Transaction) -> str | None:
        digits = pyotp.TOTP(secret).at(tx.now_ms // 1000)
        return second_factor.use_code(tx, account_id, digits)

    return await database.write(attempt)


@pytest.mark.asvs("6.5.1")
async def test_a_code_works_once(commune: Database) -> None:
    secret = await set_up(commune)

    def twice(tx: Transaction) -> list[str | None]:
        digits = pyotp.TOTP(secret).at(tx.now_ms // 1000)
        return [second_factor.use_code(tx, "ac-doctor", digits) for _ in range(2)]

    assert await commune.write(twice) == ["totp", None]


async def test_the_code_that_set_it_up_cannot_log_in(commune: Database) -> None:
    def replay(tx: Transaction) -> str | None:
        secret = second_factor.new_secret()
        digits = pyotp.TOTP(secret).at(tx.now_ms // 1000)
        assert second_factor.enable_totp(tx, "ac-doctor", secret, digits)
        return second_factor.use_code(tx, "ac-doctor", digits)

    assert await commune.write(replay) is None


async def test_the_secret_lies_sealed_and_opens_in_its_own_row_only(commune: Database) -> None:
    secret = await set_up(commune)
    sealed = await commune.read(
        lambda r: bytes(r.rows("SELECT totp FROM account WHERE account_id = 'ac-doctor'")[0][0])
    )
    assert secret.encode() not in sealed
    vault = commune.vault
    assert vault is not None
    assert vault.open(sealed, "account", "totp", "ac-doctor").decode() == secret


async def test_a_wrong_code_sets_nothing_up(commune: Database) -> None:
    def wrong(tx: Transaction) -> bool:
        secret = second_factor.new_secret()
        digits = pyotp.TOTP(secret).at(tx.now_ms // 1000 - 3_600)
        return second_factor.enable_totp(tx, "ac-doctor", secret, digits)

    assert not await commune.write(wrong)
    have = await commune.read(lambda r: second_factor.factors(r, "ac-doctor"))
    assert not have.any


async def test_somebody_elses_code_proves_nothing(commune: Database) -> None:
    await set_up(commune)
    other = await set_up(commune, "ac-cover")
    assert await use(commune, other) is None
    assert await use(commune, other, "ac-cover") == "totp"


async def test_a_recovery_code_stands_in_once(commune: Database) -> None:
    await set_up(commune)
    codes = await commune.write(lambda tx: recovery.renew(tx, "ac-doctor"))

    def attempt(tx: Transaction) -> str | None:
        return second_factor.use_code(tx, "ac-doctor", codes[0])

    assert [await commune.write(attempt), await commune.write(attempt)] == ["recovery", None]


async def test_the_last_second_factor_stays_where_one_is_required(commune: Database) -> None:
    await set_up(commune)
    with pytest.raises(IllegalTransitionError):
        await commune.write(lambda tx: second_factor.disable_totp(tx, "ac-doctor", required=True))
    await commune.write(lambda tx: recovery.renew(tx, "ac-doctor"))
    await commune.write(lambda tx: second_factor.disable_totp(tx, "ac-doctor", required=False))
    have = await commune.read(lambda r: second_factor.factors(r, "ac-doctor"))
    assert (have.any, have.recovery_left) == (False, 0)


async def test_a_reset_takes_every_factor_and_every_half_done_log_in(commune: Database) -> None:
    await set_up(commune)
    await commune.write(lambda tx: recovery.renew(tx, "ac-doctor"))
    token = await commune.write(lambda tx: steps.begin(tx, Kind.SECOND_FACTOR, "ac-doctor"))
    await commune.write(lambda tx: second_factor.reset(tx, "ac-doctor"))
    have = await commune.read(lambda r: second_factor.factors(r, "ac-doctor"))
    assert (have.any, have.recovery_left) == (False, 0)
    assert await commune.read(lambda r: steps.find(r, steps.name_of(token))) is None


async def test_the_secret_of_a_set_up_stays_the_same_until_it_is_used(commune: Database) -> None:
    def look(tx: Transaction) -> str:
        step = steps.of_session(tx, b"session", Kind.NEW_TOTP, "ac-doctor")
        return second_factor.pending_secret(tx, step)

    first = await commune.write(look)
    assert await commune.write(look) == first
    stored = await commune.read(lambda r: bytes(r.rows("SELECT payload FROM login_step")[0][0]))
    assert first.encode() not in stored


def test_the_link_of_the_qr_code_names_service_and_account() -> None:
    told = second_factor.link(SECRET, "bs.mai")
    assert told.startswith("otpauth://totp/Telehealth:bs.mai?")
    assert f"secret={SECRET}" in told
