"""Two records become one and two again: nothing is lost, overwritten, or left behind."""

import random
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.identifiers import IdentifierKind
from protocols.reading import Reading, ReadingKind, Vitals
from protocols.uplink import content_key, epoch_ms, instant
from telehealth import cases, judging, loans
from telehealth.alerts import desk
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.judging import Belonging
from telehealth.people import (
    duplicates,
    households,
    identifiers,
    merge_record,
    proxies,
    recomputing,
    search,
)
from telehealth.people.identifiers import NewIdentifier
from telehealth.people.merging import Merged, merge
from telehealth.people.proxies import Basis, NewProxy, ProxyKind
from telehealth.people.unmerging import unmerge
from telehealth.store import tables
from telehealth.store.database import Database, Reader, Row, Transaction
from telehealth.vitals.person_state import PersonState, decode_state
from tests import rows
from tests.telehealth.people import folk

NOW: Final = epoch_ms(datetime(2026, 3, 1, 5, tzinfo=UTC))
MINUTE: Final = 60_000
HISTORY: Final = frozenset({"person_merge", "alert_event", "sequence", "audit"})
"""Tables that only ever grow."""
COUNTED: Final = frozenset({"changed_in", "version", "timer_id"})
"""Columns that count writes."""


def dump(reader: Reader) -> dict[str, list[str]]:
    """Return every row of every table but the histories, in an order of its own."""
    found = {}
    for name, table in tables.metadata.tables.items():
        if name in HISTORY:
            continue
        columns = [c.name for c in table.columns if c.name not in COUNTED]
        every = reader.rows(f"SELECT {', '.join(columns)} FROM {name}")  # noqa: S608 - ours
        found[name] = sorted(repr([_plain(v) for v in row]) for row in every)
    return found


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def measure(
    tx: Transaction, person: str | None, spo2: float, at_ms: int, device: str = "ox"
) -> None:
    """Let a reading be taken in, scored and alerted on, as intake does."""
    reading = Reading(
        device_id=device,
        kind=ReadingKind.SPOT,
        measured_at=instant(at_ms),
        vitals=Vitals(spo2_percent=float(spo2), pulse_per_min=80.0),
    )
    judging.keep(tx, judging.judge(tx, [Belonging(content_key(reading), reading, person)], []))


def _furnish(tx: Transaction, dice: random.Random, person: str, others: list[str]) -> None:
    """Give a person some of everything that can be a person's."""
    number = f"{dice.randrange(10**9):09}"
    for kind, text in (
        (IdentifierKind.PHONE, f"+8491{dice.randrange(10**7):07}"),
        (IdentifierKind.OLD_CITIZEN_ID, number),
        (IdentifierKind.INSURANCE, f"DN4013{number}"),
    ):
        if dice.random() < 0.6:
            identifiers.add(tx, person, NewIdentifier(kind=kind, text=text), "t", look=False)
    if dice.random() < 0.7:
        home = households.create(tx, place_id=None, address="Số 1", created_by="t")
        households.move_in(tx, home, person, is_head=dice.random() < 0.5)
    for other in others:
        if dice.random() < 0.4:
            one, by = dice.sample((person, other), 2)
            wish = NewProxy(
                person_id=one,
                proxy_person_id=by,
                kind=ProxyKind.CARER,
                basis=Basis.WISH,
                reference="t",
            )
            proxies.grant(tx, wish, "t")
    _paper(tx, dice, person, others[0])
    if dice.random() < 0.7:
        cases.open_case(tx, person, "pr-test", doctor_id=dice.choice([None, "d0"]))
        if dice.random() < 0.7:
            loans.lend(tx, f"ox-{person[-8:]}", person, "t")
    for minute in range(dice.randrange(6)):
        spo2 = dice.choice([97, 95, 93, 90, 85])
        measure(tx, person, spo2, tx.now_ms - (10 - minute) * MINUTE, f"ox-{person[-8:]}")


