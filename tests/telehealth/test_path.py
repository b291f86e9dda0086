"""Intake, judging, desk, timers and outbox together, in transactions whose time is given."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import pytest

from protocols.reading import Quality
from protocols.uplink import Batch, Event, Refusal, WireReading, encode
from telehealth import cases, judging, loans, timers
from telehealth.alerts import desk
from telehealth.bus import Bus
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.intake import Taken, Upload, take_in
from telehealth.outbox import Notice, mark_sent, queue, waiting
from telehealth.serving import HANDLERS
from telehealth.store.database import Database, Row, Transaction
from telehealth.store.queries import uploads
from tests import world
from tests.flow import wire

T = TypeVar("T")
START = 1_795_000_000_000
SECOND, MINUTE = 1_000, 60_000


class Silent:
    """A connection that nobody listens to."""

    def committed(self, stream: str, seq: int, refused: Sequence[Refusal], count: int) -> None: ...
    def refused(self, error: Exception, count: int) -> None: ...
    def revoked(self, count: int) -> None: ...
    def rewound(self, stream: str, acked: int, count: int) -> None: ...


class Path:
    """One gateway's stream into a database, at times that the test says."""

    def __init__(self, database: Database, made: world.World, stream_id: int, gateway: str) -> None:
        self.database, self.made = database, made
        self._stream_id, self._gateway, self._seq = stream_id, gateway, 0

    async def at(self, now_ms: int, act: Callable[[Transaction], T]) -> T:
        """Run a transaction at a given time."""

        def timed(tx: Transaction) -> T:
            tx.now_ms = now_ms
            return act(tx)

        return await self.database.write(timed)

    async def brings(
        self,
        now_ms: int,
        *readings: WireReading,
        device: str = world.DEVICE,
        events: Sequence[Event] = (),
    ) -> Taken:
        """Take in a batch."""
        self._seq += 1
        batch = Batch(
            "live", self._seq, device, now_ms, readings=list(readings), events=list(events)
        )
        upload = Upload(
            Silent(), self._gateway, self._stream_id, "live", self._seq, encode(batch), batch
        )
        return await self.at(now_ms, lambda tx: take_in(tx, [upload]))

    async def fires(self, now_ms: int) -> set[str]:
        """Fire what is due."""
        return await self.at(now_ms, lambda tx: timers.fire_due(tx, HANDLERS))

    async def rows(self, sql: str) -> list[Row]:
        """Ask the database."""
        return await self.database.read(lambda r: r.rows(sql))

    async def act(self, now_ms: int, action: str, actor: str, reason: str | None = None) -> None:
        """Do something to the one alert."""
        alert_id = (await self.rows("SELECT alert_id FROM alert"))[0][0]
        await self.at(
            now_ms,
            lambda tx: desk.act(tx, alert_id, action=action, actor_id=actor, reason=reason),
        )


async def _path(database: Database, cadence: timedelta) -> Path:
    made = await world.make(database, cadence=cadence)

    def forget_the_real_time(tx: Transaction) -> None:
        tx.execute("DELETE FROM timer")
        tx.execute("DELETE FROM person_state")

    await database.write(forget_the_real_time)
    keys = await wire.enrolled(database)
    stream_id, _ = await database.write(
        lambda tx: uploads.open_stream(tx, keys.gateway_id, "live", "epoch-live-1")
    )
    return Path(database, made, stream_id, keys.gateway_id)


@pytest.fixture
async def path(database: Database) -> Path:
    """Return a path with a person who measures twice a day; their doctor is `doctor`."""
    return await _path(database, timedelta(hours=12))


@pytest.fixture
async def worn(database: Database) -> Path:
    """Return a path with a person who wears the device: a reading is expected each minute."""
    return await _path(database, timedelta(minutes=1))


def spot(at: int, spo2: float, pulse: float = 80.0) -> WireReading:
    """Return a spot check."""
    return WireReading(kind="spot", at=at, spo2_percent=spo2, pulse_per_min=pulse)


def minute(at: int, spo2: float) -> WireReading:
    """Return a closed minute."""
    return WireReading(
        kind="minute", at=at, spo2_percent=spo2, pulse_per_min=80.0, quality_share=1.0
    )


OPEN = "SELECT status, level, step, awaiting_repeat, owner_id FROM alert"


async def test_a_first_red_spot_check_alerts_at_once_and_awaits_its_repeat(path: Path) -> None:
    await path.brings(START, spot(START, 88))
    assert await path.rows(OPEN) == [("notified", 3, 1, True, path.made.doctor_id)]


