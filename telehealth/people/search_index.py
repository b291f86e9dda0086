"""The index of names: each term of a name as a keyed hash, in the bucket of the person's province.

What the frequencies of the tokens reveal stands in docs/threats.md. A bucket is today's topmost
place above the person (`places.branch_of`), or empty without a place; who moves is indexed anew.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from telehealth.people.names import search_terms
from telehealth.people.places_succession import branch_of
from telehealth.people.records import unseal
from telehealth.rotating import Step
from telehealth.sealed import BATCH_ROWS, tokens
from telehealth.store.database import Reader, Row, Transaction

NOWHERE: Final = ""
"""The bucket of those without a place."""
_COLUMNS: Final = ("token", "bucket", "person_id")
_WHO: Final = (
    "SELECT person_id, personal, place_id FROM person"
    " WHERE merged_into IS NULL AND erased_ms IS NULL AND "
)


def index_person(tx: Transaction, person_id: str) -> None:
    """Bring the index to what the person's row says; a merged or erased one is in no index."""
    index_people(tx, [person_id])


def index_people(tx: Transaction, person_ids: Sequence[str]) -> None:
    """Bring the index to what the rows of several people say."""
    tx.rows_in("DELETE FROM person_token WHERE person_id IN (…) RETURNING 1", list(person_ids))
    rows = tx.rows_in(f"{_WHO} person_id IN (…)", list(person_ids))
    buckets = buckets_of(tx, [row[2] for row in rows])
    tx.insert("person_token", _COLUMNS, _lines(tx, rows, buckets))


def buckets_of(reader: Reader, place_ids: Sequence[str | None]) -> dict[str | None, str]:
    """Return the bucket of each place, and of no place."""
    return {
        place_id: NOWHERE if place_id is None else branch_of(reader, place_id)
        for place_id in set(place_ids)
    }


def reindex(tx: Transaction, after: str) -> Step:
    """Index those of the next 500 people whose tokens are missing or in another bucket.

    A job of `telehealth.rotating.run`: after an import of places that moved communes to another
    province, and once for people written down before there was an index.
    """
    rows = tx.rows(f"{_WHO} person_id > ? ORDER BY person_id LIMIT ?", (after, BATCH_ROWS))
    there: defaultdict[str, set[str]] = defaultdict(set)
    for person_id, bucket in tx.rows_in(
        "SELECT DISTINCT person_id, bucket FROM person_token WHERE person_id IN (…)",
        [row[0] for row in rows],
    ):
        there[person_id].add(bucket)
    buckets = buckets_of(tx, [row[2] for row in rows])
    stale = [row[0] for row in rows if there[row[0]] != {buckets[row[2]]}]
    index_people(tx, stale)
    return Step(rows[-1][0] if len(rows) == BATCH_ROWS else None, len(stale))


def _lines(reader: Reader, rows: Sequence[Row], buckets: dict[str | None, str]) -> list[Row]:
    return [
        (tokens(reader.vault, term)[0], buckets[place_id], person_id)
        for person_id, personal, place_id in rows
        for term in sorted(search_terms(unseal(reader.vault, person_id, personal).name))
    ]
