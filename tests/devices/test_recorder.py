"""From measurements to parcels: when a batch leaves, what travels with it, what never does."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from devices.measurement import Measurement
from devices.parcels import Parcel
from devices.recorder import Recorder
from devices.use import Use
from protocols.reading import Quality
from protocols.uplink import MAX_SAMPLES, Event, WireReading
from tests.devices.given import GivenClock

GOOD = Measurement(spo2_percent=97.0, pulse_per_min=72.0, perfusion_index_percent=3.0)
OFF = Measurement(quality=Quality.FINGER_OFF)


def recorder(batch_seconds: float = 10.0) -> Recorder:
    return Recorder(
        "ox-1",
        batch_seconds=batch_seconds,
        urgent_below_spo2_percent=92.0,
        device_utc_offset=timedelta(hours=7),
    )


def speak(
    one: Recorder,
    clock: GivenClock,
    count: int,
    measurement: Measurement = GOOD,
    every_ms: int = 1000,
) -> list[Parcel]:
    parcels: list[Parcel] = []
    for _ in range(count):
        parcels += one.sample(measurement, clock.moment())
        clock.pass_ms(every_ms)
    return parcels


def test_ten_samples_make_a_batch_and_every_sixth_carries_the_minute() -> None:
    clock = GivenClock()
    started = clock.moment()
    parcels = speak(recorder(), clock, 120)
    assert [len(p.content.samples) for p in parcels] == [10] * 12
    assert [len(p.content.readings) for p in parcels] == [0, 0, 0, 0, 0, 1] * 2
    assert parcels[0].start == started
    assert [s.offset_ms for s in parcels[1].content.samples] == list(range(0, 10_000, 1000))
    (offset_ms, minute) = parcels[5].content.readings[0]
    assert (offset_ms, minute.kind, minute.spo2_percent) == (9000, "minute", 97.0)


@pytest.mark.parametrize(("batch_seconds", "samples"), [(1, 1), (2, 2), (5, 5), (30, 30)])
def test_the_batch_is_as_long_as_configured(batch_seconds: float, samples: int) -> None:
    parcels = speak(recorder(batch_seconds), GivenClock(), 60)
    assert {len(p.content.samples) for p in parcels} == {samples}


def test_a_very_fast_device_never_makes_a_batch_that_the_server_refuses() -> None:
    parcels = speak(recorder(60), GivenClock(), 5000, every_ms=10)
    assert max(len(p.content.samples) for p in parcels) == MAX_SAMPLES


def test_an_urgent_minute_takes_its_batch_along_at_once() -> None:
    one, clock = recorder(), GivenClock()
    parcels = speak(one, clock, 15, Measurement(spo2_percent=85.0))
    assert [len(p.content.samples) for p in parcels] == [10, 5]
    assert parcels[1].content.readings[0][1].spo2_percent == 85.0


def test_the_servers_line_is_taken_over() -> None:
    one, clock = recorder(), GivenClock()
    one.configure(batch_seconds=10, urgent_below_spo2_percent=80.0)
    parcels = speak(one, clock, 15, Measurement(spo2_percent=85.0))
    assert not any(p.content.readings for p in parcels)


@pytest.mark.parametrize(
    ("flag", "counter"), [(Quality.DEMO, "demo"), (Quality.TESTING, "testing")]
)
def test_demonstration_and_test_data_are_counted_and_go_no_further(
    flag: Quality, counter: str
) -> None:
    one, clock = recorder(1), GivenClock()
    demo = Measurement(spo2_percent=80.0, quality=flag)
    assert speak(one, clock, 100, demo) == []
    assert one.finished(demo, clock.moment()) == []
    assert one.tick(clock.pass_ms(200_000)) == []
    assert one.finish(clock.moment()) == []
    assert one.counts == {counter: 101}


def test_a_finger_that_goes_and_comes_back_is_told_once_each() -> None:
    one, clock = recorder(), GivenClock()
    parcels = speak(one, clock, 3) + speak(one, clock, 3, OFF) + speak(one, clock, 3)
    events = [event for p in parcels for event in p.content.events]
    assert events == [Event("finger_off", 0), Event("finger_on", 0)]


def test_a_first_finger_is_no_news_and_a_missing_one_is() -> None:
    assert not speak(recorder(), GivenClock(), 1)
    (parcel,) = speak(recorder(), GivenClock(), 1, OFF)
    assert parcel.content.events == [Event("finger_off", 0)]


def test_samples_without_a_finger_are_kept_without_values() -> None:
    parcels = speak(recorder(), GivenClock(), 10, OFF)
    samples = parcels[-1].content.samples
    assert len(samples) == 10
    assert all(s.spo2_percent is None and s.quality == Quality.FINGER_OFF for s in samples)


def test_a_spot_check_leaves_at_once_under_the_devices_own_time() -> None:
    clock = GivenClock()
    at = datetime(2026, 9, 21, 21, 13, 20)  # noqa: DTZ001 (a device's clock has no zone)
    spot = Measurement(spo2_percent=96.0, pulse_per_min=80.0, device_time=at)
    (parcel,) = recorder().finished(spot, clock.moment())
    assert parcel.start == clock.moment()
    assert parcel.content.readings == [
        (
            0,
            WireReading(
                kind="spot",
                at=0,
                spo2_percent=96.0,
                pulse_per_min=80.0,
                record="2026-09-21T21:13:20",
            ),
        )
    ]


def test_a_stored_record_is_dated_by_the_devices_clock() -> None:
    at = datetime(2026, 9, 21, 8, 15)  # noqa: DTZ001 (a device's clock has no zone)
    stored = Measurement(
        spo2_percent=93.0, quality=Quality.FROM_STORAGE, device_time=at, stored=True
    )
    (parcel,) = recorder().finished(stored, GivenClock().moment())
    (reading,) = parcel.content.dated
    assert reading.at == 1_789_953_300_000, "08:15 in Viet Nam is 01:15 UTC"
    assert (reading.kind, reading.record) == ("stored", "2026-09-21T08:15:00")
    assert not reading.time_uncertain


@pytest.mark.parametrize("unset", [True, False])
def test_a_stored_record_without_a_set_clock_is_uncertain(unset: bool) -> None:
    at = datetime(2000, 1, 1, 0, 5) if unset else None  # noqa: DTZ001 (a device's clock)
    quality = Quality.FROM_STORAGE | (Quality.DEVICE_CLOCK_UNSET if unset else Quality.GOOD)
    stored = Measurement(spo2_percent=93.0, quality=quality, device_time=at, stored=True)
    (parcel,) = recorder().finished(stored, GivenClock().moment())
    ((offset_ms, reading),) = parcel.content.readings
    assert (offset_ms, reading.time_uncertain, reading.record) == (0, True, None)


def test_a_silent_device_leaves_nothing_behind() -> None:
    one, clock = recorder(), GivenClock()
    speak(one, clock, 4)
    assert one.tick(clock.pass_ms(7_999)) == []
    (batch,) = one.tick(clock.pass_ms(1))
    assert len(batch.content.samples) == 4
    (minute,) = one.tick(clock.pass_ms(60_000))
    assert minute.content.samples == []
    ((offset_ms, reading),) = minute.content.readings
    assert offset_ms == -69_000, "it is dated by its last sample, not by its closing"
    assert reading.quality_share == pytest.approx(4 / 60, abs=0.001)


def test_stopping_lets_go_samples_and_minute() -> None:
    one, clock = recorder(), GivenClock()
    speak(one, clock, 7)
    (parcel,) = one.finish(clock.moment())
    assert (len(parcel.content.samples), len(parcel.content.readings)) == (7, 1)
    assert one.finish(clock.moment()) == []


def test_a_live_spot_check_of_a_wrong_clock_says_by_how_much_it_is_wrong() -> None:
    one, clock = recorder(), GivenClock()
    at = datetime(2026, 9, 21, 20, 13, 20)  # noqa: DTZ001 - an hour behind
    spot = Measurement(spo2_percent=96.0, device_time=at)
    (told, _) = one.finished(spot, clock.moment())
    assert told.content.events == [Event("clock_offset", 0, -3_600.0)]
    (again,) = one.finished(spot, clock.moment())
    assert again.content.readings


def spot_recorder() -> Recorder:
    return Recorder(
        "ox-f0f000000001",
        batch_seconds=10,
        urgent_below_spo2_percent=92.0,
        device_utc_offset=timedelta(hours=7),
        use=Use.SPOT,
    )


def kinds(parcels: Sequence[Parcel]) -> list[str]:
    return [reading.kind for parcel in parcels for _, reading in parcel.content.readings]


def test_a_finger_for_a_moment_has_a_spot_check_and_no_minute() -> None:
    one, clock = spot_recorder(), GivenClock()
    parcels = speak(one, clock, 20, Measurement(spo2_percent=96.0, pulse_per_min=80.0))
    parcels += one.disconnected(clock.moment())
    parcels += one.tick(clock.pass_ms(60_000))
    assert kinds(parcels) == ["spot"]


def test_the_same_finger_in_a_worn_device_has_a_minute_and_no_spot_check() -> None:
    one, clock = recorder(), GivenClock()
    parcels = speak(one, clock, 20, Measurement(spo2_percent=96.0, pulse_per_min=80.0))
    parcels += one.tick(clock.pass_ms(60_000))
    assert kinds(parcels) == ["minute"]


def test_a_finger_that_stays_has_its_minutes_too() -> None:
    parcels = speak(
        spot_recorder(), GivenClock(), 120, Measurement(spo2_percent=96.0, pulse_per_min=80.0)
    )
    assert kinds(parcels) == ["spot", "minute", "minute"]


def test_a_finger_that_left_too_soon_says_why_with_the_end_of_the_link() -> None:
    one, clock = spot_recorder(), GivenClock()
    moving = Measurement(spo2_percent=96.0, pulse_per_min=80.0, quality=Quality.MOTION)
    assert kinds(speak(one, clock, 3, moving)) == []
    (spot,) = [r for p in one.disconnected(clock.moment()) for _, r in p.content.readings]
    assert (spot.kind, spot.spo2_percent) == ("spot", None)
    assert spot.quality == Quality.NO_PLATEAU | Quality.MOTION


def test_a_heart_rate_strap_has_minutes_of_its_pulse_alone() -> None:
    strap = Measurement(pulse_per_min=80.0, oximetry=False)
    parcels = speak(recorder(), GivenClock(), 60, strap)
    [minute] = [r for p in parcels for _, r in p.content.readings]
    assert (minute.pulse_per_min, minute.spo2_percent, minute.quality_share) == (80.0, None, 1.0)


def test_the_first_value_after_a_connection_leaves_at_once_and_the_rest_in_batches() -> None:
    one, clock = recorder(), GivenClock()
    assert one.connected(clock.moment())[0].content.events == [Event("connected", 0)]
    parcels = speak(one, clock, 2, OFF) + speak(one, clock, 21)
    assert [len(p.content.samples) for p in parcels if p.content.samples] == [3, 10, 10]
