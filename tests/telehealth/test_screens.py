"""What the screens read, on both engines: rows, sparklines, series, alerts, gaps."""

import pytest

from telehealth import clock
from telehealth.charting import bands
from telehealth.store.database import Database, Transaction
from telehealth.store.queries import person_screen, screens
from telehealth.subjects import DEFAULT_PACK, rules_of
from telehealth.vitals.decisions import Priority
from telehealth.vitals.levels import Level
from telehealth.vitals.parameters import Parameter
from telehealth.worklist import FALL_POINTS, fell, risk_rank
from tests.webui import people

ADULT = 40 * 12


@pytest.fixture
async def now_ms(database: Database) -> int:
    """Settle the commune, and return when."""
    now_ms = clock.now_ms()
    await people.settle(database, now_ms)
    return now_ms


async def row(database: Database, person_id: str, now_ms: int) -> screens.PersonRow:
    rows = await database.read(lambda r: screens.person_rows(r, [person_id], now_ms))
    return rows[0]


async def test_a_row_holds_last_values_with_their_own_ages(database: Database, now_ms: int) -> None:
    hoa = await row(database, "p-hoa", now_ms)
    assert hoa.spo2 == screens.LastValue(90.0, now_ms - people.MINUTE)
    assert hoa.pulse == screens.LastValue(108.0, now_ms - people.MINUTE)
    assert (hoa.level, hoa.doctor, hoa.device_id, hoa.device_connected) == (
        3,
        "BS. Mai",
        "ox-00",
        True,
    )
    assert hoa.grey_at_ms == now_ms - people.MINUTE + 3 * people.HOUR
    assert [alert.alert_id for alert in hoa.alerts] == ["al-hoa"]


async def test_the_sparkline_has_the_lowest_of_each_half_hour_and_holes_where_nothing_came(
    database: Database, now_ms: int
) -> None:
    hoa = await row(database, "p-hoa", now_ms)
    assert len(hoa.spark) == screens.SPARK_POINTS
    seen = [value for value in hoa.spark if value is not None]
    assert seen[-4:] == [93, 92, 91, 90]
    assert None in hoa.spark[-8:]


async def test_only_accepted_readings_make_the_sparkline(database: Database, now_ms: int) -> None:
    def add(tx: Transaction) -> None:
        for gate in ("rejected", "low_confidence"):
            people.put(
                tx,
                people.reading("p-hoa", "ox-00", now_ms - 5_000, 55, 70, tx.number, gate=gate),
            )

    await database.write(add)
    hoa = await row(database, "p-hoa", now_ms)
    assert min(value for value in hoa.spark if value is not None) == 90


async def test_the_change_since_yesterday_compares_with_the_same_time_of_day(
    database: Database, now_ms: int
) -> None:
    assert (await row(database, "p-hoa", now_ms)).change == -7
    assert (await row(database, "p-linh", now_ms)).change == 0
    await database.write(
        lambda tx: tx.execute(
            "DELETE FROM reading WHERE person_id = 'p-hoa' AND measured_ms < ?",
            (now_ms - 20 * people.HOUR,),
        )
    )
    assert (await row(database, "p-hoa", now_ms)).change is None


async def test_a_person_who_never_measured_is_grey_and_has_no_number(
    database: Database, now_ms: int
) -> None:
    await database.write(
        lambda tx: tx.execute("DELETE FROM person_state WHERE person_id = 'p-linh'")
    )
    linh = await row(database, "p-linh", now_ms)
    assert (linh.level, linh.spo2, linh.pulse, linh.grey_at_ms) == (-1, None, None, None)


async def test_nobody_asked_for_is_nobody_answered(database: Database, now_ms: int) -> None:
    assert await database.read(lambda r: screens.person_rows(r, [], now_ms)) == []
    assert await database.read(lambda r: screens.person_rows(r, ["p-none"], now_ms)) == []


async def test_a_series_has_as_many_points_as_asked_for_at_most(
    database: Database, now_ms: int
) -> None:
    for points in (10, 24, 720):
        found = await database.read(
            lambda r, n=points: person_screen.series(  # type: ignore[misc]
                r, "p-hoa", from_ms=now_ms - 24 * people.HOUR, to_ms=now_ms,
                cadence_s=7_200, points=n,
            )
        )  # fmt: skip
        assert 0 < len(found.t) <= points + 1
        assert found.spo2_min[-1] == 89
        assert list(found.t) == sorted(found.t)