async def test_no_repeat_within_three_minutes_confirms_it(path: Path) -> None:
    await path.brings(START, spot(START, 88))
    await path.fires(START + 3 * MINUTE - 1)
    assert (await path.rows(OPEN))[0][3] == True  # noqa: E712 - 1 on SQLite
    await path.fires(START + 3 * MINUTE)
    assert (await path.rows(OPEN))[0][3] == False  # noqa: E712


async def test_an_orange_spot_check_waits_and_then_counts(path: Path) -> None:
    await path.brings(START, spot(START, 93))
    assert await path.rows(OPEN) == []
    await path.fires(START + 3 * MINUTE)
    assert [row[:2] for row in await path.rows(OPEN)] == [("notified", 2)]


async def test_a_good_repeat_within_the_wait_alerts_nobody(path: Path) -> None:
    await path.brings(START, spot(START, 93))
    await path.brings(START + MINUTE, spot(START + MINUTE, 97))
    await path.fires(START + 4 * MINUTE)
    assert await path.rows(OPEN) == []


async def test_an_unaccepted_red_alert_goes_to_everyone_on_duty_and_then_the_dispatcher(
    path: Path,
) -> None:
    await path.brings(START, minute(START, 88))
    told = "SELECT recipient_id FROM outbox ORDER BY outbox_id"
    made = path.made
    assert [r for (r,) in await path.rows(told)] == [made.doctor_id]
    await path.fires(START + 5 * MINUTE - 1)
    assert len(await path.rows(told)) == 1
    await path.fires(START + 5 * MINUTE)
    on_duty = [r for (r,) in await path.rows(told)][1:]
    assert sorted(on_duty) == sorted([made.doctor_id, made.other_doctor_id])
    await path.fires(START + 10 * MINUTE)
    assert [r for (r,) in await path.rows(told)][3:] == [made.administrator_id]


async def test_an_accepted_alert_escalates_no_further_until_its_review(path: Path) -> None:
    await path.brings(START, minute(START, 88))
    await path.act(START + MINUTE, "accept", path.made.doctor_id, "calling")
    await path.fires(START + 20 * MINUTE)
    assert len(await path.rows("SELECT 1 FROM outbox")) == 1
    await path.fires(START + 31 * MINUTE)
    assert (await path.rows("SELECT status FROM alert")) == [("notified",)]
    assert len(await path.rows("SELECT 1 FROM outbox")) == 2


async def test_a_resolved_alert_has_no_clock_left_and_a_history_of_who_and_why(
    path: Path,
) -> None:
    doctor = path.made.doctor_id
    await path.brings(START, minute(START, 88))
    await path.act(START + 1, "accept", doctor, "calling")
    await path.act(START + 3, "resolve", doctor, "advised")
    assert await path.rows("SELECT status, close_reason FROM alert") == [("resolved", "advised")]
    clocks = "SELECT kind FROM timer WHERE kind IN ('escalate', 'review')"
    assert await path.rows(clocks) == []
    history = await path.rows(
        "SELECT action, actor_id, reason FROM alert_event WHERE actor_id IS NOT NULL"
        " ORDER BY event_id"
    )
    assert history == [
        ("accept", doctor, "calling"),
        ("act", doctor, None),
        ("resolve", doctor, "advised"),
    ]


async def test_one_alert_is_open_for_a_person_and_cause_however_often_it_is_red(
    path: Path,
) -> None:
    for number in range(5):
        at = START + number * MINUTE
        await path.brings(at, minute(at, 88 - number))
    assert len(await path.rows("SELECT 1 FROM alert")) == 1


async def test_a_stored_reading_older_than_the_newest_is_marked_late(path: Path) -> None:
    await path.brings(START, minute(START, 97))
    await path.brings(START + 1, minute(START - 60 * MINUTE, 88))
    late = await path.rows("SELECT measured_ms, late FROM reading ORDER BY measured_ms")
    assert [(ms, bool(flag)) for ms, flag in late] == [(START - 60 * MINUTE, True), (START, False)]
    assert [bool(flag) for (flag,) in await path.rows("SELECT late FROM alert")] == [True]


async def test_silence_of_one_and_a_half_cadences_is_an_alert_of_its_own_kind(worn: Path) -> None:
    await worn.brings(START, minute(START, 97))
    await worn.fires(START + 90 * SECOND - 1)
    assert await worn.rows("SELECT 1 FROM alert") == []
    await worn.fires(START + 90 * SECOND)
    assert await worn.rows("SELECT cause, kind FROM alert") == [("device_silent", "technical")]


