"""The spool: what is numbered stays as it is, what is owed is sent, what is full gives way."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.clock import Moment
from devices.parcels import Content, Frame, Parcel
from devices.spool import KEPT_AFTER_ACK_MS, RejectedFrame, Spool
from devices.spool_errors import SpoolError
from devices.spool_numbering import LIVE_MS
from devices.status import read_status
from protocols.uplink import Event, Gap, StreamName, WireReading, decode_from_gateway
from tests.devices.given import (
    NOON_MS,
    GivenClock,
    batch_of,
    parcel,
    samples_only,
    spool_path,
)

NOTHING_SENT: dict[StreamName, int] = {"live": 0, "backlog": 0}


@pytest.fixture
def clock() -> GivenClock:
    return GivenClock()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(spool_path(tmp_path)) as opened:
        yield opened


def frames(
    spool: Spool, now: Moment, *, live: int = 0, backlog: int = 0, room: int = 100
) -> list[Frame]:
    return spool.next_frames(
        {"live": live, "backlog": backlog}, room=room, backlog_room=room, now=now
    )


def numbers(sent: list[Frame]) -> list[tuple[str, int]]:
    return [(frame.stream, frame.seq) for frame in sent]


def test_a_parcel_becomes_a_dated_numbered_batch(spool: Spool, clock: GivenClock) -> None:
    spool.append([parcel(clock.moment(), 95.0)])
    (frame,) = frames(spool, clock.moment())
    batch = batch_of(frame.data)
    assert (batch.stream, batch.seq, batch.device) == ("live", 1, "ox-f0f000000001")
    assert batch.at == NOON_MS
    assert batch.readings == [WireReading(kind="spot", at=NOON_MS + 1000, spo2_percent=95.0)]
    assert batch.samples[0].spo2_percent == 95.0
    assert not batch.time_uncertain


def test_numbers_are_contiguous_and_in_the_order_of_time(spool: Spool, clock: GivenClock) -> None:
    spool.append([parcel(clock.pass_ms(1000), float(90 + i)) for i in range(5)])
    sent = frames(spool, clock.moment())
    assert numbers(sent) == [("live", n) for n in range(1, 6)]
    assert [batch_of(f.data).samples[0].spo2_percent for f in sent] == [90, 91, 92, 93, 94]


@pytest.mark.parametrize(
    ("age_ms", "stream"), [(LIVE_MS, "live"), (LIVE_MS + 1, "backlog"), (0, "live")]
)
def test_two_minutes_part_the_present_from_the_past(
    spool: Spool, clock: GivenClock, age_ms: int, stream: str
) -> None:
    spool.append([parcel(clock.moment())])
    (frame,) = frames(spool, clock.pass_ms(age_ms))
    assert frame.stream == stream


def test_the_present_goes_before_a_long_past(spool: Spool, clock: GivenClock) -> None:
    spool.append([parcel(clock.pass_ms(1000)) for _ in range(20)])
    spool.append([parcel(clock.pass_ms(3_600_000))])
    sent = spool.next_frames(NOTHING_SENT, room=6, backlog_room=3, now=clock.moment())
    assert numbers(sent) == [("live", 1), ("backlog", 1), ("backlog", 2), ("backlog", 3)]


def test_an_earlier_boot_is_the_past_however_young(spool: Spool, clock: GivenClock) -> None:
    spool.append([parcel(clock.moment())])
    after = GivenClock(boot_id="boot-2", monotonic_ms=5_000, wall_ms=NOON_MS + 20_000)
    (frame,) = frames(spool, after.moment())
    assert frame.stream == "backlog"


def test_a_number_has_the_same_bytes_however_often_it_is_sent(
    tmp_path: Path, clock: GivenClock
) -> None:
    clock.synchronised = False
    with Spool(spool_path(tmp_path)) as spool:
        spool.append([parcel(clock.moment())])
        spool.contact(clock.moment(), NOON_MS + 5_000)
        first = frames(spool, clock.moment())
    with Spool(spool_path(tmp_path)) as spool:
        spool.contact(clock.pass_ms(10 * LIVE_MS), NOON_MS + 77_000_000)
        assert frames(spool, clock.moment()) == first


def test_only_what_fits_is_numbered(spool: Spool, clock: GivenClock) -> None:
    spool.append([parcel(clock.moment()) for _ in range(9)])
    assert len(frames(spool, clock.moment(), room=4)) == 4
    assert spool.highest() == {"live": 4, "backlog": 0}


def test_acknowledged_rows_are_not_sent_again_and_stay_seven_days(
    tmp_path: Path, spool: Spool, clock: GivenClock
) -> None:
    spool.append([parcel(clock.moment())])
    frames(spool, clock.moment())
    spool.acknowledge({"live": 1}, clock.moment())
    assert frames(spool, clock.moment(), live=1) == []
    spool.contact(clock.pass_ms(KEPT_AFTER_ACK_MS), NOON_MS + KEPT_AFTER_ACK_MS)
    assert read_status(spool_path(tmp_path)).kept == 1
    spool.contact(clock.pass_ms(1), NOON_MS + KEPT_AFTER_ACK_MS + 1)
    assert read_status(spool_path(tmp_path)).kept == 0


def test_what_was_never_acknowledged_is_never_forgotten(
    tmp_path: Path, spool: Spool, clock: GivenClock
) -> None:
    spool.append([parcel(clock.moment()), parcel(clock.moment())])
    frames(spool, clock.moment(), room=1)
    year_ms = 365 * 24 * 3_600_000
    spool.contact(clock.pass_ms(year_ms), NOON_MS + year_ms)
    status = read_status(spool_path(tmp_path))
    assert (status.unsent, status.unacknowledged) == (1, 1)


def test_a_server_that_lost_its_latest_is_sent_the_rest_again(
    tmp_path: Path, spool: Spool, clock: GivenClock
) -> None:
    spool.append([parcel(clock.moment(), float(80 + i)) for i in range(6)])
    first = frames(spool, clock.moment())
    spool.acknowledge({"live": 6}, clock.moment())
    spool.rewind("live", 2)
    assert frames(spool, clock.moment(), live=2) == first[2:]
    assert read_status(spool_path(tmp_path)).unacknowledged == 4


def test_a_number_that_nobody_has_is_a_gap(spool: Spool, clock: GivenClock) -> None:
    spool.append([parcel(clock.moment()) for _ in range(3)])
    frames(spool, clock.moment())
    spool.acknowledge({"live": 3}, clock.moment())
    long_ms = KEPT_AFTER_ACK_MS + 1
    spool.contact(clock.pass_ms(long_ms), NOON_MS + long_ms)
    spool.append([parcel(clock.moment())])
    spool.rewind("live", 1)
    gap, batch = frames(spool, clock.moment(), live=1)
    assert decode_from_gateway(gap.data) == Gap("live", 3, "no longer held by the gateway")
    assert (gap.seq, batch.seq) == (3, 4)


def test_a_hole_between_held_numbers_is_a_gap_too(spool: Spool, clock: GivenClock) -> None:
    spool.append([parcel(clock.moment())])
    frames(spool, clock.moment())
    spool.acknowledge({"live": 1}, clock.moment())
    long_ms = KEPT_AFTER_ACK_MS + 1
    clock.pass_ms(long_ms)
    spool.append([parcel(clock.moment())])
    frames(spool, clock.moment(), live=1)
    spool.contact(clock.moment(), NOON_MS + long_ms)
    spool.rewind("live", 0)
    gap, batch = frames(spool, clock.moment(), live=0)
    assert isinstance(decode_from_gateway(gap.data), Gap)
    assert (gap.seq, batch.seq) == (1, 2)


def test_a_deleted_spool_begins_a_new_epoch(tmp_path: Path) -> None:
    with Spool(spool_path(tmp_path)) as spool:
        before = spool.epochs()
    with Spool(spool_path(tmp_path)) as spool:
        assert spool.epochs() == before
    for file in tmp_path.iterdir():
        file.unlink()
    with Spool(spool_path(tmp_path)) as spool:
        assert set(spool.epochs()) == {"live", "backlog"}
        assert not set(spool.epochs().values()) & set(before.values())


def test_an_old_copy_of_a_spool_begins_a_new_numbering_and_owes_the_same(
    spool: Spool, clock: GivenClock
) -> None:
    spool.append([parcel(clock.moment(), float(80 + i)) for i in range(4)])
    before, epoch = frames(spool, clock.moment()), spool.epochs()["live"]
    spool.acknowledge({"live": 1}, clock.moment())
    spool.renew_epoch("live")
    after = frames(spool, clock.moment())
    assert spool.epochs()["live"] != epoch
    assert numbers(after) == [("live", 1), ("live", 2), ("live", 3)]
    assert [batch_of(f.data).readings for f in after] == [
        batch_of(f.data).readings for f in before[1:]
    ]


def test_a_boot_in_1970_is_dated_by_the_first_contact(spool: Spool) -> None:
    clock = GivenClock(monotonic_ms=4_000, wall_ms=4_000, synchronised=False)
    spool.append([parcel(clock.moment())])
    clock.pass_ms(60_000)
    spool.contact(clock.moment(), NOON_MS)
    (frame,) = frames(spool, clock.moment())
    batch = batch_of(frame.data)
    assert batch.at == NOON_MS - 60_000
    assert batch.readings[0].at == NOON_MS - 59_000
    assert not batch.time_uncertain
    assert not batch.readings[0].time_uncertain


def test_a_clock_that_is_set_during_a_boot_dates_what_came_before(spool: Spool) -> None:
    clock = GivenClock(monotonic_ms=4_000, wall_ms=4_000, synchronised=False)
    spool.append([parcel(clock.moment())])
    clock.pass_ms(30_000)
    clock.wall_ms, clock.synchronised = NOON_MS, True
    spool.append([parcel(clock.moment())])
    sent = frames(spool, clock.moment())
    assert [batch_of(f.data).at for f in sent] == [NOON_MS - 30_000, NOON_MS]


def test_a_synchronised_row_keeps_its_own_date(spool: Spool, clock: GivenClock) -> None:
    spool.append([parcel(clock.moment())])
    spool.contact(clock.moment(), NOON_MS + 90_000)
    (frame,) = frames(spool, clock.moment())
    assert batch_of(frame.data).at == NOON_MS


def test_an_earlier_boot_without_contact_is_uncertain_and_no_later_than_the_next(
    spool: Spool,
) -> None:
    lost = GivenClock("boot-1", monotonic_ms=10_000, wall_ms=10_000, synchronised=False)
    spool.append([parcel(lost.moment())])
    spool.append([parcel(lost.pass_ms(50_000))])
    also_lost = GivenClock("boot-2", monotonic_ms=7_000, wall_ms=7_000, synchronised=False)
    spool.append([parcel(also_lost.moment())])
    now = GivenClock("boot-3", monotonic_ms=100_000, wall_ms=100_000, synchronised=False)
    spool.append([parcel(now.moment())])
    spool.contact(now.moment(), NOON_MS)
    live, *past = [batch_of(f.data) for f in frames(spool, now.moment())]
    assert (live.at, live.time_uncertain) == (NOON_MS, False)
    booted_ms = NOON_MS - 100_000
    assert [b.at for b in past] == [booted_ms - 57_000, booted_ms - 7_000, booted_ms]
    assert all(b.time_uncertain and b.readings[0].time_uncertain for b in past)


def test_an_earlier_boot_that_had_contact_is_certain(spool: Spool) -> None:
    earlier = GivenClock("boot-1", monotonic_ms=10_000, wall_ms=10_000, synchronised=False)
    spool.contact(earlier.moment(), NOON_MS)
    spool.append([parcel(earlier.pass_ms(5_000))])
    now = GivenClock("boot-2", monotonic_ms=1_000, wall_ms=1_000, synchronised=False)
    spool.contact(now.moment(), NOON_MS + 3_600_000)
    (frame,) = frames(spool, now.moment())
    batch = batch_of(frame.data)
    assert (batch.at, batch.time_uncertain) == (NOON_MS + 5_000, False)


def test_a_stored_record_keeps_the_devices_own_date(spool: Spool, clock: GivenClock) -> None:
    record = WireReading(kind="stored", at=NOON_MS - 86_400_000, spo2_percent=96, record="r1")
    spool.append([Parcel("ox-1", clock.moment(), Content(dated=[record]))])
    (frame,) = frames(spool, clock.moment())
    assert batch_of(frame.data).readings == [record]


def test_nobody_else_may_read_the_spool(tmp_path: Path, clock: GivenClock) -> None:
    with Spool(spool_path(tmp_path)) as spool:
        spool.append([parcel(clock.moment())])
        modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {0o600}


def test_every_commit_is_on_the_disk(tmp_path: Path) -> None:
    with Spool(spool_path(tmp_path)) as spool:
        (synchronous,) = spool._db.execute("PRAGMA synchronous").fetchone()
        (journal,) = spool._db.execute("PRAGMA journal_mode").fetchone()
    assert (synchronous, journal) == (2, "wal")


def test_a_second_gateway_on_the_same_spool_is_refused(tmp_path: Path) -> None:
    with Spool(spool_path(tmp_path)), pytest.raises(SpoolError, match="another gateway"):
        Spool(spool_path(tmp_path))
    Spool(spool_path(tmp_path)).close()


def test_a_broken_spool_is_set_aside_and_a_new_one_begun(
    tmp_path: Path, clock: GivenClock, caplog: pytest.LogCaptureFixture
) -> None:
    spool_path(tmp_path).write_bytes(b"not a database, however one looks at it" * 100)
    with Spool(spool_path(tmp_path)) as spool:
        spool.append([parcel(clock.moment())])
        assert len(frames(spool, clock.moment())) == 1
    assert (tmp_path / "spool.db.broken-1").read_bytes().startswith(b"not a database")
    assert "spool is broken" in caplog.text


def test_a_row_that_cannot_be_read_is_set_aside_and_holds_nobody_up(
    tmp_path: Path, clock: GivenClock
) -> None:
    path = spool_path(tmp_path)
    with Spool(path) as spool:
        spool.append([parcel(clock.moment()), parcel(clock.moment())])
    db = sqlite3.connect(path)
    db.execute("UPDATE entry SET content = x'00ff' WHERE entry_id = 1")
    db.commit()
    db.close()
    with Spool(path) as spool:
        assert numbers(frames(spool, clock.moment())) == [("live", 1)]
    assert read_status(path).rejected == 1


def test_a_full_disk_is_an_error_and_nothing_is_half_kept(spool: Spool, clock: GivenClock) -> None:
    spool.append([parcel(clock.moment())])
    (pages,) = spool._db.execute("PRAGMA page_count").fetchone()
    spool._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(SpoolError, match="full"):
        spool.append([samples_only(clock.moment(), 600) for _ in range(50)])
    spool._db.execute("PRAGMA max_page_count = 1000000")
    assert len(frames(spool, clock.moment())) == 1
    spool.append([samples_only(clock.moment(), 600)])
    assert len(frames(spool, clock.moment(), live=1)) == 1


def test_a_full_spool_gives_up_acknowledged_rows_first(tmp_path: Path, clock: GivenClock) -> None:
    with Spool(spool_path(tmp_path), max_bytes=20_000) as spool:
        spool.append([samples_only(clock.moment(), 100) for _ in range(5)])
        frames(spool, clock.moment())
        spool.acknowledge({"live": 5}, clock.moment())
        spool.append([samples_only(clock.moment(), 100) for _ in range(5)])
        sent = [batch_of(f.data) for f in frames(spool, clock.moment(), live=5)]
    assert [len(b.samples) for b in sent] == [100] * 5
    assert not any(b.events for b in sent)


def test_a_full_spool_gives_up_the_oldest_samples_keeps_readings_and_says_so(
    tmp_path: Path, clock: GivenClock
) -> None:
    with Spool(spool_path(tmp_path), max_bytes=8_000) as spool:
        spool.append([parcel(clock.pass_ms(1000), 91.0)])
        for _ in range(60):
            spool.append([samples_only(clock.pass_ms(1000), 20)])
        assert spool._bytes <= 8_000
        sent = [batch_of(f.data) for f in frames(spool, clock.moment(), room=1000)]
    lost = sum(event.value or 0 for b in sent for event in b.events if event.kind == "spool_loss")
    kept = sum(len(b.samples) for b in sent)
    assert lost > 0
    assert lost + kept == 60 * 20 + 1
    assert [r.spo2_percent for b in sent for r in b.readings] == [91.0]
    assert sent[-1].samples, "the newest are kept"


def test_the_accounted_size_is_the_measured_one(tmp_path: Path, clock: GivenClock) -> None:
    path = spool_path(tmp_path)
    with Spool(path, max_bytes=30_000) as spool:
        for _ in range(100):
            spool.append([parcel(clock.pass_ms(1000)), samples_only(clock.moment(), 15)])
            frames(spool, clock.moment(), live=spool.highest()["live"], room=1)
        accounted = spool._bytes
    with Spool(path) as spool:
        assert spool._bytes == accounted


def test_a_loss_is_an_event_of_the_device_that_lost(tmp_path: Path, clock: GivenClock) -> None:
    with Spool(spool_path(tmp_path), max_bytes=4_000) as spool:
        for i in range(40):
            spool.append([samples_only(clock.pass_ms(1000), 20, device=f"ox-{i % 2}")])
        sent = [batch_of(f.data) for f in frames(spool, clock.moment(), room=1000)]
    losers = {b.device for b in sent for event in b.events if event.kind == "spool_loss"}
    assert losers == {"ox-0", "ox-1"}


def test_rejected_bytes_are_kept_with_their_reason(tmp_path: Path, clock: GivenClock) -> None:
    with Spool(spool_path(tmp_path)) as spool:
        frame = RejectedFrame("ox-1", "2a5f", b"\x00\xff", "truncated", clock.moment())
        spool.append([], rejected=[frame])
        row = spool._db.execute(
            "SELECT device, characteristic, raw, reason FROM rejected"
        ).fetchone()
    assert row == ("ox-1", "2a5f", b"\x00\xff", "truncated")


def test_the_newest_rejected_bytes_are_kept(
    tmp_path: Path, clock: GivenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.spool.MAX_REJECTED", 3)
    with Spool(spool_path(tmp_path)) as spool:
        for n in range(5):
            frame = RejectedFrame("ox-1", "2a5f", bytes([n]), "truncated", clock.moment())
            spool.append([], rejected=[frame])
        kept = spool._db.execute("SELECT raw FROM rejected ORDER BY rejected_id").fetchall()
    assert kept == [(b"\x02",), (b"\x03",), (b"\x04",)]


def test_counters_add_up(tmp_path: Path) -> None:
    with Spool(spool_path(tmp_path)) as spool:
        spool.append([], counts={"demo": 2})
        spool.append([], counts={"demo": 3, "testing": 1})
    assert read_status(spool_path(tmp_path)).counters == {"demo": 5, "testing": 1}


def test_events_are_dated_with_their_parcel(spool: Spool, clock: GivenClock) -> None:
    content = Content(events=[Event("battery", 0, 80.0)])
    spool.append([Parcel("ox-1", clock.moment(), content)])
    (frame,) = frames(spool, clock.moment())
    assert batch_of(frame.data).events == [Event("battery", NOON_MS, 80.0)]


def test_a_spool_in_a_folder_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match=r"spool\.db"):
        Spool(tmp_path / "nowhere" / "spool.db")
