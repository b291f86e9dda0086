"""What `telehealth places …` does: each opens the database, acts in one transaction and closes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Final

from telehealth import clock
from telehealth.errors import RefusedError
from telehealth.people import places
from telehealth.people.places_import import Imported, read_source, store
from telehealth.people.places_store import day_in_vietnam
from telehealth.settings import Settings
from telehealth.store import migrate
from telehealth.store.database import Database, Reader

_SHOWN: Final = 50


async def import_places(settings: Settings, source: str, *, old: bool = False) -> Imported:
    """Import places or boundaries; the file is read before the database is touched."""
    read = read_source(source, old=old)
    async with _opened(settings) as database:
        return await database.write(lambda tx: store(tx, read))


async def find(settings: Settings, text: str) -> list[str]:
    """Return a line for each place that answers the text, and for a past one what it is today."""
    today = day_in_vietnam(clock.now())

    def look(reader: Reader) -> list[str]:
        return _lines(reader, places.find_places(reader, text, limit=_SHOWN), today)

    async with _opened(settings) as database:
        return await database.read(look)


async def list_beneath(settings: Settings, code: str) -> list[str]:
    """Return a line for each place directly beneath one, or for the topmost ones.

    Raises:
        RefusedError: no place, or several, of this code are there today.
    """
    today = day_in_vietnam(clock.now())

    def look(reader: Reader) -> list[str]:
        above = _by_code(reader, code, today) if code else None
        return _lines(reader, places.children(reader, above, today), today)

    async with _opened(settings) as database:
        return await database.read(look)


def _by_code(reader: Reader, code: str, today: date) -> str:
    level, _, bare = code.rpartition(":")
    found = [
        one
        for one in places.find_places(reader, bare, on=today, limit=places.MAX_FOUND)
        if one.code == bare and level in ("", one.level)
    ]
    if len(found) != 1:
        names = ", ".join(f"{one.level}:{one.code}" for one in found) or "none"
        raise RefusedError("CODE", "the code, or level:code, of one place of today", names)
    return found[0].place_id


def _lines(reader: Reader, found: Sequence[places.Place], today: date) -> list[str]:
    heirs = {
        one.place_id: [] if one.is_valid(today) else places.today_of(reader, one.place_id, today)
        for one in found
    }
    everyone = [*found, *(heir for group in heirs.values() for heir in group)]
    paths = places.path_names(reader, [one.place_id for one in everyone])
    lines = []
    for one in found:
        lines.append(f"{one.level}:{one.code}\t{paths[one.place_id]}\t{_span(one)}")
        lines += [f"\t→ {paths[heir.place_id]}" for heir in heirs[one.place_id]]
    return lines


def _span(one: places.Place) -> str:
    return f"{one.valid_from}/{one.valid_to or '..'}"


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    """Open the database without its keys: nothing of a place is sealed."""
    await migrate.upgrade(settings.database)
    database = Database(settings.database)
    try:
        yield database
    finally:
        await database.close()
