"""The person's copy: a real file, whole, repeatable, made a chunk at a time."""

import csv
import hashlib
import io
import tracemalloc
import zipfile
from typing import IO, Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from telehealth.consents import copy_file, copy_rows, copy_schema, giving, requests
from telehealth.consents.giving import Given
from telehealth.consents.items import Item
from telehealth.errors import NotFoundError
from telehealth.store import tables
from telehealth.store.database import Database, Reader, Transaction
from tests import world
from tests.world import World

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
MADE_MS = 1_795_400_000_000
DAY_MS = 86_400_000
MEMBERS = ["README.txt", "schema.json", "data.json", "readings.csv", "doc-toi.html", "read-me.html"]


class _Nothing(io.BytesIO):
    """A file that forgets what it is given."""

    def write(self, data: Any, /) -> int:
        return len(data)


async def settled(database: Database, readings: int = 5) -> World:
    """Return a world with something of every kind."""
    made = await world.make(database)

    def fill(tx: Transaction) -> None:
        person = made.person_id
        giving.give(
            tx,
            Given(
                person_id=person, items=frozenset({Item.MONITORING}), locale="en",
                given_by="ac-n", channel="spoken", note="said at home",
            ),
            ZONE,
        )  # fmt: skip
        requests.ask(tx, person, "copy", details="", opened_by=made.patient_id, zone=ZONE)
        alert = tables.AlertRow(
            alert_id="al-1", subject_id=person, person_id=person, cause="vitals",
            kind="physiological", priority="high", level=3, status="resolved",
            reasons=b'[{"code":"spo2_red"}]', measured_ms=MADE_MS, raised_ms=MADE_MS,
            clock_ms=MADE_MS,
        )  # fmt: skip
        sealed = tx.vault.seal(b"+84912345678", "person_identifier", "sealed", "id-1")
        tx.session.add_all(
            [
                alert,
                tables.PersonIdentifier(
                    identifier_id="id-1", person_id=person, kind="phone", value_hash=b"h",
                    sealed=sealed, added_ms=0,
                ),
                tables.Call(
                    room_id="rm-1", person_id=person, requested_by="ac-n", state="concluded",
                    requested_ms=MADE_MS, ended_ms=MADE_MS,
                ),
                tables.AuditEntry(
                    chain_id="ch-1", seq=1, at_ms=MADE_MS, action="view_opened",
                    decision="allow", actor_id=made.doctor_id, role="doctor", person_id=person,
                    mac=b"m",
                ),
                tables.AuditEntry(
                    chain_id="ch-1", seq=2, at_ms=MADE_MS, action="view_opened",
                    decision="allow", actor_id=made.doctor_id, role="doctor",
                    person_id="pe-stranger", mac=b"m",
                ),
            ]
        )  # fmt: skip
        tx.session.flush()
        tx.session.add(
            tables.AlertEventRow(
                alert_id="al-1", at_ms=MADE_MS, action="resolve", before="acting",
                after="resolved", level=3, step=0, note="<b>đã gọi</b>",
            )
        )  # fmt: skip
        tx.session.flush()
        columns = (
            "device_id", "person_id", "kind", "measured_ms", "received_ms", "spo2_percent",
            "quality", "gate", "late", "time_uncertain", "content_key", "changed_in",
        )  # fmt: skip
        lines = [
            (
                made.device_id, person, "minute", MADE_MS + n // 2 * 60_000, MADE_MS, 90.0 + n % 9,
                0, "accepted", False, False, b"%d" % n, 1,
            )
            for n in range(readings)
        ]  # fmt: skip
        tx.insert("reading", columns, lines)

    await database.write(fill)
    return made


def write(reader: Reader, person_id: str, file: IO[bytes] | None = None) -> tuple[bytes, int]:
    out = io.BytesIO()
    count = copy_file.write_copy(reader, person_id, file or out, made_ms=MADE_MS)
    return out.getvalue(), count