async def test_a_reading_after_silence_clears_that_alert(worn: Path) -> None:
    await worn.brings(START, minute(START, 97))
    await worn.fires(START + 90 * SECOND)
    await worn.brings(START + 2 * MINUTE, minute(START + 2 * MINUTE, 97))
    assert await worn.rows("SELECT status FROM alert") == [("resolved",)]


async def test_a_person_who_never_sends_anything_is_missed_from_the_opening_of_the_case(
    worn: Path,
) -> None:
    person = await worn.at(
        START,
        lambda tx: cases.add_person(
            tx, cases.NewPerson(display_name="Người Hai", birth_date=tx.now.date())
        ),
    )
    await worn.at(START, lambda tx: cases.open_case(tx, person, "pr-test", doctor_id=None))
    await worn.fires(START + 90 * SECOND)
    assert await worn.rows("SELECT cause, person_id FROM alert") == [("device_silent", person)]


async def test_a_probe_that_stays_off_is_an_alert_and_one_put_back_is_not(worn: Path) -> None:
    await worn.brings(START, minute(START, 97), events=[Event("finger_off", START)])
    await worn.brings(START + MINUTE, events=[Event("finger_on", START + MINUTE)])
    await worn.fires(START + 2 * MINUTE)
    probe = "SELECT status FROM alert WHERE cause = 'probe_off'"
    assert await worn.rows(probe) == []
    off = START + 3 * MINUTE
    await worn.brings(off, minute(off, 97), events=[Event("finger_off", off)])
    await worn.fires(off + 2 * MINUTE)
    assert await worn.rows(probe) == [("notified",)]


async def test_a_reading_belongs_to_whoever_had_the_device_when_it_was_measured(
    path: Path,
) -> None:
    loan = (await path.rows("SELECT loan_id FROM device_loan"))[0][0]
    await path.at(START, lambda tx: loans.give_back(tx, loan))
    await path.brings(START + MINUTE, minute(START - SECOND, 97), minute(START, 97))
    rows = await path.rows("SELECT person_id FROM reading ORDER BY measured_ms")
    assert rows == [(path.made.person_id,), (None,)]


async def test_a_red_reading_of_nobody_alerts_at_the_desk_and_a_calm_one_does_not(
    path: Path,
) -> None:
    await path.brings(START, minute(START, 97), device="ox-nobodys")
    assert await path.rows("SELECT 1 FROM alert") == []
    await path.brings(START + MINUTE, minute(START + MINUTE, 85), device="ox-nobodys")
    found = await path.rows("SELECT subject_id, person_id, status FROM alert")
    assert found == [("ox-nobodys", None, "notified")]
    told = await path.rows("SELECT recipient_id FROM outbox")
    assert told == [(path.made.administrator_id,)]


async def test_a_red_reading_of_nobody_alerts_although_its_quality_is_low(path: Path) -> None:
    doubtful = WireReading(
        kind="spot", at=START, spo2_percent=85.0, pulse_per_min=80.0, quality=int(Quality.MOTION)
    )
    await path.brings(START, doubtful, device="ox-nobodys")
    assert await path.rows("SELECT subject_id FROM alert") == [("ox-nobodys",)]


@pytest.mark.asvs("2.3.3")
async def test_a_group_commits_as_one_and_leaves_nothing_when_it_fails(path: Path) -> None:
    def failing(tx: Transaction) -> None:
        batch = Batch("live", 1, world.DEVICE, START, readings=[minute(START, 88)])
        upload = Upload(Silent(), path._gateway, path._stream_id, "live", 1, b"{}", batch)
        tx.now_ms = START
        take_in(tx, [upload])
        raise LookupError

    with pytest.raises(LookupError):
        await path.database.write(failing)
    for question in (
        "SELECT 1 FROM upload",
        "SELECT 1 FROM reading",
        "SELECT 1 FROM alert",
        "SELECT 1 FROM outbox",
        "SELECT 1 FROM timer",
    ):
        assert await path.rows(question) == []


async def test_an_unknown_alert_action_or_reason_is_refused(path: Path) -> None:
    doctor = path.made.doctor_id
    await path.brings(START, minute(START, 88))
    with pytest.raises(RefusedError, match="action"):
        await path.act(START, "explode", doctor)
    with pytest.raises(RefusedError, match="reason"):
        await path.act(START, "accept", doctor, "because")
    with pytest.raises(IllegalTransitionError):
        await path.act(START, "resolve", doctor, "advised")
    with pytest.raises(NotFoundError):
        await path.database.write(lambda tx: desk.act(tx, "al-none", action="see", actor_id=doctor))


