"""Logging in: the password, then whatever else it takes, then a session (OWASP ASVS 5.0 §6).

After the right password comes the second factor, if the account has one; then a new password, if
the old one was made by somebody else; then setting up a second factor, if staff must have one. Only
after the last of these is there a session. In between there is a step (`steps.py`) and nothing
else: its token opens no page but its own.

Every try is counted before it is checked, so that many at once are no more than many in a row.
"""

from dataclasses import dataclass
from typing import Final

from telehealth.access import (
    grants,
    known_browser,
    limits,
    password_rules,
    recovery,
    second_factor,
    security_keys,
    sessions,
    steps,
)
from telehealth.access.accounts import normal_login
from telehealth.access.limits import Limit, TooManyAttemptsError
from telehealth.access.passwords import Passwords
from telehealth.access.policy import Role
from telehealth.access.security_keys import Party
from telehealth.access.steps import Kind
from telehealth.errors import NotAllowedError, RefusedError
from telehealth.store.database import Database, Reader, Transaction

WRONG: Final = "wrong"


class LogInRefusedError(NotAllowedError):
    """The name and password, or the step and its proof, do not go together."""

    code = "log_in_refused"

    def __init__(self, reason: str, account_id: str = "") -> None:
        super().__init__(reason)
        self.account_id = account_id
        """Whose log-in failed, for the audit log; empty: nobody's. No answer may tell it."""


class NoRoleError(NotAllowedError):
    """The account is right, but holds no role now."""

    code = "no_role"

    def __init__(self, account_id: str) -> None:
        super().__init__(f"{account_id} holds no role")
        self.account_id = account_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The browser that asks."""

    user_agent: str
    address: str
    """As the limits count it."""
    browser: str = ""
    """The long-lived cookie of `known_browser`."""
    replaced: bytes | None = None
    """The session whose place a new one takes."""
    second_factor_required: bool
    """Whether staff must have one, as the operator set it."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A new session: its token goes into the cookie and nowhere else."""

    token: str
    account_id: str
    role: Role
    locale: str
    browser: str
    """What the long-lived cookie holds from now on."""
    recovery_codes: tuple[str, ...] = ()
    """Made on the way, to be shown once."""
    person_id: str = ""
    """Who entered with a code from the station."""
    proof: str = ""
    """By what, for the audit log: `password`, `password+totp`, `code`, `qr` and so on."""


@dataclass(frozen=True, slots=True)
class HalfWay:
    """Something is still asked for; the token goes into the step's cookie."""

    token: str
    kind: Kind
    account_id: str


@dataclass(frozen=True, slots=True)
class _Account:
    account_id: str
    role: Role
    locale: str
    login: str
    display_name: str
    password_hash: str
    password_temporary: bool


async def log_in(
    database: Database, passwords: Passwords, *, login: str, password: str, caller: Caller
) -> LoggedIn | HalfWay:
    """Check name and password.

    Raises:
        TooManyAttemptsError: too many wrong ones of late, by name, browser or address.
        LogInRefusedError: wrong, unknown or disabled, which are not told apart.
        NoRoleError: right, and nothing else is asked for, but the account holds no role.
    """
    name = normal_login(login)
    found = await database.read(lambda reader: _by_login(reader, name))
    known = found is not None and is_known(database, caller, found.account_id)
    tries = _tries(name, caller, known=known)
    await _count(database, tries, found.account_id if found else "")
    known_hash = (found.password_hash or None) if found else None
    matched = await passwords.matches(known_hash, password)
    if found is None or not matched:
        raise LogInRefusedError("log-in refused", found.account_id if found else "")

    def settle(tx: Transaction) -> LoggedIn | HalfWay:
        limits.forget(tx, *(one for one in tries if one.kind != "address"))
        limits.give_back(tx, *(one for one in tries if one.kind == "address"))
        return _go_on(tx, found, caller, factor=None)

    return await database.write(settle)