def _paper(tx: Transaction, dice: random.Random, person: str, other: str) -> None:
    """Consents, an account, entry codes, requests, exports, a call, an emergency access."""
    key = secrets.token_hex(4)
    made: list[Any] = [
        tables.Consent(
            consent_id=f"co-{item}-{key}",
            person_id=person,
            item=item,
            version="1",
            locale="vi",
            text_sha256=b"t",
            given_ms=NOW - 10,
            given_by="t",
            channel="paper",
            guardian_person_id=dice.choice([None, other]),
            withdrawn_ms=dice.choice([None, None, NOW - 5]),
        )
        for item in ("care", "video", "position")
        if dice.random() < 0.6
    ]
    if dice.random() < 0.5:
        rows.account(tx, f"ac-{key}", "patient", person_id=person)
    if dice.random() < 0.5:
        made.append(
            tables.EntryCode(
                code_hash=key.encode(),
                person_id=person,
                kind="one_time",
                created_by="t",
                created_ms=NOW,
                expires_ms=NOW,
            )
        )
        made.append(
            tables.SubjectRequest(
                request_id=f"rq-{key}",
                person_id=person,
                kind="copy",
                opened_ms=NOW,
                opened_by="t",
                answer_due_ms=NOW,
                done_due_ms=NOW,
            )
        )
        made.append(
            tables.Export(
                export_id=f"ex-{key}",
                kind="copy",
                person_id=person,
                basis="order",
                recipient="t",
                made_by="t",
                made_ms=NOW,
                sha256=b"t",
            )
        )
    if dice.random() < 0.5:
        made.append(
            tables.Call(
                room_id=f"ca-{key}",
                person_id=person,
                requested_by="t",
                state="concluded",
                requested_ms=NOW,
                ended_ms=NOW,
            )
        )
        made.append(
            tables.BreakGlass(
                break_glass_id=f"bg-{key}",
                account_id="d0",
                person_id=person,
                reason="t",
                started_ms=NOW,
                ends_ms=NOW,
            )
        )
    for row in made:
        tx.session.add(row)
    tx.session.flush()


def _two(tx: Transaction, dice: random.Random | None = None) -> tuple[str, str]:
    """Return two records of one human, with a third person beside them."""
    tx.now_ms = NOW
    folk.programme(tx)
    rows.account(tx, "d0", "doctor", programme_id="pr-test")
    names = ("Nguyễn Thị An", "Nguyễn Thị An", "Trần Văn Bình")
    one, other, third = (folk.person(tx, name) for name in names)
    if dice is not None:
        _furnish(tx, dice, one, [other, third])
        _furnish(tx, dice, other, [third])
        if dice.random() < 0.5:
            duplicates.note(tx, one)
    return one, other


def _sensible(tx: Transaction, one: str, other: str) -> None:
    """Nothing is left with the merged record but what stays there for a reason."""
    for link in merge_record.LINKS:
        column = tables.metadata.tables[link.table].columns[link.column]
        where = f"SELECT {link.key} FROM {link.table} WHERE {column.name} = ?"  # noqa: S608 - ours
        if link.table not in ("consent", "person_proxy"):
            assert tx.rows(where, (one,)) == []
    assert tx.rows("SELECT 1 FROM reading WHERE person_id = ?", (one,)) == []
    assert tx.rows("SELECT 1 FROM person_token WHERE person_id = ?", (one,)) == []
    assert tx.rows("SELECT 1 FROM timer WHERE subject_id = ?", (one,)) == []
    for table, open_ in (("f0_case", "closed_ms"), ("household_member", "to_ms")):
        sql = f"SELECT count(*) FROM {table} WHERE person_id = ? AND {open_} IS NULL"  # noqa: S608
        assert tx.rows(sql, (other,))[0][0] <= 1


