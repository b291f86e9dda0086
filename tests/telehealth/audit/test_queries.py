"""The log as people ask it: who read, who did, who was refused, a page at a time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from telehealth.access.policy import Action, Actor, Role
from telehealth.access.scope import Scope
from telehealth.audit import queries
from telehealth.audit.actions import READINGS, AuditAction, Kind
from telehealth.audit.chain import Entry
from telehealth.audit.queries import Cursor, Seen, Wanted
from telehealth.errors import RefusedError
from telehealth.store import tables
from telehealth.store.database import Database, Reader, Transaction
from tests import databases, rows
from tests.telehealth.audit.given import NOON_MS, entry, logging_to

MINUTE_MS = 60_000


def at(minute: int, **more: str) -> Entry:
    """Return an entry of a minute after noon."""
    return replace(entry(0, **more), at_ms=NOON_MS + minute * MINUTE_MS)


async def written(database: Database, folder: Path, *given: Entry) -> None:
    """Write people, accounts and entries."""
    await database.write(people)
    async with logging_to(database, folder) as log:
        await log.record(*given)


def people(tx: Transaction) -> None:
    tx.session.add(
        tables.Place(
            place_id="pl-1", code="1", name="Trạm Y tế Bình Minh", folded="", level="station",
            valid_from="2020-01-01",
        )
    )  # fmt: skip
    tx.session.flush()
    tx.execute("INSERT INTO place_ancestor VALUES ('pl-1', 'pl-1', 0)")
    rows.person(tx, "p-hoa", "Lò Thị Hoà", "1951-03-02", place_id="pl-1")
    rows.person(tx, "p-old", "Lò Thị Hòa", "1951-03-02", merged_into="p-hoa")
    rows.person(tx, "p-older", "Lo Thi Hoa", "1951-03-02", merged_into="p-old")
    rows.person(tx, "p-linh", "Vàng Thị Linh", "1996-01-30")
    rows.account(tx, "ac-doctor", "doctor", display_name="BS. Mai", place_id="pl-1")
    rows.account(tx, "ac-hoa", "patient", person_id="p-hoa")
    rows.account(tx, "ac-linh", "patient", person_id="p-linh")


def targets(found: list[Seen]) -> list[str]:
    return [seen.target for seen in found]


def of_hoa(**more: str) -> Callable[[Reader], list[Seen]]:
    return lambda reader: queries.reads_of(reader, "p-hoa", limit=50, **more)  # type: ignore[arg-type]  # `but` alone


async def test_a_reader_is_named_with_role_place_and_purpose(
    database: Database, tmp_path: Path
) -> None:
    await written(database, tmp_path, at(5, grant_id="gr-ac-doctor"))
    [seen] = await database.read(of_hoa())
    assert (seen.actor_name, seen.role, seen.place) == ("BS. Mai", "doctor", "Trạm Y tế Bình Minh")
    assert (seen.purpose, seen.action) == ("care", AuditAction.VIEW_OPENED)
    assert seen.at_ms == NOON_MS + 5 * MINUTE_MS


async def test_a_carer_is_named_by_their_own_sealed_name(
    database: Database, tmp_path: Path
) -> None:
    await written(database, tmp_path, at(1, actor_id="ac-linh", role="patient"))
    [seen] = await database.read(of_hoa())
    assert seen.actor_name == "Vàng Thị Linh"


async def test_whoever_has_no_account_has_no_name(database: Database, tmp_path: Path) -> None:
    await written(database, tmp_path, at(1, actor_id="command:root", role=""))
    [seen] = await database.read(of_hoa())
    assert (seen.actor_id, seen.actor_name, seen.place) == ("command:root", "", "")


@pytest.mark.parametrize("action", [*AuditAction])
async def test_a_person_is_told_of_readings_alone_and_of_each_once(
    tmp_path: Path, action: AuditAction
) -> None:
    told = action in READINGS - {AuditAction.VIEW_CLOSED, AuditAction.CALL_LEFT}
    assert told == (action.kind is Kind.READING and not action.endswith(("closed", "left")))
    async with databases.migrated("sqlite", tmp_path) as database:
        await written(database, tmp_path, at(1, action=action))
        assert bool(await database.read(of_hoa())) is told


async def test_what_was_refused_is_no_reading_and_broken_glass_is_one(
    database: Database, tmp_path: Path
) -> None:
    await written(
        database, tmp_path,
        at(1, decision="deny", target="a"), at(2, decision="break_glass", target="b"),
        at(3, decision="allow", target="c"),
    )  # fmt: skip
    assert targets(await database.read(of_hoa())) == ["c", "b"]


async def test_the_own_looks_are_left_out_when_asked(database: Database, tmp_path: Path) -> None:
    await written(database, tmp_path, at(1, actor_id="ac-hoa", target="own"), at(2, target="else"))
    assert targets(await database.read(of_hoa(but="ac-hoa"))) == ["else"]
    assert targets(await database.read(of_hoa())) == ["else", "own"]


async def test_reads_of_merged_records_belong_to_the_person_and_others_do_not(
    database: Database, tmp_path: Path
) -> None:
    await written(
        database, tmp_path,
        *(at(n, person_id=key, target=key) for n, key in
          enumerate(["p-older", "p-old", "p-hoa", "p-linh", ""])),
    )  # fmt: skip
    assert targets(await database.read(of_hoa())) == ["p-hoa", "p-old", "p-older"]


async def test_pages_join_without_a_gap_even_within_one_instant(
    database: Database, tmp_path: Path
) -> None:
    await written(database, tmp_path, *(at(n // 4, target=f"{n}") for n in range(20)))
    seen: list[str] = []
    before: Cursor | None = None
    while True:
        page = await database.read(
            lambda r, before=before: queries.reads_of(r, "p-hoa", limit=3, before=before)  # type: ignore[misc]
        )
        if not page:
            break
        seen += targets(page)
        before = Cursor.of(str(page[-1].cursor))
    assert seen == [f"{n}" for n in reversed(range(20))]


async def test_an_actor_is_followed_over_all_people(database: Database, tmp_path: Path) -> None:
    await written(
        database, tmp_path,
        at(1, target="a"), at(2, person_id="p-linh", target="b"), at(3, actor_id="ac-x"),
    )  # fmt: skip
    found = await database.read(lambda r: queries.by_actor(r, "ac-doctor", limit=50))
    assert targets(found) == ["b", "a"]


async def test_refusals_of_late_are_those_since_an_instant(
    database: Database, tmp_path: Path
) -> None:
    await written(
        database, tmp_path,
        at(1, decision="deny", target="before"), at(2, decision="deny", target="at"),
        at(3, decision="deny", target="after"), at(4), at(5, decision="break_glass", target="g"),
    )  # fmt: skip
    since = NOON_MS + 2 * MINUTE_MS
    denied = await database.read(lambda r: queries.denied_of_late(r, since_ms=since, limit=50))
    assert targets(denied) == ["after", "at"]
    broken = await database.read(lambda r: queries.glass_broken(r, since_ms=since, limit=50))
    assert targets(broken) == ["g"]


async def test_each_filter_narrows_and_the_end_is_not_included(
    database: Database, tmp_path: Path
) -> None:
    await written(
        database, tmp_path,
        at(1, target="a"), at(2, target="b", action="exported"), at(3, target="c", person_id=""),
    )  # fmt: skip

    async def found(**given: object) -> list[str]:
        wanted = Wanted(actor_id="ac-doctor", **given)  # type: ignore[arg-type]
        return targets(await database.read(lambda r: queries.entries(r, wanted, limit=50)))

    assert await found() == ["c", "b", "a"]
    assert await found(actions=["exported"]) == ["b"]
    assert await found(person_ids=["p-hoa", "p-linh"]) == ["b", "a"]
    assert await found(from_ms=NOON_MS + 2 * MINUTE_MS) == ["c", "b"]
    assert await found(to_ms=NOON_MS + 2 * MINUTE_MS) == ["a"]
    assert await found(decisions=["deny"]) == []


async def test_within_a_scope_only_entries_about_its_people_are_shown(
    database: Database, tmp_path: Path
) -> None:
    await written(
        database, tmp_path,
        at(1, target="a"), at(2, person_id="p-linh", target="b"), at(3, person_id="", target="c"),
    )  # fmt: skip
    officer = Actor("ac-o", Role.PRIVACY_OFFICER, place_id="pl-1")
    wanted = Wanted(within=Scope(officer, Action.SEE_READERS, NOON_MS))
    found = await database.read(lambda r: queries.entries(r, wanted, limit=50))
    assert targets(found) == ["a"]


@pytest.mark.parametrize("limit", [0, queries.MAX_LIMIT + 1])
async def test_a_page_has_bounds(database: Database, limit: int) -> None:
    with pytest.raises(RefusedError, match="limit"):
        await database.read(lambda r: queries.entries(r, Wanted(), limit=limit))
    for allowed in (1, queries.MAX_LIMIT):
        assert await database.read(lambda r: queries.entries(r, Wanted(), limit=allowed)) == []  # noqa: B023


@pytest.mark.parametrize(
    "text", ["", "1", "1.ch.x", "x.ch.1", "1.ch.1.2", "1.ch." + "9" * 19, "²."]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="before"):
        Cursor.of(text)


async def test_a_row_with_an_impossible_time_can_still_be_shown(
    database: Database, tmp_path: Path
) -> None:
    await written(database, tmp_path, replace(entry(), at_ms=2**62), replace(entry(), at_ms=-5))
    found = await database.read(of_hoa())
    assert [seen.at_ms for seen in found] == [253_370_764_800_000, 0]
    assert [seen.cursor.at_ms for seen in found] == [2**62, -5]
