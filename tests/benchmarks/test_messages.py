"""What the load says is what real gateways may say, and every reading of it is new."""

from collections import Counter
from itertools import pairwise

import pytest

from benchmarks.messages import (
    CLOSES_EVERY,
    HISTORY_MS,
    PATIENTS,
    SAMPLES,
    Ward,
    device_id,
    most_messages,
    patient,
)
from protocols.uplink import Batch, content_key, decode_from_gateway, encode, to_reading

NOW_MS = 1_795_000_000_000
CONNECTIONS = 2_000
"""Ten devices each, so that a few dozen messages go round several times."""
KINDS = ("samples", "spots", "first")


def said(kind: str, count: int = 120, *, connection: int = 3) -> list[Batch]:
    ward = Ward(CONNECTIONS, kind, count, now_ms=NOW_MS)
    return list(ward.messages(connection, 0, count))


@pytest.mark.parametrize("kind", KINDS)
def test_every_message_passes_the_range_checks_of_the_uplink(kind: str) -> None:
    for batch in said(kind):
        assert decode_from_gateway(encode(batch)) == batch


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_contiguous_and_go_on_where_they_stopped(kind: str) -> None:
    ward = Ward(CONNECTIONS, kind, 50, now_ms=NOW_MS)
    whole = list(ward.messages(3, 0, 50))
    assert [batch.seq for batch in whole] == list(range(1, 51))
    assert [*ward.messages(3, 0, 20), *ward.messages(3, 20, 30)] == whole


def test_one_message_in_six_closes_a_minute_at_any_stretch() -> None:
    batches = Ward(16, "samples", 240, now_ms=NOW_MS).messages(2, 0, 240)
    closing = [bool(batch.readings) for batch in batches]
    assert {sum(closing[at : at + 60]) for at in range(180)} == {60 // CLOSES_EVERY}
    each = Counter(batch.device for batch in said("samples") if batch.readings)
    assert set(each.values()) == {120 // 10 // CLOSES_EVERY}


def test_samples_come_ten_a_message_and_a_minute_with_its_last_sample() -> None:
    for batch in said("samples"):
        assert len(batch.samples) == SAMPLES
        for reading in batch.readings:
            assert reading.kind == "minute"
            assert reading.at == batch.at + batch.samples[-1].offset_ms


def test_spots_carry_one_reading_and_no_samples() -> None:
    assert all(len(batch.readings) == 1 and not batch.samples for batch in said("spots"))


@pytest.mark.parametrize("kind", ["samples", "spots"])
def test_no_reading_is_said_twice_and_each_device_goes_forward_in_time(kind: str) -> None:
    before, after = said("first", 10), said(kind)
    readings = [to_reading(wire, b.device) for b in [*before, *after] for wire in b.readings]
    assert len({content_key(reading) for reading in readings}) == len(readings)
    for number in range(30, 40):
        own = [r.measured_at for r in readings if r.device_id == device_id(number)]
        assert all(a < b for a, b in pairwise(own))


def test_connections_share_no_device() -> None:
    devices = [{batch.device for batch in said("spots", 40, connection=n)} for n in (0, 1, 1_999)]
    assert [len(each) for each in devices] == [10, 10, 10]
    assert len(set.union(*devices)) == 30


@pytest.mark.parametrize("kind", ["samples", "spots"])
def test_a_short_round_is_about_the_present(kind: str) -> None:
    assert all(NOW_MS - 60_000 <= batch.at <= NOW_MS for batch in said(kind, 10))


@pytest.mark.parametrize("kind", ["samples", "spots"])
def test_the_longest_round_dates_nothing_in_the_future_or_late(kind: str) -> None:
    count = most_messages(kind) // CONNECTIONS
    ward = Ward(CONNECTIONS, kind, count, now_ms=NOW_MS)
    for batch in [next(ward.messages(0, 0, 1)), next(ward.messages(0, count - 1, 1))]:
        assert NOW_MS - HISTORY_MS <= batch.at <= NOW_MS
        assert all(reading.at <= NOW_MS for reading in batch.readings)


def test_a_few_patients_are_low_and_most_are_well() -> None:
    spots = [
        batch.readings[0].spo2_percent or 0.0
        for batch in Ward(1, "spots", PATIENTS, now_ms=NOW_MS).messages(0, 0, PATIENTS)
    ]
    low = sum(value <= 94 for value in spots)
    assert 2 <= low <= PATIENTS // 20
    assert all(80 <= value <= 100 for value in spots)


def test_virtual_patients_are_the_same_in_every_round() -> None:
    assert [patient(n) for n in range(PATIENTS)] == [patient(n) for n in range(PATIENTS)]
