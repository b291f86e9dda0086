"""Goes through the index of names: the rarest term first, a page at a time, until enough is found.

The engines' planners are not asked to choose: each statement is one range or one set of points of
the primary key, so that its cost is known on both. Work is bounded; whoever typed too little to be
found within the bounds is told that there may be more.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, Final

from telehealth.access.scope import CASE_JOIN, Scope
from telehealth.people.search_reach import Reach
from telehealth.store.database import Reader, Row

DRIVEN_MOST: Final = 8_192
"""Entries of the rarest term that are gone through."""
_PAGES: Final = (64, 512, 2_048)
"""Sizes of the first pages; the last size stays."""
_COUNTED: Final = 2_000
"""Terms are told apart by rarity up to here."""
_SIZES: Final = (1, 2, 8, 32, 128, 512)
"""Numbers of keys for which SQLite's statements stay prepared."""
_FILTERS_MOST: Final = 3
"""Terms looked up beside the rarest; the opened name decides anyway."""

Group = tuple[bytes, ...]
"""One term under every index key: an entry under any of them counts."""
Accept = Callable[[Row], bool]
Carried = Mapping[str, Set[bytes]]
"""Under which tokens, of those asked about, each person stands."""


@dataclass(slots=True)
class Gathered:
    """What was found, and whether that is all."""

    rows: list[Row] = field(default_factory=list)
    """`person_id, personal, sex, place_id` each."""
    complete: bool = True


def gather(
    reader: Reader,
    scope: Scope,
    reach: Reach,
    few: Carried,
    groups: Sequence[Group],
    accept: Accept,
    want: int,
    *,
    look_at: int,
) -> Gathered:
    """Return up to `want` people of the scope who stand under every group and are accepted.

    Args:
        reader: the transaction.
        scope: whom the searcher may find.
        reach: where those can be.
        few: the tokens of those of the reach who are gone through one by one.
        groups: at least one.
        accept: decides on a row; it opens the name.
        want: how many at most.
        look_at: rows of the scope that `accept` is asked about at most.
    """
    found = Gathered()
    driven = _Driven(reader, reach, few, groups)
    for person_ids in _gathered(driven.pages()):
        for row in in_scope(reader, scope, person_ids):
            look_at -= 1
            if accept(row):
                found.rows.append(row)
            if len(found.rows) >= want or look_at <= 0:
                found.complete = False
                return found
    found.complete = not driven.is_cut
    return found


