"""The demo's commune: invented, calm for two days, and the same people at a second start."""

from datetime import timedelta

import pytest

from devices.simulator.episodes import STEADY
from telehealth import demo, demo_people
from telehealth.store.database import Database


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_second_start_keeps_the_people_and_makes_new_passwords(database: Database) -> None:
    first = await database.write(demo.populate)
    second = await database.write(demo.populate)
    assert [one.login for one in first] == [one.login for one in second]
    assert not {one.password for one in first} & {one.password for one in second}
    assert await database.read(lambda r: r.rows("SELECT count(*) FROM person")) == [(12,)]


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_history_is_scored_in_its_own_time_and_alerts_no_doctor(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "HISTORY", timedelta(hours=3))
    await database.write(demo.populate)
    start = await database.read(lambda r: r.now)
    await demo.load_history(database, start)
    rows = await database.read(
        lambda r: r.rows("SELECT count(*), max(late), min(received_ms - measured_ms) FROM reading")
    )
    assert rows[0][:2] == (12 * 90, 0)
    assert 0 <= rows[0][2] < 10 * 60_000
    alerts = await database.read(lambda r: r.rows("SELECT priority FROM alert"))
    assert {priority for (priority,) in alerts} <= {"low"}


def test_the_silent_one_is_red_within_a_minute_and_a_half_of_the_clock() -> None:
    part = demo_people.CAST[0]
    patient = part.patient(demo_people.SILENT)
    at_90_s = timedelta(seconds=(90 - 15) * demo.PACE)
    assert patient.at(at_90_s).spo2_percent < 92
    assert patient.at(timedelta(0)).spo2_percent > 96
    calm = part.patient(STEADY)
    assert abs(patient.at(at_90_s).pulse_per_min - calm.at(at_90_s).pulse_per_min) < 10


def test_every_number_device_and_log_in_is_another() -> None:
    cast = demo_people.CAST
    assert len(cast) == 12
    assert len({p.device_id for p in cast}) == len({p.login for p in cast}) == 12
    assert [p.device_id[-4:] for p in cast] == [f"{p.number:04x}" for p in cast]