async def test_the_file_holds_everything_as_its_schema_says(database: Database) -> None:
    made = await settled(database)
    raw, count = await database.read(lambda r: write(r, made.person_id))
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.namelist() == MEMBERS
        assert archive.testzip() is None
        document, schema = archive.read("data.json"), archive.read("schema.json")
    described = msgspec.json.decode(schema)["$defs"]
    assert set(msgspec.json.decode(document)) == set(described["Copy"]["required"])
    assert set(described) >= {"Reading", "Alert", "Consent", "Look"}
    copy = msgspec.json.decode(document, type=copy_schema.Copy)
    assert (copy.schema, copy.person.name) == (copy_schema.SCHEMA, "Người Thử Nghiệm")
    lists = {name: len(getattr(copy, name)) for name in copy_file.ARRAYS}
    assert lists == {
        "identifiers": 1, "proxies": 0, "cases": 1, "loans": 1, "readings": 5, "alerts": 1,
        "calls": 1, "on_phone": 0, "asked_to_measure": 0,
        "consents": 1, "requests": 1, "exports": 0, "looks": 1,
    }  # fmt: skip
    assert count == 1 + sum(lists.values())
    assert copy.identifiers[0].value == "+84912345678"
    assert copy.looks[0].who == "Doctor"
    consent = copy.consents[0]
    assert hashlib.sha256(consent.text.encode()).hexdigest() == consent.text_sha256
    assert consent.note == "said at home"


async def test_the_same_data_at_the_same_instant_make_the_same_bytes(database: Database) -> None:
    made = await settled(database)
    first, _ = await database.read(lambda r: write(r, made.person_id))
    second, _ = await database.read(lambda r: write(r, made.person_id))
    assert first == second


async def test_readings_come_in_order_across_chunks_and_none_is_lost_or_doubled(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_rows, "CHUNK_ROWS", 3)
    made = await settled(database, readings=20)
    found = await database.read(lambda r: list(copy_rows.readings(r, made.person_id)))
    assert len(found) == 20
    assert [r.spo2_percent for r in found] == [90.0 + n % 9 for n in range(20)]
    raw, _ = await database.read(lambda r: write(r, made.person_id))
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        table = list(csv.reader(io.StringIO(archive.read("readings.csv").decode())))
    assert len(table) == 21
    assert table[0][:3] == ["measured_at", "received_at", "device_id"]
    assert table[1][0].endswith("Z")


@pytest.mark.asvs("15.2.2")
async def test_memory_does_not_grow_with_the_readings(database: Database) -> None:
    made = await settled(database, readings=20_000)

    def peak(reader: Reader) -> int:
        tracemalloc.start()
        try:
            write(reader, made.person_id, _Nothing())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert await database.read(peak) < 8 * 1024 * 1024


async def test_the_page_can_be_read_in_both_languages_and_runs_nothing(
    database: Database,
) -> None:
    made = await settled(database)

    def rename(tx: Transaction) -> None:
        tx.execute("UPDATE programme SET name = ?", ("<script>x</script>",))

    await database.write(rename)
    raw, _ = await database.read(lambda r: write(r, made.person_id))
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        vi, en = (archive.read(name).decode() for name in MEMBERS[-2:])
    assert "Bản sao dữ liệu của tôi" in vi
    assert "A copy of my data" in en
    assert "90–94" in vi
    for page in (vi, en):
        assert "<script" not in page
        assert "&lt;script&gt;" in page


async def test_handing_over_is_in_the_book_of_exports_with_its_digest(
    database: Database,
) -> None:
    made = await settled(database)
    copy = await copy_file.make_copy(
        database, made.person_id, request_id="rq-1", made_by=made.patient_id
    )
    with copy.file:
        raw = b"".join(copy.pieces())
    assert (len(raw), hashlib.sha256(raw).digest()) == (copy.size, copy.sha256)
    found = await database.read(
        lambda r: r.rows("SELECT export_id, basis, reference, rows_count, sha256 FROM export")
    )
    assert [(*row[:4], bytes(row[4])) for row in found] == [
        (copy.export_id, "own_request", "rq-1", copy.rows_count, copy.sha256)
    ]


async def test_a_copy_of_nobody_is_not_made(database: Database) -> None:
    with pytest.raises(NotFoundError):
        await copy_file.make_copy(database, "pe-none", request_id="rq-1", made_by="ac")
    assert await database.read(lambda r: r.rows("SELECT 1 FROM export")) == []


def test_no_cell_of_the_table_is_taken_for_a_formula() -> None:
    assert copy_file._cell("=1+1") == "'=1+1"
    assert copy_file._cell("minute") == "minute"
    assert copy_file._cell(-1.5) == -1.5