@pytest.mark.parametrize("seed", range(24))
async def test_merging_and_undoing_leaves_every_table_as_it_was(
    database: Database, seed: int
) -> None:
    def make(tx: Transaction) -> tuple[str, str, dict[str, list[str]]]:
        return (*_two(tx, random.Random(seed)), dump(tx))  # noqa: S311 - a test's people

    one, other, before = await database.write(make)

    def join(tx: Transaction) -> Merged:
        tx.now_ms = NOW + 1
        done = merge(tx, one, other, "me", "cùng một người")
        _sensible(tx, one, other)
        return done

    merged = await database.write(join)

    def part(tx: Transaction) -> None:
        tx.now_ms = NOW + 2
        undone = unmerge(tx, merged.merge_id, "me")
        assert undone.not_restored == ()
        assert undone.moved | {"reading.person_id": 0} == merged.moved | {"reading.person_id": 0}
        after = dump(tx)
        for table, lines in before.items():
            assert after[table] == lines, table

    await database.write(part)


async def test_merges_into_one_record_are_undone_the_last_one_first(database: Database) -> None:
    def act(tx: Transaction) -> None:
        dice = random.Random(1)  # noqa: S311 - a test's people
        one, other = _two(tx, dice)
        third = folk.person(tx, "Nguyễn Thị An")
        _furnish(tx, dice, third, [folk.person(tx, "Lò A Sáng")])
        before = dump(tx)
        first = merge(tx, one, other, "me", "một người").merge_id
        second = merge(tx, third, other, "me", "một người").merge_id
        with pytest.raises(IllegalTransitionError, match="later merge"):
            unmerge(tx, first, "me")
        unmerge(tx, second, "me")
        unmerge(tx, first, "me")
        assert dump(tx) == before
        with pytest.raises(IllegalTransitionError):
            unmerge(tx, first, "me")

    await database.write(act)


async def test_a_chain_is_undone_from_its_end_and_never_closes(database: Database) -> None:
    def act(tx: Transaction) -> None:
        one, other = _two(tx)
        third = folk.person(tx, "Nguyễn Thị An")
        first = merge(tx, one, other, "me", "một người").merge_id
        second = merge(tx, other, third, "me", "một người").merge_id
        for pair in ((third, one), (third, other), (one, third), (other, third)):
            with pytest.raises(IllegalTransitionError, match="merged"):
                merge(tx, *pair, "me", "một người")
        with pytest.raises(IllegalTransitionError, match="merged"):
            unmerge(tx, first, "me")
        unmerge(tx, second, "me")
        unmerge(tx, first, "me")

    await database.write(act)


async def test_what_came_after_the_merge_stays_with_the_survivor(database: Database) -> None:
    def act(tx: Transaction) -> None:
        one, other = _two(tx)
        measure(tx, one, 97, NOW - MINUTE, "ox-1")
        merged = merge(tx, one, other, "me", "một người")
        measure(tx, other, 96, NOW, "ox-1")
        new = NewIdentifier(kind=IdentifierKind.PHONE, text="0912345678")
        identifiers.add(tx, other, new, "me", look=False)
        unmerge(tx, merged.merge_id, "me")
        readings = dict(map(tuple, tx.rows("SELECT spo2_percent, person_id FROM reading")))
        assert readings == {97: one, 96: other}
        assert identifiers.phones_of(tx, [one, other]) == {other: ["+84912345678"]}
        assert _state(tx, one).newest_ms == NOW - MINUTE
        assert _state(tx, other).newest_ms == NOW

    await database.write(act)


def _state(tx: Transaction, person: str) -> PersonState:
    sql = "SELECT state FROM person_state WHERE person_id = ?"
    return decode_state(bytes(tx.rows(sql, (person,))[0][0]))


