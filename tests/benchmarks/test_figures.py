"""Figures are medians of rounds, and a round that measured nothing is no figure."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import (
    Baseline,
    CannotMeasureError,
    percentile,
    plain,
    ratio,
    to_json,
)


def test_a_ratio_is_the_median_of_the_rounds_and_not_the_ratio_of_medians() -> None:
    figure = ratio("r", [10, 90, 20], [10, 100, 10], what="to raw", unit="rows/s")
    assert figure.samples == (1.0, 0.9, 2.0)
    assert figure.value == 1.0
    assert figure.baseline == Baseline("to raw", 10, "rows/s")


@pytest.mark.parametrize(
    ("measured", "against"), [([], []), ([1], [1, 2]), ([0, 1], [1, 1]), ([1], [0])]
)
def test_a_round_that_measured_nothing_is_an_error(
    measured: list[float], against: list[float]
) -> None:
    with pytest.raises(CannotMeasureError, match=r"^r: "):
        ratio("r", measured, against, what="to raw", unit="rows/s")


def test_a_figure_without_rounds_is_an_error() -> None:
    with pytest.raises(CannotMeasureError, match=r"^r: no round"):
        plain("r", [], "ms")


def test_a_line_names_value_unit_and_what_it_is_held_against() -> None:
    figure = ratio("intake_ratio_10", [412_345], [1_001_234], what="to raw", unit="rows/s")
    assert figure.line() == (
        "intake_ratio_10: 0.4118 × (to raw: 1,001,234 rows/s, measured in this run)"
    )
    assert plain("idle_rss_mb", [114.812], "MB").line() == "idle_rss_mb: 114.8 MB"


def test_the_json_form_has_the_five_keys_and_reads_back() -> None:
    figures = [ratio("r", [1, 2], [4, 4], what="to raw", unit="rows/s"), plain("p", [3.5], "ms")]
    assert json.loads(to_json(figures)) == [
        {
            "name": "r",
            "value": 0.375,
            "unit": "×",
            "baseline": {"what": "to raw", "value": 4, "unit": "rows/s"},
            "samples": [0.25, 0.5],
        },
        {"name": "p", "value": 3.5, "unit": "ms", "baseline": None, "samples": [3.5]},
    ]


@pytest.mark.parametrize(
    ("percent", "value"), [(0, 1), (1, 1), (50, 50), (50.1, 51), (99, 99), (99.1, 100), (100, 100)]
)
def test_percentiles_are_nearest_rank(percent: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_a_percentile_of_nothing_is_an_error() -> None:
    with pytest.raises(CannotMeasureError):
        percentile([], 99)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_at_least_the_share_asked_for_lies_at_or_below_a_percentile(
    values: list[float], percent: float
) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values) * (1 - 1e-9)
