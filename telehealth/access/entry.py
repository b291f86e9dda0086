"""How patients and carers come in: a code that the station hands over, good once, for ten minutes.

Two kinds. *Enrolment* is 130 random bits in a QR code that the telephone's own camera opens; it
stands behind the `#` of the address, so no server, proxy or log ever sees it in passing. *One time*
is eight digits for paper or a telephone call, and goes together with the year of birth: a digit
that was misread must not open somebody else's record, and five wrong years end the code. Only keyed
hashes are kept. The account is made when the first code is used; it has no password.
"""

import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from telehealth.access import accounts, known_browser, limits, sessions
from telehealth.access.accounts import NewAccount
from telehealth.access.limits import Limit, TooManyAttemptsError
from telehealth.access.login import Caller, LoggedIn
from telehealth.access.policy import Role
from telehealth.errors import NotAllowedError, NotFoundError
from telehealth.people.records import open_personal
from telehealth.store.database import Database, Reader, Transaction

LIFE_MS: Final = 10 * 60_000
KEPT_MS: Final = 7 * 24 * 3_600_000
"""So long the station sees that a code was used."""
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_TOKEN_LENGTH: Final = 26
_DIGITS: Final = 8
_TYPED: Final = re.compile(r"[0-9]{8}")
_PRINTED: Final = re.compile(rf"[{_ALPHABET}]{{{_TOKEN_LENGTH}}}")


class EntryKind(StrEnum):
    """How a code is handed over."""

    ENROLMENT = "enrolment"
    ONE_TIME = "one_time"


class EntryState(StrEnum):
    """How a code stands."""

    OPEN = "open"
    USED = "used"
    OVER = "over"


class EntryRefusedError(NotAllowedError):
    """The code opens nothing.

    `reason` is `unknown` (also: the year does not fit), `used`, `over` or `closed` (the account).
    """

    code = "entry_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"entry code {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class EntryShown:
    """A code as the station's page lists it; the code itself is nowhere."""

    kind: EntryKind
    state: EntryState
    created_ms: int
    used_ms: int | None


@dataclass(frozen=True, slots=True)
class _Found:
    code_hash: bytes
    person_id: str
    kind: EntryKind
    state: EntryState


def state_of(created_ms: int, expires_ms: int, used_ms: int | None, now_ms: int) -> EntryState:
    """Return how a code stands by the database's clock.

    A code never lives longer than ten minutes: one that seems to be made in the future was made
    before the clock was set back, and is over.
    """
    if used_ms is not None:
        return EntryState.USED
    is_open = created_ms <= now_ms < min(expires_ms, created_ms + LIFE_MS)
    return EntryState.OPEN if is_open else EntryState.OVER


def normal_code(typed: str) -> str:
    """Return a code as it was made: without spaces and dashes, and what is misread put right."""
    kept = "".join(typed.casefold().replace("-", "").split())
    return kept.replace("o", "0").replace("i", "1").replace("l", "1")


def new_code(tx: Transaction, person_id: str, kind: EntryKind, created_by: str) -> str:
    """Make a code for a person in place of an older one of the kind; it exists nowhere else.

    Raises:
        NotFoundError: no such person, or one whose record was merged or erased.
    """
    if not _is_somebody(tx, person_id):
        raise NotFoundError(f"no person {person_id}")
    tx.execute("DELETE FROM entry_code WHERE created_ms < ?", (tx.now_ms - KEPT_MS,))
    _end_others(tx, person_id, kind)
    while True:
        code = _random(kind)
        made = tx.execute(
            "INSERT INTO entry_code (code_hash, person_id, kind, created_by, created_ms,"
            " expires_ms) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                tx.vault.hash("entry", code), person_id, kind.value, created_by, tx.now_ms,
                tx.now_ms + LIFE_MS,
            ),
        )  # fmt: skip
        if made:
            return code


def _random(kind: EntryKind) -> str:
    if kind is EntryKind.ONE_TIME:
        return f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
    return "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_LENGTH))


async def enter(database: Database, *, code: str, birth_year: str = "", caller: Caller) -> LoggedIn:
    """Use a code up, and open a session for its person.

    Args:
        database: the gate.
        code: as scanned or typed.
        birth_year: four digits; asked for with the eight digits only.
        caller: the browser.

    Raises:
        TooManyAttemptsError: too many wrong codes of late, from this address or everywhere.
        EntryRefusedError: the code is unknown, used or over, or its account closed.
    """
    typed = normal_code(code)
    tries = [Limit("address", caller.address)]
    if not _PRINTED.fullmatch(typed):
        tries.append(Limit("entry_everywhere", ""))
    await database.write(lambda tx: limits.take(tx, *tries))

    def settle(tx: Transaction) -> LoggedIn | str:
        found = _find(tx, typed)
        if found is None:
            return "unknown"
        if found.kind is EntryKind.ONE_TIME and not _year_fits(tx, found.person_id, birth_year):
            _count_wrong_year(tx, found)
            return "unknown"
        if found.state is not EntryState.OPEN:
            return found.state.value
        if not _is_somebody(tx, found.person_id):
            return EntryState.OVER.value
        account = _account_of(tx, found.person_id)
        if account is None:
            return "closed"
        limits.give_back(tx, *tries)
        return _open(tx, found, account, caller)

    settled = await database.write(settle)
    if isinstance(settled, str):
        raise EntryRefusedError(settled)
    return settled


