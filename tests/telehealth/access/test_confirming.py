"""Proving again who one is: what counts, for how long, and what wrong proofs cost."""

import json

import pyotp
import pytest

from telehealth import clock
from telehealth.access import confirming, recovery, second_factor, security_keys, sessions, steps
from telehealth.access.confirming import FRESH_MS, NotConfirmedError, Proof, is_fresh
from telehealth.access.limits import TooManyAttemptsError
from telehealth.access.passwords import Passwords
from telehealth.access.security_keys import Party
from telehealth.access.sessions import token_hash
from telehealth.access.steps import Kind
from telehealth.errors import NotFoundError
from telehealth.store.database import Database, Transaction
from tests import rows
from tests.authenticator import SoftKey, base64url
from tests.webui import people

NOW = 1_795_000_000_000
PARTY = Party("localhost", "http://localhost")


@pytest.mark.parametrize(
    ("age_ms", "fresh"),
    [(0, True), (FRESH_MS - 1, True), (FRESH_MS, False), (-1, False), (-(10**9), False)],
)
def test_a_proof_counts_ten_minutes_and_not_before_it_was_given(age_ms: int, fresh: bool) -> None:
    assert is_fresh(NOW - age_ms, NOW) is fresh


def test_without_a_proof_nothing_is_fresh() -> None:
    assert not is_fresh(None, NOW)


@pytest.fixture
async def session(database: Database) -> bytes:
    """Return a session of the doctor whose last proof is an hour old."""
    await people.settle(database, clock.now_ms())

    def begin(tx: Transaction) -> bytes:
        key = token_hash(rows.session(tx, "ac-doctor"))
        tx.execute("UPDATE login_session SET confirmed_ms = ?", (tx.now_ms - 3_600_000,))
        return key

    return await database.write(begin)


async def confirm(database: Database, session: bytes, proof: Proof) -> bytes | None:
    """Try, and return what the session is called now, if it is confirmed."""
    try:
        found = await confirming.confirm(
            database, Passwords(), account_id="ac-doctor", session_hash=session, proof=proof,
            party=PARTY,
        )  # fmt: skip
    except NotConfirmedError:
        found = None
    if found is None:
        assert not await database.read(lambda r: confirming.confirmed(r, session))
        return None
    after = token_hash(found.token)
    assert await database.read(lambda r: confirming.confirmed(r, after))
    assert not await database.read(lambda r: confirming.confirmed(r, session))
    return after


async def totp(database: Database) -> str:
    """Give the doctor an authenticator; returns a code of it that was not used yet."""

    def enable(tx: Transaction) -> str:
        secret = second_factor.new_secret()
        now_s = tx.now_ms // 1000
        assert second_factor.enable_totp(tx, "ac-doctor", secret, pyotp.TOTP(secret).at(now_s - 30))
        return str(pyotp.TOTP(secret).at(now_s))

    return await database.write(enable)


async def let_age(database: Database) -> None:
    await database.write(lambda tx: tx.execute("UPDATE login_session SET confirmed_ms = NULL"))


PASSWORD = Proof(password=people.PASSWORD)


async def test_the_password_confirms_and_a_wrong_one_does_not(
    database: Database, session: bytes
) -> None:
    assert not await confirm(database, session, Proof(password="wrong"))  # noqa: S106
    assert not await confirm(database, session, Proof())
    assert await confirm(database, session, Proof(password=people.PASSWORD))


async def test_only_the_session_in_which_it_was_given_is_confirmed(
    database: Database, session: bytes
) -> None:
    def begin(tx: Transaction) -> bytes:
        key = token_hash(rows.session(tx, "ac-doctor"))
        tx.execute("UPDATE login_session SET confirmed_ms = NULL WHERE token_hash = ?", (key,))
        return key

    other = await database.write(begin)
    assert await confirm(database, session, Proof(password=people.PASSWORD))
    assert not await database.read(lambda r: confirming.confirmed(r, other))


@pytest.mark.asvs("7.5.1")
async def test_a_code_confirms_once_and_after_the_password_only(
    database: Database, session: bytes
) -> None:
    code = await totp(database)
    assert not await confirm(database, session, Proof(code=code))
    assert not await confirm(database, session, PASSWORD)
    after = await confirm(database, session, Proof(code=code))
    assert after is not None
    await let_age(database)
    assert not await confirm(database, after, Proof(code=code))
    assert not await confirm(database, after, PASSWORD)
    assert not await confirm(database, after, Proof(code=code))


