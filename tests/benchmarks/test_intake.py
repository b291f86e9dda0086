"""What the command offers, and that it believes no round whose database disagrees."""

import os
from pathlib import Path

import pytest

from benchmarks import intake, raw
from benchmarks.databases import Databases, Stored, check, stored
from benchmarks.figures import CannotMeasureError, Figure
from benchmarks.population import GATEWAYS, prepare, private_key

FIXED = {
    "intake_ratio_10",
    "spot_ratio_1",
    "spot_vs_plain_1",
    "ack_p50_ms_20k",
    "ack_p99_ms_20k",
    "fdatasync_p99_ms",
    "idle_rss_mb",
    "demo_rss_mb",
}
SOUND = Stored(
    uploads=120, readings=20, not_scored=0, refused=0, copies=0, gaps=0, alerts=3, alert_events=7
)


def test_every_figure_that_documents_name_can_be_asked_for() -> None:
    assert set(intake.NAMES) >= FIXED
    assert len(set(intake.NAMES)) == len(intake.NAMES)


def test_all_is_measured_where_nothing_is_named_and_else_only_what_yields_it() -> None:
    assert list(intake.chosen([])) == list(intake.MEASURES)
    assert list(intake.chosen(["spot_vs_plain_1"])) == [intake.spots]
    assert list(intake.chosen(["fdatasync_p99_ms", "idle_rss_mb"])) == [
        intake.idle_rss,
        intake.latencies,
    ]


def test_a_figure_that_does_not_exist_ends_the_command_with_a_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        intake.main(["--only", "speed"])
    assert ended.value.code == 2
    assert "invalid choice: 'speed'" in capsys.readouterr().err


def test_what_cannot_be_measured_is_one_line_and_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_bench: intake.Bench) -> list[Figure]:
        raise CannotMeasureError("no disk")

    monkeypatch.setattr(intake, "MEASURES", {broken: ("idle_rss_mb",)})
    written = tmp_path / "figures.json"
    code = intake.main(["--folder", str(tmp_path), "--json", str(written)])
    said = capsys.readouterr()
    assert code == 1
    assert said.err == "bench intake: cannot measure idle_rss_mb: no disk\n"
    assert said.out == ""
    assert written.read_text() == "[]\n"
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"]


def test_a_database_that_holds_exactly_what_was_acknowledged_is_believed() -> None:
    check(SOUND, uploads=120, readings=20)


@pytest.mark.parametrize(("uploads", "readings"), [(119, 20), (121, 20), (120, 19), (120, 21)])
def test_one_acknowledged_too_many_or_too_few_is_no_measurement(
    uploads: int, readings: int
) -> None:
    with pytest.raises(CannotMeasureError, match="acknowledged was"):
        check(SOUND, uploads=uploads, readings=readings)


def test_counts_of_a_round_are_what_came_to_the_prepared_database() -> None:
    before = Stored(100, 15, 0, 0, 0, 0, 1, 2)
    assert SOUND.since(before) == Stored(20, 5, 0, 0, 0, 0, 2, 5)


async def test_the_population_fills_a_fresh_database_and_copies_of_it_are_equal(
    tmp_path: Path,
) -> None:
    databases = Databases("", tmp_path)
    async with databases.empty() as url:
        await prepare(url)
        async with databases.copy_of(url) as copy:
            assert copy != url
            assert await stored(copy) == Stored(0, 0, 0, 0, 0, 0, 0, 0)
    assert os.listdir(tmp_path) == []


def test_gateways_have_keys_of_their_own_that_two_processes_agree_on() -> None:
    keys = {private_key(f"bench-{n:04d}").private_bytes_raw() for n in range(GATEWAYS)}
    assert len(keys) == GATEWAYS
    assert private_key("a").private_bytes_raw() == private_key("a").private_bytes_raw()


def test_the_raw_ceilings_measure_something_and_leave_nothing_behind(tmp_path: Path) -> None:
    assert raw.executemany_rows_per_second(tmp_path, 0.01) > 0
    assert raw.fdatasync_p99_ms(tmp_path) > 0
    assert list(tmp_path.iterdir()) == []
