"""A device's memory: fetched after an absence, wiped only when the server has all of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.drivers.stored_records import AGAIN_S, ANSWER_S, MOST_FETCHES, StoredRecords, Transfer
from protocols.gatt.racp import (
    COUNT_ALL,
    DELETE_ALL,
    REPORT_ALL,
    NumberOfRecords,
    OpCode,
    Response,
    ResponseCode,
)

FETCHED = Response(OpCode.REPORT, ResponseCode.SUCCESS)
DELETED = Response(OpCode.DELETE, ResponseCode.SUCCESS)


def fetched(count: int) -> StoredRecords:
    one = StoredRecords(0.0)
    assert one.begin() == COUNT_ALL
    assert one.answered(NumberOfRecords(count), 0.0) == REPORT_ALL
    for _ in range(count):
        one.record_came(0.0)
    assert one.answered(FETCHED, 0.0) is None
    assert one.state is Transfer.KEEPING
    return one


@pytest.mark.parametrize(
    "answer", [NumberOfRecords(0), Response(OpCode.COUNT, ResponseCode.NO_RECORDS_FOUND)]
)
def test_an_empty_memory_is_left_alone(answer: NumberOfRecords | Response) -> None:
    one = StoredRecords(0.0)
    assert one.answered(answer, 0.0) is None
    assert one.over


def test_nothing_is_deleted_before_the_server_has_everything() -> None:
    one = fetched(3)
    assert one.tick(1.0, owed=3) is None
    assert one.tick(10_000.0, owed=1) is None, "however long it takes"
    assert one.tick(10_001.0, owed=0) == COUNT_ALL
    assert one.answered(NumberOfRecords(3), 10_001.0) == DELETE_ALL
    assert one.answered(DELETED, 10_001.0) is None
    assert one.state is Transfer.DONE


def test_a_record_that_came_into_the_memory_meanwhile_is_fetched_first() -> None:
    one = fetched(3)
    one.tick(1.0, owed=0)
    assert one.answered(NumberOfRecords(4), 1.0) == REPORT_ALL
    for _ in range(4):
        one.record_came(1.0)
    one.answered(FETCHED, 1.0)
    assert one.tick(2.0, owed=4) is None
    assert one.tick(3.0, owed=0) == COUNT_ALL


def loses_a_record_each_time() -> tuple[StoredRecords, int]:
    one = StoredRecords(0.0)
    request, fetches = one.begin(), 0
    while request:
        asked = one.answered(NumberOfRecords(2), 0.0)
        assert (request, asked) == (COUNT_ALL, REPORT_ALL)
        fetches += 1
        one.record_came(0.0)
        request = one.answered(FETCHED, 0.0) or b""
    return one, fetches


def test_a_fetch_that_lost_a_record_is_counted_and_made_again_three_times_at_most() -> None:
    one, fetches = loses_a_record_each_time()
    assert (fetches, one.state) == (MOST_FETCHES, Transfer.FAILED)


def test_a_memory_of_which_the_first_count_was_wrong_is_read_all_the_same() -> None:
    one = StoredRecords(0.0)
    one.answered(NumberOfRecords(36), 0.0)
    for _ in range(60):
        one.record_came(0.0)
    assert one.answered(FETCHED, 0.0) == COUNT_ALL
    assert one.answered(NumberOfRecords(60), 0.0) == REPORT_ALL
    for _ in range(60):
        one.record_came(0.0)
    assert one.answered(FETCHED, 0.0) is None
    assert one.state is Transfer.KEEPING


@pytest.mark.parametrize(("later_s", "request_"), [(AGAIN_S - 0.1, None), (AGAIN_S, COUNT_ALL)])
def test_a_memory_that_could_not_be_read_is_tried_again_on_a_link_that_stays(
    later_s: float, request_: bytes | None
) -> None:
    one, _ = loses_a_record_each_time()
    assert one.tick(later_s, owed=0) == request_


def test_a_device_that_cannot_delete_is_left_alone() -> None:
    one = fetched(1)
    one.tick(1.0, owed=0)
    one.answered(NumberOfRecords(1), 1.0)
    one.answered(Response(OpCode.DELETE, ResponseCode.OP_CODE_NOT_SUPPORTED), 1.0)
    assert one.state is Transfer.DONE
    assert one.tick(2.0, owed=0) is None


@pytest.mark.parametrize(("late_s", "state"), [(0.0, Transfer.FETCHING), (0.1, Transfer.FAILED)])
def test_a_device_that_falls_silent_is_given_up(late_s: float, state: Transfer) -> None:
    one = StoredRecords(0.0)
    one.answered(NumberOfRecords(2), 1.0)
    one.record_came(5.0)
    one.tick(4.9 + ANSWER_S + late_s, owed=0)
    assert one.state is state


def test_an_answer_that_nobody_asked_for_is_passed_over() -> None:
    one = fetched(1)
    assert one.answered(DELETED, 0.0) is None
    assert one.answered(NumberOfRecords(7), 0.0) is None
    assert one.state is Transfer.KEEPING


@given(st.data())
def test_whatever_is_lost_on_the_way_nothing_is_deleted_that_the_server_does_not_have(
    data: st.DataObject,
) -> None:
    """The device holds records; the radio loses some; the server acknowledges when it likes."""
    memory = data.draw(st.integers(min_value=0, max_value=5))
    one = StoredRecords(0.0)
    heard: set[int] = set()
    acknowledged: set[int] = set()
    request: bytes | None = one.begin()
    for now_s in range(60):
        answer: NumberOfRecords | Response | None = None
        if request == COUNT_ALL:
            answer = NumberOfRecords(memory)
        elif request == REPORT_ALL:
            for record in range(memory):
                if data.draw(st.integers(min_value=0, max_value=3)):
                    one.record_came(float(now_s))
                    heard.add(record)
            answer = FETCHED if memory else Response(OpCode.REPORT, ResponseCode.NO_RECORDS_FOUND)
        elif request == DELETE_ALL:
            assert acknowledged >= set(range(memory))
            memory = 0
            answer = DELETED
        request = None
        if answer is not None and data.draw(st.integers(min_value=0, max_value=5)):
            request = one.answered(answer, float(now_s))
        if request is None:
            if data.draw(st.booleans()):
                acknowledged |= heard
            if data.draw(st.integers(min_value=0, max_value=9)) == 0:
                memory += 1
            request = one.tick(float(now_s), owed=len(heard - acknowledged))
