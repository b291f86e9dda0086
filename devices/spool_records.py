"""Readings out of a device's memory: each is kept once, and it is known whether the server has it.

A device's memory is wiped only when the server has acknowledged all that was in it; until then it
may be read out again and again (docs/gateway.md, "A device with a memory").
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from devices.parcels import Content, Parcel
from protocols.uplink import StreamName, WireReading, content_key, to_reading

EMPTY: Final = Content()
KEPT_MS: Final = 400 * 24 * 3_600_000
"""A device may keep a record for a year after the server had it."""


def records_in(parcel: Parcel) -> list[WireReading]:
    """Return the readings of a parcel that a device numbered or dated in its memory."""
    content = parcel.content
    return [
        reading
        for reading in (*(reading for _, reading in content.readings), *content.dated)
        if reading.kind == "stored" and reading.record is not None
    ]


def without_known(
    db: sqlite3.Connection, parcel: Parcel, records: Sequence[WireReading]
) -> tuple[Content, list[bytes]]:
    """Return what of a parcel is new, and the keys of its new records."""
    keys: dict[bytes, WireReading] = {}
    for reading in records:
        keys.setdefault(content_key(to_reading(reading, parcel.device)), reading)
    for key in list(keys):
        known = db.execute(
            "SELECT 1 FROM record WHERE device = ? AND key = ?", (parcel.device, key)
        ).fetchone()
        if known is not None:
            del keys[key]
    new = {id(reading) for reading in keys.values()}
    old = {id(reading) for reading in records} - new
    content = msgspec.structs.replace(
        parcel.content,
        readings=[entry for entry in parcel.content.readings if id(entry[1]) not in old],
        dated=[reading for reading in parcel.content.dated if id(reading) not in old],
    )
    return content, list(keys)


def remember(
    db: sqlite3.Connection, device: str, keys: Sequence[bytes], entry_id: int | None
) -> None:
    """Note in which entry records wait."""
    db.executemany(
        "INSERT INTO record (device, key, entry_id) VALUES (?, ?, ?)",
        [(device, key, entry_id) for key in keys],
    )


def acknowledge_records(db: sqlite3.Connection, stream: StreamName, seq: int, at_ms: int) -> None:
    """The server has the records of every entry up to this number."""
    db.execute(
        "UPDATE record SET acked_ms = ? WHERE acked_ms IS NULL AND entry_id IN"
        " (SELECT entry_id FROM entry WHERE stream = ? AND seq <= ?)",
        (at_ms, stream, seq),
    )


def owed_records(db: sqlite3.Connection, device: str) -> int:
    """Count the records of a device that the server has not acknowledged."""
    (count,) = db.execute(
        "SELECT count(*) FROM record WHERE device = ? AND acked_ms IS NULL", (device,)
    ).fetchone()
    return int(count)


def forget_records(db: sqlite3.Connection, now_ms: int) -> None:
    """Forget the records that the server has had for long."""
    db.execute("DELETE FROM record WHERE acked_ms < ?", (now_ms - KEPT_MS,))
