"""The rules of an import of places: every row that breaks one is named, and then none is taken.

Pure. `plan` lays rows over the places that are there and checks the tree that would result, so
that an import also may not break what stands already (docs/places.md, "Rules").
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import ClassVar, Final

from telehealth.errors import TelehealthError
from telehealth.people.places_tree import EARLIEST, LEVELS, RANK, Key, Node, span

MAX_NAME: Final = 200
MAX_KIND: Final = 40
_CODE: Final = re.compile(r"[^\W_][\w./-]{0,63}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Ref:
    """A place named by its code, and by its level where the code alone is not enough."""

    code: str
    level: str = ""

    def __str__(self) -> str:
        return f"{self.level}:{self.code}" if self.level else self.code


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A place as a file or a source names it, unchecked."""

    code: str
    name: str
    level: str
    kind: str = ""
    parent: Ref | None = None
    valid_from: str = EARLIEST
    valid_to: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    line: int = 0

    @property
    def key(self) -> Key:
        """What names it."""
        return self.level, self.code, self.valid_from


@dataclass(frozen=True, slots=True)
class SuccessorRow:
    """One of the places that took over what a place of the same import or an older one was."""

    place: Key
    successor: Ref
    is_default: bool
    line: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps an import from being taken."""

    line: int
    """Of the file, from 1; the feature's number in GeoJSON; 0 for the file itself."""
    field: str
    limit: str
    value: str

    def __str__(self) -> str:
        shown = self.value if len(self.value) <= _SHOWN else self.value[:_SHOWN] + "…"
        return f"line {self.line}: {self.field}: {self.limit}, got {shown!r}"


class PlacesRefusedError(TelehealthError):
    """A source with problems: nothing of it was taken."""

    code: ClassVar[str] = "refused"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"nothing imported, {len(problems)} problem(s):{lines}")


Successors = tuple[tuple[str, bool], ...]
"""(place, whether it is the default) of each successor."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import means for the tree: rows with their places, parents before children."""

    rows: tuple[tuple[PlaceRow, Node], ...]
    successors: dict[str, Successors]
    """Of each place whose successors the import names; they take the place of the old ones."""


def new_id(key: Key) -> str:
    """Return the id of a new place: the same on every server that imports the same row."""
    return "pl-" + hashlib.sha256("\n".join(key).encode()).hexdigest()[:20]


def plan(
    rows: Sequence[PlaceRow],
    successors: Sequence[SuccessorRow],
    known: Iterable[Node] = (),
    known_successors: Mapping[str, Successors] | None = None,
    found: Sequence[Problem] = (),
) -> Plan:
    """Check an import against the places that are there.

    Args:
        rows: a place of the same level, code and first day takes the place of the known one.
        successors: all those of the places they are named for; others keep theirs.
        known: every place that is there.
        known_successors: theirs.
        found: problems that reading the file had.

    Raises:
        PlacesRefusedError: every problem of the import, by line.
    """
    check = _Check(known)
    check.problems += found
    check.take(rows)
    check.dates()
    check.cycles()
    named = check.successors(successors)
    check.kept_successors({**(known_successors or {}), **named})
    if check.problems:
        raise PlacesRefusedError(check.problems)
    depths = check.depths()
    placed = [(row, check.nodes[row.key]) for row in rows]
    placed.sort(key=lambda one: depths[one[1].place_id])
    return Plan(tuple(placed), named)


