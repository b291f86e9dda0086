"""Places from a table: CSV (RFC 4180) in UTF-8, with or without a byte order mark.

Pure. Reads shape only; whether the rows make a tree is `places_check`. The columns are those of
docs/places.md; their order is free, a column of any other name is a problem.
"""

import csv
import io
from dataclasses import dataclass, field
from typing import Final

from telehealth.people.places_check import PlaceRow, Problem, Ref, SuccessorRow
from telehealth.people.places_tree import EARLIEST

NEEDED: Final = ("code", "name", "level")
COLUMNS: Final = (
    *NEEDED, "kind", "parent_code", "valid_from", "valid_to", "successor_codes",
    "latitude", "longitude",
)  # fmt: skip
DEFAULT_MARK: Final = "*"
"""After the code of the default successor, where there are several."""


@dataclass(slots=True)
class PlacesRead:
    """What a source holds, and what was wrong with its shape."""

    source: str = ""
    rows: list[PlaceRow] = field(default_factory=list)
    successors: list[SuccessorRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_csv(content: bytes, source: str) -> PlacesRead:
    """Read a table; whatever is wrong with it stands in `problems`, nothing is raised."""
    read = PlacesRead(source)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start : error.start + 1].hex()
        read.problems.append(Problem(line, "file", "UTF-8", f"byte 0x{byte}"))
        return read
    _take_table(read, text)
    return read


def _take_table(read: PlacesRead, text: str) -> None:
    """Take every record; a record's line is that on which it begins."""
    records = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(records, [])]
        if not _takes_header(read, header):
            return
        line = records.line_num + 1
        for record in records:
            if any(record):
                _take_record(read, header, record, line)
            line = records.line_num + 1
    except csv.Error as error:
        read.problems.append(Problem(records.line_num, "file", "CSV (RFC 4180)", str(error)))


def _takes_header(read: PlacesRead, header: list[str]) -> bool:
    for name in NEEDED:
        if name not in header:
            read.problems.append(Problem(1, "columns", f"with {name}", ",".join(header)))
    for number, name in enumerate(header):
        if name not in COLUMNS or name in header[:number]:
            limit = f"each once, of {', '.join(COLUMNS)}"
            read.problems.append(Problem(1, "columns", limit, name))
    return not read.problems


def _take_record(read: PlacesRead, header: list[str], record: list[str], line: int) -> None:
    if len(record) != len(header):
        limit = f"{len(header)} columns as in the first line"
        read.problems.append(Problem(line, "columns", limit, str(len(record))))
        return
    cells = (cell.strip() for cell in record)
    _take(read, dict(zip(header, cells, strict=True)), line)


def _take(read: PlacesRead, cells: dict[str, str], line: int) -> None:
    row = PlaceRow(
        code=cells["code"],
        name=cells["name"],
        level=cells["level"],
        kind=cells.get("kind", ""),
        parent=parse_ref(cells["parent_code"]) if cells.get("parent_code") else None,
        valid_from=cells.get("valid_from") or EARLIEST,
        valid_to=cells.get("valid_to") or None,
        latitude=_degrees(read, cells, "latitude", line),
        longitude=_degrees(read, cells, "longitude", line),
        line=line,
    )
    read.rows.append(row)
    codes = cells.get("successor_codes", "").replace(";", " ").split()
    for code in codes:
        is_default = code.endswith(DEFAULT_MARK) or len(codes) == 1
        named = parse_ref(code.removesuffix(DEFAULT_MARK))
        read.successors.append(SuccessorRow(row.key, named, is_default, line))


def parse_ref(text: str) -> Ref:
    """Read `CODE` or `LEVEL:CODE`."""
    level, colon, code = text.partition(":")
    return Ref(code.strip(), level.strip()) if colon else Ref(text)


def _degrees(read: PlacesRead, cells: dict[str, str], name: str, line: int) -> float | None:
    text = cells.get(name, "")
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        read.problems.append(Problem(line, name, "degrees with a decimal point", text))
        return None
