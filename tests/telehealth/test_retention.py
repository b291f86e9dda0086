"""Retention: one table of rules, one job, small batches, and nothing taken that must stay."""

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from protocols.uplink import epoch_ms
from telehealth import retention, retention_commands
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.retention import BATCH_ROWS, KIND, SUBJECT, Progress
from telehealth.retention_rules import BY_SUBJECT, RULES, Rule, Taken
from telehealth.settings import Settings
from telehealth.store import tables
from telehealth.store.database import Database, Reader, Transaction
from telehealth.timers import Due, fire_due
from tests import rows
from tests.keys import VARIABLE

DAY_MS = 86_400_000
MINUTE_MS = 60_000
DOCUMENT = Path(__file__).parents[2] / "docs" / "retention.md"


def uploads(tx: Transaction, ages_days: Sequence[float], *, first_seq: int = 1) -> None:
    """Write an upload for each age, in the order of their numbers."""
    lines = [
        (1, seq, tx.now_ms - int(age * DAY_MS), b"{}")
        for seq, age in enumerate(ages_days, start=first_seq)
    ]
    tx.insert("upload", ("stream_id", "seq", "received_ms", "payload"), lines)


def seqs(reader: Reader) -> list[int]:
    return [row[0] for row in reader.rows("SELECT seq FROM upload ORDER BY seq")]


def test_every_rule_stands_within_its_own_limits_and_names_a_source() -> None:
    for rule in RULES:
        assert 1 <= rule.least <= rule.days <= rule.most
        assert rule.source
        assert rule.confidence in ("high", "medium", "own")
        assert rule.table in tables.metadata.tables
        assert rule.key in tables.metadata.tables[rule.table].columns
    assert len(BY_SUBJECT) == len(RULES)


def test_what_belongs_to_the_medical_record_cannot_be_set_below_ten_years() -> None:
    record = ("readings", "attributions", "alerts", "alert_events", "calls", "cases", "loans")
    assert {BY_SUBJECT[subject].least for subject in (*record, "audit")} == {3_650}


@pytest.mark.asvs("14.2.4")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.subject)
def test_the_document_says_how_long_each_kind_is_kept(rule: Rule) -> None:
    line = re.search(rf"^\| `{rule.subject}` \|.*$", DOCUMENT.read_text(), re.MULTILINE)
    assert line is not None
    cells = [cell.strip() for cell in line[0].strip("|").split("|")]
    assert cells[1] == f"`{rule.table}`"
    assert cells[2:5] == [str(rule.days), str(rule.least), str(rule.most)]


async def test_an_upload_goes_on_its_day_and_not_a_minute_before(database: Database) -> None:
    edge = 30 - 1 / 1440
    await database.write(lambda tx: uploads(tx, [31, 30 + 1 / 1440, edge, 1]))
    assert await retention.run(database) == {"uploads": 2}
    assert await database.read(seqs) == [3, 4]


async def test_an_upload_of_which_a_part_was_refused_stays_until_the_refusal_has_gone(
    database: Database,
) -> None:
    def fill(tx: Transaction) -> None:
        uploads(tx, [80, 80, 80, 80])
        columns = ("gateway_id", "stream_id", "seq", "part", "reason", "received_ms", "payload")
        lines = [
            ("gw", 1, 2, "batch", "broken", tx.now_ms - 80 * DAY_MS, b"{}"),
            ("gw", 1, 3, "batch", "broken", tx.now_ms - 91 * DAY_MS, b"{}"),
            ("gw", 2, 4, "batch", "another stream's", tx.now_ms - 80 * DAY_MS, b"{}"),
        ]
        tx.insert("refused", columns, lines)

    await database.write(fill)
    assert await retention.run(database) == {"uploads": 2, "refused": 1}
    assert await database.read(seqs) == [2, 3]
    assert await retention.run(database) == {"uploads": 1}
    assert await database.read(seqs) == [2]


@pytest.mark.asvs("15.2.2")
async def test_no_transaction_looks_at_more_than_a_batch(database: Database) -> None:
    await database.write(lambda tx: uploads(tx, [40] * (2 * BATCH_ROWS + 1)))
    left = [2 * BATCH_ROWS + 1]
    progress = Progress()
    while progress.position == 0:
        before = progress
        progress = await database.write(lambda tx, at=before: retention.step(tx, at))  # type: ignore[misc]
        left.append(len(await database.read(seqs)))
    assert left == [2 * BATCH_ROWS + 1, BATCH_ROWS + 1, 1, 0]


async def test_refused_ones_in_front_do_not_hold_up_what_is_behind_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH_ROWS", 3)

    def fill(tx: Transaction) -> None:
        uploads(tx, [40] * 8)
        columns = ("gateway_id", "stream_id", "seq", "part", "reason", "received_ms", "payload")
        lines = [("gw", 1, seq, "batch", "x", tx.now_ms, b"") for seq in range(1, 5)]
        tx.insert("refused", columns, lines)

    await database.write(fill)
    assert await retention.run(database) == {"uploads": 4}
    assert await database.read(seqs) == [1, 2, 3, 4]


