"""The one place that asks what time it is. Everything else is told."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the present as aware UTC."""
    return datetime.now(UTC)


def now_ms() -> int:
    """Return the present in epoch milliseconds UTC."""
    return time.time_ns() // 1_000_000
