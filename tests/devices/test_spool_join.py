"""What waits long needs little room, and is the same when it is sent; records are kept once."""

import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.clock import Moment
from devices.parcels import Content, Parcel
from devices.simulator.physiology import VirtualPatient
from devices.spool import Spool
from devices.spool_join import JOIN_AFTER_MS
from protocols.uplink import Batch, Event, Gap, Sample, WireReading, decode_from_gateway
from tests.devices.given import NOON_MS, GivenClock, spool_path

DEVICE = "ox-f0f000000001"


@pytest.fixture
def clock() -> GivenClock:
    return GivenClock()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(spool_path(tmp_path)) as opened:
        yield opened


def ten_seconds(start: Moment, number: int, device: str = DEVICE) -> Parcel:
    samples = [Sample(1000 * i, 90.0 + (number + i) % 9, 70.0 + i % 3, 3.1) for i in range(10)]
    readings = []
    if number % 6 == 5:
        readings = [(9_000, WireReading(kind="minute", at=0, spo2_percent=95.0, quality_share=1.0))]
    return Parcel(device, start, Content(samples=samples, readings=readings))


def record(name: str, spo2_percent: float = 93.0) -> WireReading:
    return WireReading(kind="stored", at=NOON_MS, spo2_percent=spo2_percent, record=name)


def all_sent(spool: Spool, now: Moment) -> list[Batch]:
    frames = spool.next_frames(
        {"live": 0, "backlog": 0}, room=100_000, backlog_room=100_000, now=now
    )
    found = [decode_from_gateway(frame.data) for frame in frames]
    assert not any(isinstance(one, Gap) for one in found)
    return [one for one in found if isinstance(one, Batch)]


def values(batches: list[Batch]) -> list[tuple[str, int, object]]:
    """Return everything that was sent, each with its own date."""
    found: list[tuple[str, int, object]] = []
    for batch in batches:
        found += [(batch.device, batch.at + s.offset_ms, s.spo2_percent) for s in batch.samples]
        found += [(batch.device, r.at, r.kind) for r in batch.readings]
        found += [(batch.device, e.at, e.kind) for e in batch.events]
    return sorted(found, key=str)


def rows(spool: Spool) -> int:
    return int(spool._db.execute("SELECT count(*) FROM entry").fetchone()[0])


def join_all(spool: Spool, now: Moment) -> None:
    while spool.join_old(now):
        pass


def test_an_hour_that_waits_becomes_a_few_rows_and_says_the_same(
    tmp_path: Path, spool: Spool, clock: GivenClock
) -> None:
    parcels = [ten_seconds(clock.pass_ms(10_000), n) for n in range(360)]
    parcels.append(Parcel(DEVICE, clock.pass_ms(500), Content(events=[Event("finger_off", 0)])))
    spool.append(parcels)
    clock.pass_ms(JOIN_AFTER_MS + 60_000)
    (tmp_path / "other").mkdir()
    with Spool(spool_path(tmp_path / "other")) as plain:
        plain.append(parcels)
        expected = values(all_sent(plain, clock.moment()))
    join_all(spool, clock.moment())
    assert rows(spool) <= 8
    batches = all_sent(spool, clock.moment())
    assert values(batches) == expected
    assert all(len(msgspec.json.encode(batch)) < 64 * 1024 for batch in batches)


def test_what_is_young_or_has_a_number_stays_as_it_is(spool: Spool, clock: GivenClock) -> None:
    spool.append([ten_seconds(clock.pass_ms(10_000), n) for n in range(6)])
    sent = spool.next_frames({"live": 0, "backlog": 0}, room=3, backlog_room=0, now=clock.moment())
    assert not spool.join_old(clock.moment())
    clock.pass_ms(JOIN_AFTER_MS)
    join_all(spool, clock.moment())
    again = spool.next_frames({"live": 0, "backlog": 0}, room=3, backlog_room=0, now=clock.moment())
    assert again == sent
    assert rows(spool) == 4


