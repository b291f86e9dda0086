"""Which columns lie sealed or hashed, and with which keys; what rotation goes through.

A new sealed column gets a line here: a test reads the tables and misses it otherwise.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from telehealth.errors import KeysError
from telehealth.keys import Keyring
from telehealth.people.names import search_terms
from telehealth.people.records import Personal, unseal
from telehealth.store.database import Reader, Row
from telehealth.vault import TOKEN_BYTES, Vault

BATCH_ROWS: Final = 500
"""Of one transaction: the write gate is held some tens of milliseconds at most."""
TOKEN_PURPOSE: Final = "name"  # noqa: S105 - a purpose, not a secret


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column whose fields are sealed for the row that `key` names."""

    table: str
    key: str
    column: str


SEALED: Final = (
    SealedColumn("person", "person_id", "personal"),
    SealedColumn("person_identifier", "identifier_id", "sealed"),
    SealedColumn("household", "household_id", "address"),
    SealedColumn("account", "account_id", "totp"),
    SealedColumn("break_glass", "break_glass_id", "note"),
    SealedColumn("break_glass", "break_glass_id", "review_note"),
    SealedColumn("consent", "consent_id", "proof"),
    SealedColumn("subject_request", "request_id", "details"),
    SealedColumn("subject_request", "request_id", "outcome"),
)

_COLUMNS_SQLITE: Final = (
    "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
)
_COLUMNS_POSTGRESQL: Final = (
    "SELECT table_name::text, column_name::text FROM information_schema.columns"
    " WHERE table_schema = current_schema()"
)

TermsOf = Callable[[Personal], Iterable[str]]
"""Under which terms a person stands in the index of names."""


def terms_of_name(personal: Personal) -> Iterable[str]:
    """Return the terms of the person's name."""
    return search_terms(personal.name)


def identifier_purpose(kind: str) -> str:
    """Return the purpose under which an identifier of a kind is hashed."""
    return f"identifier:{kind}"


def tokens(vault: Vault, term: str) -> list[bytes]:
    """Return the tokens of a term, under every index key, the newest first."""
    return [found[:TOKEN_BYTES] for found in vault.hashes(TOKEN_PURPOSE, term)]


def columns_of(reader: Reader) -> list[SealedColumn]:
    """Return the sealed columns that this database has: an older schema has fewer."""
    sql = _COLUMNS_SQLITE if reader.is_sqlite else _COLUMNS_POSTGRESQL
    present = set(reader.rows(sql))
    return [at for at in SEALED if (at.table, at.column) in present]


def uses(reader: Reader, terms_of: TermsOf = terms_of_name) -> dict[str, Counter[bytes]]:
    """Count what still needs each key: by part, then by key id; b"" for what no key explains."""
    return {
        "data": sealed_with(reader),
        "index": hashed_with(reader, terms_of),
        "audit": bound_with(reader),
    }


def sealed_with(reader: Reader) -> Counter[bytes]:
    """Count the sealed fields of each data key."""
    found: Counter[bytes] = Counter()
    for at in columns_of(reader):
        rows = reader.rows(
            f"SELECT substr({at.column}, 2, 4), count(*) FROM {at.table}"  # noqa: S608
            f" WHERE {at.column} IS NOT NULL GROUP BY 1"
        )
        found.update({bytes(key_id): count for key_id, count in rows})
    return found


def hashed_with(reader: Reader, terms_of: TermsOf = terms_of_name) -> Counter[bytes]:
    """Count the hashes of each index key; a hash does not say which, so each value is opened.

    What cannot be opened, or is no hash of what it stands for, counts under b"".
    """
    vault = reader.vault
    keys = [key.key_id for key in vault.keyring.index]
    found: Counter[bytes] = Counter()
    for rows in _pages(
        reader, "identifier_id, kind, sealed, value_hash", "person_identifier", "identifier_id"
    ):
        for identifier_id, kind, sealed, value_hash in rows:
            known = _hashes(vault, identifier_id, kind, sealed)
            found[known.get(bytes(value_hash), b"")] += 1
    for rows in _pages(reader, "person_id, personal", "person", "person_id"):
        terms = {row[0]: _terms(vault, terms_of, *row) for row in rows}
        named = {
            (person_id, token): key_id
            for person_id, person_terms in terms.items()
            for term in person_terms
            for key_id, token in zip(keys, tokens(vault, term), strict=True)
        }
        for person_id, token in reader.rows_in(
            "SELECT person_id, token FROM person_token WHERE person_id IN (…)", list(terms)
        ):
            found[named.get((person_id, bytes(token)), b"")] += 1
    return found


def bound_with(reader: Reader) -> Counter[bytes]:
    """Count the audit entries that each audit key binds: a chain's id names its key."""
    rows = reader.rows("SELECT substr(chain_id, 4, 8), count(*) FROM audit GROUP BY 1")
    found: Counter[bytes] = Counter()
    for name, count in rows:
        found[_key_id(name)] += count
    return found


def missing_keys(keyring: Keyring, found: dict[str, Counter[bytes]]) -> list[str]:
    """Return, as `data 1a2b3c4d`, the keys that something needs and the keyring does not hold."""
    return [
        f"{part} {key_id.hex()}"
        for part, counts in found.items()
        for key_id in sorted(counts)
        if key_id and key_id not in {key.key_id for key in getattr(keyring, part)}
    ]


def open_identifier(vault: Vault, identifier_id: str, sealed: bytes) -> str:
    """Return the value of an identifier's row."""
    return vault.open(sealed, "person_identifier", "sealed", identifier_id).decode()


def _key_id(name: str) -> bytes:
    try:
        return bytes.fromhex(name)
    except ValueError:
        return b""


def _hashes(vault: Vault, identifier_id: str, kind: str, sealed: bytes) -> dict[bytes, bytes]:
    """Return the hashes that an identifier may stand under, each with its key's id."""
    try:
        value = open_identifier(vault, identifier_id, sealed)
    except KeysError:
        return {}
    keys = [key.key_id for key in vault.keyring.index]
    return dict(zip(vault.hashes(identifier_purpose(kind), value), keys, strict=True))


def _terms(vault: Vault, terms_of: TermsOf, person_id: str, sealed: bytes | None) -> Iterable[str]:
    try:
        return terms_of(unseal(vault, person_id, sealed))
    except KeysError:
        return ()


def _pages(reader: Reader, columns: str, table: str, key: str) -> Iterator[list[Row]]:
    """Yield a table's rows in the order of its key, a batch at a time."""
    after = ""
    while True:
        rows = reader.rows(
            f"SELECT {columns} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?",  # noqa: S608
            (after, BATCH_ROWS),
        )
        if not rows:
            return
        yield rows
        after = rows[-1][0]