@pytest.mark.asvs("7.5.1")
async def test_a_recovery_code_stands_in_for_the_factor(database: Database, session: bytes) -> None:
    await totp(database)
    codes = await database.write(lambda tx: recovery.renew(tx, "ac-doctor"))
    assert not await confirm(database, session, PASSWORD)
    assert await confirm(database, session, Proof(code=codes[0]))
    factor = await database.read(lambda r: r.rows("SELECT second_factor FROM login_session"))
    assert factor == [("recovery",)]


async def test_recovery_codes_without_a_factor_confirm_nothing(
    database: Database, session: bytes
) -> None:
    codes = await database.write(lambda tx: recovery.renew(tx, "ac-doctor"))
    assert not await confirm(database, session, Proof(code=codes[0]))


@pytest.mark.asvs("7.5.1")
async def test_a_security_key_confirms_the_challenge_of_this_session_once(
    database: Database, session: bytes
) -> None:
    key = SoftKey()

    def register(tx: Transaction) -> None:
        answer = key.make({"challenge": base64url(b"c" * 32)})
        security_keys.register(
            tx, "ac-doctor", name="x", answer=answer, challenge=b"c" * 32, party=PARTY
        )

    def asked(tx: Transaction) -> dict[str, str]:
        step = steps.of_session(tx, session, Kind.CONFIRM, "ac-doctor")
        return {"challenge": base64url(step.challenge)}

    await database.write(register)
    early = key.sign(await database.write(asked))
    assert not await confirm(database, session, Proof(assertion=early))
    assert not await confirm(database, session, PASSWORD)
    challenge = await database.write(asked)
    foreign = key.sign(challenge, origin="https://evil.example")
    assert not await confirm(database, session, Proof(assertion=foreign))
    late = key.sign(challenge)
    assert not await confirm(database, session, Proof(assertion=late))
    answer = key.sign(await database.write(asked))
    assert json.loads(answer)["type"] == "public-key"
    assert await confirm(database, session, Proof(assertion=answer))


async def test_after_five_wrong_factors_the_password_is_asked_for_again(
    database: Database, session: bytes
) -> None:
    code = await totp(database)
    assert not await confirm(database, session, PASSWORD)
    for _ in range(5):
        assert await database.read(lambda r: confirming.half_way(r, "ac-doctor", session))
        assert not await confirm(database, session, Proof(code="000000"))
    assert not await database.read(lambda r: confirming.half_way(r, "ac-doctor", session))
    assert not await confirm(database, session, PASSWORD)
    with pytest.raises(TooManyAttemptsError):
        await confirm(database, session, Proof(code=code))


async def test_wrong_passwords_are_counted_and_the_right_one_forgets_them(
    database: Database, session: bytes
) -> None:
    for _ in range(4):
        assert not await confirm(database, session, Proof(password="wrong"))  # noqa: S106
    after = await confirm(database, session, PASSWORD)
    assert after is not None
    await let_age(database)
    for _ in range(5):
        assert not await confirm(database, after, Proof(password="wrong"))  # noqa: S106
    with pytest.raises(TooManyAttemptsError):
        await confirm(database, after, PASSWORD)


async def test_the_right_password_does_not_forget_wrong_factors(
    database: Database, session: bytes
) -> None:
    code = await totp(database)
    for _ in range(5):
        assert not await confirm(database, session, PASSWORD)
        assert not await confirm(database, session, Proof(code="000000"))
    assert not await confirm(database, session, PASSWORD)
    with pytest.raises(TooManyAttemptsError):
        await confirm(database, session, Proof(code=code))


async def test_who_has_a_factor_and_no_password_confirms_with_the_factor(
    database: Database, session: bytes
) -> None:
    code = await totp(database)
    await database.write(lambda tx: tx.execute("UPDATE account SET password_hash = ''"))
    assert await confirm(database, session, Proof(code=code))


async def test_a_session_that_ended_meanwhile_gets_no_token(
    database: Database, session: bytes
) -> None:
    await database.write(lambda tx: sessions.end(tx, session))
    with pytest.raises(NotFoundError):
        await confirm(database, session, PASSWORD)


async def test_who_has_no_password_cannot_confirm_with_none(
    database: Database, session: bytes
) -> None:
    await database.write(lambda tx: tx.execute("UPDATE account SET password_hash = ''"))
    for password in ("", "x"):
        assert not await confirm(database, session, Proof(password=password))
