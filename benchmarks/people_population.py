"""Fills a database with a country: places, people with sealed fields, numbers and tokens.

Rows are made with the product's own functions (`seal_personal`, `Vault`, `search_terms`) and
loaded as any bulk load is: in the order of the key, secondary indexes built afterwards.
"""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from benchmarks import people_names
from protocols.identifiers import IdentifierKind
from telehealth.keys import Keyring
from telehealth.people.names import search_terms
from telehealth.people.places import add_places
from telehealth.people.places_check import PlaceRow, Ref
from telehealth.people.records import Personal, seal_personal
from telehealth.sealed import identifier_purpose, tokens
from telehealth.store import migrate
from telehealth.store.database import Database, Row, Transaction
from telehealth.vault import Vault

PROVINCES: Final = 34
COMMUNES: Final = 3_321
"""As in Vietnam since 1 July 2025."""
_BATCH: Final = 20_000
_FROM: Final = "2025-07-01"
_LOADED: Final[dict[str, tuple[str, ...]]] = {
    "person": (
        "person_id", "personal", "display_name", "birth_date", "sex", "pregnant", "locale",
        "place_id", "created_by", "created_ms",
    ),
    "person_identifier": (
        "identifier_id", "person_id", "kind", "sealed", "value_hash", "source", "added_by",
        "added_ms",
    ),
    "person_token": ("token", "bucket", "person_id"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Somebody:
    """One invented person, as a search must find them."""

    person_id: str
    name: str
    citizen_id: str
    phone: str
    place_id: str
    province_id: str


@dataclass(frozen=True, slots=True)
class Country:
    """What was filled in."""

    country_id: str
    people: tuple[Somebody, ...]
    """Some of them, drawn evenly: those to look for."""


async def fill(url: str, vault: Vault, people: int, *, drawn: int, seed: int = 1) -> Country:
    """Bring an empty database to the newest schema and fill it; returns those to look for."""
    await migrate.upgrade(url)
    database = Database(url, vault)
    try:
        places = await database.write(_places)
    finally:
        await database.close()
    maker = _Maker(vault, places, people, drawn, seed)
    if url.startswith("sqlite:"):
        _load_sqlite(url.removeprefix("sqlite:///"), maker)
    else:
        await _load_postgresql(url, maker)
    country = next(key for key, above in places.items() if above is None)
    return Country(country, tuple(maker.drawn))


def _places(tx: Transaction) -> dict[str, str | None]:
    """Make the country; returns the place above each place."""
    vn = Ref("VN", "country")
    provinces = [Ref(f"{n:02}", "province") for n in range(1, PROVINCES + 1)]
    rows = [PlaceRow("VN", "Việt Nam", "country", valid_from=_FROM)]
    rows += [
        PlaceRow(one.code, f"Tỉnh {one.code}", "province", "tỉnh", vn, _FROM) for one in provinces
    ]
    rows += [
        PlaceRow(f"{n:05}", f"Xã {n}", "commune", "xã", provinces[n % PROVINCES], _FROM)
        for n in range(1, COMMUNES + 1)
    ]
    add_places(tx, rows, source="benchmark")
    return dict(map(tuple, tx.rows("SELECT place_id, parent_id FROM place")))


class _Maker:
    """Makes the rows of every table, a batch of people at a time."""

    def __init__(
        self, vault: Vault, places: dict[str, str | None], people: int, drawn: int, seed: int
    ) -> None:
        self._vault = vault
        self._dice = random.Random(seed)  # noqa: S311 - invented people
        provinces = {key for key, above in places.items() if above and places[above] is None}
        self._communes = [(key, p) for key, p in sorted(places.items()) if p in provinces]
        self._people = people
        self._every = max(people // drawn, 1)
        self._tokens: dict[str, bytes] = {}
        self.drawn: list[Somebody] = []

    def batches(self) -> Iterator[dict[str, list[Row]]]:
        """Yield the rows by table."""
        for start in range(0, self._people, _BATCH):
            rows: dict[str, list[Row]] = {table: [] for table in _LOADED}
            for number in range(start, min(start + _BATCH, self._people)):
                self._add(rows, number)
            yield rows

    def _add(self, rows: dict[str, list[Row]], number: int) -> None:
        dice, vault = self._dice, self._vault
        named = people_names.draw(dice)
        place_id, province_id = dice.choice(self._communes)
        year, sex = dice.randint(1930, 2023), "0" if named.sex == "male" else "1"
        century = str(int(sex) + (2 if year >= 2000 else 0))
        one = Somebody(
            person_id=f"pe-{dice.getrandbits(128):032x}",
            name=named.name,
            citizen_id=f"{number % 96 + 1:03}{century}{year % 100:02}{number % 1_000_000:06}",
            phone=f"+8491{number:07}",
            place_id=place_id,
            province_id=province_id or "",
        )
        if number % self._every == 0:
            self.drawn.append(one)
        born = f"{year}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
        sealed = seal_personal(vault, one.person_id, Personal(name=one.name, birth_date=born))
        rows["person"].append(
            (one.person_id, sealed, "", "", named.sex, False, "vi", place_id, "bench", 0)
        )
        for kind, value in (
            (IdentifierKind.CITIZEN_ID, one.citizen_id),
            (IdentifierKind.PHONE, one.phone),
        ):
            rows["person_identifier"].append(self._identifier(one.person_id, kind, value))
        rows["person_token"] += [
            (self._token(term), one.province_id, one.person_id) for term in search_terms(one.name)
        ]

    def _identifier(self, person_id: str, kind: IdentifierKind, value: str) -> Row:
        key = f"id-{self._dice.getrandbits(128):032x}"
        sealed = self._vault.seal(value.encode(), "person_identifier", "sealed", key)
        hashed = self._vault.hash(identifier_purpose(kind), value)
        return (key, person_id, kind.value, sealed, hashed, "import", "bench", 0)

    def _token(self, term: str) -> bytes:
        if term not in self._tokens:
            self._tokens[term] = tokens(self._vault, term)[0]
        return self._tokens[term]


def _load_sqlite(path: str, maker: _Maker) -> None:
    """Load through heaps without keys, then in the order of each key: a b-tree grows at its end."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -400000")
    marks = ", ".join("?" * len(_LOADED))
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"  # noqa: S608
        f" AND tbl_name IN ({marks})",
        tuple(_LOADED),
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    for table, columns in _LOADED.items():
        connection.execute(f"CREATE TEMP TABLE heap_{table} ({', '.join(columns)})")
    for batch in maker.batches():
        connection.execute("BEGIN")
        for table, rows in batch.items():
            marks = ", ".join("?" * len(_LOADED[table]))
            connection.executemany(f"INSERT INTO heap_{table} VALUES ({marks})", rows)  # noqa: S608
        connection.execute("COMMIT")
    for table, columns in _LOADED.items():
        names = ", ".join(columns)
        order = names if table == "person_token" else columns[0]
        connection.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM heap_{table} ORDER BY {order}"  # noqa: S608
        )
        connection.execute(f"DROP TABLE heap_{table}")
    for _, sql in indexes:
        connection.execute(sql)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def _load_postgresql(url: str, maker: _Maker) -> None:
    """Load by COPY without secondary indexes, then let the engine look at what there is."""
    connection: Any = await asyncpg.connect(url)
    try:
        indexes = await connection.fetch(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
            " AND tablename = ANY($1) AND indexname NOT LIKE 'pk_%'",
            list(_LOADED),
        )
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['indexname']}")
        await connection.execute("ALTER TABLE person_token DROP CONSTRAINT pk_person_token")
        for batch in maker.batches():
            for table, rows in batch.items():
                await _copy(connection, table, rows)
        await connection.execute(
            "ALTER TABLE person_token ADD CONSTRAINT pk_person_token"
            " PRIMARY KEY (token, bucket, person_id)"
        )
        for index in indexes:
            await connection.execute(index["indexdef"])
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _copy(connection: Any, table: str, rows: Sequence[Row]) -> None:
    await connection.copy_records_to_table(table, records=rows, columns=_LOADED[table])


def new_vault() -> Vault:
    """Return keys for one run."""
    return Vault(Keyring.new(0))
