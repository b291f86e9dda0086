"""Places in the database: imports laid over what is there, and the closure that roles reach by.

Writes only through `places_check.plan`; what it refuses is not written. The closure is computed
in memory (`places_tree`) and only its differences are written.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Final

from telehealth.people.names import fold
from telehealth.people.places_check import PlaceRow, Problem, SuccessorRow, Successors, plan
from telehealth.people.places_tree import Node, Tree
from telehealth.store.database import Reader, Row, Transaction

VIETNAM: Final = timezone(timedelta(hours=7))
"""Days begin here; Vietnam has had UTC+7 without summer time since 1975 (tz database)."""
_COLUMNS: Final = (
    "code", "name", "folded", "level", "kind", "parent_id", "valid_from", "valid_to",
    "latitude", "longitude", "source",
)  # fmt: skip
_NODES: Final = "SELECT place_id, level, code, valid_from, valid_to, parent_id FROM place"
_SUCCESSORS: Final = (
    "SELECT place_id, successor_id, is_default FROM place_successor"
    " ORDER BY place_id, is_default DESC, successor_id"
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What an import did."""

    added: int
    changed: int
    unchanged: int
    successors: int
    """Lines of succession that were not there before."""


def day_in_vietnam(at: datetime) -> date:
    """Return the day of the calendar in Vietnam at an instant."""
    return at.astimezone(VIETNAM).date()


def nodes(reader: Reader) -> list[Node]:
    """Return every place as the tree needs it."""
    return [Node(*row) for row in reader.rows(_NODES)]


def successors(reader: Reader) -> dict[str, Successors]:
    """Return the successors of each place that has any, the default first."""
    found: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
    for place_id, successor_id, is_default in reader.rows(_SUCCESSORS):
        found[place_id].append((successor_id, bool(is_default)))
    return {place_id: tuple(following) for place_id, following in found.items()}


def add_places(
    tx: Transaction,
    rows: Sequence[PlaceRow],
    following: Sequence[SuccessorRow] = (),
    *,
    source: str = "",
    found: Sequence[Problem] = (),
) -> Counts:
    """Lay an import over the places that are there, and bring the closure up to date.

    A row of the same level, code and first day changes the place; the same import again changes
    nothing. Places that the import does not name stay. Successors are replaced for the places
    that the import names any for.

    Args:
        tx: the transaction.
        rows: unchecked, in any order; parents may be known from before.
        following: which places took over.
        source: what the places are said to come from.
        found: problems that reading the source had; any refuses the import.

    Raises:
        PlacesRefusedError: with every problem; nothing was written.
    """
    before = successors(tx)
    done = plan(rows, following, nodes(tx), before, found)
    there = {row[0]: row[1:] for row in tx.rows(_WHOLE)}
    new: list[Row] = []
    changed: list[Row] = []
    for row, node in done.rows:
        old = there.get(node.place_id)
        values = _values(row, node, source, old[8:10] if old else (None, None))
        if old is None:
            new.append((node.place_id, *values))
        elif old != values:
            changed.append((*values, node.place_id))
    tx.insert("place", ("place_id", *_COLUMNS), new)
    tx.update("place", "place_id", _COLUMNS, changed)
    fresh = _keep_successors(tx, before, done.successors)
    rebuild_closure(tx)
    return Counts(len(new), len(changed), len(rows) - len(new) - len(changed), fresh)


_WHOLE: Final = f"SELECT place_id, {', '.join(_COLUMNS)} FROM place"  # noqa: S608 - our own names


def _values(row: PlaceRow, node: Node, source: str, old_centre: Row) -> Row:
    """Return the columns; a row without coordinates leaves those that were known."""
    centre = old_centre if row.latitude is None else (row.latitude, row.longitude)
    return (
        row.code, row.name, fold(row.name), row.level, row.kind, node.parent_id, row.valid_from,
        row.valid_to, *centre, source,
    )  # fmt: skip


def _keep_successors(
    tx: Transaction, before: dict[str, Successors], named: dict[str, Successors]
) -> int:
    """Replace the successors of the places named, where they differ; returns the new lines."""
    differing = {
        place_id: new
        for place_id, new in named.items()
        if set(before.get(place_id, ())) != set(new)
    }
    _delete(tx, "place_successor", list(differing))
    lines = [
        (place_id, successor_id, is_default)
        for place_id, following in differing.items()
        for successor_id, is_default in following
    ]
    tx.insert("place_successor", ("place_id", "successor_id", "is_default"), lines)
    return len({line[:2] for line in lines} - {(p, s) for p in before for s, _ in before[p]})


def _delete(tx: Transaction, table: str, place_ids: Sequence[str]) -> None:
    """Delete the rows of these places."""
    tx.rows_in(f"DELETE FROM {table} WHERE place_id IN (…) RETURNING 1", place_ids)  # noqa: S608


def rebuild_closure(tx: Transaction, on: date | None = None) -> int:
    """Bring `place_ancestor` to what the places say on a day; returns the places that differed.

    Args:
        tx: the transaction.
        on: the day that decides which places have ended; today by the database's clock.
    """
    day = (on or day_in_vietnam(tx.now)).isoformat()
    there: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for place_id, ancestor_id, depth in tx.rows(
        "SELECT place_id, ancestor_id, depth FROM place_ancestor"
    ):
        there[place_id][ancestor_id] = depth
    found = nodes(tx)
    tree = Tree(found, heirs(successors(tx)), day)
    wanted = {node.place_id: tree.ancestors(node.place_id) for node in found}
    differing = [place_id for place_id, above in wanted.items() if there[place_id] != above]
    _delete(tx, "place_ancestor", [place_id for place_id in differing if there[place_id]])
    rows = [(p, above, depth) for p in differing for above, depth in wanted[p].items()]
    tx.insert("place_ancestor", ("place_id", "ancestor_id", "depth"), rows)
    return len(differing)


def closure_is_due(reader: Reader, on: date) -> bool:
    """Say whether a merger has come of age since the closure was computed."""
    return bool(
        reader.rows(
            "SELECT 1 FROM place p JOIN place_successor s ON s.place_id = p.place_id"
            " WHERE p.valid_to <= ? AND s.is_default AND NOT EXISTS (SELECT 1 FROM place_ancestor a"
            " WHERE a.place_id = p.place_id AND a.ancestor_id = s.successor_id) LIMIT 1",
            (on.isoformat(),),
        )
    )


def heirs(following: dict[str, Successors]) -> dict[str, str]:
    """Return the default successor of each place that has one."""
    return {
        place_id: successor_id
        for place_id, group in following.items()
        for successor_id, is_default in group
        if is_default
    }
