"""Seals and hashes anew what lies under old keys, while the server goes on serving.

Theory of operation. Each step is a plain function over one transaction of at most 500 rows, taken
in the order of the primary key after the last one done; it locks its rows (on SQLite the write
gate does), so that a name corrected at the same moment is not overwritten with the old one. What
is done shows in the data itself: a job that was cut off begins again and skips it. The keys come
from the vault, newest first; how a new key becomes the newest stands in
`telehealth/key_commands.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from telehealth.people.records import Personal, seal_personal, unseal
from telehealth.sealed import (
    BATCH_ROWS,
    SEALED,
    SealedColumn,
    TermsOf,
    identifier_purpose,
    open_identifier,
    terms_of_name,
    tokens,
)
from telehealth.store.database import Database, Row, Transaction

TOKEN_BATCH_ROWS: Final = 50
"""People, of whom each has a score of tokens."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one transaction did."""

    after: str | None
    """The last key it saw, from which the next goes on; None: the table is at its end."""
    changed: int


Job = Callable[[Transaction, str], Step]
"""Goes on after a key."""


async def reseal(database: Database) -> int:
    """Seal with the newest data key whatever is not; returns how many fields changed."""
    changed = 0
    for at in SEALED:
        changed += await run(database, lambda tx, after, at=at: reseal_rows(tx, at, after))  # type: ignore[misc]
    return changed


async def rehash(database: Database, terms_of: TermsOf = terms_of_name) -> int:
    """Hash with the newest index key whatever is not; returns how many rows changed."""
    changed = await run(database, rehash_identifiers)
    return changed + await run(database, lambda tx, after: rehash_tokens(tx, after, terms_of))


async def seal_plain(database: Database) -> int:
    """Seal names and birth dates that were written down before there were keys; returns how many.

    Patients' accounts lose their copy of the name at the same time.
    """
    changed = await run(database, seal_plain_people)
    return changed + await run(database, forget_names_of_patients)


async def run(database: Database, job: Job) -> int:
    """Run a job to the end of its table, a transaction a batch; returns how many rows changed.

    Between two batches whoever else waits for the write gate has had a turn.
    """
    changed, after = 0, ""
    while True:
        step = await database.write(lambda tx, after=after: job(tx, after))  # type: ignore[misc]
        changed += step.changed
        if step.after is None:
            return changed
        after = step.after


def reseal_rows(tx: Transaction, at: SealedColumn, after: str) -> Step:
    """Seal the next rows of a column with the newest key.

    Raises:
        KeysError: a field was altered, or sealed with a key that is gone; it is left as it is.
    """
    vault = tx.vault
    rows = _locked(
        tx,
        f"SELECT {at.key}, {at.column} FROM {at.table} WHERE {at.key} > ?"  # noqa: S608
        f" AND {at.column} IS NOT NULL AND substr({at.column}, 1, 5) <> ?",
        at.key,
        (after, vault.current_head),
    )
    fresh = [
        (vault.seal(vault.open(sealed, at.table, at.column, row), at.table, at.column, row), row)
        for row, sealed in rows
    ]
    tx.update(at.table, at.key, (at.column,), fresh)
    return _step(rows, len(fresh))


def rehash_identifiers(tx: Transaction, after: str) -> Step:
    """Hash the next identifiers with the newest key."""
    rows = _locked(
        tx,
        "SELECT identifier_id, kind, sealed, value_hash FROM person_identifier"
        " WHERE identifier_id > ?",
        "identifier_id",
        (after,),
    )
    fresh = []
    for identifier_id, kind, sealed, value_hash in rows:
        value = open_identifier(tx.vault, identifier_id, sealed)
        wanted = tx.vault.hash(identifier_purpose(kind), value)
        if wanted != bytes(value_hash):
            fresh.append((wanted, identifier_id))
    tx.update("person_identifier", "identifier_id", ("value_hash",), fresh)
    return _step(rows, len(fresh))


def rehash_tokens(tx: Transaction, after: str, terms_of: TermsOf = terms_of_name) -> Step:
    """Give the next people's names new tokens, in each bucket in which they had some.

    The person's row is locked, as whoever corrects a name locks it before its tokens.
    """
    rows = _locked(
        tx,
        "SELECT person_id, personal FROM person WHERE person_id > ?",
        "person_id",
        (after,),
        limit=TOKEN_BATCH_ROWS,
    )
    had: dict[tuple[str, str], set[bytes]] = {}
    for person_id, bucket, token in tx.rows_in(
        "SELECT person_id, bucket, token FROM person_token WHERE person_id IN (…)",
        [row[0] for row in rows],
    ):
        had.setdefault((person_id, bucket), set()).add(bytes(token))
    terms = {person_id: terms_of(unseal(tx.vault, person_id, sealed)) for person_id, sealed in rows}
    fresh = {
        (person_id, bucket): {tokens(tx.vault, term)[0] for term in terms[person_id]}
        for person_id, bucket in had
    }
    changed = {at[0] for at in had if fresh[at] != had[at]}
    tx.rows_in("DELETE FROM person_token WHERE person_id IN (…) RETURNING 1", sorted(changed))
    new = [
        (token, bucket, person_id)
        for (person_id, bucket), wanted in fresh.items()
        if person_id in changed
        for token in sorted(wanted)
    ]
    tx.insert("person_token", ("token", "bucket", "person_id"), new)
    return _step(rows, len(new), limit=TOKEN_BATCH_ROWS)


def seal_plain_people(tx: Transaction, after: str) -> Step:
    """Seal the next names and birth dates that lie open, and empty what held them.

    `secure_delete` makes SQLite overwrite the old text; copies in older backups stay as they are.
    """
    if tx.is_sqlite:
        tx.rows("PRAGMA secure_delete = ON")
    rows = _locked(
        tx,
        "SELECT person_id, display_name, birth_date, personal FROM person WHERE person_id > ?"
        " AND (display_name <> '' OR birth_date <> '')",
        "person_id",
        (after,),
    )
    fresh = [
        (sealed or seal_personal(tx.vault, row, Personal(name=name, birth_date=born)), "", "", row)
        for row, name, born, sealed in rows
    ]
    tx.update("person", "person_id", ("personal", "display_name", "birth_date"), fresh)
    return _step(rows, len(fresh))


def forget_names_of_patients(tx: Transaction, after: str) -> Step:
    """Empty the next patients' account names: the person's sealed name is the one."""
    if tx.is_sqlite:
        tx.rows("PRAGMA secure_delete = ON")
    rows = _locked(
        tx,
        "SELECT account_id FROM account WHERE account_id > ? AND role = 'patient'"
        " AND display_name <> ''",
        "account_id",
        (after,),
    )
    tx.update("account", "account_id", ("display_name",), [("", row) for (row,) in rows])
    return _step(rows, len(rows))


_LOCK: Final = " FOR NO KEY UPDATE"
"""Against other writers of the row, not against those who only refer to it
(PostgreSQL 15, 13.3.2)."""


def _locked(
    tx: Transaction, sql: str, key: str, params: tuple[object, ...], *, limit: int = BATCH_ROWS
) -> list[Row]:
    """Return the next batch in the order of its key, locked until the commit."""
    lock = "" if tx.is_sqlite else _LOCK
    return tx.rows(f"{sql} ORDER BY {key} LIMIT ?{lock}", (*params, limit))


def _step(rows: list[Row], changed: int, *, limit: int = BATCH_ROWS) -> Step:
    return Step(rows[-1][0] if len(rows) == limit else None, changed)
