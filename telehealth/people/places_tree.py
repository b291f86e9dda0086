"""A dated tree of places: what lies beneath what, and what became of what (docs/places.md).

Pure. Theory of operation. A place is a row with dates; its parent is there for as long as it is.
A merger ends places and names for each the place that took over, the *default successor*; after a
division the others that took a part stand beside it. From a place one step leads on: to the
default successor when the place has ended and has one, else to the parent. Following the steps
ends at the country and visits nothing twice, since a successor outlives whom it follows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

LEVELS: Final = ("country", "province", "district", "commune", "village", "site")
"""From the largest down; a parent stands before its children, or is of their own level."""
RANK: Final = {level: rank for rank, level in enumerate(LEVELS)}
COUNTRY: Final = LEVELS[0]
EARLIEST: Final = "1900-01-01"
"""The first day of a place whose source knows none."""

Key = tuple[str, str, str]
"""(level, code, first day): what names a place in files; code alone may be used again later."""


@dataclass(frozen=True, slots=True)
class Node:
    """A place as the tree needs it; dates are ISO 8601, so that text order is time order."""

    place_id: str
    level: str
    code: str
    valid_from: str
    valid_to: str | None = None
    """The first day on which it is no more."""
    parent_id: str | None = None

    @property
    def key(self) -> Key:
        """What names it in files."""
        return self.level, self.code, self.valid_from

    def is_valid(self, on: str) -> bool:
        """Say whether it is there on a day."""
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)

    def has_ended(self, on: str) -> bool:
        """Say whether it was there and is no more on a day."""
        return self.valid_to is not None and self.valid_to <= on

    def covers(self, valid_from: str, valid_to: str | None) -> bool:
        """Say whether it is there on every day of a span; `None` is for ever."""
        if self.valid_from > valid_from:
            return False
        return self.valid_to is None or (valid_to is not None and valid_to <= self.valid_to)


class Tree:
    """Places as they hang together on one day."""

    def __init__(self, nodes: Iterable[Node], heirs: Mapping[str, str], on: str) -> None:
        """Take checked nodes: no cycle, and heirs that outlive whom they follow.

        Args:
            nodes: every place that the questions touch, with its parents and successors.
            heirs: default successor of each place that has one.
            on: the day; a merger that is still to come changes nothing yet.
        """
        self._nodes = {node.place_id: node for node in nodes}
        self._heirs = heirs
        self._on = on
        self._ancestors: dict[str, dict[str, int]] = {}

    def chain(self, place_id: str) -> list[Node]:
        """Return the place and its own parents, from itself up, whether or not they have ended."""
        found: list[Node] = []
        at: str | None = place_id
        while at is not None and at in self._nodes:
            found.append(self._nodes[at])
            at = self._nodes[at].parent_id
        return found

    def ancestors(self, place_id: str) -> dict[str, int]:
        """Return whatever the place is beneath with its distance, itself at 0.

        That is its own parents as they were, and what the next place is beneath. The heirs of its
        parents do not count where it has an heir of its own: a commune that went to another
        province than the rest of its district is not beneath the province of the rest.
        """
        steps: list[str] = []
        at: str | None = place_id
        while at is not None and at in self._nodes and at not in self._ancestors:
            steps.append(at)
            at = self._next(at)
        while steps:
            at = steps.pop()
            found = {node.place_id: depth for depth, node in enumerate(self.chain(at))}
            following = self._next(at)
            for above, depth in self._ancestors.get(following or "", {}).items():
                found[above] = min(depth + 1, found.get(above, depth + 1))
            self._ancestors[at] = found
        return self._ancestors.get(place_id, {})

    def branch(self, place_id: str) -> str:
        """Return today's topmost place below the country, that of a country itself."""
        at = place_id
        while (above := self._next(at)) is not None and above in self._nodes:
            if self._nodes[above].level == COUNTRY:
                break
            at = above
        return at

    def _next(self, place_id: str) -> str | None:
        node = self._nodes[place_id]
        heir = self._heirs.get(place_id)
        return heir if heir is not None and node.has_ended(self._on) else node.parent_id


def span(valid_from: str, valid_to: str | None) -> str:
    """Return a span of days as it is shown in messages."""
    return f"{valid_from}/{valid_to or '..'}"