def test_devices_and_boots_are_not_mixed_and_a_clock_step_parts_them(
    spool: Spool, clock: GivenClock
) -> None:
    spool.append([ten_seconds(clock.pass_ms(10_000), n, f"ox-{n % 2}") for n in range(12)])
    clock.wall_ms += 5_000
    spool.append([ten_seconds(clock.pass_ms(10_000), n, "ox-0") for n in range(6)])
    after = GivenClock(boot_id="boot-2", monotonic_ms=1_000, wall_ms=clock.wall_ms + 60_000)
    spool.append([ten_seconds(after.pass_ms(10_000), n, "ox-0") for n in range(6)])
    join_all(spool, after.pass_ms(2 * JOIN_AFTER_MS))
    assert rows(spool) == 4
    assert sum(len(batch.samples) for batch in all_sent(spool, after.moment())) == 240


def test_a_record_that_comes_twice_is_kept_once(spool: Spool, clock: GivenClock) -> None:
    first = Parcel(DEVICE, clock.moment(), Content(dated=[record("1"), record("2")]))
    spool.append([first])
    again = Content(dated=[record("1"), record("2"), record("3")], events=[Event("connected", 0)])
    spool.append([Parcel(DEVICE, clock.pass_ms(1000), again)])
    sent = [r.record for batch in all_sent(spool, clock.moment()) for r in batch.readings]
    assert sorted(map(str, sent)) == ["1", "2", "3"]


def test_the_same_number_with_another_value_is_another_record(
    spool: Spool, clock: GivenClock
) -> None:
    content = Content(dated=[record("1", 93.0), record("1", 94.0)])
    spool.append([Parcel(DEVICE, clock.moment(), content)])
    assert spool.owed_records(DEVICE) == 2


def test_records_are_owed_until_the_server_has_acknowledged_them(
    spool: Spool, clock: GivenClock
) -> None:
    spool.append([Parcel(DEVICE, clock.moment(), Content(dated=[record("1"), record("2")]))])
    spool.append([Parcel("ox-other", clock.moment(), Content(dated=[record("1")]))])
    assert spool.owed_records(DEVICE) == 2
    all_sent(spool, clock.moment())
    assert spool.owed_records(DEVICE) == 2, "sent is not acknowledged"
    spool.acknowledge({"live": 1}, clock.moment())
    assert (spool.owed_records(DEVICE), spool.owed_records("ox-other")) == (0, 1)
    spool.append([Parcel(DEVICE, clock.pass_ms(1000), Content(dated=[record("1")]))])
    assert spool.owed_records(DEVICE) == 0, "the server has it: it is not sent again"


def test_joining_keeps_what_is_owed(spool: Spool, clock: GivenClock) -> None:
    for number in range(5):
        content = Content(dated=[record(str(number))])
        spool.append([Parcel(DEVICE, clock.pass_ms(1000), content)])
    join_all(spool, clock.pass_ms(2 * JOIN_AFTER_MS))
    assert (rows(spool), spool.owed_records(DEVICE)) == (1, 5)
    all_sent(spool, clock.moment())
    spool.acknowledge({"backlog": 1}, clock.moment())
    assert spool.owed_records(DEVICE) == 0


def test_a_record_that_was_given_up_is_fetched_again(tmp_path: Path, clock: GivenClock) -> None:
    with Spool(spool_path(tmp_path), max_bytes=3_000) as spool:
        spool.append([Parcel(DEVICE, clock.moment(), Content(dated=[record("old")]))])
        for number in range(40):
            content = Content(dated=[record(f"new {number}")])
            spool.append([Parcel("ox-other", clock.pass_ms(1000), content)])
        assert spool.owed_records(DEVICE) == 0
        spool.append([Parcel(DEVICE, clock.moment(), Content(dated=[record("old")]))])
        assert spool.owed_records(DEVICE) == 1


def test_samples_go_before_minutes_and_minutes_before_spot_checks(
    tmp_path: Path, clock: GivenClock
) -> None:
    spot = WireReading(kind="spot", at=0, spo2_percent=91.0)
    with Spool(spool_path(tmp_path), max_bytes=6_000) as spool:
        spool.append([Parcel(DEVICE, clock.moment(), Content(readings=[(0, spot)]))])
        minutes = 0
        for number in range(60):
            spool.append([ten_seconds(clock.pass_ms(10_000), number)])
            minutes += number % 6 == 5
        sent = all_sent(spool, clock.pass_ms(1))
    kinds = [r.kind for batch in sent for r in batch.readings]
    lost = [(e.kind, e.value) for batch in sent for e in batch.events]
    assert kinds.count("spot") == 1
    assert sum(value or 0 for kind, value in lost if kind == "spool_loss") > 0
    given_up = sum(value or 0 for kind, value in lost if kind == "spool_loss_minutes")
    assert kinds.count("minute") + given_up == minutes
    assert not any(kind == "spool_loss_spots" for kind, _ in lost)


