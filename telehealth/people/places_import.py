"""An import of places or boundaries, from the name of a source to one transaction."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from telehealth.errors import RefusedError
from telehealth.people.places_boundaries import BoundariesRead, Boundary, read_geojson
from telehealth.people.places_check import PlacesRefusedError
from telehealth.people.places_csv import PlacesRead, read_csv
from telehealth.people.places_store import Counts, add_places, nodes
from telehealth.people.places_tree import Node
from telehealth.people.places_vietnam import NAME, read_vietnam
from telehealth.store.database import Row, Transaction

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
_TABLES: Final = (".csv",)
_MAPS: Final = (".geojson", ".json")


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, for the operator."""

    source: str
    places: Counts | None = None
    boundaries: int = 0
    unknown: tuple[str, ...] = ()
    """Boundaries that fit no place that is there, one line each; they were left out."""

    def __str__(self) -> str:
        if self.places is None:
            lines = [f"{self.source}: {self.boundaries} boundaries stored"]
        else:
            done = self.places
            lines = [
                f"{self.source}: {done.added} places added, {done.changed} changed,"
                f" {done.unchanged} unchanged, {done.successors} successors added"
            ]
        return "\n".join([*lines, *(f"  left out: {one}" for one in self.unknown)])


def read_source(source: str, *, old: bool = False) -> PlacesRead | BoundariesRead:
    """Read `vietnam`, a .csv table or a .geojson (.json) file of boundaries.

    Raises:
        RefusedError: no such source, or too large a file.
    """
    if source == NAME:
        return read_vietnam(old=old)
    if old:
        raise RefusedError("--old", f"goes with {NAME}", source)
    path = Path(source)
    if path.suffix.lower() not in (*_TABLES, *_MAPS):
        raise RefusedError("SOURCE", f"{NAME}, or a .csv, .geojson or .json file", source)
    if not path.is_file():
        raise RefusedError("SOURCE", "a file that is there", source)
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise RefusedError("SOURCE", f"at most {MAX_FILE_BYTES} bytes", path.stat().st_size)
    read = read_csv if path.suffix.lower() in _TABLES else read_geojson
    return read(content, path.name)


def store(tx: Transaction, read: PlacesRead | BoundariesRead) -> Imported:
    """Write what a source holds, or nothing.

    Raises:
        PlacesRefusedError: every problem of the source.
    """
    if isinstance(read, BoundariesRead):
        return add_boundaries(tx, read)
    counts = add_places(tx, read.rows, read.successors, source=read.source, found=read.problems)
    return Imported(read.source, counts)


def add_boundaries(tx: Transaction, read: BoundariesRead) -> Imported:
    """Store boundaries with the places of their codes that have not ended.

    Raises:
        PlacesRefusedError: a geometry or a name is wrong; nothing was written.
    """
    if read.problems:
        raise PlacesRefusedError(read.problems)
    by_code: defaultdict[str, list[Node]] = defaultdict(list)
    for node in nodes(tx):
        if node.valid_to is None:
            by_code[node.code].append(node)
    fitting: dict[str, Boundary] = {}
    unknown: list[str] = []
    for boundary in read.boundaries:
        ref = boundary.place
        found = [node for node in by_code[ref.code] if ref.level in ("", node.level)]
        if len(found) == 1 and found[0].place_id not in fitting:
            fitting[found[0].place_id] = boundary
        else:
            unknown.append(f"feature {boundary.feature}: {ref} {_why(found)}")
    rows: Sequence[Row] = [(boundary.geometry, key) for key, boundary in fitting.items()]
    tx.update("place", "place_id", ("boundary",), rows)
    return Imported(read.source, None, len(fitting), tuple(unknown))


def _why(found: Sequence[Node]) -> str:
    if not found:
        return "is no place that is there"
    if len(found) == 1:
        return "has a boundary in this file already"
    return f"is several places, name the level: {', '.join(node.level for node in found)}"
