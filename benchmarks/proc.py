"""Memory and processor time of a process, as Linux counts them."""

import os
from pathlib import Path

from benchmarks.figures import CannotMeasureError

_PROC = Path("/proc")


def tree(pid: int, parents: dict[int, int]) -> set[int]:
    """Return a process and its descendants, given every process's parent."""
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def parent_of(status: str) -> int:
    """Return the parent's id out of `/proc/PID/status`."""
    return int(_field(status, "PPid"))


def rss_kib(status: str) -> int:
    """Return the resident KiB out of `/proc/PID/status`; 0 for a process that has ended."""
    return int(_field(status, "VmRSS", missing="0 kB").split()[0])


def rss_mb(pid: int) -> float:
    """Return the resident megabytes (10^6) of a process tree.

    Raises:
        CannotMeasureError: no such process, or no `/proc`.
    """
    statuses: dict[int, str] = {}
    for path in _PROC.glob("[0-9]*/status"):
        try:
            statuses[int(path.parent.name)] = path.read_text()
        except OSError:  # it has ended since
            continue
    if pid not in statuses:
        raise CannotMeasureError(f"no process {pid} in {_PROC}")
    members = tree(pid, {each: parent_of(status) for each, status in statuses.items()})
    return sum(rss_kib(statuses[each]) for each in members) * 1_024 / 1e6


def cpu_seconds(stat: str, ticks_per_second: int) -> float:
    """Return user and system time out of `/proc/PID/stat`; the name in it may hold anything."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / ticks_per_second


def cpu_s(pid: int) -> float:
    """Return the processor seconds that a process has used so far.

    Raises:
        CannotMeasureError: no such process, or no `/proc`.
    """
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError as error:
        raise CannotMeasureError(f"no process {pid} in {_PROC}") from error
    return cpu_seconds(stat, os.sysconf("SC_CLK_TCK"))


def _field(status: str, name: str, *, missing: str = "0") -> str:
    for line in status.splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return value.strip()
    return missing
