"""`telehealth bench people`: how long a search of one person among a country takes.

Each round searches every kind of text as every kind of searcher, in random order, in reading
transactions of their own, as a page does. Whoever is looked for must be found, or the run fails.
"""

import argparse
import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from benchmarks import figures
from benchmarks.databases import Databases, folder_in
from benchmarks.figures import Baseline, CannotMeasureError, Figure, percentile
from benchmarks.people_names import RARE_FAMILY
from benchmarks.people_population import Country, Somebody, fill, new_vault
from protocols.errors import TelehealthError
from telehealth.access.policy import Action, Actor, Role
from telehealth.access.scope import Scope
from telehealth.people import search
from telehealth.people.names import fold
from telehealth.people.search import Found
from telehealth.store.database import Database, Reader

_DRAWN: Final = 3_000
_TYPED: Final = 2
"""Letters of a given name that were typed so far."""


def _whole(one: Somebody) -> str:
    return fold(one.name)


def _turned(one: Somebody) -> str:
    return " ".join(reversed(fold(one.name).split()))


def _two_words(one: Somebody) -> str:
    found = fold(one.name).split()
    return f"{found[0]} {found[-1]}"


def _family_and_beginning(one: Somebody) -> str:
    found = fold(one.name).split()
    return f"{found[0]} {found[-1][:_TYPED]}"


def _beginning_of_all(one: Somebody) -> str:
    found = fold(one.name).split()
    return " ".join((*found[:-1], found[-1][:_TYPED]))


KINDS: Final[Mapping[str, Callable[[Somebody], str]]] = {
    "whole_name": _whole,
    "common_name": _whole,
    "turned_name": _turned,
    "two_words": _two_words,
    "word_and_beginning": _family_and_beginning,
    "rare_word_and_beginning": _family_and_beginning,
    "name_being_typed": _beginning_of_all,
    "phone": lambda one: "0" + one.phone.removeprefix("+84"),
    "citizen_id": lambda one: one.citizen_id,
}
"""What is typed, of somebody."""
SEARCHERS: Final = ("commune", "province", "country", "everywhere")


@dataclass(frozen=True, slots=True)
class Search:
    """One search of a round."""

    kind: str
    searcher: str
    text: str
    actor: Actor
    person_id: str


def searches(country: Country, dice: random.Random, each: int) -> list[Search]:
    """Return `each` searches of each kind by each searcher, shuffled."""
    counted: defaultdict[str, int] = defaultdict(int)
    for one in country.people:
        counted[one.name] += 1
    common = sorted(country.people, key=lambda one: -counted[one.name])[:300]
    rare = [one for one in country.people if one.name.split()[0] in RARE_FAMILY]
    if not rare:
        raise CannotMeasureError("too few people: nobody bears a rare name")
    among = {"common_name": common, "rare_word_and_beginning": rare}
    found = [
        Search(kind, searcher, text(one), _actor(country, searcher, one), one.person_id)
        for kind, text in KINDS.items()
        for searcher in SEARCHERS
        for one in dice.choices(among.get(kind, country.people), k=each)
    ]
    dice.shuffle(found)
    return found


def _actor(country: Country, searcher: str, one: Somebody) -> Actor:
    places = {
        "commune": one.place_id,
        "province": one.province_id,
        "country": country.country_id,
        "everywhere": None,
    }
    return Actor("bench", Role.NURSE, place_id=places[searcher])


async def _timed(database: Database, wanted: Search) -> float:
    """Return the milliseconds of one search, whole transaction included."""

    def look(reader: Reader) -> Found:
        scope = Scope(wanted.actor, Action.SEE_IDENTITY, reader.now_ms)
        return search.search(reader, scope, wanted.text)

    started = time.perf_counter()
    found = await database.read(look)
    took_ms = 1e3 * (time.perf_counter() - started)
    if not found.more and wanted.person_id not in {one.person_id for one in found.people}:
        raise CannotMeasureError(f"{wanted.kind} of a {wanted.searcher}: the person was not found")
    return took_ms