async def prove(
    database: Database, token: str, *, code: str = "", answer: str = "", party: Party | None = None,
    caller: Caller,
) -> LoggedIn | HalfWay:  # fmt: skip
    """Take the second factor: a code of the authenticator or of recovery, or a key's answer.

    Raises:
        StepOverError: the first half is missing, too old, or this was its last failure.
        TooManyAttemptsError: too many wrong ones of late.
        LogInRefusedError: wrong; the step goes on.
        NoRoleError: right, but the account holds no role.
    """
    name = steps.name_of(token)
    first = await database.read(lambda reader: steps.require(reader, name, Kind.SECOND_FACTOR))
    known = is_known(database, caller, first.account_id)
    nonce = known_browser.nonce_of(caller.browser) if known else ""
    tries = Limit("second_factor", f"{first.account_id}\0{nonce}")
    await _count(database, (tries,), first.account_id)

    def settle(tx: Transaction) -> LoggedIn | HalfWay | None:
        step = steps.require(tx, name, Kind.SECOND_FACTOR)
        factor = second_factor.prove(tx, step, code=code, answer=answer, party=party)
        if factor is None:
            if steps.fail(tx, step) is None:
                return None
            return HalfWay(token, step.kind, step.account_id)
        limits.forget(tx, tries)
        steps.end(tx, step)
        return _go_on(tx, _by_id(tx, step.account_id), caller, factor=factor)

    settled = await database.write(settle)
    if settled is None:
        raise steps.StepOverError("too many wrong codes: begin again", first.account_id)
    if isinstance(settled, HalfWay) and settled.token == token:
        raise LogInRefusedError("second factor refused", settled.account_id)
    return settled


async def _count(database: Database, tries: tuple[Limit, ...], account_id: str) -> None:
    """Count one try; who is refused for it is told to the audit log."""
    try:
        await database.write(lambda tx: limits.take(tx, *tries))
    except TooManyAttemptsError as error:
        error.account_id = account_id
        raise


async def replace_password(
    database: Database, passwords: Passwords, token: str, *, new: str, caller: Caller
) -> LoggedIn | HalfWay:
    """Take the person's own password in place of one that somebody else made.

    Raises:
        StepOverError: the first half is missing or too old.
        RefusedError: too short, too long, obvious, stolen, or the old one; `limit` says which.
        NoRoleError: done, but the account holds no role.
    """
    name = steps.name_of(token)
    step = await database.read(lambda reader: steps.require(reader, name, Kind.NEW_PASSWORD))
    account = await database.read(lambda reader: _by_id(reader, step.account_id))
    check_new_password(new, login=account.login, display_name=account.display_name)
    if await passwords.matches(account.password_hash, new):
        raise RefusedError("new", "same", "the old password")
    encoded = await passwords.hash(new)

    def settle(tx: Transaction) -> LoggedIn | HalfWay:
        waiting = steps.require(tx, name, Kind.NEW_PASSWORD)
        steps.end(tx, waiting)
        tx.execute(
            "UPDATE account SET password_hash = ?, password_temporary = ? WHERE account_id = ?",
            (encoded, False, waiting.account_id),
        )
        factor = waiting.payload.decode() or None
        return _go_on(tx, _by_id(tx, waiting.account_id), caller, factor=factor)

    return await database.write(settle)


async def set_up_totp(database: Database, token: str, *, code: str, caller: Caller) -> LoggedIn:
    """Take the first code of a new authenticator, and open the session.

    Raises:
        StepOverError: the first half is missing, too old, or this was its last failure.
        LogInRefusedError: the code is not of this authenticator.
    """

    def settle(tx: Transaction) -> LoggedIn | str | None:
        step = steps.require(tx, steps.name_of(token), Kind.SET_UP)
        secret = second_factor.pending_secret(tx, step)
        if not second_factor.enable_totp(tx, step.account_id, secret, code):
            return WRONG if steps.fail(tx, step) else None
        steps.end(tx, step)
        return _open(tx, _by_id(tx, step.account_id), caller, factor="totp", with_codes=True)

    return _settled(await database.write(settle))


async def set_up_key(
    database: Database, token: str, *, name: str, answer: str, party: Party, caller: Caller
) -> LoggedIn:
    """Take a first security key, and open the session.

    Raises:
        StepOverError: the first half is missing, too old, or this was its last failure.
        LogInRefusedError: the answer proves nothing.
        RefusedError: the key's name is none.
    """

    def settle(tx: Transaction) -> LoggedIn | str | None:
        step = steps.require(tx, steps.name_of(token), Kind.SET_UP)
        try:
            security_keys.register(
                tx, step.account_id,
                name=name, answer=answer, challenge=step.challenge, party=party,
            )  # fmt: skip
        except security_keys.KeyRefusedError:
            return WRONG if steps.fail(tx, step) else None
        steps.end(tx, step)
        return _open(tx, _by_id(tx, step.account_id), caller, factor="webauthn", with_codes=True)

    return _settled(await database.write(settle))


