"""When a boot was: rows keep boot, monotonic and wall time, and a boot is dated once it can be.

A boot is dated by the first contact with the server in it, or by its first synchronised row
(docs/gateway.md, "A gateway without a clock").
"""

import sqlite3
from collections.abc import Iterable, Sequence

from devices.clock import Moment
from devices.parcels import Parcel


def see_boot(db: sqlite3.Connection, moment: Moment) -> None:
    """Note that a boot was there, and when it was seen last; a synchronised one dates itself."""
    anchor_ms = moment.wall_ms - moment.monotonic_ms if moment.synchronised else None
    db.execute(
        "INSERT INTO boot (boot_id, anchor_ms, last_ms) VALUES (?, ?, ?)"
        " ON CONFLICT (boot_id) DO UPDATE SET last_ms = max(last_ms, excluded.last_ms),"
        " anchor_ms = coalesce(anchor_ms, excluded.anchor_ms)",
        (moment.boot_id, anchor_ms, moment.monotonic_ms),
    )


def anchor(db: sqlite3.Connection, boot_id: str) -> tuple[int | None, bool]:
    """Return the date of a boot's monotonic zero, and whether it is a guess.

    A boot that nobody dated ended, at the latest, when the next one began: that is the guess,
    carried backwards over any number of such boots. `None`: no later boot is dated either.
    """
    boots = db.execute(
        "SELECT anchor_ms, last_ms FROM boot WHERE boot_no >="
        " (SELECT boot_no FROM boot WHERE boot_id = ?) ORDER BY boot_no",
        (boot_id,),
    )
    undated_ms = 0
    guessed = False
    for anchor_ms, last_ms in boots:
        if anchor_ms is not None:
            return anchor_ms - undated_ms, guessed
        undated_ms += last_ms
        guessed = True
    return None, True


def date_of_now(db: sqlite3.Connection, now: Moment) -> int:
    """Return what time it is, by this boot's date where it has one."""
    anchor_ms, _ = anchor(db, now.boot_id)
    return now.wall_ms if anchor_ms is None else anchor_ms + now.monotonic_ms


def latest_of_each_boot(parcels: Sequence[Parcel]) -> Iterable[Moment]:
    """Return the last moment of each boot among these parcels."""
    latest: dict[str, Moment] = {}
    for parcel in parcels:
        known = latest.get(parcel.start.boot_id)
        if known is None or parcel.start.monotonic_ms > known.monotonic_ms:
            latest[parcel.start.boot_id] = parcel.start
    return latest.values()
