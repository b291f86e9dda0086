"""The audit table: entries appended, chains begun, everything read back in order."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy.exc import DBAPIError

from telehealth.audit.actions import AuditAction
from telehealth.audit.chain import (
    FIELDS,
    FIRST,
    Entry,
    Head,
    chain_id_of,
    heads_in,
    heads_text,
    key_id_of,
    mac_of,
    storable,
    values_of,
)
from telehealth.store.database import Reader, Transaction
from telehealth.vault import Vault

CHUNK_ROWS: Final = 5_000
_CHANCE_BYTES: Final = 8
_COLUMNS: Final = ("chain_id", "seq", *FIELDS, "mac")
_LISTED: Final = ", ".join(_COLUMNS)

# A jump from chain to chain by the primary key: the table may be large, the chains are few.
_CHAINS: Final = (
    "WITH RECURSIVE chain(found) AS (SELECT min(chain_id) FROM audit UNION ALL"
    " SELECT (SELECT min(a.chain_id) FROM audit a WHERE a.chain_id > chain.found) FROM chain"
    " WHERE chain.found IS NOT NULL)"
)
ENDS: Final = (
    f"{_CHAINS} SELECT c.found,"  # noqa: S608 - constants
    " (SELECT max(seq) FROM audit WHERE chain_id = c.found),"
    " (SELECT mac FROM audit WHERE chain_id = c.found ORDER BY seq DESC LIMIT 1),"
    " (SELECT target FROM audit WHERE chain_id = c.found AND seq = 1 LIMIT 1)"
    " FROM chain c WHERE c.found IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A row as the database gives it back, whatever somebody may have done to it."""

    chain_id: Any
    seq: Any
    values: tuple[Any, ...]
    """In the order of `FIELDS`."""
    mac: Any


def begin(
    tx: Transaction, vault: Vault, *, at_ms: int, actor_id: str, own: Head | None, line: str
) -> tuple[Head, list[Head]]:
    """Begin a chain; its first entry names the ends of all others.

    Args:
        tx: the writing transaction.
        vault: its newest audit key binds the chain.
        at_ms: when.
        actor_id: the process that begins it.
        own: where this process knows that its chain before stood, if it had one.
        line: hash of the newest line of the checkpoint file; empty: there is none.

    Returns:
        The new chain's head, and the heads that it names.
    """
    key_id = vault.keyring.audit[0].key_id
    chain_id = chain_id_of(key_id, secrets.token_bytes(_CHANCE_BYTES))
    found = sorted({*loose_ends(tx), *([own] if own else [])}, key=str)
    first = Entry(
        action=AuditAction.LOG_OPENED, actor_id=actor_id, target=heads_text(found), basis=line
    )
    return append(tx, vault, Head(chain_id, 0, FIRST), [first], at_ms=at_ms), found


def append(
    tx: Transaction, vault: Vault, head: Head, entries: Sequence[Entry], *, at_ms: int
) -> Head:
    """Append entries behind the head; returns where the chain then stands.

    Raises:
        KeysError: the chain's key is not in the keyring.
    """
    mac = partial(vault.audit_mac, key_id_of(head.chain_id) or b"")
    rows = []
    for given in entries:
        entry = storable(given, at_ms)
        code = mac_of(head.mac, head.chain_id, head.seq + 1, entry, mac=mac)
        head = Head(head.chain_id, head.seq + 1, code)
        rows.append((head.chain_id, head.seq, *values_of(entry), code))
    tx.insert("audit", _COLUMNS, rows)
    return head


def loose_ends(reader: Reader) -> list[Head]:
    """Return the heads of all chains that no later chain's first entry names yet."""
    rows = [row for row in reader.rows(ENDS) if isinstance(row[2], bytes | memoryview)]
    named = {head for row in rows for head in heads_in(str(row[3]))}
    heads = [Head(row[0], row[1], bytes(row[2])) for row in rows]
    return [head for head in heads if head not in named and key_id_of(head.chain_id)]


def openings(reader: Reader) -> list[Stored]:
    """Return the first entry of each chain."""
    source = "FROM chain c JOIN audit ON chain_id = c.found AND seq = 1"
    return [_stored(row) for row in _rows(reader, source, before=_CHAINS)]


def stream(reader: Reader) -> Iterator[Stored]:
    """Yield every row by chain and number, a chunk at a time."""
    # PostgreSQL's key has a third column: the one by which the table is cut.
    order = "chain_id, seq" if reader.is_sqlite else "chain_id, seq, at_ms"
    marks = "?, ?" if reader.is_sqlite else "?, ?, ?"
    rest = f" ORDER BY {order} LIMIT {CHUNK_ROWS}"
    rows = _rows(reader, f"FROM audit{rest}")
    while rows:
        yield from map(_stored, rows)
        last = rows[-1][:2] if reader.is_sqlite else rows[-1][:3]
        rows = _rows(reader, f"FROM audit WHERE ({order}) > ({marks}){rest}", last)


def _rows(
    reader: Reader, source: str, params: Sequence[Any] = (), *, before: str = ""
) -> list[tuple[Any, ...]]:
    try:
        return reader.rows(f"{before} SELECT {_LISTED} {source}", params)
    except DBAPIError:
        if not reader.is_sqlite:
            raise
    # SQLite keeps any bytes as text: what is no UTF-8 is read as the bytes it is, and does not fit.
    raw = ", ".join(
        name if name in ("chain_id", "seq", "at_ms", "mac") else f"CAST({name} AS BLOB)"
        for name in _COLUMNS
    )
    rows = reader.rows(f"{before} SELECT {raw} {source}", params)
    return [tuple(_legible(name, v) for name, v in zip(_COLUMNS, row, strict=True)) for row in rows]


def _legible(column: str, value: Any) -> Any:
    if column == "mac" or not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _stored(row: Sequence[Any]) -> Stored:
    mac = bytes(row[-1]) if isinstance(row[-1], bytes | memoryview) else row[-1]
    return Stored(row[0], row[1], tuple(row[2:-1]), mac)