def _settled(settled: LoggedIn | str | None) -> LoggedIn:
    if settled is None:
        raise steps.StepOverError("too many wrong answers: begin again")
    if isinstance(settled, str):
        raise LogInRefusedError("the new second factor was refused")
    return settled


def check_new_password(new: str, *, login: str, display_name: str) -> None:
    """Refuse a password that is too short, too long, obvious or known from breaches.

    Raises:
        RefusedError: with `length`, `obvious` or `stolen` as its limit; never with the password.
    """
    reason = password_rules.wrong(new, login=login, display_name=display_name)
    if reason is not None:
        raise RefusedError("new", reason, len(new))


def is_known(database: Database, caller: Caller, account_id: str) -> bool:
    """Say whether the account has signed in from the caller's browser before."""
    vault = database.vault
    return vault is not None and known_browser.is_known(vault, caller.browser, account_id)


def _tries(name: str, caller: Caller, *, known: bool) -> tuple[Limit, ...]:
    """Return what a try of this name is counted against (docs/login.md)."""
    if known:
        return (Limit("login_device", f"{known_browser.nonce_of(caller.browser)}\0{name}"),)
    return (Limit("login", name), Limit("address", caller.address))


def _go_on(
    tx: Transaction, account: _Account, caller: Caller, *, factor: str | None
) -> LoggedIn | HalfWay:
    """Ask for the next thing, or open the session if there is none."""
    has_factor = second_factor.factors(tx, account.account_id).any
    kind = next_kind(
        has_factor=has_factor,
        factor=factor,
        password_temporary=account.password_temporary,
        must_have_one=caller.second_factor_required and account.role is not Role.PATIENT,
    )
    if kind is None:
        return _open(tx, account, caller, factor=factor)
    payload = (factor or "").encode() if kind is Kind.NEW_PASSWORD else b""
    return HalfWay(steps.begin(tx, kind, account.account_id, payload), kind, account.account_id)


def next_kind(
    *, has_factor: bool, factor: str | None, password_temporary: bool, must_have_one: bool
) -> Kind | None:
    """Return what a log-in asks for next, after the password; None: nothing more.

    Args:
        has_factor: the account has a second factor.
        factor: which one was proved in this log-in.
        password_temporary: somebody else made the password.
        must_have_one: staff, where the operator requires a second factor.
    """
    if has_factor and factor is None:
        return Kind.SECOND_FACTOR
    if password_temporary:
        return Kind.NEW_PASSWORD
    if must_have_one and not has_factor:
        return Kind.SET_UP
    return None


def _open(
    tx: Transaction,
    account: _Account,
    caller: Caller,
    *,
    factor: str | None,
    with_codes: bool = False,
) -> LoggedIn:
    grant = grants.first_of(tx, account.account_id)
    if grant is None and account.role is not Role.PATIENT:
        raise NoRoleError(account.account_id)
    if caller.replaced is not None:
        sessions.end(tx, caller.replaced)
    token = sessions.open_session(
        tx,
        account.account_id,
        grant_id=grant.grant_id if grant else None,
        second_factor=factor,
        user_agent=caller.user_agent,
    )
    return LoggedIn(
        token,
        account.account_id,
        grant.role if grant else account.role,
        account.locale,
        known_browser.with_account(tx.vault, caller.browser, account.account_id),
        tuple(recovery.renew(tx, account.account_id)) if with_codes else (),
        proof=f"password+{factor}" if factor else "password",
    )


_ACCOUNT: Final = (
    "SELECT account_id, role, locale, login, display_name, password_hash, password_temporary"
    " FROM account WHERE disabled_ms IS NULL AND "
)


def _by_login(reader: Reader, login: str) -> _Account | None:
    rows = reader.rows(f"{_ACCOUNT} login = ?", (login,))
    return _account(rows[0]) if rows else None


def _by_id(reader: Reader, account_id: str) -> _Account:
    rows = reader.rows(f"{_ACCOUNT} account_id = ?", (account_id,))
    if not rows:
        raise LogInRefusedError("the account is closed")
    return _account(rows[0])


def _account(row: tuple[str, str, str, str, str, str, bool]) -> _Account:
    return _Account(row[0], Role(row[1]), *row[2:6], bool(row[6]))
