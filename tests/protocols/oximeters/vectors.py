"""Reads the shared vectors (tests/vectors/README.md) and writes what was said in their form.

The TypeScript decoders read the same files, so nothing is said here that JSON cannot say.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from protocols.oximeters.said import Battery, Garbage, Oximetry, Said, StoredOximetry
from protocols.oximeters.stream import StreamParser
from protocols.reading import Quality

FOLDER: Final = Path(__file__).parents[2] / "vectors" / "oximeters"

Form = dict[str, Any]
"""One thing said, as the vectors write it."""


@dataclass(frozen=True, slots=True)
class Vector:
    """One line: what the device sends in which pieces, and what that says."""

    family: str
    name: str
    source: str
    chunks: tuple[bytes, ...]
    says: tuple[Form, ...]

    def __str__(self) -> str:
        return f"{self.family}: {self.name}"


def load_vectors(family: str) -> list[Vector]:
    """Return the vectors of one family, in the order of the file."""
    lines = (FOLDER / f"{family}.jsonl").read_text(encoding="utf-8").splitlines()
    return [_vector(family, json.loads(line)) for line in lines]


def families() -> list[str]:
    """Return the name of every family that has vectors."""
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def _vector(family: str, line: Form) -> Vector:
    return Vector(
        family=family,
        name=line["name"],
        source=line["source"],
        chunks=tuple(bytes.fromhex(chunk) for chunk in line["chunks"]),
        says=tuple(line["says"]),
    )


def said_of(parser: StreamParser, chunks: Iterable[bytes]) -> list[Said]:
    """Return everything that the pieces say, the end of the link included."""
    for chunk in chunks:
        parser.receive_data(chunk)
    return parser.finish()


def form_of(said: Said) -> Form:
    """Return one thing said in the form of the vectors."""
    match said:
        case Oximetry():
            return {
                "type": "oximetry",
                "spo2_percent": said.spo2_percent,
                "pulse_per_min": said.pulse_per_min,
                "perfusion_index_percent": said.perfusion_index_percent,
                "quality": quality_names(said.quality),
            }
        case StoredOximetry():
            return {
                "type": "stored",
                "record": said.record,
                "started_at": _instant(said.started_at),
                "ended_at": _instant(said.ended_at),
                "spo2_percent": said.spo2_percent,
                "pulse_per_min": said.pulse_per_min,
                "spo2_min_percent": said.spo2_min_percent,
                "quality": quality_names(said.quality),
            }
        case Battery():
            return {"type": "battery", "percent": said.percent, "low": said.low}
        case Garbage():
            return {"type": "garbage", "raw": said.raw.hex(), "reason": said.reason}


def quality_names(quality: Quality) -> list[str]:
    """Return the names of the flags that are set, in the order of their bits; good is empty."""
    return [str(flag.name) for flag in quality]


def forms_of(said: Iterable[Said], expected: Iterable[Form]) -> list[Form]:
    """Return `said` in the form of the vectors, without the reasons that `expected` leaves open."""
    forms = [form_of(one) for one in said]
    for form, wanted in zip(forms, expected, strict=False):
        if form["type"] == "garbage" and "reason" not in wanted:
            del form["reason"]
    return forms


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