class _Check:
    """The tree that would result, and what is wrong with it."""

    def __init__(self, known: Iterable[Node]) -> None:
        self.nodes: dict[Key, Node] = {node.key: node for node in known}
        self.lines: dict[Key, int] = {}
        self.problems: list[Problem] = []
        self._by_code: defaultdict[str, list[Node]] = defaultdict(list)
        self._by_id: dict[str, Node] = {}

    def add(self, line: int, field: str, limit: str, value: object) -> None:
        self.problems.append(Problem(line, field, limit, str(value)))

    def take(self, rows: Sequence[PlaceRow]) -> None:
        """Lay the rows over what is known, then find their parents."""
        good = [row for row in rows if self._fields(row) and self._is_first(row)]
        for row in good:
            known = self.nodes.get(row.key)
            place_id = known.place_id if known else new_id(row.key)
            level, code, valid_from = row.key
            self.nodes[row.key] = Node(place_id, level, code, valid_from, row.valid_to)
        for node in self.nodes.values():
            self._by_code[node.code].append(node)
        for row in good:
            node = self.nodes[row.key]
            parent = self._parent(row) if row.parent else None
            self.nodes[row.key] = Node(
                node.place_id, *row.key, row.valid_to, parent.place_id if parent else None
            )
        self._by_code.clear()
        for node in self.nodes.values():
            self._by_code[node.code].append(node)
            self._by_id[node.place_id] = node

    def _is_first(self, row: PlaceRow) -> bool:
        if row.key not in self.lines:
            self.lines[row.key] = row.line
            return True
        limit = f"once with its level and first day, as on line {self.lines[row.key]}"
        self.add(row.line, "code", limit, row.code)
        return False

    def _fields(self, row: PlaceRow) -> bool:
        before = len(self.problems)
        if not _CODE.fullmatch(row.code):
            self.add(row.line, "code", "1 to 64 letters, digits, . / _ -", row.code)
        if not row.name.strip() or len(row.name) > MAX_NAME or not row.name.isprintable():
            self.add(row.line, "name", f"1 to {MAX_NAME} printable characters", row.name)
        if len(row.kind) > MAX_KIND or not row.kind.isprintable():
            self.add(row.line, "kind", f"at most {MAX_KIND} printable characters", row.kind)
        if row.level not in RANK:
            self.add(row.line, "level", f"one of {', '.join(LEVELS)}", row.level)
        self._days(row)
        degrees = (("latitude", row.latitude, 90), ("longitude", row.longitude, 180))
        for field, value, limit in degrees:
            if value is not None and not -limit <= value <= limit:
                self.add(row.line, field, f"-{limit} to {limit} degrees", value)
        if (row.latitude is None) != (row.longitude is None):
            self.add(row.line, "latitude", "with a longitude, or neither", row.latitude)
        return len(self.problems) == before

    def _days(self, row: PlaceRow) -> None:
        days = {"valid_from": row.valid_from} | ({"valid_to": row.valid_to} if row.valid_to else {})
        wrong = [field for field, value in days.items() if not is_day(value)]
        for field in wrong:
            self.add(row.line, field, "a day as YYYY-MM-DD", days[field])
        if not wrong and row.valid_to is not None and row.valid_to <= row.valid_from:
            self.add(row.line, "valid_to", f"after valid_from {row.valid_from}", row.valid_to)

    def _candidates(self, ref: Ref, level: str) -> list[Node]:
        """Return the places that a parent's name may mean; larger ones before the same level."""
        found = [
            node for node in self._by_code.get(ref.code, ()) if RANK[node.level] <= RANK[level]
        ]
        if ref.level:
            return [node for node in found if node.level == ref.level]
        return [node for node in found if node.level != level] or found

    def _parent(self, row: PlaceRow) -> Node | None:
        ref = row.parent
        candidates = self._candidates(ref, row.level) if ref else []
        if not candidates:
            self.add(row.line, "parent_code", "a known place of a larger or the same level", ref)
            return None
        there = [node for node in candidates if node.covers(row.valid_from, row.valid_to)]
        if not there:
            spans = ", ".join(span(node.valid_from, node.valid_to) for node in candidates)
            limit = f"there during {span(row.valid_from, row.valid_to)}"
            self.add(row.line, "parent_code", limit, f"{ref} {spans}")
            return None
        if len(there) > 1:
            levels = ", ".join(f"{node.level}:{node.code}" for node in there)
            self.add(row.line, "parent_code", "one place, named as level:code", levels)
            return None
        return there[0]

    def _line_of(self, *nodes: Node) -> int:
        return max(self.lines.get(node.key, 0) for node in nodes)

    def dates(self) -> None:
        """One place a level and code at a time; and no parent that ends before its child."""
        spans: defaultdict[tuple[str, str], list[Node]] = defaultdict(list)
        for node in self.nodes.values():
            spans[node.level, node.code].append(node)
        for group in spans.values():
            group.sort(key=lambda node: node.valid_from)
            for earlier, later in pairwise(group):
                if earlier.valid_to is None or earlier.valid_to > later.valid_from:
                    taken = span(earlier.valid_from, earlier.valid_to)
                    limit = f"not there twice at a time: {earlier.level} {earlier.code} is {taken}"
                    self.add(self._line_of(earlier, later), "valid_from", limit,
                             span(later.valid_from, later.valid_to))  # fmt: skip
        for node in self.nodes.values():
            parent = self._by_id.get(node.parent_id or "")
            if parent is not None and not parent.covers(node.valid_from, node.valid_to):
                limit = (
                    f"around its {node.level} {node.code} {span(node.valid_from, node.valid_to)}"
                )
                self.add(self._line_of(node, parent), "valid_to", limit,
                         span(parent.valid_from, parent.valid_to))  # fmt: skip

    def cycles(self) -> None:
        """Name each cycle once, and cut it so that the rest can be checked."""
        done: set[str] = set()
        for start in list(self._by_id.values()):
            path: list[Node] = []
            on_path: set[str] = set()
            at: Node | None = start
            while at is not None and at.place_id not in done and at.place_id not in on_path:
                path.append(at)
                on_path.add(at.place_id)
                at = self._by_id.get(at.parent_id or "")
            if at is not None and at.place_id in on_path:
                ring = path[[node.place_id for node in path].index(at.place_id) :]
                shown = " in ".join(node.code for node in (*ring, ring[0]))
                self.add(min(self._line_of(node) or 1 for node in ring), "parent_code",
                         "no place inside itself", shown)  # fmt: skip
            done |= on_path

    def depths(self) -> dict[str, int]:
        """Return how many parents each place has; only after `cycles` found none."""
        found: dict[str, int] = {}
        for place_id in self._by_id:
            path: list[str] = []
            at: str | None = place_id
            while at is not None and at not in found:
                path.append(at)
                at = self._by_id[at].parent_id if at in self._by_id else None
            depth = found[at] if at is not None else -1
            for one in reversed(path):
                depth += 1
                found[one] = depth
        return found

    def successors(self, rows: Sequence[SuccessorRow]) -> dict[str, Successors]:
        """Find the successors that the import names; one of each place is the default."""
        by_place: defaultdict[Key, list[SuccessorRow]] = defaultdict(list)
        for row in rows:
            by_place[row.place].append(row)
        named: dict[str, Successors] = {}
        for key, group in by_place.items():
            place = self.nodes.get(key)
            if place is None:
                if group[0].line not in {problem.line for problem in self.problems}:
                    self.add(group[0].line, "successor_codes", "of a known place", " ".join(key))
                continue
            defaults = sum(row.is_default for row in group)
            if defaults != 1:
                self.add(group[0].line, "successor_codes", "one default among them", defaults)
            found = [(self._successor(place, row), row.is_default) for row in group]
            ids = [node.place_id for node, _ in found if node is not None]
            if len(set(ids)) != len(ids):
                self.add(group[0].line, "successor_codes", "each once",
                         " ".join(str(row.successor) for row in group))  # fmt: skip
            named[place.place_id] = tuple((node.place_id, is_d) for node, is_d in found if node)
        return named

    def _successor(self, place: Node, row: SuccessorRow) -> Node | None:
        ref, end = row.successor, place.valid_to
        if end is None:
            self.add(row.line, "successor_codes", "none while valid_to is empty", ref)
            return None
        known = [node for node in self._by_code.get(ref.code, ()) if ref.level in ("", node.level)]
        there = [node for node in known if node.is_valid(end)]
        if not ref.level:
            there = [node for node in there if node.level == place.level] or there
        if len(there) == 1:
            return there[0]
        if there:
            limit, value = "one place, named as level:code", [f"{n.level}:{n.code}" for n in there]
        elif known:
            limit, value = f"there on {end}", [span(n.valid_from, n.valid_to) for n in known]
        else:
            limit, value = "a known place", []
        self.add(row.line, "successor_codes", limit, " ".join([str(ref), *value]))
        return None

    def kept_successors(self, successors: Mapping[str, Successors]) -> None:
        """Whoever has successors has ended, and they were there on that day."""
        for place_id, following in successors.items():
            place = self._by_id.get(place_id)
            for successor_id, _ in following:
                heir = self._by_id.get(successor_id)
                if place is None or heir is None:
                    continue
                if place.valid_to is None or not heir.is_valid(place.valid_to):
                    limit = f"such that {heir.level} {heir.code} can follow {place.code}"
                    value = f"{place.valid_to or '..'} {span(heir.valid_from, heir.valid_to)}"
                    self.add(self._line_of(place, heir), "valid_to", limit, value)


def is_day(text: str) -> bool:
    """Say whether a text is a day of the calendar as ISO 8601 writes it in full."""
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