async def _empty(database: Database) -> float:
    started = time.perf_counter()
    await database.read(lambda reader: reader.rows("SELECT 1"))
    return 1e3 * (time.perf_counter() - started)


async def measure(url: str, people: int, rounds: int, each: int, folder: Path) -> list[Figure]:
    """Fill a database and search it.

    Raises:
        CannotMeasureError: somebody who is there was not found.
    """
    databases = Databases(url, folder)
    engine = "sqlite" if databases.is_sqlite else "postgresql"
    vault = new_vault()
    async with databases.empty() as address:
        country = await fill(address, vault, people, drawn=_DRAWN)
        database = Database(address, vault)
        try:
            return await _rounds(database, country, engine, people, rounds, each)
        finally:
            await database.close()


async def _rounds(
    database: Database, country: Country, engine: str, people: int, rounds: int, each: int
) -> list[Figure]:
    dice = random.Random(2)  # noqa: S311 - which searches
    p50, p99, slowest, empty = [], [], [], []
    by_kind: defaultdict[str, list[float]] = defaultdict(list)
    for wanted in searches(country, dice, 2):
        await _timed(database, wanted)
    for _ in range(rounds):
        took: defaultdict[str, list[float]] = defaultdict(list)
        for wanted in searches(country, dice, each):
            took[f"{wanted.kind} by {wanted.searcher}"].append(await _timed(database, wanted))
        empty.append(percentile([await _empty(database) for _ in range(each)], 50))
        every = [ms for found in took.values() for ms in found]
        p50.append(percentile(every, 50))
        p99.append(percentile(every, 99))
        slowest.append(max(percentile(found, 99) for found in took.values()))
        for name, found in took.items():
            by_kind[name] += found
    idle = figures.plain("empty", empty, "ms")
    beside = Baseline(f"among {people:,} people, beside a transaction of nothing", idle.value, "ms")
    worst = sorted(by_kind, key=lambda name: -percentile(by_kind[name], 99))
    overall = [
        figures.plain(f"search_p99_ms_{engine}", p99, "ms", beside),
        figures.plain(f"search_p50_ms_{engine}", p50, "ms", beside),
        figures.plain(
            f"search_slowest_p99_ms_{engine}",
            slowest,
            "ms",
            Baseline(f"{worst[0]}; its p50", percentile(by_kind[worst[0]], 50), "ms"),
        ),
    ]
    return overall + [
        figures.plain(
            f"search_{name.replace(' by ', '_')}_p99_ms_{engine}",
            [percentile(by_kind[name], 99)],
            "ms",
            Baseline("its p50", percentile(by_kind[name], 50), "ms"),
        )
        for name in worst
    ]


def parser() -> argparse.ArgumentParser:
    """Return the options of the command."""
    options = argparse.ArgumentParser(
        prog="telehealth bench people", description="Measure the search of people."
    )
    options.add_argument("--people", type=int, default=1_000_000, help="people in the database")
    options.add_argument("--rounds", type=int, default=3, help="rounds of each figure")
    options.add_argument("--each", type=int, default=50, help="searches of a kind and searcher")
    options.add_argument("--database", default="", help="postgresql://… instead of a SQLite file")
    options.add_argument("--json", type=Path, help="write the figures to this file as well")
    options.add_argument("--folder", type=Path, default=Path("var"), help="where the file lies")
    return options


def main(args: list[str]) -> int:
    """Measure what the arguments ask for; returns 1 where it could not be measured."""
    given = parser().parse_args(args)
    found: list[Figure] = []
    failure = ""
    with folder_in(given.folder) as folder:
        try:
            found = asyncio.run(
                measure(given.database, given.people, given.rounds, given.each, folder)
            )
        except (TelehealthError, OSError) as error:
            failure = str(error)
    for figure in found:
        typer.echo(figure.line())
    if given.json is not None:
        given.json.write_text(figures.to_json(found), encoding="utf-8")
    if failure:
        typer.echo(f"bench people: cannot measure: {failure}", err=True)
    return 1 if failure else 0