def _find(tx: Transaction, typed: str) -> _Found | None:
    if not (_PRINTED.fullmatch(typed) or _TYPED.fullmatch(typed)):
        return None
    sql = (
        "SELECT code_hash, person_id, kind, created_ms, expires_ms, used_ms FROM entry_code"
        " WHERE code_hash = ?"
    )
    for code_hash in tx.vault.hashes("entry", typed):
        for row in tx.rows(sql if tx.is_sqlite else f"{sql} FOR UPDATE", (code_hash,)):
            state = state_of(row[3], row[4], row[5], tx.now_ms)
            return _Found(bytes(row[0]), row[1], EntryKind(row[2]), state)
    return None


def _year_fits(reader: Reader, person_id: str, birth_year: str) -> bool:
    """Say whether it is the person's year; where none is known, any year is taken."""
    born = open_personal(reader, person_id).born
    return born is None or birth_year.strip() == str(born.year)


def _count_wrong_year(tx: Transaction, found: _Found) -> None:
    """Count a right code with a wrong year: after five the code is over."""
    tries = Limit("entry", found.code_hash.hex())
    try:
        limits.take(tx, tries)
    except TooManyAttemptsError:
        tx.execute(
            "UPDATE entry_code SET expires_ms = created_ms WHERE code_hash = ?", (found.code_hash,)
        )


def _account_of(tx: Transaction, person_id: str) -> tuple[str, str] | None:
    """Return the person's account and language, made on the spot; None: it was closed."""
    rows = tx.rows(
        "SELECT account_id, locale, disabled_ms FROM account"
        " WHERE person_id = ? AND role = ? ORDER BY disabled_ms IS NOT NULL, created_ms",
        (person_id, Role.PATIENT.value),
    )
    if rows:
        account_id, locale, disabled_ms = rows[0]
        return None if disabled_ms is not None else (account_id, locale)
    locale = str(tx.rows("SELECT locale FROM person WHERE person_id = ?", (person_id,))[0][0])
    if locale not in accounts.LOCALES:
        locale = accounts.LOCALES[0]
    new = NewAccount(
        login=f"p-{secrets.token_hex(8)}",
        display_name="",
        role=Role.PATIENT,
        password_hash="",  # fits no password # nosec B106
        person_id=person_id,
        locale=locale,
    )
    return accounts.create(tx, new, "entry code"), locale


def _open(tx: Transaction, found: _Found, account: tuple[str, str], caller: Caller) -> LoggedIn:
    account_id, locale = account
    tx.execute(
        "UPDATE entry_code SET used_ms = ?, used_by = ? WHERE code_hash = ?",
        (tx.now_ms, account_id, found.code_hash),
    )
    for kind in EntryKind:
        _end_others(tx, found.person_id, kind)
    if caller.replaced is not None:
        sessions.end(tx, caller.replaced)
    token = sessions.open_session(
        tx, account_id, grant_id=None, second_factor=None, user_agent=caller.user_agent
    )
    browser = known_browser.with_account(tx.vault, caller.browser, account_id)
    proof = "qr" if found.kind is EntryKind.ENROLMENT else "code"
    return LoggedIn(
        token, account_id, Role.PATIENT, locale, browser, person_id=found.person_id, proof=proof
    )


def _end_others(tx: Transaction, person_id: str, kind: EntryKind) -> None:
    tx.execute(
        "UPDATE entry_code SET expires_ms = created_ms"
        " WHERE person_id = ? AND kind = ? AND used_ms IS NULL",
        (person_id, kind.value),
    )


def _is_somebody(reader: Reader, person_id: str) -> bool:
    rows = reader.rows(
        "SELECT 1 FROM person WHERE person_id = ? AND merged_into IS NULL AND erased_ms IS NULL",
        (person_id,),
    )
    return bool(rows)


def shown(reader: Reader, person_id: str) -> list[EntryShown]:
    """Return the person's codes of the last week, the newest first."""
    rows = reader.rows(
        "SELECT kind, created_ms, expires_ms, used_ms FROM entry_code WHERE person_id = ?"
        " ORDER BY created_ms DESC, kind",
        (person_id,),
    )
    return [
        EntryShown(
            EntryKind(kind),
            state_of(created_ms, expires_ms, used_ms, reader.now_ms),
            created_ms,
            used_ms,
        )
        for kind, created_ms, expires_ms, used_ms in rows
    ]
