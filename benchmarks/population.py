"""Fills a migrated database with those whom the load speaks for.

One programme and doctor; a person, case, device and loan for each device; and gateways whose keys
the load can make from their names.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks import keyring
from benchmarks.messages import DEVICES, device_id, gateway_id
from telehealth.people.records import Personal, seal_personal
from telehealth.store import migrate
from telehealth.store.database import Database, Row, Transaction
from telehealth.subjects import DEFAULT_PACK

GATEWAYS = 256
_PROGRAMME, _DOCTOR = "bench-programme", "bench-doctor"
_YEAR_MS = 365 * 86_400_000


def private_key(gateway: str) -> Ed25519PrivateKey:
    """Return the key of a gateway of a benchmark: made of its name, for nobody real."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(gateway.encode()).digest())


async def prepare(url: str) -> None:
    """Bring an empty database to the newest schema and fill it."""
    await migrate.upgrade(url)
    database = Database(url, keyring.vault())
    try:
        await database.write(_fill)
    finally:
        await database.close()


def _fill(tx: Transaction) -> None:
    from_ms = tx.now_ms - _YEAR_MS
    tx.insert(
        "programme",
        ("programme_id", "name", "place", "time_zone", "rule_pack", "mode", "cadence_s",
         "valid_from_ms"),
        [(_PROGRAMME, "Benchmark", "Benchmark", "Asia/Ho_Chi_Minh", DEFAULT_PACK, "evaluation",
          43_200, from_ms)],
    )  # fmt: skip
    tx.insert(
        "account",
        ("account_id", "login", "display_name", "role", "password_hash", "programme_id", "locale",
         "created_ms"),
        [(_DOCTOR, "bench", "Benchmark", "doctor", "!", _PROGRAMME, "vi", from_ms)],
    )  # fmt: skip
    tx.insert(
        "role_grant",
        ("grant_id", "account_id", "role", "programme_id", "from_ms", "granted_by"),
        [("gr-bench", _DOCTOR, "doctor", _PROGRAMME, from_ms, "bench")],
    )
    tx.insert(
        "gateway",
        ("gateway_id", "name", "public_key", "software", "enrolled_ms"),
        [_gateway(gateway_id(n), from_ms) for n in range(GATEWAYS)],
    )
    numbers = range(DEVICES)
    tx.insert(
        "person",
        ("person_id", "personal", "display_name", "birth_date", "sex", "pregnant", "locale",
         "created_by", "created_ms"),
        [(f"p{n:06d}", _sealed(tx, n), "", "", "unknown", False, "vi", "", from_ms)
         for n in numbers],
    )  # fmt: skip
    tx.insert(
        "f0_case",
        ("case_id", "person_id", "programme_id", "state", "assigned_doctor_id", "opened_ms"),
        [(f"c{n:06d}", f"p{n:06d}", _PROGRAMME, "home_care", _DOCTOR, from_ms) for n in numbers],
    )
    tx.insert(
        "device",
        ("device_id", "kind", "model", "serial", "registered_ms"),
        [(device_id(n), "oximeter", "", "", from_ms) for n in numbers],
    )
    tx.insert(
        "device_loan",
        ("loan_id", "device_id", "person_id", "from_ms", "decided_by"),
        [(f"l{n:06d}", device_id(n), f"p{n:06d}", from_ms, _DOCTOR) for n in numbers],
    )


def _gateway(name: str, enrolled_ms: int) -> Row:
    return name, name, private_key(name).public_key().public_bytes_raw(), "", enrolled_ms


def _sealed(tx: Transaction, number: int) -> bytes:
    """Return the sealed fields of one of the people."""
    personal = Personal(name="Benchmark", birth_date=f"{1940 + number % 60}-06-15")
    return seal_personal(tx.vault, f"p{number:06d}", personal)
