"""Places in the database: imported, found as people type them, followed to what they are today."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from telehealth.errors import NotFoundError
from telehealth.people import places
from telehealth.people.places_boundaries import read_geojson
from telehealth.people.places_check import PlaceRow, PlacesRefusedError, Problem, Ref, new_id
from telehealth.people.places_csv import PlacesRead, read_csv
from telehealth.people.places_import import store
from telehealth.people.places_store import (
    add_places,
    closure_is_due,
    day_in_vietnam,
    rebuild_closure,
)
from telehealth.store.database import Database, Reader, Transaction

BEFORE, ON, TODAY = date(2025, 6, 30), date(2025, 7, 1), date(2026, 11, 23)
HEADER = "code,name,level,kind,parent_code,valid_from,valid_to,successor_codes\n"
REFORM = (
    HEADER
    + """VN,Việt Nam,country,,,,,
02,Tỉnh Hà Giang,province,tỉnh,VN,,2025-07-01,province:08
08,Tỉnh Tuyên Quang,province,tỉnh,VN,2025-07-01,,
030,Huyện Vị Xuyên,district,huyện,02,,2025-07-01,
00892,Xã Việt Lâm,commune,xã,030,,2025-07-01,00892* 00847
00847,Thị trấn Vị Xuyên,commune,thị trấn,030,,2025-07-01,00847
00892,Xã Việt Lâm,commune,xã,08,2025-07-01,,
00847,Xã Vị Xuyên,commune,xã,08,2025-07-01,,
79,Thành phố Hồ Chí Minh,province,thành phố,VN,,,
26740,Phường 5,commune,phường,79,,,
26741,Phường 10,commune,phường,79,,,
26742,Phường Đông Hưng Thuận,commune,phường,79,,,
"""
).encode()


def table() -> PlacesRead:
    read = read_csv(REFORM, "reform.csv")
    assert read.problems == []
    return read


def an_id(level: str, code: str, since: str = "1900-01-01") -> str:
    return new_id((level, code, since))


OLD, NEW = an_id("commune", "00892"), an_id("commune", "00892", "2025-07-01")
OLD_TOWN, NEW_TOWN = an_id("commune", "00847"), an_id("commune", "00847", "2025-07-01")
HA_GIANG, TUYEN_QUANG = an_id("province", "02"), an_id("province", "08", "2025-07-01")
DISTRICT, SAIGON = an_id("district", "030"), an_id("province", "79")


@pytest.fixture
async def reformed(database: Database) -> Database:
    """Return a database with a small country before and after its reform."""
    await database.write(lambda tx: store(tx, table()))
    return database


async def test_the_same_import_again_changes_nothing(reformed: Database) -> None:
    def snapshot(reader: Reader) -> list[object]:
        tables = ("place", "place_ancestor", "place_successor")
        return [sorted(reader.rows(f"SELECT * FROM {t}"), key=str) for t in tables]  # noqa: S608

    before = await reformed.read(snapshot)
    again = await reformed.write(lambda tx: store(tx, table()))
    assert again.places == places.Counts(added=0, changed=0, unchanged=12, successors=0)
    assert await reformed.read(snapshot) == before


async def test_a_changed_row_changes_its_place_and_keeps_its_id(reformed: Database) -> None:
    row = PlaceRow("26740", "Phường Năm", "commune", "phường", Ref("79"), latitude=10.8,
                   longitude=106.6)  # fmt: skip
    counts = await reformed.write(lambda tx: add_places(tx, [row], source="desk"))
    assert counts == places.Counts(0, 1, 0, 0)
    await reformed.write(lambda tx: add_places(tx, [replace(row, latitude=None, longitude=None)]))
    found = await reformed.read(lambda r: places.place(r, an_id("commune", "26740")))
    assert (found.name, found.latitude, found.longitude) == ("Phường Năm", 10.8, 106.6)
    assert await reformed.read(lambda r: places.find_places(r, "phuong nam")) == [found]


async def test_an_import_with_a_problem_writes_nothing(database: Database) -> None:
    read = table()
    read.rows.append(PlaceRow("1", "Xã Lạc", "commune", parent=Ref("none"), line=99))
    read.problems.append(Problem(14, "latitude", "degrees", "x"))
    with pytest.raises(PlacesRefusedError) as refused:
        await database.write(lambda tx: store(tx, read))
    assert [problem.line for problem in refused.value.problems] == [14, 99]
    assert await database.read(lambda r: r.rows("SELECT count(*) FROM place")) == [(0,)]


async def test_a_later_import_may_hang_a_place_under_one_that_is_there(reformed: Database) -> None:
    village = PlaceRow("tx-1", "Thôn Một", "village", "thôn", Ref("00892"), "2025-07-01")
    await reformed.write(lambda tx: add_places(tx, [village]))
    found = await reformed.read(lambda r: places.children(r, NEW))
    assert [one.name for one in found] == ["Thôn Một"]
    paths = await reformed.read(lambda r: places.path_names(r, [found[0].place_id, OLD, "pl-no"]))
    assert paths == {
        found[0].place_id: "Thôn Một, Xã Việt Lâm, Tỉnh Tuyên Quang",
        OLD: "Xã Việt Lâm, Huyện Vị Xuyên, Tỉnh Hà Giang",
    }


async def test_the_country_alone_is_its_own_path(reformed: Database) -> None:
    country = an_id("country", "VN")
    assert await reformed.read(lambda r: places.path_names(r, [country])) == {country: "Việt Nam"}


async def test_the_closure_follows_parents_and_the_default_successor(reformed: Database) -> None:
    def above(reader: Reader, place_id: str) -> dict[str, int]:
        sql = "SELECT ancestor_id, depth FROM place_ancestor WHERE place_id = ?"
        return {row[0]: row[1] for row in reader.rows(sql, (place_id,))}

    country = an_id("country", "VN")
    assert await reformed.read(lambda r: above(r, OLD)) == {
        OLD: 0, DISTRICT: 1, HA_GIANG: 2, NEW: 1, TUYEN_QUANG: 2, country: 3,
    }  # fmt: skip
    assert await reformed.read(lambda r: above(r, NEW)) == {NEW: 0, TUYEN_QUANG: 1, country: 2}


async def test_a_merger_to_come_moves_the_closure_on_its_day(reformed: Database) -> None:
    await reformed.write(lambda tx: rebuild_closure(tx, BEFORE))
    assert await reformed.read(lambda r: closure_is_due(r, BEFORE)) is False
    assert await reformed.read(lambda r: closure_is_due(r, ON)) is True
    assert await reformed.write(lambda tx: rebuild_closure(tx, ON)) == 4
    assert await reformed.read(lambda r: closure_is_due(r, ON)) is False
    assert await reformed.write(lambda tx: rebuild_closure(tx, ON)) == 0


async def test_a_successor_that_is_named_anew_takes_the_place_of_the_old_ones(
    reformed: Database,
) -> None:
    lines = HEADER + "00892,Xã Việt Lâm,commune,xã,030,,2025-07-01,00847\n"
    done = await reformed.write(lambda tx: store(tx, read_csv(lines.encode(), "x.csv")))
    assert done.places is not None
    assert done.places.successors == 0
    today = await reformed.read(lambda r: places.today_of(r, OLD, TODAY))
    assert [one.place_id for one in today] == [NEW_TOWN]


@pytest.mark.parametrize(
    ("place_id", "branch"),
    [(OLD, TUYEN_QUANG), (DISTRICT, TUYEN_QUANG), (HA_GIANG, TUYEN_QUANG), (NEW, TUYEN_QUANG),
     (SAIGON, SAIGON), (an_id("commune", "26740"), SAIGON),
     (an_id("country", "VN"), an_id("country", "VN"))],
)  # fmt: skip
async def test_the_branch_of_an_old_place_is_todays_province(
    reformed: Database, place_id: str, branch: str
) -> None:
    assert await reformed.read(lambda r: places.branch_of(r, place_id)) == branch


async def test_an_unknown_place_is_not_found(reformed: Database) -> None:
    with pytest.raises(NotFoundError):
        await reformed.read(lambda r: places.place(r, "pl-nowhere"))
    with pytest.raises(NotFoundError):
        await reformed.read(lambda r: places.branch_of(r, "pl-nowhere"))
    with pytest.raises(NotFoundError):
        await reformed.read(lambda r: places.place(r, "pl-\x00"))


@pytest.mark.parametrize(
    ("place_id", "on", "today"),
    [
        (OLD, BEFORE, [OLD]),
        (OLD, ON, [NEW, NEW_TOWN]),
        (OLD_TOWN, ON, [NEW_TOWN]),
        (NEW, TODAY, [NEW]),
        (DISTRICT, BEFORE, [DISTRICT]),
        (DISTRICT, ON, [TUYEN_QUANG]),
    ],
)
async def test_what_a_place_is_on_a_day(
    reformed: Database, place_id: str, on: date, today: list[str]
) -> None:
    found = await reformed.read(lambda r: places.today_of(r, place_id, on))
    assert [one.place_id for one in found] == today


async def test_successors_are_followed_through_a_second_merger(reformed: Database) -> None:
    lines = (
        HEADER
        + "00892,Xã Việt Lâm,commune,xã,08,2025-07-01,2027-01-01,00900\n"
        + "00900,Phường Việt Lâm,commune,phường,08,2027-01-01,,\n"
    )
    await reformed.write(lambda tx: store(tx, read_csv(lines.encode(), "x.csv")))
    later = await reformed.read(lambda r: places.today_of(r, OLD, date(2027, 1, 1)))
    assert [one.name for one in later] == ["Phường Việt Lâm", "Xã Vị Xuyên"]
    sooner = await reformed.read(lambda r: places.today_of(r, OLD, date(2026, 12, 31)))
    assert [one.name for one in sooner] == ["Xã Việt Lâm", "Xã Vị Xuyên"]


async def test_succession_is_shown_from_both_ends(reformed: Database) -> None:
    after = await reformed.read(lambda r: places.successors_of(r, OLD))
    assert [(one.place.place_id, one.is_default) for one in after] == [
        (NEW, True),
        (NEW_TOWN, False),
    ]
    before = await reformed.read(lambda r: places.predecessors_of(r, NEW_TOWN))
    assert [(one.place.place_id, one.is_default) for one in before] == [
        (OLD_TOWN, True),
        (OLD, False),
    ]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("viet lam", NEW),
        ("VIỆT LÂM", NEW),
        ("xã việt", NEW),
        ("lam viet", NEW),
        ("viet lam, ha giang", OLD),
        ("viet lam, vi xuyen, ha giang", OLD),
        ("xa vi xuyen", NEW_TOWN),
        ("thi tran vi xuyen", OLD_TOWN),
        ("tt vi xuyen", OLD_TOWN),
        ("tphcm", SAIGON),
        ("p5, hcm", an_id("commune", "26740")),
        ("dong hung thuan", an_id("commune", "26742")),
        ("0089", NEW),
        ("79", SAIGON),
        ("vn", an_id("country", "VN")),
    ],
)
async def test_a_place_is_found_as_people_type_it(
    reformed: Database, text: str, first: str
) -> None:
    found = await reformed.read(lambda r: places.find_places(r, text))
    assert found[0].place_id == first


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ",",
        "%",
        "_",
        "!",
        "viet lam, sai gon",
        "iet lam",
        "x" * 5_000,
        "'; --",
        "\x00",
        "\x00 %",
    ],
)
async def test_what_names_nothing_finds_nothing(reformed: Database, text: str) -> None:
    assert await reformed.read(lambda r: places.find_places(r, text)) == []


async def test_the_accents_that_were_typed_come_first(reformed: Database) -> None:
    names = {"a": "Xã Tấn", "b": "Xã Tân"}
    rows = [PlaceRow(code, name, "commune", parent=Ref("79")) for code, name in names.items()]
    await reformed.write(lambda tx: add_places(tx, rows))
    found = await reformed.read(lambda r: places.find_places(r, "tân"))
    assert [one.name for one in found] == ["Xã Tân", "Xã Tấn"]


async def test_a_search_is_bound_to_a_day_a_place_and_a_number(reformed: Database) -> None:
    def look(reader: Reader) -> list[list[str]]:
        return [
            [one.place_id for one in found]
            for found in (
                places.find_places(reader, "viet lam", on=TODAY),
                places.find_places(reader, "viet lam", on=BEFORE),
                places.find_places(reader, "viet lam", within=TUYEN_QUANG),
                places.find_places(reader, "viet lam", within=HA_GIANG),
                places.find_places(reader, "viet lam", within=SAIGON),
                places.find_places(reader, "viet lam", limit=1),
                places.find_places(reader, "viet lam", limit=0),
            )
        ]

    assert await reformed.read(look) == [[NEW], [OLD], [NEW, OLD], [OLD], [], [NEW], []]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["tỉnh Hà Giang", "huyện Vị Xuyên", "xã Việt Lâm"], [(OLD, [NEW, NEW_TOWN])]),
        (["Hà Giang", "Việt Lâm"], [(OLD, [NEW, NEW_TOWN])]),
        (["T. Hà Giang", "H. Vị Xuyên", "phường Việt Lâm"], [(OLD, [NEW, NEW_TOWN])]),
        (["Tuyên Quang", "Việt Lâm"], [(NEW, [NEW])]),
        (["Việt Lâm"], [(NEW, [NEW]), (OLD, [NEW, NEW_TOWN])]),
        (["Hà Giang", "huyện Vị Xuyên"], [(DISTRICT, [TUYEN_QUANG])]),
        (["Tuyên Quang", "huyện Vị Xuyên", "Việt Lâm"], []),
        (["Hà Giang", "Nơi Khác"], []),
        ([], []),
        (["", " "], []),
    ],
)
async def test_an_address_on_an_old_paper_leads_to_todays_commune(
    reformed: Database, names: list[str], found: list[tuple[str, list[str]]]
) -> None:
    located = await reformed.read(lambda r: places.find_by_path(r, names, TODAY))
    assert [(one.place.place_id, [t.place_id for t in one.today]) for one in located] == found


async def test_children_are_listed_by_name_and_number_of_a_day(reformed: Database) -> None:
    found = await reformed.read(lambda r: places.children(r, SAIGON))
    assert [one.name for one in found] == ["Phường 5", "Phường 10", "Phường Đông Hưng Thuận"]
    country = an_id("country", "VN")
    assert [one.place_id for one in await reformed.read(lambda r: places.children(r, None))] == [
        country
    ]
    now = await reformed.read(lambda r: places.children(r, country, TODAY))
    assert [one.place_id for one in now] == [SAIGON, TUYEN_QUANG]
    then = await reformed.read(lambda r: places.children(r, country, BEFORE))
    assert [one.place_id for one in then] == [HA_GIANG, SAIGON]


async def test_counts_tell_what_is_there_and_what_was(reformed: Database) -> None:
    found = await reformed.read(lambda r: places.counts_by_level(r, TODAY))
    assert [(one.level, one.now, one.past) for one in found] == [
        ("country", 1, 0), ("province", 2, 1), ("district", 0, 1), ("commune", 5, 2),
    ]  # fmt: skip
    assert {one.source for one in found} == {"reform.csv"}


SQUARE = [[105.0, 22.0], [105.1234567, 22.0], [105.1, 22.1], [105.0, 22.0]]


def feature(code: str, **properties: str) -> dict[str, object]:
    return {
        "type": "Feature",
        "properties": {"code": code, **properties},
        "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
    }


def collection(*features: dict[str, object]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


async def test_a_boundary_goes_to_the_place_that_is_there_and_an_unknown_code_is_listed(
    reformed: Database,
) -> None:
    read = read_geojson(collection(feature("00892"), feature("nope"), feature("030")), "x.geojson")
    done = await reformed.write(lambda tx: store(tx, read))
    assert done.boundaries == 1
    assert done.unknown == (
        "feature 2: nope is no place that is there",
        "feature 3: 030 is no place that is there",
    )
    kept = await reformed.read(
        lambda r: r.rows("SELECT place_id, boundary FROM place WHERE boundary IS NOT NULL")
    )
    assert [(place_id, json.loads(bytes(geometry))) for place_id, geometry in kept] == [
        (NEW, {"type": "Polygon",
               "coordinates": [[[105.0, 22.0], [105.123457, 22.0], [105.1, 22.1], [105.0, 22.0]]]}),
    ]  # fmt: skip
    await reformed.write(lambda tx: store(tx, table()))
    assert await reformed.read(lambda r: r.rows("SELECT count(boundary) FROM place")) == [(1,)]


async def test_a_code_of_two_levels_needs_its_level_and_one_place_takes_one_boundary(
    reformed: Database,
) -> None:
    site = PlaceRow("26740", "Trạm Phường 5", "site", parent=Ref("26740"))
    await reformed.write(lambda tx: add_places(tx, [site]))
    both = [feature("26740"), feature("26740", level="site"), feature("79"),
            feature("79", level="province")]  # fmt: skip
    done = await reformed.write(lambda tx: store(tx, read_geojson(collection(*both), "x")))
    assert done.boundaries == 2
    assert [line.split(":")[0] for line in done.unknown] == ["feature 1", "feature 4"]


async def test_one_wrong_geometry_keeps_every_boundary_out(reformed: Database) -> None:
    wrong = feature("79") | {"geometry": {"type": "Polygon", "coordinates": [SQUARE[:3]]}}
    read = read_geojson(collection(feature("00892"), wrong), "x")
    with pytest.raises(PlacesRefusedError, match="line 2: geometry"):
        await reformed.write(lambda tx: store(tx, read))
    assert await reformed.read(lambda r: r.rows("SELECT count(boundary) FROM place")) == [(0,)]


def test_a_day_begins_at_midnight_in_vietnam() -> None:
    assert day_in_vietnam(datetime(2025, 6, 30, 16, 59, 59, tzinfo=UTC)) == BEFORE
    assert day_in_vietnam(datetime(2025, 6, 30, 17, 0, tzinfo=UTC)) == ON


async def test_rows_made_in_code_need_no_lines(database: Database) -> None:
    def write(tx: Transaction) -> places.Counts:
        return places.add_places(
            tx, [PlaceRow("1", "Xã Một", "commune"), PlaceRow("2", "Xã Hai", "commune")]
        )

    assert (await database.write(write)).added == 2
