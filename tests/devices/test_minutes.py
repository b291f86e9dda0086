"""Closing minutes: when a minute closes, what it says, and what never enters it."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.minutes import ClosedMinute, MinuteCloser, TimedSample
from protocols.reading import Quality

LINE_PERCENT = 92.0


def closer() -> MinuteCloser:
    return MinuteCloser(LINE_PERCENT)


def feed(
    minutes: MinuteCloser,
    values: Iterable[float | None],
    *,
    from_s: float = 0.0,
    every_s: float = 1.0,
    quality: Quality = Quality.GOOD,
) -> list[ClosedMinute]:
    closed: list[ClosedMinute] = []
    for i, spo2_percent in enumerate(values):
        at_ms = round(1000 * (from_s + i * every_s))
        closed += minutes.add(TimedSample(at_ms, spo2_percent, 70.0, 3.0, quality))
    return closed


def test_sixty_samples_at_one_a_second_close_a_minute() -> None:
    minutes = closer()
    assert feed(minutes, [97.0] * 59) == []
    (minute,) = feed(minutes, [97.0], from_s=59)
    assert minute == ClosedMinute(
        monotonic_ms=59_000,
        spo2_percent=97.0,
        pulse_per_min=70.0,
        perfusion_index_percent=3.0,
        spo2_min_percent=97.0,
        quality_share=1.0,
        quality=Quality.GOOD,
        sampled_ms=59_000,
    )


def test_a_minute_holds_the_median_and_the_minimum() -> None:
    (minute,) = feed(closer(), [97.0] * 40 + [95.0] * 19 + [93.0])
    assert minute.spo2_percent == 97.0
    assert minute.spo2_min_percent == 93.0


@pytest.mark.parametrize(("every_s", "count"), [(0.02, 3000), (0.5, 120), (2.0, 30)])
def test_a_device_of_another_pace_fills_the_same_minute(every_s: float, count: int) -> None:
    minutes = closer()
    minutes.add(TimedSample(-60_000, 97.0))
    closed = feed(minutes, [97.0] * (2 * count), every_s=every_s)
    assert [m.monotonic_ms // 1000 for m in closed][-1] <= 120
    assert all(m.quality_share == pytest.approx(1.0, abs=0.04) for m in closed[1:])


def test_two_minutes_follow_each_other_without_loss() -> None:
    closed = feed(closer(), [97.0] * 120)
    assert [m.monotonic_ms for m in closed] == [59_000, 119_000]


@pytest.mark.parametrize(("low_samples", "urgent"), [(14, False), (15, True)])
def test_fifteen_seconds_below_the_line_close_at_once(low_samples: int, urgent: bool) -> None:
    closed = feed(closer(), [90.0] * low_samples)
    assert [m.urgent for m in closed] == ([True] if urgent else [])


@pytest.mark.parametrize(
    ("spo2_percent", "urgent"), [(91.9, True), (92.0, True), (92.1, False), (93.0, False)]
)
def test_the_line_itself_counts_as_low(spo2_percent: float, urgent: bool) -> None:
    assert bool(feed(closer(), [spo2_percent] * 15)) is urgent


def test_the_urgent_reading_is_of_the_low_run_alone() -> None:
    before, run = feed(closer(), [97.0] * 30 + [88.0] * 15)
    assert (before.spo2_percent, before.urgent) == (97.0, False)
    assert (run.spo2_percent, run.spo2_min_percent, run.urgent) == (88.0, 88.0, True)
    assert run.quality_share == 1.0


def test_a_short_beginning_stays_with_the_low_run() -> None:
    (minute,) = feed(closer(), [97.0] * 5 + [88.0] * 15)
    assert minute.urgent
    assert minute.spo2_percent == 88.0


def test_one_good_sample_above_the_line_ends_the_run() -> None:
    assert feed(closer(), [90.0] * 14 + [93.0] + [90.0] * 14) == []


def test_a_spoiled_sample_neither_ends_the_run_nor_counts() -> None:
    minutes = closer()
    feed(minutes, [90.0] * 10)
    feed(minutes, [99.0], from_s=10, quality=Quality.MOTION)
    assert feed(minutes, [90.0] * 4, from_s=11) == []
    (urgent,) = feed(minutes, [90.0], from_s=15)
    assert urgent.urgent


@pytest.mark.parametrize(("silence_s", "urgent"), [(6.0, True), (6.1, False)])
def test_a_break_ends_the_run(silence_s: float, urgent: bool) -> None:
    minutes = closer()
    feed(minutes, [90.0] * 13)
    closed = feed(minutes, [90.0], from_s=12 + silence_s)
    assert bool(closed) is urgent


def test_a_long_low_spell_closes_at_once_only_at_its_beginning() -> None:
    closed = feed(closer(), [88.0] * 135)
    assert [m.urgent for m in closed] == [True, False, False]
    assert [m.monotonic_ms for m in closed] == [14_000, 74_000, 134_000]


def test_after_a_minute_above_the_line_a_new_fall_closes_at_once_again() -> None:
    closed = feed(closer(), [88.0] * 15 + [97.0] * 60 + [88.0] * 15)
    assert [m.urgent for m in closed] == [True, False, True]


def test_a_minute_without_one_good_sample_says_why_and_has_no_values() -> None:
    (minute,) = feed(closer(), [None] * 60, quality=Quality.FINGER_OFF)
    assert minute.spo2_percent is None
    assert minute.pulse_per_min is None
    assert minute.spo2_min_percent is None
    assert minute.quality_share == 0.0
    assert minute.quality == Quality.FINGER_OFF


def test_a_device_that_says_nothing_at_all_is_not_well() -> None:
    (minute,) = feed(closer(), [None] * 60)
    assert minute.quality == Quality.INVALID


def test_low_values_of_a_spoiled_signal_never_close_at_once() -> None:
    assert feed(closer(), [80.0] * 30, quality=Quality.WEAK_SIGNAL) == []


def test_a_patient_with_cold_fingers_still_has_readings() -> None:
    (minute,) = feed(closer(), [96.0] * 60, quality=Quality.LOW_PERFUSION)
    assert minute.spo2_percent == 96.0
    assert minute.quality == Quality.LOW_PERFUSION


@pytest.mark.parametrize(("flagged", "quality"), [(29, Quality.GOOD), (30, Quality.LOW_PERFUSION)])
def test_a_flag_belongs_to_the_minute_from_half_of_its_samples_on(
    flagged: int, quality: Quality
) -> None:
    minutes = closer()
    feed(minutes, [96.0] * flagged, quality=Quality.LOW_PERFUSION)
    (minute,) = feed(minutes, [96.0] * (60 - flagged), from_s=flagged)
    assert minute.quality == quality


def test_the_share_counts_the_seconds_that_never_came() -> None:
    minutes = closer()
    feed(minutes, [97.0] * 15)
    assert minutes.tick(59_999) == []
    (minute,) = minutes.tick(60_000)
    assert minute.quality_share == 0.25
    assert minute.spo2_percent == 97.0


def test_a_bad_quarter_lowers_the_share() -> None:
    minutes = closer()
    feed(minutes, [97.0] * 45)
    (minute,) = feed(minutes, [70.0] * 15, from_s=45, quality=Quality.QUESTIONABLE)
    assert minute.quality_share == 0.75
    assert minute.spo2_min_percent == 97.0


def test_stopping_closes_what_is_open_and_nothing_twice() -> None:
    minutes = closer()
    feed(minutes, [97.0] * 20)
    (minute,) = minutes.finish()
    assert minute.monotonic_ms == 19_000
    assert minutes.finish() == []
    assert minutes.tick(10_000_000) == []


@given(
    st.lists(
        st.tuples(
            st.integers(1, 20_000),
            st.none() | st.floats(1, 100),
            st.sampled_from([Quality.GOOD, Quality.MOTION, Quality.FINGER_OFF]),
        ),
        max_size=300,
    )
)
def test_every_minute_is_at_most_a_minute_and_its_numbers_are_in_range(
    steps: list[tuple[int, float | None, Quality]],
) -> None:
    minutes, at_ms, closed = closer(), 0, []
    for step_ms, spo2_percent, quality in steps:
        at_ms += step_ms
        closed += minutes.add(TimedSample(at_ms, spo2_percent, 70.0, 1.0, quality))
    closed += minutes.finish()
    assert len(closed) >= (1 if steps else 0)
    for minute in closed:
        assert 0.0 <= minute.quality_share <= 1.0
        if minute.spo2_percent is None:
            assert minute.quality_share == 0.0
            assert minute.quality != Quality.GOOD
    times = [minute.monotonic_ms for minute in closed]
    assert times == sorted(times)
