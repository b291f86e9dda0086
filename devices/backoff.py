"""How long to wait before the next attempt: doubled, capped and random. Pure; chance is given.

Ten thousand gateways that lost one server must not come back in one second.
"""

import random
from typing import Final

FIRST_S: Final = 5.0
"""Before any server has said otherwise."""


class Backoff:
    """The waits of one gateway."""

    def __init__(self, rng: random.Random, *, most_s: float, first_s: float = FIRST_S) -> None:
        self._rng = rng
        self._most_s = most_s
        self._first_s = first_s
        self._failures = 0

    def succeeded(self, *, first_s: float) -> None:
        """The server answered; after the next loss wait up to `first_s`."""
        self._failures = 0
        self._first_s = first_s

    def next_s(self, retry_after_s: float | None = None) -> float:
        """Return the next wait.

        Args:
            retry_after_s: the server asked for at least so long; `None`: it did not.
        """
        longest_s = min(self._most_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        wait_s = self._rng.uniform(0.0, longest_s)
        return wait_s if retry_after_s is None else retry_after_s + wait_s
