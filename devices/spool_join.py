"""Joining parcels that wait for the backlog, so that a month without a network needs little room.

Neighbours of one device and boot become one parcel of up to ten minutes: one row and one deflated
block instead of sixty. What has a number is never touched, nor what is young. One transaction holds
what goes and what comes, so a power cut in between loses and doubles nothing.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from devices.clock import Moment
from devices.parcels import (
    LONGEST_JOIN_MS,
    WELL,
    Content,
    decode_content,
    encode_content,
    fits,
    join,
)
from devices.spool_file import ROW_BYTES, minutes_in
from protocols.errors import DecodeError

JOIN_AFTER_MS: Final = 15 * 60_000
"""A parcel is joined with its neighbours when it has waited for so long."""
LEFT_MS: Final = 3 * 60_000
"""What is younger is left alone: it may yet go by `live`."""
_AT_ONCE: Final = 400
_CLOCK_STEP_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Row:
    entry_id: int
    monotonic_ms: int
    wall_ms: int
    synchronised: int
    octets: int
    content: Content

    def goes_with(self, first: "_Row") -> bool:
        """Say whether it can be counted from the start of another: no clock step in between."""
        later_ms = self.monotonic_ms - first.monotonic_ms
        step_ms = self.wall_ms - first.wall_ms - later_ms
        return (
            self.synchronised == first.synchronised
            and abs(step_ms) <= _CLOCK_STEP_MS
            and 0 <= later_ms <= LONGEST_JOIN_MS // 2
        )


def join_oldest(
    db: sqlite3.Connection, now: Moment, set_aside: Callable[[int], None]
) -> int | None:
    """Join parcels of the device that waits longest; return by how much the spool grew.

    `None`: nothing waits long enough.
    """
    oldest = db.execute(
        "SELECT device, boot_id FROM entry WHERE seq IS NULL AND joined = 0"
        " AND NOT (boot_id = ? AND monotonic_ms >= ?) ORDER BY entry_id LIMIT 1",
        (now.boot_id, now.monotonic_ms - JOIN_AFTER_MS),
    ).fetchone()
    if oldest is None:
        return None
    groups = _groups(_rows(db, oldest, now, set_aside))
    # The last one may still grow.
    return sum(_join(db, group) for group in (groups[:-1] or groups))


def _rows(
    db: sqlite3.Connection,
    whose: tuple[str, str],
    now: Moment,
    set_aside: Callable[[int], None],
) -> list[_Row]:
    found = db.execute(
        "SELECT entry_id, monotonic_ms, wall_ms, synchronised, content FROM entry"
        " WHERE seq IS NULL AND joined = 0 AND device = ? AND boot_id = ?"
        " AND NOT (boot_id = ? AND monotonic_ms >= ?) ORDER BY entry_id LIMIT ?",
        (*whose, now.boot_id, now.monotonic_ms - LEFT_MS, _AT_ONCE),
    ).fetchall()
    rows = []
    for entry_id, monotonic_ms, wall_ms, synchronised, data in found:
        try:
            content = decode_content(data)
        except DecodeError:
            set_aside(entry_id)
            continue
        rows.append(_Row(entry_id, monotonic_ms, wall_ms, synchronised, len(data), content))
    return rows


def _groups(rows: Sequence[_Row]) -> list[list[_Row]]:
    groups: list[list[_Row]] = []
    for row in rows:
        together = [*groups[-1], row] if groups else []
        if together and row.goes_with(together[0]) and fits([r.content for r in together]):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _join(db: sqlite3.Connection, group: Sequence[_Row]) -> int:
    first = group[0]
    content = join([(row.monotonic_ms - first.monotonic_ms, row.content) for row in group])
    data = encode_content(content, WELL)
    db.execute(
        "UPDATE entry SET content = ?, samples = ?, minutes = ?, joined = 1 WHERE entry_id = ?",
        (data, len(content.samples), minutes_in(content), first.entry_id),
    )
    gone = [(row.entry_id,) for row in group[1:]]
    db.executemany(
        "UPDATE record SET entry_id = ? WHERE entry_id = ?",
        [(first.entry_id, entry_id) for (entry_id,) in gone],
    )
    db.executemany("DELETE FROM entry WHERE entry_id = ?", gone)
    return len(data) - sum(row.octets for row in group) - ROW_BYTES * len(gone)