async def test_a_reading_that_was_attributed_elsewhere_meanwhile_stays_there(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        one, other = _two(tx)
        third = folk.person(tx, "Lò A Sáng")
        measure(tx, one, 97, NOW - MINUTE)
        merged = merge(tx, one, other, "me", "một người")
        tx.execute("UPDATE reading SET person_id = ?", (third,))
        unmerge(tx, merged.merge_id, "me")
        assert tx.rows("SELECT person_id FROM reading") == [(third,)]

    await database.write(act)


async def test_the_survivors_state_is_what_both_readings_make_in_their_order(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        one, other = _two(tx)
        measure(tx, one, 97, NOW - 4 * MINUTE, "ox-1")
        measure(tx, other, 90, NOW - 10 * MINUTE, "ox-2")
        measure(tx, other, 90, NOW - 9 * MINUTE, "ox-2")
        assert (_state(tx, one).level, _state(tx, other).level) == (0, 3)
        merge(tx, one, other, "me", "một người")
        state = _state(tx, other)
        assert (state.level, state.newest_ms, state.alerted) == (0, NOW - 4 * MINUTE, 0)
        assert _state(tx, one).newest_ms == 0
        shown = tx.rows(
            "SELECT level, last_reading_ms FROM person_state WHERE person_id = ?", (other,)
        )
        assert shown == [(0, NOW - 4 * MINUTE)]

    await database.write(act)


def _alerts(tx: Transaction) -> list[Row]:
    return tx.rows(
        "SELECT subject_id, person_id, level, status FROM alert ORDER BY level DESC, status"
    )


@pytest.mark.parametrize("graver_is_merged", [True, False])
async def test_of_two_open_alerts_the_graver_goes_on_with_its_clock(
    database: Database, graver_is_merged: bool
) -> None:
    def act(tx: Transaction) -> None:
        one, other = _two(tx)
        grave, mild = (one, other) if graver_is_merged else (other, one)
        for minute in (3, 2):
            measure(tx, grave, 85, NOW - minute * MINUTE, "ox-1")
            measure(tx, mild, 93, NOW - minute * MINUTE, "ox-2")
        before = _alerts(tx)
        assert {(row[0], row[2]) for row in before} == {(grave, 3), (mild, before[1][2])}
        merged = merge(tx, one, other, "me", "một người")
        after = _alerts(tx)
        assert [row[:2] for row in after] == [(other, other)] * 2
        assert [row[2] for row in after] == [row[2] for row in before]
        assert after[1][3] == "merged"
        assert after[0][3] in ("raised", "notified")
        clocks = "SELECT subject_id FROM timer WHERE kind = ?"
        [[open_id]] = tx.rows("SELECT alert_id FROM alert WHERE status <> 'merged'")
        assert tx.rows(clocks, (desk.ESCALATE,)) == [(open_id,)]
        unmerge(tx, merged.merge_id, "me")
        assert _alerts(tx) == before

    await database.write(act)


async def test_an_alert_reopened_by_undoing_gives_way_to_one_raised_meanwhile(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        one, other = _two(tx)
        for person, spo2 in ((one, 85), (other, 93)):
            for minute in (3, 2):
                measure(tx, person, spo2, NOW - minute * MINUTE, f"ox-{person}")
        merged = merge(tx, one, other, "me", "một người")
        [[alert_id]] = tx.rows("SELECT alert_id FROM alert WHERE status <> 'merged'")
        for action, reason in (("accept", "calling"), ("resolve", "advised")):
            desk.act(tx, alert_id, action=action, actor_id="d0", reason=reason)
        tx.now_ms = NOW + 31 * MINUTE
        measure(tx, other, 85, tx.now_ms, "ox-3")
        undone = unmerge(tx, merged.merge_id, "me")
        assert [name.split()[0] for name in undone.not_restored] == ["alert"]
        open_ = "SELECT subject_id FROM alert WHERE status IN ('raised', 'notified')"
        assert tx.rows(open_) == [(other,)]

    await database.write(act)


async def test_of_two_open_cases_the_survivors_goes_on(database: Database) -> None:
    def act(tx: Transaction) -> None:
        one, other = _two(tx)
        mine = cases.open_case(tx, one, "pr-test", doctor_id=None)
        theirs = cases.open_case(tx, other, "pr-test", doctor_id="d0")
        merged = merge(tx, one, other, "me", "một người")
        sql = "SELECT case_id, person_id, state, closed_ms FROM f0_case ORDER BY closed_ms IS NULL"
        assert tx.rows(sql) == [
            (mine, other, "merged", NOW),
            (theirs, other, "home_care", None),
        ]
        unmerge(tx, merged.merge_id, "me")
        assert sorted(tx.rows(sql)) == sorted(
            [(mine, one, "home_care", None), (theirs, other, "home_care", None)]
        )

    await database.write(act)


async def test_the_one_case_of_the_merged_record_goes_on_and_is_watched(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        one, other = _two(tx)
        cases.open_case(tx, one, "pr-test", doctor_id="d0")
        merge(tx, one, other, "me", "một người")
        assert tx.rows("SELECT person_id, state FROM f0_case") == [(other, "home_care")]
        assert tx.rows("SELECT kind, subject_id FROM timer") == [("device_silent", other)]
        assert _state(tx, other).watched_from_ms == NOW

    await database.write(act)


async def test_a_withdrawn_consent_is_not_given_back_by_a_merge(database: Database) -> None:
    def act(tx: Transaction) -> None:
        one, other = _two(tx)
        for person, withdrawn in ((one, None), (other, NOW - 1)):
            tx.session.add(
                tables.Consent(
                    consent_id=f"co-{person}",
                    person_id=person,
                    item="video",
                    version="1",
                    locale="vi",
                    text_sha256=b"t",
                    given_ms=NOW - 10,
                    given_by="t",
                    channel="page",
                    withdrawn_ms=withdrawn,
                )
            )
            tx.session.flush()
        merged = merge(tx, one, other, "me", "một người")
        assert merged.consents_to_check == ("video",)
        assert tx.rows(
            "SELECT count(*) FROM consent WHERE person_id = ? AND withdrawn_ms IS NULL", (other,)
        ) == [(0,)]

    await database.write(act)


async def test_the_merged_record_is_found_as_the_survivor(database: Database) -> None:
    def act(tx: Transaction) -> None:
        one, other = _two(tx)
        card = NewIdentifier(kind=IdentifierKind.PASSPORT, text="C1234567")
        identifiers.add(tx, one, card, "me", look=False)
        merge(tx, one, other, "me", "một người")
        everyone = folk.sees(tx, folk.actor())
        for text in ("nguyen thi an", "C1234567"):
            found = search.search(tx, everyone, text).people
            assert [shown.person_id for shown in found] == [other]
        assert search.find_exact(tx, IdentifierKind.PASSPORT, "C1234567") == [other]

    await database.write(act)


async def test_what_cannot_be_merged_is_refused(database: Database) -> None:
    def act(tx: Transaction) -> None:
        one, other = _two(tx)
        with pytest.raises(RefusedError, match="into_id"):
            merge(tx, one, one, "me", "một người")
        with pytest.raises(RefusedError, match="reason"):
            merge(tx, one, other, "me", "")
        with pytest.raises(NotFoundError):
            merge(tx, one, "pe-none", "me", "một người")
        for unknown in ("mg-none", "\0"):
            with pytest.raises(NotFoundError):
                unmerge(tx, unknown, "me")
        for column in ("restricted_ms", "erased_ms"):
            for person in (one, other):
                sql = f"UPDATE person SET {column} = ? WHERE person_id = ?"  # noqa: S608 - ours
                tx.execute(sql, (1, person))
                with pytest.raises(IllegalTransitionError):
                    merge(tx, one, other, "me", "một người")
                tx.execute(sql, (None, person))
        merge(tx, one, other, "me", "một người")

    await database.write(act)


@pytest.mark.parametrize("in_calls", [1, 2])
async def test_two_who_are_both_in_a_call_are_not_merged(database: Database, in_calls: int) -> None:
    def act(tx: Transaction) -> None:
        pair = _two(tx)
        for person in pair[:in_calls]:
            tx.session.add(
                tables.Call(
                    room_id=f"ca-{person}",
                    person_id=person,
                    requested_by="t",
                    state="requested",
                    requested_ms=NOW,
                )
            )
            tx.session.flush()
        if in_calls == 1:
            merge(tx, *pair, "me", "một người")
            assert tx.rows("SELECT person_id FROM call") == [(pair[1],)]
            return
        with pytest.raises(IllegalTransitionError, match="call"):
            merge(tx, *pair, "me", "một người")

    await database.write(act)


async def test_a_merge_of_an_erased_record_is_not_undone(database: Database) -> None:
    def act(tx: Transaction) -> None:
        one, other = _two(tx)
        merged = merge(tx, one, other, "me", "một người")
        for person in (one, other):
            sql = "UPDATE person SET erased_ms = ? WHERE person_id = ?"
            tx.execute(sql, (1, person))
            with pytest.raises(IllegalTransitionError, match="erased"):
                unmerge(tx, merged.merge_id, "me")
            tx.execute(sql, (None, person))
        unmerge(tx, merged.merge_id, "me")

    await database.write(act)


def test_every_column_that_refers_to_a_person_is_moved_or_left_for_a_reason() -> None:
    named = {link.name for link in merge_record.LINKS} | set(merge_record.LEFT)
    referring = {
        f"{table.name}.{key.parent.name}"
        for table in tables.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "person"
    }
    referring |= {
        f"{table.name}.{column.name}"
        for table in tables.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("person_id") and table.name != "person"
    }
    assert referring <= named
    for name in named:
        table_name, column_name = name.split(".")
        assert column_name in tables.metadata.tables[table_name].columns


@given(st.sets(st.integers(min_value=1, max_value=2**40)), st.integers(1, 2**40), st.integers(0, 9))
def test_ids_are_packed_and_unpacked_in_order(ids: set[int], start: int, run: int) -> None:
    every = ids | set(range(start, start + run))
    assert list(merge_record.unpack_ids(merge_record.pack_ids(every))) == sorted(every)


def test_a_run_of_ids_takes_two_numbers() -> None:
    assert merge_record.pack_ids(range(5, 100_005)) == [5, 100_000]
    assert merge_record.pack_ids([]) == []


async def test_computing_anew_opens_no_alert_and_the_next_reading_does(database: Database) -> None:
    def act(tx: Transaction) -> None:
        one, _ = _two(tx)
        for minute in (3, 2):
            measure(tx, one, 85, NOW - minute * MINUTE)
        tx.execute("DELETE FROM alert_event")
        tx.execute("DELETE FROM alert")
        recomputing.recompute(tx, [one])
        assert _alerts(tx) == []
        assert (_state(tx, one).level, _state(tx, one).alerted) == (3, 0)
        measure(tx, one, 85, NOW)
        assert [row[2] for row in _alerts(tx)] == [3]

    await database.write(act)


async def test_computing_anew_is_the_same_as_having_measured_in_order(database: Database) -> None:
    def act(tx: Transaction) -> None:
        one, _ = _two(tx)
        cases.open_case(tx, one, "pr-test", doctor_id="d0")
        for minute, spo2 in enumerate((97, 93, 93, 90, 91, 96, 96)):
            tx.now_ms = NOW + minute * MINUTE
            measure(tx, one, spo2, tx.now_ms)
        before = dump(tx)
        recomputing.recompute(tx, [one])
        after = dump(tx)
        assert {name for name in before if before[name] != after[name]} <= {"timer"}

    await database.write(act)


async def test_an_alert_closed_by_a_human_stays_quiet_through_computing_anew(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        one, _ = _two(tx)
        for minute in (3, 2):
            measure(tx, one, 85, NOW - minute * MINUTE)
        [[alert_id]] = tx.rows("SELECT alert_id FROM alert")
        for action, reason in (("accept", "calling"), ("resolve", "advised")):
            desk.act(tx, alert_id, action=action, actor_id="d0", reason=reason)
        recomputing.recompute(tx, [one])
        tx.now_ms = NOW + timedelta(minutes=29) // timedelta(milliseconds=1)
        measure(tx, one, 85, tx.now_ms)
        assert len(_alerts(tx)) == 1
        tx.now_ms += 2 * MINUTE
        measure(tx, one, 85, tx.now_ms)
        assert len(_alerts(tx)) == 2

    await database.write(act)
