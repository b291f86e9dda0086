"""Memory and time of a process out of what Linux says of it (proc(5), status and stat)."""

import os

import pytest

from benchmarks.figures import CannotMeasureError
from benchmarks.proc import cpu_s, cpu_seconds, parent_of, rss_kib, rss_mb, tree

STATUS = "Name:\tpython\nPPid:\t41\nVmPeak:\t  90000 kB\nVmRSS:\t   51234 kB\n"
NOBODY = 2**22 + 1
"""Above the largest process id of Linux."""


def test_a_tree_is_the_process_and_all_its_descendants_and_nobody_else() -> None:
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 13: 10, 20: 1, 21: 20}
    assert tree(10, parents) == {10, 11, 12, 13}
    assert tree(21, parents) == {21}


def test_status_gives_parent_and_resident_memory() -> None:
    assert parent_of(STATUS) == 41
    assert rss_kib(STATUS) == 51_234


def test_a_process_that_has_ended_holds_no_memory() -> None:
    assert rss_kib("Name:\tpython\nState:\tZ (zombie)\nPPid:\t41\n") == 0


def test_processor_time_is_user_and_system_whatever_the_name() -> None:
    stat = "41 (a) b (c) S 1 41 41 0 -1 4194560 9 0 0 0 150 50 7 8 20 0 1 0 99"
    assert cpu_seconds(stat, 100) == 2.0


def test_this_very_process_has_memory_and_has_worked() -> None:
    assert 5 < rss_mb(os.getpid()) < 10_000
    assert cpu_s(os.getpid()) > 0


def test_a_process_that_is_not_there_cannot_be_measured() -> None:
    with pytest.raises(CannotMeasureError, match=str(NOBODY)):
        rss_mb(NOBODY)
    with pytest.raises(CannotMeasureError, match=str(NOBODY)):
        cpu_s(NOBODY)
