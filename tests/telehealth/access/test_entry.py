"""Codes by which patients enter: once, for ten minutes, for the right person, by any clock."""

import asyncio

import pytest

from telehealth import clock
from telehealth.access import accounts, entry, sessions
from telehealth.access.entry import (
    LIFE_MS,
    EntryKind,
    EntryRefusedError,
    EntryState,
    normal_code,
    state_of,
)
from telehealth.access.limits import Limit, TooManyAttemptsError, take
from telehealth.access.login import Caller, LoggedIn
from telehealth.access.policy import Role
from telehealth.errors import NotFoundError
from telehealth.store.database import Database, Transaction
from tests import rows
from tests.webui import people

NOW = 1_795_000_000_000
CALLER = Caller(user_agent="phone", address="192.0.2.7", second_factor_required=True)


@pytest.fixture
async def commune(database: Database) -> Database:
    """Return a database with the commune in it; Hoà, born 1951, has an account, Nam has none."""
    await people.settle(database, clock.now_ms())
    return database


async def made(
    database: Database, kind: EntryKind = EntryKind.ENROLMENT, person_id: str = "p-nam"
) -> str:
    return await database.write(lambda tx: entry.new_code(tx, person_id, kind, "ac-nurse"))


async def enter(database: Database, code: str, year: str = "", **more: str) -> LoggedIn:
    caller = Caller(**(CALLER_FIELDS | more))  # type: ignore[arg-type]
    return await entry.enter(database, code=code, birth_year=year, caller=caller)


CALLER_FIELDS = {
    "user_agent": "phone", "address": "192.0.2.7", "second_factor_required": True,
}  # fmt: skip


async def refused(database: Database, code: str, year: str = "") -> str:
    with pytest.raises(EntryRefusedError) as error:
        await enter(database, code, year)
    return error.value.reason


async def whose(database: Database, opened: LoggedIn) -> str | None:
    key = sessions.token_hash(opened.token)
    found = await database.read(lambda r: sessions.find(r, key, r.now_ms))
    return found.person_id if found else None


async def test_a_qr_code_opens_the_persons_session_and_makes_the_account_once(
    commune: Database,
) -> None:
    first = await enter(commune, await made(commune))
    assert await whose(commune, first) == "p-nam"
    second = await enter(commune, await made(commune))
    assert first.account_id == second.account_id
    assert first.role is Role.PATIENT
    login = await commune.read(lambda r: accounts.login_of(r, first.account_id))
    assert login.startswith("p-")
    assert "nam" not in login


async def test_an_account_that_is_there_is_used(commune: Database) -> None:
    opened = await enter(commune, await made(commune, person_id="p-hoa"))
    assert opened.account_id == "ac-hoa"


@pytest.mark.asvs("6.5.4")
async def test_eight_digits_go_together_with_the_year_of_birth(commune: Database) -> None:
    digits = await made(commune, EntryKind.ONE_TIME)
    assert (len(digits), digits.isdigit()) == (8, True)
    assert await refused(commune, digits, "1957") == "unknown"
    assert await refused(commune, digits, "") == "unknown"
    opened = await enter(commune, f"{digits[:4]} {digits[4:]}", " 1958 ")
    assert await whose(commune, opened) == "p-nam"


async def test_where_no_birth_year_is_known_any_is_taken(commune: Database) -> None:
    await commune.write(lambda tx: rows.person(tx, "p-no-date", "Không Rõ", ""))
    digits = await made(commune, EntryKind.ONE_TIME, "p-no-date")
    assert await whose(commune, await enter(commune, digits, "1900")) == "p-no-date"


@pytest.mark.asvs("6.5.1")
async def test_a_code_is_used_once_and_says_so(commune: Database) -> None:
    token = await made(commune)
    await enter(commune, token)
    assert await refused(commune, token) == "used"
    shown = await commune.read(lambda r: entry.shown(r, "p-nam"))
    assert [(one.kind, one.state) for one in shown] == [(EntryKind.ENROLMENT, EntryState.USED)]
    assert shown[0].used_ms is not None


@pytest.mark.asvs("2.3.4")
async def test_of_two_telephones_at_once_one_gets_in(commune: Database) -> None:
    token = await made(commune)
    found = await asyncio.gather(*(enter(commune, token) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, LoggedIn) for one in found) == 1
    assert sum(isinstance(one, EntryRefusedError) for one in found) == 3


@pytest.mark.asvs("6.6.2")
async def test_using_one_ends_the_other_kind(commune: Database) -> None:
    token, digits = await made(commune), await made(commune, EntryKind.ONE_TIME)
    await enter(commune, digits, "1958")
    assert await refused(commune, token) == "over"


@pytest.mark.asvs("6.6.2")
async def test_a_new_code_ends_the_one_before_of_its_kind_only(commune: Database) -> None:
    digits = await made(commune, EntryKind.ONE_TIME)
    old = await made(commune)
    new = await made(commune)
    assert await refused(commune, old) == "over"
    await enter(commune, new)
    assert await refused(commune, digits, "1958") == "over"


@pytest.mark.asvs("6.6.3")
async def test_five_wrong_years_end_a_code_for_the_right_one_too(commune: Database) -> None:
    digits = await made(commune, EntryKind.ONE_TIME)
    for _ in range(4):
        assert await refused(commune, digits, "1900") == "unknown"
    assert await refused(commune, digits, "1901") == "unknown"
    assert await refused(commune, digits, "1958") == "over"


