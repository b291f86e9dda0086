"""What time it is, as far as this machine knows; the only place in `devices` that asks.

A home gateway may boot without network in 1970. So every instant is kept three ways: milliseconds
since this boot (always true), the wall clock, and whether anything vouches for the wall clock.
The spool turns them into dates once somebody does (docs/gateway.md, "A gateway without a clock").
"""

import ctypes
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_ADJTIMEX_BYTES: Final = 512
"""Larger than `struct timex` on any Linux (208 bytes on 64-bit)."""
_TIME_ERROR: Final = 5
"""adjtimex(2): the clock is not synchronised to a reliable server."""
_RECHECK_MS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant as this machine knew it: `monotonic_ms` counts within the boot `boot_id`."""

    boot_id: str
    monotonic_ms: int
    wall_ms: int
    synchronised: bool


class Clock(Protocol):
    """Whoever knows the time."""

    def moment(self) -> Moment: ...


class SystemClock:
    """The machine's own clocks; time asleep counts."""

    def __init__(self) -> None:
        self._boot_id = _boot_id()
        self._adjtimex = _find_adjtimex()
        self._checked_ms = -_RECHECK_MS
        self._synchronised = False

    def moment(self) -> Moment:
        monotonic_ms = time.clock_gettime_ns(_MONOTONIC) // 1_000_000
        if monotonic_ms - self._checked_ms >= _RECHECK_MS:
            self._checked_ms = monotonic_ms
            self._synchronised = self._ask_kernel()
        return Moment(self._boot_id, monotonic_ms, time.time_ns() // 1_000_000, self._synchronised)

    def _ask_kernel(self) -> bool:
        if self._adjtimex is None:
            return False
        modes_zero = ctypes.create_string_buffer(_ADJTIMEX_BYTES)
        state = int(self._adjtimex(modes_zero))
        return 0 <= state < _TIME_ERROR


_MONOTONIC: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _boot_id() -> str:
    """Return the kernel's name of this boot; without one, this process counts as a boot."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return f"{uuid.uuid4()}-{os.getpid()}"


def _find_adjtimex() -> "ctypes._NamedFuncPointer | None":
    try:
        return ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
