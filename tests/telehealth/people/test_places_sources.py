"""Where places come from: tables, boundaries, the maintained package of Vietnam's places."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telehealth.errors import RefusedError
from telehealth.people import places, places_commands, places_import, places_vietnam
from telehealth.people.places_boundaries import BoundariesRead, read_geojson
from telehealth.people.places_check import PlaceRow, PlacesRefusedError, Problem, Ref, plan
from telehealth.people.places_csv import PlacesRead, read_csv
from telehealth.settings import Settings
from telehealth.store.database import Database, Reader

HEADER = "code,name,level"


def of(text: str) -> PlacesRead:
    return read_csv(text.encode(), "x.csv")


def test_a_table_is_read_whole() -> None:
    read = read_csv(
        "\ufeffname,code,level,kind,parent_code,valid_from,valid_to,successor_codes,"
        "latitude,longitude\r\n"
        '"Xã ""Một"", cũ",1,commune,xã,province:7,2000-01-01,2025-07-01,commune:2*; 3,21.5,105\r\n'
        "\r\n"
        ",,,,,,,,,\r\n"
        " Xã Hai ,2,commune,,,,,4,,\r\n".encode(),
        "x.csv",
    )
    assert read.problems == []
    assert read.rows == [
        PlaceRow("1", 'Xã "Một", cũ', "commune", "xã",
                 Ref("7", "province"), "2000-01-01", "2025-07-01", 21.5, 105.0, 2),
        PlaceRow("2", "Xã Hai", "commune", line=5),
    ]  # fmt: skip
    assert [(one.successor, one.is_default, one.line) for one in read.successors] == [
        (Ref("2", "commune"), True, 2),
        (Ref("3"), False, 2),
        (Ref("4"), True, 5),
    ]


def test_a_line_is_counted_where_its_record_begins() -> None:
    read = of(f'{HEADER}\n1,"Xã\nMột",commune\n2,Xã Hai\n')
    assert [row.line for row in read.rows] == [2]
    assert read.problems == [Problem(4, "columns", "3 columns as in the first line", "2")]


@pytest.mark.parametrize(
    ("content", "line", "field"),
    [
        (b"", 1, "columns"),
        (b"code,name\n", 1, "columns"),
        (b"code,name,level,colour\n", 1, "columns"),
        (b"code,name,level,code\n", 1, "columns"),
        (b"code,name,level\n1,X\xff,commune\n", 2, "file"),
        (b'code,name,level\n1,"X" y,commune\n', 2, "file"),
        (b"code,name,level,latitude\n1,X,commune,12d\n", 2, "latitude"),
        (b"code,name,level\n1," + b"x" * 140_000 + b",commune\n", 2, "file"),
    ],
)
def test_a_table_of_wrong_shape_is_named(content: bytes, line: int, field: str) -> None:
    first = read_csv(content, "x.csv").problems[0]
    assert (first.line, first.field) == (line, field)


@pytest.mark.asvs("5.2.2")
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: f"{HEADER}\n{t}".encode()))
def test_any_table_is_read_or_refused(content: bytes) -> None:
    read = read_csv(content, "x.csv")
    try:
        plan(read.rows, read.successors, found=read.problems)
    except PlacesRefusedError as refused:
        assert refused.problems  # noqa: PT017 - either way is right, nothing else is
    else:
        assert read.problems == []


NAMES = ["type", "coordinates"]
RING = [[105, 22], [106, 22], [106, 23], [105, 22]]


def geo(geometry: Any, **properties: Any) -> bytes:
    found = {"code": "1", **properties}
    one = {"type": "Feature", "id": 7, "properties": found, "geometry": geometry}
    return json.dumps({"type": "FeatureCollection", "features": [one]}).encode()


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


@pytest.mark.parametrize(
    "geometry",
    [
        polygon(RING),
        polygon([[-180, -90], [180, -90], [180, 90], [-180, -90]]),
        polygon(RING, [[*at, 12.5] for at in RING]),
        {"type": "MultiPolygon", "coordinates": [[RING], [RING, RING]]},
        polygon(RING) | {"bbox": [105, 22, 106, 23]},
    ],
)
def test_a_sound_boundary_is_taken(geometry: Any) -> None:
    read = read_geojson(geo(geometry), "x")
    assert read.problems == []
    kept = json.loads(read.boundaries[0].geometry)
    assert set(kept) == {"type", "coordinates"}
    assert kept["type"] == geometry["type"]


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        {"type": "Point", "coordinates": [105, 22]},
        {"type": "Polygon"},
        polygon(),
        {"type": "MultiPolygon", "coordinates": []},
        {"type": "MultiPolygon", "coordinates": [[]]},
        polygon([]),
        polygon(RING[1:]),
        polygon([*RING[:3], [105, 22.0001]]),
        polygon([[180.1, 22], *RING[1:3], [180.1, 22]]),
        polygon([[105, 90.1], *RING[1:3], [105, 90.1]]),
        polygon([[105], *RING[1:3], [105]]),
        polygon([[105, 22, 1, 1], *RING[1:3], [105, 22, 1, 1]]),
        polygon([["105", 22], *RING[1:3], ["105", 22]]),
    ],
)
def test_a_wrong_geometry_is_named_with_its_feature(geometry: Any) -> None:
    read = read_geojson(geo(geometry), "x")
    assert [(one.line, one.field) for one in read.problems] == [(1, "geometry")]
    assert read.boundaries == []


@pytest.mark.parametrize("wrong", [{"code": 1}, {"code": ""}, {"level": "region"}, {"level": []}])
def test_a_feature_without_a_code_is_named(wrong: dict[str, Any]) -> None:
    read = read_geojson(geo(polygon(RING), **wrong), "x")
    assert [(one.line, one.field) for one in read.problems] == [(1, "properties")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"type":"FeatureCollection"}',
        b'{"type":"Feature","features":[]}',
        b"\xff",
        b"[" * 100_000,
        b'{"type":"FeatureCollection","features":[{"type":"Feature"}]}',
    ],
)
def test_what_is_no_collection_is_refused(content: bytes) -> None:
    assert [one.line for one in read_geojson(content, "x").problems] == [0]


def test_a_feature_of_another_type_or_a_second_of_one_code_is_named() -> None:
    one = json.loads(geo(polygon(RING)))
    one["features"] += [one["features"][0], one["features"][0] | {"type": "Topology"}]
    read = read_geojson(json.dumps(one).encode(), "x")
    assert [(p.line, p.field) for p in read.problems] == [(2, "code"), (3, "type")]


def test_positions_are_bounded() -> None:
    content = geo(polygon(RING))
    assert read_geojson(content, "x", max_positions=4).problems == []
    assert [p.field for p in read_geojson(content, "x", max_positions=3).problems] == ["geometry"]


@pytest.mark.asvs("5.2.2")
@given(st.binary(max_size=100) | st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=8,
).map(geo))  # fmt: skip
def test_any_boundaries_are_read_or_refused(content: bytes) -> None:
    read = read_geojson(content, "x")
    assert isinstance(read, BoundariesRead)
    assert read.problems or len(read.boundaries) == 1


@pytest.mark.parametrize("source", ["nowhere.csv", "places.xlsx", "", "vietnam2"])
def test_a_source_that_is_none_is_refused(source: str) -> None:
    with pytest.raises(RefusedError, match="SOURCE"):
        places_import.read_source(source)


def test_the_old_tree_goes_with_vietnam_alone(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="--old"):
        places_import.read_source(str(tmp_path / "x.csv"), old=True)


@pytest.mark.asvs("5.2.1")
def test_a_file_may_be_as_large_as_the_limit_and_no_larger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"{HEADER}\n1,Xã,commune\n")
    monkeypatch.setattr(places_import, "MAX_FILE_BYTES", path.stat().st_size)
    read = places_import.read_source(str(path))
    assert isinstance(read, PlacesRead)
    assert len(read.rows) == 1
    monkeypatch.setattr(places_import, "MAX_FILE_BYTES", path.stat().st_size - 1)
    with pytest.raises(RefusedError, match="at most"):
        places_import.read_source(str(path))


def test_a_missing_package_is_one_line_that_names_its_installation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places_vietnam, "PACKAGE", "vietnamadminunits_not_there")
    with pytest.raises(RefusedError, match=r"pip install 'telehealth-f0\[places\]'") as refused:
        places_import.read_source("vietnam")
    assert "\n" not in str(refused.value)


async def test_the_commands_import_find_and_list(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text(
        "code,name,level,parent_code,valid_from,valid_to,successor_codes\n"
        "02,Tỉnh Hà Giang,province,,,2025-07-01,08\n08,Tỉnh Tuyên Quang,province,,2025-07-01,,\n"
        "1,Xã Một,commune,08,2025-07-01,,\n"
    )
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.sqlite'}")
    done = await places_commands.import_places(settings, str(path))
    assert str(done) == ("places.csv: 3 places added, 0 changed, 0 unchanged, 1 successors added")
    assert await places_commands.find(settings, "ha giang") == [
        "province:02\tTỉnh Hà Giang\t1900-01-01/2025-07-01",
        "\t→ Tỉnh Tuyên Quang",
    ]
    top = ["province:08\tTỉnh Tuyên Quang\t2025-07-01/.."]
    assert await places_commands.list_beneath(settings, "") == top
    beneath = ["commune:1\tXã Một, Tỉnh Tuyên Quang\t2025-07-01/.."]
    assert await places_commands.list_beneath(settings, "08") == beneath
    assert await places_commands.list_beneath(settings, "province:08") == beneath
    with pytest.raises(RefusedError, match="none"):
        await places_commands.list_beneath(settings, "commune:08")


def test_vietnam_has_34_provinces_and_3321_communes() -> None:
    read = places_vietnam.read_vietnam()
    levels = [row.level for row in read.rows]
    assert {level: levels.count(level) for level in levels} == {
        "country": 1, "province": 34, "commune": 3_321,
    }  # fmt: skip
    assert {row.kind for row in read.rows} == {
        "", "tỉnh", "thành phố", "phường", "xã", "đặc khu",
    }  # fmt: skip
    assert read.successors == []
    assert "vietnamadminunits" not in sys.modules


async def test_vietnam_before_2025_leads_to_today(database: Database) -> None:
    """Every old commune has one default successor; Hà Giang's lie in Tuyên Quang today."""
    read = places_import.read_source("vietnam", old=True)
    assert isinstance(read, PlacesRead)
    done = await database.write(lambda tx: places_import.store(tx, read))
    assert done.places == places.Counts(14_150, 0, 0, 10_665)
    today = date(2026, 1, 1)

    def look(reader: Reader) -> None:
        counted = [(one.level, one.now, one.past) for one in places.counts_by_level(reader, today)]
        assert counted == [
            ("country", 1, 0), ("province", 34, 63), ("district", 0, 696),
            ("commune", 3_321, 10_035),
        ]  # fmt: skip
        without = reader.rows(
            "SELECT level, count(*) FROM place p WHERE valid_to IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM place_successor s WHERE s.place_id = p.place_id AND s.is_default)"
            " GROUP BY level"
        )
        assert without == [("district", 691)]
        old = reader.rows(
            "SELECT c.place_id FROM place p JOIN place_ancestor a ON a.ancestor_id = p.place_id"
            " JOIN place c ON c.place_id = a.place_id"
            " WHERE p.name = 'Tỉnh Hà Giang' AND c.level = 'commune'"
        )
        assert len(old) == 193
        branches = {places.branch_of(reader, row[0]) for row in old}
        assert [places.place(reader, one).name for one in branches] == ["Tỉnh Tuyên Quang"]
        found = places.find_by_path(reader, ["Hà Giang", "huyện Vị Xuyên", "xã Việt Lâm"], today)
        assert len(found) == 1
        assert [one.name for one in found[0].today] == ["Xã Việt Lâm", "Xã Vị Xuyên"]
        assert len(places.successors_of(reader, found[0].place.place_id)) == 2
        island = places.find_by_path(reader, ["Hải Phòng", "huyện Bạch Long Vĩ"], today)
        assert [one.today[0].name for one in island] == ["Đặc khu Bạch Long Vĩ"]

    await database.read(look)