def test_a_spool_of_an_earlier_version_goes_on(tmp_path: Path, clock: GivenClock) -> None:
    path = spool_path(tmp_path)
    with Spool(path) as spool:
        spool.append([ten_seconds(clock.moment(), 0)])
        plain = msgspec.json.encode(ten_seconds(clock.moment(), 0).content)
        spool._db.execute("UPDATE entry SET content = ?", (plain,))
        spool._db.executescript(
            "DROP TABLE record; ALTER TABLE entry DROP COLUMN minutes;"
            "ALTER TABLE entry DROP COLUMN joined;"
        )
    with Spool(path) as spool:
        spool.append([ten_seconds(clock.pass_ms(1000), 1)])
        assert [len(batch.samples) for batch in all_sent(spool, clock.moment())] == [10, 10]


def test_nobody_else_may_read_what_is_kept(tmp_path: Path, clock: GivenClock) -> None:
    before = os.umask(0)
    try:
        with Spool(spool_path(tmp_path)) as spool:
            spool.append([ten_seconds(clock.moment(), 0)])
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}, modes


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(min_value=1, max_value=400_000), st.integers(min_value=0, max_value=2)
        ),
        min_size=1,
        max_size=80,
    )
)
def test_joined_or_not_the_same_is_sent(
    steps: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    (folder / "b").mkdir()
    clock = GivenClock()
    with Spool(spool_path(folder)) as joined, Spool(spool_path(folder / "b")) as plain:
        for number, (pause_ms, device) in enumerate(steps):
            parcel = ten_seconds(clock.pass_ms(pause_ms), number, f"ox-{device}")
            joined.append([parcel])
            plain.append([parcel])
            joined.join_old(clock.moment())
        clock.pass_ms(JOIN_AFTER_MS)
        join_all(joined, clock.moment())
        assert values(all_sent(joined, clock.moment())) == values(all_sent(plain, clock.moment()))
        assert joined._bytes == sum(
            150 + row[0] for row in joined._db.execute("SELECT length(content) FROM entry")
        )


def test_a_month_of_six_devices_without_a_network_needs_less_than_a_hundred_megabytes(
    tmp_path: Path, clock: GivenClock
) -> None:
    """With the acknowledged week before it, 200 MB hold it all (docs/performance.md)."""
    patients = [VirtualPatient(seed=number) for number in range(6)]
    octets_after: list[int] = []
    with Spool(spool_path(tmp_path)) as spool:
        for number in range(3 * 360):
            now = clock.pass_ms(10_000)
            spool.append([_as_seen(patient, now, number) for patient in patients])
            if number % 6 == 5:
                join_all(spool, now)
            if number % 360 == 359:
                spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                octets_after.append(spool_path(tmp_path).stat().st_size)
    octets_an_hour = (octets_after[2] - octets_after[0]) / 2
    assert octets_after[0] + octets_an_hour * 24 * 30 < 100_000_000


def _as_seen(patient: VirtualPatient, now: Moment, number: int) -> Parcel:
    samples = []
    for second in range(10):
        seen = patient.at(timedelta(milliseconds=now.monotonic_ms + 1000 * second))
        samples.append(
            Sample(
                1000 * second,
                float(round(seen.spo2_percent)),
                float(round(seen.pulse_per_min)),
                round(seen.perfusion_index_percent, 1),
            )
        )
    minute = WireReading(
        kind="minute", at=0, spo2_percent=97.0, pulse_per_min=72.0, spo2_min_percent=96.0,
        quality_share=1.0,
    )  # fmt: skip
    readings = [(9_000, minute)] if number % 6 == 5 else []
    return Parcel(f"ox-{id(patient)}", now, Content(samples=samples, readings=readings))
