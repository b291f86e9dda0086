"""The places of Vietnam from the package `vietnamadminunits`: 34 provinces, 3,321 communes.

And, at wish, the 63 provinces, 696 districts and 10,035 communes before 1 July 2025 with what
became of each (Nghị quyết 202/2025/QH15 and the resolutions 1654 to 1687/NQ-UBTVQH15 of 2025).
Reads the package's data files only; its own modules, which load much more, are never imported.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib import metadata, resources, util
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from telehealth.errors import RefusedError
from telehealth.people.places_check import PlaceRow, Ref, SuccessorRow
from telehealth.people.places_csv import PlacesRead
from telehealth.people.places_tree import EARLIEST, Key
from telehealth.people.places_words import kind_of

NAME: Final = "vietnam"
PACKAGE: Final = "vietnamadminunits"
INSTALL: Final = "pip install 'telehealth-f0[places]'"
REFORM: Final = "2025-07-01"
"""The first day of the 34 provinces, the last of the districts before it."""
Days = tuple[str, str | None]
_NOW: Final[Days] = (REFORM, None)
_THEN: Final[Days] = (EARLIEST, REFORM)
_ROOT: Final = Ref("VN", "country")
_NEW: Final = "SELECT provinceCode, province, provinceKey, provinceLat, provinceLon, wardCode, ward, wardKey, wardLat, wardLon FROM admin_units ORDER BY wardCode"  # noqa: E501
_OLD: Final = "SELECT provinceCode, province, provinceKey, provinceLat, provinceLon, districtCode, district, districtKey, districtLat, districtLon, wardCode, ward, wardKey, wardLat, wardLon FROM admin_units_legacy ORDER BY districtCode, wardCode"  # noqa: E501


def read_vietnam(*, old: bool = False) -> PlacesRead:
    """Read the places from the installed package.

    Args:
        old: also those before the reform, with their successors.

    Raises:
        RefusedError: the package is not there, or does not hold what is read here.
    """
    spec = util.find_spec(PACKAGE)
    if spec is None:
        raise RefusedError("SOURCE", f"needs the package {PACKAGE}: {INSTALL}", NAME)
    version = metadata.version(PACKAGE)
    folder = resources.files(util.module_from_spec(spec)) / "data"
    try:
        return _read(folder, f"{PACKAGE} {version}", old=old)
    except (sqlite3.Error, OSError, KeyError, TypeError, ValueError) as error:
        limit = f"{PACKAGE} 1.0.4, or a later one with the same data files ({error})"
        raise RefusedError("SOURCE", limit, version) from error


def _read(folder: Traversable, source: str, *, old: bool) -> PlacesRead:
    with resources.as_file(folder / "dataset.db") as path:
        new_units = list(_units(path, _NEW))
        old_units = list(_units(path, _OLD)) if old else []
    rows = {row.key: row for row in _today(new_units)}
    read = PlacesRead(source)
    if old:
        rows |= {row.key: row for row in _before(old_units)}
        mapping = json.loads((folder / "converter_2025.json").read_text(encoding="utf-8"))
        read.successors = list(_successors(mapping, new_units, old_units))
    read.rows = list(rows.values())
    return read


def _units(path: Path, sql: str) -> Iterator[dict[str, Any]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        for row in connection.execute(sql):
            yield dict(row)


def _row(unit: dict[str, Any], what: str, level: str, parent: Ref, days: Days) -> PlaceRow:
    name, (valid_from, valid_to) = unit[what], days
    return PlaceRow(
        code=unit[f"{what}Code"],
        name=name,
        level=level,
        kind=kind_of(name),
        parent=parent,
        valid_from=valid_from,
        valid_to=valid_to,
        latitude=unit[f"{what}Lat"],
        longitude=unit[f"{what}Lon"],
    )


def _today(units: list[dict[str, Any]]) -> Iterator[PlaceRow]:
    yield PlaceRow(code=_ROOT.code, name="Việt Nam", level=_ROOT.level)
    for unit in units:
        yield _row(unit, "province", "province", _ROOT, _NOW)
        province = Ref(unit["provinceCode"], "province")
        yield _row(unit, "ward", "commune", province, _NOW)


def _before(units: list[dict[str, Any]]) -> Iterator[PlaceRow]:
    """Yield the old places; five island districts have no commune."""
    for unit in units:
        yield _row(unit, "province", "province", _ROOT, _THEN)
        province = Ref(unit["provinceCode"], "province")
        yield _row(unit, "district", "district", province, _THEN)
        if unit["wardCode"] is not None:
            district = Ref(unit["districtCode"], "district")
            yield _row(unit, "ward", "commune", district, _THEN)


def _successors(
    mapping: dict[str, Any], new: list[dict[str, Any]], old: list[dict[str, Any]]
) -> Iterator[SuccessorRow]:
    """Yield what became of each old province and commune; its default is the package's."""
    communes = {(u["provinceKey"], u["wardKey"]): Ref(u["wardCode"], "commune") for u in new}
    provinces = {u["provinceKey"]: Ref(u["provinceCode"], "province") for u in new}
    were: dict[str, Key] = {}
    for unit in old:
        were[unit["provinceKey"]] = ("province", unit["provinceCode"], EARLIEST)
        path = f"{unit['provinceKey']}_{unit['districtKey']}_{unit['wardKey'] or ''}"
        island = ("district", unit["districtCode"], EARLIEST)
        were[path] = ("commune", unit["wardCode"], EARLIEST) if unit["wardCode"] else island
    for province, merged in mapping["DICT_PROVINCE"].items():
        for key in merged:
            yield SuccessorRow(were[key], provinces[province], is_default=True)
    for province, wards in mapping["DICT_PROVINCE_WARD_NO_DIVIDED"].items():
        for ward, merged in wards.items():
            for key in merged:
                yield SuccessorRow(were[key], communes[province, ward], is_default=True)
    for province, wards in mapping["DICT_PROVINCE_WARD_DIVIDED"].items():
        for key, parts in wards.items():
            for part in parts:
                ref = communes[province, part["newWardKey"]]
                yield SuccessorRow(were[key], ref, is_default=part["isDefaultNewWard"])