async def test_four_wrong_years_do_not(commune: Database) -> None:
    digits = await made(commune, EntryKind.ONE_TIME)
    for _ in range(4):
        await refused(commune, digits, "1900")
    assert await whose(commune, await enter(commune, digits, "1958")) == "p-nam"


@pytest.mark.asvs("6.4.1", "6.5.5")
@pytest.mark.parametrize(
    ("moved_ms", "state"),
    [
        (0, EntryState.OPEN),
        (LIFE_MS - 1, EntryState.OPEN),
        (LIFE_MS, EntryState.OVER),
        (-1, EntryState.OVER),
        (-3_600_000, EntryState.OVER),
        (10**12, EntryState.OVER),
    ],
)
def test_a_code_lives_ten_minutes_by_the_databases_clock_however_that_jumps(
    moved_ms: int, state: EntryState
) -> None:
    assert state_of(NOW, NOW + LIFE_MS, None, NOW + moved_ms) is state


def test_a_row_that_promises_more_than_ten_minutes_is_not_believed() -> None:
    assert state_of(NOW, NOW + 10**9, None, NOW + LIFE_MS) is EntryState.OVER


@pytest.mark.parametrize("moved_ms", [3_600_000, -LIFE_MS, -(10**11)])
async def test_a_code_made_before_the_clock_jumped_opens_nothing(
    commune: Database, moved_ms: int
) -> None:
    token = await made(commune)
    await commune.write(
        lambda tx: tx.execute(
            "UPDATE entry_code SET created_ms = created_ms + ?, expires_ms = expires_ms + ?",
            (moved_ms, moved_ms),
        )
    )
    assert await refused(commune, token) == "over"


@pytest.mark.parametrize(
    "code",
    ["", "12345678", "1234567", "x" * 26, "0" * 26, "\x00" * 8, "１２３４５６７８", "a" * 9_999],
)
async def test_a_code_that_nobody_made_opens_nothing(commune: Database, code: str) -> None:
    assert await refused(commune, code, "1958") == "unknown"


async def test_what_people_misread_is_put_right(commune: Database) -> None:
    token = await made(commune)
    written = token.upper().replace("0", "O").replace("1", "I")
    grouped = "-".join(written[i : i + 4] for i in range(0, len(written), 4))
    assert normal_code(grouped) == token
    assert await whose(commune, await enter(commune, grouped)) == "p-nam"


async def test_no_code_is_stored(commune: Database) -> None:
    codes = [await made(commune), await made(commune, EntryKind.ONE_TIME)]
    stored = await commune.read(lambda r: r.rows("SELECT code_hash FROM entry_code"))
    assert not any(code.encode() in bytes(row[0]) for code in codes for row in stored)


@pytest.mark.parametrize("column", ["merged_into", "erased_ms"])
async def test_a_record_that_is_no_more_gets_no_code_and_its_old_one_opens_nothing(
    commune: Database, column: str
) -> None:
    token = await made(commune)
    value: object = "p-hoa" if column == "merged_into" else 1
    await commune.write(
        lambda tx: tx.execute(
            f"UPDATE person SET {column} = ? WHERE person_id = 'p-nam'",  # noqa: S608
            (value,),
        )
    )
    assert await refused(commune, token) == "over"
    with pytest.raises(NotFoundError):
        await made(commune)


async def test_a_person_that_nobody_knows_gets_no_code(commune: Database) -> None:
    with pytest.raises(NotFoundError):
        await made(commune, person_id="p-nobody")


async def test_a_closed_account_is_not_opened_again_by_a_code(commune: Database) -> None:
    token = await made(commune, person_id="p-hoa")
    await commune.write(lambda tx: accounts.disable(tx, "ac-hoa"))
    assert await refused(commune, token) == "closed"


@pytest.mark.asvs("2.4.1")
async def test_an_address_that_guesses_is_stopped_and_another_is_not(commune: Database) -> None:
    token = await made(commune)

    def guess(tx: Transaction) -> None:
        for _ in range(300):
            take(tx, Limit("address", "192.0.2.7"))

    await commune.write(guess)
    with pytest.raises(TooManyAttemptsError):
        await enter(commune, token)
    assert await whose(commune, await enter(commune, token, address="192.0.2.8")) == "p-nam"


@pytest.mark.asvs("6.6.3")
async def test_guesses_from_everywhere_stop_typed_codes_but_no_qr_code(commune: Database) -> None:
    token, digits = await made(commune), await made(commune, EntryKind.ONE_TIME)
    everywhere = Limit("entry_everywhere", "")

    def guess(tx: Transaction) -> None:
        for _ in range(1_000):
            take(tx, everywhere)

    await commune.write(guess)
    with pytest.raises(TooManyAttemptsError):
        await enter(commune, digits, "1958")
    assert await whose(commune, await enter(commune, token)) == "p-nam"


async def test_those_who_enter_are_not_counted_as_guessing(commune: Database) -> None:
    before = await commune.read(lambda r: r.rows("SELECT used FROM attempts"))
    await enter(commune, await made(commune))
    after = await commune.read(lambda r: r.rows("SELECT used FROM attempts"))
    assert (before, [round(row[0], 6) for row in after]) == ([], [0])


async def test_codes_of_last_week_are_forgotten(commune: Database) -> None:
    await enter(commune, await made(commune))
    await commune.write(
        lambda tx: tx.execute(
            "UPDATE entry_code SET created_ms = ?", (tx.now_ms - entry.KEPT_MS - 1,)
        )
    )
    await made(commune)
    assert len(await commune.read(lambda r: entry.shown(r, "p-nam"))) == 1