def _gathered(pages: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield each person once, in pages that are worth a statement."""
    seen: set[str] = set()
    waiting: list[str] = []
    for page in pages:
        waiting += [person_id for person_id in dict.fromkeys(page) if person_id not in seen]
        seen.update(waiting)
        if len(waiting) >= _PAGES[0]:
            yield waiting
            waiting = []
    yield waiting


def carried(
    reader: Reader, person_ids: Sequence[str], tokens: Collection[bytes]
) -> dict[str, set[bytes]]:
    """Return under which of some tokens each of some people stands; who under none is missing.

    The token stands in an expression, so that neither SQLite, which has no statistics, nor a
    prepared plan of PostgreSQL reads the whole range of a common token instead of the few entries
    of each person.
    """
    expression = "+token" if reader.is_sqlite else "(token || ''::bytea)"
    marks = ", ".join("?" * len(tokens))
    found: defaultdict[str, set[bytes]] = defaultdict(set)
    for person_id, token in points(
        reader,
        f"SELECT person_id, token FROM person_token WHERE {expression} IN ({marks})"  # noqa: S608
        " AND person_id IN (…)",
        person_ids,
        list(tokens),
    ):
        found[person_id].add(bytes(token))
    return found


def in_scope(reader: Reader, scope: Scope, person_ids: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of those whom the scope holds, some hundred at a time.

    SQLite, which has no statistics, is told to go by the key: that a record is merged into none
    looks rare to it and is true of nearly everybody.
    """
    condition, values = scope.condition()
    by_key = " INDEXED BY sqlite_autoindex_person_1" if reader.is_sqlite else ""
    sql = (
        f"SELECT p.person_id, p.personal, p.sex, p.place_id FROM person p{by_key}"  # noqa: S608
        f" {CASE_JOIN} WHERE p.erased_ms IS NULL AND {condition} AND p.person_id IN (…)"
    )
    for at in range(0, len(person_ids), _PAGES[1]):
        yield from points(reader, sql, person_ids[at : at + _PAGES[1]], values)


@dataclass(frozen=True, slots=True)
class _Range:
    """The entries of one token, in one bucket or in all."""

    reader: Reader
    token: bytes
    bucket: str | None

    def count(self) -> int:
        """Count the entries up to a bound."""
        where = "token = ?" if self.bucket is None else "token = ? AND bucket = ?"
        params = (self.token,) if self.bucket is None else (self.token, self.bucket)
        sql = f"SELECT count(*) FROM (SELECT 1 FROM person_token WHERE {where} LIMIT ?) AS counted"  # noqa: S608
        return int(self.reader.rows(sql, (*params, _COUNTED))[0][0])

    def page(self, after: Row, limit: int, others: Sequence[Group]) -> tuple[list[str], Row | None]:
        """Go through the next entries after one, in the order of the key.

        Returns:
            Those who stand under each of the other groups too, and the last entry that was gone
            through; None: there are no more.
        """
        entries, params = self._entries(after)
        held = "".join(_HELD.format(marks=", ".join("?" * len(group))) for group in others)
        by_key = " INDEXED BY sqlite_autoindex_person_token_1" if self.reader.is_sqlite else ""
        found = self.reader.rows(
            f"SELECT k.person_id FROM ({entries} LIMIT ?) AS k"  # noqa: S608 - ours
            f" WHERE 1 = 1{held.replace(' t WHERE', f' t{by_key} WHERE')}",
            (*params, limit, *(token for group in others for token in group)),
        )
        last = self.reader.rows(f"{entries} LIMIT 1 OFFSET ?", (*params, limit - 1))
        return [row[0] for row in found], last[0] if last else None

    def _entries(self, after: Row) -> tuple[str, Row]:
        bucket, person_id = after
        if self.bucket is None:
            return _ENTRIES_OF_ALL, (self.token, bucket, person_id)
        return _ENTRIES_OF_ONE, (self.token, self.bucket, person_id)


_ENTRIES_OF_ALL: Final = (
    "SELECT bucket, person_id FROM person_token WHERE token = ? AND (bucket, person_id) > (?, ?)"
    " ORDER BY bucket, person_id"
)
_ENTRIES_OF_ONE: Final = (
    "SELECT bucket, person_id FROM person_token WHERE token = ? AND bucket = ? AND person_id > ?"
    " ORDER BY person_id"
)
_HELD: Final = (
    " AND (SELECT 1 FROM person_token t WHERE t.token IN ({marks}) AND t.bucket = k.bucket"
    " AND t.person_id = k.person_id LIMIT 1) = 1"
)
"""A subquery that gives a value is looked up entry by entry, whatever the statistics are."""


def points(
    reader: Reader, sql: str, person_ids: Sequence[str], params: Sequence[Any] = ()
) -> list[Row]:
    """Run SQL with `IN (…)` over people; on SQLite in one statement where 512 or fewer are asked.

    A number of keys that is no size of the prepared statements would be cut into up to six: the
    last key is asked for again instead, which finds nobody twice.
    """
    keys = list(person_ids)
    size = next((size for size in _SIZES if len(keys) <= size), len(keys))
    if reader.is_sqlite and keys:
        keys += keys[-1:] * (size - len(keys))
    return reader.rows_in(sql, keys, params)


class _Driven:
    """The people who stand under every group, page by page, led by the rarest group."""

    def __init__(self, reader: Reader, reach: Reach, few: Carried, groups: Sequence[Group]) -> None:
        self._reader = reader
        self._reach = reach
        self._few = few
        self._groups = list(groups)
        self.is_cut = False
        """Whether there were more entries than are gone through."""

    def pages(self) -> Iterator[list[str]]:
        """Yield the people, nobody knows yet whether of the scope."""
        yield [
            person_id
            for person_id, held in self._few.items()
            if all(not held.isdisjoint(group) for group in self._groups)
        ]
        if self._reach.buckets == ():
            return
        counted = sorted((self._count(group), group) for group in self._groups)
        if counted[0][0] == 0:
            return
        driver, *others = (group for _, group in counted)
        yield from self._gone_through(driver, others[:_FILTERS_MOST])

    def _ranges(self, group: Group) -> list[_Range]:
        buckets = (None,) if self._reach.buckets is None else self._reach.buckets
        return [_Range(self._reader, token, bucket) for token in group for bucket in buckets]

    def _count(self, group: Group) -> int:
        return sum(ranged.count() for ranged in self._ranges(group))

    def _gone_through(self, driver: Group, others: Sequence[Group]) -> Iterator[list[str]]:
        """Go through the entries of the driving group, in growing pages, up to the bound."""
        left, sizes = DRIVEN_MOST, chain(_PAGES, repeat(_PAGES[-1]))
        for ranged in self._ranges(driver):
            after: Row | None = ("", "")
            while after is not None:
                if left <= 0:
                    self.is_cut = True
                    return
                limit = min(next(sizes), left)
                found, after = ranged.page(after, limit, others)
                left -= limit
                yield found