async def test_each_kind_goes_by_its_own_days_and_what_is_open_stays(database: Database) -> None:
    def fill(tx: Transaction) -> None:
        old, fresh = tx.now_ms - 4_000 * DAY_MS, tx.now_ms - 3_600 * DAY_MS
        rows.person(tx, "pe-1", "Người", "1950-01-01")
        rows.account(tx, "ac-1", "doctor")

        def alert(key: str, closed_ms: int | None) -> tables.AlertRow:
            return tables.AlertRow(
                alert_id=key, subject_id=key, person_id="pe-1", cause="vitals",
                kind="physiological", priority="high", level=3,
                status="resolved" if closed_ms else "notified", reasons=b"[]", measured_ms=old,
                raised_ms=old, clock_ms=old, closed_ms=closed_ms,
            )  # fmt: skip

        tx.session.add_all([alert("al-old", old), alert("al-new", fresh), alert("al-open", None)])
        tx.session.flush()
        for key in ("al-old", "al-new", "al-open"):
            event = tables.AlertEventRow(
                alert_id=key, at_ms=fresh if key == "al-new" else old, action="raise",
                before="raised", after="raised", level=3, step=0,
            )  # fmt: skip
            tx.session.add(event)
            tx.session.flush()
        tx.session.add_all(
            [
                tables.LoginFailure(login="locked", failures=9, last_ms=tx.now_ms - 3 * DAY_MS,
                                    locked_until_ms=tx.now_ms + DAY_MS),
                tables.LoginFailure(login="old", failures=1, last_ms=tx.now_ms - 2 * DAY_MS),
                tables.LoginFailure(login="today", failures=1, last_ms=tx.now_ms - 1),
                tables.Consent(
                    consent_id="co-1", person_id="pe-1", item="position", version="1",
                    locale="vi", text_sha256=b"h", given_ms=1, given_by="a", channel="page",
                ),
                tables.Outbox(
                    idempotency_key="sent", channel="live", recipient_id="ac-1",
                    subject_id="x", payload=b"{}", created_ms=old, due_ms=old, sent_ms=old,
                ),
                tables.Outbox(
                    idempotency_key="unsent", channel="live", recipient_id="ac-1",
                    subject_id="x", payload=b"{}", created_ms=old, due_ms=old,
                ),
            ]
        )  # fmt: skip
        tx.session.flush()

    await database.write(fill)
    removed = await retention.run(database)
    assert removed == {"alert_events": 1, "alerts": 1, "login_failures": 1, "outbox": 1}

    def left(reader: Reader) -> list[list[str]]:
        return [
            [row[0] for row in reader.rows(sql)]
            for sql in (
                "SELECT alert_id FROM alert ORDER BY alert_id",
                "SELECT login FROM login_failure ORDER BY login",
                "SELECT idempotency_key FROM outbox",
                "SELECT consent_id FROM consent",
            )
        ]

    assert await database.read(left) == [
        ["al-new", "al-open"],
        ["locked", "today"],
        ["unsent"],
        ["co-1"],
    ]


async def test_the_audit_log_is_never_taken_by_the_job(database: Database) -> None:
    entry = tables.AuditEntry(
        chain_id="ch-1", seq=1, at_ms=0, action="view_opened", decision="allow", actor_id="a",
        mac=b"m",
    )  # fmt: skip

    def fill(tx: Transaction) -> None:
        tx.session.add(entry)
        tx.session.flush()

    await database.write(fill)
    assert await retention.run(database) == {}
    assert len(await database.read(lambda r: r.rows("SELECT 1 FROM audit"))) == 1
    with pytest.raises(IllegalTransitionError):
        await database.write(
            lambda tx: retention.change(tx, "audit", 4_000, reason="because", by="ac")
        )


async def test_an_operators_own_days_hold_until_taken_back(database: Database) -> None:
    await database.write(lambda tx: uploads(tx, [40]))
    await database.write(
        lambda tx: retention.change(tx, "uploads", 60, reason="inquiry 7", by="ac-admin")
    )
    assert await retention.run(database) == {}
    shown = {s.rule.subject: s for s in await database.read(retention.standing)}
    own = shown["uploads"].override
    assert own is not None
    assert (own.days, own.reason, own.changed_by) == (60, "inquiry 7", "ac-admin")
    assert (shown["uploads"].days, shown["refused"].days) == (60, 90)
    await database.write(lambda tx: retention.reset(tx, "uploads"))
    assert await retention.run(database) == {"uploads": 1}
    with pytest.raises(NotFoundError):
        await database.write(lambda tx: retention.reset(tx, "uploads"))


