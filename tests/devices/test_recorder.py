"""From measurements to parcels: when a batch leaves, what travels with it, what never does."""

from datetime import datetime, timedelta

import pytest

from devices.measurement import Measurement
from devices.parcels import Parcel
from devices.recorder import Recorder
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
    one.set_urgent_line(80.0)
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
    assert one.spot_check(demo, clock.moment()) == []
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
    at = datetime(2026, 9, 23, 8, 15)  # noqa: DTZ001 (a device's clock has no zone)
    spot = Measurement(spo2_percent=96.0, pulse_per_min=80.0, device_time=at)
    (parcel,) = recorder().spot_check(spot, clock.moment())
    assert parcel.start == clock.moment()
    assert parcel.content.readings == [
        (
            0,
            WireReading(
                kind="spot",
                at=0,
                spo2_percent=96.0,
                pulse_per_min=80.0,
                record="2026-09-23T08:15:00",
            ),
        )
    ]


def test_a_stored_record_is_dated_by_the_devices_clock() -> None:
    at = datetime(2026, 9, 23, 8, 15)  # noqa: DTZ001 (a device's clock has no zone)
    stored = Measurement(
        spo2_percent=93.0, quality=Quality.FROM_STORAGE, device_time=at, stored=True
    )
    (parcel,) = recorder().spot_check(stored, GivenClock().moment())
    (reading,) = parcel.content.dated
    assert reading.at == 1_790_126_100_000, "08:15 in Viet Nam is 01:15 UTC"
    assert (reading.kind, reading.record) == ("stored", "2026-09-23T08:15:00")
    assert not reading.time_uncertain


@pytest.mark.parametrize("unset", [True, False])
def test_a_stored_record_without_a_set_clock_is_uncertain(unset: bool) -> None:
    at = datetime(2000, 1, 1, 0, 5) if unset else None  # noqa: DTZ001 (a device's clock)
    quality = Quality.FROM_STORAGE | (Quality.DEVICE_CLOCK_UNSET if unset else Quality.GOOD)
    stored = Measurement(spo2_percent=93.0, quality=quality, device_time=at, stored=True)
    (parcel,) = recorder().spot_check(stored, GivenClock().moment())
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
