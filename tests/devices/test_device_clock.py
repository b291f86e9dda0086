"""What a device's own clock is worth: records are dated by their age, wrong clocks are named."""

from datetime import datetime, timedelta, timezone

import pytest

from devices.clock import Moment
from devices.device_clock import DeviceClock
from protocols.reading import Quality
from protocols.uplink import WireReading, epoch_ms
from tests.devices.given import NOON_MS, GivenClock

VIET_NAM = timedelta(hours=7)
NOON = datetime(2026, 9, 21, 21, 13, 20)  # noqa: DTZ001 - NOON_MS as a device in Viet Nam shows it
RECORD = WireReading(kind="stored", at=0, spo2_percent=93.0)


def clock() -> DeviceClock:
    return DeviceClock(VIET_NAM)


def test_the_given_noon_is_what_a_device_would_show() -> None:
    assert epoch_ms(NOON.replace(tzinfo=timezone(VIET_NAM))) == NOON_MS


@pytest.mark.parametrize(
    ("ahead_s", "told"), [(120, None), (-120, None), (121, 121.0), (-121, -121.0)]
)
def test_a_clock_that_is_off_by_more_than_two_minutes_is_told_of(
    ahead_s: int, told: float | None
) -> None:
    assert clock().seen(NOON + timedelta(seconds=ahead_s), GivenClock().moment()) == told


def test_the_same_wrong_clock_is_told_of_once() -> None:
    one, now = clock(), GivenClock().moment()
    assert one.seen(NOON + timedelta(hours=1), now) == 3_600.0
    assert one.seen(NOON + timedelta(hours=1), now) is None
    assert one.seen(NOON + timedelta(hours=2), now) == 7_200.0


def test_who_does_not_know_the_time_cannot_call_a_clock_wrong() -> None:
    now = GivenClock(synchronised=False).moment()
    assert clock().seen(NOON + timedelta(days=400), now) is None


def test_a_record_is_dated_by_its_age_however_wrong_the_date() -> None:
    one, machine = clock(), GivenClock()
    one.seen(datetime(2015, 1, 1, 12, 0), machine.moment())  # noqa: DTZ001
    now = machine.pass_ms(1_000)
    content = one.date(RECORD, datetime(2015, 1, 1, 10, 30), now)  # noqa: DTZ001
    [(offset_ms, reading)] = content.readings
    assert offset_ms == -(90 * 60_000 + 1_000)
    assert reading.quality == Quality.DEVICE_CLOCK_WRONG
    assert reading.clock_offset_s == -315_360_000.0, "as far as the uplink carries it"
    assert not reading.time_uncertain


def test_a_right_clock_is_no_remark() -> None:
    one, now = clock(), GivenClock().moment()
    one.seen(NOON, now)
    [(offset_ms, reading)] = one.date(RECORD, NOON - timedelta(hours=2), now).readings
    assert (offset_ms, reading) == (-7_200_000, RECORD)


def test_a_record_from_the_future_of_its_own_device_is_uncertain() -> None:
    one, now = clock(), GivenClock().moment()
    one.seen(NOON, now)
    [(offset_ms, reading)] = one.date(RECORD, NOON + timedelta(seconds=1), now).readings
    assert (offset_ms, reading.time_uncertain) == (0, True)
    assert reading.quality == Quality.DEVICE_CLOCK_WRONG


def test_without_a_look_at_the_clock_its_own_date_is_believed_in_its_zone() -> None:
    content = clock().date(RECORD, NOON - timedelta(days=1), GivenClock().moment())
    [reading] = content.dated
    assert (reading.at, reading.time_uncertain) == (NOON_MS - 86_400_000, False)


@pytest.mark.parametrize(
    "own",
    [datetime(2009, 12, 31, 23, 59), NOON + timedelta(minutes=3)],  # noqa: DTZ001
)
def test_a_date_that_cannot_be_is_uncertain_and_named(own: datetime) -> None:
    content = clock().date(RECORD, own, GivenClock().moment())
    [(offset_ms, reading)] = content.readings
    assert (offset_ms, reading.time_uncertain) == (0, True)
    assert reading.quality == Quality.DEVICE_CLOCK_WRONG


@pytest.mark.parametrize(
    "own",
    [datetime(2010, 1, 1), NOON + timedelta(minutes=2)],  # noqa: DTZ001
)
def test_a_date_that_just_can_be_is_believed(own: datetime) -> None:
    assert len(clock().date(RECORD, own, GivenClock().moment()).dated) == 1


def test_a_clock_is_forgotten_with_the_link() -> None:
    one, now = clock(), GivenClock().moment()
    one.seen(NOON + timedelta(hours=1), now)
    one.forget()
    assert one.offset_s is None
    assert len(one.date(RECORD, NOON, now).dated) == 1


def test_a_boot_without_the_time_still_knows_the_age() -> None:
    one = clock()
    now = Moment("boot-1", 5_000, 0, synchronised=False)
    one.seen(NOON, now)
    [(offset_ms, reading)] = one.date(RECORD, NOON - timedelta(minutes=1), now).readings
    assert (offset_ms, reading.quality) == (-60_000, 0)
