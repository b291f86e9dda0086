"""A spot check waits for a value that holds still, or says why there was none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.minutes import TimedSample
from devices.plateau import GIVE_UP_MS, PlateauFinder, SpotCheck
from protocols.reading import Quality


def sample(
    at_ms: int,
    spo2: float | None = 97.0,
    pulse: float | None = 72.0,
    quality: Quality = Quality.GOOD,
) -> TimedSample:
    return TimedSample(at_ms, spo2, pulse, 3.0, quality)


def found(samples: list[TimedSample]) -> list[SpotCheck]:
    finder = PlateauFinder()
    return [spot for one in samples if (spot := finder.add(one)) is not None]


@pytest.mark.parametrize(("last_ms", "spots"), [(4_999, 0), (5_000, 1)])
def test_a_value_must_hold_still_for_five_seconds(last_ms: int, spots: int) -> None:
    ats = [0, 1_000, 2_000, 3_000, 4_000, last_ms]
    assert len(found([sample(at) for at in ats])) == spots


def test_the_reading_is_the_median_of_the_window() -> None:
    values = [96.0, 97.0, 97.0, 98.0, 98.0, 98.0]
    [spot] = found([sample(1_000 * i, spo2, 70.0 + i) for i, spo2 in enumerate(values)])
    assert (spot.monotonic_ms, spot.spo2_percent, spot.pulse_per_min) == (5_000, 97.5, 72.5)
    assert (spot.perfusion_index_percent, spot.quality) == (3.0, Quality.GOOD)


@pytest.mark.parametrize(("spread", "spots"), [(2.0, 1), (2.1, 0)])
def test_spo2_may_move_by_two_points(spread: float, spots: int) -> None:
    samples = [sample(1_000 * i, 95.0 + spread * (i % 2)) for i in range(6)]
    assert len(found(samples)) == spots


@pytest.mark.parametrize(("spread", "spots"), [(6.0, 1), (6.1, 0)])
def test_the_pulse_may_move_by_six_beats(spread: float, spots: int) -> None:
    samples = [sample(1_000 * i, 95.0, 70.0 + spread * (i % 2)) for i in range(6)]
    assert len(found(samples)) == spots


@pytest.mark.parametrize(("fewest", "spots"), [(3, 0), (4, 1)])
def test_a_window_has_four_samples_at_least(fewest: int, spots: int) -> None:
    ats = [0, 3_000, 6_000] if fewest == 3 else [0, 2_000, 4_000, 6_000]
    assert len(found([sample(at) for at in ats])) == spots


@pytest.mark.parametrize(("gap_ms", "spots"), [(3_000, 1), (3_001, 0)])
def test_a_break_begins_the_window_anew(gap_ms: int, spots: int) -> None:
    ats = [0, 1_000, 2_000, 2_000 + gap_ms, 3_000 + gap_ms]
    assert len(found([sample(at) for at in ats])) == spots


def test_a_sample_that_is_not_good_begins_the_window_anew() -> None:
    samples = [sample(1_000 * i) for i in range(5)]
    moving = [*samples, sample(5_000, quality=Quality.MOTION)]
    after = [sample(1_000 * i) for i in range(6, 12)]
    assert found(moving) == []
    assert [spot.monotonic_ms for spot in found([*moving, *after])] == [11_000]


def test_values_that_drift_count_once_they_rest() -> None:
    """A device that still averages falls from its first guess to what is true."""
    falling = [sample(1_000 * i, 99.0 - 2 * i) for i in range(5)]
    resting = [sample(5_000 + 1_000 * i, 90.0) for i in range(6)]
    [spot] = found([*falling, *resting])
    assert spot.spo2_percent == 90.0


def test_one_finger_has_one_reading_and_the_next_finger_its_own() -> None:
    finder = PlateauFinder()
    first = [finder.add(sample(1_000 * i)) for i in range(30)]
    assert sum(spot is not None for spot in first) == 1
    assert finder.add(sample(31_000, None, None, Quality.FINGER_OFF)) is None
    second = [finder.add(sample(40_000 + 1_000 * i, 94.0)) for i in range(6)]
    assert [spot.spo2_percent for spot in second if spot] == [94.0]


def test_a_finger_that_leaves_too_soon_says_why_there_is_no_reading() -> None:
    finder = PlateauFinder()
    for i in range(3):
        finder.add(sample(1_000 * i, quality=Quality.MOTION | Quality.LOW_PERFUSION))
    spot = finder.add(sample(3_000, None, None, Quality.FINGER_OFF))
    assert spot is not None
    assert (spot.monotonic_ms, spot.spo2_percent, spot.pulse_per_min) == (2_000, None, None)
    assert spot.quality == Quality.NO_PLATEAU | Quality.MOTION | Quality.LOW_PERFUSION


def test_a_device_without_a_finger_says_nothing() -> None:
    finder = PlateauFinder()
    assert finder.add(sample(0, None, None, Quality.FINGER_OFF)) is None
    assert finder.finish() is None


@pytest.mark.parametrize(("last_ms", "spots"), [(GIVE_UP_MS - 1, 0), (GIVE_UP_MS, 1)])
def test_after_forty_seconds_it_says_why_and_goes_on_looking(last_ms: int, spots: int) -> None:
    moving = [sample(1_000 * i, quality=Quality.MOTION) for i in range(40)]
    told = found([*moving, sample(last_ms, quality=Quality.MOTION)])
    assert [spot.quality for spot in told] == [Quality.NO_PLATEAU | Quality.MOTION] * spots
    after = [sample(50_000 + 1_000 * i) for i in range(6)]
    assert (
        found([*moving, sample(last_ms, quality=Quality.MOTION), *after])[-1].spo2_percent == 97.0
    )


def test_why_there_is_no_reading_is_said_once() -> None:
    finder = PlateauFinder()
    spots = [finder.add(sample(1_000 * i, quality=Quality.MOTION)) for i in range(60)]
    assert sum(spot is not None for spot in spots) == 1
    assert finder.finish() is None


@given(
    st.lists(
        st.tuples(
            st.integers(min_value=0, max_value=4_000),
            st.floats(min_value=70, max_value=100),
            st.floats(min_value=40, max_value=180),
            st.sampled_from([Quality.GOOD, Quality.MOTION, Quality.FINGER_OFF]),
        ),
        max_size=60,
    )
)
def test_a_reading_lies_among_values_that_were_close_to_each_other(
    steps: list[tuple[int, float, float, Quality]],
) -> None:
    finder = PlateauFinder()
    at_ms, seen = 0, []
    for step_ms, spo2, pulse, quality in steps:
        at_ms += step_ms
        seen.append(sample(at_ms, spo2, pulse, quality))
        spot = finder.add(seen[-1])
        if spot is None or spot.spo2_percent is None:
            continue
        window = [s for s in seen if s.good and at_ms - s.monotonic_ms <= 5_000]
        assert all(abs((s.spo2_percent or 0) - spot.spo2_percent) <= 2.01 for s in window)
