"""Cancelling that cannot get lost in a library.

Until Python 3.12 `asyncio.wait_for` returns the result instead of raising when a task is cancelled
in the very step in which the awaited thing is done. Bumble and others await so; a loop that calls
them asks here, or it would never end.
"""

import asyncio


def stop_if_cancelled() -> None:
    """Raise `CancelledError` again if somebody wants the current task to end."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