async def test_an_empty_window_is_an_empty_series(database: Database, now_ms: int) -> None:
    found = await database.read(
        lambda r: person_screen.series(r, "p-none", from_ms=now_ms - 1, to_ms=now_ms)
    )
    assert (found.t, found.spo2, found.marks) == ((), (), ())


async def test_changes_are_found_by_their_place_in_the_order_of_commits(
    database: Database, now_ms: int
) -> None:
    cursor = await database.read(lambda reader: reader.cursor)

    def touch(tx: Transaction) -> None:
        tx.execute("UPDATE person_state SET changed_in = ? WHERE person_id = 'p-nam'", (tx.number,))

    await database.write(touch)
    found = await database.read(lambda r: screens.changed_since(r, cursor, now_ms, now_ms))
    assert found == ["p-nam"]


async def test_closed_alerts_stand_behind_open_ones(database: Database, now_ms: int) -> None:
    def add(tx: Transaction) -> None:
        people.put(
            tx,
            people.alert(
                "al-old", "p-hoa", now_ms - people.HOUR, cause="probe_off", status="resolved",
                closed_ms=now_ms - people.MINUTE, close_reason="device_fixed", changed_in=1,
            ),
            people.alert(
                "al-ancient", "p-hoa", now_ms, cause="device_silent", status="resolved",
                closed_ms=now_ms - 30 * people.DAY, close_reason="device_fixed", changed_in=1,
            ),
        )  # fmt: skip

    await database.write(add)
    shown = await database.read(lambda r: screens.alerts_of(r, "p-hoa", now_ms))
    assert [alert.alert_id for alert in shown] == ["al-hoa", "al-old"]
    assert [step.action for step in shown[0].steps] == ["raise", "notify"]


def test_red_orange_grey_yellow_green_is_the_order_of_the_list() -> None:
    levels = [Level.RED, Level.ORANGE, Level.GREY, Level.YELLOW, Level.GREEN]
    ranks = [risk_rank(level, [], 97) for level in levels]
    assert ranks == sorted(ranks, reverse=True)


def test_within_a_level_what_nobody_accepted_comes_first_then_the_lower_spo2() -> None:
    waiting = risk_rank(Level.RED, [Priority.HIGH, Priority.LOW], 92)
    accepted_but_lower = risk_rank(Level.RED, [], 85)
    assert waiting > risk_rank(Level.RED, [Priority.MEDIUM], 80) > accepted_but_lower
    assert accepted_but_lower > risk_rank(Level.RED, [], 91)
    assert risk_rank(Level.GREY, [], None) > risk_rank(Level.GREY, [], 90)


@pytest.mark.parametrize(
    ("change", "expected"),
    [(None, False), (0.0, False), (3.0, False), (-2.9, False), (-FALL_POINTS, True), (-7.0, True)],
)
def test_a_fall_is_pointed_out_from_three_points_on(change: float | None, expected: bool) -> None:
    assert fell(change) is expected


def test_bands_are_the_rules_own_edges_mildest_first() -> None:
    rules = rules_of(DEFAULT_PACK, "evaluation", None, None)
    found = bands(rules, ADULT, Parameter.SPO2)
    assert [(band.level, band.limit, band.is_low) for band in found] == [
        ("yellow", 96, True),
        ("orange", 94, True),
        ("red", 92, True),
    ]
    assert [band.edge for band in found] == [96.5, 94.5, 92.5]


def test_a_band_that_a_graver_one_covers_is_left_out() -> None:
    rules = rules_of(DEFAULT_PACK, "evaluation", None, None)
    found = bands(rules, ADULT, Parameter.PULSE)
    assert [(band.level, band.is_low) for band in found] == [("orange", True), ("orange", False)]


def test_a_parameter_without_rules_has_no_bands() -> None:
    rules = rules_of(DEFAULT_PACK, "evaluation", None, None)
    assert bands(rules, ADULT, Parameter.CONSCIOUSNESS) == []
