"""Boundaries of places from GeoJSON (RFC 7946), checked and written small.

Pure. A feature names its place by the property `code`, and by `level` where the code alone is not
enough. Positions are kept to six decimals, about 0.1 m, without their height.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from telehealth.people.places_check import Problem, Ref
from telehealth.people.places_tree import RANK

MAX_POSITIONS: Final = 2_000_000
_DECIMALS: Final = 6
_RING: Final = 4
"""RFC 7946 §3.1.6: a linear ring has four or more positions, the last equal to the first."""

Position = list[float]
Rings = list[list[Position]]


class _Feature(msgspec.Struct):
    """RFC 7946 §3.2; whatever else it holds is left aside."""

    type: str
    geometry: msgspec.Raw
    properties: dict[str, Any] | None = None


class _Collection(msgspec.Struct):
    """RFC 7946 §3.3."""

    type: str
    features: list[_Feature]


class Polygon(msgspec.Struct, tag_field="type", tag="Polygon"):
    """RFC 7946 §3.1.6: the outer ring, then its holes."""

    coordinates: Rings


class MultiPolygon(msgspec.Struct, tag_field="type", tag="MultiPolygon"):
    """RFC 7946 §3.1.7."""

    coordinates: list[Rings]


_COLLECTION: Final = msgspec.json.Decoder(_Collection)
_GEOMETRY: Final = msgspec.json.Decoder(Polygon | MultiPolygon)
_ENCODER: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Boundary:
    """The boundary of one place."""

    place: Ref
    geometry: bytes
    """A GeoJSON geometry, without a space."""
    feature: int


@dataclass(slots=True)
class BoundariesRead:
    """What a file holds, and what was wrong with it; a problem's line is the feature's number."""

    source: str = ""
    boundaries: list[Boundary] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_geojson(
    content: bytes, source: str, *, max_positions: int = MAX_POSITIONS
) -> BoundariesRead:
    """Read a FeatureCollection; whatever is wrong stands in `problems`, nothing is raised."""
    read = BoundariesRead(source)
    try:
        collection = _COLLECTION.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        read.problems.append(Problem(0, "file", "a FeatureCollection (RFC 7946 §3.3)", str(error)))
        return read
    if collection.type != "FeatureCollection":
        read.problems.append(Problem(0, "type", "FeatureCollection", collection.type))
        return read
    left = max_positions
    seen: dict[Ref, int] = {}
    for number, feature in enumerate(collection.features, start=1):
        left -= _take(read, feature, number, seen)
        if left < 0:
            limit = f"at most {max_positions} positions in a file"
            read.problems.append(Problem(number, "geometry", limit, "more"))
            return read
    return read


def _take(read: BoundariesRead, feature: _Feature, number: int, seen: dict[Ref, int]) -> int:
    """Take one feature; returns how many positions it had."""

    def wrong(field_: str, limit: str, value: object) -> None:
        read.problems.append(Problem(number, field_, limit, str(value)))

    if feature.type != "Feature":
        wrong("type", "Feature", feature.type)
        return 0
    ref = _named(feature)
    if ref is None:
        wrong("properties", "a code and, if any, a known level, as text", feature.properties)
    elif (first := seen.setdefault(ref, number)) != number:
        wrong("code", f"once in a file, as in feature {first}", ref)
    try:
        geometry = _GEOMETRY.decode(feature.geometry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        wrong("geometry", "a Polygon or MultiPolygon (RFC 7946 §3.1)", error)
        return 0
    polygons = [geometry.coordinates] if isinstance(geometry, Polygon) else geometry.coordinates
    problem = _first_problem(polygons)
    if problem:
        wrong("geometry", *problem)
    elif ref is not None:
        _shorten(polygons)
        read.boundaries.append(Boundary(ref, _ENCODER.encode(geometry), number))
    return sum(len(ring) for rings in polygons for ring in rings)


def _named(feature: _Feature) -> Ref | None:
    properties = feature.properties or {}
    code, level = properties.get("code"), properties.get("level")
    if not isinstance(code, str) or not code or level not in (None, "", *RANK):
        return None
    return Ref(code, level or "")


def _first_problem(polygons: list[Rings]) -> tuple[str, object] | None:
    """Return the limit that is passed first, and the value."""
    if not polygons or not all(polygons):
        return "at least one ring in each polygon", len(polygons)
    for rings in polygons:
        for ring in rings:
            if len(ring) < _RING:
                return f"at least {_RING} positions in a ring (§3.1.6)", len(ring)
            if ring[0] != ring[-1]:
                return "rings that end where they begin (§3.1.6)", f"{ring[0]} {ring[-1]}"
            wrong = next((position for position in ring if not _is_on_earth(position)), None)
            if wrong is not None:
                return "longitude -180 to 180, latitude -90 to 90 (§3.1.1, §4)", wrong
    return None


def _is_on_earth(position: Position) -> bool:
    return len(position) in (2, 3) and abs(position[0]) <= 180 and abs(position[1]) <= 90


def _shorten(polygons: list[Rings]) -> None:
    for rings in polygons:
        for ring in rings:
            ring[:] = [[round(at[0], _DECIMALS), round(at[1], _DECIMALS)] for at in ring]
