"""kill -9 at any moment: acknowledged means durable, and nothing is stored twice."""

from pathlib import Path

import pytest

from tests.faults import bluetooth_killing, killing
from tests.faults.conftest import Say

KILLS = 10


async def test_a_server_killed_ten_times_under_load_keeps_what_it_acknowledged_once(
    tmp_path: Path, say: Say
) -> None:
    tally = await killing.kill_server("sqlite", tmp_path, kills=KILLS, seed=20_260_923)
    say(f"server killed {KILLS} times on SQLite", tally)
    assert tally.whole, tally
    assert tally.acked > 100, "the kills struck a server at work"
    assert tally.again > 0, "some batches were under way when it died"


@pytest.mark.postgresql
async def test_a_server_killed_on_postgresql_keeps_what_it_acknowledged_once(
    tmp_path: Path, say: Say
) -> None:
    tally = await killing.kill_server("postgresql", tmp_path, kills=3, seed=7, senders=3)
    say("server killed 3 times on PostgreSQL", tally)
    assert tally.whole, tally
    assert tally.again > 0


async def test_a_gateway_killed_ten_times_brings_all_that_it_spooled_once(
    tmp_path: Path, say: Say
) -> None:
    tally = await killing.kill_gateway(tmp_path, kills=KILLS, seed=20_260_923)
    say(f"gateway killed {KILLS} times", tally)
    assert tally.whole, tally
    assert tally.acked >= KILLS


@pytest.mark.timeout(180)
async def test_a_gateway_killed_ten_times_while_it_reads_a_memory_loses_and_doubles_no_record(
    tmp_path: Path, say: Say
) -> None:
    tally = await bluetooth_killing.kill_while_reading(tmp_path, kills=KILLS, seed=20_261_124)
    say(f"gateway killed {KILLS} times over Bluetooth", tally)
    assert tally.whole, tally
    assert tally.acked == 60
