"""A person's copy as a real file: one ZIP with JSON for programs, CSV and pages for people.

Everything is read in one transaction, a chunk at a time, and written as it comes: a person with ten
years of minutes costs no more memory than one with a day. The same data at the same instant make
the same bytes. The file lies in memory while it is small and else in a file without a name; it is
handed over and gone, and the book of exports keeps its SHA-256 (Law 91/2025 art. 4).
"""

import csv
import hashlib
import io
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final

import msgspec

from telehealth.consents import copy_page, copy_rows, copy_schema
from telehealth.consents.basis import LegalBasis, NewExport, record_export
from telehealth.store.database import Database, Reader

KIND: Final = "person_copy"
IN_MEMORY_BYTES: Final = 4 * 1024 * 1024
PIECE_BYTES: Final = 64 * 1024
_READ_ME: Final = (
    "data.json      all data, for programs (schema.json says how to read it)\n"
    "readings.csv   số đo, mở bằng bảng tính / the readings, for a spreadsheet\n"
    "doc-toi.html   bản đọc bằng tiếng Việt\n"
    "read-me.html   the same in English\n"
)
_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_CSV_FIELDS: Final = copy_schema.Reading.__struct_fields__

ARRAYS: Final[dict[str, Callable[[Reader, str], Iterable[msgspec.Struct]]]] = {
    "identifiers": copy_rows.identifiers,
    "proxies": copy_rows.proxies,
    "cases": copy_rows.cases,
    "loans": copy_rows.loans,
    "readings": copy_rows.readings,
    "alerts": copy_rows.alerts,
    "calls": copy_rows.calls,
    "on_phone": copy_rows.on_phone,
    "asked_to_measure": copy_rows.asked_to_measure,
    "consents": copy_rows.consents,
    "requests": copy_rows.tickets,
    "exports": copy_rows.exports,
    "looks": copy_rows.looks,
}
"""Each list of `data.json` and where its rows come from."""


@dataclass(frozen=True, slots=True)
class CopyFile:
    """A copy that waits to be handed over; close its file afterwards."""

    file: IO[bytes]
    size: int
    sha256: bytes
    rows_count: int
    export_id: str

    def pieces(self) -> Iterator[bytes]:
        """Yield the file from its beginning."""
        self.file.seek(0)
        while piece := self.file.read(PIECE_BYTES):
            yield piece


async def make_copy(
    database: Database, person_id: str, *, request_id: str, made_by: str
) -> CopyFile:
    """Make a person's copy and write it into the book of exports.

    Args:
        database: where the person is.
        person_id: whose copy.
        request_id: the ticket it answers.
        made_by: the account that fetches it.

    Raises:
        NotFoundError: no such person.
    """
    file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - handed over
    try:
        rows_count = await database.read(
            lambda reader: write_copy(reader, person_id, file, made_ms=reader.now_ms)
        )
        size, digest = _measure(file)
        new = NewExport(
            kind=KIND,
            person_id=person_id,
            basis=LegalBasis.OWN_REQUEST,
            reference=request_id,
            recipient=person_id,
            made_by=made_by,
            rows_count=rows_count,
            sha256=digest,
        )
        export_id = await database.write(lambda tx: record_export(tx, new))
    except BaseException:
        file.close()
        raise
    return CopyFile(file, size, digest, rows_count, export_id)


def _measure(file: IO[bytes]) -> tuple[int, bytes]:
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    while piece := file.read(PIECE_BYTES):
        digest.update(piece)
        size += len(piece)
    return size, digest.digest()


def write_copy(reader: Reader, person_id: str, file: IO[bytes], *, made_ms: int) -> int:
    """Write the ZIP into a file that can seek; returns how many rows are in it.

    Raises:
        NotFoundError: no such person.
    """
    made_at = datetime.fromtimestamp(made_ms / 1000, UTC)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        member = _Members(archive, made_at)
        person = copy_rows.person(reader, person_id)
        with member.text("README.txt") as out:
            out.write(_READ_ME)
        with member.binary("schema.json") as out_bytes:
            out_bytes.write(copy_schema.json_schema())
        with member.binary("data.json") as out_bytes:
            count = _write_json(reader, person, made_at, out_bytes)
        with member.text("readings.csv") as out:
            _write_csv(copy_rows.readings(reader, person_id), out)
        days = list(copy_page.by_day(copy_rows.readings(reader, person_id)))
        for name, locale in (("doc-toi.html", "vi"), ("read-me.html", "en")):
            with member.text(name) as out:
                out.writelines(copy_page.lines(reader, person, days, made_at, locale))
    return count


class _Members:
    """Makes the members of the archive, all with the same instant and mode."""

    def __init__(self, archive: zipfile.ZipFile, made_at: datetime) -> None:
        self._archive = archive
        self._date = made_at.timetuple()[:6]

    @contextmanager
    def binary(self, name: str) -> Iterator[IO[bytes]]:
        entry = zipfile.ZipInfo(name, self._date)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o600 << 16
        with self._archive.open(entry, "w", force_zip64=True) as out:
            yield out

    @contextmanager
    def text(self, name: str) -> Iterator[io.TextIOWrapper]:
        with self.binary(name) as out:
            wrapped = io.TextIOWrapper(out, encoding="utf-8", newline="")
            yield wrapped
            wrapped.flush()
            wrapped.detach()


def _write_json(
    reader: Reader, person: copy_schema.Person, made_at: datetime, out: IO[bytes]
) -> int:
    """Write `copy_schema.Copy` list by list, one value a line."""
    out.write(b'{"schema":' + _encode(copy_schema.SCHEMA))
    out.write(b',"made_at":' + _encode(made_at))
    out.write(b',"person":' + _encode(person))
    count = 1
    for name, rows in ARRAYS.items():
        out.write(b',"' + name.encode() + b'":[')
        for number, row in enumerate(rows(reader, person.person_id)):
            out.write((b",\n" if number else b"\n") + _encode(row))
            count += 1
        out.write(b"]")
    out.write(b"}\n")
    return count


def _write_csv(rows: Iterable[copy_schema.Reading], out: io.TextIOWrapper) -> None:
    """Write the readings as RFC 4180, instants in RFC 3339 UTC."""
    writer = csv.writer(out)
    writer.writerow(_CSV_FIELDS)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in _CSV_FIELDS])


def _cell(value: object) -> object:
    """Spreadsheets run what begins like a formula: nothing of ours does, and this keeps it so."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