async def test_a_notice_is_queued_once_per_key_and_waits_until_it_is_sent(path: Path) -> None:
    notice = Notice("key", "someone", "al-1", {"kind": "alert"})
    for _ in range(2):
        await path.at(START, lambda tx: queue(tx, notice))
    rows = await path.database.read(waiting)
    assert [row[1:3] for row in rows] == [("live", "someone")]
    await path.at(START, lambda tx: mark_sent(tx, [rows[0][0]]))
    assert await path.database.read(waiting) == []


async def test_a_timer_fires_once_however_late_and_can_be_moved_and_taken_away(
    path: Path,
) -> None:
    fired: list[str] = []

    def note(_tx: Transaction, due: timers.Due) -> list[str]:
        fired.append(due.subject_id)
        return []

    def set_three(tx: Transaction) -> None:
        for subject in ("a", "b", "c"):
            timers.set_timer(tx, "test", subject, START)
        timers.set_timer(tx, "test", "b", START + MINUTE)
        timers.cancel_timer(tx, "test", "c")

    await path.at(START, set_three)
    for now_ms in (START - 1, START, START, START + 10 * MINUTE):
        await path.at(now_ms, lambda tx: timers.fire_due(tx, {"test": note}))
    assert fired == ["a", "b"]


async def test_a_timer_that_fails_is_put_off_and_the_others_fire(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def handler(tx: Transaction, due: timers.Due) -> list[str]:
        if due.subject_id == "bad":
            raise ZeroDivisionError
        tx.insert("sequence", ("name", "value"), [(f"fired {due.subject_id}", 1)])
        return []

    def set_three(tx: Transaction) -> None:
        for number, subject in enumerate(("a", "bad", "b")):
            timers.set_timer(tx, "test", subject, number)

    await path.at(START, set_three)
    await timers.Timers(path.database, Bus(), {"test": handler}).step()
    fired = "SELECT name FROM sequence WHERE name LIKE 'fired%' ORDER BY name"
    assert await path.rows(fired) == [("fired a",), ("fired b",)]
    left = await path.rows("SELECT subject_id, due_ms FROM timer WHERE kind = 'test'")
    assert [subject for subject, _ in left] == ["bad"]
    assert left[0][1] > START
    assert "put off" in caplog.text


async def test_what_the_rules_need_to_replay_a_decision_is_stored_with_it(path: Path) -> None:
    await path.brings(START, minute(START, 88))
    pack = "moh-vn-261@2022-01-31"
    table = "home-levels@2"
    stored = await path.rows("SELECT rule_pack, level_table, level, news2_lower FROM reading")
    assert stored == [(pack, table, 3, 3)]
    assert await path.rows("SELECT rule_pack, level_table FROM alert") == [(pack, table)]


def test_every_kind_of_timer_has_its_handler() -> None:
    wanted = {desk.ESCALATE, desk.REVIEW} | set(judging.HANDLERS)
    assert wanted <= set(HANDLERS)


async def test_nothing_is_kept_of_a_device_whose_borrower_withdrew_and_its_number_is_acknowledged(
    path: Path,
) -> None:
    limit = START + MINUTE

    def withdraw(tx: Transaction) -> None:
        tx.execute(
            "UPDATE device SET withheld_from_ms = ? WHERE device_id = ?",
            (limit, path.made.device_id),
        )

    await path.brings(START, minute(START, 97))
    await path.at(START, withdraw)
    await path.brings(limit, minute(limit - MINUTE // 2, 96), minute(limit, 88))
    kept = await path.rows("SELECT spo2_percent FROM reading ORDER BY measured_ms")
    assert [row[0] for row in kept] == [97, 96]
    raw = b"".join(bytes(row[0]) for row in await path.rows("SELECT payload FROM upload"))
    assert b"88" not in raw
    assert await path.rows("SELECT 1 FROM alert") == []


async def test_a_device_that_is_lent_again_is_kept_again(path: Path) -> None:
    def again(tx: Transaction) -> None:
        tx.execute("UPDATE device SET withheld_from_ms = 0")
        loan = tx.rows("SELECT loan_id FROM device_loan")[0][0]
        loans.give_back(tx, loan)
        loans.lend(tx, path.made.device_id, path.made.person_id, "test")

    await path.at(START, again)
    await path.brings(START + MINUTE, minute(START + MINUTE, 97))
    assert len(await path.rows("SELECT 1 FROM reading WHERE person_id IS NOT NULL")) == 1