@pytest.mark.asvs("2.3.2")
@pytest.mark.parametrize(
    ("days", "reason", "field"),
    [(7, "x", "days"), (731, "x", "days"), (60, "  ", "reason"), (60, "x" * 201, "reason")],
)
async def test_days_outside_the_limits_or_without_a_reason_are_refused(
    database: Database, days: int, reason: str, field: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        await database.write(
            lambda tx: retention.change(tx, "uploads", days, reason=reason, by="ac")
        )
    assert refused.value.field == field


@pytest.mark.parametrize("days", [8, 730])
async def test_the_limits_themselves_may_be_chosen(database: Database, days: int) -> None:
    await database.write(lambda tx: retention.change(tx, "uploads", days, reason="x", by="ac"))
    assert await database.read(lambda r: retention.days_of(r, BY_SUBJECT["uploads"])) == days


async def test_a_kind_that_is_not_in_the_table_is_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError):
        await database.write(lambda tx: retention.change(tx, "person", 30, reason="x", by="ac"))


async def test_the_timer_goes_on_where_it_was_and_then_sleeps_until_the_night(
    database: Database,
) -> None:
    await database.write(lambda tx: uploads(tx, [40] * (BATCH_ROWS + 1)))

    def begin(tx: Transaction) -> None:
        retention.begin(tx)
        retention.begin(tx)
        tx.execute("UPDATE timer SET due_ms = ?", (tx.now_ms,))

    def fire(tx: Transaction) -> tuple[int, int]:
        tx.execute("UPDATE timer SET due_ms = ?", (tx.now_ms,))
        fire_due(tx, retention.HANDLERS)
        found = tx.rows("SELECT due_ms, payload FROM timer WHERE kind = ?", (KIND,))
        assert len(found) == 1
        return found[0][0] - tx.now_ms, len(found[0][1])

    await database.write(begin)
    waits = []
    while True:
        wait_ms, payload = await database.write(fire)
        waits.append(wait_ms)
        if not payload:
            break
    assert len(waits) == len(RULES) + 1
    assert set(waits[:-1]) == {1_000}
    assert 0 < waits[-1] <= DAY_MS
    last = await database.read(retention.last_run)
    assert last is not None
    assert last.removed == {"uploads": BATCH_ROWS + 1}
    due_at = await database.read(retention.next_run)
    assert due_at is not None
    assert due_at.astimezone(retention.ZONE).hour == 3


async def test_a_timer_of_another_edition_that_stands_past_the_end_begins_anew(
    database: Database,
) -> None:
    past = msgspec.json.encode(Progress(position=len(RULES) + 3))

    def fire(tx: Transaction) -> None:
        retention.on_due(tx, Due(KIND, SUBJECT, tx.now_ms, past))

    await database.write(fire)
    found = await database.read(lambda r: r.rows("SELECT payload FROM timer"))
    assert msgspec.json.decode(bytes(found[0][0]), type=Progress).position == 1


@pytest.mark.parametrize(
    ("now", "night"),
    [
        ("2026-11-23T19:59:59", "2026-11-23T20:00:00"),  # 02:59:59 there
        ("2026-11-23T20:00:00", "2026-11-24T20:00:00"),
        ("2026-11-23T20:00:01", "2026-11-24T20:00:00"),
    ],
)
def test_the_night_is_the_places_three_oclock(now: str, night: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert retention.next_night(at) == datetime.fromisoformat(night).replace(tzinfo=UTC)


async def test_the_command_takes_what_is_too_old_and_stands_in_the_audit_log(
    database: Database, tmp_path: Path
) -> None:
    settings = Settings(
        database=database.url,
        keyring=os.environ[VARIABLE],
        audit_checkpoints=tmp_path / "checkpoints.jsonl",
    )
    await database.write(lambda tx: uploads(tx, [40, 1]))
    assert await retention_commands.run(settings) == ["uploads: 1"]
    assert await retention_commands.run(settings) == ["nothing was too old"]
    found = await database.read(
        lambda r: r.rows("SELECT actor_id FROM audit WHERE action = 'retention_run'")
    )
    assert len(found) == 2
    assert found[0][0].startswith("command:")


async def test_the_page_is_told_how_many_there_are_and_from_when(database: Database) -> None:
    await database.write(lambda tx: uploads(tx, [3, 2, 1]))
    now = await database.read(lambda r: r.now)
    shown = {s.rule.subject: s for s in await database.read(retention.standing)}
    found = shown["uploads"]
    assert (found.rows, found.removed) == (3, None)
    assert found.oldest_ms is not None
    assert abs(found.oldest_ms - epoch_ms(now - timedelta(days=3))) < MINUTE_MS
    assert (shown["readings"].rows, shown["readings"].oldest_ms) == (0, None)
    assert shown["audit"].rule.taken is Taken.NEVER
    await retention.run(database)
    after = {s.rule.subject: s for s in await database.read(retention.standing)}
    assert after["uploads"].removed == 0
